"""The sparse matrix of a stencil that is the same at every voxel of a regular grid."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Integer, Shaped

from nitrix.sparse.ell._host import check_identity, numbers
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.grid._structure import (
    GridBoundary,
    boundary_mode,
    columns_of,
    offsets_of,
    sizes_of,
    stencil,
)


def regular_grid_stencil(
    grid_shape: Sequence[int],
    offsets: Integer[ArrayLike, "taps axes"] | Sequence[Sequence[int]],
    weights: Shaped[ArrayLike, " taps"] | Sequence[Any],
    *,
    boundary: GridBoundary = "nearest",
    n_cols: int | None = None,
    identity: Any = 0.0,
) -> ELL:
    """The matrix of a stencil: `(A x)[v]` is the sum of `weights[t] * x[v + offsets[t]]`, over any algebra.

    Voxels are numbered in C order. The structure is worked out on the host (NumPy); the weights may be traced, and
    derivatives pass through them. Over the reals it is `scipy.ndimage.correlate` with the same mode.

    Args:
      grid_shape: Size of each axis of the grid, of any number of axes; an axis may be shorter than the stencil.
      offsets: Steps of each tap along each axis, in voxels.
      weights: Weight of each tap.
      boundary: What stands beyond the edges, by SciPy's names: "reflect" (d c b a | a b c d), "mirror" (d c b |
        a b c d), "nearest" (also "replicate"), "wrap" (also "periodic"), or "constant": nothing, so that taps outside
        are left out of the row. Code that asked another library for 'reflect' may mean "mirror".
      n_cols: Columns of the matrix, if there are to be more than voxels.
      identity: What pads hold; there are pads with "constant" only.
    Returns:
      The matrix, a row for each voxel and a slot for each tap. Taps that a boundary brings to one voxel stay terms of
      their own.
    Raises:
      ValueError: If shapes do not fit, `boundary` is unknown, `n_cols` is too small, or there are more than 2^31 - 1
        voxels.
      TypeError: If shape or offsets are not integers, or offsets are traced.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.sparse import apply_operator
      >>> step = regular_grid_stencil((4,), [[0], [1]], [-1.0, 1.0], boundary="nearest")
      >>> apply_operator(step, jnp.asarray([[1.0], [2.0], [4.0], [8.0]]))[:, 0]
      Array([1., 2., 4., 0.], dtype=float32)
    """
    name = "regular_grid_stencil"
    sizes = sizes_of(name, grid_shape)
    steps = offsets_of(name, offsets, len(sizes))
    taps: Any = weights if isinstance(weights, jax.core.Tracer) else numbers(name, "weights", weights)
    if taps.shape != (len(steps),):
        raise ValueError(
            f"{name}: weights have shape {taps.shape}, but one for each of the {len(steps)} offsets is needed."
        )
    check_identity(name, identity, taps.dtype)
    mode = boundary_mode(name, boundary)
    return stencil(sizes, steps, taps, mode, columns_of(name, n_cols, int(np.prod(sizes))), identity)


def grid_identity(grid_shape: Sequence[int], *, n_cols: int | None = None) -> ELL:
    """The identity matrix of a regular grid: one entry, 1, for each voxel, float32.

    Runs on the host (NumPy).

    Args:
      grid_shape: Size of each axis of the grid.
      n_cols: Columns of the matrix, if there are to be more than voxels.
    Returns:
      The matrix.
    Raises:
      ValueError: If a size is negative, `n_cols` is too small, or there are more than 2^31 - 1 voxels.
      TypeError: If the shape is not of integers.
    Example:
      >>> grid_identity((2, 3)).shape
      (6, 6)
    """
    name = "grid_identity"
    sizes = sizes_of(name, grid_shape)
    columns = columns_of(name, n_cols, int(np.prod(sizes)))
    centre = np.zeros((1, len(sizes)), np.int64)
    return stencil(sizes, centre, np.ones(1, np.float32), "nearest", columns, 0.0)
