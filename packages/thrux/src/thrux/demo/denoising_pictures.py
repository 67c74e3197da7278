"""The picture of the methods side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from thrux.demo.data import around
from thrux.demo.denoising import NOISE, Denoised
from thrux.demo.pictures import middle_slice, new_figure, png

_ERROR = 3 * NOISE  # grey levels at which the colours of a difference end


def methods_side_by_side(found: Denoised) -> bytes:
    """A slice of the noisy image, of each result and of the clean image; below, what is wrong in it."""
    clean = found.volume.values
    shown = {"noisy": found.noisy, **found.results}
    box = around(clean, margin=4)
    figure = new_figure(2.4 * (len(shown) + 1), 5.9, background="black")
    grid = figure.subplots(2, len(shown) + 1)
    figure.subplots_adjust(0, 0, 1, 0.93, 0.02, 0.02)
    for column, (name, values) in enumerate(shown.items()):
        grid[0, column].set_title(f"{name}, {found.psnr_db[name]:.1f} dB", color="white", fontsize=12)
        _grey(grid[0, column], found, values[box])
        error = middle_slice((values - clean)[box], found.volume.spacing, 2)
        grid[1, column].imshow(error, cmap="RdBu_r", origin="lower", vmin=-_ERROR, vmax=_ERROR)
    grid[0, -1].set_title("before noise", color="white", fontsize=12)
    _grey(grid[0, -1], found, clean[box])
    words = f"left: the difference\nto the image before noise,\nred where too bright\n(full at {_ERROR:g} grey levels)"
    grid[1, -1].text(
        0.5, 0.5, words, color="white", ha="center", va="center", transform=grid[1, -1].transAxes
    )
    for axes in grid.flat:
        axes.axis("off")
    return png(figure)


def _grey(axes: Any, found: Denoised, values: np.ndarray) -> None:
    panel = middle_slice(values, found.volume.spacing, 2)
    axes.imshow(panel, cmap="gray", origin="lower", vmin=0, vmax=float(found.volume.values.max()))
