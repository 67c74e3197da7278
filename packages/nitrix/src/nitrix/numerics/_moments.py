"""Mean and spread of samples, accurate beside a large offset and at any scale."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

Axes = tuple[int, ...]


class Centred(NamedTuple):
    """Samples less their mean, those that do not count too, and the mean."""

    difference: Float[Array, "..."]
    mean: Float[Array, "..."]
    constant: Bool[Array, "..."]  # all samples that count are equal


def weighted_mean(
    x: Float[Array, "..."], weights: Float[Array, "..."] | None, axes: Axes
) -> Float[Array, "..."]:
    """The mean along `axes`, which keep their place."""
    if weights is None:
        return x.mean(axes, keepdims=True)
    return jnp.sum(weights * x, axes, keepdims=True) / jnp.sum(weights, axes, keepdims=True)


def centred(x: Float[Array, "..."], weights: Float[Array, "..."] | None, axes: Axes) -> Centred:
    """Subtract the mean twice: the second time takes away what rounding left of an offset."""
    least, most = (greatest(sign * x, weights, axes) * sign for sign in (-1, 1))
    constant = least == most
    rough = weighted_mean(x, weights, axes)
    # The mean of equal samples is their value, which the sum may miss by a rounding.
    rough += lax.stop_gradient(jnp.where(constant, least - rough, jnp.zeros_like(rough)))
    rest = weighted_mean(x - rough, weights, axes)
    return Centred((x - rough) - rest, rough + rest, constant)


def standardised(
    samples: Centred, weights: Float[Array, "..."] | None, axes: Axes, eps: Any
) -> Float[Array, "..."]:
    """Differences over their root mean square; 0 where that is at most `eps` or the samples are constant."""
    # Squares of small numbers vanish: they are taken of the share in the largest, on which the result does not depend.
    largest = greatest(jnp.abs(samples.difference), weights, axes)
    flat = samples.constant | (largest < np.finfo(largest.dtype).tiny)
    share = samples.difference / jnp.where(flat, jnp.ones_like(largest), largest)
    square = weighted_mean(share * share, weights, axes)
    spread = jnp.sqrt(jnp.where(flat, jnp.ones_like(square), square))
    return jnp.where(flat | (spread * largest <= eps), jnp.zeros_like(share), share / spread)


def greatest(x: Float[Array, "..."], weights: Float[Array, "..."] | None, axes: Axes) -> Float[Array, "..."]:
    """The greatest sample of a weight above 0, without a derivative; -inf where there is none."""
    least = np.asarray(-np.inf, x.dtype)
    read = x if weights is None else jnp.where(weights > 0, x, least)
    return lax.stop_gradient(jnp.max(read, axes, keepdims=True, initial=least))
