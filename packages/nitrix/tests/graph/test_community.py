"""Null models, modularity and coaffiliation against their definitions and networkx, for every form of a graph."""

import importlib
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix import graph as package
from nitrix.graph import (
    coaffiliation,
    community,
    girvan_newman_null,
    modularity_matrix,
    modularity_matrix_matvec,
    relaxed_modularity,
)
from nitrix.graph.community import _clipped_product
from nitrix.sparse import ELL, ell_from_dense
from support import graphs
from support.ell_cases import slot_values, with_slot_values
from support.gradients import check_gradients
from support.graph_forms import FORMS, jitted, products
from support.marks import seldom_but
from support.memory import compiled_memory, form

SIGNS = ("+", "-", None)
N, K = 8, 3
RNG = np.random.default_rng(0)
SIGNED = graphs.weights(N, directed=True, signed=True, isolated=(2,), seed=1)
UNDIRECTED = graphs.weights(N, loops=False, seed=2)
C = RNG.dirichlet(np.ones(K), N)
OTHER, BRIDGE = RNG.dirichlet(np.ones(2), N), RNG.normal(size=(K, 2))
LABELS = np.arange(N) % K
X = RNG.normal(size=(N, 2))


def one_hot(labels):
    return np.eye(K)[labels]


def uniform_null(part):
    """Every edge alike, in NumPy or JAX."""
    n = part.shape[-1]
    return part.sum((-2, -1))[..., None, None] * np.ones((n, n), part.dtype) / n**2


# The textbook's modularity.


@pytest.mark.fast
@pytest.mark.parametrize("of", FORMS)
def test_of_a_hard_partition_it_is_newmans(of, x64):
    """Of the older library: half of the off-diagonal part by default."""
    wanted = graphs.modularity(UNDIRECTED, LABELS)
    got = relaxed_modularity(FORMS[of](UNDIRECTED), one_hot(LABELS))
    np.testing.assert_allclose(got, wanted, 1e-13)
    older = graphs.relaxed_modularity(UNDIRECTED, one_hot(LABELS), exclude_diag=True) / 2
    assert abs(older - wanted) > 0.05


@pytest.mark.fast
def test_of_two_cliques():
    """Two cliques of m vertices, one community each: 1/2; all in one community: 0; every vertex alone: -1/(2m)."""
    m = 4
    cliques = np.kron(np.eye(2), np.ones((m, m)) - np.eye(m))
    halves, n = np.repeat(np.eye(2), m, axis=0), 2 * m
    np.testing.assert_allclose(relaxed_modularity(cliques, halves), 0.5, 1e-6)
    np.testing.assert_allclose(relaxed_modularity(cliques, np.ones((n, 1))), 0, atol=1e-6)
    np.testing.assert_allclose(relaxed_modularity(cliques, np.eye(n)), -1 / n, 1e-6)


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("gamma", [1.0, 0.6])
def test_is_networkxs(gamma, directed, x64):
    networkx = pytest.importorskip("networkx", reason="networkx is not installed")
    A = graphs.weights(N, directed=directed, loops=directed, seed=5)
    known = networkx.from_numpy_array(A, create_using=networkx.DiGraph if directed else networkx.Graph)
    members = [set(np.flatnonzero(c == LABELS).tolist()) for c in range(K)]
    wanted = networkx.community.modularity(known, members, resolution=gamma)
    for graph in (A, ell_from_dense(A)):
        got = relaxed_modularity(graph, one_hot(LABELS), gamma=gamma, directed=directed)
        np.testing.assert_allclose(got, wanted, 1e-12)
    wanted = networkx.directed_modularity_matrix(known) if directed else networkx.modularity_matrix(known)
    counts = np.where(A > 0, 1.0, 0.0)
    np.testing.assert_allclose(modularity_matrix(counts, normalise=False), wanted, 1e-12, 1e-12)


# Every option, dense and sparse.


@pytest.mark.fast
@pytest.mark.parametrize("of", seldom_but(list(FORMS), "dense", "flat"))
def test_relaxed_modularity_matches_the_definition(of, x64):
    """Of the older library: of a sparse graph the sign was ignored."""
    sides = {"C_other": OTHER, "bridge": BRIDGE}
    calls = [
        dict(sign=sign, exclude_diag=diag, directed=directed, normalise_modularity=sign != "-", gamma=1.25)
        | (sides if diag == directed else {"normalise_coaffiliation": False})
        for sign, diag, directed in itertools.product(SIGNS, (False, True), (False, True))
    ]
    every = jitted(lambda graph, C: [relaxed_modularity(graph, C, **options) for options in calls])
    for got, options in zip(every(FORMS[of](SIGNED), 3 * C), calls, strict=True):
        wanted = graphs.relaxed_modularity(SIGNED, 3 * C, **options)
        np.testing.assert_allclose(got, wanted, 1e-12, 1e-13, err_msg=str(options))


@pytest.mark.fast
@pytest.mark.parametrize("of", seldom_but(list(FORMS), "dense", "sectioned"))
def test_products_of_the_modularity_matrix(of, x64):
    options = [
        dict(sign=sign, normalise=normalise, gamma=gamma)
        for sign, (normalise, gamma) in itertools.product(SIGNS, [(True, 1.0), (False, 0.7)])
    ]
    every = jitted(lambda graph: [modularity_matrix_matvec(graph, X, **o) for o in options])
    for got, o in zip(every(FORMS[of](SIGNED)), options, strict=True):
        wanted = graphs.modularity_matrix(SIGNED, **o)
        np.testing.assert_allclose(got, wanted @ X, 1e-12, 1e-13)
        if of == "dense":
            np.testing.assert_allclose(modularity_matrix(SIGNED, **o), wanted, 1e-12, 1e-14)


def test_a_graph_by_its_products(x64):
    graph, options = products(UNDIRECTED), dict(gamma=0.8, exclude_diag=True)
    for sign in ("+", None):
        got = relaxed_modularity(graph, C, sign=sign, **options)
        np.testing.assert_allclose(got, graphs.relaxed_modularity(UNDIRECTED, C, **options), 1e-12)
    got = modularity_matrix_matvec(graph, X)
    np.testing.assert_allclose(got, graphs.modularity_matrix(UNDIRECTED) @ X, 1e-12, 1e-13)


@pytest.mark.covering
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("sign", SIGNS)
def test_another_null_model(sign, directed, x64):
    options = dict(null=uniform_null, sign=sign, gamma=1.1)
    wanted = graphs.modularity_matrix(SIGNED, **options)
    np.testing.assert_allclose(modularity_matrix(SIGNED, **options), wanted, 1e-12, 1e-14)
    options |= dict(directed=directed, exclude_diag=not directed, C_other=OTHER, bridge=BRIDGE)
    got = relaxed_modularity(SIGNED, C, **options)
    np.testing.assert_allclose(got, graphs.relaxed_modularity(SIGNED, C, **options), 1e-12)


# Of the older library: NaN for a graph without edges, and a normalised B of negative weights with its sign flipped.


@pytest.mark.fast
def test_a_graph_without_edges_has_0_everywhere():
    nothing = np.zeros((N, N), np.float32)
    np.testing.assert_array_equal(girvan_newman_null(nothing), nothing)
    np.testing.assert_array_equal(modularity_matrix(nothing, sign=None), nothing)
    empty = ELL(jnp.zeros((N, 1)), jnp.zeros((N, 1), int), N, degree=jnp.zeros(N, int))
    assert relaxed_modularity(empty, C) == 0
    value, gradients = jax.value_and_grad(relaxed_modularity, (0, 1))(nothing, np.float32(C))
    assert value == 0
    assert np.isfinite(gradients[0]).all()
    np.testing.assert_array_equal(gradients[1], np.zeros((N, K)))


@pytest.mark.parametrize("normalise", seldom_but([True, False], False))
def test_negative_weights_are_a_graph_of_their_own(normalise):
    B = modularity_matrix(-UNDIRECTED, sign="-", normalise=normalise)
    np.testing.assert_allclose(B, modularity_matrix(UNDIRECTED, normalise=normalise), 1e-6)


def test_signed_graphs_weigh_both_parts_by_their_strength(x64):
    """Q = (2m+ Q+ - 2m- Q-) / (2m+ + 2m-); without negative weights "+" and None are the same."""
    positive, negative = np.maximum(SIGNED, 0).sum(), np.maximum(-SIGNED, 0).sum()
    both, plus, minus = (relaxed_modularity(SIGNED, C, sign=sign) for sign in (None, "+", "-"))
    np.testing.assert_allclose(both, (positive * plus - negative * minus) / (positive + negative), 1e-12)
    np.testing.assert_allclose(
        relaxed_modularity(UNDIRECTED, C, sign=None), relaxed_modularity(UNDIRECTED, C), 1e-13
    )


def test_b_and_h_make_q(x64):
    B, H = modularity_matrix(SIGNED), coaffiliation(C, exclude_diag=False)
    np.testing.assert_allclose(relaxed_modularity(SIGNED, C, directed=True), (B * H).sum(), 1e-12)
    symmetric = (np.maximum(SIGNED, 0) + np.maximum(SIGNED, 0).T) / 2
    np.testing.assert_allclose(relaxed_modularity(SIGNED, C), relaxed_modularity(symmetric, C), 1e-12)


def test_rows_and_columns_of_b_sum_to_0(x64):
    B = modularity_matrix(SIGNED, sign=None)
    np.testing.assert_allclose(B.sum(0), 0, atol=1e-15)
    np.testing.assert_allclose(B.sum(1), 0, atol=1e-15)


# Coaffiliation.


@pytest.mark.parametrize("exclude_diag", [True, False])
@pytest.mark.parametrize("normalise", [True, False])
def test_coaffiliation_matches_the_definition(normalise, exclude_diag, x64):
    options = dict(normalise=normalise, exclude_diag=exclude_diag)
    for sides in ((2 * C,), (2 * C, 5 * C[::-1]), (C, 0.5 * C)):
        got = coaffiliation(*sides, **options)
        np.testing.assert_allclose(got, graphs.coaffiliation(*sides, **options), 1e-13, 1e-15)
    got = coaffiliation(2 * C, 3 * OTHER, bridge=BRIDGE, **options)
    wanted = graphs.coaffiliation(2 * C, 3 * OTHER, bridge=BRIDGE, **options)
    np.testing.assert_allclose(got, wanted, 1e-13, 1e-15)


def test_other_vertices_have_no_diagonal(x64):
    """Of the older library: an error, by default."""
    got = coaffiliation(C, C[:5])
    np.testing.assert_allclose(got, C @ C[:5].T, 1e-13)
    assert got.shape == (N, 5)


def test_a_bridge_alone_joins_the_communities_of_one_partition(x64):
    bridge = RNG.normal(size=(K, K))
    got = coaffiliation(C, bridge=bridge, exclude_diag=False)
    np.testing.assert_allclose(got, C @ bridge @ C.T, 1e-13, 1e-15)


# Batches, dtypes, gradients, memory.


def test_batches(x64):
    several = np.stack([SIGNED, SIGNED.T, UNDIRECTED])
    partitions = np.stack([C, C[::-1]])[:, None]
    places = jnp.tile(jnp.arange(N), (N, 1))

    @jitted
    def every(A, partitions):
        sparse = ELL(A, places, N)
        Q = (
            relaxed_modularity(A, partitions),
            relaxed_modularity(sparse, partitions),
            jax.vmap(jax.vmap(relaxed_modularity, (0, None)), (None, 0))(A, partitions[:, 0]),
        )
        return Q, modularity_matrix(A), modularity_matrix_matvec(sparse, X)

    Q, B, product = every(jnp.asarray(several), partitions)
    for got in Q:
        wanted = [[graphs.relaxed_modularity(A, P) for A in several] for P in (C, C[::-1])]
        np.testing.assert_allclose(got, wanted, 1e-12)
    wanted = np.stack([graphs.modularity_matrix(A) for A in several])
    np.testing.assert_allclose(B, wanted, 1e-12, 1e-15)
    np.testing.assert_allclose(product, wanted @ X, 1e-12, 1e-14)
    assert coaffiliation(partitions, several[..., :K]).shape == (2, 3, N, N)


@pytest.mark.fast
def test_dtypes_of_results():
    A, P = UNDIRECTED.astype("bfloat16"), C.astype("bfloat16")
    wanted = graphs.relaxed_modularity(np.float64(A), np.float64(P))
    got = relaxed_modularity(A, P)
    assert got.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.float64(got), wanted, 4e-3)
    assert relaxed_modularity(A, np.float32(P)).dtype == jnp.float32
    for function in (girvan_newman_null, modularity_matrix):
        assert function(A).dtype == jnp.bfloat16
    assert coaffiliation(P).dtype == modularity_matrix_matvec(A, P).dtype == jnp.bfloat16
    counts = (UNDIRECTED > 0).astype(np.int64) * 2**31
    labels = one_hot(LABELS).astype(int)
    np.testing.assert_allclose(relaxed_modularity(counts, labels), graphs.modularity(counts, LABELS), 1e-5)
    np.testing.assert_allclose(girvan_newman_null(counts), graphs.girvan_newman_null(counts), 1e-6)
    assert coaffiliation(labels).dtype == jnp.float32


EVERY_FORM = [("dense", "+"), ("dense", "-"), ("flat", None), ("sectioned", "+"), ("listed", "-")]


@pytest.mark.parametrize(
    ("of", "sign"), [EVERY_FORM[0], *(pytest.param(*case, marks=pytest.mark.slow) for case in EVERY_FORM[1:])]
)
def test_gradients(of, sign, x64):
    """In weights, partition, bridge and resolution, off the kink at 0."""
    signed = SIGNED + 0.25 * np.sign(SIGNED)
    if of == "dense":
        signed = np.where(signed == 0, 0.25, signed)

    def call(weights, C, bridge, gamma):
        graph = weights if of == "dense" else with_slot_values(pattern, weights)
        return relaxed_modularity(graph, C, C_other=OTHER, bridge=bridge, gamma=gamma, sign=sign)

    pattern = FORMS[of](signed)
    weights = signed if of == "dense" else np.float64(slot_values(pattern))
    order = 1 if (of, sign) == EVERY_FORM[0] else 2
    check_gradients(call, weights, 3 * C, BRIDGE, np.float64(1.2), forward=of != "listed", order=order)


@pytest.mark.slow
def test_gradients_of_matrices_and_products(x64):
    signed = np.where(SIGNED == 0, 0.25, SIGNED)
    check_gradients(lambda A: modularity_matrix(A, sign=None), signed, order=1)
    check_gradients(girvan_newman_null, np.abs(signed), order=1)
    check_gradients(lambda A, x: modularity_matrix_matvec(A, x, sign="-"), signed, X, order=1)
    check_gradients(lambda C, other: coaffiliation(C, other, normalise=True), 2 * C, C, order=1)


@pytest.mark.parametrize("n", [8, 11])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.covering
def test_products_by_blocks_of_rows(sign, n, monkeypatch, x64):
    """Whole blocks and one of fewer rows; of a batch."""
    monkeypatch.setattr(_clipped_product, "ROWS", 4)
    A, x = graphs.weights(n, density=1, directed=True, signed=True), RNG.normal(size=(2, n, 2))
    product = lambda A, x: _clipped_product.clipped_product(A, x, sign)
    np.testing.assert_allclose(jitted(product)(A, x), np.maximum(sign * A, 0) @ x, 1e-13, 1e-14)
    np.testing.assert_allclose(
        jitted(jax.vmap(product, (None, 0)))(A, x), np.maximum(sign * A, 0) @ x, 1e-13, 1e-14
    )
    check_gradients(product, A, x, order=1 if n == 8 else 2)


@pytest.mark.slow
def test_a_dense_graph_of_several_blocks(x64):
    A, P = graphs.weights(601, directed=True, signed=True), RNG.dirichlet(np.ones(K), 601)
    places = ELL(jnp.asarray(A), jnp.tile(jnp.arange(601), (601, 1)), 601)
    for sign in SIGNS:
        got = relaxed_modularity(A, P, sign=sign, exclude_diag=True)
        np.testing.assert_allclose(got, relaxed_modularity(places, P, sign=sign, exclude_diag=True), 1e-10)


def test_nothing_of_n_by_n_is_made():
    n, k, degree = 4096, 4, 6
    rng = np.random.default_rng(0)
    graph = ELL(
        rng.random((n, degree)).astype(np.float32), rng.integers(0, n, (n, degree)).astype(np.int32), n
    )
    loss = jax.value_and_grad(lambda v, C: relaxed_modularity(graph.replace(values=v), C), (0, 1))
    assert compiled_memory(loss, form(n, degree), form(n, k)).temporaries < 20 * 4 * n * (k + degree)
    loss = jax.value_and_grad(relaxed_modularity, 1)
    assert compiled_memory(loss, form(n, n), form(n, k)).temporaries < 0.2 * 4 * n**2


def test_float32_is_right_to_rounding_for_many_vertices():
    """Sums over 20,000 vertices that nearly cancel."""
    n = 20_000
    rng = np.random.default_rng(0)
    neighbours = (np.arange(n)[:, None] + np.array([-2, -1, 1, 2])) % n
    weights = rng.uniform(0.5, 1.5, (n, 4)).astype(np.float32)
    C = rng.dirichlet(np.ones(5), n).astype(np.float32)
    got = relaxed_modularity(ELL(weights, neighbours, n), C, directed=True)
    w, P = np.float64(weights), np.float64(C)
    inside = np.einsum("ip,ic,ipc->", w, P, P[neighbours])
    out, into = w.sum(1) @ P, np.einsum("ip,ipc->c", w, P[neighbours])
    np.testing.assert_allclose(got, (inside - out @ into / w.sum()) / w.sum(), atol=1e-6)


def test_the_names_are_in_every_place():
    names = ("coaffiliation", "girvan_newman_null", "modularity_matrix", "modularity_matrix_matvec")
    laplacians = importlib.import_module("nitrix.graph.laplacian")  # as an attribute it is the function
    for name in names:
        assert getattr(community, name) is getattr(laplacians, name) is getattr(package, name)
    assert community.relaxed_modularity is package.relaxed_modularity is relaxed_modularity
