"""The three passes of the filter on a lattice whose vertices are numbered, for several channels of values."""

import functools
from functools import reduce
from operator import add
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from nitrix._apart import apart
from nitrix.smoothing._permutohedral.chunks import at, cut, over_chunks
from nitrix.smoothing._permutohedral.simplex import simplex, weight, weights
from nitrix.smoothing._permutohedral.vertices import Vertices

_UNROLLED = 4  # channels that are worked on together; more run one by one, in a loop


def filtered(elevated: Array, words: Array, vertices: Vertices, channels: Array) -> Array:
    """Splat, blur and slice of every channel [c, n]."""

    def several(channels: Array) -> Array:
        tables = blur(vertices, splat(elevated, words, vertices, channels))
        return jnp.stack([take(elevated, words, vertices, table) for table in tables])

    if channels.shape[0] <= _UNROLLED:
        return several(channels)
    return lax.map(lambda channel: several(channel[None])[0], channels)


def splat(elevated: Array, words: Array, vertices: Vertices, channels: Array) -> tuple[Array, ...]:
    """Sums [capacity + 1] at the vertices of each channel's values [n] by their points' barycentric weights."""
    return _splat(vertices.after.shape[1], elevated, words, vertices.slots, channels)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _splat(size: int, elevated: Array, words: Array, slots: Array, channels: Array) -> tuple[Array, ...]:
    n, together = elevated.shape[1], channels.shape[0]

    def shares(elevated: Array, words: Array, values: Array) -> list[list[Array]]:
        return [[share * values[c] for c in range(together)] for share in weights(simplex(elevated, words))]

    def body(tables: tuple[Array, ...], start: Array, width: int, first: Array) -> tuple[Array, ...]:
        new = start + jnp.arange(width, dtype=start.dtype) >= first
        given = jnp.where(new, cut(channels, start, width), jnp.zeros((), channels.dtype))
        terms = apart(shares, start, cut(elevated, start, width), cut(words, start, width), given)
        for k in range(slots.shape[0]):
            slot = cut(slots[k], start, width)
            tables = tuple(
                table.at[slot].add(term, mode="promise_in_bounds")
                for table, term in zip(tables, terms[k], strict=True)
            )
        return tables

    return over_chunks(n, body, tuple(jnp.zeros(size, channels.dtype) for _ in range(together)))


@_splat.defjvp
def _(size: int, primals: Any, tangents: Any) -> tuple[Any, Any]:
    elevated, words, slots, channels = primals
    plain = jax.checkpoint(lambda elevated, channels: _plain_splat(size, elevated, words, slots, channels))
    _, tangent = jax.jvp(plain, (elevated, channels), (tangents[0], tangents[3]))
    return _splat(size, *primals), tangent


def _plain_splat(
    size: int, elevated: Array, words: Array, slots: Array, channels: Array
) -> tuple[Array, ...]:
    """The same in JAX's own words, with arrays of n for every vertex of a simplex."""
    around = simplex(elevated, words)
    tables = [jnp.zeros(size, channels.dtype)] * channels.shape[0]
    for k in range(slots.shape[0]):
        share = weight(around, k)
        tables = [table.at[slots[k]].add(share * channels[c]) for c, table in enumerate(tables)]
    return tuple(tables)


def blur(vertices: Vertices, tables: tuple[Array, ...]) -> tuple[Array, ...]:
    """One half of every vertex and one quarter of either neighbour, along one direction after the other."""

    # A loop: unrolled, XLA would fuse a direction's sums into the gathers of the next, and make them again and again.
    def along(tables: tuple[Array, ...], neighbours: tuple[Array, Array]) -> tuple[tuple[Array, ...], None]:
        after, before = neighbours
        return tuple(0.5 * table + 0.25 * (at(table, after) + at(table, before)) for table in tables), None

    return lax.scan(along, tables, (vertices.after, vertices.before))[0]


@jax.checkpoint
def take(elevated: Array, words: Array, vertices: Vertices, table: Array) -> Array:
    """The values [n] of a table at the points, by barycentric interpolation: the slice."""
    around = simplex(elevated, words)
    return reduce(add, [weight(around, k) * at(table, vertices.slots[k]) for k in range(len(around.rank))])
