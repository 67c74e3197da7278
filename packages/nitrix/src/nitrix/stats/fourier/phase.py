"""The phase of real series, and how fast it turns."""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from nitrix._arguments import check_width
from nitrix.stats.fourier._series import narrow, read
from nitrix.stats.fourier.analytic import modulus, parts

TURN = 2 * math.pi


class Instantaneous(NamedTuple):
    """What a series does at each sample."""

    envelope: Float[Array, "..."]  # unit of the series
    frequency: Float[Array, "..."]  # unit of fs: between a sample and the next, one fewer
    phase: Float[Array, "..."]  # unwrapped, `period` for a turn


def unwrap(
    phase: Real[ArrayLike, "..."],
    *,
    axis: int = -1,
    discont: Real[ArrayLike, ""] | None = None,
    period: Real[ArrayLike, ""] = TURN,
) -> Float[Array, "..."]:
    """Unwrap phases: whole periods are added so that no step is longer than half of one.

    Args:
      phase: Phases, in the unit of `period`. Integers are taken as the default float.
      axis: The axis of samples.
      discont: Steps shorter than this are left as they are; None, and anything below, means half a period.
      period: What a turn is.
    Returns:
      The phases, with the first one of each series as it was, in the floating dtype of `phase`. The periods are
      counted as whole numbers, so that rounding does not add up along a series. The gradient is that of `phase`.
    Raises:
      TypeError: If `phase` is complex or holds no numbers.
      ValueError: If `phase` has no samples or no such axis, or `period` is not positive and finite.

    Note:
      Equal to `numpy.unwrap`, but for integers, which stay integers there.

    References:
      Oppenheim and Schafer, Discrete-Time Signal Processing, 3rd ed., 2010, section 13.6.1. ISBN 978-0-13-198842-2

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import unwrap
      >>> unwrap(jnp.array([0.0, 90.0, 180.0, -90.0, 0.0]), period=360.0).tolist()
      [0.0, 90.0, 180.0, 270.0, 360.0]
    """
    check_width("period", period, "unwrap", at_least_zero=False)
    series, along, _ = read(phase, axis, None, "unwrap", name="phase")
    turn = jnp.asarray(period).astype(series.dtype)
    least = turn / 2 if discont is None else jnp.asarray(discont).astype(series.dtype)
    return narrow(_unwrapped(series, turn, least, axis=along), phase)


def instantaneous_phase(
    X: Real[ArrayLike, "..."], *, axis: int = -1, n: int | None = None, period: Real[ArrayLike, ""] = TURN
) -> Float[Array, "..."]:
    """The phase of real series: that of their analytic signal, unwrapped.

    Args:
      X: Real series, as `analytic_signal` takes them.
      axis: The axis of samples.
      n: Length of the transform and of the result. None: that of `X`.
      period: What a turn is in the result: 2 pi for radians, 360 for degrees, 1 for cycles.
    Returns:
      The phase, `period` for a turn, 0 at the crests of a cosine, in the floating dtype of `X`. Where the analytic
      signal is 0, so are phase and gradient.
    Raises:
      TypeError: As `analytic_signal`.
      ValueError: As `analytic_signal`; or if `period` is not positive and finite.

    References:
      Boashash, Estimating and interpreting the instantaneous frequency of a signal, Proc. IEEE 80(4), 1992.
      doi:10.1109/5.135376

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import instantaneous_phase
      >>> instantaneous_phase(jnp.array([1.0, 0.0, -1.0, 0.0]), period=360.0).tolist()
      [0.0, 90.0, 180.0, 270.0]
    """
    check_width("period", period, "instantaneous_phase", at_least_zero=False)
    series, along, length = read(X, axis, n, "instantaneous_phase")
    return narrow(_instantaneous(series, 1.0, period, axis=along, n=length).phase, X)


def instantaneous_frequency(
    X: Real[ArrayLike, "..."],
    *,
    axis: int = -1,
    n: int | None = None,
    fs: Real[ArrayLike, ""] = 1.0,
    period: Real[ArrayLike, ""] = TURN,
) -> Float[Array, "..."]:
    """The frequency of real series from each sample to the next: turns of the analytic signal, times `fs`.

    Args:
      X: Real series, as `analytic_signal` takes them.
      axis: The axis of samples.
      n: Length of the transform. None: that of `X`.
      fs: Samples per unit of time; in Hz, the result is too.
      period: What a turn is, as in `instantaneous_phase`. A frequency counts turns and does not depend on it.
    Returns:
      Frequencies from -fs / 2 to fs / 2, one fewer than samples, in the floating dtype of `X`.
    Raises:
      TypeError: As `analytic_signal`.
      ValueError: As `analytic_signal`; or if `fs` or `period` is not positive and finite.

    References:
      Boashash, Estimating and interpreting the instantaneous frequency of a signal, Proc. IEEE 80(4), 1992.
      doi:10.1109/5.135376

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import instantaneous_frequency
      >>> X = jnp.cos(2 * jnp.pi * 7 * jnp.arange(100) / 100)  # 7 Hz, sampled at 100 Hz
      >>> round(float(instantaneous_frequency(X, fs=100.0).mean()), 3)
      7.0
    """
    check_width("fs", fs, "instantaneous_frequency", at_least_zero=False)
    check_width("period", period, "instantaneous_frequency", at_least_zero=False)
    series, along, length = read(X, axis, n, "instantaneous_frequency")
    return narrow(_instantaneous(series, fs, period, axis=along, n=length).frequency, X)


def env_inst(
    X: Real[ArrayLike, "..."],
    *,
    axis: int = -1,
    n: int | None = None,
    fs: Real[ArrayLike, ""] = 1.0,
    period: Real[ArrayLike, ""] = TURN,
) -> Instantaneous:
    """Envelope, instantaneous frequency and phase of real series, from one transform.

    Args:
      X: Real series, as `analytic_signal` takes them.
      axis: The axis of samples.
      n: Length of the transform. None: that of `X`.
      fs: Samples per unit of time, as in `instantaneous_frequency`.
      period: What a turn of the phase is, as in `instantaneous_phase`.
    Returns:
      A NamedTuple in this order: `envelope`, `frequency` (one fewer along `axis`) and `phase`, as the functions of
      these names give them.
    Raises:
      TypeError: As `analytic_signal`.
      ValueError: As `analytic_signal`; or if `fs` or `period` is not positive and finite.

    References:
      Boashash, Estimating and interpreting the instantaneous frequency of a signal, Proc. IEEE 80(4), 1992.
      doi:10.1109/5.135376

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import env_inst
      >>> envelope, frequency, phase = env_inst(jnp.array([2.0, 0.0, -2.0, 0.0]), fs=8.0, period=1.0)
      >>> envelope.tolist(), frequency.tolist(), phase.tolist()
      ([2.0, 2.0, 2.0, 2.0], [2.0, 2.0, 2.0], [0.0, 0.25, 0.5, 0.75])
    """
    check_width("fs", fs, "env_inst", at_least_zero=False)
    check_width("period", period, "env_inst", at_least_zero=False)
    series, along, length = read(X, axis, n, "env_inst")
    found = _instantaneous(series, fs, period, axis=along, n=length)
    return Instantaneous(*(narrow(part, X) for part in found))


@functools.partial(jax.jit, static_argnames=("axis", "n"))
def _instantaneous(
    x: Float[Array, "..."], fs: Real[ArrayLike, ""], period: Real[ArrayLike, ""], *, axis: int, n: int
) -> Instantaneous:
    """Steps of the phase are wrapped one by one for the frequency: they do not lose digits to the phase's growth."""
    fs, period = (jnp.asarray(a).astype(x.dtype) for a in (fs, period))
    real, imaginary = parts(x, axis=axis, n=n)
    angle = _angle(real, imaginary) / TURN  # in turns
    one = jnp.ones((), x.dtype)
    step = jnp.diff(angle, axis=axis)
    return Instantaneous(
        modulus(real, imaginary),
        (step + _turns_in(step, one)) * fs,
        _unwrapped(angle, one, one / 2, axis=axis) * period,
    )


def _angle(x: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, "..."]:
    """The angle of x + i y, in radians; 0 with gradient 0 at 0."""
    zero = (x == 0) & (y == 0)
    return jnp.where(zero, 0, jnp.arctan2(y, jnp.where(zero, 1, x)))


@functools.partial(jax.jit, static_argnames=("axis",))
def _unwrapped(
    phase: Float[Array, "..."], period: Float[Array, ""], discont: Float[Array, ""], *, axis: int
) -> Float[Array, "..."]:
    step = jnp.diff(phase, axis=axis)
    turns = jnp.where(jnp.abs(step) < discont, 0, _turns_in(step, period))
    counted = jnp.cumsum(turns, axis)
    return phase + period * jnp.concatenate(
        [jnp.zeros_like(lax.slice_in_dim(phase, 0, 1, axis=axis)), counted], axis
    )


def _turns_in(step: Float[Array, "..."], period: Float[Array, ""]) -> Float[Array, "..."]:
    """Periods to add so that a step is at most half of one; a step of just half keeps its sign, as NumPy's."""
    up, down = jnp.ceil(step / period - 0.5), jnp.floor(step / period + 0.5)
    return lax.stop_gradient(-jnp.where(step > 0, up, down))
