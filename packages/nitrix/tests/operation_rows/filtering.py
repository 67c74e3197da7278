"""Rows of `nitrix.signal.filter`: recursive and FIR filters, gains on frequencies, responses."""

import functools

import jax.numpy as jnp
import numpy as np
from nitrix.signal import (
    bandpass,
    bandstop,
    butterworth_sos,
    clamp_spectrum,
    fir_filter,
    frequency_response,
    highpass,
    iir_filter,
    lowpass,
    sosfilt,
    sosfiltfilt,
)
from support import filtering

from operation_rows.row import BATCH, Row, each, normal

DESIGN = "designs on the host, from numbers that are known; gives NumPy float64"
RESPONSE = "evaluates designs that are known on the host"
OTHERS = {
    **{
        f"signal.{kind}_sos": DESIGN
        for kind in ("butterworth", "chebyshev1", "chebyshev2", "elliptic", "bessel")
    },
    "signal.firwin": DESIGN,
    "signal.firls": DESIGN,
    **{
        f"signal.{kind}_spectrum": RESPONSE
        for kind in ("butterworth", "chebyshev1", "chebyshev2", "elliptic", "bessel", "ideal")
    },
    "signal.randn_spectrum": "draws random numbers from a key",
}
# A slow and a fast section, of coefficients that bfloat16 holds.
SECTIONS = np.array([[0.25, 0.5, 0.25, 1.0, -1.0, 0.5], [1.0, -1.0, 0.125, 2.0, 0.5, 0.25]])
BAND = {"lo": 0.125, "hi": 0.25}


def rows():
    """Filters of a short series; sections and taps are operands too."""
    x = normal(BATCH, 70)
    sections = SECTIONS * np.linspace(1.0, 0.5625, BATCH)[:, None, None].astype("bfloat16").astype(float)
    taps = normal(BATCH, 5, seed=3)
    return [
        Row("signal.sosfilt", "", each(sosfilt, 1), lambda x, s: filtering.sosfilt(x, s)[0], (x, sections)),
        Row(
            "signal.sosfiltfilt",
            "",
            each(functools.partial(sosfiltfilt, padlen=6), 1),
            functools.partial(filtering.sosfiltfilt, length=6),
            (x, sections),
        ),
        Row(
            "signal.iir_filter",
            "",
            each(lambda x: iir_filter(x, btype="bandpass", order=1, **BAND), 1),
            lambda x: filtering.sosfiltfilt(x, butterworth_sos(order=1, btype="bandpass", **BAND), length=9),
            (x,),
            everyday=False,
        ),
        Row("signal.fir_filter", "", each(fir_filter, 1), filtering.fir_filter, (x, taps)),
        *_gains(normal(BATCH, 24)),
        Row(
            "signal.frequency_response",
            "",
            each(lambda s: _parts(frequency_response(s, worN=5)).astype(s.dtype), 2),
            lambda s: _parts(filtering.response(s, 5)),
            (sections,),
        ),
        Row(
            "signal.clamp_spectrum",
            "",
            each(lambda x: clamp_spectrum(x, {0.25: 0.5}), 1),
            lambda x: np.where(np.arange(5) == 2, 0.5, x),
            (normal(BATCH, 5),),
        ),
    ]


def _gains(x):
    cutoff = {"cutoff": 0.2}
    for function, options, edges in (
        (bandpass, BAND, BAND),
        (bandstop, BAND, BAND),
        (lowpass, cutoff, {"hi": 0.2}),
        (highpass, cutoff, {"lo": 0.2}),
    ):
        name = function.__name__
        yield Row(
            f"signal.{name}",
            "",
            each(functools.partial(function, padding=3, **options), 1),
            functools.partial(filtering.band_filter, btype=name, padding=3, **edges),
            (x,),
            everyday=function is bandpass,
        )


def _parts(response):
    """Real and imaginary parts in the dtype of the sections, side by side."""
    xp = np if isinstance(response, np.ndarray) else jnp
    return xp.concatenate([response.real, response.imag])
