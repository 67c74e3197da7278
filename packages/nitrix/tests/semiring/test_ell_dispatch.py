"""That the public functions of sparse matrices reach their kernels on a pretended platform, or say why not."""

import functools
import types
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix import backend, semiring
from nitrix._kernels.cuda import edge_mlp
from nitrix.semiring import EdgeMLP, edge_kernels, semiring_ell_edge_aggregate, semiring_ell_matmul
from nitrix.semiring._plain import aggregate
from nitrix.semiring.stored import stored
from nitrix.sparse import ELL, apply_operator, ell_with_transpose, sectioned_ell_from_ragged
from support import oracles
from support.lowering import kernel_calls
from support.marks import seldom_but

PLATFORMS = {"cuda": backend.Platform("cuda", (9, 0)), "tpu": backend.Platform("tpu", None)}
DEGREE = [3, 1, 2, 0, 3]
N = len(DEGREE)


def matrices(dtype=np.float32):
    rng = np.random.default_rng(0)
    values = [rng.normal(size=d) for d in DEGREE]
    values = [v > 0 if dtype is bool else v.astype(dtype) for v in values]
    columns = [rng.integers(0, N, d) for d in DEGREE]
    sectioned = sectioned_ell_from_ragged(values, columns, n_cols=N)
    wide, at = np.zeros((N, 3), dtype), np.zeros((N, 3), np.int32)
    for i, (v, j) in enumerate(zip(values, columns)):
        wide[i, : len(v)], at[i, : len(j)] = v, j
    return ELL(wide, at, N, degree=np.int32(DEGREE)), sectioned


@pytest.mark.fast
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", ["real", "log", "boolean"])
def test_products_lower_to_kernels(platform, name, monkeypatch):
    monkeypatch.setattr(backend, "current_platform", lambda: PLATFORMS[platform])
    algebra = oracles.ALGEBRAS[name]
    flat, sectioned = matrices(bool if name == "boolean" else np.float32)
    B = jnp.ones((N, 4), bool if name == "boolean" else jnp.float32)
    value = lambda matrix: lambda b: apply_operator(matrix, b, semiring=algebra)
    assert kernel_calls(value(flat), platform, B) == 1
    of_entries = sum(section.k_max > 0 for section in sectioned.sections)
    assert kernel_calls(value(sectioned), platform, B) == of_entries
    if name == "boolean":
        return
    listed = ell_with_transpose(flat)
    slots = getattr(listed.transposed, "sections", (listed.transposed,))
    for matrix, calls in ((flat, 2), (listed, 2 + sum(section.k_max > 0 for section in slots))):

        def both(values, b, matrix=matrix):
            loss = lambda v, b: apply_operator(matrix.replace(values=v), b, semiring=algebra).sum()
            return jax.value_and_grad(loss, (0, 1))(values, b)

        assert kernel_calls(both, platform, flat.values, B) == calls


def test_what_a_kernel_cannot_serve_is_said_once(monkeypatch):
    monkeypatch.setattr(backend, "current_platform", lambda: PLATFORMS["cuda"])
    flat, _ = matrices()
    B = np.ones((N, 2), np.complex64)
    arguments = (np.asarray(flat.values, np.complex64), np.asarray(flat.indices), B)
    with pytest.warns(backend.NitrixBackendFallback, match="computes in float32.*this call in complex64"):
        semiring_ell_matmul(*arguments, degree=flat.degree)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        semiring_ell_matmul(*arguments, degree=flat.degree)


def perceptron(width=4, out=3):
    rng = np.random.default_rng(1)
    draw = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)
    return EdgeMLP(draw(2, width), draw(2, width), draw(width), ((draw(width, out), draw(out)),))


@pytest.mark.fast
def test_a_described_perceptron_lowers_to_a_kernel_and_its_gradient_does_not(monkeypatch):
    monkeypatch.setattr(backend, "current_platform", lambda: PLATFORMS["cuda"])
    flat, _ = matrices()
    x = jnp.ones((N, 2))
    aggregate = lambda x: semiring_ell_edge_aggregate(
        perceptron(), flat, x, semiring=semiring.TROPICAL_MAX_PLUS
    )
    assert kernel_calls(aggregate, "cuda", x) == 1
    assert kernel_calls(jax.grad(lambda x: aggregate(x).sum()), "cuda", x) == 0


def test_any_other_function_has_no_kernel_and_no_warning(monkeypatch):
    flat, _ = matrices()
    x = jnp.ones((N, 2))
    wanted = semiring_ell_edge_aggregate(lambda a, b, value, ij: b, flat, x)
    monkeypatch.setattr(backend, "current_platform", lambda: PLATFORMS["cuda"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = semiring_ell_edge_aggregate(lambda a, b, value, ij: b, flat, x)
    np.testing.assert_array_equal(got, wanted)
    with pytest.warns(backend.NitrixBackendFallback, match="layers of at most 128.*widths \\(200, 3\\)"):
        semiring_ell_edge_aggregate(perceptron(200), flat, x)


@pytest.mark.parametrize("name", seldom_but(["real", "log", "tropical_max_plus", "euclidean"], "log"))
def test_the_kernel_sums_what_the_plain_path_sums(name):
    interpreted = types.ModuleType("interpreted")
    interpreted.fold = functools.partial(edge_mlp.fold, interpret=True)
    flat, sectioned = matrices()
    algebra, mlp = oracles.ALGEBRAS[name], perceptron()
    x = jnp.asarray(np.random.default_rng(3).normal(size=(N, 2)), jnp.float32)
    wanted = semiring_ell_edge_aggregate(mlp, flat, x, semiring=algebra)
    for matrix in (flat, sectioned):
        own, neighbours = mlp.vertex_parts(x)
        sections = stored(matrix)[0].sections()
        values = tuple(group.values for group in sections.groups)
        given = aggregate.Operands(mlp, own, neighbours, values, None)
        got = edge_kernels.value(interpreted, algebra)(given, sections)
        np.testing.assert_allclose(got, wanted, 2e-6, 2e-6)
