"""`sosfiltfilt` and `iir_filter`: SciPy's numbers, float32 at slow frequencies, censored frames, derivatives."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal as ss
from nitrix.signal import (
    bessel_sos,
    butterworth_sos,
    chebyshev1_sos,
    chebyshev2_sos,
    elliptic_sos,
    iir_filter,
    sosfilt,
    sosfiltfilt,
)
from support import filtering
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but
from support.memory import compiled_memory, form

BAND = butterworth_sos(order=2, btype="bandpass", lo=0.02, hi=0.1)
LOW = butterworth_sos(order=3, btype="lowpass", hi=0.05)
HIGH = butterworth_sos(order=4, btype="highpass", lo=0.2)
quick = functools.partial(jax.jit, compiler_options=QUICK_COMPILE)
SLOW = {"btype": "bandpass", "lo": 0.01, "hi": 0.1}


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_the_oracle_is_scipys_filter():
    x = normal(2, 40)
    for padtype in ("odd", "even", "constant", None):
        want = ss.sosfiltfilt(BAND, x, padtype=padtype, padlen=9)
        np.testing.assert_allclose(filtering.sosfiltfilt(x, BAND, length=9, padtype=padtype), want, 0, 1e-12)


@pytest.mark.fast
@pytest.mark.parametrize("padtype", seldom_but(["odd", "even", "constant", None], "odd"))
def test_equals_scipy_with_each_extension(x64, padtype):
    x = normal(2, 3, 150) + 5
    np.testing.assert_allclose(
        sosfiltfilt(x, BAND, padtype=padtype), ss.sosfiltfilt(BAND, x, padtype=padtype), 0, 1e-12
    )


@pytest.mark.parametrize("sos", [BAND, LOW, pytest.param(HIGH, marks=pytest.mark.slow)])
def test_default_length_of_the_extension_is_scipys(x64, sos):
    x = normal(2, 3, 150)
    np.testing.assert_allclose(sosfiltfilt(x, sos), ss.sosfiltfilt(sos, x), 0, 1e-12)


@pytest.mark.parametrize(
    "obs", seldom_but([8, 64, 116], 116)
)  # stretches of 64: short, a multiple, and a multiple with the extension
def test_equals_scipy_at_lengths_around_a_stretch(x64, obs):
    x = normal(2, obs, 3)
    want = ss.sosfiltfilt(LOW, x, axis=1, padlen=6)
    np.testing.assert_allclose(sosfiltfilt(x, LOW, axis=1, padlen=6), want, 0, 1e-12)


@pytest.mark.parametrize("order", seldom_but(range(1, 9), 2, 8))
def test_float32_at_slow_frequencies_and_offsets(order):
    """Orders 1 to 8, 0.01 to 0.1 Hz, TR of 0.7, 2 and 3 s: the bound of the docstring, offset or not."""
    for tr in (0.7, 2.0, 3.0):
        sos = butterworth_sos(order=order, fs=1 / tr, **SLOW)
        for offset in (0, 1000):
            x = (normal(4, 300) + offset).astype(np.float32)
            want = ss.sosfiltfilt(sos, np.float64(x))
            error = np.abs(np.asarray(sosfiltfilt(x, sos)) - want).max()
            assert error < 2e-6 * np.abs(x - x.mean()).max(), (tr, offset)


def test_float32_of_low_and_high_passes_of_every_kind():
    x = (normal(4, 300) + 100).astype(np.float32)
    for design, options in (
        (butterworth_sos, {}),
        (chebyshev1_sos, {"ripple": 0.5}),
        (chebyshev2_sos, {"attenuation": 40}),
        (elliptic_sos, {"ripple": 0.5, "attenuation": 40}),
        (bessel_sos, {}),
    ):
        for btype, edge in (("lowpass", {"hi": 0.1}), ("highpass", {"lo": 0.01})):
            sos = design(order=4, fs=1 / 0.7, btype=btype, **edge, **options)
            want = ss.sosfiltfilt(sos, np.float64(x))
            error = np.abs(np.asarray(sosfiltfilt(x, sos)) - want).max()
            assert error < 2e-6 * np.abs(x - x.mean()).max() + 6e-8 * np.abs(want).max(), (design, btype)


def test_a_constant_passes_a_low_pass_and_not_a_band():
    x = np.full((4, 300), 1234.5, np.float32)
    np.testing.assert_allclose(sosfiltfilt(x, LOW, padlen=15), 1234.5, 1e-6)
    np.testing.assert_allclose(sosfiltfilt(x, BAND), 0, 0, 1234.5e-7)


def test_the_gain_is_squared_and_there_is_no_delay():
    """`LOW` ends at 0.05 Hz, where its gain is 1 / sqrt(2)."""
    waves = np.sin(2 * np.pi * 0.05 * np.arange(300) + np.arange(4)[:, None]).astype(np.float32)
    np.testing.assert_allclose(
        sosfiltfilt(waves, LOW, padlen=15)[:, 120:180], 0.5 * waves[:, 120:180], 0, 1e-5
    )


@pytest.mark.parametrize("count", seldom_but([43, 44], 43))  # with lines left over, and without
def test_many_series_are_filtered_in_blocks(monkeypatch, count):
    monkeypatch.setattr("nitrix.signal.filter._lines.BLOCK", 8 * 100)
    x = normal(count, 70).astype(np.float32)
    np.testing.assert_allclose(sosfiltfilt(x, BAND), ss.sosfiltfilt(BAND, np.float64(x)), 0, 2e-6)


def test_censored_frames_are_interpolated_and_never_read():
    x = normal(2, 3, 150).astype(np.float32)
    seen = np.arange(150) % 10 < 7
    filled = np.stack(
        [
            [np.interp(np.arange(150), np.flatnonzero(seen), row[seen]) for row in rows]
            for rows in np.float64(x)
        ]
    )
    want = ss.sosfiltfilt(BAND, filled)
    dirty = np.where(seen, x, np.nan)
    np.testing.assert_allclose(sosfiltfilt(dirty, BAND, mask=seen), want, 0, 2e-6)
    np.testing.assert_allclose(
        iir_filter(dirty, order=2, btype="bandpass", lo=0.02, hi=0.1, mask=seen), want, 0, 2e-6
    )
    gradient = quick(jax.grad(lambda x: (sosfiltfilt(x, BAND, mask=seen) ** 2).sum()))(dirty)
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[..., ~seen], 0)


@pytest.mark.slow
def test_each_channel_may_have_its_own_mask(x64):
    x = normal(150, 2)
    seen = np.stack([np.arange(150) % 7 != 3, np.arange(150) % 5 != 1], axis=1)
    filled = np.stack(
        [np.interp(np.arange(150), np.flatnonzero(m), row[m]) for row, m in zip(x.T, seen.T)], axis=1
    )
    got = sosfiltfilt(np.where(seen, x, np.nan), BAND, axis=0, mask=seen)
    np.testing.assert_allclose(got, ss.sosfiltfilt(BAND, filled, axis=0), 0, 1e-12)


def test_iir_filter_designs_and_applies(x64):
    x = normal(2, 3, 150)
    band = {"fs": 0.5, "btype": "bandpass", "lo": 0.01, "hi": 0.05}
    for ftype, design, options in (
        ("chebyshev1", chebyshev1_sos, {"ripple": 1}),
        ("elliptic", elliptic_sos, {"ripple": 1, "attenuation": 30}),
        ("bessel", bessel_sos, {"norm": "mag"}),
    ):
        sos = design(order=2, **band, **options)
        got = iir_filter(x, order=2, ftype=ftype, **band, **options)
        np.testing.assert_allclose(got, ss.sosfiltfilt(sos, x), 0, 1e-12)
    causal = iir_filter(x, order=2, zero_phase=False, **band)
    np.testing.assert_allclose(causal, ss.sosfilt(butterworth_sos(order=2, **band), x), 0, 1e-12)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ftype": "butter"}, "ftype='butter' is not known; give one of 'butterworth', 'chebyshev1'"),
        ({"ftype": "elliptic", "ripple": 1}, "ftype='elliptic' needs attenuation, in dB"),
        ({"norm": "mag"}, "norm='mag' has no meaning for ftype='butterworth'; leave it out"),
    ],
)
def test_iir_filter_refuses_options_that_do_not_fit(options, words):
    with pytest.raises(ValueError, match=words):
        iir_filter(np.ones(99), btype="lowpass", hi=0.1, **options)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("obs", "options", "error", "words"),
    [
        (
            15,
            {},
            ValueError,
            "X has 15 frames, but an extension by 15 at either end .padlen. takes at least 16; give a smaller",
        ),
        (
            50,
            {"padtype": "reflect"},
            ValueError,
            "padtype='reflect' is not known; give one of 'odd', 'even', 'constant'",
        ),
        (50, {"padlen": -1}, ValueError, "padlen=-1 must not be negative"),
        (50, {"mask": np.ones(49, bool)}, ValueError, r"mask has shape \(49,\)"),
        (50, {"mask": np.ones(50, np.float32)}, TypeError, "mask has dtype float32; give truth values"),
        (50, {"mask": np.ones((2, 3, 50), bool)}, ValueError, r"mask has shape \(2, 3, 50\)"),
    ],
)
def test_bad_input_is_refused_in_words(obs, options, error, words):
    with pytest.raises(error, match=f"sosfiltfilt: {words}"):
        sosfiltfilt(np.ones((3, obs)), BAND, **options)


def test_a_pole_at_zero_frequency_is_refused():
    with pytest.raises(ValueError, match="pole at zero frequency .* use sosfilt"):
        sosfiltfilt(np.ones(50), np.array([[1.0, 0, 0, 1, -1, 0]]))


def test_traced_sections_give_the_same_numbers():
    x = normal(2, 150).astype(np.float32) + 100
    sos = butterworth_sos(order=4, **SLOW)
    got = quick(lambda x, s: sosfiltfilt(x, s, padlen=27))(x, jnp.asarray(sos, jnp.float32))
    want = ss.sosfiltfilt(np.float64(np.float32(sos)), np.float64(x), padlen=27)
    np.testing.assert_allclose(got, want, 0, 1e-5)


@pytest.mark.slow  # the operation table has first derivatives
def test_gradients_in_series_and_sections(x64):
    sos = butterworth_sos(order=2, btype="lowpass", hi=0.1)
    check_gradients(lambda x, sos: sosfiltfilt(x, sos, padlen=6), normal(70) + 2, sos, rtol=2e-6)


@pytest.mark.parametrize("filtered", [pytest.param(sosfilt, marks=pytest.mark.slow), sosfiltfilt])
def test_the_adjoint_is_the_filter_of_the_cotangent(x64, filtered):
    """<A x, y> = <x, A' y> with A' from reverse mode, and A linear."""
    x, y = normal(150), normal(150, seed=1)

    @quick
    def both(x, y):
        value, pullback = jax.vjp(lambda x: filtered(x, BAND), x)
        return jnp.vdot(value, y), jnp.vdot(x, pullback(y)[0])

    np.testing.assert_allclose(*both(x, y), 1e-12)


def test_a_gradient_takes_few_copies_of_the_series():
    """Not one state for each frame: these would be 8 copies here."""
    sos = butterworth_sos(order=2, **SLOW)
    loss = lambda x: (sosfiltfilt(x, sos) ** 2).sum()
    memory = compiled_memory(jax.grad(loss), form(400, 600))
    assert memory.temporaries < 5 * 4 * 400 * 600
