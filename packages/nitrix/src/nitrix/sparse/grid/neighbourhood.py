"""Who is within how many millimetres of whom on a regular grid."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Bool, Real
from numpy.typing import NDArray

from nitrix.sparse.ell._entries import MOST_SLOTS, on_host
from nitrix.sparse.ell._pack import constant
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.grid._structure import sizes_of
from nitrix.sparse.points.within import radius_of

BLOCK = 4096  # voxels that are looked up together
_ROUNDING = (
    1e-6  # of the radius: voxels at exactly that distance are within, whatever the rounding of the spacing
)


def grid_neighbourhood(
    grid_shape: Sequence[int],
    *,
    radius: int | float,
    spacing: Real[ArrayLike, ""] | Real[ArrayLike, " axes"] | Sequence[Real[ArrayLike, ""]] = 1.0,
    mask: Bool[ArrayLike, "..."] | None = None,
    include_self: bool = True,
) -> ELL:
    """The voxels within a radius of each voxel of a regular grid, with their distances.

    Runs on the host (NumPy). Voxels are numbered in C order, those of the mask alone if there is one. Rows near the
    border of the grid or the mask have fewer entries. The result is symmetric; `ell_with_transpose` of it makes
    gradients that gather.

    Args:
      grid_shape: Size of each axis of the grid, of any number of axes.
      radius: Largest distance between centres in mm, 0 or more; voxels at that distance are within.
      spacing: Voxel size in mm, one number or one for each axis.
      mask: The voxels that have a row and a column, of the grid's shape. Default: all.
      include_self: Each voxel is an entry of its own row, at distance 0.
    Returns:
      The distances in mm, float32 (float64 where x64 is on): in each row the voxel itself, if wanted, then the others
      in ascending order of their numbers, then pads of value inf.
    Raises:
      TypeError: If the shape is not of integers, the mask not of truth values, radius or spacing no real number, or
        something is traced.
      ValueError: If a size is negative, radius or spacing does not fit, the mask is of another shape, or there would be
        more than 2^31 - 1 slots.
    Example:
      >>> near = grid_neighbourhood((2, 3), radius=2.0, spacing=(3.0, 2.0))
      >>> near.indices.tolist(), near.degree.tolist()
      ([[0, 1, 0], [1, 0, 2], [2, 1, 0], [3, 4, 0], [4, 3, 5], [5, 4, 0]], [2, 3, 2, 2, 3, 2])
    """
    name = "grid_neighbourhood"
    sizes = sizes_of(name, grid_shape)
    steps, distances = _steps(sizes, radius_of(name, radius), _spacings(name, spacing, len(sizes)))
    if not include_self:
        steps, distances = steps[1:], distances[1:]
    inside = _mask(name, mask, sizes)
    n = int(inside.sum())
    if n * len(steps) > MOST_SLOTS:
        raise ValueError(
            f"{name}: {n} voxels of up to {len(steps)} neighbours each are more slots than the {MOST_SLOTS} that int32 "
            f"can number; give a smaller radius or a mask."
        )
    columns = _columns(inside, steps)
    values = np.broadcast_to(distances.astype(jax.dtypes.canonicalize_dtype(np.float64)), columns.shape)
    degree: NDArray[np.int32] = (columns >= 0).sum(1).astype(np.int32)
    widest = int(degree.max(initial=0))
    if widest == len(steps) and (degree == widest).all():
        return ELL(constant(np.ascontiguousarray(values)), constant(columns), n, math.inf)
    # What counts comes first in each row, in the order of the steps.
    some = np.flatnonzero(degree < len(steps))
    order = np.argsort(columns[some] < 0, axis=1, kind="stable")
    counted = np.arange(len(steps)) < degree[some, None]
    values = values.copy()
    values[some] = np.where(counted, distances[order], np.inf)
    columns[some] = np.where(counted, np.take_along_axis(columns[some], order, 1), 0)
    values, columns = (np.ascontiguousarray(x[:, :widest]) for x in (values, columns))
    return ELL(constant(values), constant(columns), n, math.inf, degree=constant(degree))


def _columns(inside: NDArray[np.bool_], steps: NDArray[np.int64]) -> NDArray[np.int32]:
    """The number of the voxel that each step leads to, [voxels, steps]; -1 where there is none."""
    margin = np.abs(steps).max(0, initial=0)
    numbers = np.where(inside, (np.cumsum(inside) - 1).reshape(inside.shape), -1).astype(np.int32)
    padded = np.pad(numbers, [(m, m) for m in margin], constant_values=-1)
    strides = np.array([math.prod(padded.shape[a + 1 :]) for a in range(padded.ndim)], np.int64)
    places = np.flatnonzero(padded.ravel() >= 0)
    along, flat = steps @ strides, padded.ravel()
    columns = np.empty((len(places), len(steps)), np.int32)
    for first in range(0, len(places), BLOCK):
        some = slice(first, first + BLOCK)
        columns[some] = flat[places[some, None] + along]
    return columns


def _steps(
    sizes: tuple[int, ...], radius: float, spacings: list[float]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The steps to voxels within the radius, no step first, the others in C order; and their lengths."""
    allowed = radius * (1 + _ROUNDING)
    most = [min(int(allowed / h), max(size - 1, 0)) for h, size in zip(spacings, sizes)]
    box = np.array(list(itertools.product(*(range(-m, m + 1) for m in most))), np.int64)
    length = np.sqrt(np.square(box * np.asarray(spacings)).sum(1))
    near = length <= allowed
    box, length = box[near], length[near]
    order = np.argsort(length > 0, kind="stable")
    return box[order], length[order]


def _spacings(function: str, spacing: Any, rank: int) -> list[float]:
    given = on_host(function, "spacing", spacing)
    if given.dtype.kind not in "iuf":
        raise TypeError(f"{function}: spacing is of dtype {given.dtype}; give real numbers, in mm.")
    if given.shape not in ((), (rank,)):
        raise ValueError(
            f"{function}: spacing has shape {given.shape}, but the grid has {rank} axes; give one number, or one for "
            f"each."
        )
    each = [float(h) for h in np.broadcast_to(given, (rank,))]
    for h in each:
        if not (math.isfinite(h) and h > 0):
            raise ValueError(f"{function}: spacing {h} must be positive and finite.")
    return each


def _mask(function: str, mask: Any, sizes: tuple[int, ...]) -> NDArray[np.bool_]:
    if mask is None:
        return np.ones(sizes, bool)
    given = on_host(function, "mask", mask)
    if given.dtype != bool:
        raise TypeError(f"{function}: mask is of dtype {given.dtype}; give truth values, such as mask > 0.")
    if given.shape != sizes:
        raise ValueError(f"{function}: mask has shape {given.shape}, but the grid {sizes}.")
    return given
