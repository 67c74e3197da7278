"""Censored frames filled linearly, spectrally and by both; the Lomb-Scargle periodogram against SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nitrix.signal import (
    hybrid_interpolate,
    linear_interpolate,
    lomb_scargle_interpolate,
    lomb_scargle_periodogram,
)
from support import interpolation
from support.gradients import check_gradients
from support.marks import seldom_but
from support.memory import MIB, compiled_memory, form

OBS = 80
FILLS = [linear_interpolate, lomb_scargle_interpolate, hybrid_interpolate]


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def gaps(*lengths):
    mask = np.ones(OBS, bool)
    for start, length in lengths:
        mask[start : start + length] = False
    return mask


MASKS = np.stack(
    [
        gaps((10, 1), (20, 3), (40, 9)),
        gaps((0, 4), (30, 5), (74, 6)),
        np.random.default_rng(1).uniform(size=OBS) > 0.3,
        gaps((1, OBS - 1)),
        gaps((0, OBS)),
        gaps(),
    ]
)
SMOOTH = np.sin(0.21 * np.arange(OBS)) + 0.5 * np.cos(0.05 * np.arange(OBS) + 1)


# One shape, so one compilation.
@given(hnp.arrays(np.float32, (3, 12), elements=st.integers(-50, 50)), hnp.arrays(np.bool_, (3, 12)))
@pytest.mark.fast
def test_linear_fill_equals_numpy(x, mask):
    spoiled = np.where(mask, x, np.nan).astype(np.float32)
    want = np.stack([interpolation.linear(*pair) for pair in zip(x, mask)])
    np.testing.assert_allclose(linear_interpolate(spoiled, mask), want, 0, 2e-5)
    shared = np.stack([interpolation.linear(row, mask[0]) for row in x])
    np.testing.assert_allclose(
        linear_interpolate(np.where(mask[0], x, np.nan).astype(np.float32), mask[0]), shared, 0, 2e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(12,), (1, 12), (1, 1, 12)], ids=str)
@pytest.mark.parametrize("fill", FILLS)
def test_one_series_in_any_number_of_axes(fill, shape):
    mask = np.arange(12) % 4 != 2
    x = np.sin(np.arange(12.0)).astype(np.float32)
    got = fill(x.reshape(shape), mask)
    assert got.shape == shape
    np.testing.assert_allclose(got.reshape(12), fill(x[None], mask[None])[0], 0, 1e-6)


SPECTRAL = {
    "lomb_scargle": (lomb_scargle_interpolate, interpolation.spectral),
    "hybrid": (hybrid_interpolate, interpolation.hybrid),
}


@pytest.mark.fast
@pytest.mark.parametrize("name", SPECTRAL)
def test_spectral_and_hybrid_fills_of_a_mask_for_each_series(name):
    fill, oracle = SPECTRAL[name]
    x = np.stack([SMOOTH + 0.3 * normal(OBS, seed=i) for i in range(6)]) + 3
    got = fill(np.where(MASKS, x, np.nan).astype(np.float32), MASKS)
    for i, mask in enumerate(MASKS):
        np.testing.assert_allclose(got[i], oracle(x[i], mask), 0, 2e-4, err_msg=f"mask {i}")


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECTRAL)
def test_spectral_and_hybrid_fills_in_float64(x64, name):
    fill, oracle = SPECTRAL[name]
    x = np.stack([SMOOTH + 0.3 * normal(OBS, seed=i) for i in range(6)]) + 3
    got = fill(np.where(MASKS, x, np.nan), MASKS)
    for i, mask in enumerate(MASKS):
        np.testing.assert_allclose(got[i], oracle(x[i], mask), 0, 1e-9, err_msg=f"mask {i}")


@pytest.mark.slow
@pytest.mark.parametrize("fill", FILLS)
def test_observed_frames_come_back_unchanged(fill):
    x = (1e3 + normal(6, OBS)).astype(np.float32)
    got = np.asarray(fill(x, MASKS))
    np.testing.assert_array_equal(got[MASKS], x[MASKS])


@pytest.mark.slow
@pytest.mark.parametrize("fill", FILLS)
def test_series_without_observed_frames_become_zero(fill):
    x = np.full((2, OBS), np.nan, np.float32)
    np.testing.assert_array_equal(fill(x, np.zeros(OBS, bool)), 0)
    np.testing.assert_array_equal(fill(x, np.zeros((2, OBS), bool)), 0)


@pytest.mark.parametrize("fill", FILLS[1:])
def test_a_single_observed_frame_and_a_zero_series(fill):
    x = np.zeros((6, OBS), np.float32)
    np.testing.assert_array_equal(fill(x, MASKS), 0)
    one = np.asarray(fill(np.full((6, OBS), 2.5, np.float32), MASKS))
    np.testing.assert_allclose(one, np.where(np.arange(6)[:, None] == 4, 0, 2.5) * np.ones(OBS), 0, 1e-6)


@pytest.mark.slow
def test_a_shared_mask_equals_masks_for_each(x64):
    x = normal(3, OBS)
    for fill in FILLS:
        each = np.broadcast_to(MASKS[0], x.shape)
        np.testing.assert_allclose(fill(x, MASKS[0]), fill(x, each), 0, 1e-9)


@pytest.mark.parametrize("offset", seldom_but([0.0, 1000.0], 1000.0))
def test_an_oscillation_is_followed_through_gaps_in_float32_also_on_an_offset(offset):
    x = np.tile(SMOOTH + offset, (6, 1)).astype(np.float32)
    got = lomb_scargle_interpolate(np.where(MASKS, x, np.nan).astype(np.float32), MASKS)
    for i in (0, 2):  # gaps within, of up to nine frames
        assert np.abs(got[i] - x[i]).max() < 0.02
    assert np.abs(interpolation.linear(x[0], MASKS[0]) - x[0]).max() > 0.1


def test_white_noise_is_not_amplified():
    x = normal(20, 6, OBS).astype(np.float32)
    filled = np.stack([lomb_scargle_interpolate(rows, MASKS) for rows in x])[:, :3]
    filled = filled[np.broadcast_to(~MASKS[:3], filled.shape)]
    assert filled.std() < 0.6
    assert np.abs(filled).max() < 3


@pytest.mark.slow
def test_the_fill_does_not_depend_on_the_unit_of_time():
    x = SMOOTH[None].astype(np.float32)
    want = lomb_scargle_interpolate(x, MASKS[0])
    np.testing.assert_array_equal(lomb_scargle_interpolate(x, MASKS[0], dt=0.1), want)


@pytest.mark.slow
def test_the_band_is_the_users(x64):
    x = np.sin(2.0 * np.arange(OBS))  # 0.64 of the Nyquist frequency: outside of the band
    options = {"high_factor": 2.0, "oversampling": 3, "rcond": 1e-8, "censoring_budget": 0.3}
    mask = MASKS[0] & (np.arange(OBS) < 38)
    want = interpolation.spectral(x, mask, **options)
    got = lomb_scargle_interpolate(x, mask, **options)
    np.testing.assert_allclose(got, want, 0, 1e-3)
    single = gaps((10, 1), (20, 2), (50, 1))
    assert np.abs(lomb_scargle_interpolate(x, single, high_factor=2.5) - x).max() < 0.02
    assert np.abs(lomb_scargle_interpolate(x, single) - x).max() > 0.4


def test_hybrid_fill_is_linear_near_the_edges_of_gaps():
    x = np.where(MASKS, SMOOTH, np.nan).astype(np.float32)
    spectral = np.asarray(lomb_scargle_interpolate(x, MASKS))
    got = np.asarray(hybrid_interpolate(x, MASKS))[0]
    np.testing.assert_array_equal(got[43:46], spectral[0, 43:46])  # the middle of the gap of nine frames
    line = np.interp(np.arange(39, 44), [39, 43], [x[0, 39], spectral[0, 43]])
    np.testing.assert_allclose(got[39:44], line, 0, 1e-6)
    np.testing.assert_allclose(got[19:24], np.interp(np.arange(19, 24), [19, 23], x[0, [19, 23]]), 0, 1e-6)
    np.testing.assert_array_equal(hybrid_interpolate(x, MASKS, max_consecutive_linear=0), spectral)


@pytest.mark.parametrize("fill", seldom_but(FILLS, linear_interpolate))
def test_derivatives_do_not_see_what_was_not_observed(x64, fill):
    x = np.where(MASKS[:2, :24], normal(2, 24), np.nan)
    gradient = jax.grad(lambda x: jnp.sum(jnp.sin(fill(x, MASKS[:2, :24]))))(jnp.asarray(x))
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[~MASKS[:2, :24]], 0)


@pytest.mark.slow
@pytest.mark.parametrize("fill", FILLS)
def test_derivatives_equal_finite_differences(x64, fill):
    check_gradients(lambda x: fill(x, MASKS[0, :24]), normal(2, 24), order=1)


@pytest.mark.slow
def test_linear_fill_is_linear_in_the_data_and_serves_complex_numbers():
    x = (normal(3, OBS) + 1j * normal(3, OBS, seed=1)).astype(np.complex64)
    got = linear_interpolate(x, MASKS[0])
    assert got.dtype == jnp.complex64
    np.testing.assert_allclose(got.real, linear_interpolate(x.real, MASKS[0]), 0, 1e-6)
    np.testing.assert_allclose(got.imag, linear_interpolate(x.imag, MASKS[0]), 0, 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("fill", FILLS)
def test_integers_and_narrow_floats(fill):
    x = (100 * SMOOTH[None]).astype(np.int32)
    want = np.asarray(fill(x.astype(np.float32), MASKS[0]))
    assert fill(x, MASKS[0]).dtype == jnp.float32
    np.testing.assert_array_equal(fill(x, MASKS[0]), want)
    narrow = fill(jnp.asarray(x, jnp.bfloat16), MASKS[0])
    assert narrow.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.float32(narrow), want, 0.02, 3)


@pytest.mark.slow
@pytest.mark.parametrize("fill", FILLS)
def test_empty_series(fill):
    assert fill(jnp.zeros((0, 5)), jnp.ones(5, bool)).shape == (0, 5)
    assert fill(jnp.zeros((3, 0)), jnp.ones(0, bool)).shape == (3, 0)


@pytest.mark.slow
def test_maps_and_traced_masks():
    x = np.where(MASKS, SMOOTH, np.nan).astype(np.float32)
    for fill in FILLS:
        want = fill(x, MASKS)
        np.testing.assert_allclose(jax.jit(jax.vmap(fill))(x, MASKS), want, 0, 1e-4)


@pytest.mark.slow
def test_memory_of_a_linear_fill_and_of_masks_for_each_series():
    series, mask = form(2000, 300), form(2000, 300, dtype=bool)
    shared = compiled_memory(linear_interpolate, series, form(300, dtype=bool))
    assert shared.temporaries < 3 * shared.outputs
    each = compiled_memory(lomb_scargle_interpolate, series, mask)
    assert each.temporaries < 60 * MIB  # one matrix of 100 x 300 each would be 240 MiB


@pytest.mark.fast
@pytest.mark.parametrize("high_factor", seldom_but([0.5, 1.0, 1.5], 1.5))
def test_periodogram_equals_scipy(x64, high_factor):
    dt, masks = 0.7, MASKS[:3]
    x = 5 + normal(3, OBS) + 2 * SMOOTH
    frequencies, power = lomb_scargle_periodogram(
        np.where(masks, x, np.nan), masks, dt=dt, high_factor=high_factor
    )
    assert frequencies.shape == (int(2 * OBS * high_factor),)
    np.testing.assert_allclose(np.asarray(frequencies)[[0, -1]], [1 / (4 * OBS * dt), high_factor / (2 * dt)])
    for i, mask in enumerate(masks):
        y = x[i, mask] - x[i, mask].mean()
        time = dt * np.flatnonzero(mask)
        want = scipy.signal.lombscargle(time, y, 2 * np.pi * np.asarray(frequencies)) / y.var()
        np.testing.assert_allclose(power[i], want, 0, 1e-10)
    some = np.arange(3, 100, 17)
    if high_factor >= 1:
        want = interpolation.periodogram(x[0], masks[0], np.asarray(frequencies)[some], dt)
        np.testing.assert_allclose(power[0, some], want, 0, 1e-10)


@pytest.mark.slow
def test_periodogram_in_float32_on_an_offset_and_of_series_that_do_not_vary(x64):
    x = normal(1, OBS) + SMOOTH
    _, want = lomb_scargle_periodogram(x, MASKS[0])
    shifted = jnp.asarray(x + 1000, jnp.float32)
    _, power = lomb_scargle_periodogram(shifted, MASKS[0])
    assert power.dtype == jnp.float32
    np.testing.assert_allclose(power, want, 0, 2e-3 * float(want.max()))
    for mask in (MASKS[0], MASKS[4]):
        np.testing.assert_array_equal(lomb_scargle_periodogram(0 * x + 7, mask)[1], 0)


@pytest.mark.slow
def test_periodogram_of_white_noise_has_mean_one():
    _, power = lomb_scargle_periodogram(normal(300, OBS).astype(np.float32), MASKS[0])
    assert abs(power[:, :150].mean() - 1) < 0.05


@pytest.mark.parametrize(
    ("error", "words", "call"),
    [
        (
            TypeError,
            "mask has dtype float64; give truth values",
            lambda: linear_interpolate(SMOOTH, np.ones(OBS)),
        ),
        (ValueError, "mask has shape .9,. but", lambda: linear_interpolate(SMOOTH, np.ones(9, bool))),
        (
            ValueError,
            "mask has shape .2, 80., which does not broadcast to the data's shape .80,.",
            lambda: hybrid_interpolate(SMOOTH, MASKS[:2]),
        ),
        (ValueError, "data has shape .{2}; give series", lambda: linear_interpolate(1.0, np.ones(1, bool))),
        (
            TypeError,
            "data has dtype complex64; give real numbers",
            lambda: lomb_scargle_interpolate(np.ones(OBS, np.complex64), MASKS[0]),
        ),
        (ValueError, "dt=0.0 must be positive", lambda: lomb_scargle_interpolate(SMOOTH, MASKS[0], dt=0.0)),
        (
            ValueError,
            "oversampling=0.5 must be at least 1",
            lambda: lomb_scargle_periodogram(SMOOTH, MASKS[0], oversampling=0.5),
        ),
        (
            ValueError,
            "rcond=0.0 must be between",
            lambda: lomb_scargle_interpolate(SMOOTH, MASKS[0], rcond=0.0),
        ),
        (
            ValueError,
            "censoring_budget=1.0 must be from 0 to below 1",
            lambda: lomb_scargle_interpolate(SMOOTH, MASKS[0], censoring_budget=1.0),
        ),
        (
            ValueError,
            "max_consecutive_linear=-1 must not be negative",
            lambda: hybrid_interpolate(SMOOTH, MASKS[0], max_consecutive_linear=-1),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refusals_say_what_to_do(unchecked, error, words, call):
    with pytest.raises(error, match=words):
        call()
