"""Neighbours' rows brought to the slots of an adjacency, and slots' rows added up in their columns."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Shaped

from nitrix.semiring import REAL
from nitrix.sparse.ell._entries import sections_of
from nitrix.sparse.ell._host import check_identity
from nitrix.sparse.ell.apply import apply_operator
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL


def ell_gather(
    adjacency: ELL | SectionedELL, x: Shaped[ArrayLike, "*#batch n c"], *, fill: float | int | complex = 0
) -> Shaped[Array, "*batch m k_max c"] | tuple[Shaped[Array, "..."], ...]:
    """The row of each slot's neighbour: `out[i, p] = x[indices[i, p]]`.

    An array of all slots is made; a product or `semiring_ell_edge_aggregate` makes none. Linear in `x` if `fill` is 0,
    and then the adjoint of `ell_scatter`.

    Args:
      adjacency: The matrix, of which only indices and degree are read.
      x: A row for each column of the matrix; leading axes are a batch.
      fill: What stands in pads.
    Returns:
      The rows, [... m k_max c]; for a sectioned matrix a tuple with one such array for each section, whose rows are
      those of `row_groups`.
    Raises:
      ValueError: If `x` has another number of rows than the matrix has columns, or its dtype cannot hold `fill`. A
        matrix made under `jit` may have indices out of range, which nobody could look at: they bring NaN (integers
        their smallest).
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.sparse import ell_from_ragged
      >>> ell = ell_from_ragged([[1.0, 1.0], [1.0]], [[0, 2], [1]], n_cols=3)
      >>> ell_gather(ell, jnp.asarray([[1.0], [2.0], [3.0]]))[..., 0]
      Array([[1., 3.],
             [2., 0.]], dtype=float32)
    """
    name = "ell_gather"
    x = jnp.asarray(x)
    if x.ndim < 2 or x.shape[-2] != adjacency.n_cols:
        raise ValueError(
            f"{name}: x has shape {x.shape}; [... n c] is needed, a row for each of the {adjacency.n_cols} columns."
        )
    check_identity(name, fill, x.dtype, what="fill")
    parts = _all_gathered(sections_of(adjacency), x, np.asarray(fill, x.dtype))
    return parts[0] if isinstance(adjacency, ELL) else parts


@jax.jit
def _all_gathered(sections: tuple[ELL, ...], x: Array, fill: Any) -> tuple[Array, ...]:
    return tuple(_gathered(section, x, fill) for section in sections)


def _gathered(ell: ELL, x: Array, fill: Any) -> Array:
    if ell.n_cols == 0 or ell.k_max == 0:
        batch = jnp.broadcast_shapes(ell.indices.shape[:-2], x.shape[:-2])
        return jnp.full((*batch, ell.n_rows, ell.k_max, x.shape[-1]), fill, x.dtype)

    def one(columns: Array, x: Array) -> Array:
        return x.at[jnp.where(columns < 0, ell.n_cols, columns)].get(mode="fill")

    rows = jnp.vectorize(one, signature="(m,k),(n,c)->(m,k,c)")(ell.indices, x)
    if ell.degree is None:
        return rows
    return jnp.where(ell.valid[..., None], rows, fill)


def ell_scatter(
    adjacency: ELL | SectionedELL,
    slots: Shaped[ArrayLike, "*#batch m k_max c"] | Sequence[Shaped[ArrayLike, "..."]],
) -> Shaped[Array, "*batch n c"]:
    """Rows that stand in slots added up by column: `out[j]` is the sum of `slots[i, p]` with `indices[i, p] = j`.

    The adjoint of `ell_gather`. It gathers, in a fixed order, where `adjacency` lists its slots by column (see
    `ell_with_transpose`), and scatters otherwise. Pads never contribute. Short floats are summed in float32.

    Args:
      adjacency: The matrix, of which only indices and degree are read.
      slots: A row for each slot; leading axes are a batch. For a sectioned matrix one such array for each section.
    Returns:
      A row for each column; 0 where there are no entries.
    Raises:
      ValueError: If `slots` does not have the shape of the matrix's slots. A matrix made under `jit` may have
        indices out of range, which nobody could look at: they are left out.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.sparse import ell_from_ragged
      >>> ell = ell_from_ragged([[1.0, 1.0], [1.0]], [[0, 2], [2]], n_cols=3)
      >>> ell_scatter(ell, jnp.asarray([[[1.0], [2.0]], [[4.0], [9.0]]]))[:, 0]
      Array([1., 0., 6.], dtype=float32)
    """
    name = "ell_scatter"
    sections = sections_of(adjacency)
    given: Any = [slots] if isinstance(adjacency, ELL) else slots
    parts = [jnp.asarray(part) for part in given]
    if len(parts) != len(sections):
        raise ValueError(
            f"{name}: the matrix has {len(sections)} sections, but slots holds {len(parts)} arrays."
        )
    for part, section in zip(parts, sections):
        wanted = (section.n_rows, section.k_max)
        if part.ndim < 3 or part.shape[-3:-1] != wanted:
            raise ValueError(
                f"{name}: slots has shape {part.shape}, but [... {wanted[0]} {wanted[1]} c] is needed, a row for each "
                f"slot."
            )
    if adjacency.transposed is not None:
        return _by_column(adjacency.transposed, parts)
    return _all_scattered(sections, parts)


@jax.jit
def _all_scattered(sections: tuple[ELL, ...], parts: list[Array]) -> Array:
    dtype = parts[0].dtype
    short = jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize < 4
    wide = jnp.float32 if short else dtype
    sums = [_scattered(section, part.astype(wide)) for section, part in zip(sections, parts)]
    total = sums[0]
    for more in sums[1:]:
        total = total + more
    return total.astype(dtype)


def _scattered(ell: ELL, slots: Array) -> Array:
    def one(columns: Array, slots: Array) -> Array:
        return jnp.zeros((ell.n_cols, slots.shape[-1]), slots.dtype).at[columns].add(slots, mode="drop")

    batch = jnp.broadcast_shapes(ell.shape[:-2], slots.shape[:-3])
    if 0 in (ell.n_cols, ell.n_rows, ell.k_max):
        return jnp.zeros((*batch, ell.n_cols, slots.shape[-1]), slots.dtype)
    columns = ell.indices
    if ell.degree is not None:
        columns = jnp.where(ell.valid, columns, ell.n_cols)  # what is past the last column is dropped
    return jnp.vectorize(one, signature="(m,k),(m,k,c)->(n,c)")(columns, slots)


def _by_column(listed: Any, parts: list[Array]) -> Array:
    """The product of the list's slot numbers, as columns, with the rows of all slots."""
    batch = jnp.broadcast_shapes(*(part.shape[:-3] for part in parts))
    width = parts[0].shape[-1]
    rows = [
        jnp.broadcast_to(part, (*batch, *part.shape[-3:])).reshape(
            *batch, part.shape[-3] * part.shape[-2], width
        )
        for part in parts
    ]
    x = jnp.concatenate(rows, axis=-2)

    def selection(slots: ELL) -> ELL:
        ones = jnp.ones(slots.values.shape, x.dtype)
        return slots.replace(values=ones, indices=slots.values, n_cols=x.shape[-2])

    if isinstance(listed, SectionedELL):
        sections = tuple(selection(section) for section in listed.sections)
        return apply_operator(listed.replace(sections=sections, n_cols=x.shape[-2]), x, semiring=REAL)
    return apply_operator(selection(listed), x, semiring=REAL)
