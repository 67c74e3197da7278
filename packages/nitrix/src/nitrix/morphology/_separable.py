"""Distances to the nearest background voxel that come out of one axis after the other.

With f = 0 on the background and infinity elsewhere, each axis in turn replaces f by

    f'(i) = min_j combine(f(j), w(i - j)),

w growing with |i - j|: squares that are added (Euclidean), lengths that are added (city block) or whose largest counts
(Chebyshev). Every f is reached by itself, so f' <= f, and sources farther away than w < max f cannot matter: a block of
targets looks at the sources within that reach only, and a block of background at none.

Equal spacings (or such whose powers are whole multiples of the smallest one's) make every number here whole, and exact.
Numbers of 16 bits, which hold distances up to 180 voxels, take about half of the time of those of 32.
"""

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Shaped
from numpy.typing import NDArray

from nitrix._apart import apart

_SOURCES = 16  # that one pass over a block of targets looks at: fewer and XLA no longer vectorises it
_TARGETS = 128
_TILE = 1 << 19  # voxels that are in the cache together
_WIDE = 64  # lines side by side, from which on counting along them pays


@dataclasses.dataclass(frozen=True)
class Metric:
    """How lengths along the axes make a distance: `combine` of their powers, and the root of that."""

    power: int
    combine: Callable[[Any, Any], Any]

    def weight(self, steps: Any, spacing: Any) -> Any:
        return (steps * spacing) ** self.power

    def root(self, total: Any) -> Any:
        return jnp.sqrt(total) if self.power == 2 else total


METRICS = {
    "euclidean": Metric(2, lax.add),
    "city_block": Metric(1, lax.add),
    "chebyshev": Metric(1, lax.max),
}


def whole_weights(
    metric: Metric, spacing: tuple[float, ...], shape: tuple[int, ...]
) -> tuple[int, ...] | None:
    """The powers of the spacings as multiples of the smallest one's, where all are whole and 32 bits hold all sums."""
    ratios = [(s / min(spacing)) ** metric.power for s in spacing]
    if any(r != int(r) for r in ratios) or sum(
        r * n**metric.power for r, n in zip(ratios, shape, strict=True)
    ) >= far(np.int32):
        return None
    return tuple(int(r) for r in ratios)


def far(dtype: Any) -> int:
    """What stands for infinity in a dtype of whole numbers: twice it still fits."""
    return int(np.iinfo(dtype).max) // 2


def reaches(metric: Metric, weights: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """A bound of the combined powers in an image."""
    return sum(weight * (n - 1) ** metric.power for weight, n in zip(weights, shape, strict=True))


def whole_powers(
    foreground: Bool[Array, "*spatial"], metric: Metric, weights: tuple[int, ...], dtype: Any
) -> Shaped[Array, "*spatial"]:
    """The combined powers as whole numbers, right where they are below far(dtype), at most that."""
    infinity = np.asarray(far(dtype), dtype)
    # The number of steps at which the first axis alone is that far.
    limit = min(math.ceil((int(infinity) / weights[0]) ** (1 / metric.power)), int(infinity))
    most = np.asarray(limit, np.uint8 if limit < 2**8 else dtype)

    def weigh(steps: Array) -> Array:
        power = steps.astype(dtype) ** metric.power * np.asarray(weights[0], dtype)
        return jnp.where(steps >= most, infinity, power)

    f = _counts(foreground, most, weigh)[0]
    for axis in range(1, foreground.ndim):
        table = jnp.asarray(_whole_table(metric, f.shape[axis], weights[axis], far(dtype)).astype(dtype))
        f = _along(f, axis, table, infinity, metric.combine)
    return f


def powers(
    foreground: Bool[Array, "*spatial"], metric: Metric, spacing: Float[Array, "rank"]
) -> Float[Array, "*spatial"]:
    """The combined powers in the dtype of `spacing`, infinite where there is no background."""
    infinity = np.asarray(np.inf, spacing.dtype)
    f = _counts(foreground, infinity, lambda steps: metric.weight(steps, spacing[0]))[0]
    for axis in range(1, foreground.ndim):
        f = _along(f, axis, _weights(metric, f.shape[axis], spacing[axis]), infinity, metric.combine)
    return f


def nearest(
    foreground: Bool[Array, "*spatial"],
    metric: Metric,
    weights: tuple[int, ...] | None,
    spacing: Float[Array, "rank"],
) -> Int[Array, "rank *spatial"]:
    """The place of a nearest background voxel, -1 where there is none."""
    shape = foreground.shape
    none = np.int32(shape[0])
    steps, onwards = _counts(foreground, none)
    here = lax.broadcasted_iota(np.int32, shape, 0)
    there = steps < none
    source = jnp.where(there, jnp.where(steps == onwards, here - steps, here + steps), 0)
    bits = max(shape).bit_length()
    room = far(np.uint32) >> bits
    if metric.combine is not lax.add or weights is None or reaches(metric, weights, shape) >= room:
        weights = None
    infinity: Any
    if weights is not None:
        infinity = np.uint32(room)
        f = jnp.where(there, steps.astype(np.uint32) ** metric.power * np.uint32(weights[0]), infinity)
    else:
        infinity = np.asarray(np.inf, spacing.dtype)
        f = jnp.where(there, metric.weight(steps.astype(spacing.dtype), spacing[0]), infinity)
    sources = [source]
    for axis in range(1, foreground.ndim):
        n = shape[axis]
        if weights is not None:
            # The source's number stands in the lowest bits of what is compared.
            itself = lax.broadcasted_iota(np.uint32, shape, axis)
            table = jnp.asarray((_whole_table(metric, n, weights[axis], room) << bits).astype(np.uint32))
            least = _along(f << bits | itself, axis, table, infinity << bits, metric.combine)
            f, source = least >> bits, (least & np.uint32(2**bits - 1)).astype(np.int32)
        else:
            f, source = _along(
                f, axis, _weights(metric, n, spacing[axis]), infinity, metric.combine, with_source=True
            )
        sources = [apart(partial(_taken, axis), source, s, source) for s in sources] + [source]
    return jnp.where(f >= infinity, -1, jnp.stack(sources))


def _taken(axis: int, x: Array, index: Array) -> Array:
    return jnp.take_along_axis(x, index, axis=axis)


def _whole_table(metric: Metric, n: int, weight: int, most: int) -> NDArray[np.int64]:
    steps = np.abs(np.arange(1 - n, n, dtype=np.int64))
    return np.minimum(weight * steps**metric.power, most)


def _weights(metric: Metric, n: int, spacing: Array) -> Array:
    steps = np.abs(np.arange(1 - n, n)).astype(spacing.dtype)
    return metric.weight(steps, spacing)


def _counts(
    foreground: Array, far: Any, weigh: Callable[[Array], Array] = lambda steps: steps
) -> tuple[Array, Array]:
    """Steps to the nearest background along the first axis, weighed, and to the last one before, at most `far`."""
    if math.prod(foreground.shape[1:]) < _WIDE:
        here = lax.broadcasted_iota(np.int32, foreground.shape, 0)
        nowhere = np.int32(2 * foreground.shape[0])
        before = here - lax.cummax(jnp.where(foreground, -nowhere, here), axis=0)
        after = lax.cummin(jnp.where(foreground, 2 * nowhere, here), axis=0, reverse=True) - here

        def limited(steps: Array) -> Array:
            some = steps < nowhere // 2
            if np.issubdtype(far.dtype, np.integer):
                steps = jnp.minimum(steps, np.int32(far))  # before it is cast to what may be narrower
            return jnp.where(some, steps.astype(far.dtype), far)

        return weigh(limited(jnp.minimum(before, after))), limited(before)
    one, zero = np.ones((), far.dtype), np.zeros((), far.dtype)

    def onwards(count: Array, inside: Array) -> tuple[Array, Array]:
        count = jnp.where(inside, jnp.minimum(count + one, far), zero)
        return count, count

    def backwards(count: Array, other: Array) -> tuple[Array, Array]:
        count = jnp.minimum(count + one, other)
        return count, weigh(count)

    start = jnp.full(foreground.shape[1:], far)
    ahead = lax.scan(onwards, start, foreground)[1]
    return lax.scan(backwards, start, ahead, reverse=True)[1], ahead


def _along(
    f: Array,
    axis: int,
    weights: Array,
    far: Any,
    combine: Callable[[Any, Any], Any],
    with_source: bool = False,
) -> Any:
    """min_j combine(f(j), weights[n - 1 + i - j]) along an axis, and the j that attains it where that is wanted."""
    lines, n, beside = math.prod(f.shape[:axis]), f.shape[axis], math.prod(f.shape[axis + 1 :])
    folded = f.reshape((lines, n) if axis == f.ndim - 1 else (lines, n, beside))
    some = max(1, min(lines, _TILE // (n * beside)))
    spread = partial(_spread, weights=weights, far=far, combine=combine, with_source=with_source)

    def place(tile: Any, results: tuple[Array, ...]) -> tuple[Array, ...]:
        # In place: fresh memory costs as much time as some of the work. The last tile overlaps the one before.
        start = jnp.minimum(tile * some, lines - some)
        given = lax.dynamic_slice_in_dim(results[0], start, some)
        parts = spread(given)
        if lines % some:
            done = lax.broadcasted_iota(np.int32, given.shape, 0) + start < tile * some
            before = (given, *(lax.dynamic_slice_in_dim(result, start, some) for result in results[1:]))
            parts = tuple(jnp.where(done, old, new) for old, new in zip(before, parts, strict=True))
        return tuple(
            lax.dynamic_update_slice_in_dim(result, part, start, axis=0)
            for result, part in zip(results, parts, strict=True)
        )

    if some == lines:
        results = spread(folded)
    else:
        whole = (folded, *([jnp.zeros(folded.shape, np.int32)] if with_source else []))
        results = lax.fori_loop(0, -(-lines // some), place, whole)
    out = tuple(result.reshape(f.shape) for result in results)
    return out if with_source else out[0]


def _spread(
    f: Array, *, weights: Array, far: Any, combine: Callable[[Any, Any], Any], with_source: bool
) -> tuple[Array, ...]:
    """The same along the second axis of an array of two or three, block of targets by block."""
    n = f.shape[1]
    targets = min(_TARGETS, -(-n // _SOURCES) * _SOURCES)
    length = -(-n // targets) * targets
    f = _padded(f, 1, 0, length - n, far)
    weights = _padded(weights, 0, length, length, far)
    zero = length + n - 1  # where the weight of no step stands

    def across(column: Array) -> Array:
        return column[None] if f.ndim == 2 else column[None, :, None]

    def block(b: Any, results: tuple[Array, ...]) -> tuple[Array, ...]:
        start = b * targets
        here = lax.dynamic_slice_in_dim(f, start, targets, axis=1)
        largest = _largest(here)
        reach = (weights[zero:] < largest).sum(dtype=np.int32)
        first = jnp.maximum(start - reach, 0) // _SOURCES
        last = jnp.minimum(start + targets + reach + _SOURCES - 1, length) // _SOURCES
        last = jnp.where(largest > 0, last, first)

        def look(group: Any, best: tuple[Array, ...]) -> tuple[Array, ...]:
            sources = lax.dynamic_slice_in_dim(f, group * _SOURCES, _SOURCES, axis=1)
            for k in range(_SOURCES):
                j = group * _SOURCES + k
                weight = lax.dynamic_slice_in_dim(weights, zero + start - j, targets, axis=0)
                value = combine(sources[:, k : k + 1], across(weight))
                if with_source:
                    better = value < best[0]
                    best = jnp.where(better, value, best[0]), jnp.where(better, j, best[1])
                else:
                    best = (jnp.where(value < best[0], value, best[0]),)
            return best

        itself = start + lax.broadcasted_iota(np.int32, here.shape, 1)
        best = lax.fori_loop(first, last, look, (here, itself) if with_source else (here,))
        return tuple(
            lax.dynamic_update_slice_in_dim(result, part, start, axis=1)
            for result, part in zip(results, best, strict=True)
        )

    empty = (jnp.zeros_like(f), *([jnp.zeros(f.shape, np.int32)] if with_source else []))
    results = lax.fori_loop(0, length // targets, block, empty)
    return tuple(lax.slice_in_dim(result, 0, n, axis=1) for result in results)


def _largest(x: Array) -> Array:
    """The maximum, axis by axis, which XLA vectorises."""
    while x.ndim:
        x = x.max(axis=0)
    return x


def _padded(x: Array, axis: int, before: int, after: int, value: Any) -> Array:
    widths = [(0, 0, 0)] * x.ndim
    widths[axis] = (before, after, 0)
    return lax.pad(x, jnp.asarray(value, x.dtype), widths)
