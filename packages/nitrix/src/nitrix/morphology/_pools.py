"""Windows on a grid and the scatter that undoes them; derivatives go by the index of each maximum.

Differentiating through the comparisons would keep a mask for every sample of a window.
"""

import dataclasses
import functools
import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Int, Shaped
from numpy.typing import NDArray

UNROLLED = 32  # samples of a window; of more, some at a time
CHUNK = 16


@dataclasses.dataclass(frozen=True)
class Pools:
    """Where the windows are in an image of the given shape."""

    shape: tuple[int, ...]
    size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    @functools.cached_property
    def pooled(self) -> tuple[int, ...]:
        """The number of windows along each axis."""
        each = zip(self.shape, self.size, self.stride, self.padding, self.dilation, strict=True)
        return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in each)

    @functools.cached_property
    def starts(self) -> list[NDArray[np.int64]]:
        """The first voxel of each window along each axis, negative in the padding."""
        each = zip(self.pooled, self.stride, self.padding, strict=True)
        return [np.arange(m) * s - p for m, s, p in each]

    @functools.cached_property
    def first_inside(self) -> list[NDArray[np.int64]]:
        """The same without the padding."""
        return [
            start + -(np.minimum(start, 0) // d) * d
            for start, d in zip(self.starts, self.dilation, strict=True)
        ]

    @functools.cached_property
    def samples(self) -> NDArray[np.int32]:
        """[sample, axis]: the samples of a window, in raster order."""
        steps = (range(0, k * d, d) for k, d in zip(self.size, self.dilation, strict=True))
        return np.array(list(itertools.product(*steps)), np.int32)

    @functools.cached_property
    def raster(self) -> NDArray[np.int64]:
        """Voxels from one place to the next along each axis."""
        return np.array([math.prod(self.shape[axis + 1 :]) for axis in range(len(self.shape))], np.int64)

    @property
    def apart(self) -> bool:
        """Whether no voxel is in two windows."""
        each = zip(self.size, self.stride, self.dilation, strict=True)
        return all(s >= d * (k - 1) + 1 for k, s, d in each)

    def numbers(self, places: list[NDArray[np.int64]]) -> Int[Array, "..."]:
        """The numbers in raster order of places along each axis, for all windows."""
        rank = len(self.shape)
        total = jnp.zeros(self.pooled, np.int32)
        for axis, (place, step) in enumerate(zip(places, self.raster, strict=True)):
            line = (place * step).astype(np.int32).reshape([-1 if a == axis else 1 for a in range(rank)])
            total += jnp.asarray(line)
        return total


@functools.partial(jax.jit, static_argnames=("pools",))
def pool(x: Shaped[Array, "..."], *, pools: Pools) -> tuple[Shaped[Array, "..."], Int[Array, "..."]]:
    """The maxima and their numbers."""
    if jnp.issubdtype(x.dtype, jnp.floating):
        return _differentiable(pools, x)
    return _maxima(pools, x)


def _maxima(pools: Pools, x: Array) -> tuple[Array, Array]:
    leading = x.ndim - len(pools.shape)
    least = _least(x.dtype)
    padded = lax.pad(x, least, [(0, 0, 0)] * leading + [(p, p, 0) for p in pools.padding])
    spans = [(m - 1) * s + 1 for m, s in zip(pools.pooled, pools.stride, strict=True)]
    strides = (*[1] * leading, *pools.stride)
    shifts = (pools.samples @ pools.raster).astype(np.int32)

    def sample(start: Any) -> Array:
        if isinstance(start, np.ndarray):
            low = (*[0] * leading, *start.tolist())
            high = (*x.shape[:leading], *(a + n for a, n in zip(start.tolist(), spans, strict=True)))
            return lax.slice(padded, low, high, strides)
        zeros = [jnp.zeros((), start.dtype)] * leading
        span = lax.dynamic_slice(padded, (*zeros, *start), (*x.shape[:leading], *spans))
        return lax.slice(span, [0] * span.ndim, span.shape, strides)

    def better(so_far: tuple[Array, Array], start: Any, shift: Any) -> tuple[Array, Array]:
        value, number = so_far
        new = sample(start)
        wins = new > value
        if jnp.issubdtype(x.dtype, jnp.floating):
            wins |= jnp.isnan(new)
        return jnp.where(wins, new, value), jnp.where(wins, shift, number)

    base = pools.numbers(pools.starts)
    shape = (*x.shape[:leading], *pools.pooled)
    # Where nothing is above the least value, the first voxel that is no padding has it.
    best = (jnp.full(shape, least), jnp.broadcast_to(pools.numbers(pools.first_inside) - base, shape))
    count = len(shifts)
    chunks = 0 if count <= UNROLLED else count // CHUNK
    if chunks:
        table = pools.samples[: chunks * CHUNK].reshape(chunks, CHUNK, -1)

        def some(chunk: Any, so_far: tuple[Array, Array]) -> tuple[Array, Array]:
            starts, far = jnp.asarray(table)[chunk], jnp.asarray(shifts)
            for k in range(CHUNK):
                so_far = better(so_far, starts[k], far[chunk * CHUNK + k])
            return so_far

        best = lax.fori_loop(0, chunks, some, best)
    for k in range(chunks * CHUNK, count):
        best = better(best, pools.samples[k], shifts[k])
    return best[0], best[1] + base


_differentiable = jax.custom_jvp(_maxima, nondiff_argnums=(0,))


@_differentiable.defjvp
def _(pools: Pools, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Any, Any]:
    pooled, numbers = _differentiable(pools, primals[0])
    rank = len(pools.shape)
    leading = math.prod(primals[0].shape[: primals[0].ndim - rank])

    def pick(image: Array, at: Array) -> Array:
        return image.at[at].get(mode="promise_in_bounds", unique_indices=pools.apart)

    moved = tangents[0].reshape(leading, math.prod(pools.shape))
    change = jax.vmap(pick)(moved, numbers.reshape(leading, -1)).reshape(pooled.shape)
    return (pooled, numbers), (change, np.zeros(numbers.shape, jax.dtypes.float0))


@functools.partial(jax.jit, static_argnames=("shape", "checked"))
def unpool(
    x: Shaped[Array, "..."], indices: Shaped[Array, "..."], *, shape: tuple[int, ...], checked: bool
) -> Shaped[Array, "..."]:
    """Values at their numbers in images of the given shape, zeros elsewhere."""
    leading = x.shape[: x.ndim - len(shape)]
    size, rows = math.prod(shape), math.prod(leading)
    floats = jnp.issubdtype(x.dtype, jnp.floating)
    values, at = x.reshape(rows, -1), indices.reshape(rows, -1)
    empty = jnp.zeros(rows, x.dtype)
    if not checked:
        lost = (at < 0) | (at >= size)
        at = jnp.where(lost, size, at)
        if floats:
            # The whole image is NaN: where nothing is put, and what is put.
            spoilt = lost.any(1)
            empty = jnp.where(spoilt, np.asarray(np.nan, x.dtype), empty)
            values = jnp.where(spoilt[:, None], np.asarray(np.nan, x.dtype), values)
    place = jax.vmap(functools.partial(_differentiable_place if floats else _place, size))
    return place(values, at.astype(np.int32), empty).reshape(*leading, *shape)


def _place(size: int, values: Array, at: Array, empty: Array) -> Array:
    return jnp.broadcast_to(empty, (size,)).at[at].set(values, mode="drop")


_differentiable_place = jax.custom_jvp(_place, nondiff_argnums=(0,))


@_differentiable_place.defjvp
def _(size: int, primals: tuple[Array, ...], tangents: tuple[Any, ...]) -> tuple[Array, Array]:
    _, at, _ = primals
    moved = tangents[0]
    # Of several values at one place the last one stays; the others have no part in the result.
    order = jnp.arange(at.shape[0], dtype=np.int32)
    last = jnp.full(size, np.int32(-1)).at[at].max(order, mode="drop")
    stays = last.at[at].get(mode="fill", fill_value=-1) == order
    change = (
        jnp.zeros(size, moved.dtype).at[at].add(jnp.where(stays, moved, jnp.zeros_like(moved)), mode="drop")
    )
    return _differentiable_place(size, *primals), change


def _least(dtype: Any) -> NDArray[Any]:
    if dtype == np.dtype(bool):
        return np.asarray(False)
    if jnp.issubdtype(dtype, jnp.floating):
        return np.asarray(-np.inf, dtype)
    return np.asarray(np.iinfo(dtype).min, dtype)
