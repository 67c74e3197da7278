"""Convolutions of time series against their definition, SciPy, and what an older library did wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal
from nitrix.signal import basischan, basisconv2d, polychan, polyconv2d, tsconv, tsconv2d
from support import tsconv as oracles
from support.gradients import check_gradients


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def close(got, want, tolerance=2e-6):
    want = np.asarray(want)
    np.testing.assert_allclose(
        np.float64(got), want, rtol=0, atol=tolerance * max(1, np.abs(want).max(initial=0))
    )


@pytest.mark.fast
@pytest.mark.parametrize(
    ("channels", "taps"),
    [(2, 5), (1, 4), (2, 37), (9, 6)],  # shifted products; in a loop; XLA's convolution
)
@pytest.mark.parametrize(
    ("padding", "zeros"),
    [("SAME", None), ("VALID", (0, 0)), ("CAUSAL", "before"), ("final", "after"), ((3, 0),) * 2],
)
def test_definition(channels, taps, padding, zeros):
    x, weight = normal(2, channels, 50), normal(3, channels, taps, seed=1)
    before, after = {"before": (taps - 1, 0), "after": (0, taps - 1), None: (None, None)}.get(zeros, zeros)
    close(tsconv(x, weight, padding=padding), oracles.tsconv(x, weight, before, after))


def test_one_channel_is_scipys_correlation():
    x, weight = normal(40), normal(7, seed=1)
    want = scipy.signal.correlate(x, weight, mode="same")
    close(tsconv(x[None], weight[None, None])[0], want)


def test_an_impulse_shows_the_kernel_turned_round_and_a_causal_one_sees_no_future():
    x = np.zeros((1, 9), np.float32)
    x[0, 4] = 1
    kernel = np.array([[[1.0, 2.0, 3.0]]], np.float32)
    assert tsconv(x, kernel)[0].tolist() == [0, 0, 0, 3, 2, 1, 0, 0, 0]
    assert tsconv(x, kernel, padding="CAUSAL")[0].tolist() == [0, 0, 0, 0, 3, 2, 1, 0, 0]
    assert tsconv(x, kernel, padding="ANTICAUSAL")[0].tolist() == [0, 0, 3, 2, 1, 0, 0, 0, 0]


def test_an_even_kernel_gives_as_many_frames_as_went_in():
    x, weight = normal(2, 10), normal(1, 2, 4, seed=1)
    assert tsconv(x, weight).shape == (1, 10)
    assert tsconv2d(x[:, None], weight[:, :, None, :].swapaxes(1, 2)[:, :1, :1]).shape == (2, 1, 1, 10)
    padded = np.pad(x, [(0, 0), (1, 2)])  # the extra zero stands behind
    close(tsconv(x, weight), oracles.tsconv(padded, weight, 0, 0))


def test_three_axes_are_a_batch_of_series():
    x, weight = normal(2, 4, 10), normal(3, 1, 1, 3, seed=1)
    got = tsconv2d(x, weight)
    assert got.shape == (2, 3, 4, 10)
    for item, series in zip(got, x):
        close(item, oracles.tsconv2d(series[None], weight))
    assert polychan(x, degree=3).shape == (2, 3, 4, 10)


@pytest.mark.parametrize("rows", [1, 4])
def test_variables_apart_or_joined(rows):
    x, weight, bias = normal(2, 3, 4, 12), normal(5, 3, rows, 3, seed=1), normal(5, seed=2)
    got = tsconv2d(x, weight, bias=bias)
    assert got.shape == (2, 5, 4 if rows == 1 else 1, 12)
    for item, series in zip(got, x):
        close(item, oracles.tsconv2d(series, weight, bias))


def test_the_bias_goes_along_the_outputs_also_where_there_are_as_many_as_frames():
    x, bias = np.zeros((1, 1, 2, 5), np.float32), np.arange(5, dtype=np.float32)
    got = tsconv2d(x, np.ones((5, 1, 1, 3), np.float32), bias=bias)
    np.testing.assert_array_equal(got, np.broadcast_to(bias[:, None, None], (1, 5, 2, 5)))


def test_each_of_several_channels_gets_the_whole_basis():
    x = normal(2, 3, 4, 6)
    got = polychan(x, degree=3, include_const=True)
    want = np.stack([x**k for k in range(4)], axis=2).reshape(2, 12, 4, 6)  # also where degree = channels
    np.testing.assert_allclose(got, want, rtol=1e-6)
    np.testing.assert_allclose(
        basischan(x, [jnp.sin, jnp.square]), np.stack([np.sin(x), x**2], 2).reshape(2, 6, 4, 6), rtol=2e-6
    )


def test_polynomials_and_bases():
    x, weight = normal(2, 1, 4, 9), normal(5, 3, 1, 3, seed=1)
    powers = np.stack([x[:, 0] ** k for k in (1, 2, 3)], 1)
    got = polyconv2d(x, weight)
    for item, series in zip(got, powers):
        close(item, oracles.tsconv2d(series, weight))
    functions = [lambda x: x, jnp.square, lambda x: x * x * x]
    close(basisconv2d(x, weight, functions), got)


def test_the_constant_does_not_fade_at_the_edges():
    x = np.zeros((1, 1, 2, 6), np.float32)
    weight = np.ones((1, 2, 1, 3), np.float32)
    got = polyconv2d(x, weight, include_const=True)
    np.testing.assert_array_equal(got, 3)  # an older library gave 2, 3, ..., 3, 2
    joined = np.ones((1, 2, 2, 3), np.float32)
    np.testing.assert_array_equal(polyconv2d(x, joined, include_const=True), 6)
    two = basisconv2d(np.zeros((1, 2, 2, 6)), np.ones((1, 4, 1, 3)), [jnp.sin], include_const=True)
    np.testing.assert_array_equal(two, 6)


def test_the_derivative_of_powers_at_0_is_finite():
    slope = jax.grad(lambda x: jnp.sum(polychan(x, degree=3, include_const=True)))(jnp.zeros((1, 4)))
    np.testing.assert_array_equal(slope, 1)


def test_integers_are_promoted_and_narrow_floats_summed_wide():
    x, weight = np.arange(-20, 20, dtype=np.int16).reshape(2, 20), normal(1, 2, 3)
    got = tsconv(x, weight)
    assert got.dtype == np.float32
    close(got, oracles.tsconv(x, weight))
    assert polychan(np.array([[200]], np.uint8)).tolist() == [[[200.0]], [[40000.0]]]
    half = jnp.asarray(normal(2, 200), "bfloat16")
    ones = np.ones((1, 2, 101), np.float32)
    got = tsconv(half, ones)
    assert got.dtype == half.dtype
    close(got, oracles.tsconv(np.float64(half), ones), 4e-3)
    close(tsconv(np.array([[2**40, 2**41]]), np.ones((1, 1, 1))), [[2.0**40, 2.0**41]])


@pytest.mark.parametrize(
    ("channels", "taps"),
    [pytest.param(2, 3, marks=pytest.mark.slow), (1, 19), pytest.param(8, 3, marks=pytest.mark.slow)],
)
def test_derivatives(channels, taps, x64):
    x, weight = np.random.default_rng(0).normal(size=(channels, 21)), np.random.default_rng(1)
    check_gradients(lambda x, w: tsconv(x, w), x, weight.normal(size=(2, channels, taps)), order=1)


def test_derivatives_of_a_polynomial(x64):
    x, weight = (
        np.random.default_rng(0).normal(size=(2, 7)),
        np.random.default_rng(1).normal(size=(2, 3, 1, 2)),
    )
    bias = np.array([0.5, -1.0])
    check_gradients(lambda x, w, b: polyconv2d(x, w, bias=b, include_const=True), x, weight, bias, order=1)


def test_empty_series():
    assert tsconv(np.zeros((0, 2, 5)), np.ones((3, 2, 2))).shape == (0, 3, 5)
    assert tsconv(np.zeros((0, 5)), np.ones((3, 0, 2))).tolist() == [[0.0] * 5] * 3


def test_the_module_does_not_hide_the_function():
    import nitrix.signal.tsconv

    assert nitrix.signal.tsconv is tsconv


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: tsconv(np.ones((2, 5)), np.ones((1, 3, 2))),
            ValueError,
            "X.2, 5. has 2 channels but .* for 3",
        ),
        (lambda: tsconv(np.ones(5), np.ones((1, 1, 2))), ValueError, "must be .*channel, time"),
        (
            lambda: tsconv(np.ones((1, 5)), np.ones((1, 1, 0))),
            ValueError,
            "a kernel of 0 frames does not fit",
        ),
        (
            lambda: tsconv(np.ones((1, 2)), np.ones((1, 1, 3)), padding="VALID"),
            ValueError,
            "3 frames does not",
        ),
        (
            lambda: tsconv(np.ones((1, 5)), np.ones((1, 1, 3)), padding="same"),
            ValueError,
            "padding='same' is",
        ),
        (
            lambda: tsconv(np.ones((1, 5)), np.ones((1, 1, 3)), padding=(-1, 2)),
            ValueError,
            r"padding=\(-1, 2\)",
        ),
        (lambda: tsconv(np.ones((1, 5)) * 1j, np.ones((1, 1, 3))), TypeError, "X has dtype complex64; give"),
        (
            lambda: tsconv2d(np.ones((2, 5)), np.ones((1, 2, 1, 3))),
            ValueError,
            "2 channels and has 1 rows, but",
        ),
        (lambda: tsconv2d(np.ones((2, 5)), np.ones((1, 1, 3, 3))), ValueError, "has 3 rows, .*1 or 2, time"),
        (
            lambda: tsconv2d(np.ones((2, 5)), np.ones((1, 1, 1, 3)), bias=np.ones(5)),
            ValueError,
            "bias has shape",
        ),
        (lambda: tsconv2d(np.ones((2, 5)), np.ones((1, 3))), ValueError, "weight has shape"),
        (lambda: polychan(np.ones((2, 5)), degree=0), ValueError, "degree=0 must be at least 1"),
        (lambda: polychan(np.ones(5)), ValueError, "polychan: X has shape .* give .*variable, time"),
        (lambda: basischan(np.ones((2, 5)), []), ValueError, "basis_functions is empty"),
        (lambda: basischan(np.ones((2, 5)), [jnp.sum]), ValueError, r"basis_functions\[0\] makes \(\)"),
        (
            lambda: polyconv2d(np.ones((2, 3, 2, 5)), np.ones((1, 4, 1, 3))),
            ValueError,
            "4 channels for the powers of the 3 of X",
        ),
        (
            lambda: basisconv2d(np.ones((2, 5)), np.ones((1, 1, 1, 3)), [jnp.sin], include_const=True),
            ValueError,
            "1 channels for 1 of X with 2 each, the constant with them; give 2",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
