"""Toeplitz matrices against the definition and SciPy."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.linalg import toeplitz, toeplitz_2d, toeplitz_init
from support import structured
from support.gradients import check_gradients

linalg = pytest.importorskip("scipy.linalg")
RNG = np.random.default_rng(5)
C, R = RNG.integers(-9, 9, 4), RNG.integers(-9, 9, 6)


@pytest.mark.fast
@pytest.mark.parametrize("shape", [None, (4, 6), (6, 9), (2, 3), (1, 9), (9, 1), (0, 3)])
def test_matches_the_definition_in_every_shape(shape):
    got = toeplitz(C, R, shape=shape, fill_value=7)
    np.testing.assert_array_equal(got, structured.toeplitz(C, R, shape, 7))
    assert got.dtype == jnp.asarray(C).dtype
    np.testing.assert_array_equal(toeplitz_2d(C, R, shape=shape, fill_value=7), got)


@pytest.mark.fast
def test_the_first_column_wins_on_the_diagonal():
    c, r = np.array([1.0, 2.0, 3.0]), np.array([9.0, 5.0, 4.0])
    got = toeplitz(c, r)
    assert got[0, 0] == 1
    assert got[1, 1] == 1
    np.testing.assert_array_equal(got, linalg.toeplitz(c, r))


def test_the_default_row_is_the_conjugate_of_the_column():
    c = np.array([1 + 0j, 2 + 1j, 3 - 2j])
    np.testing.assert_array_equal(toeplitz(c), linalg.toeplitz(c))


def test_complex_numbers_keep_their_imaginary_part_in_every_shape():
    c, r = np.array([1 + 1j, 2 + 1j]), np.array([1 + 1j, 3 - 2j, 1j])
    got = toeplitz(c, r, shape=(4, 5), fill_value=1j)
    np.testing.assert_array_equal(got, structured.toeplitz(c, r, (4, 5), 1j))
    assert got.dtype == np.complex64


@pytest.mark.parametrize("dtype", ["int32", "int8", "float16", "bfloat16", "float32"])
def test_the_dtype_is_kept(dtype):
    c = jnp.asarray([1, 0]).astype(dtype)
    assert toeplitz(c, shape=(3, 3)).dtype == c.dtype


def test_a_fill_of_a_higher_kind_promotes():
    got = toeplitz(np.array([1, 2]), shape=(3, 3), fill_value=0.5)
    assert got.dtype == np.float32
    assert got[2, 0] == 0.5


def test_a_shape_below_the_lengths_crops():
    np.testing.assert_array_equal(toeplitz(C, R, shape=(2, 2)), structured.toeplitz(C, R)[:2, :2])


def test_leading_axes_broadcast_singletons_too():
    c, r = RNG.normal(size=(3, 1, 4)).astype(np.float32), RNG.normal(size=(2, 5)).astype(np.float32)
    got = toeplitz(c, r)
    assert got.shape == (3, 2, 4, 5)
    for i in range(3):
        for j in range(2):
            np.testing.assert_array_equal(got[i, j], structured.toeplitz(c[i, 0], r[j]))


def test_the_fill_may_be_an_array():
    fill = np.array([5.0, 6.0], np.float32)
    got = toeplitz(np.ones((1, 1), np.float32), shape=(2, 2), fill_value=fill)
    np.testing.assert_array_equal(got[:, 1, 0], fill)


def test_empty_columns_and_rows():
    assert toeplitz(np.zeros(0), np.zeros(3)).shape == (0, 3)
    np.testing.assert_array_equal(
        toeplitz(np.zeros(0), np.zeros(0), shape=(2, 2), fill_value=3), np.full((2, 2), 3)
    )


@pytest.mark.fast
def test_rectangular_under_jit_does_not_abort():
    # A process of its own: what is tested is that it lives.
    code = (
        "import jax, jax.numpy as jnp; from nitrix.linalg import toeplitz; "
        "print(jax.jit(toeplitz)(jnp.arange(3.0), jnp.arange(5.0)).sum())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == structured.toeplitz(np.arange(3.0), np.arange(5.0)).sum()


def test_jit_vmap_and_a_traced_fill():
    c, r = RNG.normal(size=(2, 4)).astype(np.float32), RNG.normal(size=(2, 6)).astype(np.float32)
    build = lambda c, r, fill: toeplitz(c, r, shape=(5, 7), fill_value=fill)
    got = jax.jit(jax.vmap(build, (0, 0, None)))(c, r, jnp.float32(2))
    np.testing.assert_array_equal(got[1], structured.toeplitz(c[1], r[1], (5, 7), 2))


def test_derivatives(x64):
    build = lambda c, r, fill: toeplitz(c, r, shape=(4, 5), fill_value=fill)
    check_gradients(build, RNG.normal(size=3), RNG.normal(size=3), np.array(0.5), order=1)


def test_the_first_entry_of_the_row_is_not_read():
    grad = jax.grad(lambda r: toeplitz(jnp.zeros(3), r).sum())(jnp.asarray([jnp.nan, 1.0, 2.0]))
    np.testing.assert_array_equal(grad, [0, 2, 1])
    assert np.isfinite(toeplitz(jnp.zeros(3), jnp.asarray([jnp.nan, 1.0, 2.0]))).all()


@pytest.mark.usefixtures("unchecked")
def test_bad_input_is_refused_in_words():
    with pytest.raises(
        ValueError, match=r"leading axes do not broadcast: c \(2,\), r \(3,\), fill_value \(\)"
    ):
        toeplitz(np.zeros((2, 4)), np.zeros((3, 4)))
    with pytest.raises(ValueError, match="toeplitz: r is a single number; give a vector"):
        toeplitz(np.zeros(4), 1.0)
    with pytest.raises(
        ValueError, match=r"toeplitz_2d: c has shape \(2, 4\); give a vector, or call toeplitz"
    ):
        toeplitz_2d(np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"shape=\(3,\) must be two numbers"):
        toeplitz(np.zeros(4), shape=(3,))
    with pytest.raises(ValueError, match="shape=-1 must not be negative"):
        toeplitz(np.zeros(4), shape=(3, -1))
    with pytest.raises(ValueError, match="which int32 cannot hold"):
        toeplitz(np.array([2**40]))
    with pytest.raises(ValueError, match=r"shape=\(3,\) must have the two axes of a matrix"):
        toeplitz_init(shape=(3,), c=np.zeros(3))


def test_the_initial_array_is_a_batch_of_equal_matrices():
    got = toeplitz_init(shape=(2, 3, 5), c=np.array([1.0, 0.5]), r=np.array([7.0, 0.25]), fill_value=0.125)
    wanted = structured.toeplitz([1.0, 0.5], [7.0, 0.25], (3, 5), 0.125)
    np.testing.assert_array_equal(got, np.stack([wanted, wanted]))
    assert toeplitz_init(shape=(2, 2), c=np.array([1, 2])).dtype == np.float32
