"""Pictures of gradients of connectivity."""

from __future__ import annotations

import numpy as np

from thrux.demo.connectopy import Connectopy, Maps
from thrux.demo.data import load_inflated
from thrux.demo.pictures import INK, new_figure, png
from thrux.gradients.picture import across, paint
from thrux.render import LATERAL, MEDIAL
from thrux.surface import Surface


def maps(result: Connectopy) -> bytes:
    """The first two gradients of the group and the first one of a person, from both sides of both hemispheres."""
    person = load_inflated()
    rows = [
        ("group, gradient 1", result.surfaces, result.group, 0),
        ("group, gradient 2", result.surfaces, result.group, 1),
        ("one person, gradient 1", person, result.person, 0),
    ]
    figure = new_figure(9.9, 5.9)
    grid = figure.subplots(len(rows), 4)
    figure.subplots_adjust(0.005, 0.005, 0.995, 0.955, 0.03, 0.16)
    for axes_row, (title, surfaces, found, number) in zip(grid, rows, strict=True):
        for axes, picture in zip(axes_row, _views(surfaces, found, number), strict=True):
            axes.imshow(picture)
            axes.axis("off")
        axes_row[0].set_title(title, color=INK, fontsize=11, loc="left")
    return png(figure)


def _views(surfaces: tuple[Surface, Surface], found: Maps, number: int) -> list[np.ndarray]:
    left, right = np.split(found.values[:, number], [len(surfaces[0].vertices)])
    low, high = np.nanpercentile(found.values[:, number], [2, 98])
    return [
        paint(surface, values, (float(low), float(high)), view)
        for surface, values, view in (
            (surfaces[0], left, LATERAL),
            (surfaces[0], left, MEDIAL),
            (surfaces[1], right, across(MEDIAL)),
            (surfaces[1], right, across(LATERAL)),
        )
    ]
