"""Extrema in integers: every dtype is mapped to integers of its width whose maximum is the extremum wanted.

The processor's integer maximum is then all that a pass costs, a NaN is stronger than every number, and the weakest
integer is left for what takes no part. A state is the keys alone, or the keys and the number of the voxel that each
comes from.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Integer, Shaped

from nitrix._apart import apart

State = tuple[Array, ...]

_BITS: dict[int, Any] = {2: np.int16, 4: np.int32, 8: np.int64}


def keys(x: Shaped[Array, "..."], *, smallest: bool) -> Integer[Array, "..."]:
    """Integers that order as `x` does, or the other way round where the smallest is sought."""
    if x.dtype == np.dtype(bool):
        key = x.astype(np.uint8)
        return key ^ np.uint8(1) if smallest else key
    if jnp.issubdtype(x.dtype, jnp.integer):
        return ~x if smallest else x
    kind = _BITS[x.dtype.itemsize]
    bits = lax.bitcast_convert_type(-x if smallest else x, kind)
    key = bits ^ ((bits >> kind(8 * x.dtype.itemsize - 1)) & np.iinfo(kind).max)
    return jnp.where(jnp.isnan(x), jnp.full_like(key, np.iinfo(kind).max), key)


def values(key: Integer[Array, "..."], dtype: np.dtype, *, smallest: bool) -> Shaped[Array, "..."]:
    """What the keys stand for; the weakest of all becomes the weakest value of the dtype."""
    if dtype == np.dtype(bool):
        return key == np.uint8(0) if smallest else key != np.uint8(0)
    if jnp.issubdtype(dtype, jnp.integer):
        return ~key if smallest else key
    kind = _BITS[dtype.itemsize]
    info = np.iinfo(kind)
    infinite = np.asarray(np.inf, dtype).view(kind)
    numbers = jnp.maximum(key, info.min + (info.max - infinite))  # minus infinity's
    bits = numbers ^ ((numbers >> kind(8 * dtype.itemsize - 1)) & info.max)
    found = lax.bitcast_convert_type(bits, dtype)
    return -found if smallest else found


def weakest(dtype: np.dtype) -> Any:
    """The key of what takes no part."""
    return np.asarray(np.iinfo(dtype).min, dtype)[()]


def stronger(a: State, b: State) -> State:
    """The stronger of two states, of equals the one of the lower number."""
    if len(a) == 1:
        return (lax.max(a[0], b[0]),)
    second = (b[0] > a[0]) | ((b[0] == a[0]) & (b[1] < a[1]))
    return tuple(jnp.where(second, y, x) for x, y in zip(a, b, strict=True))


def part(state: State, axis: int, start: int, size: int) -> State:
    """`size` samples along an axis."""
    return tuple(lax.slice_in_dim(x, start, start + size, axis=axis) for x in state)


def running(state: State, axis: int, count: int, width: int = 1) -> State:
    """The strongest of `count` samples from each sample on, in about log2(count) steps of windows that double.

    `width` is the samples that each one of the state stands for already.
    """
    while width < count:
        step = min(width, count - width)
        size = state[0].shape[axis] - step
        halves = part(state, axis, 0, size), part(state, axis, step, size)
        # Fused steps would make each number again for every later one that may need it.
        state = stronger(*halves) if len(state) == 1 else apart(stronger, state[1], *halves)
        width += step
    return state
