"""Filters that are real gains on the frequencies of a whole series: no phase, ends joined or mirrored."""

import functools
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Inexact, Num

from nitrix._arguments import known_value, whole_number
from nitrix.signal.filter._extension import extended, extension_length
from nitrix.signal.filter._lines import in_blocks, lines_at_a_time, series, to_lines, working_dtype
from nitrix.signal.filter.design import band_edges
from nitrix.signal.filter.zero_phase import filled

GainType = Literal["maxflat", "ideal", "cosine"]


def lowpass(
    X: Num[ArrayLike, "..."],
    *,
    fs: int | float = 1.0,
    cutoff: int | float,
    ftype: GainType = "maxflat",
    order: int = 2,
    transition: int | float | None = None,
    axis: int = -1,
    padding: int = 0,
    mask: Bool[ArrayLike, "..."] | None = None,
) -> Inexact[Array, "..."]:
    """Keep the slow part of a series: its spectrum times a real gain.

    Options, errors and accuracy are those of `bandpass`.

    Args:
      X: The series, [... obs].
      fs: Sampling frequency in Hz: 1 / TR, the repetition time in s.
      cutoff: The edge in Hz.
      ftype: The gain: "maxflat", 1 / sqrt(1 + (f / cutoff)^(2 order)), Butterworth's; "ideal", 1 up to the edge,
        which is included; "cosine", falling as a cosine over `transition`, 1/2 at the edge.
      order: For "maxflat".
      transition: For "cosine", in Hz; 10 % of fs / 2 by default.
      axis: The axis of time.
      padding: How many frames are mirrored at either end, and cropped again.
      mask: True at observed frames; the others are interpolated linearly first.
    Returns:
      The filtered series, of the shape and floating dtype of X.
    Raises:
      TypeError: As `bandpass`.
      ValueError: As `bandpass`.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import lowpass
      >>> lowpass(jnp.array([1.0, -1.0, 1.0, -1.0]) + 5, cutoff=0.2, ftype="ideal")
      Array([5., 5., 5., 5.], dtype=float32)
    """
    shape = _shape("lowpass", fs, "lowpass", None, cutoff, ftype, order, transition)
    return _apply("lowpass", X, shape, axis, padding, mask)


def highpass(
    X: Num[ArrayLike, "..."],
    *,
    fs: int | float = 1.0,
    cutoff: int | float,
    ftype: GainType = "maxflat",
    order: int = 2,
    transition: int | float | None = None,
    axis: int = -1,
    padding: int = 0,
    mask: Bool[ArrayLike, "..."] | None = None,
) -> Inexact[Array, "..."]:
    """Keep the fast part of a series: its spectrum times a real gain, 0 at zero frequency.

    Options, errors and accuracy are those of `bandpass`.

    Args:
      X: The series, [... obs].
      fs: Sampling frequency in Hz: 1 / TR, the repetition time in s.
      cutoff: The edge in Hz.
      ftype: The gain: "maxflat", 1 / sqrt(1 + (cutoff / f)^(2 order)), Butterworth's; "ideal", 1 from the edge,
        which is included; "cosine", rising as a cosine over `transition`, 1/2 at the edge.
      order: For "maxflat".
      transition: For "cosine", in Hz; 10 % of fs / 2 by default.
      axis: The axis of time.
      padding: How many frames are mirrored at either end, and cropped again.
      mask: True at observed frames; the others are interpolated linearly first.
    Returns:
      The filtered series, of the shape and floating dtype of X.
    Raises:
      TypeError: As `bandpass`.
      ValueError: As `bandpass`.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import highpass
      >>> highpass(jnp.array([1.0, -1.0, 1.0, -1.0]) + 5, cutoff=0.2, ftype="ideal")
      Array([ 1., -1.,  1., -1.], dtype=float32)
    """
    shape = _shape("highpass", fs, "highpass", cutoff, None, ftype, order, transition)
    return _apply("highpass", X, shape, axis, padding, mask)


def bandpass(
    X: Num[ArrayLike, "..."],
    *,
    fs: int | float = 1.0,
    lo: int | float,
    hi: int | float,
    ftype: GainType = "maxflat",
    order: int = 2,
    transition: int | float | None = None,
    axis: int = -1,
    padding: int = 0,
    mask: Bool[ArrayLike, "..."] | None = None,
) -> Inexact[Array, "..."]:
    """Keep what a series has between two frequencies: its spectrum times a real gain, 0 at zero frequency.

    Linear in `X` and differentiable, in both directions and to any order. The filter is circular: without `padding`
    the end of a series acts on its beginning. It is not the recursive filter of the same order: `iir_filter` is.

    Args:
      X: The series, [... obs]. Integers are taken as the default float; float16 and bfloat16 are filtered in float32;
        complex numbers part by part.
      fs: Sampling frequency in Hz: 1 / TR, the repetition time in s.
      lo: Lower edge in Hz.
      hi: Upper edge in Hz.
      ftype: The gain: "maxflat", Butterworth's 1 / sqrt(1 + u^(2 order)) with u = (f^2 - lo hi) / (f (hi - lo));
        "ideal", 1 between the edges, which are included; "cosine", rising and falling as a cosine over `transition`,
        1/2 at the edges.
      order: For "maxflat".
      transition: For "cosine", in Hz; 10 % of fs / 2 by default.
      axis: The axis of time.
      padding: How many frames are mirrored at either end, about its frame, and cropped again.
      mask: True at observed frames, [obs] or of a shape that broadcasts to X. What is False is never read: it is
        interpolated linearly between observed frames first, and the filtered series has all its frames.
    Returns:
      The filtered series, of the shape and floating dtype of X.
    Raises:
      TypeError: If `X` holds no numbers; if `order` or `padding` is no integer; if an edge or `fs` is traced: gains
        are made on the host.
      ValueError: If `ftype` is unknown; if an edge is not between 0 and fs / 2, or `lo` not below `hi`; if `order` is
        below 1, or `transition` not positive and finite or given for another `ftype`; if X has no more than `padding`
        frames; if `axis` is unknown; if `mask` does not broadcast to X.

    Note:
      The gains are made in float64 and rounded to the dtype of the data. The mean of the series is taken out before
      and its response added after, so that an offset costs no figures.

    References:
      Butterworth, On the theory of filter amplifiers, Experimental Wireless 7, 1930.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import bandpass
      >>> t = 2 * jnp.arange(100.0)  # TR = 2 s
      >>> slow, wanted = jnp.sin(2 * jnp.pi * 0.005 * t), jnp.sin(2 * jnp.pi * 0.05 * t)
      >>> bool(jnp.allclose(bandpass(slow + wanted, fs=1 / 2, lo=0.01, hi=0.1, ftype="ideal"), wanted, atol=1e-5))
      True
    """
    shape = _shape("bandpass", fs, "bandpass", lo, hi, ftype, order, transition)
    return _apply("bandpass", X, shape, axis, padding, mask)


def bandstop(
    X: Num[ArrayLike, "..."],
    *,
    fs: int | float = 1.0,
    lo: int | float,
    hi: int | float,
    ftype: GainType = "maxflat",
    order: int = 2,
    transition: int | float | None = None,
    axis: int = -1,
    padding: int = 0,
    mask: Bool[ArrayLike, "..."] | None = None,
) -> Inexact[Array, "..."]:
    """Remove what a series has between two frequencies: 1 - the gain of `bandpass`, so that both add up to the
    series.

    Options, errors and accuracy are those of `bandpass`.

    Args:
      X: The series, [... obs].
      fs: Sampling frequency in Hz: 1 / TR, the repetition time in s.
      lo: Lower edge in Hz.
      hi: Upper edge in Hz.
      ftype: The gain of which this is the complement: "maxflat", "ideal" or "cosine".
      order: For "maxflat".
      transition: For "cosine", in Hz; 10 % of fs / 2 by default.
      axis: The axis of time.
      padding: How many frames are mirrored at either end, and cropped again.
      mask: True at observed frames; the others are interpolated linearly first.
    Returns:
      The filtered series, of the shape and floating dtype of X.
    Raises:
      TypeError: As `bandpass`.
      ValueError: As `bandpass`.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import bandpass, bandstop
      >>> x = jnp.array([1.0, 4.0, 2.0, 8.0])
      >>> band = {"lo": 0.1, "hi": 0.3}
      >>> bool(jnp.allclose(bandpass(x, **band) + bandstop(x, **band), x))
      True
    """
    shape = _shape("bandstop", fs, "bandstop", lo, hi, ftype, order, transition)
    return _apply("bandstop", X, shape, axis, padding, mask)


# A gain's shape: band type, edges in units of fs / 2, kind, order, transition in units of fs / 2.
Shape = tuple[str, tuple[float, ...], str, int, float]


def _shape(
    function: str, fs: Any, btype: str, lo: Any, hi: Any, ftype: str, order: Any, transition: Any
) -> Shape:
    edges = band_edges(function, fs, btype, lo, hi)
    if ftype not in ("maxflat", "ideal", "cosine"):
        raise ValueError(
            f"{function}: ftype={ftype!r} is not known; give 'maxflat', 'ideal' or 'cosine' (iir_filter has others)."
        )
    width = 0.1
    if transition is not None:
        known = known_value(transition)
        if ftype != "cosine" or known is None or not 0 < known < np.inf:
            raise ValueError(
                f"{function}: transition={transition!r} with ftype={ftype!r}; give a known, positive and finite "
                f"width in Hz, and for 'cosine' only."
            )
        width = 2 * known / float(fs)
    return btype, edges, ftype, whole_number("order", order, function, least=1), width


def _apply(function: str, X: Any, shape: Shape, axis: Any, padding: Any, mask: Any) -> Inexact[Array, "..."]:
    data, place = series(X, axis, function)
    obs = data.shape[place]
    length = extension_length("even", padding, 0, obs, function, "padding") if obs else 0
    if data.size == 0:
        return data
    if mask is not None:
        data = filled(data, mask, place, function)
    gains = frequency_gains(obs + 2 * length, shape).astype(working_dtype(data))
    at_a_time = lines_at_a_time(obs + 2 * length)
    return _filtered(data, gains, axis=place, length=length, at_a_time=at_a_time)


@functools.lru_cache(maxsize=64)
def frequency_gains(frames: int, shape: Shape) -> Float[np.ndarray, " frequency"]:
    """The gain at each frequency of so many frames, in float64."""
    btype, edges, ftype, order, width = shape
    f = 2 * np.arange(frames // 2 + 1) / frames  # in units of fs / 2
    if btype == "bandstop":
        return 1 - frequency_gains(frames, ("bandpass", edges, ftype, order, width))
    if ftype == "maxflat":
        with np.errstate(divide="ignore", over="ignore"):
            if btype == "lowpass":
                u = f / edges[0]
            elif btype == "highpass":
                u = edges[0] / f
            else:
                u = (f**2 - edges[0] * edges[1]) / (f * (edges[1] - edges[0]))
            return 1 / np.hypot(1, np.abs(u) ** order)
    low, high = {
        "lowpass": (-np.inf, edges[0]),
        "highpass": (edges[0], np.inf),
        "bandpass": (edges[0], edges[-1]),
    }[btype]
    if ftype == "ideal":  # an edge on a frequency is included, whatever rounding says
        gain = ((f >= low - 1e-9) & (f <= high + 1e-9)).astype(float)
    else:
        gain = _step((f - low) / width) * _step((high - f) / width)
    if btype != "lowpass":
        gain[0] = 0  # a wide transition may reach it
    return gain


def _step(u: Float[np.ndarray, " frequency"]) -> Float[np.ndarray, " frequency"]:
    """From 0 to 1 as a cosine, for u from -1/2 to 1/2."""
    return 0.5 + 0.5 * np.sin(np.pi * np.clip(u, -0.5, 0.5))


@functools.partial(jax.jit, static_argnames=("axis", "length", "at_a_time"))
def _filtered(
    data: Inexact[Array, "..."],
    gains: Float[Array, " frequency"],
    *,
    axis: int,
    length: int,
    at_a_time: int | None,
) -> Inexact[Array, "..."]:
    lines, restore = to_lines(data, axis)
    obs = lines.shape[1]

    def filter_lines(lines: Float[Array, "line obs"]) -> Float[Array, "line obs"]:
        offset = lines.mean(axis=1, keepdims=True)
        whole = jnp.concatenate(extended(lines - offset, "even", length), axis=1)
        spectrum = jnp.fft.rfft(whole)
        spectrum = spectrum * gains.astype(spectrum.dtype)
        return jnp.fft.irfft(spectrum, whole.shape[1])[:, length : length + obs] + offset * gains[0]

    return restore(in_blocks(filter_lines, lines, at_a_time))
