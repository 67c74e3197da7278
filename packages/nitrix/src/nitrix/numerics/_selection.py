"""Order statistics of rows without sorting: the key of a rank is found bit by bit, from the highest to the lowest.

A bit is 1 if no more keys than the rank lie below the candidate that has it, so each bit costs one count. Rows are
taken in blocks that stay in a core's cache through all counts.
"""

import functools
import operator
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Int, Real

from nitrix.numerics._order_keys import from_keys, ordered_keys

BLOCK = 1 << 16  # bytes of keys in a block
TERMS = 16  # comparisons that one loop adds up: their count fits every dtype, and their code is in vectors
LANES = 8  # rows of a block that fill vectors side by side; fewer, long ones do so each for itself

Pair = tuple[Array, Array]


def neighbouring_ranks(
    x: Real[Array, "n m"],
    kept: Bool[Array, "n m"] | None,
    rank: Int[Array, "k n"],
    count: Int[Array, " n"],
) -> tuple[Real[Array, "k n"], Real[Array, "k n"]]:
    """The values of a rank and of the next one in each row, of `count` kept samples; NaN if one of them is NaN.

    Of the last rank it is the same value twice. The derivative is that of the first sample that has the value.
    """
    select = _differentiable if jnp.issubdtype(x.dtype, jnp.floating) else _selected
    return select(x, kept, rank, count)


def _selected(x: Array, kept: Array | None, rank: Array, count: Array) -> Pair:
    n, m = x.shape
    rows = max(1, min(n, BLOCK // (x.dtype.itemsize * m)))

    def block(start: Any) -> Pair:
        part = functools.partial(lax.dynamic_slice_in_dim, start_index=start, slice_size=rows)
        return _of_block(part(x), None if kept is None else part(kept), part(rank, axis=1), part(count))

    def step(i: Any, found: Pair) -> Pair:
        start = jnp.minimum(
            i * np.int32(rows), np.int32(n - rows)
        )  # the last block may overlap the one before
        low, high = (
            lax.dynamic_update_slice_in_dim(whole, new, start, 1)
            for whole, new in zip(found, block(start), strict=True)
        )
        return low, high

    if rows == n:
        return _of_block(x, kept, rank, count)
    nothing = jnp.zeros(rank.shape, x.dtype)
    return lax.fori_loop(np.int32(0), np.int32(-(-n // rows)), step, (nothing, nothing))


_differentiable = jax.custom_jvp(_selected)


@_differentiable.defjvp
def _(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Pair, Pair]:
    x, kept, rank, count = primals
    found = _differentiable(x, kept, rank, count)
    low, high = (_at_first(x, kept, value, tangents[0]) for value in found)
    return found, (low, high)


def _at_first(x: Array, kept: Array | None, value: Array, tangent: Array) -> Array:
    """[k, n] the tangent of the first sample in each row that has the value, 0 where none is kept."""
    same = ordered_keys(x) == ordered_keys(value)[:, :, None]
    beyond = np.int32(x.shape[1])
    number = lax.broadcasted_iota(np.int32, same.shape, 2)
    first = jnp.where(same if kept is None else same & kept, number, beyond).min(-1)
    change = jnp.take_along_axis(tangent, jnp.minimum(first, beyond - 1).T, axis=1, mode="clip").T
    return jnp.where(first < beyond, change, jnp.zeros_like(change))


def _of_block(x: Array, kept: Array | None, rank: Array, count: Array) -> Pair:
    key = ordered_keys(x)
    most = np.asarray(np.iinfo(key.dtype).max, key.dtype)
    table, axis = _laid_out(key if kept is None else jnp.where(kept, key, most), most)

    def terms() -> Iterator[
        Array
    ]:  # sliced where they are used: a loop carries the table, not a copy of each
        return (table[:, t] for t in range(table.shape[1]))

    def count_if(compare: Callable[[Array, Array], Array], candidate: Array) -> Array:
        ones = (compare(term, jnp.expand_dims(candidate, axis)).astype(key.dtype) for term in terms())
        return functools.reduce(operator.add, ones).sum(axis, dtype=np.int32)

    # A NaN has the key of a pad: where one is kept, fewer keys than samples lie below it.
    count_below = functools.partial(count_if, operator.lt)
    missing = count_below(jnp.full(count.shape, most)) < count

    def pair(rank: Array) -> Pair:
        low = _key_of_rank(count_below, rank, key.dtype)
        above = (jnp.where(term > jnp.expand_dims(low, axis), term, most) for term in terms())
        following = functools.reduce(jnp.minimum, above).min(axis)
        high = jnp.where(count_if(operator.le, low) > jnp.minimum(rank + 1, count - 1), low, following)
        if jnp.issubdtype(x.dtype, jnp.floating):
            low, high = jnp.where(missing, most, low), jnp.where(missing, most, high)
        return from_keys(low, x.dtype), from_keys(high, x.dtype)

    if len(rank) == 1:  # no loop round the one there is
        low, high = pair(rank[0])
        return low[None], high[None]
    return lax.map(pair, rank)


def _laid_out(key: Array, pad: Any) -> tuple[Array, int]:
    """[part, term, lane] of the keys, and the axis of the parts and lanes over which a row's counts are added."""
    rows, m = key.shape
    terms = min(TERMS, m)
    ragged = -m % terms
    if rows < LANES:
        return jnp.pad(key, [(0, 0), (0, ragged)], constant_values=pad).reshape(rows, terms, -1), 1
    return jnp.pad(key.T, [(0, ragged), (0, 0)], constant_values=pad).reshape(-1, terms, rows), 0


def _key_of_rank(count_below: Callable[[Array], Array], rank: Array, kind: Any) -> Array:
    bits = 8 * np.dtype(kind).itemsize

    def add_bit(i: Any, found: Array) -> Array:
        # The sign bit is inverted in signed keys, the others are 0 so far: either way it is an exclusive or.
        candidate = found ^ lax.shift_left(np.ones((), kind), (np.int32(bits - 1) - i).astype(kind))
        return jnp.where(count_below(candidate) <= rank, candidate, found)

    return lax.fori_loop(np.int32(0), np.int32(bits), add_bit, jnp.full(rank.shape, np.iinfo(kind).min, kind))
