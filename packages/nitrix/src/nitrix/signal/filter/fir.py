"""FIR filters applied: by matrix products, or by the fast Fourier transform."""

import functools
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Inexact, Num

from nitrix._arguments import real_array
from nitrix.signal.filter._extension import PadType, extended, extension_length
from nitrix.signal.filter._lines import in_blocks, lines_at_a_time, series, to_lines, working_dtype
from nitrix.signal.filter._stretch import dot
from nitrix.signal.filter.zero_phase import filled

DIRECT_TAPS = 128  # up to which products are the faster ones


def fir_filter(
    X: Num[ArrayLike, "..."],
    taps: Num[ArrayLike, " tap"],
    *,
    zero_phase: bool = True,
    padtype: PadType | None = "odd",
    method: Literal["auto", "fft", "direct"] = "auto",
    axis: int = -1,
    mask: Bool[ArrayLike, "..."] | None = None,
) -> Inexact[Array, "..."]:
    """Filter a series with the taps of a FIR filter, once.

    Linear in `X` and in `taps`; differentiable in both, in both directions and to any order.

    Args:
      X: The series, [... obs]. Integers are taken as the default float; float16 and bfloat16 are filtered in float32;
        complex numbers part by part.
      taps: The impulse response, as `firwin` and `firls` give it.
      zero_phase: True centres the taps on the frame: symmetric ones then have no phase and no delay. False takes each
        frame from itself and earlier ones, as `scipy.signal.lfilter(taps, 1, X)`, with 0 before the first.
      padtype: With `zero_phase`, what stands beyond both ends: "odd" (the series turned by 180 degrees about its
        end), "even" (mirrored at its end), "constant" (its end), or None, zeros.
      method: "direct" multiplies with matrices made of the taps; "fft" multiplies spectra, at a cost that hardly
        grows with the number of taps; "auto" takes "direct" up to 128 taps.
      axis: The axis of time.
      mask: True at observed frames, [obs] or of a shape that broadcasts to X. What is False is never read: it is
        interpolated linearly between observed frames first, and the filtered series has all its frames.
    Returns:
      The filtered series, of the shape and floating dtype of X.
    Raises:
      TypeError: If `X` or `taps` holds no numbers, or `taps` complex ones.
      ValueError: If `taps` is empty or not one axis; if their number is even with `zero_phase`, or if X has no more
        frames than half of them; if `axis`, `padtype` or `method` is unknown; if `mask` does not broadcast to X.

    Note:
      Both methods differ by roundings. The mean of the series is taken out before and its response added after, so
      that the error in float32 is about 1e-6 of the rest of the series and 1e-7 of the response to the mean (of the
      mean itself where the series begins from nothing). A NaN or an infinity makes its whole series NaN.

    References:
      Oppenheim and Schafer, Discrete-Time Signal Processing, Prentice Hall, 3rd edition 2009, section 5.7.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import fir_filter
      >>> fir_filter(jnp.array([1.0, 2.0, 6.0, 4.0]), jnp.array([0.25, 0.5, 0.25]))
      Array([1.  , 2.75, 4.5 , 4.  ], dtype=float32)
    """
    data, place = series(X, axis, "fir_filter")
    kernel = real_array(taps, "fir_filter", "taps")
    if kernel.ndim != 1 or kernel.size == 0:
        raise ValueError(f"fir_filter: taps has shape {kernel.shape}; give one axis with at least one tap.")
    if method not in ("auto", "fft", "direct"):
        raise ValueError(f"fir_filter: method={method!r} is not known; give 'auto', 'fft' or 'direct'.")
    obs, half = data.shape[place], kernel.size // 2
    if zero_phase and kernel.size % 2 == 0:
        raise ValueError(
            f"fir_filter: {kernel.size} taps have no centre; give an odd number, or zero_phase=False."
        )
    extension_length(padtype, half if zero_phase else 0, 0, obs, "fir_filter", "half of the taps")
    if data.size == 0:
        return data
    if mask is not None:
        data = filled(data, mask, place, "fir_filter")
    # In float64 where it can be: an offset makes its rounding seen.
    gain = kernel.sum() if isinstance(taps, jax.core.Tracer) else np.sum(np.asarray(taps, np.float64))
    by_fft = method == "fft" or (method == "auto" and kernel.size > DIRECT_TAPS)
    return _filtered(
        data,
        kernel.astype(working_dtype(data)),
        gain.astype(working_dtype(data)),
        axis=place,
        padtype=padtype if zero_phase else None,
        centred=zero_phase,
        by_fft=by_fft,
        at_a_time=lines_at_a_time(obs + kernel.size),
    )


@functools.partial(jax.jit, static_argnames=("axis", "padtype", "centred", "by_fft", "at_a_time"))
def _filtered(
    data: Inexact[Array, "..."],
    taps: Float[Array, " tap"],
    gain: Any,
    *,
    axis: int,
    padtype: str | None,
    centred: bool,
    by_fft: bool,
    at_a_time: int | None,
) -> Inexact[Array, "..."]:
    lines, restore = to_lines(data, axis)
    reach = taps.shape[0] - 1
    ahead = reach // 2 if centred else 0
    filter_valid = _by_fft if by_fft else _by_products

    def filter_lines(lines: Float[Array, "line obs"]) -> Float[Array, "line obs"]:
        if padtype is None:  # zeros stay zeros
            return filter_valid(jnp.pad(lines, ((0, 0), (reach - ahead, ahead))), taps)
        offset = lines.mean(axis=1, keepdims=True)
        whole = jnp.concatenate(extended(lines - offset, padtype, ahead), axis=1)
        return filter_valid(whole, taps) + offset * gain

    return restore(in_blocks(filter_lines, lines, at_a_time))


def _by_fft(lines: Float[Array, "line longer"], taps: Float[Array, " tap"]) -> Float[Array, "line obs"]:
    length = _good_length(lines.shape[1])
    spectrum = jnp.fft.rfft(lines, length) * jnp.fft.rfft(taps, length)
    return jnp.fft.irfft(spectrum, length)[:, taps.shape[0] - 1 : lines.shape[1]]


def _good_length(least: int) -> int:
    """The smallest product of 2, 3 and 5 that is not below `least`, of which transforms are fast."""
    best = 1 << max(least - 1, 0).bit_length()
    for fives in (5**i for i in range(least.bit_length())):
        for odd in (fives * 3**i for i in range(least.bit_length())):
            best = min(best, odd << max(-(-least // odd) - 1, 0).bit_length())
    return best


def _by_products(lines: Float[Array, "line longer"], taps: Float[Array, " tap"]) -> Float[Array, "line obs"]:
    """Stretches of the result, each from its own stretch of the lines and the beginning of the next."""
    count, longer = lines.shape
    reach = taps.shape[0] - 1
    obs, frames = longer - reach, max(64, -(-reach // 8) * 8)
    stretches = -(-obs // frames)
    whole = jnp.pad(lines, ((0, 0), (0, (stretches + 1) * frames - longer)))
    x = whole.reshape(count, stretches + 1, frames)
    back = np.add.outer(
        -np.arange(frames + reach), np.arange(frames) + reach
    )  # how many frames before the result
    padded = jnp.concatenate([taps, jnp.zeros(1, taps.dtype)])
    matrix = padded[np.where((back < 0) | (back > reach), reach + 1, back)]
    out = dot(x[:, :-1], matrix[:frames]) + dot(x[:, 1:, :reach], matrix[frames:])
    return out.reshape(count, -1)[:, :obs]
