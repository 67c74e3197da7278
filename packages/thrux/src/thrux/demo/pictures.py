"""The pictures of the report, as PNG bytes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from thrux.demo.data import Cortex, around
from thrux.demo.geodesic import CorticalDistance
from thrux.demo.resting import FWHM_MM as RESTING_FWHM
from thrux.demo.resting import RestingRun
from thrux.demo.simulation import SPEED
from thrux.demo.smoothing import SmoothedMaps
from thrux.demo.tomography import Tomography
from thrux.demo.volume import SmoothedVolume
from thrux.render import LATERAL, MEDIAL, OBLIQUE, View, render

INK = "#7d8694"  # readable on white and on black
ACCENT = "#2f9e8f"
_STEP_MM = 20.0


def slices(result: SmoothedVolume) -> bytes:
    """The image as it is and smoothed, each seen from three sides."""
    spacing = result.volume.spacing
    columns = [("MNI152 T1, as it is", result.volume.values)]
    columns += [(f"FWHM {fwhm:g} mm", values) for fwhm, values in result.smoothed.items()]
    box = around(result.volume.values)
    panels = [[middle_slice(values[box], spacing, axis) for _, values in columns] for axis in (2, 1, 0)]
    heights = [row[0].shape[0] for row in panels]
    width = max(row[0].shape[1] for row in panels)
    figure = new_figure(len(columns) * 3.3, 3.3 * sum(heights) / width + 0.4, background="black")
    grid = figure.subplots(3, len(columns), height_ratios=heights, squeeze=False)
    figure.subplots_adjust(0, 0, 1, 0.96, 0.02, 0.02)
    for axes_row, row in zip(grid, panels, strict=True):
        for axes, panel in zip(axes_row, row, strict=True):
            axes.imshow(panel, cmap="gray", origin="lower", vmin=0, vmax=float(result.volume.values.max()))
            axes.axis("off")
    for axes, (title, _) in zip(grid[0], columns, strict=True):
        axes.set_title(title, color="white", fontsize=13)
    return png(figure)


def distance_map(cortex: Cortex, result: CorticalDistance) -> bytes:
    """Distance from the seed over the hemisphere, from three sides, a line every 20 mm."""
    norm = Normalize(0, float(result.distance.max()))
    views = [paint_distance(cortex, result, view) for view in (OBLIQUE, LATERAL, MEDIAL)]
    figure = _row(views, [view.name for view in (OBLIQUE, LATERAL, MEDIAL)])
    _colour_bar(figure, norm, "viridis", "mm along the cortex")
    return png(figure)


def paint_distance(cortex: Cortex, result: CorticalDistance, view: View, *, height: int = 330) -> np.ndarray:
    """One view of the distances."""
    top = float(result.distance.max())

    def colours(distance: np.ndarray, depth: np.ndarray) -> np.ndarray:
        rgb = colormaps["viridis"](distance / top)[:, :3] * _in_folds(depth)
        line = np.abs((distance + _STEP_MM / 2) % _STEP_MM - _STEP_MM / 2) < 0.55
        rgb[line] = 0.25 * rgb[line] + 0.75
        rgb[distance < 2.5] = (1.0, 0.25, 0.2)
        return rgb

    return render(cortex.pial, result.distance, cortex.sulcal_depth, colours, view, height=height)


def smoothed_maps(cortex: Cortex, result: SmoothedMaps) -> bytes:
    """The noisy map, and at each width what is left of it."""
    limit = float(np.abs(cortex.sulcal_depth).max())
    shown = {"sulcal depth and as much noise": result.noisy}
    shown |= {f"FWHM {fwhm:g} mm": values for fwhm, values in result.smoothed.items()}
    views = [_paint_signed(cortex, values, limit, LATERAL) for values in shown.values()]
    figure = _row(views, list(shown))
    _colour_bar(figure, Normalize(-limit, limit), "RdBu_r", "sulcal depth")
    return png(figure)


def seed_maps(cortex: Cortex, result: RestingRun) -> bytes:
    """Correlation in time with the seed: as it is, cleaned, and then smoothed."""
    smoothed = f"and smoothed, {RESTING_FWHM:g} mm"
    shown = [
        ("as it is", result.raw, LATERAL),
        ("cleaned", result.cleaned, LATERAL),
        (smoothed, result.smoothed, LATERAL),
        (f"the same, {MEDIAL.name}", result.smoothed, MEDIAL),
    ]
    views = [_paint_signed(cortex, values, 1.0, view, seed=result.seed) for _, values, view in shown]
    figure = _row(views, [title for title, _, _ in shown])
    _colour_bar(figure, Normalize(-1, 1), "RdBu_r", "correlation with the seed (black)")
    return png(figure)


def _paint_signed(
    cortex: Cortex, values: np.ndarray, limit: float, view: View, *, seed: int | None = None
) -> np.ndarray:
    """A map with a sign on the inflated hemisphere; what is NaN stays grey."""
    marked = np.zeros(len(values))
    if seed is not None:
        away = np.linalg.norm(cortex.white.vertices - cortex.white.vertices[seed], axis=1)
        marked = (away < 4).astype(float)

    def colours(value: np.ndarray, mark: np.ndarray) -> np.ndarray:
        outside = np.isnan(value)
        rgb = colormaps["RdBu_r"](0.5 + np.where(outside, 0, value) / (2 * limit))[:, :3]
        rgb[outside] = 0.55
        rgb[mark > 0.5] = 0.05
        return 0.9 * rgb

    return render(cortex.inflated, values, marked, colours, view, height=250)


def speed_maps(cortex: Cortex, result: Tomography) -> bytes:
    """Speed before, after and in truth."""
    start = np.full(len(result.vertices), SPEED)
    maps = [("before: the same everywhere", start), ("found by gradient descent", result.found_speed)]
    maps.append(("the hidden truth", result.true_speed))
    figure = _row([paint_speed(cortex, result, speed) for _, speed in maps], [name for name, _ in maps])
    _colour_bar(figure, _speed_norm(result), "RdBu", "mm/s", ticks=[150, 200, 300, 450, 600])
    return png(figure)


def paint_speed(
    cortex: Cortex, result: Tomography, speed: np.ndarray, view: View = OBLIQUE, *, height: int = 330
) -> np.ndarray:
    """One map of speeds on its part of the hemisphere; the rest stays grey; sources are dots."""
    norm = _speed_norm(result)
    whole = np.full(len(cortex.pial.vertices), np.nan)
    whole[result.vertices] = speed

    def colours(value: np.ndarray, depth: np.ndarray) -> np.ndarray:
        outside = np.isnan(value)
        rgb = colormaps["RdBu"](norm(np.where(outside, SPEED, value)))[:, :3]
        rgb[outside] = 0.55
        return rgb * _in_folds(0.8 * depth)

    return render(cortex.inflated, whole, cortex.sulcal_depth, colours, view, height=height)


def loss_curve(result: Tomography) -> bytes:
    """Mean squared error of the arrival times by step."""
    figure = new_figure(9.9, 3.0)
    axes = figure.subplots()
    figure.subplots_adjust(0.08, 0.18, 0.98, 0.96)
    draw_loss(axes, result.losses, "error in ms²")
    return png(figure)


def draw_loss(axes: Any, losses: np.ndarray, name: str) -> None:
    """Error by step."""
    axes.semilogy(np.arange(len(losses)), losses, color=ACCENT, linewidth=2)
    axes.set_xlabel("step", color=INK)
    axes.set_ylabel(name, color=INK)
    axes.patch.set_alpha(0)
    axes.tick_params(colors=INK, which="both")
    axes.grid(color=INK, alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(INK)


def middle_slice(values: np.ndarray, spacing: tuple[float, float, float], axis: int) -> np.ndarray:
    """The middle slice, upright, with square pixels of the smallest voxel size."""
    step = [max(1, round(mm / min(spacing))) for mm in spacing]
    # A little beside the middle, where there is cortex and not the gap between the hemispheres.
    panel = np.take(values, values.shape[axis] * 46 // 100, axis=axis)
    kept = [step[a] for a in range(3) if a != axis]
    return np.kron(panel, np.ones(kept)).T


def _in_folds(depth: np.ndarray) -> np.ndarray:
    """Darker in the depth of the folds."""
    return (0.86 - 0.22 * np.tanh(1.2 * depth))[:, None]


def _speed_norm(result: Tomography) -> LogNorm:
    reach = float(np.abs(np.log(result.true_speed / SPEED)).max())
    return LogNorm(SPEED * np.exp(-reach), SPEED * np.exp(reach), clip=True)


def _row(pictures: list[np.ndarray], titles: list[str]) -> Figure:
    widths = [picture.shape[1] / picture.shape[0] for picture in pictures]
    figure = new_figure(9.9, max(9.9 / sum(widths) * 0.98 + 0.95, 3.1))
    row = figure.subplots(1, len(pictures), width_ratios=widths)
    figure.subplots_adjust(0, 0.2, 1, 0.92, 0.02, 0)
    for axes, picture, title in zip(row, pictures, titles, strict=True):
        axes.imshow(picture)
        axes.axis("off")
        axes.set_title(title, color=INK, fontsize=11)
    return figure


def _colour_bar(
    figure: Figure, norm: Normalize, colours: str, label: str, *, ticks: list[int] | None = None
) -> None:
    axes = figure.add_axes((0.3, 0.13, 0.4, 0.035))
    bar = figure.colorbar(ScalarMappable(norm, colours), cax=axes, orientation="horizontal")
    if ticks:
        inside = [t for t in ticks if norm.vmin is not None and norm.vmax and norm.vmin <= t <= norm.vmax]
        bar.set_ticks(inside)
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_ticks([], minor=True)
    bar.set_label(label, color=INK)
    bar.outline.set_visible(False)
    axes.tick_params(colors=INK)


def new_figure(width: float, height: float, *, background: str = "none") -> Figure:
    """A figure that no window system knows of."""
    figure = Figure(figsize=(width, height), facecolor=background)
    FigureCanvasAgg(figure)
    return figure


def png(figure: Figure, *, dpi: int = 130) -> bytes:
    """The figure as the bytes of a PNG file."""
    stream = io.BytesIO()
    figure.savefig(stream, dpi=dpi, format="png", metadata={"Software": None})
    return stream.getvalue()
