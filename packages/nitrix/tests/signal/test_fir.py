"""FIR design against SciPy's, application against the definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal as ss
from nitrix.signal import fir_filter, firls, firwin
from support import filtering
from support.gradients import check_gradients
from support.marks import seldom_but

BANDS = {
    "lowpass": {"hi": 0.1},
    "highpass": {"lo": 0.2},
    "bandpass": {"lo": 0.1, "hi": 0.3},
    "bandstop": {"lo": 0.1, "hi": 0.3},
}


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.fast
@pytest.mark.parametrize("btype", BANDS)
@pytest.mark.parametrize("window", ["hamming", "hann", "blackman", "kaiser", "boxcar"])
def test_window_designs_equal_scipys(window, btype):
    edges = [*BANDS[btype].values()]
    beta = 5.0 if window == "kaiser" else None
    for count in (1, 2, 31, 32):
        if (count % 2 == 0 and btype in ("highpass", "bandstop")) or (count == 2 and window == "hann"):
            continue
        for scale in (True, False):
            got = firwin(
                count, btype=btype, window=window, beta=beta, scale=scale, fs=0.5, **_halved(BANDS[btype])
            )
            named = (window, beta) if beta else window
            want = ss.firwin(count, np.squeeze(edges), window=named, pass_zero=btype, scale=scale, fs=1)
            np.testing.assert_allclose(got, want, 0, 1e-14, err_msg=f"{count} taps")


def _halved(edges):
    return {name: value / 2 for name, value in edges.items()}


@pytest.mark.parametrize("count", [1, 5, 51])
def test_least_squares_designs_equal_scipys(count):
    bands, desired, weight = [0, 0.1, 0.15, 0.3, 0.35, 0.5], [1, 1, 0, 0.5, 0.2, 0], [1, 2, 3]
    want = ss.firls(count, bands, desired, weight=weight, fs=1)
    np.testing.assert_allclose(firls(count, bands, desired, weight=weight), want, 0, 1e-12)
    pairs = np.reshape(bands, (3, 2)) * 0.5
    np.testing.assert_allclose(
        firls(count, pairs, np.reshape(desired, (3, 2)), weight=weight, fs=0.5), want, 0, 1e-12
    )


@pytest.mark.parametrize("method", ["fft", "direct"])
@pytest.mark.parametrize("zero_phase", [True, False])
def test_filters_are_their_definition(x64, method, zero_phase):
    x, taps = normal(2, 3, 150) + 5, normal(31, seed=1)  # of no symmetry
    got = fir_filter(x, taps, zero_phase=zero_phase, method=method)
    np.testing.assert_allclose(got, filtering.fir_filter(x, taps, zero_phase=zero_phase), 0, 1e-12)


@pytest.mark.parametrize("padtype", seldom_but(["even", "constant", None], "even"))
def test_each_extension_is_its_definition(x64, padtype):
    x, taps = normal(20, 3), normal(31, seed=1)
    got = fir_filter(x, taps, padtype=padtype, axis=0)
    np.testing.assert_allclose(got, filtering.fir_filter(x.T, taps, padtype=padtype).T, 0, 1e-12)


def test_without_centre_it_is_lfilter(x64):
    x, taps = normal(2, 3, 150), normal(4, seed=1)
    np.testing.assert_allclose(fir_filter(x, taps, zero_phase=False), ss.lfilter(taps, 1, x), 0, 1e-12)


@pytest.mark.parametrize("count", [127, 257])
def test_many_taps_in_float32_with_an_offset(count):
    """More taps than a stretch has frames, by products and by the transform."""
    x = (normal(3, 400) + 1000).astype(np.float32)
    taps = firwin(count, btype="bandpass", lo=0.01, hi=0.1)
    for method in ("direct", "fft"):
        got = fir_filter(x, taps, method=method)
        np.testing.assert_allclose(got, filtering.fir_filter(np.float64(x), taps), 0, 1e-5)  # of 64 at most


def test_integers_complex_and_narrow_series():
    taps = np.array([0.25, 0.5, 0.25])
    x = np.arange(20) % 7
    want = filtering.fir_filter(x.astype(float), taps)
    assert fir_filter(x, taps).dtype == jnp.float32
    np.testing.assert_allclose(fir_filter(x, taps), want, 0, 1e-6)
    np.testing.assert_allclose(
        fir_filter((x * (1 + 2j)).astype(np.complex64), taps), want * (1 + 2j), 0, 2e-6
    )
    assert fir_filter(jnp.asarray(x, jnp.bfloat16), taps).dtype == jnp.bfloat16
    assert fir_filter(np.zeros((0, 20)), taps).shape == (0, 20)


def test_censored_frames_are_interpolated_and_never_read():
    x, seen = normal(150).astype(np.float32), np.arange(150) % 10 < 7
    taps = firwin(31, btype="lowpass", hi=0.1)
    filled = np.interp(np.arange(150), np.flatnonzero(seen), np.float64(x)[seen])
    got = fir_filter(np.where(seen, x, np.inf), taps, mask=seen)
    np.testing.assert_allclose(got, filtering.fir_filter(filled, taps), 0, 2e-6)


@pytest.mark.slow  # the operation table has first derivatives
@pytest.mark.parametrize("method", ["fft", "direct"])
def test_gradients_in_series_and_taps(x64, method):
    check_gradients(
        lambda x, t: fir_filter(x, t, method=method), normal(20) + 2, normal(5, seed=1), rtol=2e-6
    )


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: fir_filter(np.ones(9), np.ones(4)),
            ValueError,
            "4 taps have no centre; give an odd number, or zero_phase",
        ),
        (
            lambda: fir_filter(np.ones(9), np.ones((3, 1))),
            ValueError,
            r"taps has shape \(3, 1\); give one axis",
        ),
        (lambda: fir_filter(np.ones(9), np.ones(0)), ValueError, r"taps has shape \(0,\); give one axis"),
        (
            lambda: fir_filter(np.ones(9), np.ones(3, np.complex64)),
            TypeError,
            "taps has dtype complex64; give real",
        ),
        (lambda: fir_filter(np.ones(9), np.ones(3), method="gemm"), ValueError, "method='gemm' is not known"),
        (
            lambda: fir_filter(np.ones(9), np.ones(19)),
            ValueError,
            "X has 9 frames, but an extension by 9 .* half of the taps",
        ),
        (
            lambda: firwin(30, btype="highpass", lo=0.1),
            ValueError,
            "numtaps=30 must be odd for btype='highpass'",
        ),
        (
            lambda: firwin(31, btype="lowpass", hi=0.1, window="hanning"),
            ValueError,
            "window='hanning' is not known",
        ),
        (
            lambda: firwin(31, btype="lowpass", hi=0.1, window="kaiser"),
            ValueError,
            "beta=None with window='kaiser'",
        ),
        (lambda: firwin(31, btype="lowpass", hi=0.7), ValueError, "hi=0.7 Hz must be below 0.5 Hz"),
        (lambda: firwin(2, btype="lowpass", hi=0.1, window="hann"), ValueError, "numtaps=2 leaves no tap"),
        (lambda: firls(30, [0, 0.1], [1, 1]), ValueError, "numtaps=30 must be odd"),
        (
            lambda: firls(31, [0, 0.1, 0.2], [1, 1, 0]),
            ValueError,
            "must be pairs of edges in Hz that ascend from 0 to 0.5",
        ),
        (lambda: firls(31, [0, 0.1, 0.2, 0.6], [1, 1, 0, 0]), ValueError, "ascend from 0 to 0.5"),
        (
            lambda: firls(31, [0, 0.1], [1, 1, 0]),
            ValueError,
            "desired has 3 values and weight 1, but bands has 2 edges",
        ),
        (lambda: firls(31, [0, 0.1], [1, 1], weight=[0]), ValueError, "each weight positive and finite"),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_taps_may_be_traced():
    x = normal(20).astype(np.float32)
    slope = jax.grad(lambda t: fir_filter(x, t)[10])(jnp.array([0.25, 0.5, 0.25]))
    np.testing.assert_allclose(slope, x[[11, 10, 9]], 1e-5)
