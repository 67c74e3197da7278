"""Covariance given other series: residuals of a regression with an intercept, and Schur complements."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.stats import ccorr, ccov, conditionalcorr, conditionalcov, cov
from support import covariance as oracle
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but

RNG = np.random.default_rng(0)
Y = RNG.normal(size=(2, 20)) - 7
X = RNG.normal(size=(3, 20)) + np.array([[0.5], [0], [-1]]) * Y[0] + 4
WEIGHTS = RNG.uniform(0.2, 2, 20)
MASK = np.arange(20) % 6 > 0
FULL = np.cov(RNG.normal(size=(20, 60)))

OPTIONS = {
    "plain": {},
    "weights": {"weights": WEIGHTS, "ddof": 0},
    "ridge": {"l2": 0.5},
    "ridge of the regression": {"residualise_l2": 5.0},
}


@functools.cache
def every_option():
    """One compilation of all."""

    def both(x, y):
        return {k: (conditionalcov(x, y, **v), conditionalcorr(x, y, **v)) for k, v in OPTIONS.items()}

    return jax.jit(both, compiler_options=QUICK_COMPILE)


@pytest.mark.fast
@pytest.mark.parametrize("name", OPTIONS)
def test_is_the_covariance_of_residuals_with_an_intercept(name, x64):
    wanted = oracle.conditional_covariance(X, Y, **OPTIONS[name])
    covariance, got = every_option()(X, Y)[name]
    np.testing.assert_allclose(covariance, wanted, 1e-11, 1e-12)
    np.testing.assert_allclose(got, oracle.over_roots(wanted), 1e-11, 1e-12)
    assert (ccov, ccorr) == (conditionalcov, conditionalcorr)


@pytest.mark.parametrize("kind", seldom_but(["plain", "weights", "matrix"], "weights"))
def test_is_the_schur_complement(kind, x64):
    kinds = {"plain": {}, "weights": {"weights": WEIGHTS, "mask": MASK}, "matrix": {"weight_matrix": FULL}}
    options = kinds[kind]
    whole = np.asarray(cov(np.concatenate([X, Y]), **options))
    wanted = whole[:3, :3] - whole[:3, 3:] @ np.linalg.solve(whole[3:, 3:], whole[3:, :3])
    np.testing.assert_allclose(conditionalcov(X, Y, **options), wanted, 1e-10, 1e-12)


def test_little_left_beside_much_explained_keeps_its_digits():
    left = RNG.normal(size=(2, 200))
    y = 1e4 * RNG.normal(size=(3, 200))
    x = np.float32(left + y[:2])
    y = np.float32(y)
    wanted = oracle.conditional_covariance(x, y)
    np.testing.assert_allclose(conditionalcov(x, y), wanted, 2e-2, 2e-2)


def test_regressors_of_any_rank_and_scale(x64):
    wanted = oracle.conditional_covariance(X, Y)
    for y in (np.concatenate([Y, Y[:1] - Y[1:], np.ones((1, 20))]), Y * np.array([[1e-8], [1e8]])):
        np.testing.assert_allclose(conditionalcov(X, y), wanted, 1e-9, 1e-11)
    np.testing.assert_allclose(conditionalcov(X, np.ones((1, 20))), np.cov(X), 1e-11)


def test_an_explained_channel_correlates_with_nothing():
    x = np.float32(np.concatenate([X, Y[:1] + Y[1:]]))
    both = jax.jit(lambda x: (conditionalcorr(x, Y), jax.grad(lambda x: jnp.sum(conditionalcorr(x, Y)))(x)))
    got, gradient = both(x)
    np.testing.assert_array_equal(got[3], 0)
    np.testing.assert_array_equal(np.diag(got), [1, 1, 1, 0])
    assert np.isfinite(gradient).all()


def test_masked_frames_are_never_read():
    spoilt = [np.where(MASK, a, np.nan).astype(np.float32) for a in (X, Y)]
    got = conditionalcov(*spoilt, mask=MASK)
    np.testing.assert_allclose(got, oracle.conditional_covariance(X[:, MASK], Y[:, MASK]), 1e-5, 1e-5)


def test_channels_last_batches_and_narrow_floats():
    x = jnp.asarray(RNG.normal(size=(2, 20, 3)), jnp.bfloat16)
    got = conditionalcov(x, jnp.asarray(Y.T, jnp.bfloat16), rowvar=False)
    assert (got.shape, got.dtype) == ((2, 3, 3), jnp.bfloat16)
    y = np.float64(jnp.asarray(Y.T, jnp.bfloat16)).T
    np.testing.assert_allclose(
        np.float64(got[1]), oracle.conditional_covariance(np.float64(x[1]).T, y), 2e-2, 2e-2
    )


@pytest.mark.slow
def test_gradients(x64):
    check_gradients(
        lambda x, y, w: conditionalcov(x, y, weights=w), X[:2, :8], Y[:, :8], WEIGHTS[:8], order=1
    )
    check_gradients(
        lambda x, y, l: conditionalcorr(x, y, residualise_l2=l), X[:2, :8], Y[:, :8], np.ones(()), order=1
    )


def test_bad_input_is_refused_in_words(unchecked):
    with pytest.raises(TypeError, match="conditionalcov: X and Y have the common dtype complex64; give real"):
        conditionalcov(X, Y * 1j)
    with pytest.raises(
        ValueError, match=r"conditionalcorr: residualise_l2=-1.0 must be finite and not negative"
    ):
        conditionalcorr(X, Y, residualise_l2=-1.0)
