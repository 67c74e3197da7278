"""Filters that multiply the spectrum of a real series."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Inexact, Num, Real

from nitrix._arguments import floating
from nitrix.stats.fourier._series import narrow, read


def product_filter(
    X: Real[ArrayLike, "..."], weight: Num[ArrayLike, "... freq"], *, axis: int = -1, n: int | None = None
) -> Float[Array, "..."]:
    """Filter real series by multiplying their spectrum: irfft(weight * rfft(X)).

    The convolution is circular: what leaves at one end enters at the other. Linear in `X` and in `weight`, and
    differentiable in both.

    Args:
      X: Real series. Integers are taken as the default float; float16 and bfloat16 are computed in float32.
      weight: Gain at the frequencies 0, fs / n, ..., n // 2 of them and the first, [... n // 2 + 1], real or complex.
        Leading axes broadcast with those of `X` once `axis` is moved to the end.
      axis: The axis of samples of `X`.
      n: Length of the transform and of the result: crops the series or pads it with zeros. None: that of `X`.
    Returns:
      The filtered series, in the floating dtype of `X`, the samples along `axis`. The imaginary part of the gain at
      frequency 0 and, for even n, at the Nyquist frequency has no effect.
    Raises:
      TypeError: If `X` is complex or holds no numbers, or `n` is no integer.
      ValueError: If the last axis of `weight` is not n // 2 + 1 long, leading axes do not broadcast, `X` has no
        samples or no such axis, or n is below 1.

    References:
      Oppenheim and Schafer, Discrete-Time Signal Processing, 3rd ed., 2010, chapter 8. ISBN 978-0-13-198842-2

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import product_filter
      >>> X = jnp.array([1.0, 2.0, 3.0, 6.0])
      >>> product_filter(X, jnp.array([1.0, 0.0, 0.0])).tolist()  # leaves the mean
      [3.0, 3.0, 3.0, 3.0]
    """
    return _filter(X, weight, axis, n, "product_filter", squared=False)


def product_filtfilt(
    X: Real[ArrayLike, "..."], weight: Num[ArrayLike, "... freq"], *, axis: int = -1, n: int | None = None
) -> Float[Array, "..."]:
    """Filter real series forward and backward: the gain is `|weight|^2` at every frequency, without a phase.

    Args:
      X: Real series, as `product_filter` takes them.
      weight: Gain of one pass, [... n // 2 + 1], real or complex, as in `product_filter`.
      axis: The axis of samples of `X`.
      n: Length of the transform and of the result. None: that of `X`.
    Returns:
      The filtered series, in the floating dtype of `X`.
    Raises:
      TypeError: As `product_filter`.
      ValueError: As `product_filter`.

    Note:
      Two passes of `product_filter` would lose the imaginary part of the gain at frequency 0 and at the Nyquist
      frequency; here these have `|weight|^2` as all others.

    References:
      Gustafsson, Determining the initial states in forward-backward filtering, IEEE Trans. Signal Process. 44(4),
      1996. doi:10.1109/78.492552

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import product_filtfilt
      >>> product_filtfilt(jnp.ones(4), jnp.array([3.0 + 4.0j, 0.0, 0.0])).tolist()
      [25.0, 25.0, 25.0, 25.0]
    """
    return _filter(X, weight, axis, n, "product_filtfilt", squared=True)


def _filter(
    X: Real[ArrayLike, "..."],
    weight: Num[ArrayLike, "... freq"],
    axis: int,
    n: int | None,
    function: str,
    *,
    squared: bool,
) -> Float[Array, "..."]:
    series, along, length = read(X, axis, n, function)
    gain = floating(weight, function, "weight")
    if gain.ndim < 1 or gain.shape[-1] != length // 2 + 1:
        raise ValueError(
            f"{function}: weight has shape {gain.shape} but series of {length} samples have {length // 2 + 1} "
            f"frequencies; its last axis must be that long."
        )
    lead = jnp.moveaxis(series, along, -1).shape[:-1]
    try:
        jnp.broadcast_shapes(lead, gain.shape[:-1])
    except ValueError:
        raise ValueError(
            f"{function}: weight has shape {gain.shape}; its leading axes do not broadcast with {lead} of X."
        ) from None
    dtype = np.result_type(series.dtype, np.complex64) if jnp.iscomplexobj(gain) else series.dtype
    out = _product(series, gain.astype(dtype), axis=along, n=length, squared=squared)
    return narrow(out, X)


@functools.partial(jax.jit, static_argnames=("axis", "n", "squared"))
def _product(
    x: Float[Array, "..."], gain: Inexact[Array, "... freq"], *, axis: int, n: int, squared: bool
) -> Float[Array, "..."]:
    spectrum = jnp.fft.rfft(jnp.moveaxis(x, axis, -1), n)
    gain = (gain * jnp.conj(gain)).real if squared else gain
    return jnp.moveaxis(jnp.fft.irfft(spectrum * gain.astype(spectrum.dtype), n), -1, axis)
