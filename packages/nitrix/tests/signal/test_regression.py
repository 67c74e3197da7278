"""Detrending and confound regression: against Legendre and pseudo-inverse fits, SciPy, nilearn; with masks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal
from nitrix.signal import confound_regression, polynomial_detrend
from support import least_squares
from support.gradients import check_gradients
from support.marks import seldom_but

OBS = 60


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


SHARED = np.random.default_rng(1).uniform(size=OBS) > 0.25
EACH = np.random.default_rng(2).uniform(size=(4, OBS)) > 0.25
MASKS = {"none": None, "shared": SHARED, "each": EACH}


@pytest.mark.parametrize("degree", seldom_but([0, 1], 1))
def test_detrending_equals_scipy(x64, degree):
    x = normal(4, OBS) + np.linspace(0, 9, OBS)
    want = scipy.signal.detrend(x, type="linear" if degree else "constant")
    np.testing.assert_allclose(polynomial_detrend(x, degree=degree), want, 0, 1e-13)


@pytest.mark.fast
@pytest.mark.parametrize("kind", seldom_but(MASKS, "shared"))
def test_detrending_fits_kept_frames_and_serves_all(x64, kind):
    mask = MASKS[kind]
    x = normal(4, OBS) + np.linspace(-2, 9, OBS) ** 3
    spoiled = x if mask is None else np.where(mask, x, np.nan)
    want = least_squares.detrended(x, 3, mask)
    got = np.asarray(polynomial_detrend(spoiled, degree=3, mask=mask))
    kept = np.isfinite(spoiled)
    np.testing.assert_allclose(got[kept], want[kept], 0, 1e-11)
    assert np.isnan(got[~kept]).all()
    if mask is not None:
        np.testing.assert_allclose(polynomial_detrend(x, degree=3, mask=mask), want, 0, 1e-9)


@pytest.mark.parametrize("degree", seldom_but([8, 20], 20))
def test_a_polynomial_is_removed_whole_up_to_degree_20(x64, degree):
    time = np.linspace(-1, 1, 200)
    x = np.polynomial.chebyshev.chebval(time, normal(degree + 1))[None]
    np.testing.assert_allclose(polynomial_detrend(x, degree=degree), 0 * x, atol=1e-12)
    assert np.abs(least_squares.detrended(x, degree - 1)).max() > 1e-3


@pytest.mark.slow
def test_raw_cubic_trend_over_1000_frames_in_float32():
    time = np.arange(1000.0)
    x = (normal(2, 1000) + 5 + 1e-8 * (time - 300) ** 3).astype(np.float32)
    np.testing.assert_allclose(
        polynomial_detrend(x, degree=3), least_squares.detrended(np.float64(x), 3), 0, 2e-5
    )


@pytest.mark.slow
def test_degree_beyond_the_frames_leaves_nothing(x64):
    x = normal(2, 4)
    np.testing.assert_allclose(polynomial_detrend(x, degree=9), 0 * x, atol=1e-14)


@pytest.mark.slow
def test_detrending_of_one_series_and_of_time_first(x64):
    x = normal(4, OBS)
    want = least_squares.detrended(x, 2, SHARED)
    np.testing.assert_allclose(polynomial_detrend(x[1], degree=2, mask=SHARED), want[1], 0, 1e-12)
    np.testing.assert_allclose(polynomial_detrend(x.T, degree=2, mask=SHARED, rowvar=False).T, want, 0, 1e-12)


@pytest.mark.fast
@pytest.mark.parametrize("intercept", seldom_but([True, False], True))
@pytest.mark.parametrize("kind", seldom_but(MASKS, "each"))
def test_confounds_are_fitted_on_kept_frames_and_removed_at_all(x64, kind, intercept):
    mask = MASKS[kind]
    confounds = np.concatenate([normal(2, OBS, seed=3) * [[1e5], [1.0]], np.ones((1, OBS))])
    x = 100 + normal(4, OBS) + 3e-5 * confounds[:1]
    spoiled = x if mask is None else np.where(mask, x, np.inf)
    want = least_squares.regression(x, confounds, mask, intercept)
    got = np.asarray(confound_regression(spoiled, confounds, mask=mask, intercept=intercept))
    kept = np.isfinite(spoiled)
    np.testing.assert_allclose(got[kept], want[kept], 0, 1e-10)


def test_confounds_may_be_missing_where_frames_are_censored():
    confounds, x = normal(2, OBS, seed=3).astype(np.float32), normal(4, OBS).astype(np.float32)
    want = least_squares.regression(x, confounds, SHARED)
    confounds[:, ~SHARED] = np.nan
    got = np.asarray(confound_regression(x, confounds, mask=SHARED))
    np.testing.assert_allclose(got[:, SHARED], want[:, SHARED], 0, 4e-6)
    assert np.isfinite(got).all()


@pytest.mark.slow
def test_gradients_do_not_see_what_is_missing_where_frames_are_censored():
    confounds, x = normal(2, OBS, seed=3).astype(np.float32), normal(4, OBS).astype(np.float32)
    confounds[:, ~SHARED] = x[:, ~SHARED] = np.nan
    gradients = jax.grad(
        lambda x, c: jnp.sum(confound_regression(x, c, mask=SHARED)[:, SHARED] ** 2), (0, 1)
    )(x, confounds)
    assert all(np.isfinite(g).all() for g in gradients)


@pytest.mark.slow
def test_batches_of_runs_with_masks_and_confounds_of_their_own(x64):
    x, confounds = normal(2, 3, OBS), normal(2, 2, OBS, seed=3)
    masks = np.stack([EACH[:1], EACH[1:2]])
    each = EACH[None, :3] & masks
    for mask in (masks, each):
        got = confound_regression(x, confounds, mask=mask)
        for i in range(2):
            want = least_squares.regression(x[i], confounds[i], mask[i])
            np.testing.assert_allclose(got[i], want, 0, 1e-11)


def test_agrees_with_nilearn(x64):
    clean = pytest.importorskip("nilearn.signal").clean
    x, confounds = 50 + normal(OBS, 4), 7 + normal(OBS, 3, seed=3)
    want = clean(x, confounds=confounds, sample_mask=np.flatnonzero(SHARED), detrend=False, standardize=None)
    got = np.asarray(confound_regression(x, confounds, mask=SHARED, rowvar=False))[SHARED]
    np.testing.assert_allclose(got, want - want.mean(0), 0, 1e-9)


@pytest.mark.slow
def test_derivatives_with_a_mask(x64):
    function = lambda x, c: confound_regression(x, c, mask=SHARED[:12])
    check_gradients(function, normal(2, 12), normal(2, 12, seed=3), order=1)


@pytest.mark.slow
def test_integers_and_narrow_floats():
    x = (100 * normal(2, OBS)).astype(np.int16)
    assert polynomial_detrend(x).dtype == jnp.float32
    np.testing.assert_allclose(polynomial_detrend(x), least_squares.detrended(np.float64(x), 1), 0, 1e-3)
    assert polynomial_detrend(jnp.asarray(x, jnp.bfloat16)).dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("error", "words", "call"),
    [
        (ValueError, "X has shape .{2}; give series", lambda: polynomial_detrend(1.0)),
        (ValueError, "degree=-1 must not be negative", lambda: polynomial_detrend(np.ones(9), degree=-1)),
        (TypeError, "degree=1.5 must be an integer", lambda: polynomial_detrend(np.ones(9), degree=1.5)),
        (
            TypeError,
            "mask has dtype int64; give truth values",
            lambda: polynomial_detrend(np.ones(9), mask=np.ones(9, np.int64)),
        ),
        (
            ValueError,
            "mask has shape .8,. but the data, of shape .9,., has 9 frames",
            lambda: polynomial_detrend(np.ones(9), mask=np.ones(8, bool)),
        ),
        (
            ValueError,
            "mask has shape .3, 9., which does not broadcast",
            lambda: polynomial_detrend(np.ones((2, 9)), mask=np.ones((3, 9), bool)),
        ),
        (
            ValueError,
            "mask keeps 0 of 9 frames; at least 1",
            lambda: polynomial_detrend(np.ones(9), mask=np.zeros(9, bool)),
        ),
        (
            ValueError,
            "confounds has shape .9,.; give at least two axes",
            lambda: confound_regression(np.ones((2, 9)), np.ones(9)),
        ),
        (
            ValueError,
            "X has 9 frames but confounds has 8",
            lambda: confound_regression(np.ones((2, 9)), np.ones((1, 8))),
        ),
        (
            TypeError,
            "X has dtype complex64",
            lambda: confound_regression(np.ones((2, 9), np.complex64), np.ones((1, 9))),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refusals_say_what_to_do(unchecked, error, words, call):
    with pytest.raises(error, match=words):
        call()
