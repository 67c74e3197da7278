"""The affinity of time series against its definition and BrainSpace's, without the matrix of all pairs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.graph import affinity_from_time_series, diffusion_embedding, laplacian_eigenmap
from nitrix.graph.connectopy import affinity as module
from nitrix.graph.connectopy._largest import largest_of_rows
from support import connectopy as oracle
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but
from support.memory import compiled_memory, form, peak_rss_growth


def series(n=40, obs=60, seed=0):
    return np.random.default_rng(seed).normal(size=(n, obs)).cumsum(axis=0)


def matrix(affinity):
    return np.asarray(affinity.matmul(jnp.eye(affinity.n, dtype=affinity.degree.dtype)))


quickly = functools.partial(jax.jit, static_argnames=("sparsity",), compiler_options=QUICK_COMPILE)
affinity = quickly(affinity_from_time_series)


@pytest.mark.parametrize("block", seldom_but([40 * 40, 40 * 7], 40 * 7))
@pytest.mark.fast
def test_affinity_is_that_of_the_definition(x64, monkeypatch, block):
    monkeypatch.setattr(module, "BLOCK", block)  # the shape is that of no other test
    x = series(obs=61 if block == 40 * 7 else 62)
    got = affinity(x, sparsity=0.75)
    wanted = oracle.affinity(x, 0.75)
    np.testing.assert_allclose(matrix(got), wanted, atol=1e-12)
    np.testing.assert_allclose(got.degree, wanted.sum(1), atol=1e-12)
    np.testing.assert_allclose(got.diagonal, np.diag(wanted), atol=1e-12)
    assert got.n == 40
    assert got.values.shape == got.indices.shape == (40, 10)


def test_affinity_agrees_with_brainspace():
    kernels = pytest.importorskip("brainspace.gradient.kernels")
    x = series()
    wanted = kernels.compute_affinity(np.corrcoef(x), kernel="cosine", sparsity=0.75)
    np.testing.assert_allclose(matrix(affinity(np.float32(x), sparsity=0.75)), wanted, atol=1e-5)


def test_a_tenth_of_twenty_is_two():
    # (1 - 0.9) * 20 is 1.9999999999999996.
    made = jax.eval_shape(lambda x: affinity_from_time_series(x, sparsity=0.9), form(20, 30))
    assert made.values.shape == (20, 2)


def test_largest_entries_are_exact_and_of_equal_ones_the_first():
    x = np.random.default_rng(0).integers(-4, 4, size=(7, 300)).astype(np.float32)
    call = jax.jit(lambda x: largest_of_rows(x, 37), compiler_options=QUICK_COMPILE)
    got = np.sort(call(x), axis=1)
    wanted = np.sort(np.argsort(-x, axis=1, kind="stable")[:, :37], axis=1)
    np.testing.assert_array_equal(got, wanted)


def test_scale_and_offset_of_a_series_do_not_matter():
    x = series()
    scales = 10.0 ** np.random.default_rng(1).uniform(-20, 20, size=(40, 1))
    got = affinity(np.float32(x * scales), sparsity=0.75)
    np.testing.assert_allclose(matrix(got), oracle.affinity(np.float32(x), 0.75), atol=2e-5)


@pytest.mark.parametrize("embed", seldom_but([diffusion_embedding, laplacian_eigenmap], diffusion_embedding))
def test_embeddings_of_series_are_those_of_the_matrix(embed):
    x = np.float32(series())
    call = jax.jit(lambda graph: embed(graph, n_components=3), compiler_options=QUICK_COMPILE)
    got = call(affinity(x, sparsity=0.75))
    definition = oracle.diffusion if embed is diffusion_embedding else oracle.eigenmaps
    wanted = definition(oracle.affinity(x, 0.75), 3)
    np.testing.assert_allclose(got.maps, wanted[0], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(got.eigenvalues, wanted[1], rtol=1e-4)


def test_derivatives_of_the_affinity(x64):
    y = np.random.default_rng(2).normal(size=(10, 2))
    call = lambda x: affinity_from_time_series(x, sparsity=0.5).matmul(y)
    check_gradients(call, series(10, 20), order=1, rtol=1e-5)


@pytest.mark.slow
def test_derivatives_of_gradients_in_the_series(x64):
    def call(x):
        found = diffusion_embedding(affinity_from_time_series(x, sparsity=0.5), n_components=2)
        return jnp.concatenate([found.maps.ravel(), found.eigenvalues])

    check_gradients(call, series(10, 20), order=1, step=1e-6, rtol=1e-5)


@pytest.mark.parametrize("dtype", seldom_but(["int32", "bfloat16"], "bfloat16"))
def test_integers_and_short_floats(dtype):
    x = jnp.asarray(np.round(series())).astype(dtype)
    got = affinity(x, sparsity=0.75)
    assert got.values.dtype == "float32"
    np.testing.assert_allclose(matrix(got), oracle.affinity(np.asarray(x, float), 0.75), atol=1e-5)


def test_bad_series_are_refused_in_words(unchecked):
    x = series()
    x[[3, 7]] = 2.0
    with pytest.raises(ValueError, match="vertex 3 is constant or not finite, as are 2 of 40.*leave such"):
        affinity_from_time_series(x)
    assert np.isnan(affinity(np.float32(x), sparsity=0.75).degree).any()
    with pytest.raises(ValueError, match=r"series has shape \(60,\)"):
        affinity_from_time_series(x[0])
    with pytest.raises(ValueError, match="sparsity=1.0 must be from 0 to below 1"):
        affinity_from_time_series(x, sparsity=1.0)
    with pytest.raises(ValueError, match="sparsity=0.97 keeps 1 of 40 entries"):
        affinity_from_time_series(x, sparsity=0.97)
    with pytest.raises(TypeError, match="series has dtype complex"):
        affinity_from_time_series(x + 0j)


@pytest.mark.slow
def test_nothing_of_the_size_of_the_matrix_is_made():
    n = 20_000
    plan = compiled_memory(lambda x: affinity_from_time_series(x), form(n, 50))
    assert plan.temporaries < 0.6 * 4 * n * n  # what is kept is 0.2 of it, and a block of correlations 0.02


@pytest.mark.slow
def test_diffusion_map_of_two_hemispheres_fits_in_three_gigabytes():
    setup = """
import numpy as np
from nitrix.graph import affinity_from_time_series, diffusion_embedding
x = np.random.default_rng(0).normal(size=(20_484, 652)).astype(np.float32)
x += x[:, :40] @ np.random.default_rng(1).normal(size=(40, 652)).astype(np.float32)
"""
    call = """
found = diffusion_embedding(affinity_from_time_series(x), n_components=10)
assert bool(found.converged)
"""
    assert peak_rss_growth(setup, call, timeout=1800) < 3e9
