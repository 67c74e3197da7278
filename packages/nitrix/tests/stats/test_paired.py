"""Covariance and correlation between two sets of series."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.stats import cov, pairedcorr, pairedcov
from support import covariance as oracle
from support.gradients import QUICK_COMPILE, check_gradients
from support.memory import compiled_memory, form

RNG = np.random.default_rng(0)
Y = RNG.normal(size=(2, 12)) - 7
X = RNG.normal(size=(3, 12)) + np.array([[0.5], [0], [-1]]) * Y[0] + 4
WEIGHTS = RNG.uniform(0.2, 2, 12)
MASK = np.array([0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1], bool)
FULL = np.cov(RNG.normal(size=(12, 40)))

OPTIONS = {
    "plain": {},
    "ddof": {"ddof": 0},
    "mask, weights": {"mask": MASK, "weights": WEIGHTS},
    "full": {"weight_matrix": FULL},
    "asymmetric": {"weight_matrix": FULL + np.triu(FULL, 1), "mask": MASK},
}


@functools.cache
def every_option():
    """One compilation of all."""

    def both(x, y):
        return {k: (pairedcov(x, y, **v), pairedcorr(x, y, l2=0.1, **v)) for k, v in OPTIONS.items()}

    return jax.jit(both, compiler_options=QUICK_COMPILE)


@pytest.mark.fast
@pytest.mark.parametrize("name", OPTIONS)
def test_matches_the_definition(name, x64):
    block, got = every_option()(X, Y)[name]
    np.testing.assert_allclose(block, oracle.covariance(X, Y, **OPTIONS[name]), 1e-12, 1e-12)
    np.testing.assert_allclose(got, oracle.paired_correlation(X, Y, l2=0.1, **OPTIONS[name]), 1e-12, 1e-12)


def test_it_is_the_block_of_the_covariance_of_all(x64):
    z = X + 1j * X[::-1]
    both = np.concatenate([z, Y])
    np.testing.assert_allclose(pairedcov(z, Y, l2=3.0), cov(both, l2=3.0)[:3, 3:], 1e-12)


def test_either_set_may_come_first(x64):
    np.testing.assert_allclose(pairedcov(Y, X, weights=WEIGHTS), pairedcov(X, Y, weights=WEIGHTS).T, 1e-12)


def test_a_ridge_stays_out_of_a_square_block(x64):
    np.testing.assert_array_equal(pairedcov(X[:2], Y, l2=3.0), pairedcov(X[:2], Y))


# Of the older library: unweighted denominators, an error without rowvar, NaN beside a constant channel.


def test_the_variances_of_a_weighted_correlation_are_weighted(x64):
    for options in ({"weights": WEIGHTS}, {"weight_matrix": FULL}):
        np.testing.assert_allclose(np.diag(pairedcorr(X, X, **options)), 1, 1e-12)


def test_pairedcorr_takes_channels_last(x64):
    np.testing.assert_allclose(pairedcorr(X.T, Y.T, rowvar=False), np.corrcoef(X, Y)[:3, 3:], 1e-12)
    np.testing.assert_allclose(pairedcov(X.T, Y.T, rowvar=False), np.cov(X, Y)[:3, 3:], 1e-12)


def test_a_constant_channel_gives_zero_and_a_finite_gradient():
    x = np.float32(X)
    x[1] = 0.1
    both = jax.jit(lambda x: (pairedcorr(x, Y), jax.grad(lambda x: jnp.sum(pairedcorr(x, Y)))(x)))
    got, gradient = both(x)
    assert (got[1] == 0).all()
    assert np.isfinite(gradient).all()


def test_correlation_does_not_depend_on_scale():
    wanted = np.corrcoef(X, Y)[:3, 3:]
    np.testing.assert_allclose(pairedcorr(np.float32(X * 1e-20), np.float32(Y * 1e20)), wanted, 3e-6, 3e-6)


def test_dtypes_are_joined(x64):
    assert pairedcov(np.float32(X), Y).dtype == jnp.float64
    assert pairedcov(jnp.asarray(X, "bfloat16"), jnp.asarray(Y, "bfloat16")).dtype == jnp.bfloat16
    assert pairedcov(jnp.asarray(X, "bfloat16"), np.float32(Y)).dtype == jnp.float32
    assert pairedcov(np.arange(12).reshape(2, 6), np.arange(12).reshape(2, 6)).dtype == jnp.float64


def test_batches_broadcast(x64):
    x = RNG.normal(size=(2, 1, 3, 12))
    y = RNG.normal(size=(4, 2, 12))
    got = pairedcov(x, y, weights=np.stack([WEIGHTS] * 4))
    np.testing.assert_allclose(got[1, 2], oracle.covariance(x[1, 0], y[2], weights=WEIGHTS), 1e-12)


def test_only_variances_are_formed_beside_the_block():
    memory = compiled_memory(pairedcorr, form(2000, 50), form(3, 50))
    assert memory.temporaries < 2.2 * 4 * 2000 * 50  # a covariance of the 2000 would take 40 times the series


@pytest.mark.slow
def test_gradients(x64):
    check_gradients(lambda x, y, w: pairedcorr(x, y, weights=w), X[:2, :6], Y[:, :6], WEIGHTS[:6])
    skewed = FULL[:6, :6] + np.triu(FULL[:6, :6], 1)
    check_gradients(lambda x, y, w: pairedcorr(x, y, weight_matrix=w), X[:1, :6], Y[:, :6], skewed)


@pytest.mark.parametrize("function", [pairedcov, pairedcorr], ids=lambda f: f.__name__)
def test_bad_input_is_refused_in_words(function, unchecked):
    with pytest.raises(
        ValueError,
        match=f"{function.__name__}: X has 12 observations but Y has 11; obs",
    ):
        function(X, Y[:, 1:])
    with pytest.raises(ValueError, match=r"a mask per channel, \(3, 12\), does not go with two sets of"):
        function(X, Y, mask=np.ones((3, 12), bool))
    with pytest.raises(
        ValueError, match=r"Y has shape \(12,\); it takes channels and observations.* Give Y\[None\]"
    ):
        function(X, Y[0])
