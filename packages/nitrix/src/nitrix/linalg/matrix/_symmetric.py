"""Symmetric matrices, and the vectors of their upper triangles."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Inexact, Num, Shaped

from nitrix._arguments import exact_array, floating, whole_number


def symmetric(
    X: Num[ArrayLike, "..."], *, skew: bool = False, axes: tuple[int, int] = (-2, -1)
) -> Inexact[Array, "..."]:
    """The symmetric or the skew-symmetric part of a matrix: (X + X') / 2 or (X - X') / 2.

    Complex matrices are transposed and not conjugated. Linear, so exact in both modes of differentiation.

    Args:
      X: Matrices, square in the two axes.
      skew: Whether the skew-symmetric part is wanted.
      axes: The two axes of the matrix; all others are a batch.
    Returns:
      The part, of the shape and floating dtype of `X`; integers are taken as the default float.
    Raises:
      ValueError: If the axes are not two different axes of `X`, or differ in length.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import symmetric
      >>> symmetric(jnp.asarray([[1.0, 4.0], [2.0, 3.0]]))
      Array([[1., 3.],
             [3., 3.]], dtype=float32)
    """
    matrix = floating(X, "symmetric", "X")
    if (
        any(not -matrix.ndim <= axis < matrix.ndim for axis in axes)
        or len({a % matrix.ndim for a in axes}) != 2
    ):
        raise ValueError(
            f"symmetric: axes={axes} must be two different axes of X, whose shape is {matrix.shape}."
        )
    if matrix.shape[axes[0]] != matrix.shape[axes[1]]:
        raise ValueError(f"symmetric: X of shape {matrix.shape} is not square in axes {axes}.")
    return _part(matrix, skew=skew, axes=(axes[0], axes[1]))


def sym2vec(sym: Shaped[ArrayLike, "*batch n n"], offset: int = 1) -> Shaped[Array, "*batch entry"]:
    """The upper triangle of a square matrix as a vector, row by row: SciPy's order of `squareform`.

    What stands below the diagonal is not read and gets a gradient of 0. `vec2sym` is the inverse.

    Args:
      sym: Matrices of any dtype; it is kept.
      offset: The first diagonal that is taken: 0 is the main one, 1 leaves it out.
    Returns:
      Vectors of m (m + 1) / 2 entries, m = n - offset, or none where offset exceeds n.
    Raises:
      ValueError: If the matrices are not square, or `offset` is negative.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import sym2vec
      >>> sym2vec(jnp.asarray([[9, 1, 2], [1, 9, 3], [2, 3, 9]]))
      Array([1, 2, 3], dtype=int32)
    """
    matrix = exact_array(sym, "sym2vec", "sym")
    check_square(matrix, "sym2vec", "sym")
    return _upper_triangle(matrix, offset=whole_number("offset", offset, "sym2vec"))


def vec2sym(vec: Shaped[ArrayLike, "*batch entry"], offset: int = 1) -> Shaped[Array, "*batch n n"]:
    """The symmetric matrix whose upper triangle is a vector: the inverse of `sym2vec`.

    Args:
      vec: Upper triangles, row by row, of any dtype; it is kept.
      offset: The diagonal that the triangle begins at. Diagonals nearer to the main one are 0; with offset 0 the
        main diagonal is filled, once.
    Returns:
      Symmetric matrices of n = m + offset rows, where the vectors have m (m + 1) / 2 entries.
    Raises:
      ValueError: If the number of entries is not triangular (0, 1, 3, 6, 10, ...), or `offset` is negative.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import vec2sym
      >>> vec2sym(jnp.asarray([1, 2, 3]))
      Array([[0, 1, 2],
             [1, 0, 3],
             [2, 3, 0]], dtype=int32)
    """
    vectors = exact_array(vec, "vec2sym", "vec")
    offset = whole_number("offset", offset, "vec2sym")
    if vectors.ndim == 0:
        raise ValueError("vec2sym: vec is a single number; give a vector, or a batch of them.")
    if not is_triangular(vectors.shape[-1]):
        raise ValueError(
            f"vec2sym: vec has {vectors.shape[-1]} entries, which fill no triangle; give m (m + 1) / 2 of them, such "
            f"as 1, 3, 6 or 10."
        )
    return _matrix_of(vectors, offset=offset)


@functools.partial(jax.jit, static_argnames=("skew", "axes"))
def _part(matrix: Inexact[Array, "..."], *, skew: bool, axes: tuple[int, int]) -> Inexact[Array, "..."]:
    transposed = jnp.swapaxes(matrix, *axes)
    return (matrix - transposed if skew else matrix + transposed) / 2


def check_square(matrix: Shaped[Array, "..."], function: str, name: str) -> None:
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(
            f"{function}: {name} has shape {matrix.shape}; its last two axes must be a square matrix."
        )


def is_triangular(entries: int) -> bool:
    return math.isqrt(8 * entries + 1) ** 2 == 8 * entries + 1


@functools.partial(jax.jit, static_argnames="offset")
def _upper_triangle(matrix: Shaped[Array, "..."], *, offset: int) -> Shaped[Array, "..."]:
    """A gather at the rows and columns of the triangle, which are worked out on the device."""
    m = max(matrix.shape[-1] - offset, 0)
    # Counted from its end, row r of the triangle begins at entry r (r + 1) / 2.
    left = jnp.arange(m * (m + 1) // 2, dtype=jnp.int32)[::-1]
    r = jnp.floor((jnp.sqrt(8 * left.astype(jnp.float32) + 1) - 1) / 2).astype(jnp.int32)
    r -= (r * (r + 1) // 2 > left).astype(jnp.int32)  # the square root is rounded
    r += ((r + 1) * (r + 2) // 2 <= left).astype(jnp.int32)
    row = m - 1 - r
    column = m - 1 - (left - r * (r + 1) // 2) + offset
    return matrix[..., row, column]


@functools.partial(jax.jit, static_argnames="offset")
def _matrix_of(vectors: Shaped[Array, "..."], *, offset: int) -> Shaped[Array, "..."]:
    """A gather at the place of each entry of the matrix in the triangle."""
    m = (math.isqrt(8 * vectors.shape[-1] + 1) - 1) // 2
    n = m + offset
    if m == 0:
        return jnp.zeros((*vectors.shape[:-1], n, n), vectors.dtype)
    index = jnp.arange(n, dtype=jnp.int32)
    low, high = jnp.minimum(index[:, None], index), jnp.maximum(index[:, None], index) - offset
    place = low * (2 * m - 1 - low) // 2 + high  # row `low` of the triangle begins at low (2 m + 1 - low) / 2
    filled: Any = high >= low
    entries = vectors[..., jnp.where(filled, place, 0)]
    return jnp.where(filled, entries, jnp.zeros((), vectors.dtype))
