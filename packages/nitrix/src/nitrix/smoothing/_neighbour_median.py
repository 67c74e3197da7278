"""The median of each voxel's neighbours, without the voxel itself, by a network of exchanges.

All neighbours of a voxel pass through the network at once, in registers: no array holds a value for each neighbour.
"""

import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from nitrix.morphology._network import ordered
from nitrix.smoothing._shifts import Window


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def neighbour_median(window: Window, image: Float[Array, "b *spatial"]) -> Float[Array, "b *spatial"]:
    """The median, of an even number the mean of the two in the middle; a NaN counts as absent; of none it is NaN."""
    low, high = _middles(window, image)
    return (low + high) / 2


@neighbour_median.defjvp
def _(window: Window, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    low, high = _middles(window, primals[0])
    # Recomputed when it is transposed, else it would keep a mask for each neighbour.
    slope = jax.checkpoint(functools.partial(_slope, window))
    return (low + high) / 2, slope(primals[0], low, high, tangents[0])


def _slope(window: Window, image: Array, low: Array, high: Array, tangent: Array) -> Array:
    """Half of the tangent at the low middle and half at the high one; ties share."""
    neighbours = _neighbours(window, image, np.nan)
    size, one = window.length, np.ones((), image.dtype)

    def here(x: Array) -> Array:
        return lax.slice_in_dim(window.lay_out(x, 0.0, size), window.margin, window.margin + size, axis=-1)

    def half_of_each(middle: Array) -> Array:
        ties = functools.reduce(operator.add, ((value == middle).astype(image.dtype) for value in neighbours))
        return 1 / (2 * jnp.maximum(ties, one))

    middles = here(low), here(high)
    shares = tuple(half_of_each(middle) for middle in middles)
    values, moved = window.lay_out(image, np.nan, size), window.lay_out(tangent, 0.0, size)

    # One neighbour after the other, and again when it is transposed: no mask of any is kept.
    @functools.partial(jax.checkpoint, prevent_cse=False)
    def add(total: Array, start: Array) -> tuple[Array, None]:
        value, change = (lax.dynamic_slice_in_dim(line, start, size, axis=-1) for line in (values, moved))
        zero = jnp.zeros_like(value)
        low_part, high_part = (
            jnp.where(value == middle, share, zero) for middle, share in zip(middles, shares, strict=True)
        )
        return total + (low_part + high_part) * change, None

    total, _ = lax.scan(add, jnp.zeros_like(middles[0]), jnp.asarray(window.margin + window.shifts))
    return window.take_back(total)


def _middles(window: Window, image: Array) -> tuple[Array, Array]:
    """The two values in the middle, the same one twice where the number of neighbours is odd."""
    values = _neighbours(window, image, np.nan)
    count = len(values)
    infinity = np.asarray(np.inf, image.dtype)
    # An absent neighbour stands above all others or below them, in turn, so that the middle stays in the middle.
    below = jnp.zeros(values[0].shape, bool)
    filled = []
    for value in values:
        absent = jnp.isnan(value)
        filled.append(jnp.where(absent, jnp.where(below, -infinity, infinity), value))
        below = below ^ absent
    present = functools.reduce(operator.add, ((~jnp.isnan(value)).astype(np.int32) for value in values))
    wanted = (count // 2 - 1, count // 2)
    lower, upper = ordered(filled, wanted)
    low = jnp.where(present > 0, lower, jnp.full_like(values[0], np.nan))
    high = jnp.where(present % 2 == 0, upper, low)
    return window.take_back(low), window.take_back(high)


def _neighbours(window: Window, image: Array, fill: float) -> list[Array]:
    """For each neighbour, its values as a line without margins."""
    line = window.lay_out(image, fill, window.length)
    starts = (window.margin + window.shifts).tolist()
    return [lax.slice_in_dim(line, start, start + window.length, axis=-1) for start in starts]


def reach_of_one(window: Window) -> Window:
    """The window's nearest neighbours, along the axes that it reaches."""
    return Window(window.shape, tuple(min(r, 1) for r in window.radius), centre=False)
