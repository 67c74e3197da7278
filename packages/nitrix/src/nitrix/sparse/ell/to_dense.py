"""The dense matrix that acts as a sparse one."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Shaped

from nitrix.semiring import (
    BOOLEAN,
    LOG,
    REAL,
    TROPICAL_MAX_PLUS,
    TROPICAL_MIN_PLUS,
    Semiring,
    semiring_ell_matmul,
)
from nitrix.sparse.ell._entries import entries_of, flat_values, sections_of
from nitrix.sparse.ell._pack import pack_flat, with_values
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL

# What every value times (*) is itself.
_ONES: dict[Semiring[Any], float | bool] = {
    LOG: 0.0,
    TROPICAL_MAX_PLUS: 0.0,
    TROPICAL_MIN_PLUS: 0.0,
    BOOLEAN: True,
}


def ell_to_dense(
    adjacency: ELL | SectionedELL, *, semiring: Semiring[Any] | None = None
) -> Shaped[Array, "*batch m n"]:
    """The dense matrix whose products over the algebra are those of the sparse one.

    Over the reals duplicate entries add, and everything else is 0; also under `jit`, and with leading axes on anything.
    Over another algebra duplicates are summed (+) by it and everything else is its annihilator; the structure is then
    worked out on the host (NumPy). Differentiable in the values.

    Args:
      adjacency: The matrix.
      semiring: The algebra. Default: the reals, in the dtype of the values (truth values stay such, with "or" as sum).
    Returns:
      The dense matrix.
    Raises:
      ValueError: If the algebra has no annihilator, so that no dense matrix acts as a sparse one.
      TypeError: If the algebra is not the reals and indices or degree are traced, or the algebra is your own and
        there are duplicate entries.
    Example:
      >>> from nitrix.semiring import TROPICAL_MIN_PLUS
      >>> from nitrix.sparse import ell_from_ragged
      >>> ell = ell_from_ragged([[1.0, 2.0], []], [[1, 1], []], n_cols=2)
      >>> ell_to_dense(ell)
      Array([[0., 3.],
             [0., 0.]], dtype=float32)
      >>> ell_to_dense(ell, semiring=TROPICAL_MIN_PLUS)
      Array([[inf,  1.],
             [inf, inf]], dtype=float32)
    """
    name = "ell_to_dense"
    if semiring is None or _kind(semiring) == _kind(REAL):
        return _scattered(adjacency)
    if semiring.annihilator is None:
        raise ValueError(
            f"{name}: the algebra {semiring.name!r} has no annihilator, so that a dense matrix, which has something "
            f"everywhere, cannot act as a sparse one; for the values themselves leave semiring out."
        )
    entries = entries_of(adjacency, name)
    places, which, times = np.unique(
        entries.rows * max(adjacency.n_cols, 1) + entries.columns, return_inverse=True, return_counts=True
    )
    by_place = np.argsort(which.reshape(-1), kind="stable")
    zeros = np.zeros(len(by_place), np.int64)
    slots = pack_flat(times, zeros, entries.slots[by_place].astype(np.int32), n_cols=1)
    terms = with_values(slots, flat_values(adjacency), None)
    assert isinstance(terms, ELL)
    summed = _summed(name, semiring, terms)
    m, n = adjacency.n_rows, adjacency.n_cols
    dense = jnp.full((*summed.shape[:-1], m * n), semiring.annihilator, summed.dtype)
    return dense.at[..., places].set(summed, unique_indices=True).reshape(*summed.shape[:-1], m, n)


def _summed(function: str, semiring: Semiring[Any], terms: ELL) -> Array:
    """The sum (+) of each row's values, [... rows]."""
    one = next((one for known, one in _ONES.items() if _kind(known) == _kind(semiring)), None)
    if one is None:
        if terms.k_max > 1:
            raise TypeError(
                f"{function}: there are duplicate entries, whose sum over {semiring.name!r}, an algebra of your own, "
                f"is not known; build the matrix with one entry for each place."
            )
        return terms.values.reshape(*terms.values.shape[:-2], -1)
    values = terms.values
    if one is not True and not jnp.issubdtype(values.dtype, jnp.inexact):
        values = values.astype(jax.dtypes.canonicalize_dtype(np.float64))
    unit = jnp.full((1, 1), one, bool if one is True else values.dtype)
    return semiring_ell_matmul(values, terms.indices, unit, semiring=semiring, degree=terms.degree)[..., 0]


@jax.jit
def _scattered(adjacency: ELL | SectionedELL) -> Array:
    sections = sections_of(adjacency)
    parts = [_section(section) for section in sections]
    if isinstance(adjacency, ELL):
        return parts[0]
    return jnp.take(jnp.concatenate(parts, axis=-2), adjacency.order, axis=-2, mode="clip")


def _section(ell: ELL) -> Array:
    def one(values: Array, columns: Array, valid: Array) -> Array:
        rows = jnp.arange(ell.n_rows)[:, None]
        dense = jnp.zeros((ell.n_rows, ell.n_cols), values.dtype)
        columns = jnp.where(valid, columns, ell.n_cols)  # what is past the last column is dropped
        if values.dtype == bool:
            return dense.at[rows, columns].max(values, mode="drop")
        return dense.at[rows, columns].add(values, mode="drop")

    if 0 in (ell.n_rows, ell.n_cols, ell.k_max):
        return jnp.zeros((*ell.shape[:-2], ell.n_rows, ell.n_cols), ell.dtype)
    valid = jnp.broadcast_to(ell.valid, jnp.broadcast_shapes(ell.valid.shape, ell.indices.shape))
    return jnp.vectorize(one, signature="(m,k),(m,k),(m,k)->(m,n)")(ell.values, ell.indices, valid)


def _kind(semiring: Semiring[Any]) -> Any:
    return semiring.monoid, semiring.binary_op
