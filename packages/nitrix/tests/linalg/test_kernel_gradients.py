"""Derivatives of kernels, where observations coincide too, and the memory of kernels and derivatives."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.linalg import (
    cosine_kernel,
    gaussian_kernel,
    laplace_kernel,
    linear_distance,
    linear_kernel,
    parameterised_norm,
    polynomial_kernel,
    rbf_kernel,
    sigmoid_kernel,
)
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but
from support.memory import compiled_memory, form

RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(5, 3)), RNG.normal(size=(4, 3))
THETA = RNG.uniform(0.5, 2, 3)
NAMED = {
    "linear": linear_kernel,
    "polynomial": polynomial_kernel,
    "sigmoid": sigmoid_kernel,
    "distance": linear_distance,
    "rbf": rbf_kernel,
    "gaussian": gaussian_kernel,
    "laplace": laplace_kernel,
    "cosine": cosine_kernel,
}


@pytest.mark.parametrize("name", seldom_but(NAMED, "rbf", "laplace", "cosine"))
def test_derivatives_in_observations_and_weights(name, x64):
    kernel = NAMED[name]
    check_gradients(lambda x, y, theta: kernel(x, y, theta=theta), X, Y, THETA, order=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMED)
def test_second_derivatives_in_observations_and_weights(name, x64):
    kernel = NAMED[name]
    check_gradients(lambda x, y, theta: kernel(x, y, theta=theta), X, Y, THETA)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["distance", "rbf", "laplace", "cosine"])
def test_derivatives_of_observations_among_themselves(name, x64):
    check_gradients(NAMED[name], X)


@pytest.mark.slow
def test_derivatives_in_matrices_and_numbers(x64):
    root = RNG.normal(size=(3, 3))
    matrix = root @ root.T
    check_gradients(lambda x, theta: linear_distance(x, Y, theta=theta), X, matrix)
    check_gradients(lambda s: gaussian_kernel(X, Y, sigma=s), np.array(1.3))
    check_gradients(lambda g: laplace_kernel(X, Y, gamma=g), np.array(0.7))
    check_gradients(lambda g, r: polynomial_kernel(X, Y, gamma=g, r=r), np.array(0.7), np.array(0.2))
    check_gradients(lambda x, theta: parameterised_norm(x, theta=theta, squared=True), X, THETA)


@pytest.mark.fast
@pytest.mark.parametrize("name", seldom_but(["distance", "rbf", "laplace", "cosine"], "distance", "laplace"))
def test_gradients_on_the_diagonal_are_finite_and_right(name, x64):
    # A row twice, and each row with itself: the gradient of |x - x|^2 is 0, and that of |x - x| is taken as 0.
    x = np.vstack([X, X[:1]])
    kernel = NAMED[name]
    gradient = jax.jit(jax.grad(lambda x, i, j: kernel(x)[i, j]), compiler_options=QUICK_COMPILE)
    same, twice = gradient(x, 1, 1), gradient(x, 0, 5)
    assert np.isfinite(same).all()
    assert np.isfinite(twice).all()
    np.testing.assert_allclose(same, 0, atol=1e-14)
    np.testing.assert_allclose(twice, 0, atol=1e-14)


def test_the_curvature_of_a_distance_survives_where_rows_coincide(x64):
    hessian = jax.hessian(lambda x: linear_distance(x[None], jnp.asarray(X[:1]))[0, 0])(jnp.asarray(X[0]))
    np.testing.assert_allclose(hessian, 2 * np.eye(3), atol=1e-12)


def test_the_gradient_of_a_distance_is_that_of_the_difference_also_where_it_is_clipped():
    x = RNG.normal(size=(200, 8)).astype(np.float32)
    y = (x + 1e-4 * RNG.normal(size=x.shape)).astype(
        np.float32
    )  # expanded squares of 1e-8 round to either sign
    near = jax.jit(jax.grad(lambda x: jnp.trace(linear_distance(x, y))))(x)
    np.testing.assert_allclose(near, 2 * (x.astype(float) - y), atol=1e-5)


def test_the_gradient_of_the_laplace_kernel_by_its_definition():
    x, y = X.astype(np.float32), Y.astype(np.float32)
    g = RNG.normal(size=(5, 4)).astype(np.float32)
    got = jax.jit(jax.grad(lambda x, y: (g * laplace_kernel(x, y)).sum(), (0, 1)))(x, y)
    difference = x[:, None] - y.astype(float)
    pulled = (-g * np.exp(-np.abs(difference).sum(-1) / 3) / 3)[..., None] * np.sign(difference)
    np.testing.assert_allclose(got[0], pulled.sum(1), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(got[1], -pulled.sum(0), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_vmap_of_gradients():
    x = jnp.asarray(np.stack([X, X[::-1]]).astype(np.float32))
    for kernel in (rbf_kernel, laplace_kernel):
        gradient = jax.grad(lambda x: kernel(x)[0].sum())
        np.testing.assert_allclose(jax.vmap(gradient)(x)[1], gradient(x[1]), rtol=1e-4, atol=1e-6)


N, D = 1024, 64
OUTPUT = 4 * N * N


@pytest.mark.parametrize("name", seldom_but(["distance", "rbf", "laplace", "cosine"], "rbf", "laplace"))
def test_no_array_of_all_differences_forward_or_backward(name):
    # One of them would be 64 outputs.
    kernel = NAMED[name]
    rows = form(N, D), form(N, D)
    assert compiled_memory(kernel, *rows).temporaries <= 1.5 * OUTPUT
    gradient = jax.grad(lambda x, y: (kernel(x, y) ** 2).sum(), (0, 1))
    assert compiled_memory(gradient, *rows).temporaries <= 5 * OUTPUT


@pytest.mark.slow
def test_no_array_of_all_differences_in_forward_mode():
    tangent = functools.partial(jax.jvp, laplace_kernel)
    rows = form(N, D), form(N, D)
    assert compiled_memory(lambda *r: tangent(r, r)[1], *rows).temporaries <= 5 * OUTPUT
