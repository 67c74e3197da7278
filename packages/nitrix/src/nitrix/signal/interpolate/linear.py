"""Censored frames filled along straight lines between their observed neighbours."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Bool, Inexact, Num

from nitrix._arguments import floating
from nitrix.signal._censoring import read_mask, shared_frames


def linear_interpolate(
    data: Num[ArrayLike, "... obs"], mask: Bool[ArrayLike, "..."]
) -> Inexact[Array, "... obs"]:
    """Fill censored frames along straight lines between the nearest observed frames.

    What `numpy.interp` gives for each series at the frames that its mask leaves out: the line between the
    neighbours in time, and the first or last observed value before or after all others. Linear in `data`,
    differentiable to any order in both modes.

    Args:
      data: Series, time last. Integers are taken as the default float; complex numbers are filled part by part.
        What stands under a False is never read: NaN and infinities there do no harm, nor to gradients.
      mask: True where a frame was observed: [obs] for all series, or any shape that broadcasts to the data's,
        such as one row for each channel.
    Returns:
      The series, of the shape and floating dtype of `data`; observed frames are returned as they are. A series
      without any observed frame becomes 0.
    Raises:
      TypeError: If `mask` does not hold truth values, or `data` no numbers.
      ValueError: If `mask` does not have a value for each frame, or does not broadcast to `data`.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import linear_interpolate
      >>> series = jnp.array([1.0, jnp.nan, jnp.nan, 4.0, 8.0, jnp.nan])
      >>> linear_interpolate(series, ~jnp.isnan(series)).tolist()
      [1.0, 2.0, 3.0, 4.0, 8.0, 8.0]
    """
    series = floating(data, "linear_interpolate", "data")
    if series.ndim < 1:
        raise ValueError("linear_interpolate: data has shape (); give series, [... obs].")
    return filled_linearly(series, read_mask(mask, series.shape, "linear_interpolate"))


def filled_linearly(series: Array, mask: Array) -> Array:
    """The same for operands that were read."""
    return _fill(series, shared_frames(mask))


@functools.partial(jax.jit, inline=True)
def _fill(series: Array, mask: Array) -> Array:
    if series.size == 0:
        return series
    wide = series.astype(np.float32) if series.dtype.itemsize <= 2 else series
    left, right, share = _neighbours(mask, wide.dtype)
    before, after = _frames(wide, left), _frames(wide, right)  # observed, both, unless nothing was
    fill = (before + share * (after - before)).astype(series.dtype)
    fill = jnp.where(jnp.any(mask, axis=-1, keepdims=True), fill, jnp.zeros((), series.dtype))
    return jnp.where(mask, series, fill)


def _neighbours(mask: Array, dtype: np.dtype) -> tuple[Array, Array, Array]:
    """The observed frames on both sides of each frame, and the share of the way from the left to the right one."""
    obs = mask.shape[-1]
    frame = jnp.arange(obs, dtype=np.int32)
    axis = mask.ndim - 1
    left = lax.cummax(jnp.where(mask, frame, -1), axis=axis)
    right = lax.cummin(jnp.where(mask, frame, obs), axis=axis, reverse=True)
    left, right = jnp.where(left < 0, right, left), jnp.where(right >= obs, left, right)
    left, right = jnp.clip(left, 0, obs - 1), jnp.clip(right, 0, obs - 1)  # only where nothing was observed
    way, span = (x.astype(dtype) for x in (frame - left, jnp.maximum(right - left, 1)))
    return left, right, way / span


def _frames(series: Array, index: Array) -> Array:
    """The frames of an index that all series share, or of one for each."""
    if index.ndim == 1:
        return series.at[..., index].get(mode="promise_in_bounds")
    index = jnp.broadcast_to(index, series.shape)
    return jnp.take_along_axis(series, index, axis=-1, mode="promise_in_bounds")
