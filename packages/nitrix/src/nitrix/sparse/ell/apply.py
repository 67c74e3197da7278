"""Products of an adjacency, flat or sectioned, with a dense field, over any algebra."""

from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Shaped

from nitrix.backend import Backend
from nitrix.semiring import REAL, Semiring, ell_products
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL

MeshOperator = ELL | SectionedELL


def apply_operator(
    op: ELL | SectionedELL,
    x: Shaped[ArrayLike, "*#batch n d"],
    *,
    semiring: Semiring[Any] | None = None,
    backend: Backend = "auto",
) -> Shaped[Array, "*#batch m d"]:
    """Apply a sparse matrix, flat or sectioned, to a field: `out[i, d] = (+)_p values[i, p] (*) x[indices[i, p], d]`.

    Dtypes, NaN, ties and derivatives are those of `semiring_ell_matmul`.

    Args:
      op: The matrix, m x n.
      x: The field, one row for each column of the matrix; leading axes are a batch.
      semiring: The algebra. Default: REAL.
      backend: "auto", "pallas-cuda", "pallas-tpu" or "jax".
    Returns:
      The field after the matrix; a row without entries is the algebra's identity.
    Raises:
      ValueError: If `x` has another number of rows than the matrix has columns.
      TypeError: As `semiring_ell_matmul`.
    Example:
      >>> from nitrix.sparse import ell_from_ragged
      >>> ell = ell_from_ragged([[1.0, 1.0], [2.0]], [[0, 1], [1]], n_cols=2)
      >>> apply_operator(ell, jnp.asarray([[1.0], [10.0]]))
      Array([[11.],
             [20.]], dtype=float32)
    """
    x = jnp.asarray(x)
    _check_rows("apply_operator", "x", x, op.n_cols, "columns")
    return ell_products.matmul("apply_operator", op, x, semiring=semiring or REAL, backend=backend, dense="x")


def sectioned_semiring_ell_matmul(
    sectioned: SectionedELL,
    B: Shaped[ArrayLike, "*#batch n c"],
    *,
    semiring: Semiring[Any] = REAL,
    backend: Backend = "auto",
) -> Shaped[Array, "*#batch m c"]:
    """Multiply a sectioned sparse matrix by a dense one, section by section, with the rows brought back in order.

    Dtypes, NaN, ties and derivatives are those of `semiring_ell_matmul`.

    Args:
      sectioned: The matrix, m x n.
      B: Dense operand.
      semiring: The algebra.
      backend: "auto", "pallas-cuda", "pallas-tpu" or "jax".
    Returns:
      The product; a row without entries is the algebra's identity.
    Raises:
      ValueError: If `B` has another number of rows than the matrix has columns.
      TypeError: As `semiring_ell_matmul`.
    Example:
      >>> from nitrix.sparse import sectioned_ell_from_ragged
      >>> matrix = sectioned_ell_from_ragged([[1.0, 2.0, 3.0], [], [4.0]], [[0, 1, 2], [], [1]], n_cols=3)
      >>> sectioned_semiring_ell_matmul(matrix, jnp.asarray([[1.0], [10.0], [100.0]]))
      Array([[321.],
             [  0.],
             [ 40.]], dtype=float32)
    """
    name, B = "sectioned_semiring_ell_matmul", jnp.asarray(B)
    _check_rows(name, "B", B, sectioned.n_cols, "columns")
    return ell_products.matmul(name, sectioned, B, semiring=semiring, backend=backend)


def sectioned_semiring_ell_rmatvec(
    sectioned: SectionedELL, X: Shaped[ArrayLike, "*#batch m c"], *, semiring: Semiring[Any] = REAL
) -> Shaped[Array, "*#batch n c"]:
    """Multiply the transpose of a sectioned sparse matrix by a dense one.

    `out[j, c]` is the sum (+) of `value (*) X[i, c]` over all entries in column j, i being their row. Dtypes, NaN and
    derivatives are those of `semiring_ell_rmatvec`; where several entries attain an extremum, its derivative goes
    through the first one in the order of the sections.

    Args:
      sectioned: The matrix, m x n.
      X: Dense operand.
      semiring: A built-in algebra.
    Returns:
      The product; a column without entries is the algebra's identity.
    Raises:
      ValueError: If `X` has another number of rows than the matrix.
      TypeError: As `semiring_ell_rmatvec`.
    Example:
      >>> from nitrix.sparse import sectioned_ell_from_ragged
      >>> matrix = sectioned_ell_from_ragged([[1.0, 2.0, 3.0], [], [4.0]], [[0, 1, 2], [], [1]], n_cols=3)
      >>> sectioned_semiring_ell_rmatvec(matrix, jnp.asarray([[1.0], [10.0], [100.0]]))
      Array([[  1.],
             [402.],
             [  3.]], dtype=float32)
    """
    name, X = "sectioned_semiring_ell_rmatvec", jnp.asarray(X)
    _check_rows(name, "X", X, sectioned.n_rows, "rows")
    return ell_products.rmatvec(name, sectioned, X, semiring=semiring, backend="auto")


def _check_rows(function: str, name: str, x: Array, expected: int, of: str) -> None:
    if x.ndim < 2:
        raise ValueError(f"{function}: {name} has shape {x.shape}, but a matrix is needed; add an axis.")
    if x.shape[-2] != expected:
        raise ValueError(
            f"{function}: {name} has {x.shape[-2]} rows ({name} {x.shape}), but the sparse matrix has {expected} {of}; "
            f"{name} needs one row for each."
        )
