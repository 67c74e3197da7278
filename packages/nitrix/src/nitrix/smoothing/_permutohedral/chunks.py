"""Loops over the points of a lattice that keep what is computed for each in cache."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array, lax

T = TypeVar("T")

CHUNK = 1 << 14  # points whose intermediate arrays stay in a core's cache


def over_chunks(n: int, body: Callable[[T, Array, int, Array], T], carry: T) -> T:
    """Fold `body(carry, start, size, first)` over the points: those of [start, start + size) from `first` are new.

    The last chunk overlaps the one before it. On an accelerator there is one chunk.
    """
    size = min(n, CHUNK) if jax.default_backend() == "cpu" else n

    def one(i: Array, carry: T) -> T:
        first = i * size
        return body(carry, jnp.minimum(first, n - size), size, first)

    return lax.fori_loop(0, -(-n // size), one, carry)


def cut(x: Array, start: Array, size: int) -> Array:
    """The points of one chunk; they are the last axis."""
    return lax.dynamic_slice_in_dim(x, start, size, axis=-1)


def at(table: Array, index: Any) -> Array:
    """The entries of a table at indices that are known to be in range."""
    return table.at[index].get(mode="promise_in_bounds")
