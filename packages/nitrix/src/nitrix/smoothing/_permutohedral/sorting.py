"""Numbers vertices by sorting the keys of all points: slower than a table, but of a size known before tracing."""

import functools
from functools import reduce
from operator import and_, or_

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from nitrix.smoothing._permutohedral.simplex import FARTHEST, sheared, simplex, unsheared, vertex
from nitrix.smoothing._permutohedral.vertices import Vertices, opposite, step

_BITS = 15  # of a sheared coordinate, from -FARTHEST to FARTHEST - 1
_UNUSED = np.int32(2**31 - 1)  # greater than every word of a key


@functools.partial(jax.jit, static_argnames="capacity")
def number(elevated: Array, words: Array, *, capacity: int) -> tuple[Vertices, Array, Array]:
    """The vertices of the points, how many there are, and whether all coordinates are in range.

    The vertices are right if there are no more than `capacity`, and the coordinates in range.
    """
    d, n = elevated.shape
    around = simplex(elevated, words)
    corners = [sheared(vertex(around, k)) for k in range(d + 1)]
    in_range = reduce(and_, [(jnp.abs(x) < FARTHEST - d).all() for t in corners for x in t])
    keys = [_packed(t, jnp.full(n, k, np.int32)) for k, t in enumerate(corners)]
    joined = [jnp.concatenate(word) for word in zip(*keys, strict=True)]
    *key, origin = lax.sort((*joined, jnp.arange((d + 1) * n, dtype=np.int32)), num_keys=len(joined))
    new = _differs_from_the_one_before(key)
    rank = jnp.cumsum(new.astype(np.int32)) - 1
    slots = jnp.zeros((d + 1) * n, np.int32).at[origin].set(jnp.minimum(rank, capacity))
    found = [jnp.full(capacity, _UNUSED).at[rank].set(word, mode="drop") for word in key]
    after, before = _neighbours(found, d)
    return Vertices(slots.reshape(d + 1, n), after, before), rank[-1] + 1, in_range


def _packed(t: list[Array], remainder: Array) -> list[Array]:
    """Sheared coordinates and remainder as words, two to each: they sort like the vectors."""
    digits = [x.astype(np.int32) + FARTHEST for x in t] + [remainder]
    pairs = [digits[i : i + 2] for i in range(0, len(digits), 2)]
    return [
        pair[0] if len(pair) == 1 else (pair[0] << _BITS) | (pair[1] & (2 * FARTHEST - 1)) for pair in pairs
    ]


def _unpacked(key: list[Array], d: int) -> tuple[list[Array], Array]:
    digits: list[Array] = []
    for i, word in enumerate(key):
        both = 2 * i + 1 < d + 1
        digits += [word >> _BITS, word & (2 * FARTHEST - 1)] if both else [word]
    return [(x - FARTHEST).astype(np.float32) for x in digits[:d]], digits[d]


def _differs_from_the_one_before(key: list[Array]) -> Array:
    first = jnp.ones(1, bool)
    return reduce(or_, [jnp.concatenate([first, word[1:] != word[:-1]]) for word in key])


def _neighbours(found: list[Array], d: int) -> tuple[Array, Array]:
    """After and before every vertex: vertices and their displaced copies are sorted together, and meet."""
    capacity = found[0].shape[0]
    t, remainder = _unpacked(found, d)
    q = unsheared(t)
    used = found[0] != _UNUSED
    copies = jnp.arange(2 * capacity, dtype=np.int32)

    def along(direction: Array) -> Array:
        moved, turned = step(q, remainder, direction)
        displaced = [jnp.where(used, word, _UNUSED) for word in _packed(sheared(moved), turned)]
        joined = [jnp.concatenate(pair) for pair in zip(found, displaced, strict=True)]
        *key, origin = lax.sort(
            (*joined, copies), num_keys=len(joined) + 1
        )  # a vertex before a copy of the same key
        meets = ~_differs_from_the_one_before(key) & (origin >= capacity) & (key[0] != _UNUSED)
        vertex_before = jnp.concatenate([jnp.zeros(1, np.int32), origin[:-1]])
        of = jnp.where(origin >= capacity, origin - capacity, capacity + 1)
        after = jnp.full(capacity + 1, capacity, np.int32)
        return after.at[of].set(jnp.where(meets, vertex_before, capacity), mode="drop")

    after = lax.map(along, jnp.arange(d + 1, dtype=np.int32))
    return after, lax.map(opposite, after)


def number_known(elevated: Array, words: Array, capacity: int | None) -> Vertices | int:
    """The vertices of points that are known, or how many there are if that is more than `capacity`."""
    d, n = elevated.shape
    most = (d + 1) * n
    found, count, _ = number(elevated, words, capacity=most)
    room = int(count) if capacity is None else capacity
    if count > room:
        return int(count)
    room = min(room, most)
    after, before = (jnp.minimum(x[:, : room + 1], room).at[:, room].set(room) for x in found[1:])
    return Vertices(found.slots, after, before)
