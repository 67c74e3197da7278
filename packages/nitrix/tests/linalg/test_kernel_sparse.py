"""Kernels of sparse observations equal those of the dense ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.linalg import (
    cosine_kernel,
    laplace_kernel,
    linear_distance,
    linear_kernel,
    parameterised_norm,
    rbf_kernel,
)
from nitrix.linalg.kernel import _rows
from nitrix.sparse import ELL, ell_from_ragged, ell_to_dense, sectioned_ell_from_ragged
from support import kernels
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but
from support.memory import compiled_memory, form

N, D = 11, 6
RNG = np.random.default_rng(2)
DEGREES = [0, 4, 1, 3, 2, 2, 4, 0, 1, 3, 2]
COLUMNS = [RNG.integers(0, D, degree) for degree in DEGREES]  # some twice in a row
VALUES = [RNG.normal(size=degree).astype(np.float32) for degree in DEGREES]
FLAT = ell_from_ragged(VALUES, COLUMNS, n_cols=D)
SECTIONED = sectioned_ell_from_ragged(VALUES, COLUMNS, n_cols=D)
DENSE = np.zeros((N, D))
for row, (columns, values) in enumerate(zip(COLUMNS, VALUES, strict=True)):
    np.add.at(DENSE[row], columns, values)
OTHERS = RNG.normal(size=(5, D)).astype(np.float32)
NAMED = {
    "linear": (linear_kernel, kernels.linear),
    "distance": (linear_distance, kernels.distance),
    "rbf": (rbf_kernel, kernels.rbf),
    "laplace": (laplace_kernel, kernels.laplace),
    "cosine": (cosine_kernel, kernels.cosine),
}
CLOSE = {"rtol": 2e-5, "atol": 2e-5}


@pytest.fixture(params=seldom_but([1 << 20, 4 * D], 4 * D))
def blocks(request, monkeypatch):
    """All rows at once, and four at a time with three in the last block."""
    jax.clear_caches()
    monkeypatch.setattr(_rows, "BLOCK_ENTRIES", request.param)
    yield
    jax.clear_caches()


@pytest.mark.fast
@pytest.mark.parametrize("name", seldom_but(NAMED, "distance", "laplace"))
def test_sparse_rows_give_what_dense_ones_do(name, blocks):
    kernel, definition = NAMED[name]
    np.testing.assert_allclose(kernel(FLAT, OTHERS), definition(DENSE, OTHERS), **CLOSE)
    np.testing.assert_allclose(kernel(OTHERS, SECTIONED), definition(OTHERS, DENSE), **CLOSE)
    np.testing.assert_allclose(kernel(FLAT), definition(DENSE, DENSE), **CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMED)
def test_sparse_rows_of_either_form_with_metrics(name, blocks):
    kernel, definition = NAMED[name]
    weights = np.linspace(0.5, 2, D).astype(np.float32)
    np.testing.assert_allclose(
        kernel(SECTIONED, FLAT, theta=weights), definition(DENSE, DENSE, weights), **CLOSE
    )
    np.testing.assert_allclose(kernel(SECTIONED), definition(DENSE, DENSE), **CLOSE)


def test_leading_axes_of_sparse_rows(blocks):
    scale = np.array([1, 2, 3], np.float32)
    batch = FLAT.replace(values=jnp.asarray(scale)[:, None, None] * FLAT.values)
    got = rbf_kernel(batch, OTHERS)
    np.testing.assert_allclose(got, kernels.rbf(scale[:, None, None] * DENSE, OTHERS), **CLOSE)


def test_derivatives_in_the_values(x64, blocks):
    values = np.asarray(FLAT.values).astype(float)
    of_values = lambda values: FLAT.replace(values=values)
    check_gradients(lambda v, y: rbf_kernel(of_values(v), y), values, OTHERS.astype(float), order=1)


@pytest.mark.slow
def test_second_derivatives_in_the_values(x64):
    values = np.asarray(FLAT.values).astype(float)
    of_values = lambda values: FLAT.replace(values=values)
    check_gradients(lambda v: cosine_kernel(of_values(v), OTHERS.astype(float)), values)
    check_gradients(lambda v: rbf_kernel(of_values(v)), values)


def test_what_pads_hold_is_never_read():
    held = FLAT.replace(values=jnp.where(FLAT.valid, FLAT.values, jnp.nan))
    np.testing.assert_array_equal(linear_kernel(held, OTHERS), linear_kernel(FLAT, OTHERS))
    gradient = jax.jit(
        jax.grad(lambda v: rbf_kernel(FLAT.replace(values=v), OTHERS).sum()), compiler_options=QUICK_COMPILE
    )
    assert np.isfinite(gradient(held.values)).all()


def test_the_dense_form_is_that_of_the_container():
    np.testing.assert_allclose(ell_to_dense(FLAT), DENSE, rtol=1e-6)


def test_a_traced_index_out_of_range_is_nan_in_its_row():
    def kernel(values, indices):
        return linear_kernel(ELL(values, indices, 3), jnp.ones((2, 3)))

    out = jax.jit(kernel)(jnp.ones((2, 1)), jnp.asarray([[1], [3]]))
    assert np.isnan(out[1]).all()
    np.testing.assert_array_equal(out[0], [1, 1])


@pytest.mark.usefixtures("unchecked")
def test_what_is_not_served_says_so():
    with pytest.raises(ValueError, match="X is sparse; give dense rows, or call cosine_kernel"):
        parameterised_norm(FLAT)
    tropical = ELL(jnp.ones((2, 1)), jnp.zeros((2, 1), int), 3, -np.inf)
    with pytest.raises(
        ValueError, match="X0 has pads that hold -inf, its identity, and not 0; give it a degree"
    ):
        linear_kernel(tropical)
    with pytest.raises(ValueError, match="X0 has 6 features but X1 has 3"):
        linear_kernel(FLAT, np.ones((2, 3)))


def test_no_dense_copy_of_sparse_rows():
    n, m, d, k = 4096, 64, 4096, 4  # made dense, the rows would be 64 outputs
    slots = form(n, k), form(n, k, dtype="int32")

    def kernel(values, indices, others):
        return rbf_kernel(ELL(values, indices, d), others)

    output = 4 * n * m
    temporaries = compiled_memory(kernel, *slots, form(m, d)).temporaries
    assert temporaries <= 4 * output + 8 * _rows.BLOCK_ENTRIES + 3 * 4 * m * d
