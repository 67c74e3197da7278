"""Differentiable numerical bottom layer for neuroimaging, on JAX: pure functions on arrays.

Contents:
  nitrix.semiring    matrix products over any algebra: sums of products, maxima of sums, log-sum-exp, your own
  nitrix.sparse      adjacencies in ELL form, operators on grids and triangle meshes
  nitrix.linalg      symmetric and positive definite matrices, kernels, least-squares residuals
  nitrix.stats       covariances and correlations, spectra and analytic signals
  nitrix.signal      time series: filters, confound regression, interpolation of censored frames
  nitrix.numerics    normalisation, exact percentiles, axes and masks
  nitrix.geometry    images and surfaces moved through space: warps, affines, spheres, centres of mass
  nitrix.graph       Laplacians, communities, gradients of connectivity
  nitrix.smoothing   filters of images, points and surfaces, in millimetres: Gaussian, bilateral, lattice, SUSAN
  nitrix.morphology  erosion, dilation, distances, medians and ranks, pooling; SUSAN under its other name
  nitrix.backend     which implementation serves a call, and the warning when it is not the wished one
  show_versions      the lines that a bug report needs

Subpackages are imported when they are first used.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from nitrix.versions import show_versions as show_versions

if TYPE_CHECKING:
    from nitrix import backend as backend
    from nitrix import geometry as geometry
    from nitrix import graph as graph
    from nitrix import linalg as linalg
    from nitrix import morphology as morphology
    from nitrix import numerics as numerics
    from nitrix import semiring as semiring
    from nitrix import signal as signal
    from nitrix import smoothing as smoothing
    from nitrix import sparse as sparse
    from nitrix import stats as stats

_SUBPACKAGES = (
    "backend",
    "geometry",
    "graph",
    "linalg",
    "morphology",
    "numerics",
    "semiring",
    "signal",
    "smoothing",
    "sparse",
    "stats",
)


def __getattr__(name: str) -> ModuleType:
    if name in _SUBPACKAGES:
        return importlib.import_module(f"nitrix.{name}")
    raise AttributeError(f"module 'nitrix' has no attribute {name!r}; it holds {', '.join(_SUBPACKAGES)}.")


def __dir__() -> list[str]:
    return sorted([*globals(), *_SUBPACKAGES])
