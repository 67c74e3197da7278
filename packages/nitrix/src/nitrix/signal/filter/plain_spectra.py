"""Spectra without a design, ideal and random ones, and gains forced at named frequencies; bins as in `spectra`."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Complex, Float, Inexact

from nitrix._arguments import known_value, whole_number
from nitrix.signal.filter.design import BandType, band_edges, frequency
from nitrix.signal.filter.spectra import Edge, filters_of


def ideal_spectrum(
    *,
    worN: int,
    btype: BandType = "bandpass",
    lo: Edge = None,
    hi: Edge = None,
    fs: int | float = 1.0,
) -> Float[Array, "filter bin"]:
    """Ones in the pass band of each filter and zeros elsewhere, edges included.

    Args:
      worN: Number of bins, from 0 to fs / 2, both included.
      btype: As `butterworth_sos`; "bandstop" is 1 up to `lo` and from `hi` on.
      lo: Lower edge of each filter, or of all, in Hz.
      hi: Upper edge of each filter, or of all, in Hz.
      fs: Sampling frequency in Hz.
    Returns:
      Zeros and ones.
    Raises:
      TypeError: If `worN` is no integer, or an edge or `fs` is traced.
      ValueError: As `butterworth_spectrum`.

    Example:
      >>> from nitrix.signal import ideal_spectrum
      >>> ideal_spectrum(worN=5, lo=0.125, hi=0.375)
      Array([[0., 1., 1., 1., 0.]], dtype=float32)
    """
    bins = whole_number("worN", worN, "ideal_spectrum", least=2)
    grid = np.linspace(0, 1, bins)
    rows = []
    for _, low, high in filters_of("ideal_spectrum", 1, lo, hi):
        edges = band_edges("ideal_spectrum", fs, btype, low, high)
        # An edge on a bin is included, whatever rounding says.
        above, below = grid >= edges[0] - 1e-9, grid <= edges[-1] + 1e-9
        if btype == "bandstop":
            above, below = grid >= edges[-1] - 1e-9, grid <= edges[0] + 1e-9
        rows.append(
            {"lowpass": below, "highpass": above, "bandpass": above & below, "bandstop": above | below}[btype]
        )
    return jnp.asarray(np.stack(rows), jax.dtypes.canonicalize_dtype(np.float64))


def randn_spectrum(
    *,
    worN: int,
    key: Array,
    n_filters: int = 1,
    ampl_loc: int | float = 0.5,
    ampl_scale: int | float = 0.2,
    phase_loc: int | float = 0.0,
    phase_scale: int | float = 0.2,
) -> Complex[Array, "filter bin"]:
    """Random responses: normal amplitudes and, independent of them, normal phases.

    Args:
      worN: Number of bins.
      key: Of `jax.random`.
      n_filters: Number of rows.
      ampl_loc: Mean of the amplitudes.
      ampl_scale: Their standard deviation.
      phase_loc: Mean of the phases, in radians.
      phase_scale: Their standard deviation.
    Returns:
      Complex responses.
    Raises:
      TypeError: If `worN` or `n_filters` is no integer.
      ValueError: If `worN` is below 2 or `n_filters` below 1.

    Example:
      >>> import jax
      >>> from nitrix.signal import randn_spectrum
      >>> randn_spectrum(worN=5, key=jax.random.key(0), n_filters=2).shape
      (2, 5)
    """
    bins = whole_number("worN", worN, "randn_spectrum", least=2)
    shape = (whole_number("n_filters", n_filters, "randn_spectrum", least=1), bins)
    for_amplitude, for_phase = jax.random.split(key)
    amplitude = ampl_loc + ampl_scale * jax.random.normal(for_amplitude, shape)
    phase = phase_loc + phase_scale * jax.random.normal(for_phase, shape)
    return jax.lax.complex(amplitude * jnp.cos(phase), amplitude * jnp.sin(phase))


def clamp_spectrum(
    spectrum: Inexact[ArrayLike, "... bin"],
    clamps: Mapping[int | float, int | float | complex],
    *,
    fs: int | float = 1.0,
) -> Inexact[Array, "... bin"]:
    """Set the gain at named frequencies: the bin nearest to each is forced to its value.

    Args:
      spectrum: Responses on bins from 0 to fs / 2, both included.
      clamps: Frequency in Hz: gain.
      fs: Sampling frequency in Hz.
    Returns:
      The responses with these bins replaced; no gradient flows through them.
    Raises:
      TypeError: If a frequency or `fs` is traced, or a gain is complex and `spectrum` real.
      ValueError: If a frequency is not from 0 to fs / 2; if two of them have the same nearest bin; if there are fewer
        than 2 bins.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import clamp_spectrum
      >>> clamp_spectrum(jnp.ones(5), {0.0: 0.0, 0.25: 0.5})
      Array([0. , 1. , 0.5, 1. , 1. ], dtype=float32)
    """
    responses = jnp.asarray(spectrum)
    rate = frequency("clamp_spectrum", "fs", fs)
    if responses.ndim == 0 or responses.shape[-1] < 2:
        raise ValueError(f"clamp_spectrum: spectrum has shape {responses.shape}; give at least 2 bins.")
    last = responses.shape[-1] - 1
    forced: dict[int, Any] = {}
    for place, gain in clamps.items():
        known = known_value(place)
        if known is None or not 0 <= known <= rate / 2:
            raise ValueError(
                f"clamp_spectrum: a clamp at {place!r} Hz; give known frequencies from 0 to {rate / 2}, half of fs."
            )
        index = round(known / (rate / 2) * last)
        if index in forced:
            raise ValueError(
                f"clamp_spectrum: two clamps have the same nearest bin, {index} of {last + 1}, at "
                f"{index * rate / 2 / last} Hz; give one of them, or more bins."
            )
        if isinstance(gain, complex) and not jnp.iscomplexobj(responses):
            raise TypeError(f"clamp_spectrum: the gain {gain} is complex but spectrum is {responses.dtype}.")
        forced[index] = gain
    if not forced:
        return responses
    values = jnp.asarray(list(forced.values()), responses.dtype)
    return responses.at[..., np.array(list(forced))].set(values)
