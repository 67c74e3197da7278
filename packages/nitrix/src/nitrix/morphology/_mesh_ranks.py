"""The value of a given rank among the listed neighbours of each vertex, by a bit search over blocks of rows.

The derivative is that of the first listed neighbour that has the value.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Int, Shaped

from nitrix._arguments import known_numbers
from nitrix.morphology._bit_search import from_signed, key_of_rank, signed_keys
from nitrix.morphology._mesh import Sections, Slots

BLOCK = 1 << 20  # values of neighbours that are held at a time, or those of one row if they are more

RankOf = Callable[[int], int]


def ranks_by_count(rank_of: RankOf, most: int) -> tuple[int, ...]:
    """The rank in a row of so many neighbours, -1 where there is none."""
    ranks = (rank_of(count) for count in range(most + 1))
    return tuple(rank if 0 <= rank < count else -1 for count, rank in enumerate(ranks))


def check_counts(sections: Sections, rank_of: RankOf, dtype: Any, what: str, function: str) -> None:
    """Refuse rows that are too short, as far as they are known; without neighbours, floats become NaN."""
    for indices, degree in sections[0]:
        rows, slots = indices.shape
        counts = np.full(rows, slots) if degree is None else known_numbers(degree)
        if counts is None or rows == 0:
            continue
        short = np.asarray(ranks_by_count(rank_of, slots))[counts] < 0
        if jnp.issubdtype(dtype, jnp.floating):
            short &= counts > 0
        if short.any():
            raise ValueError(
                f"{function}: {int(short.sum())} rows of neighbourhood have too few entries for {what}, one of them "
                f"has {counts[short][0]}; leave no vertex of {dtype} without, or give floats, which become NaN."
            )


@functools.partial(jax.jit, static_argnames=("ranks",))
def select_listed(
    x: Shaped[Array, "... n"], sections: Sections, *, ranks: tuple[tuple[int, ...], ...]
) -> Shaped[Array, "... m"]:
    """The value of rank `ranks[section][count]` of each row; NaN, or 0 of integers, where it has none."""
    return (_differentiable if jnp.issubdtype(x.dtype, jnp.floating) else _value)(ranks, x, sections)


def _value(ranks: tuple[tuple[int, ...], ...], x: Array, sections: Sections) -> Array:
    key = signed_keys(x)
    rows = functools.partial(_section, key.reshape(-1, x.shape[-1]), x.dtype, _found)
    found = [rows(slots, table) for slots, table in zip(sections[0], ranks, strict=True)]
    return _placed(found, sections[1]).reshape(*x.shape[:-1], -1)


_differentiable = jax.custom_jvp(_value, nondiff_argnums=(0,))


@_differentiable.defjvp
def _(ranks: tuple[tuple[int, ...], ...], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
    x, sections = primals
    found = _differentiable(ranks, x, sections)
    lines = signed_keys(x).reshape(-1, x.shape[-1])
    rows = functools.partial(_section, lines, x.dtype, _column)
    columns = [rows(slots, table) for slots, table in zip(sections[0], ranks, strict=True)]
    at = _placed(columns, sections[1]).reshape(found.shape)
    change = jnp.take_along_axis(tangents[0], jnp.maximum(at, 0), axis=-1, mode="clip")
    return found, jnp.where(at < 0, jnp.zeros_like(change), change)


def _section(lines: Array, dtype: Any, row_result: Callable[..., Array], slots: Slots, ranks: Any) -> Array:
    """[line, row] of a section, block of rows by block."""
    indices, degree = slots
    rows, width = indices.shape
    if width == 0:  # one slot, which does not count
        slots = jnp.zeros((rows, 1), np.int32), jnp.zeros(rows, np.int32)
        return _section(lines, dtype, row_result, slots, ranks)
    counts = jnp.full(rows, width, np.int32) if degree is None else degree.astype(np.int32)
    size = max(1, min(rows, BLOCK // max(width * lines.shape[0], 1)))
    blocks = -(-rows // size)
    ragged = blocks * size - rows
    table = jnp.pad(indices.astype(np.int32), [(0, ragged), (0, 0)]).reshape(blocks, size, width)
    counts = jnp.pad(counts, (0, ragged)).reshape(blocks, size)
    parts = lax.map(lambda block: row_result(lines, dtype, ranks, *block), (table, counts))
    return jnp.moveaxis(parts, 0, 1).reshape(lines.shape[0], -1)[:, :rows]


def _listed(lines: Array, table: Array, ranks: Any, counts: Array) -> tuple[Array, Array, Array]:
    """[slot, line, row] of neighbours, pads above all; [slot, 1, row] which of them count; [row] the rank, -1: none."""
    counted = jnp.arange(table.shape[1], dtype=np.int32)[:, None] < counts
    lost = (counted & ((table.T < 0) | (lines.shape[1] <= table.T))).any(0)
    rank = jnp.where(lost, np.int32(-1), jnp.asarray(ranks, np.int32)[counts])
    columns = jnp.clip(table.T, 0, lines.shape[1] - 1)
    neighbours = jnp.moveaxis(lines.at[:, columns].get(mode="promise_in_bounds"), 1, 0)
    counted = counted[:, None]
    return jnp.where(counted, neighbours, np.iinfo(lines.dtype).max), counted, rank


def _found(lines: Array, dtype: Any, ranks: Any, table: Array, counts: Array) -> Array:
    neighbours, counted, rank = _listed(lines, table, ranks, counts)

    def count_below(candidate: Array, _: Array) -> Int[Array, "line row"]:
        return (neighbours < candidate).sum(0, dtype=np.int32)

    found = from_signed(key_of_rank(count_below, rank, neighbours.shape[1:], dtype), dtype)
    if not jnp.issubdtype(dtype, jnp.floating):
        return jnp.where(rank < 0, jnp.zeros_like(found), found)
    missing = ((neighbours == np.iinfo(lines.dtype).max) & counted).any(0)
    return jnp.where(missing | (rank < 0), jnp.asarray(np.nan, dtype), found)


def _column(lines: Array, dtype: Any, ranks: Any, table: Array, counts: Array) -> Array:
    """The column of the first neighbour that has the value, -1 where there is none."""
    neighbours, counted, rank = _listed(lines, table, ranks, counts)
    wanted = signed_keys(_found(lines, dtype, ranks, table, counts))
    slot = jnp.argmax((neighbours == wanted) & counted, axis=0)
    return jnp.where(rank < 0, np.int32(-1), jnp.take_along_axis(table.T, slot, axis=0))


def _placed(parts: list[Array], order: Array | None) -> Array:
    rows = jnp.concatenate(parts, axis=-1)
    return rows if order is None else rows[:, order]
