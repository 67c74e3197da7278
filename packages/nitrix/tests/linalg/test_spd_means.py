"""Means of positive definite matrices: against their definitions, pyRiemann and closed forms, with derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.linalg import (
    karcher_mean,
    mean_euclidean,
    mean_geometric,
    mean_harmonic,
    mean_kullback,
    mean_log_euclidean,
)
from support import spd
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but

MEANS = {
    "euclidean": (mean_euclidean, lambda x: np.mean(x, axis=0)),
    "log_euclidean": (mean_log_euclidean, spd.log_euclidean),
    "harmonic": (mean_harmonic, spd.harmonic),
    "geometric": (mean_geometric, spd.geometric),
    "kullback": (lambda x, **options: mean_kullback(x, 0.3, **options), lambda x: spd.kullback(x, 0.3)),
}


@pytest.mark.parametrize("name", seldom_but(MEANS, "geometric"))
@pytest.mark.fast
def test_means_over_any_axes(x64, name):
    # Over any axis but the first the geometric mean raised, or mixed the batch with the set.
    mean, definition = MEANS[name]
    x = spd.matrices(3, 3, 2, 4)
    wanted = definition(x[1, :, 1])
    np.testing.assert_allclose(mean(x, axis=1)[1, 1], wanted, atol=1e-12 * np.abs(wanted).max())
    assert mean(x, axis=1).shape == (3, 2, 4, 4)
    wanted = definition(x[:, :, 1].reshape(-1, 4, 4))
    np.testing.assert_allclose(mean(x, axis=(0, -4))[1], wanted, atol=1e-12 * np.abs(wanted).max())


@pytest.mark.parametrize("name", seldom_but(MEANS, "geometric"))
def test_float32_means(name):
    mean, definition = MEANS[name]
    x = spd.matrices(5, 4)
    got = mean(np.float32(x))
    assert got.dtype == "float32"
    np.testing.assert_allclose(got, definition(x), atol=3e-5 * np.abs(x).max())


def test_means_agree_with_pyriemann(x64):
    riemann = pytest.importorskip("pyriemann.geometry.mean")
    x = spd.matrices(6, 5, condition=1e3)
    weights = np.array([1.0, 2, 3, 4, 5, 0])
    theirs = riemann.mean_riemann(x, sample_weight=weights, tol=1e-9, maxiter=200)
    np.testing.assert_allclose(mean_geometric(x, weights=weights), theirs, atol=1e-8 * np.abs(theirs).max())
    np.testing.assert_allclose(mean_log_euclidean(x), riemann.mean_logeuclid(x), atol=1e-10 * np.abs(x).max())
    np.testing.assert_allclose(mean_harmonic(x), riemann.mean_harmonic(x), atol=1e-10 * np.abs(x).max())
    np.testing.assert_allclose(
        mean_kullback(x, 0.5), riemann.mean_kullback_sym(x), atol=1e-10 * np.abs(x).max()
    )


def test_two_matrices_have_their_geometric_mean_in_closed_form(x64):
    # A fixed number of ten unit steps missed it by 3e-6.
    x = spd.matrices(2, 5, condition=1e4)
    middle = spd.geodesic(x[0], x[1], 0.5)
    np.testing.assert_allclose(mean_geometric(x), middle, atol=1e-11 * np.abs(middle).max())
    np.testing.assert_allclose(mean_kullback(x, 0.5), middle, atol=1e-11 * np.abs(middle).max())
    share = spd.geodesic(x[0], x[1], 0.25)
    np.testing.assert_allclose(
        mean_geometric(x, weights=np.array([3.0, 1.0])), share, atol=1e-11 * np.abs(share).max()
    )


@pytest.mark.slow
def test_kullback_mean_joins_arithmetic_and_harmonic_mean(x64):
    x = spd.matrices(4, 3)
    np.testing.assert_allclose(mean_kullback(x, 0.0), mean_euclidean(x), atol=1e-12 * x.max())
    np.testing.assert_allclose(mean_kullback(x, 1.0), mean_harmonic(x), atol=1e-12 * x.max())


def test_report_says_whether_the_iteration_converged(x64):
    # The tolerance had no effect: all steps were always taken.
    x = np.stack([spd.matrices(4, 3), np.broadcast_to(2 * np.eye(3), (4, 3, 3))])
    report = karcher_mean(x, axis=1)
    assert report.converged.all()
    assert 3 <= int(report.iterations[0]) < 30
    assert int(report.iterations[1]) == 0  # of equal matrices the first guess is the mean
    assert (report.step <= 8 * 3 * np.finfo(float).eps).all()
    short = karcher_mean(x, axis=1, max_iter=2)
    np.testing.assert_array_equal(short.converged, [False, True])
    assert int(short.iterations[0]) == 2
    assert float(short.step[0]) > 1e-6
    loose = karcher_mean(x, axis=1, tol=1e-2)
    assert loose.converged.all()
    assert int(loose.iterations[0]) < int(report.iterations[0])
    gradient = np.mean([spd.tangent(one, np.asarray(short.mean[0])) for one in x[0]], axis=0)
    np.testing.assert_allclose(short.step[0], np.sqrt(np.sum(gradient**2) / 3), rtol=1e-8)


def test_ill_conditioned_sets_converge(x64):
    # The unit step diverges here.
    x = spd.matrices(8, 4, condition=1e5)
    report = karcher_mean(x, tol=1e-10, max_iter=200)
    assert bool(report.converged)
    gradient = np.mean([spd.tangent(one, np.asarray(report.mean)) for one in x], axis=0)
    assert np.abs(gradient).max() < 1e-9


def test_geometric_mean_commutes_with_congruence(x64):
    x = spd.matrices(4, 3)
    a = np.random.default_rng(5).normal(size=(3, 3))
    moved = mean_geometric(a @ x @ a.T)
    np.testing.assert_allclose(
        moved, a @ np.asarray(mean_geometric(x)) @ a.T, atol=1e-11 * np.abs(moved).max()
    )


def test_gradient_of_the_geometric_mean_is_exact(x64):
    # Of two matrices it is that of the closed form, by reverse mode through the fixed point.
    x = spd.matrices(3, 3)
    w = np.array([1.0, 2.0, 0.5])
    check_gradients(lambda x, w: mean_geometric(x, weights=w), x, w, order=1)


@pytest.mark.slow
def test_second_derivatives_of_the_geometric_mean(x64):
    x = np.concatenate([np.eye(3)[None], np.diag([1.0, 2.0, 2.0])[None], spd.matrices(1, 3)])
    check_gradients(mean_geometric, x, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["log_euclidean", "harmonic", "kullback"])
def test_gradients_of_the_other_means_at_ties(x64, name):
    x = np.concatenate([np.eye(3)[None], np.diag([1.0, 2.0, 2.0])[None], spd.matrices(1, 3)])
    check_gradients(MEANS[name][0], x, order=1)


@pytest.mark.parametrize("mean", [mean_log_euclidean, pytest.param(mean_geometric, marks=pytest.mark.slow)])
def test_gradient_where_all_matrices_are_equal(x64, mean):
    # Each matrix moves the mean by its share.
    x = np.broadcast_to(np.eye(3), (4, 3, 3))
    gradient = jax.jit(jax.grad(lambda x: mean(x)[0, 0]), compiler_options=QUICK_COMPILE)(x)
    np.testing.assert_allclose(gradient, np.broadcast_to(np.diag([0.25, 0, 0]), x.shape), atol=1e-12)


@pytest.mark.slow
def test_singular_matrices_have_finite_means():
    x = np.zeros((3, 4, 4), np.float32)
    x[0] += np.eye(4)
    x[1, :2, :2] = np.eye(2)
    x[2] += 1
    for mean, _ in MEANS.values():
        assert np.isfinite(mean(x)).all()


def test_one_set_more_or_less():
    x = np.float32(spd.matrices(1, 3))
    np.testing.assert_allclose(mean_geometric(x), x[0], rtol=1e-4, atol=1e-4)
    assert mean_geometric(np.zeros((0, 2, 3, 3), np.float32), axis=1).shape == (0, 3, 3)
    assert mean_euclidean(jnp.zeros((2, 0, 0))).shape == (0, 0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: mean_euclidean(np.ones((2, 3, 3)), axis=1),
            r"axis=1 is none of the 1 axes before the matrices'",
        ),
        (lambda: mean_harmonic(np.ones((3, 3))), r"axis=0 is none of the 0 axes"),
        (lambda: mean_euclidean(np.ones((2, 4, 3, 3)), axis=(0, -4)), "must name each axis once"),
        (lambda: mean_geometric(np.ones((0, 3, 3))), "there is no matrix to average"),
        (
            lambda: karcher_mean(np.ones((2, 3, 3)), weights=np.ones(3)),
            r"weights has shape \(3,\) but .* \(2,\)",
        ),
        (
            lambda: karcher_mean(np.ones((2, 3, 3)), weights=-np.ones(2)),
            "finite, not negative, and not all zero",
        ),
        (lambda: karcher_mean(np.ones((2, 3, 3)), tol=-1.0), r"tol=-1\.0 must be finite and not negative"),
        (lambda: karcher_mean(np.ones((2, 3, 3)), max_iter=-1), "max_iter=-1 must not be negative"),
    ],
)
def test_bad_input_is_refused_in_words(unchecked, call, words):
    with pytest.raises(ValueError, match=words):
        call()
