"""Symmetric parts, upper triangles as vectors, and squareform in both directions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nitrix.linalg import squareform, sym2vec, symmetric, vec2sym
from support import structured
from support.gradients import check_gradients

scipy_distance = pytest.importorskip("scipy.spatial.distance")


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.fast
@pytest.mark.parametrize("offset", [0, 1, 2, 7])
def test_triangles_stand_in_the_order_of_the_definition(offset):
    matrices = random(2, 6, 6)
    vectors = sym2vec(matrices, offset)
    np.testing.assert_array_equal(vectors, structured.triangle(matrices, offset))
    if offset < 6:
        back = vec2sym(vectors, offset)
        assert back.shape == (2, 6, 6)
        np.testing.assert_array_equal(back, structured.filled(np.asarray(vectors), offset))


@pytest.mark.parametrize(("n", "offset"), [(0, 0), (1, 1), (1, 0), (2, 1), (3, 5)])
def test_the_smallest_matrices(n, offset):
    assert sym2vec(np.zeros((n, n)), offset).shape == (max(n - offset, 0) * (max(n - offset, 0) + 1) // 2,)
    assert vec2sym(np.zeros((2, 0)), offset).shape == (2, offset, offset)


def test_a_large_triangle_is_exact():
    # The rows of the triangle come from a rounded square root.
    vector = np.arange(1500 * 1501 // 2, dtype=np.int32)
    matrix = np.asarray(vec2sym(vector, 0))
    np.testing.assert_array_equal(matrix[np.triu_indices(1500)], vector)
    np.testing.assert_array_equal(sym2vec(matrix, 0), vector)


@pytest.mark.fast
@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "float16", "bfloat16", "complex64"])
def test_vec2sym_and_sym2vec_keep_the_dtype(dtype):
    vector = jnp.asarray([1, 0, 1]).astype(dtype) * jnp.asarray(1j if dtype == "complex64" else 1).astype(
        dtype
    )
    matrix = vec2sym(vector)
    assert matrix.dtype == vector.dtype
    assert sym2vec(matrix).dtype == vector.dtype
    np.testing.assert_array_equal(np.asarray(sym2vec(matrix)), np.asarray(vector))


def test_wide_integers_of_the_host_are_refused_and_not_wrapped():
    with pytest.raises(
        ValueError, match="numbers from 1 to 1099511627776, which int32 cannot hold; switch jax_enable_x64"
    ):
        vec2sym(np.array([1, 2**40, 3]))


def test_sym2vec_and_vec2sym_serve_forward_mode(x64):
    check_gradients(lambda v: vec2sym(v), random(2, 6).astype(float), order=1)
    check_gradients(lambda m: sym2vec(m, 0), random(3, 3).astype(float), order=1)


def test_gradients_go_to_the_upper_triangle_and_to_both_halves():
    grad = jax.grad(lambda m: sym2vec(m).sum())(jnp.zeros((3, 3)))
    np.testing.assert_array_equal(grad, np.triu(np.ones((3, 3)), 1))
    weight = jnp.arange(9.0).reshape(3, 3)
    grad = jax.grad(lambda v: (vec2sym(v, 0) * weight).sum())(jnp.zeros(6))
    both = np.asarray(weight + weight.T - jnp.diag(jnp.diag(weight)))
    np.testing.assert_array_equal(grad, structured.triangle(both, 0))


@given(hnp.arrays(np.int32, (3, 10)))
def test_vectors_come_back(vectors):
    np.testing.assert_array_equal(sym2vec(vec2sym(vectors)), vectors)


@pytest.mark.usefixtures("unchecked")
def test_shapes_that_are_no_triangle_are_refused_in_words():
    with pytest.raises(ValueError, match="vec has 4 entries, which fill no triangle; give m"):
        vec2sym(np.zeros(4))
    with pytest.raises(
        ValueError, match=r"sym2vec: sym has shape \(2, 3\); its last two axes must be a square"
    ):
        sym2vec(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="sym2vec: offset=-1 must not be negative"):
        sym2vec(np.zeros((2, 2)), -1)
    with pytest.raises(ValueError, match="vec is a single number"):
        vec2sym(np.float32(1))


@pytest.mark.fast
def test_squareform_is_scipys():
    vector = random(10)
    matrix = squareform(vector)
    np.testing.assert_array_equal(matrix, scipy_distance.squareform(vector))
    np.testing.assert_array_equal(squareform(matrix), scipy_distance.squareform(np.asarray(matrix)))


def test_squareform_takes_a_single_vector():
    np.testing.assert_array_equal(squareform(np.array([1, 2, 3])), [[0, 1, 2], [1, 0, 3], [2, 3, 0]])


@pytest.mark.fast
def test_squareform_with_a_direction_works_under_jit():
    matrices = structured.filled(random(2, 10))
    vectors = jax.jit(lambda X: squareform(X, direction="to_vector"))(matrices)
    np.testing.assert_array_equal(vectors, structured.triangle(matrices))
    back = jax.jit(lambda X: squareform(X, direction="to_matrix"))(vectors)
    np.testing.assert_array_equal(back, matrices)
    # What is not square has one reading.
    np.testing.assert_array_equal(jax.jit(squareform)(vectors), matrices)


def test_squareform_without_a_direction_says_what_to_do_under_jit():
    with pytest.raises(ValueError, match="X of shape .3, 3. is traced, .* name direction='to_vector' or"):
        jax.jit(squareform)(jnp.zeros((3, 3)))
    # Under grad alone the numbers are known.
    assert jax.grad(lambda X: squareform(X).sum())(jnp.zeros((3, 3)))[0, 1] == 1


def test_squareform_reads_square_vectors_only_when_told_to():
    vectors = random(3, 3)
    with pytest.raises(
        ValueError, match="is square but not symmetric: .* direction='to_matrix' .reads 3 vectors"
    ):
        squareform(vectors)
    np.testing.assert_array_equal(squareform(vectors, direction="to_matrix"), structured.filled(vectors))
    # A batch that is symmetric by chance is one matrix, as documented.
    assert squareform(np.ones((3, 3))).shape == (3,)


def test_squareform_guesses_by_the_scale_of_the_numbers():
    matrix = structured.filled(random(10)).astype(np.float32)
    rounded = matrix * (1 + 1e-7 * random(5, 5, seed=1))
    for scale in (1e-12, 1, 1e12):
        assert squareform((scale * rounded).astype(np.float32)).shape == (10,)
    with pytest.raises(ValueError, match="not symmetric"):
        squareform(1e-12 * random(5, 5))
    matrix[0, 1] = matrix[1, 0] = np.nan
    assert squareform(matrix).shape == (10,)
    assert squareform(jnp.eye(3, dtype="bfloat16")).shape == (3,)


@pytest.mark.usefixtures("unchecked")
def test_squareform_names_what_it_is_given():
    with pytest.raises(ValueError, match="direction='matrix' must be 'to_vector', 'to_matrix' or None"):
        squareform(np.zeros(3), direction="matrix")
    with pytest.raises(ValueError, match=r"X of shape \(2, 3\) holds no square matrices"):
        squareform(np.zeros((2, 3)), direction="to_vector")
    with pytest.raises(ValueError, match="2 entries, which fill no triangle"):
        squareform(np.zeros((3, 2)))


@pytest.mark.parametrize("skew", [False, True])
def test_symmetric_and_skew_parts(skew):
    X = random(2, 4, 4)
    sign = -1 if skew else 1
    np.testing.assert_array_equal(symmetric(X, skew=skew), (X + sign * X.swapaxes(-1, -2)) / 2)
    moved = np.moveaxis(X, 0, -1)
    np.testing.assert_array_equal(
        symmetric(moved, skew=skew, axes=(0, 1)), np.moveaxis(np.asarray(symmetric(X, skew=skew)), 0, -1)
    )


def test_symmetric_promotes_integers_and_transposes_complex_numbers():
    assert symmetric(np.array([[0, 1], [2, 0]]))[0, 1] == 1.5
    Z = np.array([[1j, 2], [4, 1]])
    np.testing.assert_array_equal(symmetric(Z), (Z + Z.T) / 2)


@pytest.mark.usefixtures("unchecked")
def test_symmetric_refuses_what_is_not_square():
    with pytest.raises(ValueError, match=r"X of shape \(2, 3\) is not square in axes \(-2, -1\)"):
        symmetric(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"axes=\(0, -2\) must be two different axes of X"):
        symmetric(np.zeros((2, 2)), axes=(0, -2))


@given(hnp.arrays(np.float32, (4, 4), elements=st.integers(-999, 999).map(float)))
def test_the_parts_add_up(X):
    np.testing.assert_array_equal(symmetric(X) + symmetric(X, skew=True), X)
