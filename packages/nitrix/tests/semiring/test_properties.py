"""Laws of the products over all algebras, on matrices that hypothesis draws."""

from functools import cache, partial

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nitrix import semiring
from support.gradients import QUICK_COMPILE
from support.oracles import ALGEBRAS, DEFINITIONS
from support.strategies import COLUMNS, ROWS, SIDE, WIDTH, ell_matrices, matrices, permutations

STRICT = [name for name in ALGEBRAS if name != "euclidean"]
ONE = {"real": 1, "boolean": True}  # what is neutral for (*); 0 elsewhere
strict = pytest.mark.parametrize("name", STRICT)
every = pytest.mark.parametrize("name", ALGEBRAS)


@cache
def product(name):
    return jax.jit(partial(semiring.semiring_matmul, semiring=ALGEBRAS[name]), compiler_options=QUICK_COMPILE)


@cache
def sparse_product(name, transposed=False):
    function = semiring.semiring_ell_matmul
    if transposed:
        function = partial(semiring.semiring_ell_rmatvec, n_cols=COLUMNS)
    function = partial(function, semiring=ALGEBRAS[name])
    return jax.jit(
        lambda values, indices, dense, degree: function(values, indices, dense, degree=degree),
        compiler_options=QUICK_COMPILE,
    )


def total(name, *terms):
    """The elementwise (+), from its definition."""
    return DEFINITIONS[name][1](np.stack(terms), 0)


def assert_same(name, got, wanted):
    """Equal, but for LOG, whose terms are rounded."""
    got, wanted = (np.asarray(x) if name == "boolean" else np.float64(x) for x in (got, wanted))
    if name == "log":
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)
    else:
        np.testing.assert_array_equal(got, wanted)


@strict
def test_products_are_associative(name):
    times = product(name)

    @given(*[matrices(name)] * 3)
    def law(A, B, C):
        assert_same(name, times(times(A, B), C), times(A, times(B, C)))

    law()


@strict
def test_identity_and_zero_matrices(name):
    times, zero = product(name), ALGEBRAS[name].annihilator

    @given(matrices(name))
    def law(A):
        identity = np.where(np.eye(SIDE, dtype=bool), ONE.get(name, 0), zero).astype(A.dtype)
        nothing = np.full_like(A, zero)
        for got in (times(A, identity), times(identity, A)):
            assert_same(name, got, A)
        for got in (times(A, nothing), times(nothing, A)):
            assert_same(name, got, nothing)

    law()


@strict
def test_products_distribute_over_sums(name):
    times = product(name)

    @given(*[matrices(name)] * 3)
    def law(A, B, C):
        both = total(name, B, C).astype(A.dtype)
        assert_same(name, times(A, both), total(name, times(A, B), times(A, C)))
        assert_same(name, times(both, A), total(name, times(B, A), times(C, A)))

    law()


@every
def test_transposition_and_permutation(name):
    times = product(name)

    @given(matrices(name), matrices(name), permutations())
    def law(A, B, order):
        out = np.asarray(times(A, B))
        assert_same(name, times(B.T, A.T), out.T)
        assert_same(name, times(A[order], B), out[order])
        assert_same(name, times(A, B[:, order]), out[:, order])
        assert_same(name, times(A[:, order], B[order]), out)

    law()


@given(matrices("tropical_max_plus"), matrices("tropical_max_plus"))
def test_max_plus_and_min_plus_are_dual(A, B):
    np.testing.assert_array_equal(
        product("tropical_min_plus")(A, B), -np.asarray(product("tropical_max_plus")(-A, -B))
    )


@given(matrices("log"), matrices("log"))
def test_log_lies_between_the_maximum_and_the_maximum_plus_log_k(A, B):
    out, largest = (np.float64(product(name)(A, B)) for name in ("log", "tropical_max_plus"))
    assert (out >= largest - 1e-5).all()
    assert (out <= largest + np.log(SIDE) + 1e-5).all()


@given(matrices("euclidean"), matrices("euclidean"), matrices("euclidean"), st.integers(-8, 8))
def test_distances_are_a_metric(A, B, C, shift):
    distance = lambda left, right: np.float64(product("euclidean")(left, right.T))
    np.testing.assert_array_equal(np.diag(distance(A, A)), 0)
    np.testing.assert_array_equal(distance(A + np.float32(shift), B + np.float32(shift)), distance(A, B))
    through = distance(A, C)[:, :, None] + distance(C, B)[None, :, :]
    assert (distance(A, B)[:, None, :] <= through * (1 + 1e-6)).all()


@given(ell_matrices(), matrices("real", (COLUMNS, WIDTH)), matrices("real", (ROWS, WIDTH)))
def test_the_transposed_sparse_product_is_the_adjoint(sparse, x, y):
    values, indices, degree = sparse
    forward = np.float64(sparse_product("real")(values, indices, x, degree))
    backward = np.float64(sparse_product("real", transposed=True)(values, indices, y, degree))
    assert np.vdot(forward, y) == np.vdot(x, backward)


@pytest.mark.parametrize("name", ["real", "log", "tropical_min_plus", "boolean"])
def test_sparse_products_are_those_of_the_dense_matrix(name):
    """Of which duplicate entries are summed, and missing ones are the annihilator."""

    @given(ell_matrices(name), matrices(name, (COLUMNS, WIDTH)), matrices(name, (ROWS, WIDTH)))
    def law(sparse, x, y):
        values, indices, degree = sparse
        dense = np.full((ROWS, COLUMNS), ALGEBRAS[name].annihilator).astype(values.dtype)
        for i, count in enumerate(degree):
            for p in range(count):
                dense[i, indices[i, p]] = total(name, dense[i, indices[i, p]], values[i, p])
        assert_same(name, sparse_product(name)(values, indices, x, degree), product(name)(dense, x))
        assert_same(
            name, sparse_product(name, transposed=True)(values, indices, y, degree), product(name)(dense.T, y)
        )

    law()
