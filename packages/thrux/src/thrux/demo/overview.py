"""One small picture of five of the jobs, for the top of the report and for a README."""

from __future__ import annotations

import io

from matplotlib.colors import LinearSegmentedColormap

from thrux.demo.data import Cortex, around
from thrux.demo.denoising import Denoised
from thrux.demo.geodesic import CorticalDistance
from thrux.demo.masking import BrainMask
from thrux.demo.masking_pictures import draw_depth, draw_mask
from thrux.demo.pictures import draw_loss, middle_slice, new_figure, paint_distance, paint_speed, png
from thrux.demo.tomography import Tomography
from thrux.demo.volume import SmoothedVolume
from thrux.render import LATERAL, MEDIAL

NIGHT = "#0d1117"


def overview(
    cortex: Cortex,
    volume: SmoothedVolume,
    denoised: Denoised,
    mask: BrainMask,
    distance: CorticalDistance,
    tomography: Tomography,
) -> bytes:
    """The picture as PNG; 256 colours keep it small."""
    figure = new_figure(13.4, 4.1, background=NIGHT)
    grid = figure.subplots(2, 5, width_ratios=[0.72, 0.72, 0.72, 1.25, 1.25])
    figure.subplots_adjust(0.01, 0.02, 0.99, 0.88, 0.05, 0.04)
    widest = max(volume.smoothed)
    kept = "bilateral" if "bilateral" in denoised.results else max(denoised.results)
    night = LinearSegmentedColormap.from_list("night", [NIGHT, "white"])
    heads = {
        (0, 0): ("MNI152 T1", volume.volume, volume.volume.values),
        (0, 1): (f"FWHM {widest:g} mm", volume.volume, volume.smoothed[widest]),
        (1, 0): (f"noise, {denoised.psnr_db['noisy']:.0f} dB", denoised.volume, denoised.noisy),
        (1, 1): (f"{kept}, {denoised.psnr_db[kept]:.0f} dB", denoised.volume, denoised.results[kept]),
    }
    for place, (title, source, values) in heads.items():
        box = around(source.values, margin=round(14 / min(source.spacing)))
        panel = middle_slice(values[box], source.spacing, 2)
        grid[place].imshow(panel, cmap=night, origin="lower", vmin=0, vmax=235)
        grid[place].set_title(title, color="white", fontsize=12 - 2 * place[0], pad=3)
    box = around(mask.volume.values, margin=round(14 / min(mask.volume.spacing)))
    draw_mask(grid[0, 2], mask, "filled", None, box, 2, dark=NIGHT)
    grid[0, 2].set_title("brain mask", color="white", fontsize=12, pad=3)
    draw_depth(grid[1, 2], mask, box, 2)
    grid[1, 2].set_title(f"depth, up to {mask.depth.max():.0f} mm", color="white", fontsize=10, pad=3)
    panels = {
        (0, 3): paint_distance(cortex, distance, LATERAL, height=200),
        (1, 3): paint_distance(cortex, distance, MEDIAL, height=200),
        (0, 4): paint_speed(cortex, tomography, tomography.found_speed, height=200),
    }
    for place, picture in panels.items():
        grid[place].imshow(picture)
    grid[0, 3].set_title("distance along the cortex", color="white", fontsize=12)
    grid[0, 4].set_title("wave speed found by gradients", color="white", fontsize=12)
    for axes in grid.flat:
        axes.axis("off")
    grid[1, 4].axis("on")
    draw_loss(grid[1, 4], tomography.losses, "error in ms²")
    place = grid[1, 4].get_position()
    grid[1, 4].set_position((place.x0 + 0.05, place.y0 + 0.11, place.width - 0.06, place.height - 0.15))
    return _few_colours(png(figure, dpi=100))


def _few_colours(png: bytes) -> bytes:
    from PIL import Image  # matplotlib needs it too

    stream = io.BytesIO()
    full = Image.open(io.BytesIO(png)).convert("RGB")
    palette = full.quantize(256, kmeans=1)
    full.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(stream, "PNG", optimize=True)
    return stream.getvalue()
