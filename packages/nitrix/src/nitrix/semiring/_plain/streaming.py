"""The streaming reduction of every product without a dot: no (m, k, n) array, a state that stays in cache."""

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array, lax

T = TypeVar("T")

# Terms folded per loop step. With fewer, XLA's CPU compiler fuses the slicing of the operands into the innermost loop,
# which then takes several times as long: the benchmark "chunks of 16 terms" shows the cliff.
CHUNK = 16

# Entries of the state that are worked on at a time, so that it stays in a core's cache.
STATE_ENTRIES = 1 << 19


def fold(state: T, step: Callable[..., T], A: Any, B: Any) -> T:
    """Fold the columns of A [m, k] and the rows of B [k, n]: state = step(state, a[m, 1], b[1, n], index).

    A and B may be tuples of such arrays, which the step then gets tuples of.
    """
    columns, rows = jax.tree.map(jnp.transpose, A), B
    k = jax.tree.leaves(rows)[0].shape[0]
    # A single chunk needs no loop, and can fuse with what made its operands.
    whole = k // CHUNK * CHUNK if k > CHUNK else 0

    def one(state: T, columns: Any, rows: Any, t: int, index: Any) -> T:
        a = jax.tree.map(lambda x: x[t][:, None], columns)
        b = jax.tree.map(lambda x: x[t][None, :], rows)
        return step(state, a, b, index)

    @jax.checkpoint  # a derivative recomputes the terms instead of keeping k copies of the state
    def several(state: T, terms: tuple[Any, Any, Array]) -> tuple[T, None]:
        columns, rows, first = terms
        for t in range(CHUNK):
            state = one(state, columns, rows, t, first + t)
        return state, None

    if whole:
        chunked = jax.tree.map(lambda x: x[:whole].reshape(-1, CHUNK, x.shape[1]), (columns, rows))
        state, _ = lax.scan(several, state, (*chunked, jnp.arange(0, whole, CHUNK, dtype=jnp.int32)))
    for t in range(whole, k):
        state = one(state, columns, rows, t, jnp.int32(t))
    return state


def in_row_blocks(product: Callable[..., T], *operands: Array, n: int) -> T:
    """`product(*operands)`, arrays of shape [m, n], for as many rows of the operands at a time as keep it in cache."""
    m = operands[0].shape[0]
    rows = -(-m // max(-(-m * n // STATE_ENTRIES), 1)) if m else 0
    if rows >= m:
        return product(*operands)

    def one(i: Array, out: T) -> T:
        start = jnp.minimum(i * rows, m - rows)  # the last block overlaps the one before it
        block = product(*(lax.dynamic_slice_in_dim(x, start, rows) for x in operands))
        return jax.tree.map(lambda o, b: lax.dynamic_update_slice_in_dim(o, b, start, 0), out, block)

    shapes = jax.eval_shape(lambda: product(*(x[:rows] for x in operands)))
    out = jax.tree.map(lambda s: jnp.zeros((m, *s.shape[1:]), s.dtype), shapes)
    return lax.fori_loop(0, -(-m // rows), one, out)


def put_back_nan(out: Array, A: Array, B: Array) -> Array:
    """For sums whose comparisons drop NaN: it makes the whole row or column that it enters NaN."""
    return jnp.where(_any_nan(A.T)[:, None] | _any_nan(B)[None, :], jnp.nan, out)


def _any_nan(X: Array) -> Array:
    """Whether a column holds NaN."""
    if X.shape[0] <= CHUNK:  # as the product's own terms, with which it then fuses
        return reduce(jnp.logical_or, [jnp.isnan(row) for row in X])
    return jnp.isnan(X).any(0)
