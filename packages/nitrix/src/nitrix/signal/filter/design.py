"""Digital Butterworth, Chebyshev, elliptic and Bessel filters as second-order sections, designed on the host."""

import math
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from nitrix._arguments import known_value, whole_number
from nitrix.signal.filter import prototypes
from nitrix.signal.filter.sections import digital, second_order_sections

BandType = Literal["lowpass", "highpass", "bandpass", "bandstop"]
BesselNorm = Literal["phase", "delay", "mag"]
EDGES = {"lowpass": ("hi",), "highpass": ("lo",), "bandpass": ("lo", "hi"), "bandstop": ("lo", "hi")}


def butterworth_sos(
    *,
    order: int,
    fs: int | float = 1.0,
    btype: BandType,
    lo: int | float | None = None,
    hi: int | float | None = None,
) -> Float[np.ndarray, "sections 6"]:
    """Design a Butterworth filter: flattest in the pass band, falling steadily.

    The bilinear transform of the analogue filter, with its edges where they were asked for. The gain at an edge is
    1 / sqrt(2), and half of that power again where the filter is applied forwards and backwards.

    Args:
      order: Of the low-pass; "bandpass" and "bandstop" have twice as many poles.
      fs: Sampling frequency in Hz: 1 / TR, the repetition time in s.
      btype: "lowpass" passes what is below `hi`, "highpass" what is above `lo`, "bandpass" what is between them,
        "bandstop" what is not.
      lo: Lower edge in Hz.
      hi: Upper edge in Hz.
    Returns:
      NumPy float64: one row (b0, b1, b2, 1, a1, a2) for each second-order section, in the order in which they are
      applied.
    Raises:
      TypeError: If `order` is no integer, or an edge or `fs` is traced: the design is made on the host.
      ValueError: If `order` is below 1; if `btype` is unknown; if an edge is missing, not wanted, or not between 0
        and fs / 2; if `lo` is not below `hi`; if `fs` is not positive and finite.

    Note:
      `scipy.signal.butter(order, edges, btype, fs=fs, output="sos")` gives the same sections, to 1e-10 for orders 1
      to 8.

    References:
      Parks and Burrus, Digital Filter Design, Wiley, 1987.

    Example:
      >>> from nitrix.signal import butterworth_sos
      >>> butterworth_sos(order=1, fs=0.5, btype="lowpass", hi=0.1).round(3)  # TR = 2 s
      array([[ 0.421,  0.421,  0.   ,  1.   , -0.158,  0.   ]])
    """
    n, edges = _checked("butterworth_sos", order, fs, btype, lo, hi)
    return _sections(prototypes.butterworth(n), btype, edges)


def chebyshev1_sos(
    *,
    order: int,
    fs: int | float = 1.0,
    btype: BandType,
    lo: int | float | None = None,
    hi: int | float | None = None,
    ripple: int | float,
) -> Float[np.ndarray, "sections 6"]:
    """Design a Chebyshev filter of type I: equal ripples in the pass band, falling steeper than Butterworth's.

    Args:
      order: Of the low-pass; "bandpass" and "bandstop" have twice as many poles.
      fs: Sampling frequency in Hz: 1 / TR, the repetition time in s.
      btype: As `butterworth_sos`.
      lo: Lower edge of the pass band in Hz (of the stop band for "bandstop"), where the gain leaves the ripples.
      hi: Upper edge in Hz.
      ripple: Depth of the ripples in dB.
    Returns:
      The sections, as `butterworth_sos` gives them.
    Raises:
      TypeError: As `butterworth_sos`.
      ValueError: As `butterworth_sos`, and if `ripple` is not positive and finite.

    Note:
      `scipy.signal.cheby1(order, ripple, edges, btype, fs=fs, output="sos")` gives the same sections.

    References:
      Parks and Burrus, Digital Filter Design, Wiley, 1987.

    Example:
      >>> from nitrix.signal import chebyshev1_sos
      >>> chebyshev1_sos(order=2, btype="highpass", lo=0.1, ripple=0.5).round(3)
      array([[ 0.687, -1.373,  0.687,  1.   , -1.353,  0.556]])
    """
    n, edges = _checked("chebyshev1_sos", order, fs, btype, lo, hi)
    depth = _decibels("chebyshev1_sos", "ripple", ripple)
    return _sections(prototypes.chebyshev1(n, depth), btype, edges)


def chebyshev2_sos(
    *,
    order: int,
    fs: int | float = 1.0,
    btype: BandType,
    lo: int | float | None = None,
    hi: int | float | None = None,
    attenuation: int | float,
) -> Float[np.ndarray, "sections 6"]:
    """Design a Chebyshev filter of type II: flat in the pass band, equal ripples in the stop band.

    Args:
      order: Of the low-pass; "bandpass" and "bandstop" have twice as many poles.
      fs: Sampling frequency in Hz: 1 / TR, the repetition time in s.
      btype: As `butterworth_sos`.
      lo: Lower edge in Hz, where the stop band begins: the gain has fallen by `attenuation` there.
      hi: Upper edge in Hz, likewise.
      attenuation: Of the stop band in dB.
    Returns:
      The sections, as `butterworth_sos` gives them.
    Raises:
      TypeError: As `butterworth_sos`.
      ValueError: As `butterworth_sos`, and if `attenuation` is not positive and finite.

    Note:
      `scipy.signal.cheby2(order, attenuation, edges, btype, fs=fs, output="sos")` gives the same sections.

    References:
      Parks and Burrus, Digital Filter Design, Wiley, 1987.

    Example:
      >>> from nitrix.signal import chebyshev2_sos
      >>> chebyshev2_sos(order=2, btype="lowpass", hi=0.2, attenuation=40).round(2)
      array([[ 0.02,  0.  ,  0.02,  1.  , -1.71,  0.75]])
    """
    n, edges = _checked("chebyshev2_sos", order, fs, btype, lo, hi)
    down = _decibels("chebyshev2_sos", "attenuation", attenuation)
    return _sections(prototypes.chebyshev2(n, down), btype, edges)


def elliptic_sos(
    *,
    order: int,
    fs: int | float = 1.0,
    btype: BandType,
    lo: int | float | None = None,
    hi: int | float | None = None,
    ripple: int | float,
    attenuation: int | float,
) -> Float[np.ndarray, "sections 6"]:
    """Design an elliptic (Cauer) filter: equal ripples in both bands, the narrowest transition of its order.

    Args:
      order: Of the low-pass; "bandpass" and "bandstop" have twice as many poles.
      fs: Sampling frequency in Hz: 1 / TR, the repetition time in s.
      btype: As `butterworth_sos`.
      lo: Lower edge of the pass band in Hz (of the stop band for "bandstop"), where the gain leaves the ripples.
      hi: Upper edge in Hz.
      ripple: Depth of the ripples of the pass band in dB.
      attenuation: Of the stop band in dB, more than `ripple`.
    Returns:
      The sections, as `butterworth_sos` gives them.
    Raises:
      TypeError: As `butterworth_sos`.
      ValueError: As `butterworth_sos`; if `ripple` or `attenuation` is not positive and finite, or the latter is not
        the larger.

    Note:
      `scipy.signal.ellip(order, ripple, attenuation, edges, btype, fs=fs, output="sos")` gives the same sections.

    References:
      Orfanidis, Lecture Notes on Elliptic Filter Design, Rutgers University, 2006.

    Example:
      >>> from nitrix.signal import elliptic_sos
      >>> elliptic_sos(order=2, btype="lowpass", hi=0.2, ripple=0.5, attenuation=40).round(3)
      array([[ 0.271,  0.528,  0.271,  1.   , -0.139,  0.273]])
    """
    n, edges = _checked("elliptic_sos", order, fs, btype, lo, hi)
    depth = _decibels("elliptic_sos", "ripple", ripple)
    down = _decibels("elliptic_sos", "attenuation", attenuation)
    if down <= depth:
        raise ValueError(f"elliptic_sos: attenuation={down} dB must be more than ripple={depth} dB.")
    return _sections(prototypes.elliptic(n, depth, down), btype, edges)


def bessel_sos(
    *,
    order: int,
    fs: int | float = 1.0,
    btype: BandType,
    lo: int | float | None = None,
    hi: int | float | None = None,
    norm: BesselNorm = "phase",
) -> Float[np.ndarray, "sections 6"]:
    """Design a Bessel filter: the analogue filter's group delay is flattest, so that it keeps the shape of waves.

    Args:
      order: Of the low-pass; "bandpass" and "bandstop" have twice as many poles.
      fs: Sampling frequency in Hz: 1 / TR, the repetition time in s.
      btype: As `butterworth_sos`.
      lo: Lower edge in Hz.
      hi: Upper edge in Hz.
      norm: What an edge is: "phase", where the phase is at the middle of its range, so that high frequencies fall as
        Butterworth's do; "delay", the inverse of the analogue filter's delay, in radians; "mag", a gain of 1 /
        sqrt(2).
    Returns:
      The sections, as `butterworth_sos` gives them.
    Raises:
      TypeError: As `butterworth_sos`.
      ValueError: As `butterworth_sos`, and if `norm` is unknown.

    Note:
      `scipy.signal.bessel(order, edges, btype, norm=norm, fs=fs, output="sos")` gives the same sections.

    References:
      Thomson, Delay networks having maximally flat frequency characteristics, Proc. IEE 96(44), 1949.
      doi:10.1049/pi-3.1949.0101

    Example:
      >>> from nitrix.signal import bessel_sos
      >>> bessel_sos(order=2, btype="lowpass", hi=0.2, norm="mag").round(3)
      array([[ 0.247,  0.494,  0.247,  1.   , -0.084,  0.073]])
    """
    n, edges = _checked("bessel_sos", order, fs, btype, lo, hi)
    if norm not in ("phase", "delay", "mag"):
        raise ValueError(f"bessel_sos: norm={norm!r} is not known; give one of 'phase', 'delay', 'mag'.")
    return _sections(prototypes.bessel(n, norm), btype, edges)


def _sections(
    prototype: prototypes.PolesZeros, btype: str, edges: tuple[float, ...]
) -> Float[np.ndarray, "sections 6"]:
    return second_order_sections(digital(prototype, btype, edges))


def _checked(
    function: str, order: Any, fs: Any, btype: str, lo: Any, hi: Any
) -> tuple[int, tuple[float, ...]]:
    """The order, and the edges in units of the Nyquist frequency."""
    return whole_number("order", order, function, least=1), band_edges(function, fs, btype, lo, hi)


def band_edges(function: str, fs: Any, btype: str, lo: Any, hi: Any) -> tuple[float, ...]:
    """The edges of a band in units of the Nyquist frequency, or an error that says what is wrong with them."""
    if btype not in EDGES:
        names = ", ".join(repr(name) for name in EDGES)
        raise ValueError(f"{function}: btype={btype!r} is not known; give one of {names}.")
    wanted = EDGES[btype]
    given = {name: value for name, value in (("lo", lo), ("hi", hi)) if value is not None}
    if tuple(given) != wanted:
        raise ValueError(
            f"{function}: btype={btype!r} takes {' and '.join(wanted)}; given was {' and '.join(given) or 'none'}."
        )
    rate = frequency(function, "fs", fs)
    edges = tuple(frequency(function, name, value) for name, value in given.items())
    for name, edge in zip(wanted, edges, strict=True):
        if not edge < rate / 2:
            raise ValueError(
                f"{function}: {name}={edge} Hz must be below {rate / 2} Hz, half of fs={rate}; "
                f"fs is 1 / TR of a series."
            )
    if len(edges) == 2 and not edges[0] < edges[1]:
        raise ValueError(f"{function}: lo={edges[0]} Hz must be below hi={edges[1]} Hz.")
    return tuple(2 * edge / rate for edge in edges)


def frequency(function: str, name: str, value: Any) -> float:
    """A positive number that is known before tracing."""
    known = known_value(value)
    if known is None:
        raise TypeError(
            f"{function}: {name} is traced; filters are designed on the host, give a known number."
        )
    if not (math.isfinite(known) and known > 0):
        raise ValueError(f"{function}: {name}={known} Hz must be positive and finite.")
    return known


def _decibels(function: str, name: str, value: Any) -> float:
    known = known_value(value)
    if known is None or not (math.isfinite(known) and known > 0):
        raise ValueError(f"{function}: {name}={value!r} dB must be a known number, positive and finite.")
    return known
