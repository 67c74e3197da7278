"""Numbers vertices by a table of all cells of their bounding box, a byte and two bits each: the host sets its size.

The box of the sheared coordinates has some tens of cells for every vertex in use, so the table costs less than
sorting the keys of all points. A vertex's number is the count of used cells before its own.
"""

import functools
import math
from functools import reduce
from operator import and_

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import NDArray

from nitrix._apart import apart
from nitrix.smoothing._permutohedral.chunks import at, cut, over_chunks
from nitrix.smoothing._permutohedral.simplex import sheared, simplex, unsheared, vertex
from nitrix.smoothing._permutohedral.vertices import Vertices, mixed_radix, opposite, step

_WORD = 32  # cells whose use is kept in the bits of one integer
_BLOCK = 128  # words whose counts are summed by one product with a triangular matrix
# The largest box, beyond which keys are sorted: so many cells for each point and vertex of its simplex, but within
# these bounds. Rounded up, the upper one leaves 31 bits.
CELLS_PER_TOUCH = 16
FEWEST_CELLS, MOST_CELLS = 1 << 24, 1 << 30


class Box:
    """The cells between the lowest and the highest sheared coordinates of the vertices."""

    def __init__(self, lowest: NDArray[np.int64], highest: NDArray[np.int64]) -> None:
        d, size = len(lowest), highest - lowest + 1
        stride = [math.prod(int(s) for s in size[i + 1 :]) * (d + 1) for i in range(d)]
        self.cells = stride[0] * int(size[0])
        self.given = (lowest, size, stride)

    def fits(self, touches: int) -> bool:
        """Whether a table of the cells is in proportion to the points."""
        return self.cells <= min(max(FEWEST_CELLS, CELLS_PER_TOUCH * touches), MOST_CELLS)

    def arrays(self) -> tuple[Array, Array, Array]:
        """Lowest coordinates, sizes and strides for the device."""
        lowest, size, stride = (np.asarray(x, np.int32) for x in self.given)
        return jax.device_put(lowest), jax.device_put(size), jax.device_put(stride)


@jax.jit
def extent(elevated: Array, words: Array) -> tuple[Array, Array]:
    """The least and the largest sheared coordinates of all vertices.

    Of a simplex they fall with the remainder, in every coordinate.
    """
    around = simplex(elevated, words)
    least, largest = sheared(vertex(around, elevated.shape[0])), sheared(vertex(around, 0))
    return jnp.stack([x.min() for x in least]), jnp.stack([x.max() for x in largest])


def number(elevated: Array, words: Array, box: Box, capacity: int | None) -> Vertices | int:
    """The vertices of the points, or how many there are if that is more than `capacity`."""
    lowest, size, stride = box.arrays()
    used = _mark(elevated, words, lowest, stride, cells=_rounded_up(box.cells, _WORD * _BLOCK))
    occupied = np.flatnonzero(np.asarray(used).view(bool))
    if capacity is None:
        capacity = _rounded_up(len(occupied), 1)
    if len(occupied) > capacity:
        return len(occupied)
    cells = np.full(capacity, -1, np.int32)
    cells[: len(occupied)] = occupied
    counted = _count(used)
    del used
    slots = _slots(elevated, words, lowest, stride, counted)
    after, before = _neighbours(jax.device_put(cells), lowest, size, stride, counted)
    return Vertices(slots, after, before)


def _rounded_up(count: int, least: int) -> int:
    """To one of eight numbers in every octave, so that like problems share their compiled programs."""
    grain = max(least, 1 << max(count.bit_length() - 4, 0))
    return -(-count // grain) * grain


@functools.partial(jax.jit, static_argnames="cells")
def _mark(elevated: Array, words: Array, lowest: Array, stride: Array, *, cells: int) -> Array:
    """1 in every cell that is a vertex of some point's simplex."""
    d, n = elevated.shape

    def keys(elevated: Array, words: Array) -> list[Array]:
        around = simplex(elevated, words)
        return [mixed_radix(sheared(vertex(around, k)), lowest, stride) + k for k in range(d + 1)]

    def body(used: Array, start: Array, size: int, first: Array) -> Array:
        for key in apart(keys, start, cut(elevated, start, size), cut(words, start, size)):
            used = used.at[key].set(np.uint8(1), mode="promise_in_bounds")
        return used

    return over_chunks(n, body, jnp.zeros(cells, np.uint8))


@jax.jit
def _count(used: Array) -> tuple[Array, Array]:
    """The used cells as bits, and how many there are before each word of bits."""
    cells = used.reshape(-1, _WORD).astype(np.uint32)
    bits = (cells << np.arange(_WORD, dtype=np.uint32)).sum(1, dtype=np.uint32)
    counts = lax.population_count(bits).astype(np.float32).reshape(-1, _BLOCK)
    before = np.triu(np.ones((_BLOCK, _BLOCK), np.float32), 1)  # sums of at most 4,096, exact
    within = jnp.dot(counts, before).astype(np.int32)
    blocks = counts.sum(1).astype(np.int32)
    return bits, ((jnp.cumsum(blocks) - blocks)[:, None] + within).ravel()


def _number_of(cell: Array, counted: tuple[Array, Array]) -> Array:
    """How many used cells there are before a cell."""
    bits, before = counted
    word, bit = cell >> 5, (cell & 31).astype(np.uint32)
    lower = at(bits, word) & ((np.uint32(1) << bit) - np.uint32(1))
    return at(before, word) + lax.population_count(lower).astype(np.int32)


@jax.jit
def _slots(
    elevated: Array, words: Array, lowest: Array, stride: Array, counted: tuple[Array, Array]
) -> Array:
    """The numbers of every point's vertices."""
    d, n = elevated.shape

    def numbers(elevated: Array, words: Array) -> list[Array]:
        around = simplex(elevated, words)
        keys = [mixed_radix(sheared(vertex(around, k)), lowest, stride) + k for k in range(d + 1)]
        return [_number_of(key, counted) for key in keys]

    def body(slots: Array, start: Array, size: int, first: Array) -> Array:
        found = apart(numbers, start, cut(elevated, start, size), cut(words, start, size))
        for k, number in enumerate(found):
            slots = lax.dynamic_update_slice(slots, number[None], (k, start))
        return slots

    return over_chunks(n, body, jnp.zeros((d + 1, n), np.int32))


@jax.jit
def _neighbours(
    cells: Array, lowest: Array, size: Array, stride: Array, counted: tuple[Array, Array]
) -> tuple[Array, Array]:
    """After and before every vertex; a cell of -1 is a number not in use."""
    d, capacity = lowest.shape[0], cells.shape[0]
    left = jnp.maximum(cells, 0)
    digits = [left] * (d + 1)
    radices = [*(size[i] for i in range(d)), jnp.int32(d + 1)]
    for i in range(d, -1, -1):
        rest = lax.div(left, jnp.broadcast_to(radices[i], left.shape))
        digits[i], left = left - rest * radices[i], rest
    q = unsheared([(x + lowest[i]).astype(np.float32) for i, x in enumerate(digits[:-1])])

    def along(j: Array, both: tuple[Array, Array]) -> tuple[Array, Array]:
        moved, remainder = step(q, digits[-1], j)
        there = sheared(moved)
        within = [
            (x >= lowest[i].astype(x.dtype)) & (x < (lowest[i] + size[i]).astype(x.dtype))
            for i, x in enumerate(there)
        ]
        inside = reduce(and_, within, cells >= 0)
        cell = jnp.where(inside, mixed_radix(there, lowest, stride) + remainder, 0)
        used = (at(counted[0], cell >> 5) >> (cell & 31).astype(np.uint32)) & np.uint32(1)
        number = jnp.where(inside & (used == 1), _number_of(cell, counted), capacity)
        after = lax.dynamic_update_slice(both[0], number[None], (j, 0))
        return after, lax.dynamic_update_slice(both[1], opposite(after[j])[None], (j, 0))

    empty = jnp.full((d + 1, capacity + 1), capacity, np.int32)
    return lax.fori_loop(0, d + 1, along, (empty, empty))
