"""A brain image smoothed in millimetres, against SciPy."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from nitrix.smoothing import gaussian

from thrux.demo.data import Volume
from thrux.demo.race import Race, race

FWHM_MM = (4.0, 10.0)


class SmoothedVolume(NamedTuple):
    """The image and what became of it."""

    volume: Volume
    smoothed: dict[float, np.ndarray]  # by FWHM in mm
    races: list[Race]


def run(volume: Volume, *, rounds: int = 3) -> SmoothedVolume:
    """Smooth at each width by nitrix and by scipy.ndimage."""
    import jax.numpy as jnp
    from scipy import ndimage

    x = jnp.asarray(volume.values)
    smoothed, races = {}, []
    for fwhm in FWHM_MM:
        sigma = [fwhm / math.sqrt(8 * math.log(2)) / mm for mm in volume.spacing]
        outcome, smoothed[fwhm] = race(
            f"Gaussian, FWHM {fwhm:g} mm",
            partial(gaussian, x, fwhm=fwhm, spacing=volume.spacing, mode="reflect"),
            "scipy.ndimage.gaussian_filter",
            partial(ndimage.gaussian_filter, volume.values, sigma, mode="reflect"),
            size=" x ".join(map(str, volume.values.shape)) + " voxels",
            unit="grey levels",
            rounds=rounds,
        )
        races.append(outcome)
    return SmoothedVolume(volume, smoothed, races)
