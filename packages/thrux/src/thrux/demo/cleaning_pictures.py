"""Pictures of a run before and after cleaning."""

from __future__ import annotations

import numpy as np

from thrux.connectivity.picture import draw_matrix
from thrux.demo.cleaning import TR, CleanedRun
from thrux.demo.pictures import INK, new_figure, png

_ROWS = 400


def carpets(result: CleanedRun) -> bytes:
    """Every vertex a row and every frame a column, before and after, in standard deviations."""
    chosen = result.order[:: max(1, len(result.order) // _ROWS)]
    figure = new_figure(9.9, 5.6)
    rows = figure.subplots(2, 1, sharex=True)
    figure.subplots_adjust(0.07, 0.1, 0.99, 0.95, 0, 0.2)
    minutes = result.raw.shape[1] * TR / 60
    for axes, (name, series) in zip(
        rows, {"before": result.raw[chosen], "after": result.cleaned[chosen]}.items(), strict=True
    ):
        centred = series - series.mean(axis=1, keepdims=True)
        scale = centred.std(axis=1, keepdims=True)
        axes.imshow(
            centred / np.where(scale > 0, scale, 1),
            cmap="gray",
            vmin=-2,
            vmax=2,
            aspect="auto",
            interpolation="nearest",
            extent=(0, minutes, len(chosen), 0),
        )
        axes.set_title(name, color=INK, fontsize=11)
        axes.set_yticks([])
        axes.set_ylabel("vertices", color=INK)
        axes.tick_params(colors=INK)
    rows[1].set_xlabel("minutes", color=INK)
    return png(figure)


def matrices(result: CleanedRun) -> bytes:
    """How parcels go together: correlation before and after, partial correlation after."""
    figure = new_figure(9.9, 3.9)
    row = figure.subplots(1, len(result.matrices))
    figure.subplots_adjust(0.01, 0.12, 0.99, 0.92, 0.06, 0)
    for axes, (name, matrix) in zip(row, result.matrices.items(), strict=True):
        beside = matrix.copy()
        np.fill_diagonal(beside, 0)
        bar = figure.colorbar(
            draw_matrix(axes, beside), ax=axes, orientation="horizontal", fraction=0.05, pad=0.04
        )
        bar.ax.tick_params(colors=INK, labelsize=8)
        bar.outline.set_visible(False)
        axes.set_title(name, color=INK, fontsize=11)
        axes.set_xticks([])
        axes.set_yticks([])
    return png(figure)
