"""The Lomb-Scargle periodogram of series with censored frames."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Bool, Float, Num

from nitrix.signal._censoring import blanked, read_mask, shared_frames
from nitrix.signal.interpolate.lomb_scargle import check_spectrum, read_series

HIGHEST = lax.Precision.HIGHEST


def lomb_scargle_periodogram(
    data: Num[ArrayLike, "... obs"],
    mask: Bool[ArrayLike, "..."],
    *,
    dt: float | int = 1.0,
    oversampling: float | int = 4.0,
    high_factor: float | int = 1.0,
) -> tuple[Float[Array, " n_freq"], Float[Array, "... n_freq"]]:
    """The Lomb-Scargle periodogram of the observed frames of each series.

    The power at a frequency is half of what the best cosine and sine of that frequency explain of the sum of squares of
    the series less its mean, over the series' variance. It is what `scipy.signal.lombscargle` gives for the times and
    values of the observed frames less their mean, with `normalize=False`, over their population variance: for white
    noise it follows the exponential distribution of mean 1, nearly.

    Args:
      data: Series, time last; frames are equally spaced. Integers are taken as the default float. What stands
        under a False is never read.
      mask: True where a frame was observed: [obs] for all series, or any shape that broadcasts to the data's,
        such as one row for each channel.
      dt: Time between frames, in seconds.
      oversampling: How many frequencies there are for each one of the Fourier transform.
      high_factor: The highest frequency, relative to the Nyquist frequency 1 / (2 dt).
    Returns:
      (frequencies, power): the multiples of 1 / (oversampling * obs * dt), in Hz, up to high_factor / (2 dt), and
      the power at each of them, without unit. A series that does not vary has power 0.
    Raises:
      TypeError: If `mask` does not hold truth values, or `data` no real numbers.
      ValueError: If `mask` does not have a value for each frame, or does not broadcast to `data`; if dt,
        oversampling or high_factor is not positive and finite; if oversampling is below 1.

    References:
      Scargle, Statistical aspects of spectral analysis of unevenly spaced data, Astrophys. J. 263, 1982.
      doi:10.1086/160554

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import lomb_scargle_periodogram
      >>> time = 2.0 * jnp.arange(100)  # a frame every 2 s
      >>> series = jnp.sin(2 * jnp.pi * 0.05 * time)
      >>> frequencies, power = lomb_scargle_periodogram(series, jnp.arange(100) % 7 != 3, dt=2.0)
      >>> round(float(frequencies[power.argmax()]), 3)
      0.05
    """
    function = "lomb_scargle_periodogram"
    series = read_series(data, function)
    frames = shared_frames(read_mask(mask, series.shape, function))
    check_spectrum(function, dt=dt, oversampling=oversampling, high_factor=high_factor)
    obs = series.shape[-1]
    count = int(np.floor(high_factor * oversampling * obs / 2 + 1e-9))
    turns = np.outer(np.arange(obs), np.arange(1, count + 1)) / (oversampling * obs)
    dtype = np.dtype(np.float32) if series.dtype.itemsize <= 2 else series.dtype
    waves = [jnp.asarray(wave(2 * np.pi * turns), dtype) for wave in (np.cos, np.sin)]
    frequencies = jnp.asarray(np.arange(1, count + 1) / (oversampling * obs * dt), dtype)
    power = _power(blanked(series, frames).astype(dtype), frames, *waves)
    return frequencies.astype(series.dtype), power.astype(series.dtype)


@jax.jit
def _power(seen: Array, mask: Array, cosine: Array, sine: Array) -> Array:
    product = functools.partial(jnp.matmul, precision=HIGHEST)
    observed = mask.astype(seen.dtype)
    count = jnp.maximum(jnp.sum(observed, axis=-1, keepdims=True), 1)
    mean = jnp.sum(seen, axis=-1, keepdims=True) / count
    mean = (
        mean + jnp.sum(blanked(seen - mean, mask), axis=-1, keepdims=True) / count
    )  # the rest of a large offset
    centred = blanked(seen - mean, mask)
    cc, ss, cs = (product(observed, x) for x in (cosine * cosine, sine * sine, cosine * sine))
    # Turned by this angle, cosine and sine are orthogonal over the observed frames.
    angle = jnp.arctan2(2 * cs, cc - ss) / 2
    c, s = jnp.cos(angle), jnp.sin(angle)
    x, y = product(centred, cosine), product(centred, sine)
    powers = [
        _ratio((c * x + s * y) ** 2, c * c * cc + 2 * c * s * cs + s * s * ss, count),
        _ratio((c * y - s * x) ** 2, s * s * cc - 2 * c * s * cs + c * c * ss, count),
    ]
    energy = jnp.sum(centred**2, axis=-1, keepdims=True)
    return jnp.where(
        energy > 0, (powers[0] + powers[1]) / 2 * count / jnp.where(energy > 0, energy, 1.0), 0.0
    )


def _ratio(power: Array, length: Array, count: Array) -> Array:
    """Over the squared length of a wave, 0 for one that vanishes at every observed frame."""
    seen = length > 16 * np.finfo(length.dtype).eps * count
    return jnp.where(seen, power / jnp.where(seen, length, 1.0), 0.0)
