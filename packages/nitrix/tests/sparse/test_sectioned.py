"""Products of flat and sectioned matrices over every algebra, and that no hub makes memory fall off a cliff."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nitrix import semiring
from nitrix.sparse import (
    apply_operator,
    ell_transpose,
    ell_with_transpose,
    sectioned_ell_from_edges,
    sectioned_semiring_ell_matmul,
    sectioned_semiring_ell_rmatvec,
)
from support import oracles
from support.ell_cases import FORMS, normal, product_oracle, ragged_case, slot_values, with_slot_values
from support.gradients import check_gradients
from support.marks import seldom_but
from support.memory import compiled_memory, form


def operands(name, case, form="sectioned", width=3, dtype=np.float32):
    """The matrix, a right operand and one for the transposed product."""
    matrix = case.ell(form)
    x, y = (normal((n, width)).astype(dtype) for n in case.shape[::-1])
    if name == "boolean":
        return with_slot_values(matrix, slot_values(matrix) > 0), x > 0.5, y > 0.5
    return matrix, x, y


def close(got, wanted, tolerance=1e-5):
    assert np.asarray(got).dtype.kind == wanted.dtype.kind
    np.testing.assert_allclose(np.asarray(got).astype(wanted.dtype), wanted, tolerance, tolerance)


@pytest.mark.fast
@pytest.mark.parametrize("name", seldom_but(oracles.ALGEBRAS, "real", "log", "tropical_max_plus"))
def test_products_match_their_definition(name):
    algebra = oracles.ALGEBRAS[name]
    matrix, x, y = operands(name, ragged_case(6, 5, most=4))
    wanted = product_oracle(name, matrix, x)
    close(sectioned_semiring_ell_matmul(matrix, x, semiring=algebra), wanted)
    close(apply_operator(matrix, x, semiring=algebra), wanted)
    across = product_oracle(name, ell_transpose(matrix), y)
    close(sectioned_semiring_ell_rmatvec(matrix, y, semiring=algebra), across)
    close(sectioned_semiring_ell_rmatvec(ell_with_transpose(matrix), y, semiring=algebra), across)


@pytest.mark.parametrize("form", FORMS)
def test_batches_of_values_and_of_fields(form):
    name, algebra = "tropical_min_plus", semiring.TROPICAL_MIN_PLUS
    matrix, x, _ = operands(name, ragged_case(), form)
    values = slot_values(matrix)

    def both(values, x):
        of_fields = apply_operator(matrix, jnp.stack([x, -x]), semiring=algebra)
        of_values = jax.vmap(lambda flat: apply_operator(with_slot_values(matrix, flat), x, semiring=algebra))
        return of_fields[1], of_values(jnp.stack([values, 2 * values]))[1]

    of_fields, of_values = jax.jit(both)(values, x)
    close(of_fields, product_oracle(name, matrix, -x))
    close(of_values, product_oracle(name, with_slot_values(matrix, 2 * values), x))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, np.int32])
def test_results_come_back_in_the_dtype_of_the_operands(dtype):
    case = ragged_case()
    matrix, x, y = operands("real", case._replace(values=np.round(4 * case.values).astype(dtype)))
    x, y = np.round(x).astype(dtype), np.round(y).astype(dtype)
    out, across = sectioned_semiring_ell_matmul(matrix, x), sectioned_semiring_ell_rmatvec(matrix, y)
    assert out.dtype == across.dtype == dtype
    np.testing.assert_array_equal(out.astype(np.float32), product_oracle("real", matrix, x))
    np.testing.assert_array_equal(across.astype(np.float32), product_oracle("real", ell_transpose(matrix), y))


def test_a_user_algebra_is_served():
    own = semiring.Semiring(semiring.TROPICAL_MAX_PLUS.monoid, semiring.REAL.binary_op, "max-times", -np.inf)
    matrix, x, _ = operands("real", ragged_case())
    wanted = np.full((9, 3), -np.inf)
    for i, j, value in zip(*ragged_case()[:3]):
        wanted[i] = np.maximum(wanted[i], value * x[j])
    close(apply_operator(matrix, x, semiring=own), wanted)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ["real", "log", "euclidean"])
def test_gradients(name):
    matrix, x, _ = operands(name, ragged_case(5, 4, most=4, dtype=np.float64), dtype=np.float64)

    def product(flat, x):
        out = apply_operator(with_slot_values(matrix, flat), x, semiring=oracles.ALGEBRAS[name])
        return jnp.where(jnp.isinf(out), 0, out)

    check_gradients(product, slot_values(matrix), x, forward=False, order=1)


@pytest.mark.parametrize("lists", [False, True])
@given(seed=st.integers(0, 10**6))
def test_adjointness(lists, seed):
    with jax.enable_x64(True):
        rng = np.random.default_rng(seed)
        matrix = ragged_case(dtype=np.float64).ell("sectioned")
        matrix = ell_with_transpose(matrix) if lists else matrix
        values = rng.normal(size=slot_values(matrix).shape)
        matrix = with_slot_values(matrix, values)
        x, y = (jax.device_put(rng.normal(size=(n, 2))) for n in (7, 9))
        left = np.vdot(sectioned_semiring_ell_matmul(matrix, x), y)
        right = np.vdot(x, sectioned_semiring_ell_rmatvec(matrix, y))
    np.testing.assert_allclose(
        left, right, rtol=0, atol=1e-12 * np.abs(values).sum() * np.abs(x).max() * np.abs(y).max()
    )


def hub_graph(n=20_000, degree=6):
    """A ring lattice in which vertex 0 is joined with everything."""
    rows = np.concatenate([np.zeros(n, int), np.repeat(np.arange(1, n), degree)])
    offsets = np.arange(1, degree + 1) - degree // 2
    columns = np.concatenate([np.arange(n), ((np.arange(1, n)[:, None] + offsets) % n).ravel()])
    return sectioned_ell_from_edges(rows, columns, shape=(n, n))


HUB = [
    pytest.param(
        name,
        lists,
        marks=() if (name, lists) in (("real", True), ("tropical_max_plus", False)) else pytest.mark.slow,
    )
    for name in ("real", "log", "tropical_max_plus", "euclidean")
    for lists in (False, True)
]


@pytest.mark.parametrize(("name", "lists"), HUB)
def test_a_hub_makes_no_memory_cliff(name, lists):
    matrix, width = hub_graph(), 16
    n = matrix.n_rows
    entries, field = 4 * matrix.total_storage, 4 * n * width
    assert matrix.total_storage == 7 * n - 6

    def both(matrix, x, g):
        product = lambda x: apply_operator(matrix, x, semiring=oracles.ALGEBRAS[name])
        out, pull = jax.vjp(product, x)
        return out, pull(g)

    memory = compiled_memory(
        both, ell_with_transpose(matrix) if lists else matrix, form(n, width), form(n, width)
    )
    # The flat form's values alone would be n x n, 1.6 GB.
    assert memory.temporaries < 16 * field + 8 * entries
