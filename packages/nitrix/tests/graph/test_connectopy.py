"""Eigenmaps and diffusion maps: values from the definitions, BrainSpace and SciPy, the report, bad input in words."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from jax import Array
from nitrix.graph import (
    diffusion_embedding,
    diffusion_mapping,
    laplacian_eigenmap,
    laplacian_eigenmaps,
)
from nitrix.graph.connectopy import _eigenpairs
from nitrix.sparse import ELL, ell_from_dense, sectioned_ell_from_ell
from nitrix.sparse.mesh import icosphere, mesh_k_ring_adjacency
from support import connectopy as oracle
from support.gradients import QUICK_COMPILE
from support.marks import seldom_but


class Products(NamedTuple):
    """A matrix behind its products."""

    matrix: Array
    degree: Array
    diagonal: Array

    @property
    def n(self):
        return self.degree.shape[-1]

    def matmul(self, x):
        return jnp.matmul(self.matrix, x, precision="highest")


def products_of(a):
    a = jnp.asarray(a)
    return Products(a, a.sum(-1), jnp.diagonal(a))


def sectioned(a):
    return sectioned_ell_from_ell(ell_from_dense(a))


FORMS = {"dense": jnp.asarray, "ELL": ell_from_dense, "sectioned": sectioned, "operator": products_of}


@pytest.fixture
def iterative(monkeypatch):
    """Let small graphs be served as large ones are, by products with blocks."""
    monkeypatch.setattr(_eigenpairs, "DENSE", 0)


# Compiled in a fraction of the time, once for each shape; bad graphs are not refused then.
quickly = functools.partial(jax.jit, static_argnames=("n_components",), compiler_options=QUICK_COMPILE)
eigenmap, diffusion = quickly(laplacian_eigenmap), quickly(diffusion_embedding)


@functools.cache
def sphere(level):
    """The edges of an icosphere, each of weight 1."""
    return mesh_k_ring_adjacency(icosphere(level), k=1)


def as_scipy(ell):
    """The normalised matrix S of a sparse graph, in float64."""
    at = np.broadcast_to(np.arange(ell.n_rows)[:, None], ell.indices.shape)
    entries = np.float64(ell.values) * np.asarray(ell.valid)
    a = scipy.sparse.csr_matrix((entries.ravel(), (at.ravel(), np.asarray(ell.indices).ravel())))
    root = scipy.sparse.diags(np.asarray(a.sum(1)).ravel() ** -0.5)
    return root @ a @ root


@pytest.mark.parametrize("form", seldom_but(FORMS, "dense", "ELL"))
@pytest.mark.fast
def test_eigenmaps_are_those_of_the_definition(x64, form):
    a = oracle.weights(12)
    got = eigenmap(FORMS[form](a), n_components=3)
    maps, values = oracle.eigenmaps(a, 3)
    np.testing.assert_allclose(got.maps, maps, atol=1e-12)
    np.testing.assert_allclose(got.eigenvalues, values, atol=1e-12)
    assert got.maps.dtype == "float64"
    assert bool(got.converged)
    degree = (a - np.diag(np.diag(a))).sum(1)
    np.testing.assert_allclose(got.maps.T @ (degree[:, None] * got.maps), np.eye(3), atol=1e-12)


@pytest.mark.parametrize("form", seldom_but(FORMS, "dense", "operator"))
@pytest.mark.parametrize(("alpha", "t"), [(0.0, 0.0), (0.5, 0.0), (1.0, 3.0), (0.5, -1.0), (0.3, 0.5)])
def test_diffusion_maps_are_those_of_the_definition(x64, form, alpha, t):
    a = oracle.weights(12)
    a = a @ a  # positive eigenvalues, so that t may be 0.5
    got = diffusion(FORMS[form](a), n_components=3, alpha=alpha, t=t)
    maps, factors = oracle.diffusion(a, 3, alpha, t)
    np.testing.assert_allclose(got.maps, maps, atol=1e-11)
    np.testing.assert_allclose(got.eigenvalues, factors, rtol=1e-11)


def test_diffusion_maps_are_right_eigenvectors_of_the_walk(x64):
    # The older version took the eigenvectors of (P + P') / 2 instead.
    x = np.sort(np.random.default_rng(0).random(12)) ** 2
    a = np.exp(-((x[:, None] - x) ** 2) / 0.2)
    for alpha in (0.0, 0.5, 1.0):
        got = diffusion(a, n_components=3, alpha=alpha, t=0.0)
        density = a.sum(1) ** -alpha
        k = density[:, None] * a * density
        p = k / k.sum(1, keepdims=True)
        m = got.eigenvalues / (1 + got.eigenvalues)
        np.testing.assert_allclose(p @ got.maps, m * got.maps, atol=1e-9)
        older = np.linalg.eigh((p + p.T) / 2)[0][-2]
        assert abs(older - m[0]) > 2e-5


def test_self_loops_do_not_enter_eigenmaps(x64):
    # The older version took degrees with self-loops for the maps and without them for the Laplacian.
    bare, looped = oracle.weights(12, diagonal=False), oracle.weights(12)
    wanted = oracle.eigenmaps(bare, 3)[0]
    for form in (jnp.asarray, ell_from_dense):
        np.testing.assert_allclose(eigenmap(form(looped), n_components=3).maps, wanted, atol=1e-12)
    np.fill_diagonal(bare, np.nan)
    np.testing.assert_allclose(eigenmap(bare, n_components=3).maps, wanted, atol=1e-12)


def test_eigenmaps_agree_with_brainspace(x64):
    brainspace = pytest.importorskip("brainspace.gradient.embedding")
    a = oracle.weights(12, diagonal=False)
    maps, values = brainspace.laplacian_eigenmaps(a, n_components=3, random_state=0)
    got = eigenmap(a, n_components=3)
    np.testing.assert_allclose(got.eigenvalues, values, atol=1e-10)
    np.testing.assert_allclose(got.maps, oracle.signed(maps), atol=1e-8)


@pytest.mark.parametrize("batch", seldom_but([(4,), (2, 1), (0,)], (4,)))
def test_batches_stay_apart(batch):
    # With k + 1 matrices the older version scaled one by the other's eigenvalue; with other numbers it raised.
    a = np.array([oracle.weights(12, seed) for seed in range(4)])[: int(np.prod(batch))]
    a = np.float32(a).reshape(*batch, 12, 12)
    got = diffusion(a, n_components=3)
    assert got.maps.shape == (*batch, 12, 3)
    assert got.converged.shape == batch
    for i in np.ndindex(*batch):
        maps, factors = oracle.diffusion(a[i], 3)
        np.testing.assert_allclose(got.maps[i], maps, atol=2e-5)
        np.testing.assert_allclose(got.eigenvalues[i], factors, rtol=1e-5, atol=2e-6)


def test_aliases_are_the_same_functions():
    assert laplacian_eigenmaps is laplacian_eigenmap
    assert diffusion_mapping is diffusion_embedding


def test_order_and_signs_are_fixed(x64):
    a = oracle.weights(12, seed=4)
    smooth, walk = eigenmap(a, n_components=3), diffusion(a, n_components=3, alpha=0.5, t=0.0)
    assert (np.diff(smooth.eigenvalues) >= 0).all()
    assert (np.diff(walk.eigenvalues) <= 0).all()
    for maps in (np.asarray(smooth.maps), np.asarray(walk.maps)):
        assert (maps[np.abs(maps).argmax(0), np.arange(3)] > 0).all()


def test_small_eigenvalues_have_all_their_digits():
    n = 300  # of a path: 1 - cos(pi j / (n - 1)), of which 1 - m in float32 has two digits
    path = np.eye(n, k=1, dtype=np.float32) + np.eye(n, k=-1, dtype=np.float32)
    exact = 2 * np.sin(np.pi * np.arange(1, 4) / (2 * (n - 1))) ** 2
    np.testing.assert_allclose(eigenmap(path, n_components=3).eigenvalues, exact, rtol=1e-4)


# Large graphs.


@pytest.mark.parametrize("form", seldom_but(FORMS, "dense"))
def test_blocks_find_what_the_whole_matrix_has(x64, iterative, form):
    a = oracle.weights(48)
    a = a * (a > 1.1)
    got = diffusion(FORMS[form](a), n_components=3, tol=1e-12)
    maps, factors = oracle.diffusion(a, 3)
    assert bool(got.converged)
    assert int(got.products) > 0
    np.testing.assert_allclose(got.eigenvalues, factors, rtol=1e-10)
    np.testing.assert_allclose(got.maps, maps, atol=1e-9)


def test_a_spectrum_far_below_one_takes_few_products(iterative):
    # A cut as for meshes would lie above all of it, and the eigenvalue 1 would drown the others.
    loadings = np.maximum(np.random.default_rng(0).normal(size=(120, 40)) - 1, 0)
    a = np.float32(loadings @ loadings.T + 1)
    got = diffusion(a, n_components=10, tol=1e-6)
    assert bool(got.converged)
    assert int(got.products) < 25
    maps, factors = oracle.diffusion(a, 10)
    assert factors[0] < 0.2
    np.testing.assert_allclose(got.eigenvalues, factors, rtol=1e-4)
    np.testing.assert_allclose(got.maps, maps, atol=1e-3 * np.abs(maps).max())


@pytest.mark.parametrize("tol", [1e-4, 1e-6])
@pytest.mark.fast
def test_eigenmaps_of_a_sphere_agree_with_scipy(tol):
    graph = sphere(4)
    s = as_scipy(graph)
    wanted, vectors = scipy.sparse.linalg.eigsh(s, 9, sigma=1.0 + 1e-9, v0=np.ones(s.shape[0]))
    wanted, vectors = 1 - wanted[::-1][1:], vectors[:, ::-1][:, 1:]
    got = eigenmap(graph, n_components=8, tol=tol)  # the spaces of degree 1 and 2
    assert bool(got.converged)
    assert (got.residuals <= tol).all()
    np.testing.assert_allclose(got.eigenvalues, wanted, rtol=5e-5)
    v = np.float64(got.maps) * np.sqrt(np.float64(graph.valid.sum(1)))[:, None]
    np.testing.assert_allclose(v.T @ v, np.eye(8), atol=1e-5)
    residuals = np.linalg.norm(s @ v - v * (1 - np.float64(got.eigenvalues)), axis=0)
    np.testing.assert_allclose(got.residuals, residuals, rtol=0.5, atol=5e-7)
    for space in (slice(0, 3), slice(3, 8)):  # what the spaces share does not depend on how they are turned
        overlap = np.linalg.svd(v[:, space].T @ vectors[:, space])[1]
        assert overlap.min() > 1 - (3e-3 if tol == 1e-4 else 1e-6)


def test_what_is_out_of_reach_is_reported():
    got = eigenmap(sphere(4), n_components=8, tol=1e-12)
    assert not bool(got.converged)
    assert (got.residuals < 1e-5).all()
    assert np.isfinite(got.maps).all()


@pytest.mark.slow
def test_a_long_path_is_not_taken_for_done(iterative):
    # Any smooth vector has a residual below 1e-5 here: eigenvalues are as small as 1e-6.
    n = 2000
    indices = np.stack([np.maximum(np.arange(n) - 1, 0), np.minimum(np.arange(n) + 1, n - 1)], 1)
    degree = np.full(n, 2)
    indices[0], degree[0], degree[-1] = (1, 0), 1, 1
    indices[-1] = (n - 2, 0)
    path = ELL(np.ones((n, 2), np.float32), indices.astype(np.int32), n, degree=degree)
    got = eigenmap(path, n_components=2)
    exact = 2 * np.sin(np.pi * np.arange(1, 3) / (2 * (n - 1))) ** 2
    assert not bool(got.converged)
    assert int(got.products) > 100
    np.testing.assert_allclose(got.eigenvalues, exact, rtol=0.2)


def test_solver_starts_alike_each_time():
    one, two = (eigenmap(sphere(4), n_components=8, tol=1e-6).maps for _ in range(2))
    np.testing.assert_array_equal(one, two)


# Transformations and dtypes.


@pytest.mark.parametrize(
    "dtype", seldom_but(["float16", "bfloat16", "int32", "int64", "float64"], "bfloat16", "int32")
)
def test_dtypes_are_kept_or_promoted(x64, dtype):
    a = np.round(8 * oracle.weights(6))
    got = eigenmap(jnp.asarray(a).astype(dtype), n_components=2)
    out = dtype if "float" in dtype else "float64"
    assert {got.maps.dtype, got.eigenvalues.dtype, got.residuals.dtype} == {jnp.dtype(out)}
    tolerance = {"float16": 1e-3, "bfloat16": 5e-3}.get(dtype, 1e-10)
    np.testing.assert_allclose(np.float64(got.maps), oracle.eigenmaps(a, 2)[0], atol=tolerance)


def test_wide_integers_are_not_wrapped_round():
    a = np.round(2.0**40 * oracle.weights(6)).astype(np.int64)
    wanted = oracle.eigenmaps(a, 2)[0]
    np.testing.assert_allclose(laplacian_eigenmap(a, n_components=2).maps, wanted, rtol=1e-3, atol=1e-11)


@pytest.mark.slow
def test_jit_and_vmap_give_the_same(iterative):
    a = np.float32([oracle.weights(48, seed) * (oracle.weights(48, seed) > 1.1) for seed in range(2)])
    wanted = [oracle.diffusion(x, 3)[0] for x in a]
    call = lambda a: diffusion_embedding(a, n_components=3, tol=1e-6).maps
    np.testing.assert_allclose(call(a), wanted, atol=1e-4)
    np.testing.assert_allclose(jax.jit(jax.vmap(call))(a), wanted, atol=1e-4)


# Bad input.

GOOD = oracle.weights(6)


def changed(*entries):
    a = GOOD.copy()
    for i, j, value in entries:
        a[i, j] = value
    return a


ISOLATED = changed(*[(i, 3, 0) for i in range(6)], *[(3, j, 0) for j in range(6)])
PARTS = np.kron(np.eye(2), np.ones((3, 3)))
BAD = {
    "A has negative weights, down to -0.25; .*clip them": changed((0, 1, -0.25), (1, 0, -0.25)),
    "A is not symmetric; .*give \\(A \\+ A'\\) / 2": changed((0, 1, 3.0)),
    "vertex 3 has no edges to others": ISOLATED,
    "falls into at least 2 parts": PARTS,
    "not finite": changed((0, 1, np.inf), (1, 0, np.inf)),
}


def full(a):
    """All entries of a matrix as slots, zeros too: one shape for all."""
    return ELL(a, np.broadcast_to(np.arange(len(a), dtype=np.int32), a.shape), len(a))


@pytest.mark.parametrize("words", BAD)
@pytest.mark.parametrize("form", seldom_but([jnp.asarray, full], jnp.asarray))
def test_unfit_graphs_are_refused_in_words(unchecked, words, form):
    graph = form(np.float32(BAD[words]))
    with pytest.raises(ValueError, match=words):
        laplacian_eigenmap(graph, n_components=2)
    with pytest.raises(ValueError, match=words):
        diffusion_embedding(graph, n_components=2)


def test_unfit_graphs_give_nan_where_they_are_traced():
    # Two parts gave a division by zero in the older version.
    for a in BAD.values():
        got = diffusion(np.float32(a), n_components=2)
        assert np.isnan(got.maps).all()
        if a is not PARTS:
            assert not bool(got.converged)
    assert np.isfinite(diffusion(np.float32(GOOD), n_components=2).maps).all()


@pytest.mark.slow
def test_parts_of_a_large_graph_are_refused():
    two = sphere(3)
    n = two.n_cols
    apart = ELL(
        jnp.concatenate([two.values] * 2),
        jnp.concatenate([two.indices, two.indices + n]),
        2 * n,
        degree=jnp.concatenate([two.degree] * 2),
    )
    with pytest.raises(ValueError, match="at least 2 parts without edges between them"):
        laplacian_eigenmap(apart, n_components=3)


def test_arguments_are_refused_in_words(unchecked):
    with pytest.raises(ValueError, match="n_components=6, but a graph of 6 vertices has 5 maps"):
        laplacian_eigenmap(GOOD, n_components=6)
    with pytest.raises(ValueError, match="n_components=1, but a graph of 1 vertices has 0 maps"):
        laplacian_eigenmap(GOOD[:1, :1], n_components=1)
    with pytest.raises(ValueError, match="n_components=0 must be at least 1"):
        laplacian_eigenmap(GOOD, n_components=0)
    with pytest.raises(TypeError, match="n_components=2.5 must be an integer"):
        laplacian_eigenmap(GOOD, n_components=2.5)
    with pytest.raises(ValueError, match="tol=0.0 must be finite and positive"):
        laplacian_eigenmap(GOOD, n_components=2, tol=0.0)
    with pytest.raises(ValueError, match=r"A has shape \(6, 5\); give a square matrix"):
        laplacian_eigenmap(GOOD[:, :5], n_components=2)
    with pytest.raises(TypeError, match="A has dtype complex"):
        laplacian_eigenmap(GOOD + 0j, n_components=2)
    with pytest.raises(ValueError, match="alpha=nan must be one finite number"):
        diffusion_embedding(GOOD, n_components=2, alpha=np.nan)
    with pytest.raises(ValueError, match="t=.* must be one finite number"):
        diffusion_embedding(GOOD, n_components=2, t=np.ones(3))


@pytest.mark.slow
def test_one_way_edges_of_a_sparse_graph_are_noticed(unchecked):
    graph = sphere(4)
    values = np.asarray(graph.values, np.float32).copy()
    values[100, 2] = 2.0
    with pytest.raises(ValueError, match="A is not symmetric"):
        laplacian_eigenmap(graph.replace(values=jnp.asarray(values)), n_components=2)


def test_batches_of_large_sparse_graphs_are_sent_to_vmap(unchecked, iterative):
    graph = ell_from_dense(oracle.weights(48))
    batched = graph.replace(values=jnp.stack([graph.values] * 2))
    with pytest.raises(ValueError, match="map over them by jax.vmap"):
        laplacian_eigenmap(batched, n_components=2)
