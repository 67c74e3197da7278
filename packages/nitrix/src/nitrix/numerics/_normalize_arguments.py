"""Reads what the normalisations share: samples, which of them count and how much."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from nitrix._arguments import known_numbers, real_array
from nitrix.numerics._reals import fits, fitting_mask, named_axes


def read_samples(
    x: Any, axis: Any, function: str, *, weights: Any = None, mask: Any = None
) -> tuple[Float[Array, "..."], Float[Array, "..."] | None, tuple[int, ...]]:
    """The samples, their weights, 0 under the mask, and the axes from 0 on."""
    samples = real_array(x, function, "x")
    axes = named_axes(axis, samples.ndim, function)
    shares = None if weights is None else _weights(weights, samples, function)
    if mask is not None:
        kept = fitting_mask(mask, samples.shape, function)
        shares = (
            kept.astype(wide(samples)) if shares is None else jnp.where(kept, shares, jnp.zeros_like(shares))
        )
    return samples, shares, axes


def read_ranked(
    x: Any, axis: Any, function: str, *, mask: Any
) -> tuple[Float[Array, "..."], Bool[Array, "..."] | None, tuple[int, ...]]:
    """The samples of which percentiles are taken, which of them count, and the axes from 0 on."""
    samples = real_array(x, function, "x")
    axes = named_axes(axis, samples.ndim, function)
    if math.prod(samples.shape[a] for a in axes) == 0:
        raise ValueError(f"{function}: x{list(samples.shape)} has no samples along axis={axis}.")
    return samples, None if mask is None else fitting_mask(mask, samples.shape, function), axes


def check_eps(eps: Any, function: str) -> None:
    if not (math.isfinite(eps) and eps >= 0):
        raise ValueError(f"{function}: eps={eps} must be finite and not negative.")


def wide(x: Float[Array, "..."]) -> Any:
    """The dtype to compute in."""
    return np.dtype(np.float32) if x.dtype.itemsize <= 2 else x.dtype


def _weights(weights: Any, samples: Array, function: str) -> Array:
    shares = real_array(weights, function, "weights")
    if not fits(shares.shape, samples.shape):
        raise ValueError(
            f"{function}: weights{list(shares.shape)} do not broadcast to x{list(samples.shape)}; "
            "give one for each sample."
        )
    known = known_numbers(shares)
    if known is not None and not ((known >= 0) & (known < np.inf)).all():
        raise ValueError(f"{function}: weights must be finite and not negative; the least is {known.min()}.")
    return jnp.broadcast_to(shares.astype(wide(samples)), samples.shape)
