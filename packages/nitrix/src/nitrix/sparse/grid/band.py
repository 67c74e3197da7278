"""Band matrices: a few diagonals, on a line of samples with any boundary."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Integer, Shaped

from nitrix.sparse.ell._host import check_identity, numbers
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.grid._structure import GridBoundary, boundary_mode, offsets_of, sizes_of, stencil


def band_matrix(
    n: int,
    offsets: Integer[ArrayLike, " bands"] | Sequence[int],
    diagonals: Shaped[ArrayLike, "bands"] | Shaped[ArrayLike, "bands n"] | Sequence[Any],
    *,
    boundary: GridBoundary = "constant",
    identity: Any = 0.0,
) -> ELL:
    """An n x n matrix of a few diagonals: row i has `diagonals[b, i]` in column `i + offsets[b]`.

    The structure is worked out on the host (NumPy); the diagonals may be traced, and derivatives pass through them.
    Rows count along a diagonal here, where `scipy.sparse.dia_array` counts columns.

    Args:
      n: Rows, and columns.
      offsets: How far each diagonal stands to the right of the main one; negative ones stand to its left.
      diagonals: One number for each diagonal, or one for each diagonal and row.
      boundary: What becomes of entries beyond the first or last column: with "constant" they are left out; otherwise
        they go to the column that `regular_grid_stencil`'s mode of that name puts there, as terms of their own
        ("wrap" makes a circulant matrix).
      identity: What pads hold.
    Returns:
      The matrix, of one slot for each diagonal.
    Raises:
      ValueError: If shapes do not fit or `boundary` is unknown.
      TypeError: If n or offsets are not integers, or offsets are traced.
    Example:
      >>> from nitrix.sparse import ell_to_dense
      >>> ell_to_dense(band_matrix(3, [-1, 0, 1], [-1.0, 2.0, -1.0]))
      Array([[ 2., -1.,  0.],
             [-1.,  2., -1.],
             [ 0., -1.,  2.]], dtype=float32)
    """
    name = "band_matrix"
    sizes, mode = sizes_of(name, (n,)), boundary_mode(name, boundary)
    given = offsets if isinstance(offsets, jax.core.Tracer) else np.asarray(offsets)
    if given.ndim != 1:
        raise ValueError(f"{name}: offsets have shape {given.shape}; give a list of integers.")
    steps = offsets_of(name, given if isinstance(given, jax.core.Tracer) else given[:, None], 1)
    bands: Any = (
        diagonals if isinstance(diagonals, jax.core.Tracer) else numbers(name, "diagonals", diagonals)
    )
    if bands.shape not in ((len(steps),), (len(steps), n)):
        raise ValueError(
            f"{name}: diagonals have shape {bands.shape}, but ({len(steps)},) or ({len(steps)}, {n}) is needed, a "
            f"number for each offset, or for each offset and row."
        )
    check_identity(name, identity, bands.dtype)
    return stencil(sizes, steps, bands.T, mode, n, identity)
