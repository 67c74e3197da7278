"""A map on the cortex smoothed along its folds, against SciPy's exponential of the same operator."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from nitrix.smoothing import surface_gaussian
from nitrix.sparse import Mesh, mesh_cotangent_laplacian, vertex_areas

from thrux.demo.data import Cortex
from thrux.demo.race import Race, race

FWHM_MM = (6.0, 12.0)
MAPS = 8


class SmoothedMaps(NamedTuple):
    """Sulcal depth with noise added, and what smoothing makes of it."""

    noisy: np.ndarray
    smoothed: dict[float, np.ndarray]  # by FWHM in mm
    correlation: dict[float, float]  # with the depth before noise; at 0: of the noisy map
    races: list[Race]


def run(cortex: Cortex, *, rounds: int = 3) -> SmoothedMaps:
    """Add noise as strong as the map itself, and smooth it away at each width; many noisy maps at once."""
    rng = np.random.default_rng(0)
    depth = cortex.sulcal_depth
    maps = depth[:, None] + rng.normal(scale=float(depth.std()), size=(len(depth), MAPS)).astype(np.float32)
    mesh = Mesh(cortex.white.vertices, cortex.white.faces)
    stiffness, mass = mesh_cotangent_laplacian(mesh), vertex_areas(mesh)
    smoothed, races = {}, []
    for fwhm in FWHM_MM:
        outcome, result = race(
            f"{MAPS} maps along the cortex, FWHM {fwhm:g} mm",
            partial(surface_gaussian, maps, stiffness, mass, fwhm=fwhm),
            "scipy.sparse.linalg.expm_multiply, float64",
            partial(_by_scipy, maps, stiffness, np.asarray(mass), fwhm),
            size=f"{len(depth)} vertices",
            unit="of sulcal depth",
            rounds=rounds,
        )
        races.append(outcome)
        smoothed[fwhm] = result[:, 0]
    shown = {0.0: maps[:, 0], **smoothed}
    correlation = {fwhm: float(np.corrcoef(values, depth)[0, 1]) for fwhm, values in shown.items()}
    return SmoothedMaps(maps[:, 0], smoothed, correlation, races)


def _by_scipy(maps: np.ndarray, stiffness: Any, mass: np.ndarray, fwhm: float) -> np.ndarray:
    """exp(-t M^-1 L) in float64, with t = sigma^2 / 2."""
    from scipy import sparse
    from scipy.sparse.linalg import expm_multiply

    used = np.asarray(stiffness.valid)
    rows = np.nonzero(used)[0]
    values = np.asarray(stiffness.values, np.float64)[used] / mass.astype(np.float64)[rows]
    matrix = sparse.csr_array((values, (rows, np.asarray(stiffness.indices)[used])), shape=stiffness.shape)
    sigma = fwhm / math.sqrt(8 * math.log(2))
    return np.asarray(expm_multiply(-(sigma**2) / 2 * matrix, maps.astype(np.float64)))
