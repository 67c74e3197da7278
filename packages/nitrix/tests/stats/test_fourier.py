"""Spectral filters and analytic signals against sums over frequencies, SciPy and NumPy."""

import importlib

import jax
import jax.numpy as jnp
import nitrix.signal
import nitrix.stats
import numpy as np
import pytest
from nitrix.stats import (
    analytic_signal,
    env_inst,
    envelope,
    hilbert_transform,
    instantaneous_frequency,
    instantaneous_phase,
    product_filter,
    product_filtfilt,
    unwrap,
)
from support import fourier as oracle
from support.gradients import check_gradients
from support.marks import seldom_but

RNG = np.random.default_rng(0)
EVEN, ODD = RNG.normal(size=(3, 12)), RNG.normal(size=(3, 11))
COMPLEX = RNG.normal(size=7) + 1j * RNG.normal(size=7)
FILTERS = (product_filter, product_filtfilt)
SIGNALS = (
    analytic_signal,
    env_inst,
    envelope,
    hilbert_transform,
    instantaneous_frequency,
    instantaneous_phase,
)
NAMES = [f.__name__ for f in (*FILTERS, *SIGNALS, unwrap)]


@pytest.mark.fast
@pytest.mark.parametrize("n", [12, 11])
@pytest.mark.parametrize("squared", [False, True])
def test_filters_match_the_definition(n, squared, x64):
    function, x = (product_filtfilt if squared else product_filter), EVEN[:, :n]
    for weight in (RNG.normal(size=n // 2 + 1), RNG.normal(size=(3, n // 2 + 1)) * COMPLEX[: n // 2 + 1]):
        np.testing.assert_allclose(
            function(x, weight), oracle.filtered(x, weight, squared=squared), 1e-12, 1e-13
        )


@pytest.mark.parametrize("n", [8, 15])
def test_a_length_crops_or_pads(n, x64):
    weight = RNG.normal(size=n // 2 + 1)
    np.testing.assert_allclose(
        product_filter(EVEN, weight, n=n), oracle.filtered(EVEN, weight, n), 1e-12, 1e-13
    )
    np.testing.assert_allclose(analytic_signal(EVEN, n=n), oracle.analytic(EVEN, n), 1e-12, 1e-13)


# Of the older library: the length came from the last axis, whatever the axis; gains at the ends lost their phase.


@pytest.mark.parametrize("axis", [0, -2, 1])
def test_filters_work_along_any_axis(axis, x64):
    x = RNG.normal(size=(5, 12, 4)) if axis != 0 else RNG.normal(size=(12, 5, 4))
    weight = RNG.normal(size=7)
    moved = np.moveaxis(x, axis, -1)
    got = product_filter(x, weight, axis=axis)
    np.testing.assert_allclose(got, np.moveaxis(oracle.filtered(moved, weight), -1, axis), 1e-12, 1e-13)
    np.testing.assert_allclose(
        hilbert_transform(x, axis=axis), np.moveaxis(oracle.analytic(moved).imag, -1, axis), 1e-12, 1e-13
    )


def test_filtering_both_ways_has_the_squared_gain_at_zero_and_at_the_nyquist_frequency_too(x64):
    flat, fastest = np.ones(12), np.resize([1.0, -1.0], 12)
    gain = np.full(7, 0.928 + 0.671j)
    for x in (flat, fastest, EVEN):
        np.testing.assert_allclose(product_filtfilt(x, gain), abs(gain[0]) ** 2 * x, 1e-12, 1e-13)


def test_a_bank_of_filters_broadcasts(x64):
    bank = RNG.normal(size=(4, 1, 7))
    got = product_filter(EVEN, bank)
    assert got.shape == (4, 3, 12)
    np.testing.assert_allclose(got[2], oracle.filtered(EVEN, bank[2, 0]), 1e-12, 1e-13)
    np.testing.assert_allclose(product_filter(EVEN.T, bank, axis=0), np.swapaxes(got, 1, 2), 1e-12, 1e-13)


@pytest.mark.fast
@pytest.mark.parametrize("x", [EVEN, ODD], ids=["even", "odd"])
def test_analytic_signal_matches_the_definition_and_scipy(x, x64):
    scipy_signal = pytest.importorskip("scipy.signal")
    got = analytic_signal(x)
    np.testing.assert_allclose(got, oracle.analytic(x), 1e-12, 1e-13)
    np.testing.assert_allclose(got, scipy_signal.hilbert(x), 1e-12, 1e-13)
    np.testing.assert_array_equal(got.real, x)
    np.testing.assert_array_equal(hilbert_transform(x), got.imag)
    np.testing.assert_allclose(envelope(x), np.abs(oracle.analytic(x)), 1e-12)


@pytest.mark.fast
@pytest.mark.parametrize(
    "options", [{}, {"period": 1.5}, {"discont": 4.0}, {"period": 4.0, "discont": 3.0}], ids=str
)
def test_unwrap_agrees_with_numpy(options, x64):
    phase = 4 * RNG.normal(size=(3, 40))
    phase[1] = np.arange(40) * np.pi  # steps of just half a turn
    phase[2] = -np.arange(40) * 3.0
    np.testing.assert_allclose(unwrap(phase, **options), np.unwrap(phase, **options), 1e-12, 1e-12)
    np.testing.assert_allclose(
        unwrap(phase.T, axis=0, **options), np.unwrap(phase, **options).T, 1e-12, 1e-12
    )
    whole = np.array([0, 3, 1, 2])
    np.testing.assert_array_equal(unwrap(whole, period=4), np.unwrap(whole, period=4))


def test_rounding_does_not_add_up_along_an_unwrapped_series():
    turns = np.float64(0.3) * np.arange(20_000)
    wrapped = np.float32((turns + 0.5) % 1 - 0.5)
    np.testing.assert_allclose(unwrap(wrapped, period=1.0), turns, 2e-7)


# Of the older library: the angle was in radians whatever the period.


@pytest.mark.fast
def test_frequency_is_in_units_of_fs_and_phase_in_units_of_period():
    t = np.arange(200) / 100
    x = np.float32(np.cos(2 * np.pi * 7 * t))
    for period in (1.0, 2 * np.pi, 360.0):
        np.testing.assert_allclose(instantaneous_frequency(x, fs=100.0, period=period), 7, 1e-4)
        np.testing.assert_allclose(instantaneous_phase(x, period=period), 7 * t * period, atol=1e-4 * period)


def test_all_three_come_in_the_order_envelope_frequency_phase(x64):
    t = np.arange(240) / 40
    x = (2 + np.cos(t)) * np.sin(2 * np.pi * (3 * t + 0.2 * t**2))
    found = env_inst(x, fs=40.0, period=1.0)
    assert found._fields == ("envelope", "frequency", "phase")
    z = oracle.analytic(x)
    np.testing.assert_allclose(found[0], np.abs(z), 1e-10)
    phase = np.unwrap(np.angle(z)) / (2 * np.pi)
    np.testing.assert_allclose(found[1], 40 * np.diff(phase), 1e-9)
    np.testing.assert_allclose(found[2], phase, 1e-10)
    np.testing.assert_array_equal(instantaneous_phase(x, period=1.0), found.phase)
    np.testing.assert_array_equal(instantaneous_frequency(x, fs=40.0), found.frequency)
    np.testing.assert_array_equal(envelope(x), found.envelope)


# Of the older library: integer series truncated what they met, and x64 met float32 grids.


def test_integers_are_promoted_and_64_bits_kept():
    whole = RNG.integers(-9, 9, (3, 12))
    weight = RNG.uniform(size=7)
    np.testing.assert_allclose(product_filter(whole, weight), oracle.filtered(whole, weight), 1e-5, 1e-5)
    np.testing.assert_allclose(
        product_filter(np.float32(whole), np.arange(7)), oracle.filtered(whole, np.arange(7)), 1e-4, 1e-4
    )
    np.testing.assert_allclose(envelope(whole * 2**40), np.abs(oracle.analytic(whole)) * 2**40, 1e-5)
    with jax.enable_x64(True):
        for out in (product_filter(whole, weight), envelope(EVEN), unwrap(EVEN), *env_inst(EVEN)):
            assert out.dtype == jnp.float64


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_floats_come_back_as_they_were(dtype):
    x = jnp.asarray(EVEN, dtype)
    for out in (product_filter(x, np.ones(7)), hilbert_transform(x), unwrap(x), *env_inst(x)):
        assert out.dtype == dtype
    assert analytic_signal(x).dtype == jnp.complex64
    np.testing.assert_allclose(np.float64(product_filter(x, np.ones(7))), np.float64(x), 1e-2)


def test_a_zero_series_has_finite_gradients():
    def loss(x):
        return sum(jnp.sum(part) for part in env_inst(x)) + jnp.sum(envelope(x) ** 2)

    x = np.stack([np.zeros(8), np.ones(8), np.eye(8)[2]]).astype(np.float32)
    value, gradient = jax.jit(jax.value_and_grad(loss))(x)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[0], 0)


@pytest.mark.parametrize(
    "name", seldom_but(["filter", "filtfilt", "envelope", "phase", "frequency"], "phase")
)
def test_gradients(name, x64):
    x = EVEN[:1, :8]
    functions = {
        "filter": (product_filter, COMPLEX.real[:5]),
        "filtfilt": (product_filtfilt, COMPLEX.real[:5]),
        "envelope": (envelope,),
        "phase": (lambda x: instantaneous_phase(x, period=1.0),),
        "frequency": (lambda x, fs: instantaneous_frequency(x, fs=fs), np.ones(())),
    }
    function, *others = functions[name]
    check_gradients(function, x, *others, order=1, rtol=1e-5)


def test_adjoint_of_a_filter(x64):
    weight = RNG.normal(size=7)
    forward = lambda x: product_filter(x, weight)
    (back,) = jax.vjp(forward, EVEN)[1](jnp.asarray(EVEN[::-1]))
    np.testing.assert_allclose(jnp.vdot(forward(EVEN), EVEN[::-1]), jnp.vdot(EVEN, back), 1e-12)


@pytest.mark.fast
@pytest.mark.parametrize("name", NAMES)
def test_the_names_are_found_in_stats_and_in_signal(name):
    function = getattr(nitrix.stats, name)
    for module in ("nitrix.signal", "nitrix.stats.fourier", "nitrix.signal.fourier"):
        assert getattr(importlib.import_module(module), name) is function
    assert nitrix.signal.fourier.envelope is envelope


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: analytic_signal(EVEN * 1j),
            TypeError,
            "analytic_signal: X has dtype complex64; give real numbers",
        ),
        (
            lambda: envelope(EVEN, axis=2),
            ValueError,
            r"envelope: axis=2 is none of X, whose shape is \(3, 12\)",
        ),
        (lambda: envelope(EVEN, n=0), ValueError, "envelope: n=0 must be at least 1"),
        (
            lambda: envelope(EVEN[:, :0]),
            ValueError,
            r"envelope: X has no samples along axis -1, shape \(3, 0\)",
        ),
        (lambda: envelope(np.float32(1)), ValueError, r"envelope: axis=-1 is none of X, whose shape is \(\)"),
        (
            lambda: product_filter(EVEN, np.ones(12)),
            ValueError,
            r"product_filter: weight has shape \(12,\) but series of 12 samples have 7 frequencies",
        ),
        (
            lambda: product_filtfilt(EVEN, np.ones((2, 7))),
            ValueError,
            r"product_filtfilt: weight has shape \(2, 7\); its leading axes do not broadcast with \(3,\) of X",
        ),
        (
            lambda: instantaneous_phase(EVEN, period=0.0),
            ValueError,
            "instantaneous_phase: period=0.0 must be",
        ),
        (lambda: env_inst(EVEN, fs=-1.0), ValueError, "env_inst: fs=-1.0 must be finite and positive"),
        (lambda: unwrap(EVEN, period=np.inf), ValueError, "unwrap: period=inf must be finite and positive"),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words, unchecked):
    with pytest.raises(error, match=words):
        call()
