"""One small picture of three of the jobs, for the top of the report and for a README."""

from __future__ import annotations

import io

from matplotlib.colors import LinearSegmentedColormap

from thrux.demo.data import Cortex
from thrux.demo.geodesic import CorticalDistance
from thrux.demo.pictures import around, draw_loss, middle_slice, new_figure, paint_distance, paint_speed, png
from thrux.demo.render import LATERAL, MEDIAL
from thrux.demo.tomography import Tomography
from thrux.demo.volume import SmoothedVolume

NIGHT = "#0d1117"


def overview(
    cortex: Cortex, volume: SmoothedVolume, distance: CorticalDistance, tomography: Tomography
) -> bytes:
    """The picture as PNG; 256 colours keep it small."""
    figure = new_figure(12.0, 4.1, background=NIGHT)
    grid = figure.subplots(2, 4, width_ratios=[0.78, 0.78, 1.25, 1.25])
    figure.subplots_adjust(0.01, 0.02, 0.99, 0.88, 0.05, 0.04)
    box = around(volume.volume.values)
    widest = max(volume.smoothed)
    night = LinearSegmentedColormap.from_list("night", [NIGHT, "white"])
    for column, (title, values) in enumerate(
        [("MNI152 T1", volume.volume.values), (f"FWHM {widest:g} mm", volume.smoothed[widest])]
    ):
        for row, axis in enumerate((2, 0)):
            axes = grid[row, column]
            panel = middle_slice(values[box], volume.volume.spacing, axis)
            axes.imshow(panel, cmap=night, origin="lower", vmin=0, vmax=235)
        grid[0, column].set_title(title, color="white", fontsize=12)
    panels = {
        (0, 2): paint_distance(cortex, distance, LATERAL, height=200),
        (1, 2): paint_distance(cortex, distance, MEDIAL, height=200),
        (0, 3): paint_speed(cortex, tomography, tomography.found_speed, height=200),
    }
    for place, picture in panels.items():
        grid[place].imshow(picture)
    grid[0, 2].set_title("distance along the cortex", color="white", fontsize=12)
    grid[0, 3].set_title("wave speed found by gradients", color="white", fontsize=12)
    for axes in grid.flat:
        axes.axis("off")
    grid[1, 3].axis("on")
    draw_loss(grid[1, 3], tomography)
    box = grid[1, 3].get_position()
    grid[1, 3].set_position((box.x0 + 0.05, box.y0 + 0.11, box.width - 0.06, box.height - 0.15))
    return _few_colours(png(figure, dpi=100))


def _few_colours(png: bytes) -> bytes:
    from PIL import Image  # matplotlib needs it too

    stream = io.BytesIO()
    full = Image.open(io.BytesIO(png)).convert("RGB")
    palette = full.quantize(256, kmeans=1)
    full.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(stream, "PNG", optimize=True)
    return stream.getvalue()
