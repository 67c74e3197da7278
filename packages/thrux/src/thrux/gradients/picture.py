"""Pictures of gradients: on surfaces, or of regions in the plane of the first two."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from thrux.maps.structure import RIGHT
from thrux.render import LATERAL, MEDIAL, View, render
from thrux.surface import Surface

_DRAWN = 3  # maps on surfaces
_NAMED = 60  # regions; the names of more would hide each other
_COLOURS = "viridis"


def picture_of_regions(
    maps: Float[np.ndarray, "region k"],
    eigenvalues: Float[np.ndarray, " k"],
    left_out: Bool[np.ndarray, " region"],
    names: Sequence[str],
) -> bytes:
    """Each region by its first two gradients, and the eigenvalues of all."""
    figure = _figure(9.5, 4.6)
    plane, bars = figure.subplots(1, 2, width_ratios=[1.6, 1])
    first, second = maps[~left_out, 0], maps[~left_out, min(1, maps.shape[1] - 1)]
    plane.scatter(first, second, c=first, cmap=_COLOURS, s=22)
    if len(names) <= _NAMED:
        shown = [name for name, out in zip(names, left_out, strict=True) if not out]
        for at in zip(first, second, shown, strict=True):
            plane.annotate(at[2], at[:2], fontsize=6, xytext=(3, 2), textcoords="offset points")
    plane.set_xlabel("gradient 1")
    plane.set_ylabel("gradient 2")
    draw_eigenvalues(bars, eigenvalues)
    return _png(figure)


def picture_on_surfaces(
    surfaces: Sequence[tuple[str, Surface]],
    maps: Sequence[Float[np.ndarray, "vertex k"]],
    left_out: Sequence[Bool[np.ndarray, " vertex"]],
    eigenvalues: Float[np.ndarray, " k"],
) -> bytes:
    """The first maps from both sides of each surface; what is left out is grey."""
    rows = min(_DRAWN, len(eigenvalues))
    figure = _figure(5.2 * len(surfaces) + 0.3, 1.9 * rows + 0.2)
    axes = figure.subplots(rows, 2 * len(surfaces), squeeze=False)
    for n in range(rows):
        present = np.concatenate([one[~out, n] for one, out in zip(maps, left_out, strict=True)])
        ends = float(present.min()), float(present.max())
        column = 0
        for (structure, surface), one, out in zip(surfaces, maps, left_out, strict=True):
            for view in (LATERAL, MEDIAL):
                seen = across(view) if structure == RIGHT else view
                axes[n, column].imshow(paint(surface, np.where(out, np.nan, one[:, n]), ends, seen))
                axes[n, column].axis("off")
                column += 1
        axes[n, 0].set_title(f"gradient {n + 1}, eigenvalue {eigenvalues[n]:.3g}", fontsize=9, loc="left")
    return _png(figure)


def paint(
    surface: Surface,
    values: Float[np.ndarray, " vertex"],
    ends: tuple[float, float],
    view: View,
    *,
    height: int = 250,
) -> Float[np.ndarray, "row column 4"]:
    """A map between two values on a surface; what is NaN is grey."""

    def colours(value: np.ndarray, _: np.ndarray) -> np.ndarray:
        outside = np.isnan(value)
        rgb = colormaps[_COLOURS]((np.where(outside, ends[0], value) - ends[0]) / (ends[1] - ends[0]))[:, :3]
        rgb[outside] = 0.55
        return 0.95 * rgb

    return render(surface, values, np.zeros(len(values)), colours, view, height=height)


def across(view: View) -> View:
    """The same view of the other hemisphere."""
    x, y, z = view.forward
    return View(view.name, (-x, y, z))


def draw_eigenvalues(axes: Any, eigenvalues: Float[np.ndarray, " k"]) -> None:
    """One bar for each."""
    axes.bar(np.arange(1, len(eigenvalues) + 1), eigenvalues, color="#2f9e8f")
    axes.set_xlabel("gradient")
    axes.set_ylabel("eigenvalue")


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, dpi=130, format="png", metadata={"Software": None})
    return stream.getvalue()
