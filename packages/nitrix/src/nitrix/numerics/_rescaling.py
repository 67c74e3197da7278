"""The programs behind `normalize`: samples that do not count may hold anything, also in the derivative."""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from nitrix.numerics._moments import Axes, centred, greatest, standardised, weighted_mean
from nitrix.numerics._normalize_arguments import wide
from nitrix.numerics.order_statistics import median, percentile

MAD_TO_DEVIATION = 1.4826  # of normal samples: the standard deviation over the median absolute deviation

Samples = Float[Array, "..."]
along_axes = functools.partial(jax.jit, static_argnames=("axes",))


def _evaluated(
    function: Callable[[Array, Array | None], Array], x: Samples, shares: Array | None, axes: Axes
) -> Samples:
    """function(x, shares) in the wide dtype, of weights or truth values.

    What neither counts nor is finite is NaN, and so is all where nothing counts: both touch nothing else.
    """
    samples = x.astype(wide(x))
    if shares is None:
        return function(samples, None).astype(x.dtype)
    counts = shares.astype(bool)
    empty = ~counts.any(axes, keepdims=True)
    lost = ~counts & ~jnp.isfinite(samples)
    clean = jnp.where(lost, jnp.zeros_like(samples), samples)
    found = function(clean, jnp.where(empty, jnp.ones_like(shares), shares))
    return jnp.where(lost | empty, np.asarray(np.nan, found.dtype), found).astype(x.dtype)


@along_axes
def demeaned(x: Samples, weights: Samples | None, *, axes: Axes) -> Samples:
    return _evaluated(lambda x, w: centred(x, w, axes).difference, x, weights, axes)


@along_axes
def zscores(x: Samples, weights: Samples | None, eps: Any, *, axes: Axes) -> Samples:
    def of(x: Array, weights: Array | None) -> Array:
        return standardised(centred(x, weights, axes), weights, axes, eps)

    return _evaluated(of, x, weights, axes)


@along_axes
def robust_zscores(x: Samples, kept: Bool[Array, "..."] | None, eps: Any, *, axes: Axes) -> Samples:
    def of(x: Array, kept: Array | None) -> Array:
        difference = x - median(x, axis=axes, mask=kept, keepdims=True)
        spread = MAD_TO_DEVIATION * median(jnp.abs(difference), axis=axes, mask=kept, keepdims=True)
        return _over(difference, spread, eps)

    return _evaluated(of, x, kept, axes)


@along_axes
def percent_change(x: Samples, weights: Samples | None, eps: Any, *, axes: Axes) -> Samples:
    def of(x: Array, weights: Array | None) -> Array:
        samples = centred(x, weights, axes)
        return 100 * _over(samples.difference, samples.mean, eps)

    return _evaluated(of, x, weights, axes)


@functools.partial(jax.jit, static_argnames=("axes", "low", "high", "clip"))
def rescaled(
    x: Samples, kept: Bool[Array, "..."] | None, eps: Any, *, axes: Axes, low: float, high: float, clip: bool
) -> Samples:
    def at(x: Array, kept: Array | None, share: float) -> Array:
        if share > 0:
            return percentile(x, share, axis=axes, mask=kept, keepdims=True)
        read = x if kept is None else jnp.where(kept, x, np.asarray(np.inf, x.dtype))
        return read.min(axes, keepdims=True)  # one pass, where a percentile takes one for each bit

    def of(x: Array, kept: Array | None) -> Array:
        bottom = at(x, kept, low)
        found = _over(x - bottom, at(x, kept, high) - bottom, eps)
        if not clip:
            return found
        zero, one = jnp.zeros_like(found), jnp.ones_like(found)
        return jnp.where(found < 0, zero, jnp.where(found > 1, one, found))

    return _evaluated(of, x, kept, axes)


@functools.partial(jax.jit, static_argnames=("axes", "p"))
def over_norm(x: Samples, eps: Any, *, axes: Axes, p: float) -> Samples:
    def of(x: Array, _: Array | None) -> Array:
        # Powers of shares in the largest neither vanish nor overflow, and the result does not depend on it.
        largest = greatest(jnp.abs(x), None, axes)
        zero = largest < np.finfo(x.dtype).tiny
        share = x / jnp.where(zero, jnp.ones_like(largest), largest)
        norm = _norm(jnp.where(zero, jnp.ones_like(share), share), axes, p)
        return jnp.where(zero | (norm * largest <= eps), jnp.zeros_like(share), share / norm)

    return _evaluated(of, x, None, axes)


@along_axes
def over_deviation(x: Samples, eps: Any, *, axes: Axes) -> Samples:
    def of(x: Array, _: Array | None) -> Array:
        difference = centred(x, None, axes).difference
        return difference / jnp.sqrt(weighted_mean(difference**2, None, axes) + eps)

    return _evaluated(of, x, None, axes)


def _norm(x: Array, axes: Axes, p: float) -> Array:
    if p == math.inf:
        return jnp.abs(x).max(axes, keepdims=True)
    if p == 2:
        return jnp.sqrt(jnp.sum(x * x, axes, keepdims=True))
    return jnp.sum(jnp.abs(x) ** p, axes, keepdims=True) ** (1 / p)


def _over(x: Array, scale: Array, eps: Any) -> Array:
    """x / scale, and 0 where the scale is at most `eps` in magnitude or the processor takes it for 0."""
    nothing = jnp.abs(scale) <= jnp.maximum(eps, np.finfo(scale.dtype).tiny)
    return jnp.where(nothing, jnp.zeros_like(x), x / jnp.where(nothing, jnp.ones_like(scale), scale))
