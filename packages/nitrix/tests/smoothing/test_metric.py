"""Metrics of feature space: what they project, what they refuse, and their derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from nitrix.smoothing import (
    DiagonalMetric,
    FactorMetric,
    FeatureMetric,
    block_diagonal_metric,
    metric_from_spd,
)
from support.gradients import check_gradients


def spd(n=3, seed=0):
    root = np.random.default_rng(seed).normal(size=(n, n))
    return root @ root.T + 0.5 * np.eye(n)


DELTAS = np.random.default_rng(1).normal(size=(2, 5, 3))


@pytest.mark.fast
def test_projections(x64):
    sigma, factor = np.array([0.5, 2.0, np.inf]), np.random.default_rng(2).normal(size=(3, 2))
    got = DiagonalMetric(sigma).project(DELTAS)
    np.testing.assert_allclose(got, DELTAS / sigma, 1e-15)
    np.testing.assert_allclose(FactorMetric(factor).project(DELTAS), DELTAS @ factor, 1e-14)
    for metric in (DiagonalMetric(sigma), FactorMetric(factor)):
        assert isinstance(metric, FeatureMetric)
        assert metric.n_features == 3


def test_a_feature_that_is_left_out_may_hold_anything():
    got = DiagonalMetric([1.0, np.inf]).project(np.array([2.0, np.nan], "f4"))
    np.testing.assert_array_equal(got, [2.0, 0.0])


def test_blocks_are_measured_apart(x64):
    blocks = [spd(2, 3), np.array([[2.0]]), np.random.default_rng(4).normal(size=(3, 1))]
    metric = block_diagonal_metric(blocks)
    np.testing.assert_array_equal(metric.factor, scipy.linalg.block_diag(*blocks))
    deltas = np.random.default_rng(5).normal(size=(4, 6))
    got = np.square(np.asarray(metric.project(deltas))).sum(1)
    parts = zip(blocks, np.split(deltas, [2, 3], axis=1))
    np.testing.assert_allclose(got, sum(np.square(d @ b).sum(1) for b, d in parts), 1e-13)


@pytest.mark.fast
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_distance_of_a_precision_matrix(x64, dtype):
    matrix = spd().astype(dtype)
    projected = np.asarray(metric_from_spd(matrix).project(DELTAS.astype(dtype)))
    assert projected.dtype == dtype
    want = np.einsum("...i,ij,...j", DELTAS, spd(), DELTAS)
    np.testing.assert_allclose(
        np.square(np.float64(projected)).sum(-1), want, 1e-12 if dtype == "float64" else 2e-6
    )


@pytest.mark.parametrize("dtype", ["bfloat16", "int32"])
def test_short_floats_and_integers_are_widened(dtype):
    metric = metric_from_spd(jnp.asarray([[4, 2], [2, 3]], dtype))
    assert metric.factor.dtype == jnp.float32
    np.testing.assert_allclose(metric.factor @ metric.factor.T, [[4, 2], [2, 3]], 1e-6)
    assert DiagonalMetric(jnp.ones(2, dtype)).sigma.dtype == jnp.float32
    # What is projected comes back in its own dtype, as far as that holds fractions.
    back = dtype if dtype == "bfloat16" else "float32"
    assert DiagonalMetric([1.0, 2.0]).project(jnp.ones(2, dtype)).dtype == back


def test_they_are_pytrees(x64):
    for metric in (DiagonalMetric(np.ones(3)), metric_from_spd(spd())):
        got = jax.jit(lambda m: jax.tree.map(lambda x: 2 * x, m))(metric)
        assert type(got) is type(metric)
        np.testing.assert_allclose(jax.tree.leaves(got)[0], 2 * jax.tree.leaves(metric)[0])
    stacked = jax.vmap(DiagonalMetric)(np.ones((4, 3)))
    assert stacked.sigma.shape == (4, 3)
    assert jax.tree.map(lambda _: None, stacked, is_leaf=lambda x: x is None).sigma is None


def test_gradients(x64):
    def from_sigma(sigma, deltas):
        return DiagonalMetric(sigma).project(deltas)

    check_gradients(from_sigma, np.array([0.5, 2.0, 1.0]), DELTAS[0])

    def from_root(root):
        return metric_from_spd(root @ root.T).project(DELTAS[0])

    check_gradients(from_root, np.linalg.cholesky(spd()), order=1)

    def from_blocks(a, b):
        return block_diagonal_metric([a, b]).project(DELTAS[0])

    check_gradients(from_blocks, spd(2), np.array([[2.0]]), order=1)


def test_a_traced_matrix_that_is_not_positive_definite_gives_nan():
    factor = jax.jit(lambda m: metric_from_spd(m).factor)(-np.eye(2, dtype="f4"))
    assert np.isnan(factor).any()
    assert np.isnan(jax.jit(lambda s: DiagonalMetric(s).project(jnp.ones(2)))(np.array([1, -1], "f4"))).any()


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("make", "given", "error", "words"),
    [
        (
            DiagonalMetric,
            [1.0, 0.0],
            ValueError,
            r"sigma\[1\] is 0.0; a standard deviation is positive, or inf",
        ),
        (DiagonalMetric, [np.nan], ValueError, r"sigma\[0\] is nan"),
        (DiagonalMetric, 1.0, ValueError, r"sigma has shape \(\); give one number for each feature"),
        (DiagonalMetric, np.ones(2, "c8"), TypeError, "sigma is of dtype complex64; give real numbers"),
        (FactorMetric, [1.0], ValueError, r"factor has shape \(1,\); give a matrix"),
        (FactorMetric, [[1.0, np.inf]], ValueError, r"factor\[0, 1\] is inf; give finite numbers"),
        (block_diagonal_metric, [], ValueError, "blocks is empty; give at least one factor"),
        (block_diagonal_metric, [[[1.0]], [2.0]], ValueError, r"blocks\[1\] has shape \(1,\); give a matrix"),
        (metric_from_spd, np.ones((2, 3)), ValueError, r"spd has shape \(2, 3\); give a square matrix"),
        (metric_from_spd, [[1.0, 0.5], [0.0, 1.0]], ValueError, r"not symmetric, .* differ by up to 0.5"),
        (
            metric_from_spd,
            [[1.0, 2.0], [2.0, 1.0]],
            ValueError,
            "not positive definite, .* is -1; .*FactorMetric",
        ),
        (metric_from_spd, [[1.0, 1.0], [1.0, 1.0]], ValueError, "not positive definite"),
        (metric_from_spd, [[np.nan]], ValueError, r"spd\[0, 0\] is nan; give finite numbers"),
        (metric_from_spd, [["a"]], TypeError, "spd is of dtype .*; give real numbers"),
    ],
)
def test_bad_input_is_refused_in_words(make, given, error, words):
    with pytest.raises(error, match=f"{make.__name__}: .*{words}"):
        make(given)
