"""Frequency responses of the designs on a grid of bins, to begin learnable frequency filters from.

The bins are `worN` frequencies from 0 to fs / 2, both included: those of a series of 2 (worN - 1) frames.
"""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Complex, Num

from nitrix._arguments import whole_number
from nitrix.signal.filter import design
from nitrix.signal.filter._sos_arguments import sections
from nitrix.signal.filter.design import BandType, BesselNorm

Edge = int | float | Sequence[int | float] | None


def frequency_response(sos: Num[ArrayLike, "sections 6"], *, worN: int) -> Complex[Array, " bin"]:
    """The complex gain of second-order sections at `worN` frequencies from 0 to fs / 2, both included.

    Differentiable in `sos`. Known sections are evaluated on the host in float64, traced ones in their dtype.

    Args:
      sos: Rows (b0, b1, b2, a0, a1, a2), as `butterworth_sos` gives them.
      worN: Number of bins, at least 2.
    Returns:
      H(exp(i w)) in the default complex dtype (of traced sections: in theirs).
    Raises:
      TypeError: If `worN` is no integer, or `sos` holds no real numbers.
      ValueError: If `worN` is below 2; if `sos` is not [sections 6], not finite, or has an a0 of zero.

    Note:
      `scipy.signal.sosfreqz(sos, worN, include_nyquist=True)` gives the same numbers beside its frequencies.

    Example:
      >>> from nitrix.signal import butterworth_sos, frequency_response
      >>> abs(frequency_response(butterworth_sos(order=2, btype="lowpass", hi=0.25), worN=3)).round(3)
      Array([1.   , 0.707, 0.   ], dtype=float32)
    """
    rows = sections(sos, "frequency_response")
    bins = whole_number("worN", worN, "frequency_response", least=2)
    if isinstance(rows, jax.core.Tracer):
        return _response(jnp, rows, bins)
    return jnp.asarray(_response(np, rows, bins))


def _response(xp: ModuleType, sos: Any, bins: int) -> Any:
    dtype = np.result_type(np.complex64, sos.dtype)
    turn = np.exp(-1j * np.linspace(0, np.pi, bins)).astype(dtype)
    b0, b1, b2, a0, a1, a2 = sos.astype(dtype).T[..., None]
    return xp.prod((b0 + turn * (b1 + turn * b2)) / (a0 + turn * (a1 + turn * a2)), axis=0)


def butterworth_spectrum(
    *,
    order: int | Sequence[int],
    worN: int,
    btype: BandType = "bandpass",
    lo: Edge = None,
    hi: Edge = None,
    fs: int | float = 1.0,
) -> Complex[Array, "filter bin"]:
    """The responses of Butterworth filters, one row for each.

    Multiplied with a series' spectrum they are circular filters, which are not the recursive ones; applied forwards and
    backwards (`product_filtfilt`), they act squared.

    Args:
      order: Of each filter, or of all.
      worN: Number of bins, from 0 to fs / 2, both included.
      btype: As `butterworth_sos`.
      lo: Lower edge of each filter, or of all, in Hz.
      hi: Upper edge of each filter, or of all, in Hz.
      fs: Sampling frequency in Hz.
    Returns:
      Complex responses.
    Raises:
      TypeError: As `butterworth_sos`.
      ValueError: As `butterworth_sos`; if `worN` is below 2; if `order`, `lo` and `hi` have lists of different lengths.

    Example:
      >>> from nitrix.signal import butterworth_spectrum
      >>> spectrum = butterworth_spectrum(order=2, worN=5, btype="lowpass", hi=[0.125, 0.25])
      >>> [[round(float(gain), 2) for gain in row] for row in abs(spectrum)]
      [[1.0, 0.71, 0.17, 0.03, 0.0], [1.0, 0.99, 0.71, 0.17, 0.0]]
    """
    return _responses(design.butterworth_sos, "butterworth_spectrum", order, worN, btype, lo, hi, fs)


def chebyshev1_spectrum(
    *,
    order: int | Sequence[int],
    worN: int,
    btype: BandType = "bandpass",
    lo: Edge = None,
    hi: Edge = None,
    fs: int | float = 1.0,
    ripple: int | float = 0.1,
) -> Complex[Array, "filter bin"]:
    """The responses of Chebyshev filters of type I, one row for each.

    Args:
      order: Of each filter, or of all.
      worN: Number of bins, from 0 to fs / 2, both included.
      btype: As `butterworth_sos`.
      lo: Lower edge of each filter, or of all, in Hz.
      hi: Upper edge of each filter, or of all, in Hz.
      fs: Sampling frequency in Hz.
      ripple: Of the pass band in dB.
    Returns:
      Complex responses.
    Raises:
      TypeError: As `chebyshev1_sos`.
      ValueError: As `chebyshev1_sos`, and as `butterworth_spectrum`.

    Example:
      >>> from nitrix.signal import chebyshev1_spectrum
      >>> abs(chebyshev1_spectrum(order=2, worN=3, btype="lowpass", hi=0.25)).round(3)
      Array([[0.989, 0.989, 0.   ]], dtype=float32)
    """
    return _responses(
        design.chebyshev1_sos, "chebyshev1_spectrum", order, worN, btype, lo, hi, fs, ripple=ripple
    )


def chebyshev2_spectrum(
    *,
    order: int | Sequence[int],
    worN: int,
    btype: BandType = "bandpass",
    lo: Edge = None,
    hi: Edge = None,
    fs: int | float = 1.0,
    attenuation: int | float = 20.0,
) -> Complex[Array, "filter bin"]:
    """The responses of Chebyshev filters of type II, one row for each.

    Args:
      order: Of each filter, or of all.
      worN: Number of bins, from 0 to fs / 2, both included.
      btype: As `butterworth_sos`.
      lo: Lower edge of each filter, or of all, in Hz.
      hi: Upper edge of each filter, or of all, in Hz.
      fs: Sampling frequency in Hz.
      attenuation: Of the stop band in dB.
    Returns:
      Complex responses.
    Raises:
      TypeError: As `chebyshev2_sos`.
      ValueError: As `chebyshev2_sos`, and as `butterworth_spectrum`.

    Example:
      >>> from nitrix.signal import chebyshev2_spectrum
      >>> abs(chebyshev2_spectrum(order=2, worN=3, btype="lowpass", hi=0.25)).round(3)
      Array([[1. , 0.1, 0.1]], dtype=float32)
    """
    return _responses(
        design.chebyshev2_sos, "chebyshev2_spectrum", order, worN, btype, lo, hi, fs, attenuation=attenuation
    )


def elliptic_spectrum(
    *,
    order: int | Sequence[int],
    worN: int,
    btype: BandType = "bandpass",
    lo: Edge = None,
    hi: Edge = None,
    fs: int | float = 1.0,
    ripple: int | float = 0.1,
    attenuation: int | float = 20.0,
) -> Complex[Array, "filter bin"]:
    """The responses of elliptic filters, one row for each.

    Args:
      order: Of each filter, or of all.
      worN: Number of bins, from 0 to fs / 2, both included.
      btype: As `butterworth_sos`.
      lo: Lower edge of each filter, or of all, in Hz.
      hi: Upper edge of each filter, or of all, in Hz.
      fs: Sampling frequency in Hz.
      ripple: Of the pass band in dB.
      attenuation: Of the stop band in dB.
    Returns:
      Complex responses.
    Raises:
      TypeError: As `elliptic_sos`.
      ValueError: As `elliptic_sos`, and as `butterworth_spectrum`.

    Example:
      >>> from nitrix.signal import elliptic_spectrum
      >>> abs(elliptic_spectrum(order=2, worN=3, btype="lowpass", hi=0.25)).round(3)
      Array([[0.989, 0.989, 0.1  ]], dtype=float32)
    """
    return _responses(
        design.elliptic_sos,
        "elliptic_spectrum",
        order,
        worN,
        btype,
        lo,
        hi,
        fs,
        ripple=ripple,
        attenuation=attenuation,
    )


def bessel_spectrum(
    *,
    order: int | Sequence[int],
    worN: int,
    btype: BandType = "bandpass",
    lo: Edge = None,
    hi: Edge = None,
    fs: int | float = 1.0,
    norm: BesselNorm = "phase",
) -> Complex[Array, "filter bin"]:
    """The responses of Bessel filters, one row for each.

    Args:
      order: Of each filter, or of all.
      worN: Number of bins, from 0 to fs / 2, both included.
      btype: As `butterworth_sos`.
      lo: Lower edge of each filter, or of all, in Hz.
      hi: Upper edge of each filter, or of all, in Hz.
      fs: Sampling frequency in Hz.
      norm: What an edge means, as `bessel_sos` has it.
    Returns:
      Complex responses.
    Raises:
      TypeError: As `bessel_sos`.
      ValueError: As `bessel_sos`, and as `butterworth_spectrum`.

    Example:
      >>> from nitrix.signal import bessel_spectrum
      >>> abs(bessel_spectrum(order=2, worN=3, btype="lowpass", hi=0.25, norm="mag")).round(3)
      Array([[1.   , 0.707, 0.   ]], dtype=float32)
    """
    return _responses(design.bessel_sos, "bessel_spectrum", order, worN, btype, lo, hi, fs, norm=norm)


def _responses(
    designed: Callable[..., Any],
    function: str,
    order: Any,
    worN: Any,
    btype: str,
    lo: Any,
    hi: Any,
    fs: Any,
    **options: Any,
) -> Complex[Array, "filter bin"]:
    bins = whole_number("worN", worN, function, least=2)
    rows = [
        _response(np, designed(order=n, fs=fs, btype=btype, lo=low, hi=high, **options), bins)
        for n, low, high in filters_of(function, order, lo, hi)
    ]
    return jnp.asarray(np.stack(rows))


def filters_of(function: str, order: Any, lo: Any, hi: Any) -> list[tuple[Any, Any, Any]]:
    """(order, lo, hi) of each filter, from numbers that hold for all and lists with one for each."""
    given = {"order": order, "lo": lo, "hi": hi}
    lengths = {name: len(value) for name, value in given.items() if isinstance(value, (list, tuple))}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        said = ", ".join(f"{name} has {count}" for name, count in lengths.items())
        raise ValueError(f"{function}: {said} values; give one for each filter, or a number for all.")
    count = next(iter(lengths.values()), 1)
    columns = [value if name in lengths else [value] * count for name, value in given.items()]
    return list(zip(*columns, strict=True))
