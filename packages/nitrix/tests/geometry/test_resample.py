"""Images brought to another shape."""

import jax
import numpy as np
import pytest
import scipy.ndimage as ndi
from nitrix.geometry import (
    CubicBSpline,
    Lanczos,
    Linear,
    MultiLabel,
    NearestNeighbour,
    resample,
    rescale,
    spatial_transform,
)
from support import sampling as oracles
from support.gradients import check_gradients
from support.marks import seldom_but


@pytest.mark.fast
@pytest.mark.parametrize("shape", [(7,), (5, 6), (3, 4, 5), (2, 3, 2, 4)], ids=str)
def test_equals_linear_interpolation_with_corners_aligned(shape):
    image = np.random.default_rng(0).normal(size=(*shape, 2)).astype("f4")
    target = tuple(2 * size - 1 if axis % 2 else size + 2 for axis, size in enumerate(shape))
    got = resample(image, target)
    assert got.shape == (*target, 2)
    np.testing.assert_allclose(got, oracles.resampled(image, target), atol=2e-6)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("mode", seldom_but(oracles.MODES, "grid-constant"))
@pytest.mark.parametrize(
    "method",
    seldom_but(
        [NearestNeighbour(), Linear(), CubicBSpline(), Lanczos(2)], NearestNeighbour(), CubicBSpline()
    ),
    ids=str,
)
def test_equals_the_warp_to_the_same_places(method, mode):
    """An axis at a time, where the weights are products; a target of 1 takes the place 0."""
    image, target = np.random.default_rng(0).normal(size=(2, 5, 6, 4, 3)), (9, 6, 1)
    lines = [np.linspace(0, 4, 9), np.arange(6.0), np.zeros(1)]
    grid = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1)
    got = resample(image, target, mode=mode, cval=2, method=method)
    np.testing.assert_allclose(
        got, spatial_transform(image, grid, mode=mode, cval=2, method=method), atol=1e-12
    )


@pytest.mark.usefixtures("x64")
def test_equals_scipys_zoom():
    image = np.random.default_rng(0).normal(size=(8, 9))
    got = resample(image[..., None], (16, 6), method=CubicBSpline(), mode="mirror")[..., 0]
    np.testing.assert_allclose(got, ndi.zoom(image, (2, 6 / 9), order=3, mode="mirror"), atol=1e-12)


def test_a_nan_stays_where_it_is():
    image = np.zeros((7, 9, 1), np.float32)
    image[3, 4] = np.nan
    assert np.isnan(resample(image, (13, 17))).sum() == 4 * 4  # also where its weight is 0, as in SciPy


@pytest.mark.parametrize("dtype", ["bfloat16", "uint8", "bool"])
def test_dtypes(dtype):
    image = jax.numpy.asarray(np.random.default_rng(0).integers(0, 2, size=(5, 6, 1)), dtype)
    got = resample(image, (9, 4))
    assert got.dtype == ("bfloat16" if dtype == "bfloat16" else "float32")
    wanted = oracles.resampled(np.asarray(image, float), (9, 4))
    np.testing.assert_allclose(np.asarray(got, float), wanted, atol=4e-3 if dtype == "bfloat16" else 1e-6)
    for method in (NearestNeighbour(), MultiLabel((0, 1))):
        assert dtype == "bfloat16" or resample(image, (9, 4), method=method).dtype == dtype


@pytest.mark.usefixtures("x64")
def test_derivatives():
    image = np.random.default_rng(0).normal(size=(4, 3, 1))
    check_gradients(lambda x: resample(x, (6, 5), mode="mirror", method=CubicBSpline()), image, order=1)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("image", "target", "error", "words"),
    [
        (np.ones((3, 1)), (0,), ValueError, r"target_shape\[0\]=0 must be at least 1"),
        (np.ones((3, 1)), (2.5,), TypeError, r"target_shape\[0\]=2.5 must be an integer"),
        (np.ones((3, 1)), 5, TypeError, "target_shape=5 must be a sequence of integers"),
        (np.ones((3, 1)), (), ValueError, "target_shape is empty"),
        (np.ones((3, 1)), (4, 4), ValueError, r"image has shape \(3, 1\) but target_shape=\(4, 4\) is of 2"),
        (np.ones((0, 1)), (4,), ValueError, r"the spatial axes \(0,\) of image hold no voxel"),
    ],
)
def test_bad_input_is_refused_in_words(image, target, error, words):
    with pytest.raises(error, match=words):
        resample(image, target)


def test_the_older_name():
    assert rescale is resample
