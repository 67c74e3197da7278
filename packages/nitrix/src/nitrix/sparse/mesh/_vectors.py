"""Lengths and areas with the derivative 0 where they are 0."""

import jax.numpy as jnp
from jax import Array, lax


def length(x: Array) -> Array:
    """Euclidean norms along the last axis; 0, with derivative 0, for a vector of zeros."""
    # In units of the largest component nothing under- or overflows.
    unit = lax.stop_gradient(jnp.max(jnp.abs(x), axis=-1, keepdims=True))
    zero = unit == 0
    unit = jnp.where(zero | jnp.isinf(unit), 1, unit)
    squares = jnp.sum(jnp.square(x / unit), axis=-1, keepdims=True)
    return jnp.where(zero, 0, unit * jnp.sqrt(jnp.where(zero, 1, squares)))[..., 0]


def unit_vectors(x: Array) -> Array:
    """Vectors along the last axis brought to length 1; those of zeros stay, with derivative 0."""
    size = length(x)[..., None]
    zero = size == 0
    return jnp.where(zero, 0, x / jnp.where(zero, 1, size))


def crosses(corners: Array) -> Array:
    """Twice the area of each face [faces, 3 corners, 3] along its normal."""
    a, b, c = (corners[:, i] for i in range(3))
    return jnp.cross(b - a, c - a)


# The height of a face is known to about the rounding of its coordinates; below that, its angles and its normal are
# noise.


def without_area(corners: Array) -> Array:
    """Which faces are no higher than four roundings of their largest coordinate."""
    known = lax.stop_gradient(corners)
    longest = jnp.max(length(known - jnp.roll(known, 1, axis=1)), axis=1)
    rounding = jnp.max(jnp.abs(known), axis=(1, 2)) * jnp.finfo(corners.dtype).eps  # type: ignore[no-untyped-call]
    return length(crosses(known)) <= 4 * rounding * longest
