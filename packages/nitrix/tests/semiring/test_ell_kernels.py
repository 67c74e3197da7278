"""ELL products made of kernels: numbers interpreted, lowering, flat and in sections, gathered and scattered."""

import dataclasses
import functools
import importlib
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.semiring import Semiring, ell_kernels, kernels
from nitrix.semiring._plain import ell
from nitrix.semiring._plain.ell import Slots
from nitrix.semiring._plain.ell_gathered import Sections
from nitrix.sparse import ELL, ell_with_transpose, sectioned_ell_from_ell
from support import oracles
from support.gradients import QUICK_COMPILE
from support.lowering import kernel_calls
from support.marks import seldom_but

from .test_algebra import VARIANCE, Nearest

PLATFORMS = ("cuda", "tpu")
N_COLS, WIDTH = 8, 3
quick = functools.partial(jax.jit, compiler_options=QUICK_COMPILE)


@functools.cache
def interpreted(platform):
    """A platform's kernels, run as plain JAX."""
    module = importlib.import_module(f"nitrix._kernels.{platform}.ell_matmul")
    stand_in = types.ModuleType(platform)
    for name in ("fold", "pull_values", "pull_dense"):
        setattr(stand_in, name, functools.partial(getattr(module, name), interpret=True))
    return stand_in


def adjacency(form="flat", dtype=np.float32):
    """A row without entries, a full one, a hub and a column without entries, entries twice in one place."""
    rng = np.random.default_rng(0)
    degree = np.asarray([3, 0, 4, 2, 2, 2, 2])
    indices = rng.integers(0, N_COLS - 1, (7, 4))
    indices[4, 1] = indices[4, 0]
    values = rng.normal(size=indices.shape) > 0 if dtype is bool else rng.normal(size=indices.shape)
    flat = ELL(values.astype(dtype), indices, N_COLS, degree=degree)
    return flat if form == "flat" else sectioned_ell_from_ell(flat)


def dense(dtype=np.float32, seed=1):
    B = np.random.default_rng(seed).normal(size=(N_COLS, WIDTH))
    return jnp.asarray(B > 0 if dtype is bool else B, dtype)


def sections(container):
    parts = getattr(container, "sections", None)
    if parts is None:
        return Sections((Slots(container.values, container.indices, container.valid),), None, None)
    groups = tuple(Slots(part.values, part.indices, part.valid) for part in parts)
    return Sections(groups, container.row_groups, container.order)


def with_values(matrix, values):
    return matrix._replace(groups=tuple(g._replace(values=v) for g, v in zip(matrix.groups, values)))


def defined(name, matrix, B):
    """The product by its definition, in the order of the rows."""
    parts = [
        oracles.ell_matmul(name, g.values, g.indices, B, np.asarray(g.valid).sum(1)) for g in matrix.groups
    ]
    return parts[0] if matrix.order is None else np.concatenate(parts)[np.asarray(matrix.order)]


def plain(algebra, matrix, B):
    def of(group):
        if group.indices.shape[1] == 0:
            return jnp.full((group.indices.shape[0], B.shape[1]), algebra.identity, B.dtype)
        return ell.product(algebra, group, B)

    return matrix.joined([of(group) for group in matrix.groups])


def values_of(matrix):
    return tuple(group.values for group in matrix.groups)


CASES = [("real", "sectioned", True), ("tropical_min_plus", "flat", False)]
SLOW_CASES = [(name, "flat", True) for name in oracles.REAL_VALUED if name != "tropical_min_plus"]
SLOW_CASES += [
    ("log", "sectioned", True),
    ("real", "sectioned", False),
    ("tropical_max_plus", "sectioned", True),
]
SLOW_CASES += [("euclidean", "flat", False), ("log", "flat", False)]


@pytest.mark.parametrize(
    ("platform", "name", "form", "listed"),
    [
        *(("cuda", *case) for case in CASES),
        *(pytest.param("cuda", *case, marks=pytest.mark.slow) for case in SLOW_CASES),
        pytest.param("tpu", "log", "flat", True, marks=pytest.mark.slow),
        pytest.param("tpu", "euclidean", "sectioned", True, marks=pytest.mark.slow),
    ],
)
def test_value_and_gradient(platform, name, form, listed):
    algebra, container, B = oracles.ALGEBRAS[name], adjacency(form), dense()
    columns = sections(ell_with_transpose(container).transposed) if listed else None
    matrix = sections(container)
    assert len(matrix.groups) == (1 if form == "flat" else 3)
    product = ell_kernels.product(interpreted(platform), algebra)
    g = jnp.asarray(np.random.default_rng(2).normal(size=(7, WIDTH)), jnp.float32)

    def both(product):
        @quick
        def compute(values, B):
            out, pull = jax.vjp(lambda v, B: product(with_values(matrix, v), B), values, B)
            return out, pull(g)

        return compute(values_of(matrix), B)

    out, cotangents = both(lambda matrix, B: product(matrix, columns, B))
    np.testing.assert_allclose(out, defined(name, matrix, B), 2e-6, 2e-6)
    _, exact = both(functools.partial(plain, algebra))
    assert jax.tree.structure(cotangents) == jax.tree.structure(exact)
    for got, wanted in zip(jax.tree.leaves(cotangents), jax.tree.leaves(exact)):
        np.testing.assert_allclose(got, wanted, 1e-5, 1e-5)


def test_boolean():
    matrix, B = sections(adjacency("sectioned", bool)), dense(bool)
    product = ell_kernels.product(interpreted("cuda"), oracles.ALGEBRAS["boolean"])
    out = quick(lambda B: product(matrix, None, B))(B)
    np.testing.assert_array_equal(out, defined("boolean", matrix, B))


def test_slots_that_do_not_count_hold_anything():
    container, B = adjacency(), dense()
    (group,) = sections(container).groups
    hidden = Slots(jnp.where(group.valid, group.values, jnp.nan), group.indices, group.valid)
    columns = sections(ell_with_transpose(container).transposed)
    product = ell_kernels.product(interpreted("cuda"), oracles.ALGEBRAS["log"])

    def loss(values, B):
        out = product(Sections((hidden._replace(values=values),), None, None), columns, B)
        return jnp.where(jnp.isfinite(out), out, 0).sum()

    d_values, dB = quick(jax.grad(loss, (0, 1)))(hidden.values, B)
    np.testing.assert_array_equal(np.asarray(d_values)[~np.asarray(group.valid)], 0)
    assert np.isfinite(d_values).all()
    assert np.isfinite(dB).all()
    np.testing.assert_array_equal(dB[-1], 0)


@pytest.mark.parametrize("listed", [True, False])
def test_infinities_and_coincident_points_have_finite_gradients(listed):
    def pulled(name, values, indices, B):
        container = ELL(np.asarray(values, np.float32), np.asarray(indices), len(B))
        columns = sections(ell_with_transpose(container).transposed) if listed else None
        matrix, B = sections(container), jnp.asarray(B, jnp.float32)
        product = ell_kernels.product(interpreted("cuda"), oracles.ALGEBRAS[name])

        @quick
        def compute(values, B):
            out, pull = jax.vjp(lambda v, B: product(with_values(matrix, (v,)), columns, B), values, B)
            return out, pull(jnp.ones_like(out))

        out, cotangents = compute(container.values, B)
        np.testing.assert_allclose(out, defined(name, matrix, B), 1e-6)
        return out, cotangents

    values = [[-np.inf, -np.inf], [-np.inf, 1.0], [1.0, 2.0]]
    dense = [[2.0, np.inf], [-np.inf, 0.0], [1e4, -1e4]]
    out, cotangents = pulled("log", values, [[0, 1], [0, 1], [2, 2]], dense)
    assert np.isneginf(out[0]).all()
    assert all(np.isfinite(x).all() for x in cotangents)
    _, cotangents = pulled("euclidean", [[1.0, 1.0]], [[0, 1]], np.ones((2, 2)))
    assert all((x == 0).all() for x in cotangents)


@pytest.mark.slow
@pytest.mark.parametrize("name", seldom_but(["log", "tropical_min_plus"], "tropical_min_plus"))
def test_second_derivatives_are_those_of_the_plain_product(name):
    algebra, container, B = oracles.ALGEBRAS[name], adjacency(), dense()
    matrix, columns = sections(container), sections(ell_with_transpose(container).transposed)
    direction = (dense(seed=3), (matrix.groups[0].values[::-1],))

    def hessian_times(product):
        def compute(values, B):
            def gradient(B, values):
                return jax.grad(
                    lambda B, v: jnp.sum(jnp.sin(finite(product(with_values(matrix, v), B)))), (0, 1)
                )(B, values)

            forward = jax.jvp(gradient, (B, values), direction)[1]
            slope = lambda B, v: sum(
                jnp.vdot(x, y) for x, y in zip(*map(jax.tree.leaves, (gradient(B, v), direction)))
            )
            return forward, jax.grad(slope)(B, values)

        return quick(compute)(values_of(matrix), B)

    finite = lambda x: jnp.where(jnp.isfinite(x), x, 0)
    got = hessian_times(lambda m, B: ell_kernels.product(interpreted("cuda"), algebra)(m, columns, B))
    wanted = hessian_times(functools.partial(plain, algebra))
    for x, exact in zip(jax.tree.leaves(got), jax.tree.leaves(wanted)):
        np.testing.assert_allclose(x, exact, 1e-4, 1e-5)


def test_users_algebras():
    matrix, B = sections(adjacency()), dense()
    (group,) = matrix.groups
    count = np.asarray(group.valid).sum(1)
    terms = [np.float64(v[:k, None]) * np.float64(B)[i[:k]] for v, i, k in zip(*group[:2], count)]
    variance = [np.var(t, axis=0) if len(t) else np.zeros(WIDTH) for t in terms]
    product = ell_kernels.product(interpreted("cuda"), VARIANCE)
    out = quick(lambda B: product(matrix, None, B))(B)
    np.testing.assert_allclose(out, variance, 1e-5, 1e-6)
    with pytest.raises(
        TypeError, match="ELL products over the algebra .* are forward-only.*no ell_matmul_vjp"
    ):
        jax.grad(lambda B: product(matrix, None, B).sum())(B)
    nearest = Semiring(Nearest(), oracles.ALGEBRAS["euclidean"].binary_op, "nearest", identity=-1.0)
    out = jax.eval_shape(ell_kernels.product(interpreted("cuda"), nearest), matrix, None, B)
    assert out.dtype == jnp.int32

    def rule(kept, g):
        scale = jnp.where(kept.valid, 2.0, 0.0)
        return scale * kept.values, kept.B + g.sum()

    ruled = dataclasses.replace(VARIANCE, name="ruled", ell_matmul_vjp=rule)
    product = ell_kernels.product(interpreted("cuda"), ruled)
    loss = lambda v, B: product(with_values(matrix, (v,)), None, B).sum()
    d_values, dB = quick(jax.grad(loss, (0, 1)))(group.values, B)
    np.testing.assert_array_equal(d_values, np.where(group.valid, 2 * group.values, 0))
    np.testing.assert_allclose(dB, B + 21.0, 1e-6)


@pytest.mark.covering
@pytest.mark.fast
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(("name", "listed"), [("log", True), ("real", False)])
def test_lowering(platform, name, listed):
    module = importlib.import_module(f"nitrix._kernels.{platform}.ell_matmul")
    product = ell_kernels.product(module, oracles.ALGEBRAS[name])
    for form, slotted in (("flat", 1), ("sectioned", 2)):
        container = adjacency(form)
        matrix, columns = sections(container), ell_with_transpose(container).transposed
        lists = 1 if isinstance(columns, ELL) else sum(part.k_max > 0 for part in columns.sections)
        columns = sections(columns) if listed else None
        value = lambda v, B: product(with_values(matrix, v), columns, B).sum()
        assert kernel_calls(value, platform, values_of(matrix), dense()) == slotted
        both = jax.value_and_grad(value, (0, 1))
        expected = 2 * slotted + (lists if listed else 0)
        assert kernel_calls(both, platform, values_of(matrix), dense()) == expected
        if form == "flat":
            fields = jnp.stack([dense(), dense()])
            assert kernel_calls(jax.vmap(both, (None, 0)), platform, values_of(matrix), fields) == expected


@pytest.mark.slow
def test_batches_of_values_and_fields_by_vmap():
    container = adjacency()
    matrix, columns = sections(container), sections(ell_with_transpose(container).transposed)
    (group,) = matrix.groups
    product = ell_kernels.product(interpreted("cuda"), oracles.ALGEBRAS["real"])
    values, B = jnp.stack([group.values, -2 * group.values]), jnp.stack([dense(), dense(seed=5)])
    loss = lambda v, B: jnp.sum(jnp.sin(product(with_values(matrix, (v,)), columns, B)))
    exact = lambda v, B: jnp.sum(jnp.sin(plain(oracles.ALGEBRAS["real"], with_values(matrix, (v,)), B)))
    got = quick(jax.vmap(jax.value_and_grad(loss, (0, 1))))(values, B)
    wanted = quick(jax.vmap(jax.value_and_grad(exact, (0, 1))))(values, B)
    for x, y in zip(jax.tree.leaves(got), jax.tree.leaves(wanted)):
        np.testing.assert_allclose(x, y, 1e-5, 1e-5)


@pytest.mark.parametrize("name", oracles.REAL_VALUED)
def test_messages_are_reduced_as_terms(name):
    terms = np.random.default_rng(6).normal(size=(4, 2, 3))
    terms[:, 0, 0], terms[:, 0, 1], terms[1, 0, 2], terms[2, 1, 0] = 0, 1e30, np.nan, np.inf
    fold, outputs = kernels.messages_of(oracles.ALGEBRAS[name])
    state = fold.init((2, 3), jnp.float32)
    for number, term in enumerate(terms):
        state = fold.step(state, jnp.zeros((2, 1)), jnp.asarray(term, jnp.float32), jnp.int32(number))
    (out,) = fold.finish(state)
    plus = oracles.DEFINITIONS[name][1]
    wanted = plus(np.square(terms) if name == "euclidean" else terms, 0)
    assert outputs(np.dtype("float32")) == (out.dtype,)
    np.testing.assert_allclose(out, wanted, 1e-6)


@pytest.mark.fast
@pytest.mark.parametrize("name", ["euclidean", "log"])
def test_reductions_of_messages_lower(name):
    kernel = importlib.import_module("nitrix._kernels.cuda.edge_mlp")
    rule, outputs = kernels.messages_of(oracles.ALGEBRAS[name])
    dtypes = outputs(np.dtype("float32"))
    fold = lambda x, W, b, i: kernel.fold(
        x, x, ((W, b),), i, None, rule, jnp.tanh, final_activation=False, dtypes=dtypes
    )
    indices = jnp.zeros((N_COLS, 2), jnp.int32)
    assert kernel_calls(fold, "cuda", dense(), jnp.ones((WIDTH, 4)), jnp.ones(4), indices) == 1


def test_perceptrons_that_the_kernel_cannot_hold_are_refused_in_words():
    refuses = kernels.cuda_edge_mlp_refuses
    log = oracles.ALGEBRAS["log"]
    assert refuses(log, np.dtype("float32"), (128, 128)) is None
    assert refuses(log, np.dtype("float32"), (500,)) is None
    words = "the kernel holds layers of at most 128 and this perceptron has widths (64, 129)"
    assert refuses(log, np.dtype("float32"), (64, 129)) == words
    assert (
        refuses(log, np.dtype("float64"), (64,)) == "the kernel computes in float32 and this call in float64"
    )


@pytest.mark.skipif(jax.default_backend() != "gpu", reason="no NVIDIA GPU is present")
@pytest.mark.parametrize("name", oracles.REAL_VALUED)
@pytest.mark.parametrize("listed", [True, False])
def test_compiled_kernels_match_the_plain_path(name, listed):
    compiled = importlib.import_module("nitrix._kernels.cuda.ell_matmul")
    algebra, container, B = oracles.ALGEBRAS[name], adjacency("sectioned"), dense()
    matrix = sections(container)
    columns = sections(ell_with_transpose(container).transposed) if listed else None

    def both(product):
        finite = lambda x: jnp.where(jnp.isfinite(x), x, 0)
        loss = lambda v, B: jnp.sum(jnp.sin(finite(product(with_values(matrix, v), B))))
        return jax.value_and_grad(loss, (0, 1))(values_of(matrix), B)

    got = both(lambda m, B: ell_kernels.product(compiled, algebra)(m, columns, B))
    for x, exact in zip(jax.tree.leaves(got), jax.tree.leaves(both(functools.partial(plain, algebra)))):
        np.testing.assert_allclose(x, exact, 1e-5, 1e-5)
