"""Draws the picture of the page on morphology: `python docs/pictures/morphology.py`."""

import matplotlib.pyplot as plt
import numpy as np
from cortex import save
from nitrix.morphology import (
    black_tophat,
    close,
    dilate,
    distance_transform,
    erode,
    fill_holes,
    median_filter,
    morphological_gradient,
    open,
    white_tophat,
)
from smoothing import MIDDLE, template

RADIUS = 3  # voxels of 1 mm
BRAIN = 60  # grey levels of 255; the template holds the brain alone
SPECKS = 0.05  # part of the voxels


def ball(radius):
    """The voxels whose centres are within the radius."""
    steps = np.arange(-radius, radius + 1)
    x, y, z = np.meshgrid(steps, steps, steps)
    return x**2 + y**2 + z**2 <= radius**2


def specked(slab, rng):
    """Voxels here and there black or white."""
    hit = rng.random(slab.shape)
    return np.where(hit < SPECKS / 2, 0, np.where(hit > 1 - SPECKS / 2, slab.max(), slab)).astype(np.float32)


def main():
    """A slice of the T1 template by each operation over a ball, specks by a median, and the depth of the brain."""
    t1 = template("t1")
    over = {"structuring_element": ball(RADIUS)}
    specks = specked(t1, np.random.default_rng(0))
    filtered = np.asarray(median_filter(specks, size=3))
    half = t1.shape[0] // 2
    shown = {
        "as it is": t1,
        "erode": erode(t1, **over),
        "dilate": dilate(t1, **over),
        "open": open(t1, **over),
        "close": close(t1, **over),
        "morphological_gradient": morphological_gradient(t1, **over),
        "white_tophat": white_tophat(t1, **over),
        "black_tophat": black_tophat(t1, **over),
        "specks | median_filter": np.concatenate([specks[:half], filtered[half:]]),
    }
    figure, grid = plt.subplots(2, 5, figsize=(12, 6.1), layout="constrained")
    for (name, values), axes in zip(shown.items(), grid.flat, strict=False):
        top = t1.max() / 2 if "tophat" in name else t1.max()
        axes.imshow(np.asarray(values)[:, :, MIDDLE].T, cmap="gray", origin="lower", vmin=0, vmax=top)
        axes.set_title(name, fontsize=10)
    depth = np.asarray(distance_transform(fill_holes(t1[:, :, MIDDLE] > BRAIN)))
    picture = grid[1, 4].imshow(np.ma.masked_equal(depth.T, 0), cmap="magma", origin="lower")
    grid[1, 4].set_title("distance_transform, in mm", fontsize=10)
    figure.colorbar(picture, ax=grid[1, 4], shrink=0.7)
    for axes in grid.flat:
        axes.axis("off")
    save(figure, "morphology.png", colours=240)


if __name__ == "__main__":
    main()
