"""Draws the picture of the page on smoothing: `python docs/pictures/smoothing.py`."""

import importlib.util
import math
from pathlib import Path

import matplotlib.pyplot as plt
import nibabel
import numpy as np
from cortex import save
from nitrix.smoothing import bilateral, gaussian, permutohedral_lattice, susan_emulator

NOISE = 20.0  # grey levels of 252
FWHM = 4.0  # mm
ALIKE = 2 * NOISE
SIGMA = FWHM / math.sqrt(8 * math.log(2))
MIDDLE = 12  # the slice of the slab that is shown


def template(kind):
    """A slab of 25 slices at 1 mm of one of the MNI152 templates that nilearn carries."""
    nilearn = importlib.util.find_spec("nilearn").submodule_search_locations[0]
    name = f"mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz"
    image = nibabel.load(Path(nilearn) / "datasets" / "data" / name)
    return np.asarray(image.dataobj[22:176, 20:208, 68:93], np.float32)


def by_lattice(noisy):
    """The lattice's result, None on a machine that it does not serve."""
    place = np.indices(noisy.shape).reshape(3, -1).T
    features = np.column_stack([place, noisy.ravel()]).astype(np.float32)
    sigma = np.float32([SIGMA] * 3 + [ALIKE])
    try:
        return permutohedral_lattice(noisy.ravel(), features, sigma_features=sigma).reshape(noisy.shape)
    except NotImplementedError:
        return None


def main():
    """Noise on the T1 template, taken away by each method at the same width in space and in intensity."""
    clean, grey = template("t1"), template("gm")
    noisy = clean + np.random.default_rng(0).normal(scale=NOISE, size=clean.shape).astype(np.float32)
    widths = {"sigma_space": SIGMA, "sigma_intensity": (ALIKE, 0.2 * grey.max())}
    shown = {
        "noisy": noisy,
        "gaussian": gaussian(noisy, sigma=SIGMA),
        "bilateral": bilateral(noisy, sigma_space=SIGMA, sigma_intensity=ALIKE),
        "bilateral, guided by\ngrey matter": bilateral(noisy, guide=np.stack([noisy, grey]), **widths),
        "SUSAN": susan_emulator(noisy, sigma_space=SIGMA, sigma_intensity=ALIKE),
        "permutohedral lattice": by_lattice(noisy),
    }
    shown = {name: np.asarray(values) for name, values in shown.items() if values is not None}
    head = clean > 0.1 * clean.max()
    figure, grid = plt.subplots(
        2, len(shown) + 1, figsize=(2.1 * (len(shown) + 1), 5.5), layout="constrained"
    )
    for (name, values), (above, below) in zip(shown.items(), grid.T, strict=False):
        error = values - clean
        psnr = 20 * math.log10(clean.max() / math.sqrt((error[head] ** 2).mean()))
        above.set_title(f"{name}\n{psnr:.1f} dB", fontsize=10)
        above.imshow(values[:, :, MIDDLE].T, cmap="gray", origin="lower", vmin=0, vmax=clean.max())
        below.imshow(error[:, :, MIDDLE].T, cmap="RdBu_r", origin="lower", vmin=-3 * NOISE, vmax=3 * NOISE)
    grid[0, -1].set_title("before noise", fontsize=10)
    grid[0, -1].imshow(clean[:, :, MIDDLE].T, cmap="gray", origin="lower", vmin=0, vmax=clean.max())
    for axis in grid.flat:
        axis.axis("off")
    save(figure, "smoothing-methods.png", colours=240)  # greys, and reds and blues


if __name__ == "__main__":
    main()
