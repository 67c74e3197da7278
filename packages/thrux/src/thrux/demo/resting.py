"""A whole resting-state run on the cortex, where the installed brainspace package carries one."""

from __future__ import annotations

import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from thrux.demo.data import Cortex
from thrux.maps import load_maps

FWHM_MM = 6.0
_NAME = "sub-010188_ses-02_task-rest_acq-AP_run-01.fsa5.lh.mgz"


class RestingRun(NamedTuple):
    """What lies together with a seed vertex in time, before and after smoothing along the cortex."""

    seed: int
    frames: int
    left_out: int  # vertices of the medial wall
    seconds: float  # for all frames, once compiled
    raw: np.ndarray  # correlation with the seed's series; NaN on the medial wall
    smoothed: np.ndarray


def find() -> Path | None:
    """The file, if it is there."""
    try:
        path = Path(str(distribution("brainspace").locate_file(f"brainspace/datasets/preprocessing/{_NAME}")))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None


def run(path: Path, cortex: Cortex, seed: int) -> RestingRun:
    """Smooth every frame within the cortex, the medial wall apart."""
    from nitrix.smoothing import surface_gaussian
    from nitrix.sparse import Mesh, mesh_cotangent_laplacian, vertex_areas

    (part,) = load_maps(path).parts
    inside = (part.values != 0).any(axis=1)
    faces = cortex.white.faces
    mesh = Mesh(cortex.white.vertices, faces[inside[faces].all(axis=1)])
    stiffness, mass = mesh_cotangent_laplacian(mesh), vertex_areas(mesh)
    values = jax.device_put(np.ascontiguousarray(part.values))
    seconds = []
    for _ in range(2):  # the first time it also compiles
        began = time.perf_counter()
        smoothed = surface_gaussian(values, stiffness, mass, fwhm=FWHM_MM).block_until_ready()
        seconds.append(time.perf_counter() - began)
    correlations = (_with_seed(np.asarray(series), seed, inside) for series in (values, smoothed))
    return RestingRun(seed, part.values.shape[1], int((~inside).sum()), seconds[1], *correlations)


def _with_seed(series: np.ndarray, seed: int, inside: np.ndarray) -> np.ndarray:
    centred = series - series.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1)
    found = centred @ centred[seed] / np.maximum(lengths * lengths[seed], 1e-20)
    return np.where(inside, found, np.nan)
