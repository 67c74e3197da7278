"""Products of matrices that carry their transposed slots, flat and in sections: derivatives that gather."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix import semiring
from nitrix.semiring import semiring_ell_matmul, semiring_ell_rmatvec
from nitrix.sparse import (
    ELL,
    apply_operator,
    ell_with_transpose,
    sectioned_ell_from_ragged,
    sectioned_semiring_ell_rmatvec,
)
from support import oracles
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but

SHORT, LONG = np.array([2, 0, 1, 2]), np.array([2, 0, 1, 18])  # with more slots than are unrolled
ROWS, COLUMNS = 4, 5


def matrices(dtype=np.float32, degree=SHORT):
    """One matrix in both forms, with transposed slots; a row and the last column are empty."""
    rng = np.random.default_rng(0)
    values = [rng.normal(size=d).astype(dtype) for d in degree]
    indices = [rng.integers(0, COLUMNS - 1, d) for d in degree]
    wide, at = np.zeros((ROWS, degree.max()), dtype), np.zeros((ROWS, degree.max()), np.int32)
    for i, (v, j) in enumerate(zip(values, indices)):
        wide[i, : len(v)], at[i, : len(j)] = v, j
    flat = ELL(wide, at, COLUMNS, degree=degree.astype(np.int32))
    sectioned = sectioned_ell_from_ragged(values, indices, n_cols=COLUMNS)
    return {"flat": ell_with_transpose(flat), "sectioned": ell_with_transpose(sectioned)}, (wide, at)


def dense(shape, dtype=np.float32, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def values_of(matrix):
    """The leaves that are differentiated: the values of a flat matrix, those of each section of another."""
    return (matrix.values,) if isinstance(matrix, ELL) else tuple(s.values for s in matrix.sections)


def holding(matrix, values):
    if isinstance(matrix, ELL):
        return matrix.replace(values=values[0])
    sections = tuple(s.replace(values=v) for s, v in zip(matrix.sections, values))
    return matrix.replace(sections=sections)


def rmatvec(matrix, X, algebra):
    if isinstance(matrix, ELL):
        return semiring_ell_rmatvec(
            matrix.values,
            matrix.indices,
            X,
            n_cols=COLUMNS,
            semiring=algebra,
            degree=matrix.degree,
            transposed=matrix.transposed,
        )
    return sectioned_semiring_ell_rmatvec(matrix, X, semiring=algebra)


@pytest.mark.covering
@pytest.mark.fast
@pytest.mark.parametrize("name", oracles.ALGEBRAS)
@pytest.mark.parametrize("form", ["flat", "sectioned"])
def test_products_match_definition(name, form):
    found, (wide, at) = matrices(degree=LONG)
    matrix, algebra = found[form], oracles.ALGEBRAS[name]
    B, X = dense((COLUMNS, 3)), dense((ROWS, 3))
    if name == "boolean":
        matrix = holding(matrix, tuple(v > 0 for v in values_of(matrix)))
        wide, B, X = wide > 0, B > 0, X > 0
    got = apply_operator(matrix, B, semiring=algebra)
    np.testing.assert_allclose(got, oracles.ell_matmul(name, wide, at, B, LONG), 2e-6, 2e-6)
    got = rmatvec(matrix, X, algebra)
    np.testing.assert_allclose(got, oracles.ell_rmatvec(name, wide, at, X, COLUMNS, LONG), 2e-6, 2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", seldom_but(oracles.REAL_VALUED, "log"))
@pytest.mark.parametrize("form", ["flat", pytest.param("sectioned", marks=pytest.mark.slow)])
@pytest.mark.parametrize("transposed", seldom_but([False, True], True))
def test_derivatives_of_both_orders(name, form, transposed, x64):
    found, (_, at) = matrices(np.float64)
    matrix, algebra = found[form], oracles.ALGEBRAS[name]
    used = np.isin(np.arange(COLUMNS), np.concatenate([j[:d] for j, d in zip(at, SHORT)]))
    used = used[:, None] if transposed else (SHORT > 0)[:, None]

    def product(x, *values):
        holder = holding(matrix, values)
        out = rmatvec(holder, x, algebra) if transposed else apply_operator(holder, x, semiring=algebra)
        return jnp.where(used, out, 0)

    x = dense((ROWS if transposed else COLUMNS, 2), np.float64)
    check_gradients(product, x, *values_of(matrix), forward=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", seldom_but(oracles.REAL_VALUED, "log", "tropical_max_plus"))
@pytest.mark.parametrize("form", seldom_but(["flat", "sectioned"], "sectioned"))
def test_gradients_are_those_of_the_scattering_form(name, form):
    found, _ = matrices(degree=LONG if form == "flat" else SHORT)
    listed, algebra = found[form], oracles.ALGEBRAS[name]
    B = dense((COLUMNS, 131))  # wider than one block of columns
    g = dense((ROWS, 131), seed=2)

    def pull(matrix):
        def product(b, *values):
            return apply_operator(holding(matrix, values), b, semiring=algebra)

        back = jax.jit(lambda *x: jax.vjp(product, *x)[1](g), compiler_options=QUICK_COMPILE)
        return back(B, *values_of(matrix))

    for gathered, scattered in zip(pull(listed), pull(listed.replace(transposed=None))):
        np.testing.assert_allclose(gathered, scattered, 2e-5, 2e-5)


def test_the_backward_pass_scatters_nothing():
    found, _ = matrices()
    for matrix in found.values():
        for algebra in (semiring.REAL, semiring.LOG, semiring.TROPICAL_MIN_PLUS, semiring.EUCLIDEAN):

            def loss(b, *v, matrix=matrix, algebra=algebra):
                return apply_operator(holding(matrix, v), b, semiring=algebra).sum()

            arguments = (jnp.asarray(dense((COLUMNS, 3))), *values_of(matrix))
            text = jax.jit(jax.grad(loss, (0, 1))).lower(*arguments).as_text()
            assert "scatter" not in text
            bare = matrix.replace(transposed=None)
            text = jax.jit(jax.grad(lambda b, loss=loss, bare=bare: loss(b, *values_of(bare), matrix=bare)))
            assert "scatter" in text.lower(arguments[0]).as_text()


def test_log_at_large_magnitude_has_accurate_gradients():
    rng = np.random.default_rng(3)
    wide, at = rng.uniform(-1e4, 1e4, (5, 6)).astype(np.float32), rng.integers(0, 4, (5, 6))
    wide[:, 1], at[:, 1] = wide[:, 0] + 0.5, at[:, 0]  # two terms of nearly the same size in each row
    matrix = ell_with_transpose(ELL(wide, at, 4))
    B, g = rng.uniform(-1e4, 1e4, (4, 3)).astype(np.float32), rng.normal(size=(5, 3)).astype(np.float32)
    _, pull = jax.vjp(
        lambda v, b: apply_operator(matrix.replace(values=v), b, semiring=semiring.LOG), matrix.values, B
    )
    terms = np.float64(wide)[:, :, None] + np.float64(B)[at]
    share = np.exp(terms - oracles.ell_matmul("log", wide, at, B)[:, None, :]) * g[:, None, :]
    dB = np.zeros((4, 3))
    np.add.at(dB, at, share)
    got_values, got_B = pull(jnp.asarray(g))
    np.testing.assert_allclose(got_values, share.sum(-1), 2e-6, 2e-6)
    np.testing.assert_allclose(got_B, dB, 2e-6, 2e-6)


@pytest.mark.parametrize("name", ["tropical_max_plus", "tropical_min_plus"])
def test_ties_take_the_first_slot(name):
    algebra = oracles.ALGEBRAS[name]
    matrix = ell_with_transpose(ELL(jnp.ones((2, 2)), jnp.zeros((2, 2), int), 1))
    grad = jax.grad(
        lambda v: apply_operator(matrix.replace(values=v), jnp.ones((1, 1)), semiring=algebra).sum()
    )
    np.testing.assert_array_equal(grad(matrix.values), [[1, 0], [1, 0]])
    grad = jax.grad(lambda v: rmatvec_of_one(matrix.replace(values=v), algebra).sum())
    np.testing.assert_array_equal(grad(matrix.values), [[1, 0], [0, 0]])


def rmatvec_of_one(matrix, algebra):
    return semiring_ell_rmatvec(
        matrix.values,
        matrix.indices,
        jnp.ones((2, 1)),
        n_cols=1,
        semiring=algebra,
        transposed=matrix.transposed,
    )


@pytest.mark.slow
def test_batched_values_and_fields_share_the_slots():
    found, (wide, at) = matrices()
    matrix = found["flat"]
    B = dense((2, 1, COLUMNS, 3))
    stack = np.stack([wide, 2 * wide, -wide])

    def product(values, b):
        return apply_operator(matrix.replace(values=values), b, semiring=semiring.LOG)

    out = product(stack, B)
    assert out.shape == (2, 3, ROWS, 3)
    np.testing.assert_allclose(out[1, 2], oracles.ell_matmul("log", -wide, at, B[1, 0], SHORT), 2e-6, 2e-6)
    got = jax.grad(lambda b: jnp.where(jnp.isfinite(o := product(stack, b)), o, 0).sum())(jnp.asarray(B))
    bare = lambda b: semiring_ell_matmul(stack, at, b, semiring=semiring.LOG, degree=SHORT)
    wanted = jax.grad(lambda b: jnp.where(jnp.isfinite(o := bare(b)), o, 0).sum())(jnp.asarray(B))
    np.testing.assert_allclose(got, wanted, 2e-5, 2e-5)
    each = jax.vmap(lambda b: product(jnp.asarray(wide), b))(jnp.asarray(B[:, 0]))
    np.testing.assert_allclose(each[1], product(wide, B[1, 0]), 1e-6)


def test_adjointness(x64):
    found, _ = matrices(np.float64)
    x, y = dense((COLUMNS, 4), np.float64), dense((ROWS, 4), np.float64, seed=5)
    for matrix in found.values():
        left = jnp.vdot(apply_operator(matrix, x), y)
        np.testing.assert_allclose(left, jnp.vdot(x, rmatvec(matrix, y, semiring.REAL)), 1e-12)


def test_slots_of_another_matrix_are_refused():
    found, (wide, at) = matrices()
    other = ell_with_transpose(ELL(wide, at, COLUMNS + 1)).transposed
    with pytest.raises(ValueError, match=r"transposed slots have 6 rows.*5 columns.*ell_with_transpose"):
        semiring_ell_matmul(wide, at, dense((COLUMNS, 2)), transposed=other)
    with pytest.raises(ValueError, match="one structure without batch axes.*batch the values"):
        semiring_ell_matmul(
            wide, np.stack([at, at]), dense((COLUMNS, 2)), transposed=found["flat"].transposed
        )
    floating = found["flat"].replace(values=found["flat"].values)
    with pytest.raises(ValueError, match="hold integers"):
        semiring_ell_matmul(wide[:3], at[:3], dense((4, 2)), transposed=floating)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["real", "log", "tropical_max_plus"])
def test_slots_that_every_row_has_need_no_mask_and_the_others_one(name):
    degree = np.array([3, 2, 4, 2])  # two slots of every row count
    rng = np.random.default_rng(8)
    wide, at = rng.normal(size=(4, 4)).astype(np.float32), rng.integers(1, 5, (4, 4)).astype(np.int32)
    at[np.arange(4) >= degree[:, None]] = 0
    matrix, algebra, B = ELL(wide, at, 5, degree=degree), oracles.ALGEBRAS[name], dense((5, 3))
    B[0] = np.nan  # the row that pads point at: whatever value they have, they show where they take part
    assert matrix.full == 2
    for each in (matrix, ell_with_transpose(matrix), matrix.replace(degree=jnp.asarray(degree))):
        spoiled = each.replace(values=jnp.where(each.valid, each.values, jnp.nan))
        got = jax.jit(lambda m: apply_operator(m, B, semiring=algebra))(spoiled)
        np.testing.assert_allclose(got, oracles.ell_matmul(name, wide, at, B, degree), 2e-6, 2e-6)
        slope = jax.grad(lambda v, m=spoiled: apply_operator(m.replace(values=v), B, semiring=algebra).sum())
        assert (np.asarray(slope(spoiled.values))[np.arange(4) >= degree[:, None]] == 0).all()
    fewer = matrix.replace(degree=jnp.asarray([0, 1, 0, 1]))
    got = apply_operator(fewer, B, semiring=algebra)
    np.testing.assert_allclose(got, oracles.ell_matmul(name, wide, at, B, [0, 1, 0, 1]), 2e-6, 2e-6)
