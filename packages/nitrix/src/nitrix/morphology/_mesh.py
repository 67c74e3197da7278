"""Extrema over the listed neighbours of each vertex; of the derivative holds what `_flat` says."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Integer, Shaped

from nitrix._arguments import known_numbers
from nitrix.morphology._flat import at_voxels
from nitrix.morphology._lines import fold, fold_numbered
from nitrix.morphology._order import keys, values, weakest
from nitrix.sparse import ELL, SectionedELL

Slots = tuple[Integer[Array, "_ _"], Integer[Array, "_"] | None]
Sections = tuple[tuple[Slots, ...], Integer[Array, "_"] | None]


def sections_of(
    neighbourhood: ELL | SectionedELL | Integer[ArrayLike, "n k"], vertices: int, function: str
) -> Sections:
    """The neighbours as slots by row, in one section or several and the order of their rows."""
    if isinstance(neighbourhood, SectionedELL):
        _check_square(neighbourhood.n_rows, neighbourhood.n_cols, vertices, function)
        slots = [_slots(section, function) for section in neighbourhood.sections]
        return tuple(slots), neighbourhood.order
    if isinstance(neighbourhood, ELL):
        _check_square(neighbourhood.n_rows, neighbourhood.n_cols, vertices, function)
        return (_slots(neighbourhood, function),), None
    shape = np.shape(neighbourhood)
    if len(shape) != 2 or not jnp.issubdtype(jnp.result_type(neighbourhood), jnp.integer):
        raise TypeError(
            f"{function}: neighbourhood is {jnp.result_type(neighbourhood)}{list(shape)}; give the numbers of each "
            f"vertex's neighbours as integers [n, k], an ELL or a SectionedELL."
        )
    _check_square(shape[0], vertices, vertices, function)
    numbers = known_numbers(neighbourhood)
    if numbers is not None and numbers.size and (numbers.min() < 0 or numbers.max() >= vertices):
        raise ValueError(
            f"{function}: neighbourhood holds numbers from {numbers.min()} to {numbers.max()}, but vertices have 0 to "
            f"{vertices - 1}; for rows of unequal lengths give an ELL, whose pads do not count."
        )
    return ((jnp.asarray(neighbourhood), None),), None


def _slots(section: ELL, function: str) -> Slots:
    if section.indices.ndim != 2:
        raise ValueError(
            f"{function}: the neighbourhood's indices have shape {section.indices.shape}; one structure for the whole "
            f"batch is needed, [n, k]."
        )
    return section.indices, section.degree


def _check_square(rows: int, columns: int, vertices: int, function: str) -> None:
    if rows != vertices or columns != vertices:
        raise ValueError(
            f"{function}: neighbourhood is {rows} x {columns}, but x has {vertices} vertices on its last axis; give a "
            f"row for each vertex, with vertices of x in it."
        )


@functools.partial(jax.jit, static_argnames=("smallest",))
def mesh_extremum(x: Shaped[Array, "... n"], sections: Sections, *, smallest: bool) -> Shaped[Array, "... n"]:
    """The extremum over each row's vertices; without any, the weakest value."""
    if jnp.issubdtype(x.dtype, jnp.floating):
        return _differentiable(smallest, x, sections)
    return _value(smallest, x, sections)


def _value(smallest: bool, x: Array, sections: Sections) -> Array:
    key = jnp.moveaxis(keys(x, smallest=smallest), -1, 0)
    every, order = sections
    found = jnp.concatenate([_rows(key, slots, with_columns=False)[0] for slots in every])
    return values(_placed(found, order), x.dtype, smallest=smallest)


_differentiable = jax.custom_jvp(_value, nondiff_argnums=(0,))


@_differentiable.defjvp
def _(smallest: bool, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, Array]:
    x, (every, order) = primals
    key = jnp.moveaxis(keys(x, smallest=smallest), -1, 0)
    parts = [_rows(key, slots, with_columns=True) for slots in every]
    column = _placed(jnp.concatenate([columns for _, columns in parts]), order)
    # The values are looked up too, since the keys have no derivative, which a second one would need.
    value, change = (at_voxels(v, jnp.maximum(column, 0), 1, np.nan) for v in (x, tangents[0]))
    none = np.inf if smallest else -np.inf
    return (
        jnp.where(column < 0, jnp.full_like(value, none), value),
        jnp.where(column < 0, jnp.zeros_like(change), change),
    )


def _placed(rows: Array, order: Array | None) -> Array:
    """Rows of all sections in their order, as the last axis."""
    return jnp.moveaxis(rows if order is None else rows[order], 0, -1)


def _rows(key: Array, slots: Slots, *, with_columns: bool) -> tuple[Array, ...]:
    """The strongest key [row, ...] of each row, and its column, -1 for none."""
    indices, degree = slots
    none = jnp.full((indices.shape[0], *key.shape[1:]), weakest(key.dtype))
    nowhere = jnp.full(none.shape, np.int32(-1))
    if indices.shape[1] == 0:
        return (none, nowhere) if with_columns else (none,)

    def present(slot: Any) -> Bool[Array, "row ..."] | None:
        if degree is None:
            return None
        return (slot < degree.astype(np.int32)).reshape(-1, *[1] * (key.ndim - 1))

    def term(slot: Any) -> tuple[Array, ...]:
        column = indices[:, slot].astype(np.int32)
        here, value = present(slot), key.at[column].get(mode="clip")
        # A traced number that no vertex has: NaN, or the strongest integer.
        column = jnp.where((column < 0) | (column >= key.shape[0]), key.shape[0], column)
        numbers = jnp.broadcast_to(column.reshape(-1, *[1] * (key.ndim - 1)), value.shape)
        value = jnp.where(numbers == key.shape[0], jnp.full_like(value, np.iinfo(key.dtype).max), value)
        state = (value, numbers) if with_columns else (value,)
        if here is None:
            return state
        return tuple(jnp.where(here, new, old) for new, old in zip(state, (none, nowhere), strict=False))

    def join(a: tuple[Array, ...], b: tuple[Array, ...]) -> tuple[Array, ...]:
        if not with_columns:
            return (jnp.maximum(a[0], b[0]),)
        second = (b[0] > a[0]) | ((a[1] < 0) & (b[1] >= 0))
        return tuple(jnp.where(second, y, x) for x, y in zip(a, b, strict=True))

    return (fold_numbered if with_columns else fold)(indices.shape[1], term, join)
