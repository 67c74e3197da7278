"""Diagonals, conditioning, Cholesky inverses and outer products."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.linalg import (
    cholesky_invert,
    delete_diagonal,
    diag_embed,
    expand_outer,
    fill_diagonal,
    recondition_eigenspaces,
)
from support import structured
from support.gradients import check_gradients
from support.marks import seldom_but

KEY = jax.random.key(0)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.fast
@pytest.mark.parametrize("shape", [(1, 1), (5, 1), (1, 5), (4, 6), (2, 3, 3), (0, 3), (0, 0)])
@pytest.mark.parametrize("offset", seldom_but([0, 1, -2], 1))
def test_fill_diagonal_serves_every_shape_and_offset(shape, offset):
    X = random(*shape)
    np.testing.assert_array_equal(
        fill_diagonal(X, fill=7, offset=offset), structured.with_diagonal(X, 7, offset)
    )


def test_fill_diagonal_serves_axes_of_length_one():
    np.testing.assert_array_equal(fill_diagonal(np.zeros((1, 1)), fill=3), [[3]])
    np.testing.assert_array_equal(fill_diagonal(np.zeros((5, 1)), fill=3)[:, 0], [3, 0, 0, 0, 0])


def test_fill_diagonal_keeps_the_dtype_unless_the_fill_is_of_a_higher_kind():
    ints = np.ones((2, 2), np.int32)
    assert fill_diagonal(ints).dtype == np.int32
    got = fill_diagonal(ints, fill=0.5)
    assert got.dtype == np.float32
    assert got[0, 0] == 0.5
    assert fill_diagonal(jnp.ones((2, 2), "bfloat16"), fill=0.5).dtype == jnp.bfloat16
    assert fill_diagonal(ints, fill=1j).dtype == np.complex64


def test_a_traced_fill_and_its_gradient():
    value, slope = jax.jit(jax.value_and_grad(lambda f: fill_diagonal(jnp.ones((3, 4)), fill=f).sum()))(2.0)
    assert (value, slope) == (15, 3)


@pytest.mark.fast
def test_delete_diagonal_is_safe_for_what_is_not_finite():
    X = random(3, 3)
    X[np.diag_indices(3)] = np.nan, np.inf, -np.inf
    np.testing.assert_array_equal(delete_diagonal(X), structured.with_diagonal(X, 0))
    grad = jax.grad(lambda x: (delete_diagonal(x) ** 2).sum())(jnp.asarray(X))
    np.testing.assert_allclose(grad, 2 * structured.with_diagonal(X, 0), rtol=1e-6)


def test_delete_diagonal_takes_matrices_that_are_not_square():
    X = random(2, 3, 5)
    np.testing.assert_array_equal(delete_diagonal(X), structured.with_diagonal(X, 0))
    assert delete_diagonal(np.ones((2, 2), np.int32)).dtype == np.int32


@pytest.mark.parametrize("offset", [0, 2, -1])
def test_diag_embed_is_numpys_diag_of_each_vector(offset):
    v = random(2, 4)
    np.testing.assert_array_equal(diag_embed(v, offset), np.stack([np.diag(row, offset) for row in v]))
    assert diag_embed(np.array([1, np.nan]), offset)[0, -1] == 0 or offset == 2
    assert diag_embed(jnp.asarray([True]), offset).dtype == bool


def test_diag_embed_of_nothing():
    assert diag_embed(np.zeros((2, 0)), 1).shape == (2, 1, 1)


@pytest.mark.usefixtures("unchecked")
def test_what_is_no_matrix_is_refused_in_words():
    with pytest.raises(ValueError, match=r"fill_diagonal: A has shape \(3,\); give a matrix"):
        fill_diagonal(np.zeros(3))
    with pytest.raises(ValueError, match=r"delete_diagonal: A has shape \(3,\)"):
        delete_diagonal(np.zeros(3))
    with pytest.raises(ValueError, match=r"fill has shape \(2,\); give one number"):
        fill_diagonal(np.zeros((2, 2)), fill=np.zeros(2))
    with pytest.raises(TypeError, match="offset=0.5 must be an integer"):
        diag_embed(np.zeros(3), 0.5)
    with pytest.raises(ValueError, match="v is a single number"):
        diag_embed(np.float32(3))
    with pytest.raises(TypeError, match="A has dtype <U1; give an array of numbers"):
        fill_diagonal(np.full((2, 2), "a"))


@pytest.mark.fast
def test_reconditioning_adds_psi_less_xi_and_a_uniform_draw():
    A = random(3, 50, 50)
    lift = np.asarray(recondition_eigenspaces(A, psi=0.5, xi=0.2, key=KEY)) - A
    diagonal = np.diagonal(lift, axis1=-2, axis2=-1)
    assert (lift * (1 - np.eye(50)) == 0).all()
    assert 0.299 < diagonal.min() < 0.31
    assert 0.49 < diagonal.max() < 0.501
    assert len(np.unique(diagonal)) > 140  # an entry of its own for each, in every item of the batch
    np.testing.assert_allclose(recondition_eigenspaces(A, psi=0.5), A + 0.5 * np.eye(50), atol=1e-6)


@pytest.mark.parametrize(
    "dtype", seldom_but(["float16", "bfloat16", "float32", "complex64", "int32"], "bfloat16", "int32")
)
def test_reconditioning_keeps_the_floating_dtype(dtype):
    got = recondition_eigenspaces(jnp.eye(2).astype(dtype), psi=0.5, xi=0.25, key=KEY)
    assert got.dtype == (jnp.float32 if dtype == "int32" else dtype)


def test_traced_reconditioning_is_nan_where_a_known_one_is_refused():
    lifted = jax.jit(lambda psi, xi: recondition_eigenspaces(jnp.eye(2), psi=psi, xi=xi, key=KEY))
    assert np.isfinite(lifted(0.5, 0.1)).all()
    assert np.isnan(np.diag(lifted(0.1, 0.5))).all()
    assert np.isnan(np.diag(lifted(0.5, -0.1))).all()


@pytest.mark.usefixtures("unchecked")
def test_reconditioning_says_what_is_missing():
    with pytest.raises(ValueError, match="xi is 0.1, so that random numbers are needed; give key"):
        recondition_eigenspaces(np.eye(2), psi=1.0, xi=0.1)
    with pytest.raises(ValueError, match="xi is traced, so that random numbers are needed"):
        jax.jit(lambda xi: recondition_eigenspaces(jnp.eye(2), psi=1.0, xi=xi))(0.1)
    with pytest.raises(ValueError, match="psi=0.1 is below xi=0.5, so that eigenvalues could fall"):
        recondition_eigenspaces(np.eye(2), psi=0.1, xi=0.5, key=KEY)
    with pytest.raises(ValueError, match="psi=nan must be finite and not negative"):
        recondition_eigenspaces(np.eye(2), psi=np.nan)
    with pytest.raises(ValueError, match=r"A has shape \(2, 3\); its last two axes must be a square"):
        recondition_eigenspaces(np.zeros((2, 3)), psi=1.0)


def positive(*batch, n=5):
    root = np.random.default_rng(3).normal(size=(*batch, n, n))
    return root @ root.swapaxes(-1, -2) + np.eye(n)


@pytest.mark.fast
def test_the_cholesky_inverse(x64):
    X = positive(2)
    got = cholesky_invert(X)
    np.testing.assert_allclose(got, np.linalg.inv(X), rtol=0, atol=1e-12)
    np.testing.assert_allclose(cholesky_invert(got), X, rtol=1e-10)
    check_gradients(cholesky_invert, X[0], order=1)


def test_the_cholesky_inverse_of_complex_and_narrow_matrices():
    Z = positive() + 1j * (random(5, 5) - random(5, 5).T)
    np.testing.assert_allclose(cholesky_invert(Z) @ Z, np.eye(5), atol=1e-4)
    for dtype in ("float16", "bfloat16"):
        got = cholesky_invert(jnp.eye(3, dtype=dtype) * 2)
        assert got.dtype == dtype
        np.testing.assert_array_equal(np.float32(got), np.eye(3) / 2)


def test_a_matrix_that_is_not_positive_definite_gives_nan_and_no_exception():
    got = cholesky_invert(np.stack([np.eye(2), -np.eye(2)]))
    assert np.isfinite(got[0]).all()
    assert np.isnan(got[1]).all()
    assert cholesky_invert(np.zeros((3, 0, 0))).shape == (3, 0, 0)


L, R = random(2, 4, 3), random(2, 5, 3, seed=1)
COUPLING = random(3, 3, seed=2)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("coupling", "matrix"),
    [
        (None, None),
        (COUPLING, COUPLING),
        (COUPLING[0], np.diag(COUPLING[0])),
        (COUPLING[:1].T, np.diag(COUPLING[0])),
        (np.stack([COUPLING[:1].T, COUPLING[1:2].T]), np.stack([np.diag(COUPLING[0]), np.diag(COUPLING[1])])),
    ],
    ids=["none", "matrix", "vector", "column", "batch of columns"],
)
def test_outer_products(coupling, matrix):
    np.testing.assert_allclose(
        expand_outer(L, R, coupling), structured.expanded(L, R, matrix), rtol=1e-5, atol=1e-5
    )
    for symmetry in ("cross", "skew"):
        np.testing.assert_allclose(
            expand_outer(L, C=coupling, symmetry=symmetry),
            structured.expanded(L, None, matrix, symmetry),
            rtol=1e-5,
            atol=1e-5,
        )


def test_outer_products_of_vectors_take_a_vector_as_coupling():
    np.testing.assert_array_equal(
        expand_outer(np.array([1.0, 2.0]), np.array([3.0]), np.array([2.0])), [[6], [12]]
    )


def test_outer_products_of_complex_factors_are_not_conjugated():
    z = np.array([[1j], [2.0]])
    np.testing.assert_array_equal(expand_outer(z), z @ z.T)
    assert expand_outer(jnp.ones((2, 1), "bfloat16")).dtype == jnp.bfloat16


@pytest.mark.usefixtures("unchecked")
def test_outer_products_name_what_does_not_fit():
    with pytest.raises(ValueError, match=r"L \(2, 4, 3\) and R \(5, 2\) differ in rank"):
        expand_outer(L, np.zeros((5, 2)))
    with pytest.raises(
        ValueError, match=r"C has shape \(2, 3\), but the factors have rank 3; give a matrix \[... 3 3\]"
    ):
        expand_outer(L, R, np.zeros((2, 3)))
    with pytest.raises(ValueError, match="is not square and has no symmetric or skew part"):
        expand_outer(L, R, symmetry="cross")
    with pytest.raises(ValueError, match="symmetry='both' must be 'cross', 'skew' or None"):
        expand_outer(L, symmetry="both")
    with pytest.raises(ValueError, match="leading axes do not broadcast"):
        expand_outer(L, np.zeros((7, 5, 3)))
    with pytest.raises(ValueError, match="L is a single number"):
        expand_outer(1.0)
