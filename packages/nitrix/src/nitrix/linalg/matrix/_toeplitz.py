"""Toeplitz matrices: constant along each diagonal."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Num

from nitrix._arguments import common_dtype, exact_array, whole_number


def toeplitz(
    c: Num[ArrayLike, "*#batch rows"],
    r: Num[ArrayLike, "*#batch columns"] | None = None,
    *,
    shape: tuple[int, int] | None = None,
    fill_value: Num[ArrayLike, "*#batch"] = 0,
) -> Num[Array, "*batch m n"]:
    """Toeplitz matrices from their first columns and first rows.

    `T[i, j]` is `c[i - j]` on and below the diagonal and `r[j - i]` above it, so that `c[0]` stands on the diagonal
    and `r[0]` is not read: SciPy's convention.

    Args:
      c: First columns, along the last axis.
      r: First rows, likewise. None: the conjugate of `c`, which makes the matrix Hermitian (symmetric if real).
      shape: Rows and columns of the result, which may be more than `c` and `r` have entries, then with `fill_value`
        on the diagonals beyond, or fewer. Default: the lengths of `c` and `r`.
      fill_value: What stands on diagonals beyond `c` and `r`: one number, or one for each of a batch.
    Returns:
      Matrices of the dtype that holds `c`, `r` and `fill_value`; leading axes broadcast.
    Raises:
      ValueError: If `c` or `r` is a single number, leading axes do not broadcast, or `shape` is not two numbers that
        are 0 or more.
    Note:
      Differences from `scipy.linalg.toeplitz`: batches, `shape` and `fill_value`. Linear, and differentiable in both
      modes in `c`, `r` and `fill_value`.
    References:
      Golub and Van Loan, Matrix Computations, 4th ed., section 4.7, 2013. doi:10.56021/9781421407944
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import toeplitz
      >>> toeplitz(jnp.asarray([1, 2, 3]), jnp.asarray([9, 5]), shape=(3, 4))
      Array([[1, 5, 0, 0],
             [2, 1, 5, 0],
             [3, 2, 1, 5]], dtype=int32)
    """
    return _checked(c, r, shape, fill_value, "toeplitz")


def toeplitz_2d(
    c: Num[ArrayLike, " rows"],
    r: Num[ArrayLike, " columns"] | None = None,
    *,
    shape: tuple[int, int] | None = None,
    fill_value: Num[ArrayLike, ""] = 0,
) -> Num[Array, "m n"]:
    """One Toeplitz matrix from its first column and first row: `toeplitz` without a batch.

    Args:
      c: First column.
      r: First row, whose first entry is not read. None: the conjugate of `c`.
      shape: Rows and columns of the result. Default: the lengths of `c` and `r`.
      fill_value: What stands on diagonals beyond `c` and `r`.
    Returns:
      The matrix, of the dtype that holds `c`, `r` and `fill_value`.
    Raises:
      ValueError: If `c` or `r` is no vector, or `shape` is not two numbers that are 0 or more.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import toeplitz_2d
      >>> toeplitz_2d(jnp.asarray([1.0, 2.0]))
      Array([[1., 2.],
             [2., 1.]], dtype=float32)
    """
    for name, vector in (("c", c), ("r", r), ("fill_value", fill_value)):
        wanted = int(name != "fill_value")
        if vector is not None and jnp.ndim(vector) != wanted:
            what = "a vector" if wanted else "one number"
            raise ValueError(
                f"toeplitz_2d: {name} has shape {jnp.shape(vector)}; give {what}, or call toeplitz for a batch."
            )
    return _checked(c, r, shape, fill_value, "toeplitz_2d")


def _checked(c: Any, r: Any, shape: Any, fill_value: Any, function: str) -> Num[Array, "..."]:
    column = exact_array(c, function, "c")
    row = jnp.conj(column) if r is None else exact_array(r, function, "r")
    fill = exact_array(fill_value, function, "fill_value")
    for name, vector in (("c", column), ("r", row)):
        if vector.ndim == 0:
            raise ValueError(f"{function}: {name} is a single number; give a vector, or a batch of them.")
    try:
        batch = jnp.broadcast_shapes(column.shape[:-1], row.shape[:-1], fill.shape)
    except ValueError:
        raise ValueError(
            f"{function}: leading axes do not broadcast: c {column.shape[:-1]}, r {row.shape[:-1]}, fill_value "
            f"{fill.shape}."
        ) from None
    if shape is None:
        shape = (column.shape[-1], row.shape[-1])
    if len(shape) != 2:
        raise ValueError(f"{function}: shape={shape} must be two numbers, rows and columns.")
    rows, columns = (whole_number("shape", size, function) for size in shape)
    dtype = common_dtype(column, row, fill if hasattr(fill_value, "dtype") else fill_value)
    operands = (column.astype(dtype), row.astype(dtype), fill.astype(dtype)[..., None])
    return _gathered(*operands, batch=batch, shape=(rows, columns))


@functools.partial(jax.jit, static_argnames=("batch", "shape"))
def _gathered(
    column: Num[Array, "..."],
    row: Num[Array, "..."],
    fill: Num[Array, "..."],
    *,
    batch: tuple[int, ...],
    shape: tuple[int, int],
) -> Num[Array, "..."]:
    """The diagonals from the upper right to the lower left as one line, gathered at i - j."""
    m, n = shape

    def laid(vector: Num[Array, "..."], length: int) -> Num[Array, "..."]:
        """As long as the diagonals need: cut, or filled."""
        vector = jnp.broadcast_to(vector[..., :length], (*batch, min(vector.shape[-1], length)))
        rest = jnp.broadcast_to(fill, (*batch, length - vector.shape[-1]))
        return jnp.concatenate([vector, rest], axis=-1)

    if m == 0 or n == 0:
        return jnp.zeros((*batch, m, n), column.dtype)
    line = jnp.concatenate([laid(row, n)[..., :0:-1], laid(column, m)], axis=-1)
    place = jnp.arange(m, dtype=jnp.int32)[:, None] - jnp.arange(n, dtype=jnp.int32) + (n - 1)
    return line[..., place]
