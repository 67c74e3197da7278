"""What lies together with a seed vertex in a resting-state run: as it is, cleaned, and smoothed along the cortex."""

from __future__ import annotations

import time
from typing import NamedTuple

import jax
import numpy as np

from thrux.demo.cleaning import CleanedRun
from thrux.demo.data import Cortex

FWHM_MM = 6.0


class RestingRun(NamedTuple):
    """Correlations of the left hemisphere with the seed's series; NaN on the medial wall."""

    run: CleanedRun
    seed: int
    frames: int
    left_out: int  # vertices of the medial wall
    seconds: float  # of smoothing all frames, once compiled
    raw: np.ndarray
    cleaned: np.ndarray
    smoothed: np.ndarray  # after cleaning


def run(recording: CleanedRun, cortex: Cortex, seed: int) -> RestingRun:
    """Smooth every frame of the cleaned run within the cortex, the medial wall apart."""
    from nitrix.smoothing import surface_gaussian
    from nitrix.sparse import Mesh, mesh_cotangent_laplacian, vertex_areas

    faces, n = cortex.white.faces, len(cortex.white.vertices)
    raw, cleaned = recording.raw[:n], recording.cleaned[:n]
    inside = (raw != 0).any(axis=1)
    mesh = Mesh(cortex.white.vertices, faces[inside[faces].all(axis=1)])
    stiffness, mass = mesh_cotangent_laplacian(mesh), vertex_areas(mesh)
    values = jax.device_put(np.ascontiguousarray(cleaned))
    seconds = []
    for _ in range(2):  # the first time it also compiles
        began = time.perf_counter()
        smoothed = surface_gaussian(values, stiffness, mass, fwhm=FWHM_MM).block_until_ready()
        seconds.append(time.perf_counter() - began)
    maps = (_with_seed(series, seed, inside) for series in (raw, cleaned, np.asarray(smoothed)))
    return RestingRun(recording, seed, raw.shape[1], int((~inside).sum()), seconds[1], *maps)


def facts(result: RestingRun) -> list[str]:
    """In words."""
    return [
        f"The {result.frames} frames of a hemisphere were smoothed along the cortex at {FWHM_MM:g} mm in "
        f"{result.seconds:.2f} s, the {result.left_out} vertices of the medial wall left out."
    ]


def numbers(result: RestingRun) -> dict[str, float | int]:
    """For results.json."""
    return {"resting_frames": result.frames, "resting_seconds": result.seconds}


def _with_seed(series: np.ndarray, seed: int, inside: np.ndarray) -> np.ndarray:
    centred = series - series.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1)
    found = centred @ centred[seed] / np.maximum(lengths * lengths[seed], 1e-20)
    return np.where(inside, found, np.nan)
