"""Stencils and band matrices on grids against padding in NumPy and against SciPy, in every boundary mode."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from nitrix import semiring
from nitrix.sparse import (
    apply_operator,
    band_matrix,
    ell_to_dense,
    ell_transpose,
    grid_gradient,
    grid_identity,
    grid_laplacian,
    regular_grid_stencil,
)
from support.ell_cases import product_oracle
from support.gradients import check_gradients

# SciPy's name of each boundary, and NumPy's of the padding that has it.
MODES = {
    "reflect": ("reflect", "symmetric"),
    "mirror": ("mirror", "reflect"),
    "nearest": ("nearest", "edge"),
    "constant": ("constant", "constant"),
    "wrap": ("wrap", "wrap"),
    "grid-mirror": ("reflect", "symmetric"),
    "grid-constant": ("constant", "constant"),
    "grid-wrap": ("wrap", "wrap"),
    "replicate": ("nearest", "edge"),
    "periodic": ("wrap", "wrap"),
}
FIVE = ("reflect", "mirror", "nearest", "constant", "wrap")
SHAPES = [(7,), (4, 5), (3, 2, 4), (2, 3, 1, 3), (1,), (2,), (1, 6)]


def applied(matrix, image):
    """The stencil's result in NumPy float64, from the entries of the matrix alone."""
    wide = matrix.replace(values=np.asarray(matrix.values, np.float64))
    return product_oracle("real", wide, np.asarray(image, np.float64).reshape(-1, 1)).reshape(np.shape(image))


def padded_definition(image, offsets, weights, padding):
    """The weighted sum of shifted windows of the padded image."""
    reach = int(np.abs(offsets).max())
    padded = np.pad(image, reach, mode=padding)
    out = np.zeros(image.shape)
    for offset, weight in zip(offsets, weights):
        window = tuple(slice(reach + o, reach + o + size) for o, size in zip(offset, image.shape))
        out += weight * padded[window]
    return out


@pytest.mark.covering
@pytest.mark.fast
@pytest.mark.parametrize("boundary", MODES)
@pytest.mark.parametrize("shape", SHAPES)
def test_stencil_is_the_sum_of_shifted_windows(shape, boundary):
    rng = np.random.default_rng(0)
    offsets = rng.integers(-2, 3, (6, len(shape)))
    offsets[0] = 2  # further than a short axis is long
    weights = rng.normal(size=6).astype(np.float32)
    image = rng.normal(size=shape)
    matrix = regular_grid_stencil(shape, offsets, weights, boundary=boundary)
    assert matrix.shape == (image.size, image.size)
    assert matrix.k_max == 6
    wanted = padded_definition(image, offsets, weights.astype(float), MODES[boundary][1])
    np.testing.assert_allclose(applied(matrix, image), wanted, 1e-12, 1e-12)


@pytest.mark.covering
@pytest.mark.parametrize("boundary", MODES)
@pytest.mark.parametrize("shape", [(7,), (4, 5), (5, 3, 4), (2, 1)])
def test_stencil_is_scipys_correlation(shape, boundary):
    rng = np.random.default_rng(1)
    window = rng.normal(size=(3,) * len(shape)).astype(np.float32)
    offsets = np.array(list(itertools.product((-1, 0, 1), repeat=len(shape))))
    image = rng.normal(size=shape)
    matrix = regular_grid_stencil(shape, offsets, window.ravel(), boundary=boundary)
    wanted = scipy.ndimage.correlate(image, window.astype(float), mode=MODES[boundary][0])
    np.testing.assert_allclose(applied(matrix, image), wanted, 1e-12, 1e-12)


def test_outside_of_a_constant_boundary_there_is_nothing():
    matrix = regular_grid_stencil((3,), [[1], [0]], [2.0, 3.0], boundary="constant", identity=-1.0)
    np.testing.assert_array_equal(matrix.degree, [2, 2, 1])
    np.testing.assert_array_equal(matrix.values, [[2, 3], [2, 3], [3, -1]])
    np.testing.assert_array_equal(matrix.indices, [[1, 0], [2, 1], [2, 0]])
    assert regular_grid_stencil((3,), [[0]], [2.0], boundary="constant").degree is None
    out = apply_operator(
        regular_grid_stencil((3,), [[1], [5]], [2.0, 2.0], boundary="constant"),
        jnp.zeros((3, 1)),
        semiring=semiring.TROPICAL_MAX_PLUS,
    )
    np.testing.assert_array_equal(out[:, 0], [2, 2, -np.inf])


@pytest.mark.covering
@pytest.mark.parametrize("boundary", FIVE)
@pytest.mark.parametrize("shape", [(7,), (4, 5), (3, 2, 4), (2, 3, 1, 3), (1, 2)])
def test_laplacian_is_scipys_with_the_spacing_of_each_axis(shape, boundary):
    image, spacing = np.random.default_rng(2).normal(size=shape), [0.5, 2.0, 4.0, 1.0][: len(shape)]
    wanted = sum(
        scipy.ndimage.correlate1d(image, [1.0, -2.0, 1.0], axis=axis, mode=boundary) / h**2
        for axis, h in enumerate(spacing)
    )
    matrix = grid_laplacian(shape, boundary=boundary, spacing=spacing)
    np.testing.assert_allclose(applied(matrix, image), wanted, 1e-12, 1e-12)
    positive = grid_laplacian(
        shape, boundary=boundary, spacing=np.asarray(spacing, np.float32), sign="positive"
    )
    np.testing.assert_array_equal(positive.values, -matrix.values)
    isotropic = grid_laplacian(shape, boundary=boundary)
    np.testing.assert_allclose(
        applied(isotropic, image), scipy.ndimage.laplace(image, mode=boundary), 1e-12, 1e-12
    )


def test_laplacian_signs():
    for boundary in ("nearest", "reflect", "wrap"):
        dense = np.asarray(ell_to_dense(grid_laplacian((3, 4), boundary=boundary, sign="positive")), float)
        np.testing.assert_array_equal(dense, dense.T)
        np.testing.assert_allclose(dense.sum(1), 0)
        assert np.linalg.eigvalsh(dense).min() > -1e-6


@pytest.mark.covering
@pytest.mark.parametrize("boundary", FIVE)
@pytest.mark.parametrize("scheme", ["central", "forward", "backward"])
@pytest.mark.parametrize(("shape", "axis"), [((7,), 0), ((4, 5), 1), ((3, 2, 4), -3), ((2, 1, 3), 1)])
def test_gradient_is_the_difference_of_neighbours(shape, axis, scheme, boundary):
    image = np.random.default_rng(3).normal(size=shape)
    spacing = [0.5, 2.0, 4.0][: len(shape)]
    window = {"central": [-0.5, 0.0, 0.5], "forward": [0.0, -1.0, 1.0], "backward": [-1.0, 1.0, 0.0]}[scheme]
    wanted = scipy.ndimage.correlate1d(image, window, axis=axis, mode=boundary) / spacing[axis]
    matrix = grid_gradient(shape, axis=axis, spacing=spacing, boundary=boundary, scheme=scheme)
    np.testing.assert_allclose(applied(matrix, image), wanted, 1e-12, 1e-12)
    if scheme == "central" and min(shape) > 2:
        inner = [slice(None)] * len(shape)
        inner[axis] = slice(1, -1)
        expected = np.gradient(image, spacing[axis], axis=axis)
        np.testing.assert_allclose(applied(matrix, image)[tuple(inner)], expected[tuple(inner)], 1e-12, 1e-12)


def test_identity():
    np.testing.assert_array_equal(ell_to_dense(grid_identity((2, 3))), np.eye(6))
    assert grid_identity((2, 3), n_cols=9).shape == (6, 9)
    assert regular_grid_stencil((3,), [[1]], [1.0], n_cols=5).n_cols == 5


@pytest.mark.parametrize("shape", [(0,), (3, 0)])
def test_a_grid_without_voxels(shape):
    assert grid_laplacian(shape).shape == (0, 0)
    assert regular_grid_stencil((3,), [], [], boundary="wrap").k_max == 0


@pytest.mark.parametrize("boundary", MODES)
def test_band_matrix_has_its_diagonals(boundary):
    rng = np.random.default_rng(4)
    offsets, n = [2, -1, 0, -3], 5
    constant, varying = rng.normal(size=4).astype(np.float32), rng.normal(size=(4, n)).astype(np.float32)
    sources = np.pad(np.arange(1, n + 1), 3, mode=MODES[boundary][1]) - 1
    for diagonals in (constant, varying):
        wanted = np.zeros((n, n))
        for b, i in itertools.product(range(4), range(n)):
            column = sources[i + offsets[b] + 3]
            if column >= 0:
                wanted[i, column] += np.broadcast_to(diagonals.T, (n, 4))[i, b]
        matrix = band_matrix(n, offsets, diagonals, boundary=boundary)
        np.testing.assert_allclose(applied_dense(matrix), wanted, 1e-12)


def applied_dense(matrix):
    wide = matrix.replace(values=np.asarray(matrix.values, np.float64))
    return product_oracle("real", wide, np.eye(matrix.n_cols))


def test_band_matrix_is_scipys_diagonals():
    diagonals = np.arange(1.0, 11.0).reshape(2, 5)
    ours = applied_dense(band_matrix(5, [1, -2], diagonals))
    # SciPy's short diagonals begin in the first row (upper) or column (lower).
    theirs = scipy.sparse.diags_array([diagonals[0, :4], diagonals[1, 2:]], offsets=[1, -2], shape=(5, 5))
    np.testing.assert_array_equal(ours, theirs.toarray())


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("boundary", ["mirror", "constant"])
def test_weights_spacing_and_diagonals_are_differentiable(boundary):
    offsets = [[0, 1], [2, 0], [-1, -1]]

    def values(weights, spacing, diagonals):
        matrices = (
            regular_grid_stencil((3, 4), offsets, weights, boundary=boundary),
            grid_laplacian((3, 4), spacing=spacing, boundary=boundary),
            grid_gradient((3, 4), axis=0, spacing=spacing, boundary=boundary),
            band_matrix(4, [1, -1], diagonals, boundary=boundary),
        )
        return jnp.concatenate(
            [jnp.sin(jnp.arange(m.values.size, dtype=float) + m.values.ravel()) for m in matrices]
        )

    rng = np.random.default_rng(5)
    check_gradients(values, rng.normal(size=3), np.array([0.7, 1.3]), rng.normal(size=(2, 4)), order=1)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("boundary", FIVE)
@given(seed=st.integers(0, 10**6))
def test_adjointness(boundary, seed):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=3)
    matrix = regular_grid_stencil((3, 2), [[0, 1], [2, 0], [-1, -1]], weights, boundary=boundary)
    x, y = rng.normal(size=(6, 2)), rng.normal(size=(6, 2))
    left, right = product_oracle("real", matrix, x), product_oracle("real", ell_transpose(matrix), y)
    np.testing.assert_allclose(
        np.vdot(left, y), np.vdot(x, right), rtol=0, atol=1e-12 * np.abs(weights).sum() * 36
    )


def test_structure_is_known_while_weights_are_traced():
    @jax.jit
    def both(weights):
        matrix = regular_grid_stencil((4,), [[0], [1]], weights, boundary="constant")
        return ell_transpose(matrix).values, matrix.values

    across, values = both(jnp.asarray([1.0, 2.0]))
    eager = regular_grid_stencil((4,), [[0], [1]], [1.0, 2.0], boundary="constant")
    np.testing.assert_array_equal(values, eager.values)
    np.testing.assert_array_equal(across, ell_transpose(eager).values)
    batch = jax.vmap(lambda w: regular_grid_stencil((4,), [[0]], w).values)(jnp.asarray([[1.0], [2.0]]))
    np.testing.assert_array_equal(batch[1], np.full((4, 1), 2))


def test_dtypes():
    assert regular_grid_stencil((3,), [[0]], np.ones(1, np.int32)).dtype == np.int32
    assert regular_grid_stencil((3,), [[0]], jnp.ones(1, jnp.bfloat16)).dtype == jnp.bfloat16
    assert grid_laplacian((3,)).dtype == np.float32
    with jax.enable_x64(True):
        assert grid_laplacian((3,)).dtype == np.float64


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: regular_grid_stencil((3,), [[0]], [1.0], boundary="edge"),
            ValueError,
            "regular_grid_stencil: boundary='edge' is not known; give one of 'reflect', 'mirror', 'nearest'",
        ),
        (
            lambda: regular_grid_stencil((3,), [0], [1.0]),
            ValueError,
            r"offsets have shape \(1,\), but \(taps, 1\)",
        ),
        (
            lambda: regular_grid_stencil((3, 3), [[0]], [1.0]),
            ValueError,
            r"but \(taps, 2\) is needed",
        ),
        (
            lambda: regular_grid_stencil((3,), [[0.5]], [1.0]),
            TypeError,
            "offsets are of dtype float64, but integers",
        ),
        (
            lambda: regular_grid_stencil((3,), [[0]], [1.0, 2.0]),
            ValueError,
            r"weights have shape \(2,\), but one for each of the 1",
        ),
        (
            lambda: regular_grid_stencil((3,), [[0]], [1.0], n_cols=2),
            ValueError,
            "n_cols is 2, but the grid has 3 voxels",
        ),
        (
            lambda: regular_grid_stencil((3,), [[0]], [1], identity=0.5),
            ValueError,
            "identity is 0.5, which values of dtype int32",
        ),
        (
            lambda: regular_grid_stencil((), [[]], [1.0]),
            ValueError,
            r"grid_shape is \(\); give at least one axis",
        ),
        (
            lambda: regular_grid_stencil((-1,), [[0]], [1.0]),
            ValueError,
            r"grid_shape is \(-1,\); give at least one axis, each of size 0",
        ),
        (
            lambda: grid_identity((2.5,)),
            TypeError,
            r"grid_shape is \(2.5,\); give the integers",
        ),
        (
            lambda: grid_identity((2**16, 2**16)),
            ValueError,
            "4294967296 voxels, more than the 2147483647 that int32",
        ),
        (
            lambda: jax.jit(lambda o: regular_grid_stencil((3,), o, [1.0]))(np.zeros((1, 1), int)),
            TypeError,
            "offsets are traced",
        ),
        (
            lambda: grid_laplacian((3,), sign="plus"),
            ValueError,
            "sign is 'plus'; give 'negative' or 'positive'",
        ),
        (
            lambda: grid_laplacian((3,), spacing=0.0),
            ValueError,
            "spacing 0.0 must be positive and finite",
        ),
        (
            lambda: grid_laplacian((3,), spacing=[1.0, 2.0]),
            ValueError,
            r"spacing has shape \(2,\), but the grid has 1 axes",
        ),
        (
            lambda: grid_gradient((3,), axis=1),
            ValueError,
            "axis is 1, but the grid has 1 axes; give -1 to 0",
        ),
        (
            lambda: grid_gradient((3,), axis=0, scheme="sobel"),
            ValueError,
            "scheme is 'sobel'; give 'central'",
        ),
        (
            lambda: band_matrix(3, [[0]], [1.0]),
            ValueError,
            r"offsets have shape \(1, 1\); give a list",
        ),
        (
            lambda: band_matrix(3, [0], np.ones((1, 2))),
            ValueError,
            r"diagonals have shape \(1, 2\), but \(1,\) or \(1, 3\)",
        ),
        (
            lambda: band_matrix(3, [0], [1.0], boundary="same"),
            ValueError,
            "band_matrix: boundary='same' is not known",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words, unchecked):
    with pytest.raises(error, match=words):
        call()
