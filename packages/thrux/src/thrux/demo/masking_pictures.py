"""The pictures of the brain mask and of the depths in it."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb

from thrux.demo.data import around
from thrux.demo.masking import CLOSE_MM, OPEN_MM, THRESHOLD, BrainMask
from thrux.demo.pictures import middle_slice, new_figure, png

DEPTHS = "magma"
_OUTLINE, _GONE, _NEW = "#ffb000", (0.9, 0.2, 0.2), (0.25, 0.75, 0.65)


def mask_and_depth(found: BrainMask) -> bytes:
    """The outline of the mask on the template at three stages, with what a stage removed and added, and the depths."""
    stages = {
        f"above {THRESHOLD:g}": ("above", None),
        f"opened {OPEN_MM:g} mm, closed {CLOSE_MM:g} mm": ("closed", "above"),
        "holes filled": ("filled", "closed"),
    }
    box = around(found.volume.values, margin=round(4 / min(found.volume.spacing)))
    heights = [middle_slice(found.depth[box], found.volume.spacing, axis).shape[0] for axis in (2, 1)]
    figure = new_figure(12.2, 6.6, background="black")
    grid = figure.subplots(2, 4, height_ratios=heights)
    figure.subplots_adjust(0, 0, 0.92, 0.95, 0.02, 0.02)
    for row, axis in zip(grid, (2, 1), strict=True):
        for axes, (name, before) in zip(row, stages.values(), strict=False):
            draw_mask(axes, found, name, before, box, axis)
        draw_depth(row[3], found, box, axis)
    for axes, title in zip(grid[0], [*stages, "depth"], strict=True):
        axes.set_title(title, color="white", fontsize=12)
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, float(found.depth.max())), DEPTHS),
        cax=figure.add_axes((0.93, 0.2, 0.012, 0.6)),
    )
    bar.set_label("mm to the outside", color="white")
    bar.ax.tick_params(colors="white")
    return png(figure)


def draw_mask(
    axes: Any,
    found: BrainMask,
    name: str,
    before: str | None,
    box: tuple[slice, ...],
    axis: int,
    *,
    dark: str = "black",
) -> None:
    """The template, from dark to white, with the outline of a mask; red and green where an earlier one differs."""
    spacing = found.volume.spacing
    grey = middle_slice(found.volume.values[box], spacing, axis) / float(found.volume.values.max())
    mask = middle_slice(found.steps[name][box], spacing, axis) > 0
    rgb = (1 - grey)[..., None] * to_rgb(dark) + grey[..., None]
    if before is not None:
        earlier = middle_slice(found.steps[before][box], spacing, axis) > 0
        rgb[earlier & ~mask], rgb[mask & ~earlier] = _GONE, _NEW
    axes.imshow(rgb, origin="lower")
    axes.contour(mask, [0.5], colors=[_OUTLINE], linewidths=1.0)
    axes.axis("off")


def draw_depth(axes: Any, found: BrainMask, box: tuple[slice, ...], axis: int) -> None:
    """Distances to the outside in colours, and nothing there."""
    depth = middle_slice(found.depth[box], found.volume.spacing, axis)
    axes.imshow(
        np.ma.masked_equal(depth, 0), cmap=DEPTHS, origin="lower", vmin=0, vmax=float(found.depth.max())
    )
    axes.axis("off")
