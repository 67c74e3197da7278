"""Degrees, Laplacians and their products against the definition and SciPy, for every form that a graph can have."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse.csgraph
from nitrix.graph import (
    GraphOperator,
    degree_vector,
    graph_laplacian,
    in_degree_vector,
    laplacian,
    laplacian_matvec,
    symmetric_degree_vector,
)
from nitrix.sparse import (
    ELL,
    ell_from_dense,
    ell_from_edges,
    ell_from_ragged,
    ell_to_dense,
    ell_with_transpose,
    sectioned_ell_from_ell,
)
from support import graphs
from support.ell_cases import slot_values, with_slot_values
from support.gradients import check_gradients
from support.graph_forms import FORMS, dense, jitted, products
from support.marks import seldom_but
from support.memory import compiled_memory, form

NORMALISATIONS = ("symmetric", "random_walk", "combinatorial")
# Directed, with self-loops, a vertex without any edge (2), one that only is pointed at (4), one that only points (5).
A = graphs.weights(7, directed=True, isolated=(2,), seed=4)
A[4], A[:, 5] = 0, 0
X = np.random.default_rng(1).normal(size=(7, 3))


@jitted
def laplacians(graph, x):
    """L and L x of every normalisation, in one compilation."""
    made = {name: laplacian(graph, normalisation=name) for name in NORMALISATIONS}
    assert all(type(L) is type(graph) or isinstance(L, jax.Array) for L in made.values())
    return {name: (dense(L), laplacian_matvec(graph, x, normalisation=name)) for name, L in made.items()}


@jitted
def degrees(graph):
    """Sums of rows, of columns, and their means."""
    return degree_vector(graph), in_degree_vector(graph), symmetric_degree_vector(graph)


def assert_right(graph, matrix, x, rtol=1e-13):
    """Everything against the definition."""
    for name, (L, product) in laplacians(graph, jnp.asarray(x)).items():
        wanted = graphs.laplacian(matrix, name)
        np.testing.assert_allclose(L, wanted, rtol, rtol, err_msg=name)
        np.testing.assert_allclose(product, wanted @ x, rtol, 10 * rtol, err_msg=name)


def assert_degrees(graph, matrix):
    out, into = np.sum(matrix, -1), np.sum(matrix, -2)
    for got, wanted in zip(degrees(graph), (out, into, (out + into) / 2), strict=True):
        np.testing.assert_allclose(got, wanted, 1e-13)


@pytest.mark.fast
@pytest.mark.parametrize("of", seldom_but(list(FORMS), "dense", "flat", "sectioned"))
def test_matches_the_definition(of, x64):
    assert_right(FORMS[of](A), A, X)
    assert_degrees(FORMS[of](A), A)


def test_a_graph_by_its_products(x64):
    undirected = graphs.weights(7, isolated=(2,), seed=4)
    graph = products(undirected)
    assert isinstance(graph, GraphOperator)
    every = lambda graph, x: [laplacian_matvec(graph, x, normalisation=name) for name in NORMALISATIONS]
    for name, got in zip(NORMALISATIONS, jitted(every)(graph, X), strict=True):
        np.testing.assert_allclose(got, graphs.laplacian(undirected, name) @ X, 1e-13, 1e-14)
    assert_degrees(graph, undirected)


@pytest.mark.parametrize("normed", [True, False])
def test_is_scipys_of_out_degrees(normed, x64):
    """Where every vertex that is pointed at points somewhere too."""
    directed = graphs.weights(7, directed=True, isolated=(2,), seed=4)
    assert (directed.sum(1) > 0).sum() == 6
    wanted = scipy.sparse.csgraph.laplacian(directed, normed=normed, use_out_degree=True)
    got = laplacian(directed, normalisation="symmetric" if normed else "combinatorial")
    np.testing.assert_allclose(got, wanted, 1e-13, 1e-14)


def test_without_out_edges_the_scale_is_0_where_scipys_is_1(x64):
    directed = np.array([[0.0, 4.0], [0.0, 0.0]])
    np.testing.assert_array_equal(laplacian(directed), [[1, 0], [0, 0]])
    np.testing.assert_array_equal(laplacian(1e6 * directed), [[1, 0], [0, 0]])
    wanted = scipy.sparse.csgraph.laplacian(directed, normed=True, use_out_degree=True)
    np.testing.assert_array_equal(wanted, [[1, -2], [0, 0]])


# Of the older library: two defaults; 1 and a NaN gradient at an isolated vertex; no single vertex.


def test_one_default_everywhere(x64):
    assert graph_laplacian is laplacian
    for graph in (A, ell_from_dense(A)):
        np.testing.assert_allclose(laplacian_matvec(graph, X), dense(laplacian(graph)) @ X, 1e-13, 1e-14)


@pytest.mark.fast
@pytest.mark.parametrize("of", ["dense", "flat"])
def test_an_isolated_vertex_has_a_diagonal_of_0_and_finite_gradients(of, x64):
    lonely = graphs.weights(5, loops=False, isolated=(1,), seed=2)
    graph = jnp.asarray(lonely) if of == "dense" else _all_places(lonely)

    def loss(graph):
        made = [laplacian_matvec(graph, X[:5], normalisation=name) for name in NORMALISATIONS]
        return sum(jnp.sum(jnp.sin(y)) for y in made), dense(laplacian(graph))

    gradient, L = jitted(jax.grad(loss, has_aux=True, allow_int=True))(graph)
    wanted = scipy.sparse.csgraph.laplacian(lonely, normed=True)
    assert wanted[1, 1] == 0
    np.testing.assert_allclose(L, wanted, 1e-14, 1e-15)
    values = np.asarray(gradient if of == "dense" else gradient.values)
    assert np.isfinite(values).all()
    assert values.any()


def _all_places(matrix):
    """With zeros as entries."""
    n = len(matrix)
    return ell_from_ragged(list(matrix), [np.arange(n)] * n, n_cols=n)


@pytest.mark.parametrize("of", seldom_but(["dense", "flat", "sectioned"], "dense", "flat"))
@pytest.mark.parametrize("n", [1, 0])
def test_one_vertex_and_none(n, of):
    ones = np.ones((n, n), np.float32)
    graph = jnp.asarray(ones) if of == "dense" else _all_places(ones)
    graph = sectioned_ell_from_ell(graph) if of == "sectioned" else graph
    for L, product in laplacians(graph, np.ones((n, 2), np.float32)).values():
        np.testing.assert_array_equal(L, np.zeros((n, n)))
        np.testing.assert_array_equal(product, np.zeros((n, 2)))


@pytest.mark.parametrize("of", seldom_but(["dense", "flat", "sectioned"], "dense", "flat"))
def test_self_loops_are_not_read(of):
    """Fisher's z of a correlation matrix is infinite there."""
    undirected = graphs.weights(7, loops=False, seed=3).astype(np.float32)
    for value in (np.nan, np.inf, 1e9):
        looped = undirected + np.diag(np.full(7, value, np.float32))
        assert_right(FORMS[of](looped), undirected, X.astype(np.float32), 1e-6)


@pytest.mark.parametrize(
    "convert", [lambda ell: ell, pytest.param(sectioned_ell_from_ell, marks=pytest.mark.slow)]
)
def test_pads_hold_anything_and_entries_in_one_place_add(convert):
    ell = ELL(
        jnp.asarray([[1.0, 2.0], [3.0, jnp.nan], [jnp.inf, jnp.nan]]),
        jnp.asarray([[1, 1], [0, 1], [2, 0]]),
        3,
        degree=jnp.asarray([2, 1, 0]),
    )
    matrix = np.array([[0, 3, 0], [3, 0, 0], [0, 0, 0.0]])
    assert_degrees(convert(ell), matrix)
    assert_right(convert(ell), matrix, X[:3].astype(np.float32), 1e-6)


# What holds for every graph of weights that are not negative.


@pytest.mark.parametrize("seed", [0, *(pytest.param(s, marks=pytest.mark.slow) for s in range(1, 8))])
def test_rows_sum_to_0_and_the_spectrum_lies_between_0_and_2(seed, x64):
    undirected = graphs.weights(7, density=0.4, isolated=(3,), seed=seed)
    x = np.arange(7.0)[:, None] ** 2
    found = laplacians(jnp.asarray(undirected), jnp.concatenate([x, np.ones((7, 1)), x], 1))
    for name in ("random_walk", "combinatorial"):
        np.testing.assert_allclose(found[name][1][:, 1], 0, atol=1e-13)
    spectrum = np.linalg.eigvalsh(found["symmetric"][0])
    assert spectrum.min() > -1e-14
    assert spectrum.max() < 2 + 1e-14
    pairs = sum(undirected[i, j] * (x[i] - x[j]) ** 2 / 2 for i in range(7) for j in range(7))
    np.testing.assert_allclose(x[:, 0] @ found["combinatorial"][1][:, :1], pairs, 1e-12)


# Batches, dtypes, transformations.


def test_batches_of_graphs_and_of_fields(x64):
    several = np.stack([graphs.weights(6, directed=True, seed=s) for s in range(3)])
    fields = np.random.default_rng(2).normal(size=(2, 1, 6, 2))
    wanted = np.stack([graphs.laplacian(one) for one in several])
    np.testing.assert_allclose(laplacian(several), wanted, 1e-13, 1e-14)
    np.testing.assert_allclose(laplacian_matvec(several, fields), wanted @ fields, 1e-13, 1e-13)
    np.testing.assert_allclose(in_degree_vector(several), several.sum(-2), 1e-14)
    one = _all_places(several[0])

    @jitted
    def found(values, fields):
        batch = one.replace(values=values)
        apart = jax.vmap(lambda values, x: laplacian_matvec(one.replace(values=values), x), (0, None))
        return laplacian_matvec(batch, fields), dense(laplacian(batch)), apart(values, fields[0, 0])

    product, L, apart = found(jnp.asarray(several), fields)
    np.testing.assert_allclose(product, wanted @ fields, 1e-13, 1e-13)
    np.testing.assert_allclose(L, wanted, 1e-13, 1e-14)
    np.testing.assert_allclose(apart, wanted @ fields[0, 0], 1e-13, 1e-13)
    assert_degrees(one.replace(values=jnp.asarray(several)), several)


@pytest.mark.slow
def test_sections_with_batches_of_values(x64):
    several = np.stack([graphs.weights(6, directed=True, seed=s) for s in range(3)])
    one = sectioned_ell_from_ell(ell_from_dense((several != 0).any(0).astype(float)))
    rows = [np.asarray(group)[:, None] for group in one.row_groups]
    sections = tuple(
        s.replace(values=jnp.asarray(several[:, r, np.asarray(s.indices)]))
        for s, r in zip(one.sections, rows)
    )
    batch = one.replace(sections=sections)
    wanted = np.stack([graphs.laplacian(each) for each in several])
    L, product = laplacians(batch, X[:6])["symmetric"]
    np.testing.assert_allclose(product, wanted @ X[:6], 1e-13, 1e-13)
    np.testing.assert_allclose(L, wanted, 1e-13, 1e-14)
    assert_degrees(batch, several)


@pytest.mark.fast
@pytest.mark.parametrize("of", ["dense", "flat"])
def test_dtypes_of_results(of):
    undirected = graphs.weights(6, seed=3).astype("bfloat16").astype(np.float32)
    graph = FORMS[of](undirected)
    graph = (
        graph.astype("bfloat16") if of == "dense" else graph.replace(values=graph.values.astype("bfloat16"))
    )
    x = X[:6].astype("bfloat16")
    wanted = graphs.laplacian(undirected)
    assert laplacian(graph).dtype == degree_vector(graph).dtype == jnp.bfloat16
    got = laplacian_matvec(graph, x)
    assert got.dtype == jnp.bfloat16
    # Computed in float32 and rounded once.
    np.testing.assert_allclose(np.float64(got), wanted @ np.float64(x), 4e-3, 1e-6)
    assert laplacian_matvec(graph, np.float32(x)).dtype == jnp.float32
    if of == "dense":
        counts = np.float64(undirected > 0).astype(np.int64)
        np.testing.assert_allclose(laplacian(counts), graphs.laplacian(counts), 1e-6, 1e-7)
        np.testing.assert_allclose(degree_vector(counts * 2**33), counts.sum(1) * 2.0**33)
        np.testing.assert_allclose(
            laplacian_matvec(counts, np.arange(12).reshape(6, 2)),
            graphs.laplacian(counts) @ np.arange(12).reshape(6, 2),
            2e-5,
            2e-6,
        )


def test_whole_numbers_in_a_sparse_graph_are_not_truncated():
    ell = ell_from_edges(np.array([0, 1, 1, 2]), np.array([1, 0, 2, 1]), np.array([1, 1, 2, 2]), shape=(3, 3))
    assert ell.dtype == np.int32
    wanted = graphs.laplacian(np.asarray(ell_to_dense(ell)))
    L, product = laplacians(ell, np.eye(3, dtype=int))["symmetric"]
    assert L.dtype == product.dtype == jnp.float32
    np.testing.assert_allclose(L, wanted, 1e-6)
    np.testing.assert_allclose(product, wanted, 1e-6)


EVERY_FORM = [
    *(("dense", name) for name in NORMALISATIONS),
    *(("flat", "symmetric"), ("sectioned", "random_walk"), ("listed", "symmetric")),
]


@pytest.mark.parametrize(
    ("of", "normalisation"),
    [EVERY_FORM[0], *(pytest.param(*case, marks=pytest.mark.slow) for case in EVERY_FORM[1:])],
)
def test_gradients(of, normalisation, x64):
    """In weights and field, also around a self-loop and a vertex without edges."""
    if of == "dense":
        check_gradients(partial(laplacian_matvec, normalisation=normalisation), _positive(A), X)
        return
    graph = FORMS[of](A)

    def call(values, x):
        return laplacian_matvec(with_slot_values(graph, values), x, normalisation=normalisation)

    check_gradients(call, np.float64(slot_values(graph)), X, forward=of != "listed")


def _positive(matrix):
    """No degree at the kink."""
    return matrix + 0.25


@pytest.mark.slow
def test_gradients_of_the_laplacian_itself(x64):
    check_gradients(laplacian, _positive(A), order=1)
    graph = ell_from_dense(A)
    check_gradients(
        lambda values: laplacian(with_slot_values(graph, values)).values[:2], slot_values(graph), order=1
    )


def test_nothing_is_scattered_where_the_slots_are_listed_by_column():
    graph = ell_with_transpose(ell_from_dense(A))
    program = jax.jit(jax.grad(lambda x: jnp.sum(laplacian_matvec(graph, x) ** 2)))
    assert "scatter" not in program.lower(X).as_text()


def test_sparse_graphs_make_nothing_of_n_by_n():
    n, degree = 4096, 6
    rng = np.random.default_rng(0)
    graph = ELL(
        rng.random((n, degree)).astype(np.float32), rng.integers(0, n, (n, degree)).astype(np.int32), n
    )
    loss = jax.value_and_grad(
        lambda values, x: jnp.sum(laplacian_matvec(graph.replace(values=values), x)), (0, 1)
    )
    memory = compiled_memory(loss, form(n, degree), form(n, 8))
    assert memory.temporaries < 20 * 4 * n * 8 < 4 * n * n / 8
