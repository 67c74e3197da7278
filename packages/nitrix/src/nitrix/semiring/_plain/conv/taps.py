"""The streaming reduction over the taps of a convolution: no array of patches, a state that stays in cache."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from nitrix.semiring._plain.conv.window import Shape, Window, offsets, span

T = TypeVar("T")

# Terms folded per loop step, at least if there are as many, and at most. With fewer XLA's CPU compiler no longer
# vectorises the loop, since it then slices its operands within it (see `streaming.CHUNK`); more compile for long.
FEWEST, MOST = 16, 32

# Entries of the state that are worked on at a time, so that it stays in cache.
STATE_ENTRIES = 1 << 19

LANES = 1 << 13  # entries of the state where the output's positions are summed over, about


def fold(
    state: T,
    step: Callable[..., T],
    images: Any,
    kernel: Any,
    out: Shape,
    window: Window,
    row: Any = 0,
    *,
    most: int | None = None,
) -> T:
    """Fold every term of [r, *out]: state = step(state, a [1, *out], b [r, 1, ...], number).

    `images` is a tree of [c, *padded] or [1, *padded], `kernel` one of [*taps, c, r], and `number` that of the term in
    the order of [*taps, c]. The output starts at this row of the first axis. A step takes at most so many terms.
    """
    sizes = jax.tree.leaves(kernel)[0].shape[:-1]
    most = MOST if most is None else min(most, MOST)
    at = _chunk_axis(sizes, most)
    length = _chunk_length(sizes[at], int(np.prod(sizes[at + 1 :])), most)
    chunks, rest = divmod(sizes[at], length)
    before = offsets(sizes[:at])

    def piece(state: T, starts: Any, length: int) -> T:
        """The terms from `starts` on: `length` along the axis that is cut, all along the axes after it."""
        lengths = (*(1 for _ in sizes[:at]), length, *sizes[at + 1 :])
        cut_images = jax.tree.map(lambda x: _cut_image(x, starts, lengths, out, window, row), images)
        cut_kernel = jax.tree.map(
            lambda k: lax.dynamic_slice(k, _int32(*starts, 0), (*lengths, k.shape[-1])), kernel
        )
        first = jnp.int32(0)
        for start, size in zip(starts, sizes):
            first = first * size + start
        for t, tap in enumerate(np.ndindex(*lengths)):
            a = jax.tree.map(partial(_shifted, tap=tap, out=out, window=window), cut_images)
            b = jax.tree.map(partial(_column, tap=tap, rank=len(out)), cut_kernel)
            state = step(state, a, b, first + t)
        return state

    def starts_of(tap: Any, start: Any) -> list[Any]:
        return [*(tap[i] for i in range(at)), start, *(0 for _ in sizes[at + 1 :])]

    if len(before) * chunks == 1 and not rest:
        return piece(state, [0] * len(sizes), length)

    @jax.checkpoint  # a derivative recomputes the terms instead of keeping them
    def chunk(state: T, at: tuple[Array, Array]) -> tuple[T, None]:
        return piece(state, starts_of(*at), length), None

    starts = np.arange(chunks, dtype=np.int32) * length
    if not rest:
        every = (np.repeat(before, chunks, 0), np.tile(starts, len(before)))
        return lax.scan(chunk, state, jax.tree.map(jnp.asarray, every))[0]

    @jax.checkpoint
    def line(state: T, tap: Array) -> tuple[T, None]:
        if chunks:
            taps = jnp.broadcast_to(tap, (chunks, *tap.shape))
            state, _ = lax.scan(chunk, state, (taps, jnp.asarray(starts)))
        return piece(state, starts_of(tap, jnp.int32(chunks * length)), rest), None

    return lax.scan(line, state, jnp.asarray(before))[0]


def in_row_blocks(block: Callable[[Any, int], T], out: Shape, channels: int) -> T:
    """`block(row, rows)`, arrays of [c, rows, *out[1:]], for as many rows of the first axis as keep it in cache."""
    entries = channels * int(np.prod(out[1:]))
    rows = -(-out[0] // max(-(-out[0] * entries // STATE_ENTRIES), 1))
    if rows >= out[0]:
        return block(0, out[0])

    def one(i: Array, whole: T) -> T:
        row = jnp.minimum(
            i.astype(jnp.int32) * rows, out[0] - rows
        )  # the last block overlaps the one before it
        return jax.tree.map(
            lambda w, b: lax.dynamic_update_slice_in_dim(w, b, row, 1), whole, block(row, rows)
        )

    shapes = jax.eval_shape(lambda: block(0, rows))
    whole = jax.tree.map(lambda s: jnp.zeros((s.shape[0], *out), s.dtype), shapes)
    return lax.fori_loop(0, -(-out[0] // rows), one, whole)


def rows_of(x: Array, row: Any, rows: int) -> Array:
    """Rows of the first spatial axis of [c, *spatial]."""
    return x if rows == x.shape[1] else lax.dynamic_slice_in_dim(x, row, rows, 1)


def over_positions(
    term: Callable[..., Array], images: Any, planes: Any, fill: Any, kernel: Array, window: Window
) -> Array:
    """[*taps, c_in, c_out]: sum over the output of term(a [c_in, 1, b], k [c_in, c_out, 1], g [1, c_out, b]).

    `images` is a tree of [c_in, *padded] or [1, *padded], `planes` one of [c_out, *out], `fill` what pads these.
    """
    out, spatial = jax.tree.leaves(planes)[0].shape[1:], len(window.stride)
    (*taps, c_in, c_out), stride = kernel.shape, window.stride[-1]
    width = min(max(LANES // (c_in * c_out), 16), out[-1])
    parts = -(-out[-1] // width)
    rows = (*out[:-1], parts)
    planes = jax.tree.map(lambda g, f: _longer(g, parts * width, f), planes, fill)
    reach = (parts * width - 1) * stride + span(taps[-1], window.dilation[-1])
    images = jax.tree.map(lambda x: _longer(x, max(reach, x.shape[-1]), 0), images)
    count = int(np.prod(rows))

    def one_tap(_: None, tap: Array) -> tuple[None, Array]:
        weights = lax.dynamic_slice(
            kernel, [*tap, jnp.int32(0), jnp.int32(0)], (*(1,) * spatial, c_in, c_out)
        )
        weights = weights.reshape(c_in, c_out, 1)

        def several(i: Array, total: Array) -> Array:
            for t in range(FEWEST):
                number = i.astype(jnp.int32) * FEWEST + t
                at = list(jnp.unravel_index(jnp.minimum(number, count - 1), rows))
                at[-1] = at[-1] * width
                first = [o * s + p * d for o, p, s, d in zip(at, tap, window.stride, window.dilation)]
                a = jax.tree.map(partial(_line, first=first, width=width, step=stride), images)
                g = jax.tree.map(partial(_line, first=at, width=width, step=1), planes)
                a, g = jax.tree.map(lambda x: x[:, None], a), jax.tree.map(lambda x: x[None], g)
                total = total + jnp.where(number < count, term(a, weights, g), 0)
            return total

        total = jnp.zeros((c_in, c_out, width), kernel.dtype)
        return None, lax.fori_loop(0, -(-count // FEWEST), several, total).sum(-1)

    return lax.scan(one_tap, None, jnp.asarray(offsets(tuple(taps))))[1].reshape(kernel.shape)


def _line(x: Array, first: Any, width: int, step: int) -> Array:
    """[c, width]: part of one line of [c, *spatial]."""
    length = (width - 1) * step + 1
    part = lax.dynamic_slice(x, _int32(0, *first), (x.shape[0], *(1,) * (x.ndim - 2), length))
    return part.reshape(x.shape[0], length)[:, ::step]


def _longer(x: Array, length: int, fill: int | float) -> Array:
    """The last axis up to this length."""
    edges = (*((0, 0, 0),) * (x.ndim - 1), (0, length - x.shape[-1], 0))
    return lax.pad(x, jnp.asarray(fill, x.dtype), edges)


def _chunk_axis(sizes: Shape, most: int) -> int:
    """The outermost axis of [*taps, c] of which a step takes several: it takes all of the axes after it."""
    terms = 1
    for axis in reversed(range(len(sizes))):
        terms *= sizes[axis]
        if terms > most:
            return axis
    return 0


def _chunk_length(size: int, terms: int, most: int) -> int:
    """How many of an axis a step takes, each of so many terms; a divisor if that is enough."""
    longest = max(min(most // terms, size), 1)
    divisors = [n for n in range(1, longest + 1) if size % n == 0 and n * terms >= min(FEWEST, most)]
    return max(divisors, default=longest)


def _column(k: Array, tap: Shape, rank: int) -> Array:
    """[r, 1, ...]: one term of each kernel."""
    return k[tap].reshape(-1, *(1,) * rank)


def _cut_image(x: Array, starts: Any, lengths: Shape, out: Shape, window: Window, row: Any) -> Array:
    """The part of an image that the terms from `starts` on read."""
    first, sizes = [], []
    for axis, (start, taps, n) in enumerate(zip(starts, lengths, out)):
        s, d = window.stride[axis], window.dilation[axis]
        first.append(start * d + (row * s if axis == 0 else 0))
        sizes.append((n - 1) * s + span(taps, d))
    alone = x.shape[0] == 1
    channel, channels = (0, 1) if alone else (starts[-1], lengths[-1])
    return lax.dynamic_slice(x, _int32(channel, *first), [channels, *sizes])


def _shifted(x: Array, tap: Shape, out: Shape, window: Window) -> Array:
    """[1, *out]: what one tap reads of one channel."""
    channel = 0 if x.shape[0] == 1 else tap[-1]
    first = [p * d for p, d in zip(tap, window.dilation)]
    last = [f + (n - 1) * s + 1 for f, n, s in zip(first, out, window.stride)]
    return lax.slice(x, [channel, *first], [channel + 1, *last], [1, *window.stride])


def _int32(*starts: Any) -> list[Array]:
    return [jnp.asarray(start, jnp.int32) for start in starts]
