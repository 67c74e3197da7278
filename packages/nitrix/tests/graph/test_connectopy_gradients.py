"""Derivatives of eigenmaps and diffusion maps, with eigenvalues apart, close and equal."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.graph import diffusion_embedding, laplacian_eigenmap
from nitrix.graph.connectopy import _eigenpairs
from nitrix.sparse import ELL, ell_from_dense, ell_with_transpose, sectioned_ell_from_ell
from support import connectopy as oracle
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but


@pytest.fixture
def iterative(monkeypatch):
    """Let small graphs be served as large ones are, by products with blocks."""
    monkeypatch.setattr(_eigenpairs, "DENSE", 0)


def everything(found):
    return jnp.concatenate([found.maps.ravel(), found.eigenvalues])


def symmetric(a):
    return (a + a.T) / 2


def slopes(loss, a, directions, step):
    """Of a compiled loss along directions, from the gradient and from central differences."""
    gradient = loss(a)[1]
    got = [float(jnp.vdot(gradient, d)) for d in directions]
    wanted = [float(loss(a + step * d)[0] - loss(a - step * d)[0]) / (2 * step) for d in directions]
    return np.array(got), np.array(wanted)


def with_gradient(loss):
    return jax.jit(jax.value_and_grad(loss), compiler_options=QUICK_COMPILE)


@pytest.mark.parametrize("order", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.fast
def test_derivatives_of_eigenmaps_of_a_matrix(x64, order):
    a = oracle.weights(7)
    check_gradients(lambda a: everything(laplacian_eigenmap(symmetric(a), n_components=2)), a, order=order)


@pytest.mark.slow
def test_derivatives_of_diffusion_maps_of_a_matrix_and_in_both_parameters(x64):
    call = lambda a, alpha, t: everything(diffusion_embedding(symmetric(a), n_components=2, alpha=alpha, t=t))
    check_gradients(call, oracle.weights(7), np.float64(0.4), np.float64(2.0), rtol=1e-5)


def test_first_derivative_of_diffusion_maps(x64):
    call = lambda a, alpha: everything(diffusion_embedding(symmetric(a), n_components=2, alpha=alpha))
    check_gradients(call, oracle.weights(7), np.float64(0.4), order=1)


def sparse_weights(n=36):
    """Edges of a graph on n vertices, each once, and the slots of its symmetric matrix that they fill."""
    a = oracle.weights(n, diagonal=False)
    ell = ell_from_dense(np.where(a > 1.0, a, 0.0))
    low = np.minimum(np.arange(n)[:, None], ell.indices)
    high = np.maximum(np.arange(n)[:, None], ell.indices)
    _, edge = np.unique(np.asarray(low * n + high), return_inverse=True)
    edge = edge.reshape(ell.indices.shape)
    values = np.zeros(edge.max() + 1)
    values[edge[np.asarray(ell.valid)]] = np.asarray(ell.values)[np.asarray(ell.valid)]
    return ell, edge, values


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_in_the_values_of_a_sparse_graph(x64, iterative, order):
    ell, edge, values = sparse_weights()

    def call(values):
        return everything(laplacian_eigenmap(ell.replace(values=values[edge]), n_components=2, tol=1e-13))

    check_gradients(call, values, order=order)


@pytest.mark.slow
@pytest.mark.parametrize("form", [ell_with_transpose, sectioned_ell_from_ell])
def test_derivatives_do_not_depend_on_the_form_of_the_graph(x64, iterative, form):
    ell, edge, values = sparse_weights()

    def loss(values, form):
        graph = form(ell.replace(values=values[edge]))
        return jnp.sum(jnp.sin(everything(diffusion_embedding(graph, n_components=2, tol=1e-12))))

    wanted = jax.grad(loss)(values, lambda graph: graph)
    np.testing.assert_allclose(jax.grad(loss)(values, form), wanted, atol=1e-8)


def torus(form, jitter=0.0):
    """Weights of a 6 x 6 torus, a function that makes its graph of them, and directions that keep it symmetric."""
    n, neighbours = 36, oracle.ring_of_triangles(6, 6)
    rng = np.random.default_rng(0)
    back = np.array([1, 0, 3, 2, 5, 4])  # the slot of the same edge in the neighbour's row

    def paired(x):
        there = np.take_along_axis(x[neighbours], np.broadcast_to(back[None, :, None], (n, 6, 1)), 2)[..., 0]
        return x + there

    values = 1 + jitter * paired(rng.normal(size=(n, 6)))
    directions = [paired(rng.normal(size=(n, 6))) for _ in range(2)]

    def graph(values):
        ell = ELL(values, neighbours.astype(np.int32), n)
        if form == "ELL":
            return ell
        rows = jnp.arange(n)[:, None]
        return jnp.zeros((n, n), values.dtype).at[rows, neighbours].add(values)

    return values, graph, directions


def space(maps):
    """What a space of maps is, however they are turned in it."""
    w = jnp.asarray(np.random.default_rng(5).normal(size=(len(maps), len(maps))))
    return jnp.sum(w * (maps @ maps.T))


@pytest.mark.fast
def test_gradient_in_the_values_of_a_sparse_graph(x64, monkeypatch):
    monkeypatch.setattr(_eigenpairs, "DENSE", 0)
    values, graph, directions = torus("ELL", 0.05)
    weight = np.random.default_rng(3).normal(size=(36, 2))

    def loss(values):
        found = laplacian_eigenmap(graph(values), n_components=2, tol=1e-13)
        return jnp.sum(weight * found.maps) + found.eigenvalues[1]

    got, wanted = slopes(with_gradient(loss), jnp.asarray(values), directions, 1e-6)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


@functools.cache
def loss_of_space(form):
    """Of the six smooth maps of the torus, with the gradient."""
    graph = torus(form)[1]
    return with_gradient(lambda v: space(laplacian_eigenmap(graph(v), n_components=6, tol=1e-13).maps))


@pytest.mark.parametrize("form", seldom_but(["dense", "ELL"], "dense"))
@pytest.mark.parametrize("jitter", [0.0, 1e-4, 1e-9])
def test_the_space_of_equal_and_nearly_equal_eigenvalues_has_its_exact_derivative(
    x64, monkeypatch, form, jitter
):
    if form == "ELL":
        monkeypatch.setattr(_eigenpairs, "DENSE", 0)
    values, _, directions = torus(form, jitter)
    _, exact = oracle.eigenmaps(torus("dense", jitter)[1](values), 7)
    assert np.ptp(exact[:6]) <= 20 * jitter + 1e-12  # six that are equal
    assert exact[6] - exact[5] > 0.1
    got, wanted = slopes(loss_of_space(form), jnp.asarray(values), directions, 1e-5)
    np.testing.assert_allclose(got, wanted, rtol=2e-6, atol=1e-7)


def test_maps_of_nearly_equal_eigenvalues_have_their_own_derivatives(x64):
    values, graph, directions = torus("dense", 1e-4)
    weight = np.random.default_rng(3).normal(size=(36, 2))

    def loss(values):
        return jnp.sum(weight * laplacian_eigenmap(graph(values), n_components=2).maps)

    got, wanted = slopes(with_gradient(loss), jnp.asarray(values), directions, 1e-9)
    assert np.abs(got).min() > 10  # one over a gap
    np.testing.assert_allclose(got, wanted, rtol=1e-4)


@pytest.mark.parametrize("form", seldom_but(["dense", "ELL"], "dense"))
def test_gradient_is_finite_where_equal_eigenvalues_are_parted(monkeypatch, form):
    if form == "ELL":
        monkeypatch.setattr(_eigenpairs, "DENSE", 0)
    values, graph, _ = torus(form)
    values = jnp.asarray(values, jnp.float32)
    loss = with_gradient(lambda v: jnp.sum(diffusion_embedding(graph(v), n_components=2).maps ** 3))
    gradient = loss(values)[1]
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() < 1e4


@pytest.mark.slow
def test_loss_of_eigenvalues_alone_solves_no_linear_systems(iterative):
    ell, edge, values = sparse_weights()

    def loops(loss):
        call = lambda v: loss(laplacian_eigenmap(ell.replace(values=v[edge]), n_components=2))
        compiled = jax.jit(jax.grad(call)).lower(jnp.asarray(values, jnp.float32)).compile()
        return compiled.as_text().count(" while(")

    assert loops(lambda found: found.eigenvalues.sum()) < loops(lambda found: found.maps.sum())
