"""Precision and partial covariances against regressions; singular covariances."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.stats import partialcorr, partialcov, pcorr, precision
from support import covariance as oracle
from support.gradients import check_gradients
from support.marks import seldom_but

RNG = np.random.default_rng(0)
MIX = np.eye(4) + 0.6 * np.eye(4, k=1)
X = MIX @ RNG.normal(size=(4, 20)) * np.array([[1], [10], [0.1], [1]]) + np.array([[0], [3], [-2], [5]])
WEIGHTS = RNG.uniform(0.2, 2, 20)
MASK = np.arange(20) % 6 > 0
SINGULAR = np.concatenate([X, X[:1] + X[1:2]])
ALL = (precision, partialcov, partialcorr)
FAILING = {
    "a sum of others": (SINGULAR, "channels 0, 1, 4 are linearly dependent"),
    "twice the same": (X[[0, 1, 1]], "channels 1, 2 are linearly dependent"),
    "constant": (np.concatenate([X, np.full((1, 20), 0.1)]), "channel 4 has no variance"),
    "too few": (X[:, :4], "4 observations of 4 channels have a singular covariance; give at least 5, or l2="),
}


@pytest.mark.fast
@pytest.mark.parametrize("options", [{}, {"weights": WEIGHTS, "ddof": 0}], ids=["", "weights"])
def test_matches_the_definition(options, x64):
    wanted = np.linalg.inv(oracle.covariance(X, **options))
    np.testing.assert_allclose(precision(X, **options), wanted, 1e-10, 1e-12)
    np.testing.assert_allclose(
        partialcov(X, **options), oracle.partial_covariance(X, **options), 1e-10, 1e-12
    )
    wanted = oracle.partial_covariance(X, correlate=True, **options)
    np.testing.assert_allclose(partialcorr(X, **options), wanted, 1e-10, 1e-12)
    assert pcorr is partialcorr


def test_a_ridge_and_a_mask_are_those_of_the_covariance(x64):
    wanted = np.linalg.inv(oracle.covariance(X, mask=MASK, l2=0.5))
    np.testing.assert_allclose(precision(X, mask=MASK, l2=0.5), wanted, 1e-11)
    np.testing.assert_allclose(
        precision(X[:, :3], l2=0.5), np.linalg.inv(oracle.covariance(X[:, :3], l2=0.5)), 1e-11
    )
    holes = RNG.random((4, 20)) > 0.1
    np.testing.assert_allclose(precision(X, mask=holes), np.linalg.inv(oracle.pairwise(X, holes)), 1e-10)


def test_complex_precision_is_that_of_the_conjugated_covariance(x64):
    z = X + 1j * X[::-1] ** 2
    np.testing.assert_allclose(precision(z), np.linalg.inv(np.cov(z)), 1e-9, 1e-12)


# Of the older library: the precision with its signs flipped was called a covariance.


def test_partialcov_is_the_covariance_of_residuals_and_not_the_precision(x64):
    got = np.asarray(partialcov(X))
    p = np.linalg.inv(np.cov(X))
    np.testing.assert_allclose(got[0, 1], oracle.conditional_covariance(X[:2], X[2:])[0, 1], 1e-10)
    assert abs(got[0, 1] + p[0, 1]) > 0.1 * abs(p[0, 1])
    np.testing.assert_allclose(np.diag(got), 1 / np.diag(p), 1e-10)


@pytest.mark.slow
def test_partial_correlation_agrees_with_pingouin(x64):
    pytest.importorskip("pingouin")
    pd = pytest.importorskip("pandas")
    np.testing.assert_allclose(partialcorr(X), pd.DataFrame(X.T).pcorr(), 1e-9)


@pytest.mark.slow
def test_partial_correlation_agrees_with_nilearn(x64):
    connectome = pytest.importorskip("nilearn.connectome")
    covariances = pytest.importorskip("sklearn.covariance")
    measure = connectome.ConnectivityMeasure(
        covariances.EmpiricalCovariance(), kind="partial correlation", standardize=False
    )
    np.testing.assert_allclose(partialcorr(X), measure.fit_transform([X.T])[0], 1e-9)


# Of the older library: a singular covariance gave entries of 4e8 and NaN, in silence.


@pytest.mark.fast
@pytest.mark.parametrize("name", FAILING)
@pytest.mark.parametrize("function", ALL, ids=lambda f: f.__name__)
def test_a_singular_covariance_is_refused_in_words(function, name):
    x, words = FAILING[name]
    with pytest.raises(ValueError, match=f"{function.__name__}: .*{words}"):
        function(np.float32(x))


def test_a_singular_covariance_that_is_traced_is_nan():
    compiled = jax.jit(partialcorr)
    assert np.isnan(compiled(np.float32(SINGULAR))).all()
    assert np.isfinite(compiled(np.float32(SINGULAR + 0.1 * RNG.normal(size=SINGULAR.shape)))).all()
    with pytest.raises(ValueError, match="4 observations of 4 channels"):
        compiled(np.float32(X[:, :4]))


@pytest.mark.parametrize("name", seldom_but(FAILING, "twice the same"))
def test_the_pseudo_inverse_on_request(name, x64):
    x, _ = FAILING[name]
    wanted = np.linalg.pinv(np.cov(x), hermitian=True, rcond=1e-12)
    np.testing.assert_allclose(
        precision(x, require_nonsingular=False), wanted, 1e-7, 1e-9 * np.abs(wanted).max()
    )


def test_the_pseudo_inverse_has_a_finite_and_right_gradient(x64):
    base = RNG.normal(size=(2, 8))

    def loss(x):
        x = jnp.concatenate([x, x[:1] + 2 * x[1:]])  # of rank 2, wherever x goes
        return precision(x, require_nonsingular=False)

    check_gradients(loss, base, order=1)


def test_the_pseudo_inverse_of_equal_eigenvalues_has_a_finite_gradient():
    x = np.eye(6, dtype=np.float32)
    slope = jax.jit(jax.grad(lambda x: jnp.sum(precision(x, require_nonsingular=False) ** 2)))
    assert np.isfinite(slope(x)).all()
    assert np.isfinite(slope(np.zeros((3, 5), np.float32))).all()


def test_partial_covariances_of_a_pseudo_inverse():
    x = np.concatenate([X, np.ones((1, 20))])
    got = partialcov(x, require_nonsingular=False)
    np.testing.assert_allclose(got[:4, :4], oracle.partial_covariance(X), 1e-3, 1e-4)
    np.testing.assert_array_equal(got[4], 0)
    np.testing.assert_array_equal(partialcorr(x, require_nonsingular=False)[4], 0)
    assert np.isnan(partialcov(X[[0, 1, 1]], require_nonsingular=False)[1, 2])  # either explains the other


def test_float32_serves_channels_of_different_units():
    scales = np.array([1e-12, 1.0, 1e6, 1e12])[:, None]
    np.testing.assert_allclose(partialcorr(np.float32(X * scales)), partialcorr(X), 1e-5, 1e-6)
    got = precision(np.float32(X * scales)) * scales * scales.T
    np.testing.assert_allclose(
        got, np.linalg.inv(np.cov(X)), 1e-5, 1e-5 * np.abs(np.linalg.inv(np.cov(X))).max()
    )


def test_batches_and_narrow_floats():
    x = jnp.asarray(RNG.normal(size=(2, 4, 20)), jnp.bfloat16)
    got = precision(x)
    assert (got.shape, got.dtype) == ((2, 4, 4), jnp.bfloat16)
    np.testing.assert_allclose(np.float64(got[1]), np.linalg.inv(np.cov(np.float64(x[1]))), 2e-2, 2e-2)


@pytest.mark.slow
@pytest.mark.parametrize("function", ALL, ids=lambda f: f.__name__)
def test_gradients(function, x64):
    check_gradients(lambda x, w: function(x, weights=w), X[:3, :6], WEIGHTS[:6], order=1)


@pytest.mark.slow
@pytest.mark.parametrize("function", ALL, ids=lambda f: f.__name__)
def test_second_derivatives(function, x64):
    check_gradients(lambda x: function(x, l2=0.1), X[:3, :6], rtol=1e-5)
