"""Neighbourhoods of point clouds against SciPy's k-d tree and the definition."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nitrix.sparse import ELL, SectionedELL, ell_with_transpose, nearest_neighbours, points_within
from nitrix.sparse.points import _cells, _search
from scipy.spatial import cKDTree
from support.ell_cases import entries_of
from support.marks import seldom_but


def cloud(n, d, seed=0):
    """Points in clusters of different density, some of them in one place."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, d)) * rng.choice([0.2, 1, 3], (n, 1))
    points[n // 2 : n // 2 + 3] = points[0] if n else 0
    return points


def neighbours_of(matrix):
    """The columns of each row, in their order."""
    rows = [[] for _ in range(matrix.n_rows)]
    for row, column, _ in entries_of(matrix):
        rows[row].append(column)
    return rows


@pytest.mark.fast
@pytest.mark.parametrize("d", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("form", ["ell", "sectioned"])
def test_all_within_a_radius(d, form):
    points = cloud(150, d)
    radius = 0.5 * np.sqrt(d)
    got = points_within(points, radius=radius, format=form)
    assert isinstance(got, {"ell": ELL, "sectioned": SectionedELL}[form])
    want = cKDTree(points).query_ball_point(points, radius)
    for i, (columns, near) in enumerate(zip(neighbours_of(got), want)):
        assert columns == [i, *sorted(set(near) - {i})]
    for i, j, distance in entries_of(got):
        np.testing.assert_allclose(distance, np.linalg.norm(points[i] - points[j]), 1e-6)


def test_without_the_point_itself():
    points = cloud(60, 3)
    others = neighbours_of(points_within(points, radius=0.8, include_self=False))
    assert others == [row[1:] for row in neighbours_of(points_within(points, radius=0.8))]


@pytest.mark.parametrize("radius", [1.0, np.sqrt(2), 2.0])
def test_at_exactly_the_radius(radius):
    grid = np.stack(np.meshgrid(*[np.arange(5)] * 3, indexing="ij"), -1).reshape(-1, 3)
    apart = np.square(grid[:, None] - grid).sum(-1)
    got = points_within(grid - 2**20, radius=float(radius))
    want = [[i, *np.flatnonzero((row <= radius**2 * (1 + 1e-12)) & (row > 0))] for i, row in enumerate(apart)]
    assert neighbours_of(got) == want


@pytest.mark.parametrize(
    ("points", "radius"),
    [
        (np.zeros((7, 3)), 0.0),  # in one place
        (cloud(40, 3), 0.0),
        (cloud(40, 3) * [1, 0, 0], 0.3),  # on a line
        (np.concatenate([cloud(40, 3), cloud(40, 3) + 1e12]), 0.5),  # two clouds far apart
        (cloud(40, 2) * [1e-8, 1e8], 1e-8),
        (cloud(40, 3), 100.0),  # all of all
        (np.repeat([[1e-150], [1.0], [1e150]], 2, axis=0), 1e-150),
        (np.zeros((5, 0)), 1.0),
    ],
)
def test_hard_clouds(points, radius):
    apart = np.sqrt(np.square(points[:, None] - points).sum(-1))
    want = [[i, *np.flatnonzero((row <= radius) & (np.arange(len(row)) != i))] for i, row in enumerate(apart)]
    assert neighbours_of(points_within(points, radius=radius)) == want


def test_distances_that_overflow():
    assert neighbours_of(points_within(np.array([[-1e300], [1e300], [1e300]]), radius=1.0)) == [
        [0],
        [1, 2],
        [2, 1],
    ]


def test_few_pairs_at_a_time(monkeypatch):
    points = cloud(150, 3)
    want = neighbours_of(points_within(points, radius=0.7))
    monkeypatch.setattr(_cells, "PAIRS", 50)
    assert neighbours_of(points_within(points, radius=0.7)) == want


def test_cells_save_work():
    """A small multiple of the pairs that are found is compared, not all."""
    points = np.random.default_rng(3).uniform(size=(3000, 3))
    seen = []
    spread = _cells.spread
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_cells, "spread", lambda first, count: seen.append(count.sum()) or spread(first, count))
        found = sum(len(columns) for columns in neighbours_of(points_within(points, radius=0.1)))
    assert sum(seen) < 5 * found < 3000**2 / 20


def test_the_result_is_symmetric_and_takes_its_transpose():
    matrix = points_within(cloud(80, 3), radius=0.6)
    pairs = {(i, j) for i, j, _ in entries_of(matrix)}
    assert pairs == {(j, i) for i, j in pairs}
    assert ell_with_transpose(matrix).transposed is not None


@pytest.mark.parametrize(
    ("points", "dtype"), [(cloud(9, 2).astype("f4"), "float32"), (np.arange(9)[:, None], "float32")]
)
def test_distances_are_of_the_points_dtype(points, dtype):
    assert points_within(points, radius=2.0).dtype == dtype


@pytest.mark.parametrize("n", [0, 1])
def test_few_points(n):
    got = points_within(np.zeros((n, 3)), radius=1.0)
    assert got.shape == (n, n)
    assert neighbours_of(got) == [[0]] * n


@given(
    hnp.arrays(np.float64, (9, 2), elements=st.integers(-3, 3).map(float)),
    st.sampled_from([0.0, 1.0, 1.5, 3.0]),
)
def test_any_points(points, radius):
    apart = np.sqrt(np.square(points[:, None] - points).sum(-1))
    want = [{*np.flatnonzero(row <= radius)} for row in apart]
    assert [set(row) for row in neighbours_of(points_within(points, radius=radius))] == want


# The nearest few.


def check_nearest(points, table, k):
    """Distances are those of SciPy, the point itself comes first, nobody twice."""
    table = np.asarray(table)
    assert table.shape == (len(points), k)
    assert table.dtype == np.int32
    np.testing.assert_array_equal(table[:, 0], np.arange(len(points)))
    distances = np.linalg.norm(np.float64(points)[table] - np.float64(points)[:, None], axis=-1)
    want = cKDTree(points).query(points, k)[0].reshape(-1, k)
    np.testing.assert_allclose(distances, want, 1e-5, 1e-6)
    assert all(len(set(row)) == k for row in table)


@pytest.mark.fast
@pytest.mark.parametrize("d", [1, 3, 4, 6])
@pytest.mark.parametrize("k", [1, 6, 80])
def test_the_nearest(d, k):
    points = cloud(80, d).astype("f4")
    check_nearest(points, nearest_neighbours(points, k), k)


@pytest.mark.parametrize("k", seldom_but([1, 6, 80], 6))
def test_the_nearest_of_traced_points(k, monkeypatch):
    points = cloud(80, 3).astype("f4")
    check_nearest(points, jax.jit(lambda x: nearest_neighbours(x, k))(points), k)
    monkeypatch.setattr(_search, "DISTANCES", {"cpu": 80 * 7})
    jax.clear_caches()
    check_nearest(points, jax.jit(lambda x: nearest_neighbours(x, k))(points), k)
    jax.clear_caches()


@pytest.mark.parametrize("way", ["cells", "all"])
def test_ties_go_to_the_lower_number(way):
    grid = np.stack(np.meshgrid(*[np.arange(4.0)] * 2, indexing="ij"), -1).reshape(-1, 2).astype("f4")
    find = nearest_neighbours if way == "cells" else jax.jit(nearest_neighbours, static_argnums=1)
    apart = np.square(grid[:, None] - grid).sum(-1)
    apart[np.arange(16), np.arange(16)] = -1
    for k in (4, 7):
        np.testing.assert_array_equal(find(grid, k), np.argsort(apart, 1, kind="stable")[:, :k])


@pytest.mark.parametrize("way", ["cells", "all"])
def test_points_that_are_not_finite_are_nobodys_neighbours(way):
    points = cloud(30, 3).astype("f4")
    points[4], points[9, 1] = np.nan, np.inf
    find = nearest_neighbours if way == "cells" else jax.jit(nearest_neighbours, static_argnums=1)
    table = np.asarray(find(points, 5))
    good = np.setdiff1d(np.arange(30), [4, 9])
    assert not np.isin(table[good], [4, 9]).any()
    check = np.searchsorted(good, table[good])
    check_nearest(points[good], check.astype("i4"), 5)
    assert table[4, 0] == 4


def test_all_in_one_place_and_outliers():
    same = np.zeros((9, 3), "f4")
    np.testing.assert_array_equal(np.asarray(nearest_neighbours(same, 3))[5], [5, 0, 1])
    points = cloud(60, 3).astype("f4")
    points[7] = 1e6
    check_nearest(points, nearest_neighbours(points, 4), 4)


def test_nothing_is_differentiated():
    points = jnp.asarray(cloud(12, 2).astype("f4"))
    got = jax.grad(lambda x: jnp.sum(x[nearest_neighbours(x, 3)] ** 2))(points)
    table = np.asarray(nearest_neighbours(points, 3))
    np.testing.assert_allclose(
        got, 2 * np.asarray(points) * np.bincount(table.ravel(), minlength=12)[:, None], 1e-6
    )


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: points_within(np.ones(3), radius=1.0),
            ValueError,
            r"points have shape \(3,\); give \[n, d\]",
        ),
        (
            lambda: points_within(np.ones((3, 1), "c8"), radius=1.0),
            TypeError,
            "points are of dtype complex64",
        ),
        (
            lambda: points_within([[np.nan], [1.0]], radius=1.0),
            ValueError,
            "1 points are not finite, .* point 0",
        ),
        (
            lambda: points_within(np.ones((2, 2)), radius=-1.0),
            ValueError,
            "radius is -1.0; give a finite distance",
        ),
        (lambda: points_within(np.ones((2, 2)), radius=np.inf), ValueError, "radius is inf"),
        (lambda: points_within(np.ones((2, 2)), radius="1"), TypeError, "radius is '1', but a real number"),
        (
            lambda: points_within(np.ones((2, 2)), radius=1.0, format="csr"),
            ValueError,
            "format is 'csr'; choose",
        ),
        (
            lambda: points_within(np.ones((30, 2)), radius=1.0, max_neighbours=20),
            ValueError,
            r"point 0 has 30 neighbours within 1.0, more than max_neighbours=20; give a smaller radius, or allow more",
        ),
        (
            lambda: jax.jit(functools.partial(points_within, radius=1.0))(np.ones((3, 2))),
            TypeError,
            "the array of points is traced, .* call points_within outside jit",
        ),
        (lambda: nearest_neighbours(np.ones(3), 1), ValueError, r"points have shape \(3,\); give \[n, d\]"),
        (lambda: nearest_neighbours(np.ones((3, 1), bool), 1), TypeError, "points are of dtype bool"),
        (lambda: nearest_neighbours(np.ones((3, 1)), 4), ValueError, "k is 4; give from 1 to 3"),
        (lambda: nearest_neighbours(np.ones((3, 1)), 0), ValueError, "k is 0; give from 1 to 3"),
        (lambda: nearest_neighbours(np.ones((3, 1)), 1.0), TypeError, "k is 1.0, but an integer is needed"),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=f"(points_within|nearest_neighbours): .*{words}"):
        call()
