"""Censored frames filled by sines and cosines that are fitted to the observed frames."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Bool, Float, Num

from nitrix._arguments import real_array
from nitrix._wide import in_float64
from nitrix.signal._censoring import blanked, read_mask, shared_frames
from nitrix.signal.interpolate.spectral_basis import band_functions, frequency_count

HIGHEST = lax.Precision.HIGHEST
NOISE_LEVELS = 12  # from rcond to 10, relative to the strongest function
TOGETHER = 16  # series decomposed at a time, where each has its own mask


def lomb_scargle_interpolate(
    data: Num[ArrayLike, "... obs"],
    mask: Bool[ArrayLike, "..."],
    *,
    dt: float | int = 1.0,
    oversampling: float | int = 4.0,
    high_factor: float | int = 1.0,
    rcond: float = 1e-6,
    censoring_budget: float | int = 0.4,
) -> Float[Array, "... obs"]:
    """Fill censored frames by sines and cosines fitted to the observed frames.

    A constant, and cosines and sines at the multiples of 1 / (oversampling * obs * dt) up to high_factor *
    (1 - censoring_budget) / 2 of the Nyquist frequency 1 / (2 dt), are fitted jointly to the observed frames and
    evaluated at the others. While no more than `censoring_budget` of the frames are censored, each degree of freedom
    of the fit stands against two observed frames or more. The fit is that of a band-limited process of flat spectrum
    in white noise. How much of it is noise is estimated for each series by restricted maximum likelihood [2], so that a
    pure oscillation is followed closely and white noise is filled with about the mean of its series.

    Args:
      data: Series, time last; frames are equally spaced. Integers are taken as the default float. What stands
        under a False is never read: NaN and infinities there do no harm, nor to gradients.
      mask: True where a frame was observed: [obs] for all series, or any shape that broadcasts to the data's,
        such as one row for each channel.
      dt: Time between frames, in seconds. The band is a share of the Nyquist frequency, so the result is the same for
        every dt.
      oversampling: How many frequencies there are for each one of the Fourier transform.
      high_factor: Width of the band, relative to the share of the Nyquist frequency that censoring_budget allows;
        the band ends at the Nyquist frequency at the latest.
      rcond: Functions of time whose eigenvalue is below rcond times the largest one are left out of the fit.
      censoring_budget: The share of censored frames that the band is made for. More may be censored.
    Returns:
      The series, of the shape and floating dtype of `data`; observed frames are returned as they are. A series
      without any observed frame becomes 0, one with a single observed frame constant.
    Raises:
      TypeError: If `mask` does not hold truth values, or `data` no real numbers.
      ValueError: If `mask` does not have a value for each frame, or does not broadcast to `data`; if dt,
        oversampling or high_factor is not positive and finite; if oversampling is below 1; if rcond is not between 0
        and 1 or censoring_budget not from 0 to below 1.

    Note:
      For a mask that all series share one matrix of r x r is decomposed, with r about obs * band / Nyquist; for
      a mask of its own each series needs one. The decomposition is in float64 also where x64 is off. Differentiable in
      `data` to any order in both modes; the noise level, one of twelve, is held fixed.

    References:
      [1] Lomb, Least-squares frequency analysis of unequally spaced data, Astrophys. Space Sci. 39, 1976.
      doi:10.1007/BF00648343
      [2] Patterson and Thompson, Recovery of inter-block information, Biometrika 58, 1971.
      doi:10.1093/biomet/58.3.545

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import lomb_scargle_interpolate
      >>> series = 1000 + jnp.sin(0.2 * jnp.arange(120.0))
      >>> mask = (jnp.arange(120) < 50) | (jnp.arange(120) >= 60)
      >>> filled = lomb_scargle_interpolate(jnp.where(mask, series, jnp.nan), mask)
      >>> bool(jnp.abs(filled - series).max() < 0.01)
      True
    """
    function = "lomb_scargle_interpolate"
    series = read_series(data, function)
    frames = read_mask(mask, series.shape, function)
    check_spectrum(function, dt=dt, oversampling=oversampling, high_factor=high_factor)
    if not 0 < rcond < 1:
        raise ValueError(f"{function}: rcond={rcond} must be between 0 and 1.")
    if not 0 <= censoring_budget < 1:
        raise ValueError(f"{function}: censoring_budget={censoring_budget} must be from 0 to below 1.")
    share = high_factor * (1 - censoring_budget) / 2
    count = frequency_count(series.shape[-1], oversampling=oversampling, share=share)
    return filled_by_spectrum(
        series, frames, functions=band_functions(series.shape[-1], count, float(oversampling)), rcond=rcond
    )


def read_series(data: Any, function: str) -> Array:
    """Data of real numbers with an axis of frames."""
    series = real_array(data, function, "data")
    if series.ndim < 1:
        raise ValueError(f"{function}: data has shape (); give series, [... obs].")
    return series


def check_spectrum(
    function: str, *, dt: float | int, oversampling: float | int, high_factor: float | int
) -> None:
    """Refuse numbers that are no grid of frequencies."""
    for name, value in (("dt", dt), ("oversampling", oversampling), ("high_factor", high_factor)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{function}: {name}={value} must be positive and finite.")
    if oversampling < 1:
        raise ValueError(f"{function}: oversampling={oversampling} must be at least 1.")


def filled_by_spectrum(series: Array, mask: Array, *, functions: np.ndarray, rcond: float) -> Array:
    """The same for operands that were read."""
    if series.size == 0:
        return series
    dtype = np.dtype(np.float32) if series.dtype.itemsize <= 2 else series.dtype
    return _filled(series, shared_frames(mask), functions.astype(dtype), rcond=rcond)


@functools.partial(jax.jit, static_argnames="rcond")
def _filled(series: Array, mask: Array, functions: Array, *, rcond: float) -> Array:
    seen = blanked(series, mask).astype(functions.dtype)
    if mask.ndim == 1:
        fill = _fill(seen, mask, functions, rcond=rcond)
    else:  # every series has a mask of its own: some series at a time
        frames = jnp.broadcast_to(mask, seen.shape)
        rows = tuple(x.reshape(-1, seen.shape[-1]) for x in (seen, frames))
        run = lambda row: _fill(row[0], row[1], functions, rcond=rcond)  # noqa: E731
        fill = lax.map(run, rows, batch_size=min(TOGETHER, rows[0].shape[0])).reshape(seen.shape)
    return jnp.where(mask, series, fill.astype(series.dtype))


# With B the functions of time less their means over the observed frames, and x the series less its own, the fit is B c
# for the c that minimises |x - B c|^2 + g |c|^2 over the observed frames. In the eigenvectors of B' B, of eigenvalues v
# and coordinates z of x, it has the coordinates z v / (v + g). The restricted likelihood of the noise level g is that
# of independent z of variances proportional to v + g, and of the rest of x of variance proportional to g.
def _fill(seen: Array, mask: Array, functions: Array, *, rcond: float) -> Array:
    """The fit at every frame of series that share a mask."""
    dtype = seen.dtype
    analysis, synthesis, values = _operators(rcond, dtype)(mask, functions)
    count = jnp.maximum(jnp.sum(mask), 1).astype(dtype)
    mean = jnp.sum(seen, axis=-1, keepdims=True) / count
    mean = (
        mean + jnp.sum(blanked(seen - mean, mask), axis=-1, keepdims=True) / count
    )  # the rest of a large offset
    centred = blanked(seen - mean, mask)
    z = jnp.matmul(centred, analysis, precision=HIGHEST)
    strongest = jnp.max(values, initial=0.0)
    strongest = jnp.where(strongest > 0, strongest, 1.0)
    levels = jnp.asarray(np.geomspace(rcond, 10.0, NOISE_LEVELS), dtype) * strongest
    likeliest = _likeliest(lax.stop_gradient(z), lax.stop_gradient(centred), values, levels, count - 1)
    level = levels[likeliest]
    shrunk = z * jnp.sqrt(values) / (values + level[..., None])
    return mean + jnp.matmul(shrunk, synthesis, precision=HIGHEST)


def _likeliest(z: Array, centred: Array, values: Array, levels: Array, freedom: Array) -> Array:
    """The number of the noise level of the greatest restricted likelihood, for each series."""
    energy = jnp.sum(centred**2, axis=-1)
    floor = np.finfo(z.dtype).eps * energy + np.finfo(z.dtype).tiny
    rest = jnp.maximum(energy - jnp.sum(z**2, axis=-1), floor)
    fitted = values > 0
    spread = values[:, None] + levels
    misfit = jnp.matmul(z**2, 1.0 / spread, precision=HIGHEST) + rest[..., None] / levels
    volume = jnp.sum(jnp.where(fitted[:, None], jnp.log(spread) - jnp.log(levels), 0.0), axis=0)
    return jnp.argmin(freedom * (jnp.log(misfit) + jnp.log(levels)) + volume, axis=-1)


@functools.cache
def _operators(rcond: float, dtype: Any) -> Any:
    """From a mask and functions of time: coordinates of the observed frames, the fit at every frame, eigenvalues."""

    def operators(mask: Array, functions: Array) -> tuple[Array, Array, Array]:
        observed = mask.astype(np.float64)[..., None]
        count = jnp.maximum(jnp.sum(observed, axis=-2, keepdims=True), 1.0)
        centred = functions - jnp.sum(observed * functions, axis=-2, keepdims=True) / count
        fitted = observed * centred
        values, vectors = jnp.linalg.eigh(jnp.swapaxes(fitted, -1, -2) @ fitted)
        kept = values > jnp.maximum(rcond * jnp.max(values, axis=-1, keepdims=True, initial=0.0), 1e-300)
        values = jnp.where(kept, values, 1.0)
        rows = centred @ vectors
        analysis = jnp.where(kept[..., None, :], observed * rows / jnp.sqrt(values)[..., None, :], 0.0)
        return analysis, jnp.swapaxes(rows, -1, -2), jnp.where(kept, values, 0.0)

    return in_float64(operators, dtype)
