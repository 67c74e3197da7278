"""Properties of openings, closings and what erosion and dilation have in common; residues against SciPy."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nitrix.morphology import black_tophat, close, dilate, erode, morphological_gradient, white_tophat
from nitrix.morphology import open as opened

SHAPE = (5, 6)
SPOTS = np.array([[1, 0, 1, 1], [0, 0, 0, 1]], bool)
HILLS = np.where(SPOTS, [[0.5, 0, -1.25, 2], [0, 0, 0, -0.75]], -np.inf)
ELEMENTS = [
    {"size": 3},
    {"size": (2, 4), "origin": (-1, 1)},
    {},
    {"structuring_element": SPOTS},
    {"structuring_element": HILLS},
]
FLAT = ELEMENTS[:4]

# Quarters: sums with the heights are exact in float32.
QUARTERS = st.one_of(st.integers(-40, 40).map(lambda n: n / 4), st.sampled_from([-np.inf, np.inf]))
images = hnp.arrays(np.float32, SHAPE, elements=QUARTERS, fill=st.nothing())
finite = hnp.arrays(np.float32, SHAPE, elements=st.integers(-40, 40).map(lambda n: n / 4), fill=st.nothing())
masks = hnp.arrays(bool, SHAPE)


@given(st.one_of(images, masks), st.sampled_from(FLAT))
def test_opening_and_closing_change_nothing_twice(x, element):
    for function in (opened, close):
        once = function(x, **element)
        np.testing.assert_array_equal(function(once, **element), once)


@given(st.one_of(finite, masks), st.sampled_from(FLAT))
def test_opening_is_below_and_closing_above(x, element):
    assert (np.asarray(opened(x, **element)) <= x).all()
    assert (np.asarray(close(x, **element)) >= x).all()


@given(finite)
def test_weighted_openings_too(x):
    element = {"structuring_element": HILLS}
    once, twice = opened(x, **element), opened(opened(x, **element), **element)
    np.testing.assert_array_equal(twice, once)
    assert (np.asarray(once) <= x).all()
    assert (np.asarray(close(x, **element)) >= x).all()


@given(images, finite, st.sampled_from(ELEMENTS))
def test_dilation_is_the_adjoint_of_erosion(x, y, element):
    below = (np.asarray(dilate(x, **element)) <= y).all()
    assert below == (x <= np.asarray(erode(y, **element))).all()
    # The nearest pair always has it.
    assert (np.asarray(dilate(erode(y, **element), **element)) <= y).all()


@given(images, st.sampled_from([SPOTS, np.ones((2, 4), bool)]))
def test_erosion_is_dilation_upside_down(x, element):
    even = tuple(-(1 - n % 2) for n in element.shape)
    for mode in ("neutral", "mirror"):
        got = erode(x, structuring_element=element, mode=mode)
        want = -dilate(-x, structuring_element=np.flip(element), mode=mode, origin=even)
        np.testing.assert_array_equal(got, want)
    holes = x > 0
    got = erode(holes, structuring_element=element)
    np.testing.assert_array_equal(got, ~dilate(~holes, structuring_element=np.flip(element), origin=even))


@given(images, st.sampled_from(ELEMENTS))
def test_a_shift_of_the_image_shifts_the_result(x, element):
    moved = np.roll(x, (2, -1), axis=(0, 1))
    got = dilate(moved, mode="wrap", **element)
    np.testing.assert_array_equal(got, np.roll(dilate(x, mode="wrap", **element), (2, -1), axis=(0, 1)))


@given(hnp.arrays(np.int8, SHAPE, elements=st.integers(0, 4)), st.sampled_from(FLAT))
def test_thresholds_pass_through(x, element):
    for function in (dilate, erode):
        grey = np.asarray(function(x, **element))
        for level in range(1, 5):
            np.testing.assert_array_equal(function(x >= level, **element), grey >= level)


@given(images, images, st.sampled_from(ELEMENTS))
def test_dilation_keeps_order_and_maxima(x, y, element):
    both = dilate(np.maximum(x, y), **element)
    np.testing.assert_array_equal(both, np.maximum(dilate(x, **element), dilate(y, **element)))


@pytest.mark.parametrize(
    ("function", "rival"),
    [
        (morphological_gradient, ndi.morphological_gradient),
        (white_tophat, ndi.white_tophat),
        (black_tophat, ndi.black_tophat),
    ],
)
def test_residues_are_scipys(function, rival):
    x = np.random.default_rng(0).normal(size=(7, 8)).astype(np.float32)
    for mode in ("reflect", "wrap"):
        np.testing.assert_array_equal(function(x, size=(3, 4), mode=mode), rival(x, size=(3, 4), mode=mode))
    whole = (x * 10).astype(np.int16)
    got = function(whole, structuring_element=SPOTS, mode="nearest")
    assert got.dtype == np.int16
    np.testing.assert_array_equal(got, rival(whole, footprint=SPOTS, mode="nearest"))


def test_residues_of_truth_values():
    x = np.random.default_rng(0).normal(size=(7, 8)) > 0
    np.testing.assert_array_equal(morphological_gradient(x), dilate(x) & ~erode(x))
    np.testing.assert_array_equal(white_tophat(x), x & ~opened(x))
    np.testing.assert_array_equal(black_tophat(x), close(x) & ~jnp.asarray(x))


def test_messages_name_the_function(unchecked):
    for function in (opened, close, morphological_gradient, white_tophat, black_tophat):
        with pytest.raises(ValueError, match=f"^{function.__name__}: size=0 must be at least 1"):
            function(jnp.ones(3), size=0)
