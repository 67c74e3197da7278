"""Design and application of a recursive filter in one call."""

from typing import Any, Literal

from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Inexact, Num

from nitrix.signal.filter import design
from nitrix.signal.filter._lines import series
from nitrix.signal.filter.causal import sosfilt
from nitrix.signal.filter.design import BandType, BesselNorm
from nitrix.signal.filter.zero_phase import filled, sosfiltfilt

RecursiveType = Literal["butterworth", "chebyshev1", "chebyshev2", "elliptic", "bessel"]
DESIGNS: dict[str, tuple[Any, tuple[str, ...]]] = {  # with the options that each takes
    "butterworth": (design.butterworth_sos, ()),
    "chebyshev1": (design.chebyshev1_sos, ("ripple",)),
    "chebyshev2": (design.chebyshev2_sos, ("attenuation",)),
    "elliptic": (design.elliptic_sos, ("ripple", "attenuation")),
    "bessel": (design.bessel_sos, ("norm",)),
}


def iir_filter(
    X: Num[ArrayLike, "..."],
    *,
    fs: int | float = 1.0,
    btype: BandType,
    lo: int | float | None = None,
    hi: int | float | None = None,
    order: int = 2,
    ftype: RecursiveType = "butterworth",
    ripple: int | float | None = None,
    attenuation: int | float | None = None,
    norm: BesselNorm | None = None,
    zero_phase: bool = True,
    axis: int = -1,
    mask: Bool[ArrayLike, "..."] | None = None,
) -> Inexact[Array, "..."]:
    """Filter a series with a recursive filter of a named kind, by default without phase.

    The sections of `butterworth_sos` and its sisters, applied by `sosfiltfilt` or `sosfilt`; accuracy and
    derivatives are those of these functions.

    Args:
      X: The series, [... obs].
      fs: Sampling frequency in Hz: 1 / TR, the repetition time in s.
      btype: "lowpass" passes what is below `hi`, "highpass" what is above `lo`, "bandpass" what is between them,
        "bandstop" what is not.
      lo: Lower edge in Hz.
      hi: Upper edge in Hz.
      order: Of the low-pass; "bandpass" and "bandstop" have twice as many poles.
      ftype: "butterworth", "chebyshev1", "chebyshev2", "elliptic" or "bessel".
      ripple: Of the pass band in dB, for "chebyshev1" and "elliptic".
      attenuation: Of the stop band in dB, for "chebyshev2" and "elliptic".
      norm: What an edge means for "bessel", as `bessel_sos` has it: "phase" (the default), "delay" or "mag".
      zero_phase: True filters forwards and backwards: no delay, the gain of the design squared (so half the amplitude
        at Butterworth's edges), ends extended oddly. False filters forwards only, from rest.
      axis: The axis of time.
      mask: True at observed frames, [obs] or of a shape that broadcasts to X. What is False is never read: it is
        interpolated linearly between observed frames first, and the filtered series has all its frames.
    Returns:
      The filtered series, of the shape and floating dtype of X.
    Raises:
      TypeError: As the design and `sosfiltfilt`.
      ValueError: As the design and `sosfiltfilt`; if `ftype` is unknown, an option is missing that it needs, or one
        is given that it does not have.

    References:
      Gustafsson, Determining the initial states in forward-backward filtering, IEEE Trans. Signal Processing 44(4),
      1996. doi:10.1109/78.492552

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import iir_filter
      >>> slow = 50 + jnp.sin(2 * jnp.pi * 0.05 * 2 * jnp.arange(200.0))  # TR = 2 s
      >>> passed = iir_filter(slow, fs=1 / 2, btype="bandpass", lo=0.01, hi=0.1)
      >>> bool(jnp.abs(passed - (slow - 50))[50:150].max() < 0.05)
      True
    """
    if ftype not in DESIGNS:
        names = ", ".join(repr(name) for name in DESIGNS)
        raise ValueError(f"iir_filter: ftype={ftype!r} is not known; give one of {names}.")
    designed, wanted = DESIGNS[ftype]
    given = {"ripple": ripple, "attenuation": attenuation, "norm": norm}
    for name, value in given.items():
        if value is not None and name not in wanted:
            raise ValueError(
                f"iir_filter: {name}={value!r} has no meaning for ftype={ftype!r}; leave it out."
            )
        if value is None and name in wanted and name != "norm":
            raise ValueError(f"iir_filter: ftype={ftype!r} needs {name}, in dB.")
    options = {name: value for name, value in given.items() if value is not None}
    sos = designed(order=order, fs=fs, btype=btype, lo=lo, hi=hi, **options)
    if zero_phase:
        return sosfiltfilt(X, sos, axis=axis, mask=mask)
    data, place = series(X, axis, "iir_filter")
    if mask is not None:
        data = filled(data, mask, place, "iir_filter")
    return sosfilt(data, sos, axis=place)
