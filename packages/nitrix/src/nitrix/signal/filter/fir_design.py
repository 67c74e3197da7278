"""Taps of linear-phase FIR filters, designed on the host: by a window, or by least squares."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from nitrix._arguments import known_value, whole_number
from nitrix.signal.filter.design import BandType, band_edges, frequency

Window = Literal["hamming", "hann", "blackman", "kaiser", "boxcar"]
Edges = Sequence[int | float] | Sequence[Sequence[int | float]] | Float[np.ndarray, "..."]
WINDOWS: dict[str, Any] = {
    "hamming": np.hamming,
    "hann": np.hanning,
    "blackman": np.blackman,
    "kaiser": np.kaiser,
    "boxcar": np.ones,
}


def firwin(
    numtaps: int,
    *,
    fs: int | float = 1.0,
    btype: BandType,
    lo: int | float | None = None,
    hi: int | float | None = None,
    window: Window = "hamming",
    beta: int | float | None = None,
    scale: bool = True,
) -> Float[np.ndarray, " tap"]:
    """Design a FIR filter by the window method: the ideal filter's impulse response, cut off gently.

    Args:
      numtaps: Number of taps; odd for "highpass" and "bandstop", whose gain at fs / 2 an even number makes 0.
      fs: Sampling frequency in Hz: 1 / TR, the repetition time in s.
      btype: "lowpass" passes what is below `hi`, "highpass" what is above `lo`, "bandpass" what is between them,
        "bandstop" what is not. The gain at an edge is about 1/2.
      lo: Lower edge in Hz.
      hi: Upper edge in Hz.
      window: "hamming", "hann", "blackman", "kaiser" or "boxcar".
      beta: Of Kaiser's window: larger attenuates more, over a wider transition.
      scale: Whether the gain is made 1 in the middle of the first pass band: at 0 Hz, at fs / 2 for "highpass".
    Returns:
      NumPy float64, symmetric.
    Raises:
      TypeError: If `numtaps` is no integer, or an edge or `fs` is traced: the design is made on the host.
      ValueError: If `numtaps` is below 1, of the wrong parity or too small for the window; if `window` is unknown;
        if `beta` is missing for "kaiser" or given for another, or negative; if the band is none, as
        `butterworth_sos` says.

    Note:
      `scipy.signal.firwin(numtaps, edges, window=window, pass_zero=btype, scale=scale, fs=fs)` gives the same taps;
      there `fs` is 2 by default.

    References:
      Oppenheim and Schafer, Discrete-Time Signal Processing, Prentice Hall, 3rd edition 2009, section 7.5.

    Example:
      >>> from nitrix.signal import firwin
      >>> firwin(5, btype="lowpass", hi=0.1).round(3)
      array([0.028, 0.237, 0.469, 0.237, 0.028])
    """
    count = whole_number("numtaps", numtaps, "firwin", least=1)
    edges = band_edges("firwin", fs, btype, lo, hi)
    if window not in WINDOWS:
        names = ", ".join(repr(name) for name in WINDOWS)
        raise ValueError(f"firwin: window={window!r} is not known; give one of {names}.")
    if (window == "kaiser") != (beta is not None):
        raise ValueError(
            f"firwin: beta={beta!r} with window={window!r}; give beta for 'kaiser', and for no other."
        )
    if btype in ("highpass", "bandstop") and count % 2 == 0:
        raise ValueError(
            f"firwin: numtaps={count} must be odd for btype={btype!r}: the gain of an even number at fs / 2 is 0."
        )
    parameters: tuple[float, ...] = ()
    if beta is not None:
        known = known_value(beta)
        if known is None or not 0 <= known < np.inf:
            raise ValueError(f"firwin: beta={beta!r} must be a known number, not negative and finite.")
        parameters = (known,)
    bands = {
        "lowpass": [(0.0, edges[0])],
        "highpass": [(edges[0], 1.0)],
        "bandpass": [(edges[0], edges[-1])],
        "bandstop": [(0.0, edges[0]), (edges[-1], 1.0)],
    }[btype]
    place = np.arange(count) - (count - 1) / 2
    taps = sum(high * np.sinc(high * place) - low * np.sinc(low * place) for low, high in bands)
    taps = taps * WINDOWS[window](count, *parameters)
    if scale:
        low, high = bands[0]
        middle = 0.0 if low == 0 else 1.0 if high == 1 else (low + high) / 2
        gain = np.sum(taps * np.cos(np.pi * place * middle))
        if gain == 0:
            raise ValueError(
                f"firwin: numtaps={count} leaves no tap within window={window!r}; give more taps."
            )
        taps = taps / gain
    return taps


def firls(
    numtaps: int,
    bands: Edges,
    desired: Edges,
    *,
    weight: Sequence[int | float] | Float[np.ndarray, " band"] | None = None,
    fs: int | float = 1.0,
) -> Float[np.ndarray, " tap"]:
    """Design a FIR filter whose gain is nearest to a piecewise linear one, by weighted least squares over the bands.

    With the gain A(f) = sum_k a_k cos(pi k f), f in units of fs / 2, the integral of weight (A - desired)^2 over the
    bands is a quadratic form in a, whose entries are closed.

    Args:
      numtaps: Number of taps, odd.
      bands: Edges of the bands in Hz, in pairs, ascending: 2 b numbers or [b 2]. What is between bands is free.
      desired: The gain at each of these edges, linear between the two of a band.
      weight: Of each band; 1 by default.
      fs: Sampling frequency in Hz: 1 / TR, the repetition time in s.
    Returns:
      NumPy float64, symmetric.
    Raises:
      TypeError: If `numtaps` is no integer, or `fs` is traced.
      ValueError: If `numtaps` is even or below 1; if `bands` are not ascending pairs from 0 to fs / 2; if `desired`
        or `weight` has not one value for each edge or band, or a weight is not positive.

    Note:
      `scipy.signal.firls(numtaps, bands, desired, weight=weight, fs=fs)` gives the same taps; there `fs` is 2 by
      default.

    References:
      Selesnick, Linear-Phase FIR Filter Design by Least Squares, Connexions, 2005.

    Example:
      >>> from nitrix.signal import firls
      >>> firls(5, [0, 0.1, 0.2, 0.5], [1, 1, 0, 0]).round(3)
      array([0.132, 0.252, 0.304, 0.252, 0.132])
    """
    count = whole_number("numtaps", numtaps, "firls", least=1)
    if count % 2 == 0:
        raise ValueError(f"firls: numtaps={count} must be odd, so that the filter has a centre.")
    rate = frequency("firls", "fs", fs)
    edges, gains = np.asarray(bands, float).ravel(), np.asarray(desired, float).ravel()
    wrong = edges.size < 2 or edges.size % 2 or (np.diff(edges) < 0).any() or (np.diff(edges)[::2] == 0).any()
    if wrong or not (edges[0] >= 0 and edges[-1] <= rate / 2):
        raise ValueError(
            f"firls: bands={edges.tolist()} must be pairs of edges in Hz that ascend from 0 to {rate / 2}, half of fs."
        )
    weights = np.ones(edges.size // 2) if weight is None else np.asarray(weight, float)
    if gains.size != edges.size or weights.shape != (edges.size // 2,):
        raise ValueError(
            f"firls: desired has {gains.size} values and weight {weights.size}, but bands has {edges.size} edges of "
            f"{edges.size // 2} bands; give a gain for each edge and a weight for each band."
        )
    if not (np.isfinite(gains).all() and np.isfinite(weights).all() and (weights > 0).all()):
        raise ValueError("firls: desired must be finite, and each weight positive and finite.")
    pairs, levels = (2 * edges / rate).reshape(-1, 2), gains.reshape(-1, 2)
    half = count // 2
    a = _least_squares(half, pairs, levels, weights)
    return np.concatenate([a[:0:-1] / 2, a[:1], a[1:] / 2])


def _least_squares(half: int, bands: Any, levels: Any, weights: Any) -> Float[np.ndarray, " cosine"]:
    """The coefficients of the cosines 0..half, from the normal equations."""
    k = np.arange(2 * half + 1)[:, None]
    # The integral of cos(pi k f) over each band, and with it those of products: 2 cos a cos b = cos(a-b) + cos(a+b).
    cosines = bands[:, 1] * np.sinc(k * bands[:, 1]) - bands[:, 0] * np.sinc(k * bands[:, 0])
    q = cosines @ weights
    i = np.arange(half + 1)
    matrix = (q[np.abs(np.subtract.outer(i, i))] + q[np.add.outer(i, i)]) / 2
    # The integral of (level + slope (f - low)) cos(pi k f): by parts.
    slope = (levels[:, 1] - levels[:, 0]) / (bands[:, 1] - bands[:, 0])
    turn = np.pi * np.maximum(k[: half + 1], 1)
    ends = levels * bands
    by_parts = (
        levels[:, 1] * bands[:, 1] * np.sinc(k[: half + 1] * bands[:, 1])
        - levels[:, 0] * bands[:, 0] * np.sinc(k[: half + 1] * bands[:, 0])
        + slope * (np.cos(turn * bands[:, 1]) - np.cos(turn * bands[:, 0])) / turn**2
    )
    by_parts[0] = (ends[:, 1] - ends[:, 0]) - slope * (bands[:, 1] ** 2 - bands[:, 0] ** 2) / 2
    return np.linalg.solve(matrix, by_parts @ weights)
