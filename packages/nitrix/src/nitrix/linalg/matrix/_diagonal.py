"""Diagonals of matrices: filled, deleted, made from vectors."""

import functools

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Num, Shaped

from nitrix._arguments import common_dtype, exact_array, whole_number


def fill_diagonal(
    A: Shaped[ArrayLike, "*batch m n"], *, fill: Num[ArrayLike, ""] = 0, offset: int = 0
) -> Shaped[Array, "*batch m n"]:
    """Replace a diagonal by one number; what stood there is not read, so NaN and infinity are harmless.

    Args:
      A: Matrices, square or not.
      fill: The number, which may be traced and is differentiable.
      offset: Which diagonal, by NumPy's sign: entries with column - row = offset. One outside the matrix is none.
    Returns:
      Matrices of the dtype of `A`, or of the dtype that holds `fill` as well where `fill` is of a higher kind.
    Raises:
      ValueError: If `A` is no matrix, or `fill` not one number.
    Note:
      Unlike `numpy.fill_diagonal` this returns a new array, leading axes are a batch and a tall matrix is not wrapped.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import fill_diagonal
      >>> fill_diagonal(jnp.zeros((2, 3), int), fill=7, offset=1)
      Array([[0, 7, 0],
             [0, 0, 7]], dtype=int32)
    """
    matrix = exact_array(A, "fill_diagonal", "A")
    number = exact_array(fill, "fill_diagonal", "fill")
    if number.ndim:
        raise ValueError(f"fill_diagonal: fill has shape {number.shape}; give one number.")
    dtype = common_dtype(matrix, fill)
    offset = whole_number("offset", offset, "fill_diagonal", least=None)
    _check_matrix(matrix, "fill_diagonal")
    return _filled(matrix.astype(dtype), number.astype(dtype), offset=offset)


def delete_diagonal(A: Shaped[ArrayLike, "*batch m n"]) -> Shaped[Array, "*batch m n"]:
    """Set the main diagonal to 0; what stood there is not read, so NaN and infinity are harmless.

    Args:
      A: Matrices, square or not, of any dtype; it is kept.
    Returns:
      Matrices with a diagonal of 0.
    Raises:
      ValueError: If `A` is no matrix.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import delete_diagonal
      >>> delete_diagonal(jnp.asarray([[jnp.nan, 1.0], [2.0, jnp.inf]]))
      Array([[0., 1.],
             [2., 0.]], dtype=float32)
    """
    matrix = exact_array(A, "delete_diagonal", "A")
    _check_matrix(matrix, "delete_diagonal")
    return _filled(matrix, jnp.zeros((), matrix.dtype), offset=0)


def diag_embed(v: Shaped[ArrayLike, "*batch n"], offset: int = 0) -> Shaped[Array, "*batch m m"]:
    """Matrices that are 0 beside one diagonal, which holds a vector.

    Args:
      v: Vectors of any dtype; it is kept.
      offset: Which diagonal, by NumPy's sign: above the main one where positive.
    Returns:
      Square matrices of `m = n + |offset|` rows.
    Raises:
      ValueError: If `v` is a single number.
    Note:
      As `numpy.diag` of each vector of a batch.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import diag_embed
      >>> diag_embed(jnp.asarray([3, 4]), -1)
      Array([[0, 0, 0],
             [3, 0, 0],
             [0, 4, 0]], dtype=int32)
    """
    vectors = exact_array(v, "diag_embed", "v")
    offset = whole_number("offset", offset, "diag_embed", least=None)
    if vectors.ndim == 0:
        raise ValueError("diag_embed: v is a single number; give a vector, or a batch of them.")
    return _embedded(vectors, offset=offset)


def _check_matrix(matrix: Shaped[Array, "..."], function: str) -> None:
    if matrix.ndim < 2:
        raise ValueError(f"{function}: A has shape {matrix.shape}; give a matrix, or a batch of them.")


@functools.partial(jax.jit, static_argnames="offset")
def _filled(
    matrix: Shaped[Array, "*batch m n"], number: Shaped[Array, ""], *, offset: int
) -> Shaped[Array, "*batch m n"]:
    return jnp.where(jnp.eye(matrix.shape[-2], matrix.shape[-1], offset, dtype=bool), number, matrix)


@functools.partial(jax.jit, static_argnames="offset")
def _embedded(vectors: Shaped[Array, "*batch n"], *, offset: int) -> Shaped[Array, "*batch m m"]:
    """The vector laid along rows or columns: the diagonal begins in row 0 or in column 0."""
    long = jnp.concatenate([vectors, jnp.zeros((*vectors.shape[:-1], abs(offset)), vectors.dtype)], axis=-1)
    laid = long[..., :, None] if offset >= 0 else long[..., None, :]
    diagonal = jnp.eye(long.shape[-1], None, offset, dtype=bool)
    return jnp.where(diagonal, laid, jnp.zeros((), vectors.dtype))
