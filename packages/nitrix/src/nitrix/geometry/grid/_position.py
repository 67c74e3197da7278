"""Where on an axis a coordinate reads, in each of SciPy's boundary modes."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Real

# What the samples within reach of an axis's end are, by SciPy's names, and how coordinates come there: "constant" reads
# nothing beyond the ends, and "wrap" puts the last sample on the first one, so that its period is a voxel shorter.
EXTENSION = {
    "constant": "mirror",
    "grid-constant": "constant",
    "nearest": "nearest",
    "mirror": "mirror",
    "reflect": "reflect",
    "grid-mirror": "reflect",
    "wrap": "mirror",
    "grid-wrap": "wrap",
}


def within(c: Real[Array, "n"], size: int, margin: int = 0) -> Bool[Array, "n"]:
    """Whether a coordinate is between the first and the last sample, or not farther than `margin` outside."""
    return (c >= -margin) & (c <= size - 1 + margin)


def position(c: Float[Array, "n"], size: int, mode: str, reach: int) -> Float[Array, "n"]:
    """The coordinate brought to where, with the samples extended, it reads the same: of slope 1, -1, or 0 outside.

    The result is in [-reach, size - 1 + reach] for "nearest", one voxel wider for "grid-constant", in
    [-1/2, size - 1/2] for "reflect", in [0, size] for "grid-wrap" and in [0, size - 1] for the others.
    """
    last = size - 1
    if mode in ("nearest", "grid-constant"):
        margin = reach + (mode == "grid-constant")
        return bounded(c, -margin, last + margin)
    if mode == "constant" or size == 1:
        return bounded(c, 0, last)
    if mode == "mirror":
        t = remainder(c, 2 * last)
        return _unless(within(c, size), c, bounded(jnp.where(t > last, 2 * last - t, t), 0, last))
    if mode == "wrap":
        turns = jnp.where(c < 0, -jnp.floor(-c / last) - 1, jnp.floor(c / last))
        return _unless(within(c, size), c, bounded(c - last * turns, 0, last))
    if mode == "grid-wrap":
        return _unless(within(c, size), c, bounded(remainder(c, size), 0, size))
    half = np.asarray(0.5, c.dtype)
    t = remainder(c + half, 2 * size)
    folded = bounded(jnp.where(t > size, 2 * size - t, t) - half, -half, last + half)
    return _unless((c >= -half) & (c <= last + half), c, folded)


def bounded(c: Float[Array, "n"], least: Any, most: Any) -> Float[Array, "n"]:
    """`c` between bounds, with slope 1 on them: `jnp.clip` has 1/2 there."""
    low, high = np.asarray(least, c.dtype), np.asarray(most, c.dtype)
    return jnp.where(c < low, low, jnp.where(c > high, high, c))


def remainder(c: Float[Array, "n"], period: int) -> Float[Array, "n"]:
    """What is left of whole periods, in [0, period]."""
    return c - period * jnp.floor(c / period)  # a fraction of the time of `mod`


def _unless(kept: Bool[Array, "n"], c: Float[Array, "n"], folded: Float[Array, "n"]) -> Float[Array, "n"]:
    return jnp.where(kept, c, folded)
