"""Gains on the frequencies of a series against the definition, and responses of the designs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal as ss
from nitrix.signal import (
    bandpass,
    bandstop,
    bessel_sos,
    bessel_spectrum,
    butterworth_sos,
    butterworth_spectrum,
    chebyshev1_spectrum,
    chebyshev2_spectrum,
    clamp_spectrum,
    elliptic_spectrum,
    frequency_response,
    highpass,
    ideal_spectrum,
    lowpass,
    randn_spectrum,
)
from support import filtering

BAND = {"lo": 0.0625, "hi": 0.2}
FILTERS = {  # name: (function, its edges, the edges of the definition)
    "lowpass": (lowpass, {"cutoff": 0.2}, {"hi": 0.2}),
    "highpass": (highpass, {"cutoff": 0.125}, {"lo": 0.125}),
    "bandpass": (bandpass, BAND, BAND),
    "bandstop": (bandstop, BAND, BAND),
}


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.fast
@pytest.mark.parametrize("ftype", ["maxflat", "ideal", "cosine"])
@pytest.mark.parametrize("name", FILTERS)
def test_filters_are_their_definition(x64, name, ftype):
    """Named regression: the grid of frequencies was in float32 in 64 bits too."""
    function, edges, defined = FILTERS[name]
    options = {"transition": 0.08} if ftype == "cosine" else {"order": 3} if ftype == "maxflat" else {}
    x = normal(2, 32) + 5
    got = function(x, ftype=ftype, **edges, **options)
    np.testing.assert_allclose(
        got, filtering.band_filter(x, name, ftype=ftype, **defined, **options), 0, 1e-12
    )


@pytest.mark.parametrize("obs", [1, 2, 33])
def test_any_length_along_any_axis_with_a_sampling_frequency(x64, obs):
    x = normal(obs, 2)
    got = bandpass(x, fs=0.5, lo=0.03, hi=0.1, axis=0, padding=min(obs - 1, 7))
    want = filtering.band_filter(x.T, "bandpass", fs=0.5, lo=0.03, hi=0.1, padding=min(obs - 1, 7))
    np.testing.assert_allclose(got, want.T, 0, 1e-12)


def test_a_default_transition_is_a_tenth_of_the_range(x64):
    x = normal(2, 32)
    want = lowpass(x, fs=0.5, cutoff=0.1, ftype="cosine", transition=0.025)
    np.testing.assert_array_equal(lowpass(x, fs=0.5, cutoff=0.1, ftype="cosine"), want)


def test_integer_series_are_promoted():
    """Named regression: the gains were truncated to integers with the series, and the result was wrong."""
    x = np.arange(32) ** 2 % 17
    want = filtering.band_filter(x.astype(float), "lowpass", hi=0.2)
    got = lowpass(x, cutoff=0.2)
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, want, 0, 2e-5)


@pytest.mark.parametrize("ftype", ["maxflat", "ideal", "cosine"])
def test_what_a_band_rejects_makes_up_the_series(ftype):
    x = (normal(2, 32) + 1000).astype(np.float32)
    total = bandpass(x, **BAND, ftype=ftype) + bandstop(x, **BAND, ftype=ftype)
    np.testing.assert_allclose(total, x, 0, 3e-4)  # two roundings of 1000


def test_zero_frequency_is_always_rejected_and_an_offset_costs_no_figures():
    x = (normal(2, 32) + 1000).astype(np.float32)
    for ftype in ("maxflat", "ideal", "cosine"):
        for got in (highpass(x, cutoff=0.01, ftype=ftype), bandpass(x, lo=0.001, hi=0.2, ftype=ftype)):
            assert np.abs(np.asarray(got).mean(-1)).max() < 1e-6
    want = filtering.band_filter(np.float64(x), "bandpass", **BAND)
    np.testing.assert_allclose(bandpass(x, **BAND), want, 0, 3e-6)


def test_censored_frames_are_interpolated_and_never_read():
    x, seen = normal(2, 32).astype(np.float32), np.arange(32) % 5 != 2
    filled = np.stack([np.interp(np.arange(32), np.flatnonzero(seen), row[seen]) for row in np.float64(x)])
    got = bandpass(np.where(seen, x, np.nan), **BAND, mask=seen)
    np.testing.assert_allclose(got, filtering.band_filter(filled, "bandpass", **BAND), 0, 3e-6)


def test_narrow_complex_and_empty_series():
    x = normal(2, 32).astype(np.float32)
    assert bandpass(jnp.asarray(x, jnp.bfloat16), **BAND).dtype == jnp.bfloat16
    both = bandpass(x + 1j * x[::-1], **BAND)
    np.testing.assert_allclose(both.imag, bandpass(x, **BAND)[::-1], 0, 1e-6)
    assert bandpass(np.zeros((3, 0)), **BAND).shape == (3, 0)
    assert bandpass(np.zeros((0, 8)), **BAND).shape == (0, 8)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"ftype": "butter"}, ValueError, "ftype='butter' is not known; give 'maxflat', 'ideal' or 'cosine'"),
        ({"transition": 0.1}, ValueError, "transition=0.1 with ftype='maxflat'; give a known"),
        ({"transition": 0.0, "ftype": "cosine"}, ValueError, "transition=0.0"),
        ({"hi": 0.01}, ValueError, "lo=0.0625 Hz must be below hi=0.01 Hz"),
        ({"order": 0}, ValueError, "order=0 must be at least 1"),
        ({"padding": 32}, ValueError, r"X has 32 frames, but an extension by 32 at either end \(padding\)"),
        ({"padding": 1.5}, TypeError, "padding=1.5 must be an integer"),
        ({"axis": 1}, ValueError, r"axis=1 is not one of the 1 axes of X \(32,\)"),
    ],
)
def test_bad_options_are_refused_in_words(options, error, words):
    with pytest.raises(error, match=f"bandpass: {words}"):
        bandpass(np.ones(32), **{**BAND, **options})


def test_responses_equal_scipys(x64):
    sos = butterworth_sos(order=3, btype="bandpass", lo=0.01, hi=0.1)
    want = ss.sosfreqz(sos, np.linspace(0, np.pi, 33))[1]
    np.testing.assert_allclose(frequency_response(sos, worN=33), want, 0, 1e-10)
    np.testing.assert_allclose(jax.jit(lambda s: frequency_response(s, worN=33))(sos), want, 0, 1e-10)
    np.testing.assert_allclose(filtering.response(sos, 33), want, 0, 1e-10)


def test_spectra_are_the_responses_of_the_designs(x64):
    """Bins from 0 to half the sampling frequency, both included; edges in Hz."""
    w, edges = np.linspace(0, np.pi, 17), {"lo": 0.02, "hi": 0.1}
    pairs = [
        (butterworth_spectrum(order=2, worN=17, **edges), ss.butter(2, [0.02, 0.1], "bandpass", fs=1)),
        (
            chebyshev1_spectrum(order=2, worN=17, ripple=0.1, **edges),
            ss.cheby1(2, 0.1, [0.02, 0.1], "bandpass", fs=1),
        ),
        (chebyshev2_spectrum(order=2, worN=17, **edges), ss.cheby2(2, 20, [0.02, 0.1], "bandpass", fs=1)),
        (elliptic_spectrum(order=2, worN=17, **edges), ss.ellip(2, 0.1, 20, [0.02, 0.1], "bandpass", fs=1)),
        (
            bessel_spectrum(order=2, worN=17, norm="mag", **edges),
            ss.bessel(2, [0.02, 0.1], "bandpass", norm="mag", fs=1),
        ),
    ]
    for got, coefficients in pairs:
        assert got.dtype == jnp.complex128
        np.testing.assert_allclose(got[0], ss.freqz(*coefficients, w)[1], 0, 1e-9)


def test_spectra_of_several_filters_and_lists_of_different_lengths():
    got = bessel_spectrum(order=[1, 2], worN=9, btype="lowpass", hi=[0.1, 0.2], fs=1.0)
    for row, order, hi in zip(got, (1, 2), (0.1, 0.2)):
        np.testing.assert_allclose(
            row, frequency_response(bessel_sos(order=order, btype="lowpass", hi=hi), worN=9), 0, 1e-6
        )
    with pytest.raises(
        ValueError, match="order has 2, hi has 3 values; give one for each filter, or a number for all"
    ):
        butterworth_spectrum(order=[1, 2], worN=9, btype="lowpass", hi=[0.1, 0.2, 0.3])


def test_ideal_spectra_include_their_edges():
    """Also where neither the bin nor the edge is a number that binary fractions hold."""
    f = np.linspace(0, 0.5, 11)
    for lo, hi in ((0.05, 0.15), (0.1, 0.3)):
        inside = np.round((f - lo) * (hi - f), 9) >= 0
        np.testing.assert_array_equal(ideal_spectrum(worN=11, lo=lo, hi=hi)[0], inside)
        stopped = np.round((f - lo) * (hi - f), 9) <= 0
        np.testing.assert_array_equal(ideal_spectrum(worN=11, btype="bandstop", lo=lo, hi=hi)[0], stopped)
    np.testing.assert_array_equal(ideal_spectrum(worN=11, btype="lowpass", hi=[0.15])[0], f <= 0.1500001)
    np.testing.assert_array_equal(ideal_spectrum(worN=11, btype="highpass", lo=0.15)[0], f >= 0.1499999)


def test_random_spectra_have_independent_amplitudes_and_phases():
    """Named regression: one key drew both, so that amplitude and phase were the same noise."""
    spectrum = np.asarray(randn_spectrum(worN=500, n_filters=4, key=jax.random.key(0), ampl_loc=10.0))
    amplitude, phase = np.abs(spectrum).ravel(), np.angle(spectrum).ravel()
    assert abs(np.corrcoef(amplitude, phase)[0, 1]) < 0.1
    np.testing.assert_allclose(
        [amplitude.mean(), amplitude.std(), phase.mean(), phase.std()], [10, 0.2, 0, 0.2], 0, 0.02
    )


def test_clamps_are_set_at_the_right_bin():
    """Named regression: dividing by fs, not fs / 2, put the clamp at 0.5 Hz with fs = 2 on bin 2 of 11 instead of 5."""
    got = clamp_spectrum(jnp.ones(11), {0.5: 0.25}, fs=2)
    np.testing.assert_array_equal(got, np.where(np.arange(11) == 5, 0.25, 1))
    rows = clamp_spectrum(
        butterworth_spectrum(order=1, worN=9, btype="lowpass", hi=[0.1, 0.2]), {0: 0, 0.5: 1j}
    )
    np.testing.assert_array_equal(rows[:, [0, 8]], [[0, 1j]] * 2)
    np.testing.assert_array_equal(clamp_spectrum(np.ones(3, np.float32), {}), 1)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: clamp_spectrum(jnp.ones(5), {0.24: 0, 0.26: 1}),
            ValueError,
            "same nearest bin, 2 of 5, at 0.25 Hz",
        ),
        (
            lambda: clamp_spectrum(jnp.ones(5), {0.6: 0}),
            ValueError,
            "a clamp at 0.6 Hz; give known frequencies from 0 to 0.5",
        ),
        (
            lambda: clamp_spectrum(jnp.ones(1), {0.1: 0}),
            ValueError,
            r"spectrum has shape \(1,\); give at least 2 bins",
        ),
        (
            lambda: clamp_spectrum(jnp.ones(5), {0.1: 1j}),
            TypeError,
            "the gain 1j is complex but spectrum is float32",
        ),
        (lambda: ideal_spectrum(worN=1, lo=0.1, hi=0.2), ValueError, "worN=1 must be at least 2"),
        (
            lambda: butterworth_spectrum(order=2, worN=5),
            ValueError,
            "'bandpass' takes lo and hi; given was none",
        ),
    ],
)
def test_bad_spectra_are_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
