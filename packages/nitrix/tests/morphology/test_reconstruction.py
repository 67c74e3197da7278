"""Reconstruction and the filling of holes against step-by-step definitions, SciPy and scikit-image."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nitrix.morphology import fill_holes, reconstruct
from support import grayscale as oracles
from support.gradients import check_gradients

SHAPE = (6, 7)
BOX = np.ones((3, 3), bool)
CROOKED = np.array([[1, 0, 0], [0, 1, 1], [0, 1, 0]], bool)
JUMPS = np.array([[1, 0, 1], [0, 0, 0], [0, 0, 1]], bool)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


levels = st.integers(-5, 5).map(float)
images = hnp.arrays(np.float32, SHAPE, elements=levels, fill=st.nothing())


@pytest.mark.fast
@given(images, images, st.sampled_from([None, BOX, CROOKED, JUMPS]))
def test_matches_the_definition(marker, mask, element):
    full = oracles.cross(2) if element is None else element
    got = reconstruct(marker, mask, structuring_element=element)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, oracles.reconstruct(marker, mask, full))
    # Upside down: an erosion looks where the reflected dilation does.
    got = reconstruct(marker, mask, by="erosion", structuring_element=element)
    np.testing.assert_array_equal(got, -oracles.reconstruct(-marker, -mask, np.flip(full)))


@given(images, images, st.booleans())
def test_is_what_scikit_image_gives(marker, mask, diagonal):
    morphology = pytest.importorskip("skimage.morphology", reason="scikit-image is not installed")
    element = np.ones((3, 3)) if diagonal else oracles.cross(2)
    low = np.minimum(marker, mask)
    got = reconstruct(marker, mask, structuring_element=np.asarray(element, bool))
    np.testing.assert_array_equal(got, morphology.reconstruction(low, mask, footprint=element))


def spiral(turns):
    """A corridor one voxel wide that winds inwards, and where it starts."""
    n = 4 * turns + 1
    corridor = np.zeros((n, n), bool)
    top, left, bottom, right = 0, 0, n - 1, n - 1
    corridor[0, 0] = True
    while top <= bottom:
        corridor[top, max(left - 2, 0) : right + 1] = True
        corridor[top : bottom + 1, right] = True
        corridor[bottom, left : right + 1] = True
        corridor[top + 2 : bottom + 1, left] = True
        top, left, bottom, right = top + 2, left + 2, bottom - 2, right - 2
    return corridor


def test_long_ways_round_are_gone_to_their_end():
    corridor = spiral(4)
    marker = np.zeros_like(corridor)
    marker[0, 0] = True
    got = np.asarray(reconstruct(marker, corridor))
    want = ndi.binary_propagation(marker, mask=corridor)
    np.testing.assert_array_equal(got, want)
    assert got.sum() > 60


def test_batches_and_dtypes():
    marker, mask = (normal(3, *SHAPE, seed=s) * 20 for s in (0, 1))
    for dtype in (np.int16, np.float32):
        a, b = marker.astype(dtype), mask.astype(dtype)
        together = reconstruct(a, b, spatial_rank=2)
        mapped = jax.vmap(reconstruct)(a, b)
        assert together.dtype == dtype
        for i in range(3):
            want = oracles.reconstruct(a[i], b[i], oracles.cross(2))
            np.testing.assert_array_equal(together[i], want)
            np.testing.assert_array_equal(mapped[i], want)
    flat = reconstruct(np.float32(-30.0), mask.astype(np.float32))
    np.testing.assert_array_equal(flat, np.minimum(mask.astype(np.float32), -30))


def test_a_nan_makes_its_image_nan():
    x = np.float32(normal(2, *SHAPE))
    x[0, 2, 2] = np.nan
    got = np.asarray(jax.jit(lambda v: fill_holes(v, spatial_rank=2))(x))
    assert np.isnan(got[0]).all()
    np.testing.assert_array_equal(got[1], fill_holes(x[1]))


@given(
    hnp.arrays(bool, (8, 9), elements=st.integers(0, 3).map(bool), fill=st.nothing()),
    st.sampled_from([None, BOX, CROOKED, np.array([[1], [0], [1]], bool), np.ones((1, 1), bool)]),
)
@settings(max_examples=60)
def test_holes_are_scipys(x, element):
    np.testing.assert_array_equal(
        fill_holes(x, structuring_element=element), ndi.binary_fill_holes(x, element)
    )


@given(images)
def test_grey_holes_are_those_of_every_threshold(x):
    filled = np.asarray(fill_holes(x))
    for level in range(-5, 6):
        np.testing.assert_array_equal(filled >= level, ndi.binary_fill_holes(x >= level))


def test_in_three_dimensions():
    x = ndi.gaussian_filter(normal(9, 10, 11), 1) > 0
    np.testing.assert_array_equal(fill_holes(x), ndi.binary_fill_holes(x))


@pytest.mark.slow
def test_derivatives(x64):
    marker, mask = normal(*SHAPE) - 1, normal(*SHAPE, seed=1)
    check_gradients(reconstruct, marker, mask)
    check_gradients(
        lambda a, b: reconstruct(a, b, structuring_element=BOX, by="erosion"), marker + 2, mask, order=1
    )
    check_gradients(fill_holes, mask, order=1)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)], ids=str)
def test_images_without_voxels_or_axes_come_back(shape):
    assert fill_holes(jnp.ones(shape)).shape == shape
    assert reconstruct(jnp.ones(shape), jnp.ones(shape)).shape == shape


def test_bad_operands_are_refused_in_words(unchecked):
    x = jnp.ones((4, 5))
    for call, error, words in (
        (lambda: reconstruct(x, x > 0), TypeError, "marker has dtype float32 and mask bool; convert"),
        (
            lambda: reconstruct(x, jnp.ones(3)),
            ValueError,
            r"marker \(4, 5\) and mask \(3,\) do not broadcast",
        ),
        (
            lambda: reconstruct(x, x, by="opening"),
            ValueError,
            "by='opening' is not known; give 'dilation' or",
        ),
        (
            lambda: reconstruct(x, x, structuring_element=np.ones((3, 3))),
            TypeError,
            "is of dtype float64; give truth",
        ),
        (
            lambda: reconstruct(x, x, structuring_element=np.ones(3, bool)),
            ValueError,
            "but 2 axes are spatial",
        ),
        (
            lambda: fill_holes(x, structuring_element=np.zeros((3, 3), bool)),
            ValueError,
            "no entry of structuring",
        ),
        (
            lambda: fill_holes(x, structuring_element=np.ones((1, 1), bool)),
            ValueError,
            "no entry but its centre",
        ),
        (lambda: fill_holes(x.astype(np.complex64)), TypeError, "fill_holes: x has dtype complex64"),
        (lambda: fill_holes(x, spatial_rank=3), ValueError, "spatial_rank=3 must be from 1 to 2"),
    ):
        with pytest.raises(error, match=words):
            call()
