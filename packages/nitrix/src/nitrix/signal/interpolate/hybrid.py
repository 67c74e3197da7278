"""Censored frames filled by a spectral fit deep inside gaps and along lines near their edges."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Bool, Float, Num

from nitrix._arguments import whole_number
from nitrix.signal._censoring import read_mask
from nitrix.signal.interpolate.linear import filled_linearly
from nitrix.signal.interpolate.lomb_scargle import lomb_scargle_interpolate, read_series


def hybrid_interpolate(
    data: Num[ArrayLike, "... obs"],
    mask: Bool[ArrayLike, "..."],
    *,
    max_consecutive_linear: int = 3,
    dt: float | int = 1.0,
    oversampling: float | int = 4.0,
    high_factor: float | int = 1.0,
    rcond: float = 1e-6,
    censoring_budget: float | int = 0.4,
) -> Float[Array, "... obs"]:
    """Fill censored frames linearly near the edges of gaps and by a spectral fit inside.

    All gaps are filled by `lomb_scargle_interpolate`; then the frames that are no further than
    `max_consecutive_linear` from an observed frame are filled along straight lines between the observed frame and the
    spectral fill. A gap of up to twice that length between observed frames is thus filled linearly throughout, and a
    longer one is joined to the observed frames without a jump.

    Args:
      data: Series, time last, as for `lomb_scargle_interpolate`.
      mask: True where a frame was observed: [obs] for all series, or any shape that broadcasts to the data's.
      max_consecutive_linear: How many frames at each end of a gap are filled linearly. 0 is the spectral fill alone.
      dt: Time between frames, in seconds; see `lomb_scargle_interpolate` for this and what follows.
      oversampling: How many frequencies there are for each one of the Fourier transform.
      high_factor: Width of the band of the spectral fill.
      rcond: Functions of time with a smaller relative eigenvalue are left out of the fit.
      censoring_budget: The share of censored frames that the band is made for.
    Returns:
      The series, of the shape and floating dtype of `data`; observed frames are returned as they are. A series
      without any observed frame becomes 0.
    Raises:
      TypeError: If `mask` does not hold truth values, `data` no real numbers, or max_consecutive_linear is no integer.
      ValueError: If max_consecutive_linear is negative, or as for `lomb_scargle_interpolate`.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import hybrid_interpolate
      >>> series = jnp.cos(0.2 * jnp.arange(120.0))
      >>> mask = (jnp.arange(120) < 50) | (jnp.arange(120) >= 60)
      >>> filled = hybrid_interpolate(jnp.where(mask, series, jnp.nan), mask)
      >>> bool(jnp.abs(filled - series).max() < 0.15)
      True
    """
    function = "hybrid_interpolate"
    near = whole_number("max_consecutive_linear", max_consecutive_linear, function)
    series = read_series(data, function)
    frames = read_mask(mask, series.shape, function)
    spectral = lomb_scargle_interpolate(
        series,
        frames,
        dt=dt,
        oversampling=oversampling,
        high_factor=high_factor,
        rcond=rcond,
        censoring_budget=censoring_budget,
    )
    return filled_linearly(spectral, frames | _deep(frames, near)) if series.size else series


def _deep(mask: Array, near: int) -> Any:
    """Frames that are further than `near` from every observed frame."""
    obs = mask.shape[-1]
    frame = jnp.arange(obs, dtype=np.int32)
    axis = mask.ndim - 1
    before = lax.cummax(jnp.where(mask, frame, -2 * obs), axis=axis)
    after = lax.cummin(jnp.where(mask, frame, 3 * obs), axis=axis, reverse=True)
    return (frame - before > near) & (after - frame > near)
