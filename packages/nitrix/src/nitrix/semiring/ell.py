"""Products of a sparse matrix in ELL form (rows of slots) with a dense one, over a semiring."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Integer, Shaped

from nitrix.backend import Backend
from nitrix.semiring import ell_products
from nitrix.semiring.adjacency import Adjacency, SectionedAdjacency
from nitrix.semiring.algebra import Semiring
from nitrix.semiring.algebras import REAL
from nitrix.semiring.stored import check_range


class _Slots(NamedTuple):
    """The operands of a call as an adjacency."""

    values: Array
    indices: Array
    n_cols: int
    degree: Array | None
    transposed: Adjacency | SectionedAdjacency | None


def semiring_ell_matmul(
    values: Shaped[ArrayLike, "*#batch m k_max"],
    indices: Integer[ArrayLike, "*#batch m k_max"],
    B: Shaped[ArrayLike, "*#batch n c"],
    *,
    semiring: Semiring[Any] = REAL,
    n_rows: int | None = None,
    n_cols: int | None = None,
    degree: Integer[ArrayLike, "*#batch m"] | None = None,
    transposed: Adjacency | SectionedAdjacency | None = None,
    backend: Backend = "auto",
) -> Shaped[Array, "*#batch m c"]:
    """Multiply a sparse matrix by a dense one: `out[i, c] = (+)_p values[i, p] (*) B[indices[i, p], c]`.

    Row i of the sparse matrix has the entries `values[i, p]` in the columns `indices[i, p]`. Rows with fewer than k_max
    entries are padded: name their number of entries in `degree`, or let the surplus values be the algebra's
    `annihilator` (EUCLIDEAN has none and needs `degree`). Duplicate entries are terms of their own. The
    (m, k_max, c) array of terms is never made, forward or backward.

    Dtypes, NaN, infinities and ties are treated as by `semiring_matmul`; so are derivatives, in values and B. Without
    `transposed` the gradient in B scatters, in an order that is not fixed on a GPU, and on the plain path forward mode
    serves every algebra. With it reverse mode gathers in a fixed order, and JAX refuses forward mode of the first
    derivative.

    Args:
      values: Entries.
      indices: Column of each entry, from 0 to n - 1; those of slots past `degree` may be anything.
      B: Dense operand.
      semiring: The algebra, a built-in one or your own `Semiring`.
      n_rows: If given, checked to be m.
      n_cols: If given, checked to be n.
      degree: Entries per row, from 0 to k_max: slots past it never contribute. Default: every slot counts.
      transposed: The slots by column, of the adjacency of these indices and degrees (`.transposed` of
        `nitrix.sparse.ell_with_transpose`).
      backend: "auto", "pallas-cuda", "pallas-tpu" or "jax".
    Returns:
      The product; a row without entries is the algebra's identity.
    Raises:
      ValueError: If shapes do not fit, or an index or a degree is out of range. Under `jit` their values cannot be
        looked at: a row with an index out of range then comes back NaN (integer and boolean results leave such
        entries out).
      TypeError: If indices or degree are not integers; otherwise as `semiring_matmul`.
    References:
      D. R. Kincaid et al., ITPACKV 2D user's guide, 1989. doi:10.2172/7093021
    Example:
      >>> import jax.numpy as jnp
      >>> path = jnp.asarray([[1, 0], [0, 2], [1, 0]])  # neighbours on the graph 0 - 1 - 2
      >>> semiring_ell_matmul(jnp.ones((3, 2)), path, jnp.asarray([[1.0], [2.0], [4.0]]), degree=jnp.asarray([1, 2, 1]))
      Array([[2.],
             [5.],
             [2.]], dtype=float32)
    """
    name = "semiring_ell_matmul"
    values, indices, B, degree = _arrays(name, values, indices, degree, B=B)
    _check_size(name, "n_rows", n_rows, values.shape[-2], "values has {} rows")
    _check_size(name, "n_cols", n_cols, B.shape[-2], "B has {} rows")
    checked = check_range(name, indices, degree, B.shape[-2], "B has as many rows")
    slots = _Slots(values, indices, B.shape[-2], degree, transposed)
    return ell_products.matmul(name, slots, B, semiring=semiring, backend=backend, checked=checked)


def semiring_ell_rmatvec(
    values: Shaped[ArrayLike, "*#batch m k_max"],
    indices: Integer[ArrayLike, "*#batch m k_max"],
    X: Shaped[ArrayLike, "*#batch m c"],
    *,
    n_cols: int,
    semiring: Semiring[Any] = REAL,
    degree: Integer[ArrayLike, "*#batch m"] | None = None,
    transposed: Adjacency | SectionedAdjacency | None = None,
    backend: Backend = "auto",
) -> Shaped[Array, "*#batch {n_cols} c"]:
    """Multiply the transpose of a sparse matrix by a dense one.

    `out[j, c]` is the sum (+) of `values[i, p] (*) X[i, c]` over all entries (i, p) with `indices[i, p] = j`. Defined
    for the six built-in algebras, whose sums can be scattered in any order.

    Args:
      values: Entries.
      indices: Column of each entry, from 0 to n_cols - 1; those of slots past `degree` may be anything.
      X: Dense operand.
      n_cols: Columns of the sparse matrix, that is rows of the result.
      semiring: A built-in algebra.
      degree: Entries per row, from 0 to k_max: slots past it never contribute. Default: every slot counts.
      transposed: The slots by column, of the adjacency of these indices and degrees (`.transposed` of
        `nitrix.sparse.ell_with_transpose`): the product then gathers and scatters nothing, in either direction.
      backend: "auto", "pallas-cuda", "pallas-tpu" or "jax"; the plain path is the only implementation.
    Returns:
      The product; a column without entries gives the algebra's identity. Where several entries attain an extremum, its
      derivative goes through the first one, counted along the rows.
    Raises:
      ValueError: If shapes do not fit, or an index or a degree is out of range. Under `jit` their values cannot be
        looked at: an index out of range then makes the whole result NaN (integer and boolean results leave such
        entries out).
      TypeError: If the algebra is not built in, or indices or degree are not integers.
    Example:
      >>> import jax.numpy as jnp
      >>> semiring_ell_rmatvec(jnp.asarray([[3.0], [4.0]]), jnp.asarray([[1], [1]]), jnp.ones((2, 1)), n_cols=3)
      Array([[0.],
             [7.],
             [0.]], dtype=float32)
    """
    name = "semiring_ell_rmatvec"
    values, indices, X, degree = _arrays(name, values, indices, degree, X=X)
    if X.shape[-2] != values.shape[-2]:
        raise ValueError(
            f"{name}: values has {values.shape[-2]} rows but X has {X.shape[-2]} (values {values.shape}, X {X.shape}); "
            f"X needs one row for each row of the sparse matrix."
        )
    if n_cols < 0:
        raise ValueError(f"{name}: n_cols is {n_cols}; give the number of columns, 0 or more.")
    checked = check_range(name, indices, degree, n_cols, "n_cols is")
    slots = _Slots(values, indices, n_cols, degree, transposed)
    return ell_products.rmatvec(name, slots, X, semiring=semiring, backend=backend, checked=checked)


def _arrays(
    name: str, values: Any, indices: Any, degree: Any, **dense: Any
) -> tuple[Array, Array, Array, Array | None]:
    """The operands as arrays of shapes and dtypes that fit."""
    ((dense_name, x),) = dense.items()
    values, indices, x = jnp.asarray(values), jnp.asarray(indices), jnp.asarray(x)
    for what, array in (("values", values), ("indices", indices), (dense_name, x)):
        if array.ndim < 2:
            raise ValueError(f"{name}: {what} has shape {array.shape}, but a matrix is needed; add an axis.")
    if values.shape[-2:] != indices.shape[-2:]:
        raise ValueError(
            f"{name}: values {values.shape} and indices {indices.shape} differ in their last two axes, [m, k_max]; "
            f"every value needs its column."
        )
    shapes = {"values": values.shape[:-2], "indices": indices.shape[:-2], dense_name: x.shape[:-2]}
    integers = {"indices": indices}
    if degree is not None:
        degree = jnp.asarray(degree)
        integers["degree"] = degree
        shapes["degree"] = degree.shape[:-1]
        if degree.shape[-1:] != values.shape[-2:-1]:
            raise ValueError(
                f"{name}: degree has shape {degree.shape}, but one number for each of the {values.shape[-2]} rows is "
                f"needed."
            )
    for what, array in integers.items():
        if not jnp.issubdtype(array.dtype, jnp.integer):
            raise TypeError(f"{name}: {what} is of dtype {array.dtype}, but integers are needed.")
    try:
        jnp.broadcast_shapes(*shapes.values())
    except ValueError:
        given = ", ".join(f"{what} {shape}" for what, shape in shapes.items())
        raise ValueError(f"{name}: the leading axes do not broadcast: {given}.") from None
    return values, indices, x, degree


def _check_size(name: str, what: str, given: int | None, actual: int, because: str) -> None:
    if given is not None and given != actual:
        raise ValueError(f"{name}: {what} is {given}, but {because.format(actual)}.")
