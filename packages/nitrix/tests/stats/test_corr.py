"""Correlation: against definitions, free of scale, and defined where a channel has no variance."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.stats import corr, corrcoef, corrnorm, cov, partialcorr
from support import covariance as oracle
from support.gradients import QUICK_COMPILE, check_gradients

RNG = np.random.default_rng(0)
MIX = np.eye(4) + 0.6 * np.eye(4, k=1)
X = MIX @ RNG.normal(size=(4, 12)) + np.array([[0], [3], [-2], [50]])
WEIGHTS = RNG.uniform(0.2, 2, 12)
MASK = np.array([0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1], bool)
HOLES = RNG.random((4, 12)) > 0.25
FULL = np.cov(RNG.normal(size=(12, 40)))

OPTIONS = {
    "plain": {},
    "ridge": {"l2": 0.5},
    "mask, weights": {"mask": MASK, "weights": WEIGHTS, "l2": 0.1},
    "full": {"weight_matrix": FULL},
    "asymmetric": {"weight_matrix": FULL + np.triu(FULL, 1), "l2": 0.2},
}


@functools.cache
def every_option():
    """One compilation of all."""
    return jax.jit(lambda x: {k: corr(x, **v) for k, v in OPTIONS.items()}, compiler_options=QUICK_COMPILE)


@pytest.mark.fast
@pytest.mark.parametrize("name", OPTIONS)
def test_matches_the_definition(name, x64):
    got = every_option()(X)[name]
    np.testing.assert_allclose(got, oracle.correlation(X, **OPTIONS[name]), 1e-12, 1e-12)
    np.testing.assert_array_equal(got, got.T)
    np.testing.assert_array_equal(np.diag(got), 1)


def test_agrees_with_numpy(x64):
    z = X + 1j * X[::-1] ** 2
    for x in (X, z, X[0]):
        np.testing.assert_allclose(corr(x), np.corrcoef(x), 1e-12, 1e-13)
    np.testing.assert_allclose(corr(X.T, rowvar=False), np.corrcoef(X), 1e-12)
    assert corrcoef is corr


def test_each_pair_has_the_variances_of_what_both_have(x64):
    pd = pytest.importorskip("pandas")
    x = np.where(HOLES, X, np.nan)
    got = corr(x, mask=HOLES)
    np.testing.assert_allclose(got, pd.DataFrame(x.T).corr(), 1e-11, 1e-12)
    wanted = oracle.pairwise(X, HOLES, weights=WEIGHTS, correlate=True)
    np.testing.assert_allclose(corr(x, mask=HOLES, weights=WEIGHTS), wanted, 1e-11, 1e-12)


# Of the older library: an epsilon beside the standard deviations.


@pytest.mark.fast
def test_correlation_does_not_depend_on_the_scale_of_the_data():
    wanted = np.corrcoef(X)
    plain = partialcorr(np.float32(X))
    for scale in (1e-20, 1e-4, 1e-3, 1e4, 1e20):
        x = np.float32(X * scale)
        np.testing.assert_allclose(corr(x), wanted, 2e-6, 2e-6)
        np.testing.assert_array_equal(np.diag(corr(x)), 1)
        np.testing.assert_allclose(partialcorr(x), plain, 1e-5, 1e-5)


def test_channels_of_any_scale_stand_side_by_side():
    scales = np.array([[1e-20], [1e-8], [1e10], [1e20]])
    x = np.float32(X * scales)
    np.testing.assert_allclose(corr(x), np.corrcoef(X), 2e-6, 2e-6)
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(jnp.tril(corr(x)))))(x)
    plain = jax.jit(jax.grad(lambda x: jnp.sum(jnp.tril(corr(x)))))(np.float32(X))
    np.testing.assert_allclose(np.float64(gradient) * scales, plain, 1e-4, 1e-5)


def test_a_ridge_counts_in_the_unit_of_the_data(x64):
    np.testing.assert_allclose(corr(X * 1e-3, l2=1e-6), corr(X, l2=1.0), 1e-12)
    tiny = corr(np.float32(X * 1e-20), l2=1.0)
    np.testing.assert_array_equal(tiny, np.eye(4))


# Of the older library: NaN gradients beside a constant channel.


@pytest.mark.parametrize("options", [{}, {"weights": WEIGHTS, "mask": MASK}, {"mask": HOLES}], ids=len)
def test_a_constant_channel_correlates_with_nothing_and_has_a_finite_gradient(options):
    x = np.float32(X)
    x[1] = 0.1  # whose mean is not exactly representable

    def loss(x):
        out = corr(x, **options)
        return jnp.sum(out**2), out

    gradient, out = jax.jit(jax.grad(loss, has_aux=True))(x)
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[1], 0)
    np.testing.assert_array_equal(out[1], 0)
    np.testing.assert_array_equal(np.diag(out), [1, 0, 1, 1])
    np.testing.assert_allclose(corr(x, l2=1.0)[1], [0, 1, 0, 0], atol=1e-7)  # a ridge gives it a variance


def test_no_correlation_is_beyond_one():
    x = np.random.default_rng(3).normal(size=(60, 37)).astype(np.float32)
    got = corr(np.concatenate([x, 3 * x, -x]))
    assert np.abs(got).max() == 1
    np.testing.assert_allclose(np.diag(got[:60, 60:120]), 1, 1e-6)


@pytest.mark.slow
def test_gradients(x64):
    check_gradients(lambda x, w: corr(x, weights=w, l2=0.1), X[:2, :6], WEIGHTS[:6], order=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"mask": HOLES[:2]}, {"weight_matrix": FULL}], ids=["", "holes", "matrix"]
)
def test_second_derivatives(options, x64):
    check_gradients(lambda x: corr(x, **options), X[:2])


@pytest.mark.parametrize("shape", [(2, 3, 4, 12)])
def test_batches_and_narrow_floats(shape):
    x = jnp.asarray(RNG.normal(size=shape), jnp.bfloat16)
    got = corr(x)
    assert (got.shape, got.dtype) == ((2, 3, 4, 4), jnp.bfloat16)
    np.testing.assert_allclose(np.float64(got[1, 2]), np.corrcoef(np.float64(x[1, 2])), atol=4e-3)


# The factor.


def test_corrnorm_is_the_factor_and_safe_at_zero(x64):
    c = np.array(cov(X))
    np.testing.assert_allclose(c / corrnorm(c), np.corrcoef(X), 1e-12)
    c[2] = c[:, 2] = 0
    assert (corrnorm(c)[2] == 0).all()
    assert np.isfinite(jax.grad(lambda c: jnp.sum(corrnorm(c)))(c)).all()
    assert corrnorm(c.astype(complex)).dtype == jnp.float64
    assert corrnorm(jnp.full((2, 2), 1e30, jnp.float32)).max() < np.inf
    assert np.isnan(corrnorm(-c)[0, 0])


def test_corrnorm_refuses_what_is_not_square(unchecked):
    with pytest.raises(ValueError, match=r"corrnorm: A has shape \(2, 3\); its last two axes must be equal"):
        corrnorm(np.ones((2, 3)))
