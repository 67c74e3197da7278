"""`sosfilt`: SciPy's numbers, states, dtypes, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal as ss
from nitrix.signal import butterworth_sos, sosfilt
from support import filtering
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but

BAND = butterworth_sos(order=2, btype="bandpass", lo=0.02, hi=0.1)
LOW = butterworth_sos(order=3, btype="lowpass", hi=0.05)  # its last delay is 0
HIGH = butterworth_sos(order=4, btype="highpass", lo=0.2)
TWO_SECTIONS = {"band": BAND, "low": LOW, "high": HIGH}  # of one shape, so of one compilation


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_the_oracle_is_scipys_filter():
    x, zi = normal(2, 30), normal(2, 2, 2)
    got, last = filtering.sosfilt(x, BAND, zi)
    want, want_last = ss.sosfilt(BAND, x, zi=zi)
    np.testing.assert_allclose(got, want, 0, 1e-13)
    np.testing.assert_allclose(last, want_last, 0, 1e-13)
    np.testing.assert_allclose(filtering.steady_state(LOW), ss.sosfilt_zi(LOW), 1e-9)


@pytest.mark.fast
@pytest.mark.parametrize(
    "obs", seldom_but([1, 64, 150], 150)
)  # less than a stretch, one, and two with some left
def test_equals_scipy_with_states(x64, obs):
    x, zi = normal(2, 3, obs), normal(2, 2, 3, 2, seed=1)
    for name, sos in TWO_SECTIONS.items():
        got, last = sosfilt(x, sos, zi=zi)
        want, want_last = ss.sosfilt(sos, x, zi=zi)
        np.testing.assert_allclose(got, want, 0, 1e-12, err_msg=name)
        np.testing.assert_allclose(last, want_last, 0, 1e-12, err_msg=name)


def test_equals_scipy_from_rest_along_another_axis(x64):
    x = normal(3, 150, 2) + 5
    for name, sos in TWO_SECTIONS.items():
        want = ss.sosfilt(sos, x, axis=1)
        np.testing.assert_allclose(sosfilt(x, sos, axis=1), want, 0, 1e-12, err_msg=name)
        np.testing.assert_allclose(sosfilt(x, 2 * sos, axis=-2), want, 0, 1e-12, err_msg="a0 divides")


@pytest.mark.slow
def test_a_state_along_another_axis_is_scipys(x64):
    x, zi = normal(3, 70, 2), normal(2, 3, 2, 2)
    got, last = sosfilt(x, BAND, axis=1, zi=zi)
    want, want_last = ss.sosfilt(BAND, x, axis=1, zi=zi)
    np.testing.assert_allclose(got, want, 0, 1e-12)
    np.testing.assert_allclose(last, want_last, 0, 1e-12)


@pytest.mark.slow
def test_a_series_filtered_in_two_pieces_is_the_series_filtered_whole(x64):
    x = normal(150)
    first, state = sosfilt(x[:75], BAND, zi=np.zeros((2, 2)))
    second, _ = sosfilt(x[75:], BAND, zi=state)
    np.testing.assert_allclose(np.concatenate([first, second]), sosfilt(x, BAND), 0, 1e-12)


@pytest.mark.parametrize("order", seldom_but([4, 5, 6, 8], 8))
def test_direct_form_diverges_in_float32_and_these_sections_do_not(order):
    """Named regression: a Butterworth band of 0.01-0.1 Hz at 1 Hz was 20 % off at order 4 and NaN from order 5 on."""
    x = normal(3, 2000).astype(np.float32)
    sos = butterworth_sos(order=order, btype="bandpass", lo=0.01, hi=0.1)
    want = ss.sosfilt(sos, np.float64(x))
    assert np.abs(np.asarray(sosfilt(x, sos)) - want).max() < 2e-6 * np.abs(want).max()


def test_an_offset_costs_no_figures_once_its_response_is_over():
    x = (normal(3, 2000) + 1000).astype(np.float32)
    sos = butterworth_sos(order=8, btype="bandpass", lo=0.01, hi=0.1)
    error = np.abs(np.asarray(sosfilt(x, sos)) - ss.sosfilt(sos, np.float64(x)))
    assert error.max() < 1e-6 * 1000
    assert error[:, 1000:].max() < 5e-6


def test_an_integrator_is_not_made_worse():
    leaky = np.array([[1.0, 0.0, 0.0, 1.0, -0.9999, 0.0]])
    whole = np.array([[1.0, 0.0, 0.0, 1.0, -1.0, 0.0]])
    x = np.full((1, 150), 0.5, np.float32)
    np.testing.assert_allclose(sosfilt(x, leaky), ss.sosfilt(leaky, np.float64(x)), 1e-5)
    np.testing.assert_allclose(sosfilt(x, whole)[0], 0.5 * np.arange(1, 151), 1e-6)


def test_integers_are_promoted():
    x = np.arange(-20, 130)
    got = sosfilt(x, BAND)
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, ss.sosfilt(BAND, x.astype(float)), 0, 2e-5)
    wide = np.array([2**40, -(2**41), 2**40] * 50)  # beyond int32
    np.testing.assert_allclose(sosfilt(wide, BAND), ss.sosfilt(BAND, wide.astype(float)), 0, 2.0**41 * 1e-6)


@pytest.mark.parametrize("dtype", seldom_but(["bfloat16", "float16"], "bfloat16"))
def test_narrow_floats_are_filtered_in_float32(dtype):
    x = jnp.asarray(normal(1, 150), dtype)
    got = sosfilt(x, BAND)
    assert got.dtype == dtype
    want = ss.sosfilt(BAND, np.float64(x))
    np.testing.assert_allclose(
        np.float64(got), want, 0, (8e-3 if dtype == "bfloat16" else 1e-3) * np.abs(want).max()
    )


def test_complex_series_are_filtered_part_by_part(x64):
    x, zi = normal(2, 70) + 1j * normal(2, 70, seed=1), normal(2, 2, 2) + 1j
    got, last = sosfilt(x, BAND, zi=zi)
    np.testing.assert_allclose(
        got, ss.sosfilt(BAND, x.real, zi=zi.real)[0] + 1j * ss.sosfilt(BAND, x.imag, zi=zi.imag)[0], 0, 1e-12
    )
    np.testing.assert_allclose(last, ss.sosfilt(BAND, x, zi=zi)[1], 0, 1e-12)


@pytest.mark.slow  # sosfiltfilt does the same
def test_many_series_are_filtered_in_blocks(monkeypatch):
    monkeypatch.setattr("nitrix.signal.filter._lines.BLOCK", 8 * 70)
    x = normal(43, 70).astype(np.float32)
    np.testing.assert_allclose(sosfilt(x, BAND), ss.sosfilt(BAND, np.float64(x)), 0, 2e-6)


@pytest.mark.parametrize("order", seldom_but([2, 8], 8))
def test_traced_sections_give_the_same_numbers(order):
    x = normal(2, 150).astype(np.float32)
    sos = butterworth_sos(order=order, btype="bandpass", lo=0.01, hi=0.1)
    got = jax.jit(sosfilt, compiler_options=QUICK_COMPILE)(x, jnp.asarray(sos, jnp.float32))
    rounded = np.float64(np.float32(sos))
    np.testing.assert_allclose(got, ss.sosfilt(rounded, np.float64(x)), 0, 5e-6)


@pytest.mark.slow  # the operation table has first derivatives
def test_gradients_in_series_sections_and_state(x64):
    x, zi = normal(70), 0.1 * normal(1, 2, seed=2)
    sos = butterworth_sos(order=2, btype="lowpass", hi=0.1)

    def filtered(x, sos, zi):
        y, last = sosfilt(x, sos, zi=zi)
        return jnp.concatenate([y, last[0]])

    check_gradients(filtered, x, sos, zi, rtol=2e-6)


def test_empty_series_stay_empty():
    assert sosfilt(np.zeros((0, 5)), BAND).shape == (0, 5)
    assert sosfilt(np.zeros((3, 0)), BAND).shape == (3, 0)
    y, zf = sosfilt(np.zeros((3, 0)), BAND, zi=np.ones((2, 3, 2)))
    assert y.shape == (3, 0)
    np.testing.assert_array_equal(zf, 1)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (
            (np.ones(5), np.ones((2, 5))),
            ValueError,
            r"sos has shape \(2, 5\); give one row \(b0, b1, b2, a0, a1, a2\)",
        ),
        ((np.ones(5), np.zeros((1, 6))), ValueError, r"sos must be finite and its a0 \(column 3\) not zero"),
        ((np.ones(5), np.ones((1, 6), complex)), TypeError, "sos has dtype complex128; give real numbers"),
        ((np.array(["a"]), BAND), TypeError, "X has dtype <U1; give an array of numbers"),
        ((np.float32(1), BAND), ValueError, r"axis=-1 is not one of the 0 axes of X \(\)"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_bad_input_is_refused_in_words(arguments, error, words):
    with pytest.raises(error, match=f"sosfilt: {words}"):
        sosfilt(*arguments)


@pytest.mark.usefixtures("unchecked")
def test_a_state_of_another_shape_and_an_axis_that_is_none_are_refused():
    with pytest.raises(
        ValueError,
        match=r"zi has shape \(2, 2\); for X \(3, 9\) filtered along axis -1 by 2 sections give \(2, 3, 2\)",
    ):
        sosfilt(np.ones((3, 9)), BAND, zi=np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"axis=2 is not one of the 2 axes of X \(3, 9\)"):
        sosfilt(np.ones((3, 9)), BAND, axis=2)
