"""Pictures of a registration."""

from __future__ import annotations

from typing import Any

import numpy as np

from thrux.demo.data import around
from thrux.demo.pictures import ACCENT, draw_loss, middle_slice, new_figure, png
from thrux.demo.registration import Registration

_LINES = 5  # voxels from one line to the next


def before_and_after(found: Registration) -> bytes:
    """Template and target with the warps as grids, and what differs before and after, from two sides."""
    values, spacing = found.volume.values, found.volume.spacing
    box = around(values, margin=round(9 / min(spacing)))
    still = np.zeros_like(found.hidden)
    columns = [
        ("the template", values, still),
        ("target: through the hidden warp", found.target, found.hidden),
        ("through the warp that was found", found.registered, found.found),
        ("target - template", found.target - values, None),
        ("target - warped template", found.target - found.registered, None),
    ]
    sizes = [middle_slice(values[box], spacing, axis).shape for axis in (2, 1)]
    widest = max(width for _, width in sizes)
    figure = new_figure(
        12.8, 12.8 / 5 * sum(height for height, _ in sizes) / widest + 0.4, background="black"
    )
    grid = figure.subplots(2, 5, height_ratios=[height for height, _ in sizes])
    figure.subplots_adjust(0, 0, 1, 0.93, 0.02, 0.02)
    for row, axis in zip(grid, (2, 1), strict=True):
        for axes, (title, image, u) in zip(row, columns, strict=True):
            panel = middle_slice(image[box], spacing, axis)
            if u is None:
                axes.imshow(panel, cmap="RdBu_r", origin="lower", vmin=-0.5, vmax=0.5)
            else:
                axes.imshow(panel, cmap="gray", origin="lower", vmin=0, vmax=1)
                _draw_grid(axes, u, box, axis)
            axes.axis("off")
            if axis == 2:
                axes.set_title(title, color="white", fontsize=11)
    return png(figure)


def loss(found: Registration) -> bytes:
    """Mean squared difference of the images by step."""
    figure = new_figure(9.9, 2.6)
    axes = figure.subplots()
    figure.subplots_adjust(0.09, 0.2, 0.98, 0.95)
    draw_loss(axes, found.losses, "mean squared difference")
    return png(figure)


def _draw_grid(axes: Any, u: np.ndarray, box: tuple[slice, ...], axis: int) -> None:
    """The lines of the template's voxels, every few of them, where the warp takes them from."""
    for other in (a for a in range(3) if a != axis):
        place = np.arange(u.shape[other]).reshape([-1 if a == other else 1 for a in range(3)]) + u[..., other]
        lines = np.arange(0, u.shape[other], _LINES)
        axes.contour(middle_slice(place[box], (1.0, 1.0, 1.0), axis), lines, colors=[ACCENT], linewidths=0.6)
