"""Designs of recursive filters against SciPy's, and what they refuse."""

import jax
import numpy as np
import pytest
import scipy.signal as ss
from nitrix.signal import bessel_sos, butterworth_sos, chebyshev1_sos, chebyshev2_sos, elliptic_sos

BANDS = {  # btype: edges in Hz at fs = 1
    "lowpass": [{"hi": 0.1}, {"hi": 0.005}, {"hi": 0.45}],
    "highpass": [{"lo": 0.15}, {"lo": 0.005}],
    "bandpass": [{"lo": 0.01, "hi": 0.1}, {"lo": 0.007, "hi": 0.07}, {"lo": 0.02, "hi": 0.3}],
    "bandstop": [{"lo": 0.05, "hi": 0.2}, {"lo": 0.15, "hi": 0.4}],
}
DESIGNS = {  # name: (ours, SciPy's, of which the options come first)
    "butterworth": (butterworth_sos, lambda n, *edges, **kw: ss.butter(n, *edges, **kw), {}),
    "chebyshev1": (chebyshev1_sos, lambda n, *edges, **kw: ss.cheby1(n, 0.5, *edges, **kw), {"ripple": 0.5}),
    "chebyshev2": (
        chebyshev2_sos,
        lambda n, *edges, **kw: ss.cheby2(n, 30, *edges, **kw),
        {"attenuation": 30},
    ),
    "elliptic": (
        elliptic_sos,
        lambda n, *edges, **kw: ss.ellip(n, 0.5, 40, *edges, **kw),
        {"ripple": 0.5, "attenuation": 40},
    ),
    **{
        f"bessel {norm}": (
            bessel_sos,
            lambda n, *edges, norm=norm, **kw: ss.bessel(n, *edges, norm=norm, **kw),
            {"norm": norm},
        )
        for norm in ("phase", "delay", "mag")
    },
}


@pytest.mark.fast
@pytest.mark.parametrize("btype", BANDS)
@pytest.mark.parametrize("name", DESIGNS)
def test_sections_equal_scipys(name, btype):
    ours, scipys, options = DESIGNS[name]
    for edges in BANDS[btype]:
        for order in range(1, 9):
            got = ours(order=order, btype=btype, fs=0.5, **{k: v / 2 for k, v in edges.items()}, **options)
            want = scipys(order, np.squeeze([*edges.values()]), btype=btype, fs=1, output="sos")
            np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10, err_msg=f"order {order}, {edges}")
            # The gain of a narrow high order is tiny: the sections' response is checked by itself.
            f = np.linspace(0, np.pi, 64)
            responses = [ss.sosfreqz(sos, f)[1] for sos in (got, want)]
            np.testing.assert_allclose(*responses, rtol=0, atol=1e-9)


@pytest.mark.parametrize("order", [12, 20])
@pytest.mark.parametrize("name", DESIGNS)
def test_high_orders_have_scipys_response(name, order):
    ours, scipys, options = DESIGNS[name]
    got = ours(order=order, btype="lowpass", hi=0.1, **options)
    f = np.linspace(0, np.pi, 64)
    want = scipys(order, 0.1, btype="lowpass", fs=1, output="sos")
    np.testing.assert_allclose(ss.sosfreqz(got, f)[1], ss.sosfreqz(want, f)[1], rtol=0, atol=1e-7)


@pytest.mark.parametrize("btype", BANDS)
def test_edges_have_the_gain_that_is_said(btype):
    edges = BANDS[btype][0]
    w = 2 * np.pi * np.array([*edges.values()])
    ends = {
        "butterworth": np.sqrt(0.5),
        "chebyshev1": 10**-0.025,
        "chebyshev2": 10**-1.5,
        "elliptic": 10**-0.025,
        "bessel mag": np.sqrt(0.5),
    }
    for name, want in ends.items():
        ours, _, options = DESIGNS[name]
        sos = ours(order=3, btype=btype, **edges, **options)
        np.testing.assert_allclose(abs(ss.sosfreqz(sos, w)[1]), want, rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("name", DESIGNS)
def test_filters_are_stable(name):
    ours, _, options = DESIGNS[name]
    for order in range(1, 9):
        sos = ours(order=order, btype="bandpass", fs=1 / 0.7, lo=0.01, hi=0.1, **options)
        assert all(np.abs(np.roots(row[3:])).max() < 1 for row in sos)
        assert sos.dtype == np.float64
        assert sos.shape == (order, 6)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (
            {"btype": "bandpas", "lo": 0.1},
            ValueError,
            "btype='bandpas' is not known; give one of 'lowpass', 'highpass'",
        ),
        ({"btype": "lowpass", "lo": 0.1}, ValueError, "'lowpass' takes hi; given was lo"),
        ({"btype": "bandpass", "lo": 0.1}, ValueError, "'bandpass' takes lo and hi; given was lo"),
        ({"btype": "highpass"}, ValueError, "'highpass' takes lo; given was none"),
        (
            {"btype": "lowpass", "hi": 0.5},
            ValueError,
            r"hi=0.5 Hz must be below 0.5 Hz, half of fs=1.0; fs is 1 / TR",
        ),
        ({"btype": "lowpass", "hi": 0.0}, ValueError, "hi=0.0 Hz must be positive and finite"),
        ({"btype": "lowpass", "hi": float("nan")}, ValueError, "hi=nan Hz must be positive and finite"),
        ({"btype": "lowpass", "hi": 0.1, "fs": -1}, ValueError, "fs=-1.0 Hz must be positive and finite"),
        ({"btype": "bandstop", "lo": 0.2, "hi": 0.1}, ValueError, "lo=0.2 Hz must be below hi=0.1 Hz"),
        ({"btype": "lowpass", "hi": 0.1, "order": 0}, ValueError, "order=0 must be at least 1"),
        ({"btype": "lowpass", "hi": 0.1, "order": 2.5}, TypeError, "order=2.5 must be an integer"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_bad_bands_are_refused_in_words(options, error, words):
    with pytest.raises(error, match=f"butterworth_sos: .*{words}"):
        butterworth_sos(**{"order": 2, **options})


@pytest.mark.usefixtures("unchecked")
def test_bad_decibels_and_norms_are_refused_in_words():
    low = {"order": 2, "btype": "lowpass", "hi": 0.1}
    with pytest.raises(ValueError, match="ripple=0 dB must be a known number, positive"):
        chebyshev1_sos(**low, ripple=0)
    with pytest.raises(ValueError, match="attenuation=inf dB"):
        chebyshev2_sos(**low, attenuation=float("inf"))
    with pytest.raises(ValueError, match=r"attenuation=1.0 dB must be more than ripple=3.0 dB"):
        elliptic_sos(**low, ripple=3, attenuation=1)
    with pytest.raises(
        ValueError, match="norm='amplitude' is not known; give one of 'phase', 'delay', 'mag'"
    ):
        bessel_sos(**low, norm="amplitude")
    with pytest.raises(TypeError, match="hi is traced; filters are designed on the host"):
        jax.jit(lambda hi: butterworth_sos(order=1, btype="lowpass", hi=hi))(0.1)
