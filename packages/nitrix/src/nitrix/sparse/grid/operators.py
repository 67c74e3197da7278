"""Differential operators on regular grids as sparse matrices: Laplacian and first derivatives."""

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Real

from nitrix.sparse.ell.container import ELL
from nitrix.sparse.grid._structure import GridBoundary, boundary_mode, sizes_of, stencil

Spacing = Real[ArrayLike, ""] | Real[ArrayLike, " axes"] | Sequence[Real[ArrayLike, ""]]
Scheme = Literal["central", "forward", "backward"]
Sign = Literal["negative", "positive"]

_TAPS = {  # steps, and weights in units of 1 / spacing
    "central": ((-1, 1), (-0.5, 0.5)),
    "forward": ((0, 1), (-1.0, 1.0)),
    "backward": ((-1, 0), (-1.0, 1.0)),
}


def grid_laplacian(
    grid_shape: Sequence[int],
    *,
    boundary: GridBoundary = "nearest",
    spacing: Spacing = 1.0,
    sign: Sign = "negative",
) -> ELL:
    """The Laplacian of a regular grid, second differences along each axis over the squared spacing.

    Voxels are numbered in C order. The structure is worked out on the host (NumPy); the spacing may be traced, and
    derivatives pass through it. With spacing 1 it is `scipy.ndimage.laplace` with the same mode.

    Args:
      grid_shape: Size of each axis of the grid, of any number of axes.
      boundary: As in `regular_grid_stencil`. "nearest" and "reflect" let nothing through the edges; "constant" holds
        the outside at 0.
      spacing: Voxel size, one number or one for each axis, in mm.
      sign: "negative" has negative numbers on the diagonal, as the operator itself; "positive" is minus that.
    Returns:
      The matrix, of 2 axes + 1 slots for each voxel, in 1 / mm^2.
    Raises:
      ValueError: If shapes do not fit, a spacing is not positive and finite, or an option is unknown.
      TypeError: If the shape is not of integers.
    References:
      R. J. LeVeque, Finite Difference Methods for Ordinary and Partial Differential Equations, 2007.
      doi:10.1137/1.9780898717839
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.sparse import apply_operator
      >>> squares = jnp.arange(5.0)[:, None] ** 2
      >>> apply_operator(grid_laplacian((5,), spacing=2.0), squares)[1:-1, 0]
      Array([0.5, 0.5, 0.5], dtype=float32)
    """
    name = "grid_laplacian"
    sizes, mode = sizes_of(name, grid_shape), boundary_mode(name, boundary)
    rank = len(sizes)
    if sign not in get_args(Sign):
        raise ValueError(f"{name}: sign is {sign!r}; give 'negative' or 'positive'.")
    steps = np.concatenate(
        [np.zeros((1, rank), np.int64), *([[row, -row] for row in np.eye(rank, dtype=np.int64)])]
    )
    inverse = [1 / (h * h) for h in _spacings(name, spacing, rank)]
    weights = _stack([-2 * sum(inverse), *(w for w in inverse for _ in range(2))])
    weights = weights if sign == "negative" else -weights
    return stencil(sizes, steps, weights, mode, math.prod(sizes), 0.0)


def grid_gradient(
    grid_shape: Sequence[int],
    *,
    axis: int,
    spacing: Spacing = 1.0,
    boundary: GridBoundary = "nearest",
    scheme: Scheme = "central",
) -> ELL:
    """The first derivative along one axis of a regular grid, by differences over the spacing.

    Voxels are numbered in C order. The structure is worked out on the host (NumPy); the spacing may be traced, and
    derivatives pass through it. Inside the grid "central" is `numpy.gradient`; at the edges, where NumPy's is
    one-sided, this one reads what the boundary puts outside.

    Args:
      grid_shape: Size of each axis of the grid, of any number of axes.
      axis: The axis, a negative one counted from the last.
      spacing: Voxel size, one number or one for each axis, in mm.
      boundary: As in `regular_grid_stencil`.
      scheme: "central" (x[v + 1] - x[v - 1]) / 2, "forward" x[v + 1] - x[v], or "backward" x[v] - x[v - 1].
    Returns:
      The matrix, of 2 slots for each voxel, in 1 / mm.
    Raises:
      ValueError: If shapes do not fit, the axis is out of range, a spacing is not positive and finite, or an option is
        unknown.
      TypeError: If the shape is not of integers.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.sparse import apply_operator
      >>> forward = grid_gradient((2, 3), axis=1, spacing=0.5, scheme="forward")
      >>> apply_operator(forward, jnp.asarray([0.0, 1.0, 3.0, 0.0, 2.0, 5.0])[:, None])[:, 0]
      Array([2., 4., 0., 4., 6., 0.], dtype=float32)
    """
    name = "grid_gradient"
    sizes, mode = sizes_of(name, grid_shape), boundary_mode(name, boundary)
    rank = len(sizes)
    if not -rank <= axis < rank:
        raise ValueError(f"{name}: axis is {axis}, but the grid has {rank} axes; give {-rank} to {rank - 1}.")
    if scheme not in _TAPS:
        raise ValueError(f"{name}: scheme is {scheme!r}; give 'central', 'forward' or 'backward'.")
    along, factors = _TAPS[scheme]
    steps = np.zeros((2, rank), np.int64)
    steps[:, axis] = along
    h = _spacings(name, spacing, rank)[axis]
    return stencil(sizes, steps, _stack([factor / h for factor in factors]), mode, math.prod(sizes), 0.0)


def _spacings(function: str, spacing: Any, rank: int) -> list[Any]:
    """One spacing for each axis: a Python number where it is known."""
    shape = (len(spacing),) if isinstance(spacing, list | tuple) else np.shape(spacing)
    if shape not in ((), (rank,)):
        raise ValueError(
            f"{function}: spacing has shape {shape}, but the grid has {rank} axes; give one number, or one for each."
        )
    each = [spacing] * rank if shape == () else [spacing[axis] for axis in range(rank)]
    known = [h if isinstance(h, jax.core.Tracer) else float(h) for h in each]
    for h in known:
        if isinstance(h, float) and not (math.isfinite(h) and h > 0):
            raise ValueError(f"{function}: spacing {h} must be positive and finite.")
    return [h if isinstance(h, float) else _floating(h) for h in known]


def _floating(h: Array) -> Array:
    return h if jnp.issubdtype(h.dtype, jnp.floating) else h.astype(jax.dtypes.canonicalize_dtype(np.float64))


def _stack(weights: list[Any]) -> Any:
    traced = [w.dtype for w in weights if isinstance(w, jax.core.Tracer)]
    if not traced:
        return np.asarray(weights, jax.dtypes.canonicalize_dtype(np.float64))
    dtype = jnp.result_type(*traced)
    return jnp.stack([jnp.asarray(w, dtype) for w in weights])
