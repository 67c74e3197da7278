import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix import semiring
from nitrix.semiring import EdgeMLP, Semiring, semiring_ell_edge_aggregate
from nitrix.sparse import ELL, ell_with_transpose, ell_without_transpose, sectioned_ell_from_ragged
from support import oracles
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but
from support.memory import compiled_memory, form

DEGREE, LONG = np.array([2, 0, 3, 1]), np.array([2, 0, 18, 1])  # with more slots than are unrolled
N = len(DEGREE)


def graphs(dtype=np.float32, degree=DEGREE):
    """One graph in both forms, with transposed slots, and its rows as lists; a pad names the vertex itself."""
    rng = np.random.default_rng(0)
    values = [rng.normal(size=d).astype(dtype) for d in degree]
    columns = [(i + 1 + rng.integers(0, N - 1, d)) % N for i, d in enumerate(degree)]
    wide = np.zeros((N, degree.max()), dtype)
    at = np.repeat(np.arange(N, dtype=np.int32)[:, None], degree.max(), 1)
    for i, (v, j) in enumerate(zip(values, columns)):
        wide[i, : len(v)], at[i, : len(j)] = v, j
    flat = ELL(wide, at, N, degree=degree.astype(np.int32))
    sectioned = sectioned_ell_from_ragged(values, columns, n_cols=N)
    return {"flat": ell_with_transpose(flat), "sectioned": ell_with_transpose(sectioned)}, (values, columns)


def features(dtype=np.float32, seed=1, width=3):
    return np.random.default_rng(seed).normal(size=(N, width)).astype(dtype)


def oracle(name, edge_fn, rows, x):
    """(+) over a vertex's edges of the messages, vertex by vertex, in float64."""
    plus = oracles.DEFINITIONS[name][1]
    values, columns = rows
    width = len(edge_fn(x[0], x[0], 1.0, (0, 0)))
    out = []
    for i in range(N):
        messages = [edge_fn(x[i], x[j], v, (i, j)) for v, j in zip(values[i], columns[i])]
        terms = np.array(messages).reshape(-1, width)
        out.append(plus(np.square(terms) if name == "euclidean" else terms, 0))
    return np.array(out)


WEIGHTS = np.random.default_rng(7).normal(size=(6, 2))


def edge(x_i, x_j, value, ij, weights=WEIGHTS, np=np):
    """A message that tells both ends, the value and the direction of an edge apart."""
    made = np.tanh(np.concatenate([x_i, x_j - x_i]) @ weights)
    return made * value + 0.1 * (ij[0] - 2 * ij[1])


def jax_edge(weights):
    return lambda x_i, x_j, value, ij: edge(
        x_i, x_j, value, tuple(jnp.asarray(i).astype(value.dtype) for i in ij), weights, jnp
    )


def boolean(edge_fn, np):
    return lambda *arguments: edge_fn(*arguments) > 0.3


@pytest.mark.covering
@pytest.mark.fast
@pytest.mark.parametrize("name", oracles.ALGEBRAS)
@pytest.mark.parametrize("form", ["flat", "sectioned"])
def test_matches_definition(name, form):
    found, rows = graphs(degree=LONG)
    x, weights = features(), jnp.asarray(WEIGHTS, jnp.float32)
    mine, reference = jax_edge(weights), edge
    if name == "boolean":
        mine, reference = boolean(mine, jnp), boolean(edge, np)
    got = semiring_ell_edge_aggregate(mine, found[form], x, semiring=oracles.ALGEBRAS[name])
    np.testing.assert_allclose(got, oracle(name, reference, rows, np.float64(x)), 5e-6, 5e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", seldom_but(oracles.REAL_VALUED, "log"))
@pytest.mark.parametrize("listed", seldom_but([False, True], True))
def test_derivatives_in_features_values_and_what_is_closed_over(name, listed, x64):
    found, _ = graphs(np.float64)
    graph = found["flat"] if listed else ell_without_transpose(found["flat"])

    def aggregate(x, values, weights):
        out = semiring_ell_edge_aggregate(
            jax_edge(weights), graph.replace(values=values), x, semiring=oracles.ALGEBRAS[name]
        )
        return jnp.where((DEGREE > 0)[:, None], out, 0)

    check_gradients(aggregate, features(np.float64), graph.values, WEIGHTS, forward=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", seldom_but(["log", "tropical_max_plus"], "tropical_max_plus"))
def test_sections_have_the_gradients_of_the_flat_form(name):
    found, _ = graphs()
    x, weights = jnp.asarray(features()), jnp.asarray(WEIGHTS, jnp.float32)
    sectioned = ell_without_transpose(found["sectioned"])

    def gradients(graph):
        def loss(x, weights, graph):
            out = semiring_ell_edge_aggregate(jax_edge(weights), graph, x, semiring=oracles.ALGEBRAS[name])
            return jnp.sin(jnp.where((DEGREE > 0)[:, None], out, 0)).sum()

        return jax.jit(jax.grad(loss, (0, 1)), compiler_options=QUICK_COMPILE)(x, weights, graph)

    wanted = gradients(ell_without_transpose(found["flat"]))
    for graph in (sectioned, found["sectioned"]):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-5), gradients(graph), wanted)


@pytest.mark.parametrize("name", seldom_but(["real", "log", "tropical_min_plus", "euclidean"], "log"))
def test_pads_never_contribute_even_where_the_function_is_singular_there(name):
    algebra = oracles.ALGEBRAS[name]
    found, _ = graphs()
    graph, x = found["flat"], jnp.asarray(features())

    def direction(scale):  # 0/0 where both ends coincide, as they do in the pads
        return lambda x_i, x_j, value, ij: scale * (x_j - x_i) / jnp.sqrt(jnp.sum((x_j - x_i) ** 2))

    for each in (graph, ell_without_transpose(graph)):
        spoiled = each.replace(values=jnp.where(each.valid, each.values, jnp.nan))

        def loss(x, scale, each=spoiled):
            out = semiring_ell_edge_aggregate(direction(scale), each, x, semiring=algebra)
            return jnp.where((DEGREE > 0)[:, None], out, 0).sum()

        value, slopes = jax.value_and_grad(loss, (0, 1))(x, 2.0)
        assert np.isfinite(value)
        assert all(np.isfinite(slope).all() for slope in slopes)


def test_under_jit_an_index_out_of_range_spoils_its_row_only():
    at, x = jnp.asarray([[7, 2], [0, 0], [1, 0]]), jnp.asarray([[3.0], [5.0], [4.0]])

    @jax.jit
    def aggregate(at):
        graph = ELL(jnp.ones((3, 2)), at, 3)
        difference = semiring_ell_edge_aggregate(lambda a, b, value, ij: b - a, graph, x)
        larger = semiring_ell_edge_aggregate(
            lambda a, b, value, ij: b > a, graph, x, semiring=semiring.BOOLEAN
        )
        return difference, larger

    difference, larger = aggregate(at)
    np.testing.assert_array_equal(difference[:, 0], [np.nan, -4, 0])
    np.testing.assert_array_equal(larger[:, 0], [True, False, True])  # by the slot that is left


@pytest.mark.parametrize("form", ["flat", "sectioned"])
def test_attributes_of_edges(form):
    found, (values, columns) = graphs()
    graph, x = found[form], features()
    rng = np.random.default_rng(4)
    sections = (graph,) if form == "flat" else graph.sections
    groups = [np.arange(N)] if form == "flat" else [np.asarray(rows) for rows in graph.row_groups]
    attributes = [rng.normal(size=(*s.indices.shape, 3)).astype(np.float32) for s in sections]
    of_row = {i: (s, r) for s, rows in enumerate(groups) for r, i in enumerate(rows)}
    given = attributes[0] if form == "flat" else tuple(attributes)
    times = lambda x_i, x_j, value, ij, attribute: x_j * attribute

    got = semiring_ell_edge_aggregate(times, graph, x, edge_attr=given)
    for i in range(N):
        section, row = of_row[i]
        wanted = sum((x[j] * attributes[section][row, p] for p, j in enumerate(columns[i])), np.zeros(3))
        np.testing.assert_allclose(got[i], wanted, 1e-5, 1e-6)
    slope = jax.grad(lambda a: semiring_ell_edge_aggregate(times, graph, x, edge_attr=a).sum())(given)
    leaves = [slope] if form == "flat" else slope
    for section, rows, s in zip(leaves, groups, sections):
        for r, i in enumerate(rows):
            for p in range(s.k_max):
                wanted = x[columns[i][p]] if p < DEGREE[i] else np.zeros(3)
                np.testing.assert_allclose(section[r, p], wanted, 1e-6)


def test_ties_go_through_the_first_slot():
    graph = ELL(jnp.asarray([[1.0, 1.0], [1.0, 1.0]]), jnp.zeros((2, 2), int), 2)
    loss = lambda v: semiring_ell_edge_aggregate(
        lambda x_i, x_j, value, ij: value[None] * x_j,
        graph.replace(values=v),
        jnp.ones((2, 1)),
        semiring=semiring.TROPICAL_MAX_PLUS,
    ).sum()
    np.testing.assert_array_equal(jax.grad(loss)(graph.values), [[1, 0], [1, 0]])


@pytest.mark.parametrize("name", seldom_but(["log", "tropical_max_plus", "euclidean"], "log"))
def test_infinite_and_missing_messages(name):
    graph = ELL(jnp.ones((1, 2)), jnp.zeros((1, 2), int), 1)
    algebra = oracles.ALGEBRAS[name]
    for messages in (
        [-np.inf, 1.0],
        [-np.inf, -np.inf],
        [np.inf, 1.0],
        [np.nan, 1.0],
        [3e20, 4e20],
        [0.0, 0.0],
    ):
        terms = np.square(messages) if name == "euclidean" else np.array(messages)
        wanted = oracles.DEFINITIONS[name][1](terms, 0)
        given = jnp.asarray([messages], jnp.float32)

        def total(values):
            message = lambda x_i, x_j, value, ij: value[None]
            out = semiring_ell_edge_aggregate(
                message, graph.replace(values=values), jnp.ones((1, 1)), semiring=algebra
            )
            return out[0, 0]

        np.testing.assert_allclose(total(given), wanted, 1e-6)
        if np.isfinite(wanted):
            assert np.isfinite(jax.grad(total)(given)).all()


@pytest.mark.parametrize("layers", seldom_but([(), (5, 2)], (5, 2)))
@pytest.mark.parametrize("last", seldom_but([True, False], True))
def test_a_perceptron_is_what_its_weights_say(layers, last):
    rng = np.random.default_rng(2)
    found, rows = graphs()
    x = features()
    widths = (4, *layers)
    draw = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)
    further = tuple((draw(a, b), draw(b)) for a, b in zip(widths, layers))
    mlp = EdgeMLP(draw(3, 4), draw(3, 4), draw(4), further, jnp.tanh, last)

    def written_out(x_i, x_j, value, ij):
        y = x_i @ np.float64(mlp.own) + x_j @ np.float64(mlp.neighbour) + np.float64(mlp.bias)
        for weights, bias in further:
            y = np.tanh(y) @ np.float64(weights) + np.float64(bias)
        return np.tanh(y) if last else y

    graph = found["sectioned"]
    got = semiring_ell_edge_aggregate(mlp, graph, x, semiring=semiring.LOG)
    np.testing.assert_allclose(got, oracle("log", written_out, rows, np.float64(x)), 1e-5, 1e-5)

    def loss(mlp, edge_fn, x):
        out = semiring_ell_edge_aggregate(edge_fn(mlp), graph, x, semiring=semiring.LOG)
        return jnp.where((DEGREE > 0)[:, None], out, 0).sum()

    fast = jax.grad(loss, (0, 2))(mlp, lambda mlp: mlp, jnp.asarray(x))
    plain = jax.grad(loss, (0, 2))(mlp, lambda mlp: lambda *edge: mlp(*edge), jnp.asarray(x))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 2e-5, 2e-5), fast, plain)


def test_batches_jit_and_vmap():
    found, rows = graphs()
    x, mlp = np.stack([features(), features(seed=5)]), jax_edge(jnp.asarray(WEIGHTS, jnp.float32))
    graph = found["flat"]
    got = semiring_ell_edge_aggregate(mlp, graph, x)
    for one, of in zip(got, x):
        np.testing.assert_allclose(one, oracle("real", edge, rows, np.float64(of)), 5e-6, 5e-6)
    mapped = jax.jit(jax.vmap(lambda x, graph: semiring_ell_edge_aggregate(mlp, graph, x), (0, None)))
    np.testing.assert_allclose(mapped(x, graph), got, 1e-6)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_short_messages_are_summed_in_float32(dtype):
    graph = ELL(jnp.ones((1, 4096)), jnp.zeros((1, 4096), int), 1)
    out = semiring_ell_edge_aggregate(lambda x_i, x_j, value, ij: x_j, graph, jnp.ones((1, 1), dtype))
    assert out.dtype == dtype
    assert out[0, 0] == 4096


def test_cotangents_of_short_types_are_summed_in_float32():
    graph = ELL(jnp.ones((1, 4096)), jnp.zeros((1, 4096), int), 1)
    for each in (graph, ell_with_transpose(graph)):

        def loss(x, scale, each=each):
            return semiring_ell_edge_aggregate(lambda x_i, x_j, value, ij: scale * x_j, each, x).sum()

        slopes = jax.grad(loss, (0, 1))(jnp.ones((1, 1), jnp.bfloat16), jnp.ones(1, jnp.bfloat16))
        for slope in slopes:
            assert slope.dtype == jnp.bfloat16
            assert float(slope.ravel()[0]) == 4096


@pytest.mark.slow
def test_integers_and_truth_values_among_the_operands_have_no_derivative():
    found, (_, columns) = graphs()
    for graph in (found["flat"], ell_without_transpose(found["flat"])):
        graph = graph.replace(values=graph.valid)  # an adjacency that only says who is a neighbour
        labels = jnp.arange(N, dtype=jnp.int32)[:, None]
        table = jnp.asarray(features())

        def loss(table, graph=graph):
            message = lambda x_i, x_j, value, ij: jnp.where(value, table[x_j[0]], 0)
            return semiring_ell_edge_aggregate(message, graph, labels).sum()

        wanted = np.bincount(np.concatenate(columns), minlength=N)[:, None] * np.ones((1, 3))
        np.testing.assert_allclose(jax.grad(loss)(table), wanted, 1e-6)
        slope = jax.grad(lambda x: semiring_ell_edge_aggregate(lambda a, b, v, ij: b, graph, x).sum())(table)
        np.testing.assert_allclose(slope, wanted, 1e-6)


@pytest.mark.parametrize("name", oracles.ALGEBRAS)
def test_no_vertices_no_slots_no_edges(name):
    algebra = oracles.ALGEBRAS[name]
    message = lambda x_i, x_j, value, ij: x_j > 0 if name == "boolean" else x_j
    none = ELL(jnp.zeros((0, 2)), jnp.zeros((0, 2), int), 0)
    assert semiring_ell_edge_aggregate(message, none, jnp.ones((0, 3)), semiring=algebra).shape == (0, 3)
    for graph in (
        ELL(jnp.zeros((2, 0)), jnp.zeros((2, 0), int), 2),
        ELL(jnp.zeros((2, 1)), jnp.zeros((2, 1), int), 2, degree=jnp.zeros(2, int)),
    ):
        out = semiring_ell_edge_aggregate(message, graph, jnp.ones((2, 3)), semiring=algebra)
        assert (np.asarray(out) == algebra.identity).all()


@pytest.mark.parametrize("name", ["real", "tropical_max_plus"])
def test_the_edges_are_stored_at_most_once(name):
    n, k, d = 4096, 32, 32
    at = jnp.asarray((np.arange(n)[:, None] + np.arange(1, k + 1)) % n)
    bare = ELL(jnp.ones((n, k)), at, n)
    edges = 4 * n * k * d
    for graph, allowed in ((bare, 0.5), (ell_with_transpose(bare), 1.5)):

        def both(x, weights, graph=graph):
            aggregate = lambda x, w: semiring_ell_edge_aggregate(
                lambda x_i, x_j, value, ij: jnp.tanh(x_j @ w) * value,
                graph,
                x,
                semiring=oracles.ALGEBRAS[name],
            )
            out, pull = jax.vjp(aggregate, x, weights)
            return out, pull(out)

        assert compiled_memory(both, form(n, d), form(d, d)).temporaries < allowed * edges


def test_a_users_algebra_is_served_forward_only():
    class Total:
        """A sum like any other, but not the built-in one."""

        def init(self, shape, dtype):
            return jnp.zeros(shape, dtype)

        def update(self, state, value):
            return state + value

        merge = update

        def finalize(self, state):
            return state

    mine = Semiring(Total(), semiring.REAL.binary_op, "mine", identity=0.0)
    found, rows = graphs()
    x, message = features(), jax_edge(jnp.asarray(WEIGHTS, jnp.float32))
    aggregate = lambda x: semiring_ell_edge_aggregate(message, found["flat"], x, semiring=mine)
    np.testing.assert_allclose(aggregate(x), oracle("real", edge, rows, np.float64(x)), 5e-6, 5e-6)
    with pytest.raises(
        TypeError, match="aggregation over the algebra 'mine' is forward-only.*jax.custom_vjp"
    ):
        jax.grad(lambda x: aggregate(x).sum())(jnp.asarray(x))


GRAPH = ELL(np.ones((4, 2), np.float32), np.zeros((4, 2), int), 4)
X = np.ones((4, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda f: f(lambda *e: e[1], GRAPH, X[0]), ValueError, r"x has shape \(3,\), but \[n, d_in\]"),
        (lambda f: f(lambda *e: e[1], GRAPH, X[:3]), ValueError, "4 rows and 4 columns and x .* has 3 rows"),
        (lambda f: f(lambda *e: e[2], GRAPH, X), ValueError, r"shape \(\), but a vector \[d_out\].*reshape"),
        (lambda f: f(lambda *e: (e[0], e[1]), GRAPH, X), TypeError, "returns tuple, but an array"),
        (
            lambda f: f(lambda *e: e[1], GRAPH, X, semiring=semiring.BOOLEAN),
            TypeError,
            "returns float32, but the algebra 'boolean' sums boolean messages; compare",
        ),
        (
            lambda f: f(lambda *e: e[1], GRAPH, X, edge_attr=np.ones((4, 3))),
            ValueError,
            r"edge_attr has the shapes \[\(4, 3\)\].*\[\(4, 2\)\]",
        ),
        (
            lambda f: f(lambda *e: e[1], ELL(np.ones((2, 4, 2)), np.zeros((2, 4, 2), int), 4), X),
            ValueError,
            r"indices have shape \(2, 4, 2\), but one graph.*jax.vmap",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words, unchecked):
    with pytest.raises(error, match=words):
        call(semiring_ell_edge_aggregate)
