"""Derivatives of least-squares residuals: against finite differences, and where a decomposition has none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.linalg import partial_residualise, residualise
from support import least_squares
from support.gradients import check_gradients
from support.marks import seldom_but

OBS = 9


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


X = normal(3, OBS, seed=1)
CASES = {  # a function of float64 arrays, and where
    "Y and X": (residualise, (normal(2, OBS), X)),
    "projection": (lambda y, x: residualise(y, x, return_mode="projection"), (normal(2, OBS), X)),
    "weights, l2": (
        lambda y, x, w, l2: residualise(y, x, weights=w, l2=l2),
        (normal(2, OBS), X, np.abs(normal(OBS, seed=2)), 0.7),
    ),
    "weight matrix": (
        lambda y, x, r: residualise(y, x, weight_matrix=r @ r.T),
        (normal(2, OBS), X, normal(OBS, OBS, seed=3)),
    ),
    "svd": (lambda y, x: residualise(y, x, method="svd"), (normal(2, OBS), X)),
    "cholesky": (lambda y, x: residualise(y, x, method="cholesky"), (normal(2, OBS), X)),
    "james-stein": (
        lambda y, x: residualise(y, x, shrinkage="james-stein"),
        (normal(2, OBS) + 2 * X[:1], X),
    ),
    "partial": (
        lambda y, s, n: partial_residualise(y, signal=s, noise=n),
        (normal(2, OBS), X[:1], X[1:]),
    ),
}


def test_derivatives_of_both_modes(x64):
    function, operands = CASES["weights, l2"]
    check_gradients(function, *operands, order=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_derivatives_of_both_modes_and_orders(x64, name):
    function, operands = CASES[name]
    check_gradients(function, *operands, rtol=2e-6)


def test_gradient_at_orthonormal_regressors_is_finite_and_right(x64):
    x = np.linalg.qr(normal(OBS, 3, seed=4))[0].T  # all singular values are equal
    check_gradients(residualise, normal(2, OBS), x, order=1)


@pytest.mark.slow
def test_gradient_in_a_weight_of_zero(x64):
    y, w = normal(2, OBS), np.abs(normal(OBS, seed=2))
    w[[1, 4]] = 0.0
    probe = normal(2, OBS, seed=5)
    got = jax.grad(lambda w: jnp.sum(probe * residualise(y, X, weights=w)))(jnp.asarray(w))
    for i in (1, 3):
        step = 1e-7 * np.eye(OBS)[i]
        # One-sided: a weight may not be negative.
        high, low = (np.sum(probe * least_squares.residual(y, X, weights=v)) for v in (w + step, w))
        np.testing.assert_allclose(got[i], (high - low) / 1e-7, 1e-5)


@pytest.mark.slow
def test_derivative_along_changes_that_keep_the_rank(x64):
    mixing, y, probe = normal(5, 3, seed=6), normal(2, OBS), normal(2, OBS, seed=5)

    def loss(x):
        return jnp.sum(probe * jnp.sin(residualise(y, jnp.asarray(mixing) @ x)))

    got = jax.grad(loss)(jnp.asarray(X))
    wanted = jax.grad(lambda x: jnp.sum(probe * jnp.sin(residualise(y, x))))(jnp.asarray(X))
    np.testing.assert_allclose(got, wanted, 0, 1e-10)  # the same space, with or without the mixing


@pytest.mark.parametrize("p", seldom_but([4, OBS + 3], OBS + 3))
def test_gradients_are_finite_without_full_rank(p):
    x = jnp.asarray(np.resize(normal(3, OBS, seed=1), (p, OBS)), jnp.float32)
    y = jnp.asarray(normal(2, OBS), jnp.float32)
    gradients = jax.jit(jax.grad(lambda y, x: jnp.sum(residualise(y, x) ** 2), (0, 1)))(y, x)
    assert all(np.isfinite(g).all() for g in gradients)


@pytest.mark.slow
def test_gradient_is_blind_to_what_has_no_weight():
    y = normal(2, OBS).astype(np.float32)
    y[:, 4] = np.nan
    w = np.ones(OBS, np.float32)
    w[4] = 0
    loss = lambda y, x: jnp.sum(jnp.where(w > 0, residualise(y, x, weights=w), 0) ** 2)
    gradients = jax.grad(loss, (0, 1))(jnp.asarray(y), jnp.asarray(X, jnp.float32))
    assert all(np.isfinite(g).all() for g in gradients)
    np.testing.assert_array_equal(gradients[0][:, 4], 0)


@pytest.mark.slow
def test_gradient_in_float32_is_close_to_that_of_float64():
    x = np.stack([np.ones(OBS), 1e4 * normal(OBS, seed=1), normal(OBS, seed=7)])
    probe = normal(2, OBS, seed=5)
    y = normal(2, OBS)

    def gradients(dtype):
        loss = lambda y, x: jnp.sum(jnp.asarray(probe, dtype) * jnp.sin(residualise(y, x)))
        return jax.jit(jax.grad(loss, (0, 1)))(jnp.asarray(y, dtype), jnp.asarray(x, dtype))

    narrow = gradients(jnp.float32)
    with jax.enable_x64(True):
        wide = gradients(jnp.float64)
    for got, want in zip(narrow, wide):
        got, want = np.float64(got), np.asarray(want)
        scale = np.abs(want).max(-1, keepdims=True)
        np.testing.assert_allclose(got / scale, want / scale, 0, 2e-5)
