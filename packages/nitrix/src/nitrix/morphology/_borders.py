"""What stands beyond the borders of an image, and which voxel a place beyond them shows."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Integer

from nitrix._boundary import BoundaryMode, plain_mode, source_index

BorderMode = Literal["neutral"] | BoundaryMode


def border_mode(mode: str, function: str) -> str:
    """One of SciPy's five modes or "neutral"."""
    if mode == "neutral":
        return mode
    try:
        return plain_mode(mode, function)
    except ValueError as error:
        raise ValueError(str(error).replace("give one of ", "give one of 'neutral', ")) from None


def extend(x: Array, axis: int, before: int, after: int, *, mode: str, outside: Any) -> Array:
    """Samples added on both sides of an axis; `outside` is their value where the mode is neutral or constant."""
    if before == after == 0:
        return x
    if mode in ("neutral", "constant"):
        widths = [(before, after, 0) if a == axis else (0, 0, 0) for a in range(x.ndim)]
        return lax.pad(x, jnp.asarray(outside, x.dtype), widths)
    n = x.shape[axis]
    sides = (np.arange(-before, 0), np.arange(n, n + after))
    low, high = (jnp.take(x, source_index(side, n, mode), axis=axis) for side in sides)
    return lax.concatenate([low, x, high], axis)


def voxel_shown(
    place: Integer[Array, "..."],
    shape: Sequence[int],
    before: Sequence[int],
    after: Sequence[int],
    mode: str,
) -> tuple[Integer[Array, "..."], Bool[Array, "..."]]:
    """The flat number of the voxel at each flat place of the extended image, and whether there is one."""
    inside = jnp.ones(place.shape, bool)
    flat = jnp.zeros_like(place)
    for axis in reversed(range(len(shape))):
        n = shape[axis]
        size = n + before[axis] + after[axis]
        at, place = place % size, place // size
        if mode in ("neutral", "constant"):
            at = at - before[axis]
            inside &= (at >= 0) & (at < n)
            voxel = jnp.clip(at, 0, n - 1)
        else:
            table = source_index(np.arange(-before[axis], n + after[axis]), n, mode)
            voxel = jnp.take(jnp.asarray(table, place.dtype), at)
        flat += voxel * math.prod(shape[axis + 1 :])
    return flat, inside


def places(shape: Sequence[int]) -> np.dtype:
    """The dtype that numbers the places of an extended image."""
    if math.prod(shape) < 2**31:
        return np.dtype(np.int32)
    if jnp.zeros(0, int).dtype == np.dtype(np.int64):
        return np.dtype(np.int64)
    raise ValueError(
        f"nitrix.morphology: the image with its border, {tuple(shape)}, has more places than an int32 can number; "
        f"switch jax_enable_x64 on."
    )
