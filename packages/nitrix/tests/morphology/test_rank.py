"""Rank and percentile filters against their definition and SciPy; what they share with the median is tested there."""

import jax
import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nitrix.morphology import dilate, erode, median_filter, percentile_filter, rank_filter
from nitrix.sparse import ell_from_ragged
from support import ranks as oracles
from support.gradients import check_gradients

SHAPE = (5, 6)
SPOTS = np.array([[1, 0, 1, 1], [0, 0, 0, 1], [1, 1, 0, 0]], bool)
ROWS = [[0, 1, 2], [3], [4, 5, 6, 7, 0], [1, 1, 2, 3], [8, 2], [0, 3, 6], [5, 7], [8, 8, 8, 1, 2, 3], [0, 8]]


def image(seed=0):
    return np.random.default_rng(seed).normal(size=SHAPE).astype(np.float32)


def neighbours(rows):
    return ell_from_ragged(
        [np.ones(len(row), np.float32) for row in rows], [np.array(row) for row in rows], n_cols=9
    )


@pytest.mark.fast
@pytest.mark.parametrize("rank", [0, 2, -1, -6])
def test_every_rank_of_a_footprint(rank):
    x = image()
    got = rank_filter(x, rank=rank, structuring_element=SPOTS, origin=(1, -1), mode="mirror")
    np.testing.assert_array_equal(got, oracles.by_rank(x, SPOTS, rank, origin=(1, -1), mode="mirror"))
    want = ndi.rank_filter(x, rank, footprint=SPOTS, origin=(1, -1), mode="mirror")
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("percentile", [0, 33, 50.0, 99.9, 100, -25])
def test_percentiles_are_scipys(percentile):
    x = image(1)
    got = percentile_filter(x, percentile=percentile, size=(3, 4), mode="constant", border_value=0.5)
    want = ndi.percentile_filter(x, percentile, size=(3, 4), mode="constant", cval=0.5)
    np.testing.assert_array_equal(got, want)


def test_ranks_of_a_large_window():
    x = image(2)
    for rank in (0, 17, -1):
        got = rank_filter(x, rank=rank, size=7, mode="wrap")
        np.testing.assert_array_equal(got, oracles.by_rank(x, np.ones((7, 7)), rank, mode="wrap"))


numbers = hnp.arrays(np.int16, SHAPE, elements=st.integers(-9, 9))


@given(numbers)
def test_duality_and_order(x):
    low, high = (rank_filter(x, rank=rank, size=3) for rank in (3, 5))
    np.testing.assert_array_equal(rank_filter(-x, rank=5, size=3), -low)
    assert (low <= high).all()
    np.testing.assert_array_equal(rank_filter(x, rank=4, size=3), median_filter(x, size=3))


def test_the_ends_are_erosion_and_dilation():
    x = image(3)
    np.testing.assert_array_equal(rank_filter(x, rank=0, size=3), erode(x, size=3, mode="reflect"))
    np.testing.assert_array_equal(
        percentile_filter(x, percentile=100, size=3), dilate(x, size=3, mode="reflect")
    )


def test_every_row_of_neighbours_has_its_own_percentile():
    x = np.random.default_rng(4).normal(size=(2, 9)).astype(np.float32)
    share = lambda count: count - 1 if count == 1 else int(count * 0.7)
    got = percentile_filter(x, percentile=70, neighbourhood=neighbours(ROWS))
    np.testing.assert_array_equal(got, oracles.rows_by_rank(x, ROWS, share))
    got = rank_filter(x, rank=-1, neighbourhood=neighbours(ROWS))
    np.testing.assert_array_equal(got, oracles.rows_by_rank(x, ROWS, lambda count: count - 1))


def test_a_rank_that_a_row_has_not():
    x = np.arange(9, dtype=np.float32)
    with pytest.raises(
        ValueError, match="rank_filter: 1 rows of neighbourhood have too few entries for rank=1, .* 1"
    ):
        rank_filter(x, rank=1, neighbourhood=neighbours(ROWS))
    found = jax.jit(lambda x, m: rank_filter(x, rank=1, neighbourhood=m))(x, neighbours(ROWS))
    np.testing.assert_array_equal(np.isnan(found), [len(row) < 2 for row in ROWS])


def test_derivatives(x64):
    x = np.random.default_rng(6).normal(size=SHAPE)
    check_gradients(lambda x: rank_filter(x, rank=2, size=3), x, order=1)
    check_gradients(
        lambda x: percentile_filter(x, percentile=80, neighbourhood=np.array([[0, 1, 5]] * 6)), x, order=1
    )


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("function", "options", "error", "words"),
    [
        (
            rank_filter,
            {"rank": 9, "size": 3},
            ValueError,
            "rank=9 is not among the 9 values .* from 0 to 8, or from -9",
        ),
        (rank_filter, {"rank": -10, "size": 3}, ValueError, "rank=-10 is not among the 9 values"),
        (rank_filter, {"rank": 0.5, "size": 3}, TypeError, "rank=0.5 must be an integer"),
        (
            percentile_filter,
            {"percentile": 101, "size": 3},
            ValueError,
            "percentile=101 must be from -100 to 100",
        ),
        (percentile_filter, {"percentile": -101, "size": 3}, ValueError, "percentile=-101 must be from"),
        (percentile_filter, {"percentile": np.nan, "size": 3}, ValueError, "percentile=nan must be from"),
        (percentile_filter, {"percentile": 50}, ValueError, "give one of size, structuring_element and"),
    ],
)
def test_bad_ranks_are_refused_in_words(function, options, error, words):
    with pytest.raises(error, match=words):
        function(image(), **options)


@pytest.mark.usefixtures("unchecked")
def test_a_traced_percentile_is_refused_in_words():
    with pytest.raises(TypeError, match="percentile is traced; give a number"):
        jax.jit(lambda p: percentile_filter(image(), percentile=p, size=3))(50.0)
