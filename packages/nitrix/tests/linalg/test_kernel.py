"""Kernels against their definitions and scikit-learn: metrics, batches, dtypes, accuracy, messages."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp
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
from support import kernels
from support.marks import seldom_but

D = 4
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(7, D)).astype(np.float32), RNG.normal(size=(5, D)).astype(np.float32)
VECTOR = RNG.uniform(0.2, 2, D).astype(np.float32)
ROOT = RNG.normal(size=(D, D)).astype(np.float32)
POSITIVE = ROOT @ ROOT.T
PAIRS = {  # name: kernel, definition
    "linear": (linear_kernel, kernels.linear),
    "distance": (linear_distance, kernels.distance),
    "polynomial": (partial(polynomial_kernel, order=2, r=0.5), partial(kernels.polynomial, order=2, r=0.5)),
    "sigmoid": (sigmoid_kernel, kernels.sigmoid),
    "rbf": (rbf_kernel, kernels.rbf),
    "gaussian": (partial(gaussian_kernel, sigma=1.5), partial(kernels.gaussian, sigma=1.5)),
    "laplace": (laplace_kernel, kernels.laplace),
    "cosine": (cosine_kernel, kernels.cosine),
}
CLOSE = {"rtol": 2e-5, "atol": 2e-5}


METRICS = {"none": None, "vector": VECTOR, "matrix": POSITIVE}
CASES = [(name, theta) for name in PAIRS for theta in METRICS if (name, theta) != ("laplace", "matrix")]
EVERYDAY = [
    ("linear", "none"),
    ("polynomial", "vector"),
    ("rbf", "matrix"),
    ("laplace", "vector"),
    ("cosine", "matrix"),
]


@pytest.mark.fast
@pytest.mark.parametrize("case", seldom_but(CASES, *EVERYDAY), ids=str)
def test_matches_the_definition_with_every_metric(case):
    (kernel, definition), theta = PAIRS[case[0]], METRICS[case[1]]
    np.testing.assert_allclose(kernel(X, Y, theta=theta), definition(X, Y, theta), **CLOSE)
    np.testing.assert_allclose(kernel(X, theta=theta), definition(X, X, theta), **CLOSE)


@pytest.mark.fast
def test_scikit_learn_agrees():
    pairwise = pytest.importorskip("sklearn.metrics.pairwise")
    for ours, theirs in (
        (linear_kernel(X, Y), pairwise.linear_kernel(X, Y)),
        (polynomial_kernel(X, Y, r=1.0), pairwise.polynomial_kernel(X, Y)),
        (sigmoid_kernel(X, Y, r=1.0), pairwise.sigmoid_kernel(X, Y)),
        (rbf_kernel(X, Y), pairwise.rbf_kernel(X, Y)),
        (laplace_kernel(X, Y), pairwise.laplacian_kernel(X, Y)),
        (cosine_kernel(X, Y), pairwise.cosine_similarity(X, Y)),
    ):
        np.testing.assert_allclose(ours, theirs, **CLOSE)


def test_scipys_mahalanobis_distance_is_the_root():
    distance = pytest.importorskip("scipy.spatial.distance")
    wanted = distance.cdist(X, Y, "mahalanobis", VI=POSITIVE)
    np.testing.assert_allclose(np.sqrt(linear_distance(X, Y, theta=POSITIVE)), wanted, **CLOSE)


@pytest.mark.fast
def test_the_gaussian_kernel_has_the_factor_two():
    np.testing.assert_allclose(
        gaussian_kernel(X, Y, sigma=1.5), np.exp(-kernels.distance(X, Y) / 4.5), **CLOSE
    )
    np.testing.assert_allclose(gaussian_kernel(X, Y), rbf_kernel(X, Y), **CLOSE)


def test_a_square_theta_is_always_a_matrix_and_a_batch_of_diagonals_has_an_axis_for_it():
    diagonals = RNG.uniform(0.2, 2, (D, D)).astype(np.float32)  # as many as features
    as_matrix = linear_kernel(X, Y, theta=diagonals)
    np.testing.assert_allclose(as_matrix, kernels.linear(X, Y, diagonals), **CLOSE)
    for kernel, definition in (PAIRS["linear"], PAIRS["rbf"], PAIRS["laplace"]):
        batch = kernel(X, Y, theta=diagonals[:, None])
        assert batch.shape == (D, 7, 5)
        for got, diagonal in zip(batch, diagonals, strict=True):
            np.testing.assert_allclose(got, definition(X, Y, diagonal), **CLOSE)


def test_a_batch_of_matrices_is_no_axis_of_observations():
    matrices = np.stack([POSITIVE] * 5) * np.arange(1, 6, dtype=np.float32)[:, None, None]
    got = linear_distance(X, Y, theta=matrices)  # Y has five observations, too
    np.testing.assert_allclose(got[2], kernels.distance(X, Y, 3 * POSITIVE), **CLOSE)


def test_theta_is_used_as_it_is():
    assert linear_kernel(np.ones((1, 1)), theta=np.array([3.0]))[0, 0] == 3
    assert linear_distance(np.zeros((1, 2)), np.ones((1, 2)), theta=np.diag([3.0, 4.0]))[0, 0] == 7
    skewed = np.array([[3.0, 2.0], [0.0, 3.0]])  # a quadratic form has only its symmetric part
    np.testing.assert_allclose(linear_kernel(np.eye(2), theta=skewed), skewed)
    np.testing.assert_allclose(
        linear_distance(np.eye(2), theta=skewed), kernels.distance(np.eye(2), np.eye(2), skewed)
    )


@pytest.mark.parametrize("name", seldom_but(["linear", "rbf", "laplace", "cosine"], "rbf", "laplace"))
def test_leading_axes_broadcast(name):
    kernel, definition = PAIRS[name]
    x, y = RNG.normal(size=(3, 1, 4, D)).astype(np.float32), RNG.normal(size=(2, 5, D)).astype(np.float32)
    got = kernel(x, y)
    assert got.shape == (3, 2, 4, 5)
    np.testing.assert_allclose(got, definition(np.broadcast_to(x, (3, 2, 4, D)), y), **CLOSE)


@pytest.mark.fast
def test_a_zero_vector_has_cosine_zero_and_gradient_zero():
    x = np.vstack([X, np.zeros((1, D), np.float32)])
    assert (cosine_kernel(x, Y)[-1] == 0).all()
    grad = jax.grad(lambda x: cosine_kernel(x, Y).sum())(jnp.asarray(x))
    assert np.isfinite(grad).all()
    assert (grad[-1] == 0).all()


def test_tiny_and_huge_rows_are_normalised_all_the_same():
    for scale in (1e-30, 1e30):
        np.testing.assert_allclose(cosine_kernel(X * np.float32(scale), Y), kernels.cosine(X, Y), **CLOSE)
        np.testing.assert_allclose(parameterised_norm(X * np.float32(scale)), kernels.normalised(X), **CLOSE)


@pytest.mark.parametrize("squared", [False, True])
def test_the_parameterised_norm_gives_normalised_rows(squared):
    for theta in (None, VECTOR, POSITIVE):
        got = parameterised_norm(X, theta=theta, squared=squared)
        np.testing.assert_allclose(got, kernels.normalised(X, theta, squared), rtol=1e-4, atol=1e-4)
    assert np.isnan(parameterised_norm(np.array([[1.0, 0.0]]), theta=np.array([-1.0, 1.0]))).any()


@pytest.mark.fast
def test_distances_do_not_depend_on_the_origin():
    # The expanded square of uncentred rows would be wrong by 10 here.
    far = jax.jit(linear_distance)(X + np.float32(4096), Y + np.float32(4096))
    near = kernels.distance(np.float32(X + np.float32(4096)), np.float32(Y + np.float32(4096)))
    np.testing.assert_allclose(far, near, rtol=1e-5, atol=1e-5)


def test_the_error_of_a_distance_is_a_few_roundings_of_the_spread():
    x = np.random.default_rng(3).normal(size=(300, 16)).astype(np.float32)
    y = x + np.float32(1e-3) * np.random.default_rng(4).normal(size=x.shape).astype(np.float32)
    for theta in (None, np.linspace(0.1, 3, 16).astype(np.float32)):
        wanted = kernels.distance(x, y, theta)
        centre = np.vstack([x, y]).astype(float).mean(0)
        norms = [kernels.distance(z, centre[None], theta) for z in (x, y)]
        error = np.abs(jax.jit(linear_distance)(x, y, theta=theta) - wanted)
        assert (error <= 1e-6 * (norms[0] + norms[1].T)).all()
        assert (np.asarray(linear_distance(x, y, theta=theta)) >= 0).all()


def test_the_diagonal_of_a_distance_is_exactly_zero():
    x = np.random.default_rng(3).normal(size=(50, 16)).astype(np.float32) + 100
    assert (np.diag(linear_distance(x)) == 0).all()
    assert (np.diag(rbf_kernel(x)) == 1).all()
    assert (np.diag(laplace_kernel(x)) == 1).all()


NARROW = [(name, dtype) for name in PAIRS for dtype in ("float16", "bfloat16", "int32")]


@pytest.mark.parametrize(
    "case", seldom_but(NARROW, ("rbf", "bfloat16"), ("laplace", "float16"), ("linear", "int32")), ids=str
)
def test_narrow_floats_and_integers(case):
    name, dtype = case
    kernel, definition = PAIRS[name]
    x, y = jnp.asarray(3 * X).astype(dtype), jnp.asarray(3 * Y).astype(dtype)
    got = kernel(x, y)
    assert got.dtype == (jnp.float32 if dtype == "int32" else dtype)
    wanted = definition(np.asarray(x).astype(float), np.asarray(y).astype(float))
    rounding = {"float16": 1e-3, "bfloat16": 8e-3, "int32": 2e-6}[dtype]
    np.testing.assert_allclose(np.asarray(got).astype(float), wanted, rtol=rounding, atol=10 * rounding)


@pytest.mark.parametrize("name", seldom_but(PAIRS, "rbf", "cosine"))
def test_float64(name, x64):
    kernel, definition = PAIRS[name]
    x, y = X.astype(float), Y.astype(float)
    got = kernel(x, y)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, definition(x, y), rtol=1e-12, atol=1e-13)


def test_wide_integers_of_the_host_are_rounded_and_not_wrapped():
    assert linear_distance(np.array([[2**40]]), np.array([[0]]))[0, 0] == 2.0**80


@pytest.mark.parametrize("name", seldom_but(PAIRS, "rbf", "laplace"))
def test_empty_sides(name):
    kernel, _ = PAIRS[name]
    assert kernel(np.zeros((0, D), np.float32), Y).shape == (0, 5)
    assert kernel(np.zeros((2, 0), np.float32), np.zeros((3, 0), np.float32)).shape == (2, 3)


def test_nan_stays_in_its_row():
    x = X.copy()
    x[2, 1] = np.nan
    for name in ("linear", "distance", "rbf", "laplace", "cosine"):
        kernel, definition = PAIRS[name]
        got = np.asarray(kernel(x, Y))
        assert np.isnan(got[2]).all()
        np.testing.assert_allclose(np.delete(got, 2, 0), definition(np.delete(X, 2, 0), Y), **CLOSE)


def test_traced_widths_that_would_be_refused_give_nan():
    assert np.isnan(jax.jit(lambda s: gaussian_kernel(X, Y, sigma=s))(-1.0)).all()
    assert np.isnan(jax.jit(lambda g: rbf_kernel(X, Y, gamma=g))(-1.0)).all()
    assert np.isnan(jax.jit(lambda t: laplace_kernel(X, Y, theta=t))(-VECTOR)).all()
    np.testing.assert_allclose(
        jax.jit(lambda s: gaussian_kernel(X, Y, sigma=s))(1.5), kernels.gaussian(X, Y, None, 1.5), **CLOSE
    )


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: linear_kernel(X, Y[:, :3]),
            ValueError,
            "X0 has 4 features but X1 has 3; they must be the same",
        ),
        (lambda: linear_kernel(X[0]), ValueError, r"X0 has shape \(4,\); give observations by features"),
        (
            lambda: rbf_kernel(X, theta=np.ones(3)),
            ValueError,
            r"theta has shape \(3,\), but there are 4 features",
        ),
        (lambda: rbf_kernel(X, theta=np.ones((2, 4))), ValueError, r"or a batch of diagonals \[... 1 4\]"),
        (lambda: rbf_kernel(X, theta=-VECTOR), ValueError, "weights must not be negative"),
        (
            lambda: laplace_kernel(X, theta=POSITIVE),
            ValueError,
            "is a matrix, which absolute differences cannot be",
        ),
        (lambda: rbf_kernel(X, gamma=-1.0), ValueError, "gamma=-1.0 must be finite and not negative"),
        (lambda: gaussian_kernel(X, sigma=0.0), ValueError, "sigma=0.0 must be finite and positive"),
        (
            lambda: gaussian_kernel(X, sigma=np.ones(2)),
            ValueError,
            r"sigma has shape \(2,\); give one number",
        ),
        (lambda: polynomial_kernel(X, order=2.5), TypeError, "order=2.5 must be an integer"),
        (lambda: polynomial_kernel(X, order=-1), ValueError, "order=-1 must not be negative"),
        (lambda: sigmoid_kernel(X, r=np.inf), ValueError, "r=inf must be finite"),
        (lambda: linear_kernel(X * 1j), TypeError, "X0 has dtype complex64; give real numbers"),
        (
            lambda: linear_kernel(np.zeros((2, 3, 4)), np.zeros((3, 3, 4))),
            ValueError,
            "leading axes do not broadcast",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()


@given(hnp.arrays(np.float32, (4, 3), elements={"min_value": -8, "max_value": 8}))
def test_kernels_are_symmetric_and_bounded(x):
    for kernel in (rbf_kernel, laplace_kernel):
        k = np.asarray(kernel(x))
        np.testing.assert_array_equal(np.diag(k), 1)
        np.testing.assert_allclose(k, k.T, rtol=1e-4, atol=1e-7)
        assert ((k >= 0) & (k <= 1)).all()
