"""A brain image with noise on it, and what each way of smoothing makes of it at the same width in space."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import numpy as np

from thrux.demo.data import Volume
from thrux.demo.report import milliseconds
from thrux.errors import ThruxError
from thrux.filters import Bilateral, Filter, Gaussian, Permutohedral, Scene, Susan

FWHM_MM = 4.0
NOISE = 20.0  # grey levels
ALIKE = 2 * NOISE  # standard deviation in intensity of the filters that look at it
METHODS: tuple[Filter, ...] = (
    Gaussian(fwhm=FWHM_MM),
    Bilateral(fwhm=FWHM_MM, sigma_intensity=ALIKE),
    Susan(fwhm=FWHM_MM, brightness_threshold=math.sqrt(2) * ALIKE),  # the same width, by SUSAN's formula
    Permutohedral(fwhm=FWHM_MM, sigma_intensity=ALIKE),
)


class Denoised(NamedTuple):
    """The image before and after."""

    volume: Volume
    noisy: np.ndarray
    results: dict[str, np.ndarray]  # by method
    psnr_db: dict[str, float]  # against the image before noise, within the head; "noisy" among them
    seconds: dict[str, float]  # once compiled
    left_out: dict[str, str]  # methods that this machine does not serve, with the reason


def run(clean: Volume) -> Denoised:
    """Add noise and take it away again."""
    rng = np.random.default_rng(0)
    noisy = clean.values + rng.normal(scale=NOISE, size=clean.values.shape).astype(np.float32)
    top = float(clean.values.max())
    head = clean.values > 0.1 * top

    def psnr(values: np.ndarray) -> float:
        return 20 * math.log10(top / float(np.sqrt(np.mean((values - clean.values)[head] ** 2))))

    found = Denoised(clean, noisy, {}, {"noisy": psnr(noisy)}, {}, {})
    for method in METHODS:
        try:
            fitted = method.fit(Scene(noisy, None, [], clean.spacing))
            fitted.apply(noisy, None)  # compiles
        except ThruxError as refusal:
            found.left_out[method.name] = refusal.problem
            continue
        start = time.perf_counter()
        found.results[method.name] = fitted.apply(noisy, None)
        found.seconds[method.name] = time.perf_counter() - start
        found.psnr_db[method.name] = psnr(found.results[method.name])
    return found


def facts(found: Denoised) -> list[str]:
    """Sentences for the report."""
    size = " x ".join(map(str, found.volume.values.shape))
    by_method = ", ".join(f"{name} {value:.1f} dB" for name, value in found.psnr_db.items())
    lines = [
        f"Against the {size} template before noise of {NOISE:g} grey levels, within the head, at a FWHM of "
        f"{FWHM_MM:g} mm: {by_method}."
    ]
    return lines + [f"Left out: {name}, {why}." for name, why in found.left_out.items()]


def numbers(found: Denoised) -> dict[str, float]:
    """For results.json."""
    return {
        "denoising_noise": NOISE,
        "denoising_fwhm_mm": FWHM_MM,
        **{f"denoising_{name}_psnr_db": value for name, value in found.psnr_db.items()},
        **{f"denoising_{name}_seconds": value for name, value in found.seconds.items()},
    }


def table(found: Denoised) -> list[tuple[str, str, str]]:
    """Rows of method, peak signal to noise, and time."""
    times = {name: milliseconds(seconds) for name, seconds in found.seconds.items()}
    return [(name, f"{value:.2f} dB", times.get(name, "")) for name, value in found.psnr_db.items()]
