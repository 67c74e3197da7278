"""Which voxel stands under each offset of each voxel of a grid, boundaries included; worked out on the host."""

import math
import operator
from collections.abc import Sequence
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nitrix._boundary import source_index
from nitrix.sparse.ell._pack import constant
from nitrix.sparse.ell.container import ELL

GridBoundary = Literal[
    "reflect",
    "mirror",
    "nearest",
    "constant",
    "wrap",
    "grid-mirror",
    "grid-constant",
    "grid-wrap",
    "replicate",
    "periodic",
]
_SYNONYMS = {
    "grid-mirror": "reflect",
    "grid-constant": "constant",
    "grid-wrap": "wrap",
    "replicate": "nearest",
    "periodic": "wrap",
}
MOST_VOXELS = 2**31 - 1  # columns are int32


def boundary_mode(function: str, boundary: str) -> str:
    """One of SciPy's five modes."""
    if boundary not in get_args(GridBoundary):
        names = ", ".join(repr(name) for name in get_args(GridBoundary))
        raise ValueError(f"{function}: boundary={boundary!r} is not known; give one of {names}.")
    return _SYNONYMS.get(boundary, boundary)


def sizes_of(function: str, grid_shape: Sequence[int]) -> tuple[int, ...]:
    """The sizes of the grid's axes."""
    try:
        sizes = tuple(operator.index(size) for size in grid_shape)
    except TypeError:
        raise TypeError(f"{function}: grid_shape is {grid_shape!r}; give the integers of a shape.") from None
    if not sizes or min(sizes) < 0:
        raise ValueError(
            f"{function}: grid_shape is {sizes}; give at least one axis, each of size 0 or more."
        )
    if math.prod(sizes) > MOST_VOXELS:
        raise ValueError(
            f"{function}: a grid of shape {sizes} has {math.prod(sizes)} voxels, more than the {MOST_VOXELS} that "
            f"int32 can number."
        )
    return sizes


def offsets_of(function: str, offsets: Any, rank: int) -> NDArray[np.int64]:
    """The offsets as integers, [taps rank]."""
    if isinstance(offsets, jax.core.Tracer):
        raise TypeError(
            f"{function}: offsets are traced, but the structure of a stencil is worked out on the host."
        )
    steps = np.asarray(offsets)
    if steps.size == 0:
        steps = np.zeros((0, rank), np.int64)
    if steps.dtype.kind not in "iu":
        raise TypeError(f"{function}: offsets are of dtype {steps.dtype}, but integers are needed.")
    if steps.ndim != 2 or steps.shape[1] != rank:
        raise ValueError(
            f"{function}: offsets have shape {steps.shape}, but (taps, {rank}) is needed, a step along each axis of "
            f"the grid."
        )
    return steps.astype(np.int64)


def columns_of(function: str, n_cols: int | None, voxels: int) -> int:
    """Columns of the matrix: the voxels, or more."""
    if n_cols is None:
        return voxels
    if n_cols < voxels:
        raise ValueError(f"{function}: n_cols is {n_cols}, but the grid has {voxels} voxels, each a column.")
    return n_cols


def stencil(
    sizes: tuple[int, ...], steps: NDArray[np.int64], weights: Any, mode: str, n_cols: int, identity: Any
) -> ELL:
    """The matrix of weights [taps], or [voxels taps], at the voxels that the steps lead to."""
    voxels, taps = math.prod(sizes), len(steps)
    columns, inside = np.zeros((voxels, taps), np.int32), np.ones((voxels, taps), bool)
    if voxels:
        strides = [math.prod(sizes[axis + 1 :]) for axis in range(len(sizes))]
        for tap, step in enumerate(steps):
            column, valid = np.zeros((1,) * len(sizes), np.int32), np.ones((1,) * len(sizes), bool)
            for axis, (size, stride) in enumerate(zip(sizes, strides, strict=True)):
                along = [1] * len(sizes)
                along[axis] = size
                source = source_index(np.arange(size) + step[axis], size, mode)
                valid = valid & (source < size).reshape(along)
                column = column + (np.minimum(source, size - 1) * stride).astype(np.int32).reshape(along)
            columns[:, tap] = np.broadcast_to(column, sizes).ravel()
            inside[:, tap] = np.broadcast_to(valid, sizes).ravel()
    xp: Any = jnp if isinstance(weights, jax.core.Tracer) else np
    weights = weights if xp is jnp else np.asarray(weights)
    values = xp.broadcast_to(weights, (voxels, taps))
    degree = inside.sum(1).astype(np.int32)
    if (degree == taps).all():
        return ELL(_known(values), _known(columns), n_cols, identity)
    # What counts comes first in each row, in the order of the offsets.
    order = np.argsort(~inside, axis=1, kind="stable")
    counted = np.arange(taps) < degree[:, None]
    pad = np.asarray(0 if identity is None else identity, values.dtype)
    values = xp.where(counted, xp.take_along_axis(values, order, 1), pad)
    columns = np.where(counted, np.take_along_axis(columns, order, 1), 0)
    return ELL(_known(values), _known(columns), n_cols, identity, degree=_known(degree))


def _known(array: Any) -> Any:
    """A JAX array of known values, known even while something else is traced."""
    return array if isinstance(array, jax.core.Tracer) else constant(np.asarray(array))
