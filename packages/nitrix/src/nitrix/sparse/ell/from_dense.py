"""Sparse matrices from dense ones."""

from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Shaped
from numpy.typing import NDArray

from nitrix.sparse.ell._host import check_identity, count, numbers
from nitrix.sparse.ell._pack import pack_flat
from nitrix.sparse.ell.container import ELL


def ell_from_dense(
    dense: Shaped[ArrayLike, "m n"],
    *,
    k_max: int | None = None,
    threshold: float | int = 0.0,
    identity: Any = 0.0,
    symmetrize: bool = False,
) -> ELL:
    """The entries of a dense matrix that stand out, row by row, in the order of their columns.

    Runs on the host (NumPy), and so is not differentiable; where a gradient is wanted, gather the values from the dense
    matrix: `ell.replace(values=jnp.take_along_axis(dense, ell.indices, 1))`.

    An entry is what differs from `identity` by more than `threshold`: with the default, what is not zero. NaN is always
    an entry, and the first to be kept.

    Args:
      dense: The matrix.
      k_max: At most so many entries are kept in each row: those that differ most from `identity`, of equal ones the
        first. Also the number of slots of each row. Default: as many as the fullest row has, at least 1.
      threshold: Difference up to which nothing is stored; a negative one stores everything.
      identity: What stands where there is no entry, and in pads: 0, or the infinity of the algebra.
      symmetrize: Store `(S + S') / 2` of what is kept, S, wherever S or its transpose has an entry; rows may then have
        more than `k_max` entries. Integers become real numbers.
    Returns:
      The matrix, with a degree for each row unless all are full.
    Raises:
      ValueError: If `dense` is no matrix, k_max is negative, threshold is NaN, identity does not fit the dtype, or
        `symmetrize` is asked of what is not square or of an infinite identity.
      TypeError: If `dense` is traced or holds no numbers.
    Example:
      >>> import jax.numpy as jnp
      >>> ell = ell_from_dense(jnp.asarray([[0.0, 2.0, -3.0], [1.0, 0.0, 0.0]]))
      >>> ell.values.tolist(), ell.indices.tolist(), ell.degree.tolist()
      ([[2.0, -3.0], [1.0, 0.0]], [[1, 2], [0, 0]], [2, 1])
    """
    name = "ell_from_dense"
    matrix = numbers(name, "dense", dense)
    if matrix.ndim != 2:
        raise ValueError(f"{name}: dense has shape {matrix.shape}, but a matrix is needed.")
    if np.isnan(threshold):
        raise ValueError(f"{name}: threshold is NaN; give a number.")
    check_identity(name, identity, matrix.dtype)
    chosen, rank = _entries(matrix, 0 if identity is None else identity, threshold)
    width = max(int(chosen.sum(1).max(initial=0)), 1) if k_max is None else count(name, "k_max", k_max)
    if k_max is not None and width < matrix.shape[1]:
        first = np.argsort(-np.where(chosen, rank, -np.inf), axis=1, kind="stable")[:, :width]
        kept = np.zeros(matrix.shape, bool)
        np.put_along_axis(kept, first, True, axis=1)
        chosen &= kept
    if symmetrize:
        matrix, chosen = _symmetrized(name, matrix, chosen, identity)
        width = max(width, int(chosen.sum(1).max(initial=0)))
    rows, columns = np.nonzero(chosen)
    degree = chosen.sum(1).astype(np.int64)
    width = width if matrix.shape[1] else 0
    return pack_flat(
        degree, columns, matrix[rows, columns], n_cols=matrix.shape[1], k_max=width, identity=identity
    )


def _entries(
    matrix: NDArray[Any], identity: Any, threshold: float | int
) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """What differs from the identity by more than the threshold, and a number that grows with the difference."""
    wide = matrix.astype(np.complex128 if matrix.dtype.kind == "c" else np.float64)
    if np.isinf(identity):  # everything else is infinitely far from it
        chosen, rank = wide != identity, (wide if identity < 0 else -wide)
    else:
        with np.errstate(invalid="ignore"):
            rank = np.abs(wide - identity)
        chosen = ~(rank <= threshold)
    return chosen, np.where(np.isnan(rank), np.inf, rank)


def _symmetrized(
    function: str, matrix: NDArray[Any], chosen: NDArray[np.bool_], identity: Any
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{function}: symmetrize needs a square matrix, but dense has shape {matrix.shape}.")
    outside = 0 if identity is None else identity
    if np.isinf(outside):
        raise ValueError(
            f"{function}: symmetrize averages an entry with {outside} where its mirror image has none; use a finite "
            f"identity, or symmetrize the dense matrix yourself."
        )
    if matrix.dtype.kind in "iub":
        matrix = matrix.astype(jax.dtypes.canonicalize_dtype(np.float64))
    kept = np.where(chosen, matrix, np.asarray(outside, matrix.dtype))
    half = np.asarray(0.5, matrix.dtype)
    return kept * half + kept.T * half, chosen | chosen.T
