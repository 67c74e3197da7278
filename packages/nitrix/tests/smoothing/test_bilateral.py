"""The bilateral filter of points against its definition in NumPy, over every kind of neighbourhood."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nitrix.smoothing import DiagonalMetric, FactorMetric, bilateral, bilateral_gaussian, metric_from_spd
from nitrix.sparse import regular_grid_stencil
from support.points import FORMS, N, matrix, oracle, problem, ragged, smoothed


@pytest.mark.fast
@pytest.mark.parametrize("form", FORMS)
def test_over_a_sparse_matrix(form):
    values, features, sigma = problem()
    got = bilateral_gaussian(
        values.astype("f4"),
        features.astype("f4"),
        sigma_features=sigma.astype("f4"),
        neighbourhood=FORMS[form](ragged()),
    )
    np.testing.assert_allclose(got, oracle(values, features, ragged(), np.diag(1 / sigma)), 0, 2e-6)


@pytest.mark.parametrize("n_features", range(1, 9))
def test_any_number_of_features(x64, n_features):
    values, features, sigma = problem(n_features)
    table = np.stack([np.resize(r, 4) for r in ragged()[1:]] + [np.arange(4)])
    got = smoothed(values, features, sigma_features=sigma, neighbourhood=table)
    np.testing.assert_allclose(got, oracle(values, features, table, np.diag(1 / sigma)), 1e-12, 1e-13)


@pytest.mark.parametrize(("n_features", "n_values"), [(20, 1), (2, 9), (0, 2), (3, 0)])
def test_many_and_no_channels(x64, n_features, n_values):
    values, features, sigma = problem(n_features, n_values)
    got = smoothed(values, features, sigma_features=sigma, neighbourhood=matrix(ragged()))
    np.testing.assert_allclose(got, oracle(values, features, ragged(), np.diag(1 / sigma)), 1e-12, 1e-13)


def test_one_number_for_each_point_and_one_sigma(x64):
    values, features, _ = problem()
    got = bilateral_gaussian(values[:, 0], features, sigma_features=1.3, neighbourhood=matrix(ragged()))
    assert got.shape == (N,)
    np.testing.assert_allclose(got, oracle(values, features, ragged(), np.eye(3) / 1.3)[:, 0], 1e-12)


@pytest.mark.parametrize("k", [1, 5, N])
@pytest.mark.parametrize("traced", [False, True])
def test_over_the_nearest(x64, k, traced):
    values, features, sigma = problem()
    apart = np.square((features[:, None] - features) / sigma).sum(-1)
    apart[np.arange(N), np.arange(N)] = -1  # a point is the nearest of its own
    rows = np.argsort(apart, 1, kind="stable")[:, :k]
    smooth = functools.partial(bilateral_gaussian, sigma_features=sigma, neighbourhood=k)
    got = (jax.jit(smooth) if traced else smooth)(values, features)
    np.testing.assert_allclose(got, oracle(values, features, rows, np.diag(1 / sigma)), 1e-12, 1e-13)


def test_metrics(x64):
    values, features, _ = problem()
    factor = np.random.default_rng(3).normal(size=(3, 2))
    rows, smooth = ragged(), functools.partial(smoothed, values, neighbourhood=matrix(ragged()))
    got = smooth(features, metric=FactorMetric(factor))
    np.testing.assert_allclose(got, oracle(values, features, rows, factor), 1e-12, 1e-13)
    spd = factor @ factor.T + np.eye(3)
    got = smooth(features, metric=metric_from_spd(spd))
    np.testing.assert_allclose(got, oracle(values, features, rows, np.linalg.cholesky(spd)), 1e-12, 1e-13)

    class Own:
        def project(self, deltas):
            return jnp.asarray(deltas)[..., :1] * 2.0

    got = smooth(features, metric=Own())
    np.testing.assert_allclose(got, oracle(values, features, rows, [[2.0], [0.0], [0.0]]), 1e-12, 1e-13)


def test_an_infinite_sigma_leaves_a_feature_out(x64):
    values, features, sigma = problem()
    wild = features.copy()
    wild[:, 1] = np.nan
    smooth = functools.partial(smoothed, values, neighbourhood=matrix(ragged()))
    got = smooth(wild, sigma_features=np.array([sigma[0], np.inf, sigma[2]]))
    want = smooth(features[:, [0, 2]], sigma_features=sigma[[0, 2]])
    np.testing.assert_allclose(got, want, 1e-13)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int32", "bool"])
def test_other_dtypes(dtype):
    values, features, sigma = problem()
    values = jnp.asarray(3 * values).astype(dtype)
    features = jnp.asarray(features, "bfloat16" if dtype == "bfloat16" else "float32")
    got = smoothed(values, features, sigma_features=sigma.astype("f4"), neighbourhood=matrix(ragged()))
    assert got.dtype == (values.dtype if jnp.issubdtype(values.dtype, jnp.floating) else jnp.float32)
    want = oracle(
        np.float64(values), np.float64(features), ragged(), np.diag(1 / np.float64(sigma.astype("f4")))
    )
    # Summed in float32: no more than the rounding of the result.
    tolerance = {"bfloat16": 2**-8, "float16": 2**-11}.get(dtype, 3e-7)
    np.testing.assert_allclose(np.float64(got), want, 1.01 * tolerance, 2e-6)


def test_large_coordinates_lose_nothing():
    """Differences are taken before they are scaled: coordinates far from the origin are as good as others."""
    rng = np.random.default_rng(4)
    values = rng.normal(size=(50, 1)).astype("f4")
    features = (rng.integers(0, 40, (50, 3)) + 1000.0).astype("f4")
    table = rng.integers(0, 50, (50, 9))
    for metric in (
        DiagonalMetric(np.full(3, 7.3, "f4")),
        FactorMetric(np.eye(3, dtype="f4") / np.float32(7.3)),
    ):
        got = smoothed(values, features, metric=metric, neighbourhood=table)
        want = oracle(values, features, table, np.eye(3) / 7.3)
        np.testing.assert_allclose(got, want, 0, 3e-6)


@pytest.mark.fast
def test_far_neighbours_are_averaged_and_not_lost():
    values, features, _ = problem()
    rows = [np.delete(np.arange(N), i)[:6] for i in range(N)]
    features = (100 * features).astype("f4")
    features[4] += 1
    got = bilateral_gaussian(values.astype("f4"), features, sigma_features=1.0, neighbourhood=np.stack(rows))
    np.testing.assert_allclose(got, oracle(values, features, rows, np.eye(3)), 0, 1e-5)
    # Farther than a float holds: no weight at all.
    beyond = (features * np.float32(1e25)).astype("f4")
    got = bilateral_gaussian(values.astype("f4"), beyond, sigma_features=1.0, neighbourhood=np.stack(rows))
    np.testing.assert_array_equal(got, values.astype("f4"))


def test_points_that_take_no_part(x64):
    values, features, sigma = problem()
    mask = np.random.default_rng(5).random(N) > 0.4
    mask[:3] = True, False, True
    rows = [[j for j in r if mask[j]] if mask[i] else [] for i, r in enumerate(ragged())]
    want = oracle(values, features, rows, np.diag(1 / sigma))
    wild_values, wild = values.copy(), features.copy()
    wild_values[1], wild[~mask] = np.nan, np.nan
    want[1] = np.nan
    for name in ("flat", "sectioned, by columns"):
        neighbourhood = FORMS[name](ragged())
        got = smoothed(wild_values, wild, sigma_features=sigma, neighbourhood=neighbourhood, mask=mask)
        np.testing.assert_allclose(got, want, 1e-12, 1e-13)
    apart = np.square((features[:, None] - features) / sigma).sum(-1)
    apart[:, ~mask] = np.inf
    apart[np.arange(N), np.arange(N)] = -1
    nearest = np.argsort(apart, 1, kind="stable")[:, :4]
    rows = [r if mask[i] else [] for i, r in enumerate(nearest)]
    want = oracle(values, features, rows, np.diag(1 / sigma))
    want[1] = np.nan
    for wrap in (lambda f: f, jax.jit):
        smooth = functools.partial(bilateral_gaussian, sigma_features=sigma, neighbourhood=4)
        got = wrap(smooth)(wild_values, wild, mask=mask)
        np.testing.assert_allclose(got, want, 1e-12, 1e-13)


def test_more_nearest_than_take_part(x64):
    values, features, sigma = problem()
    mask = np.arange(N) < 3
    smooth = functools.partial(bilateral_gaussian, sigma_features=sigma, neighbourhood=5, mask=mask)
    rows = [[0, 1, 2]] * 3 + [[]] * (N - 3)
    want = oracle(values, features, rows, np.diag(1 / sigma))
    for got in (smooth(values, features), jax.jit(smooth)(values, features)):
        np.testing.assert_allclose(got, want, 1e-12, 1e-13)


def test_entries_of_a_table_that_are_left_out(x64):
    values, features, sigma = problem()
    table, mask = np.full((N, 7), -1), np.zeros((N, 7), bool)
    for i, r in enumerate(ragged()):
        at = np.random.default_rng(i).permutation(7)[: len(r)]
        table[i, at], mask[i, at] = r, True
    want = oracle(values, features, ragged(), np.diag(1 / sigma))
    smooth = functools.partial(bilateral_gaussian, sigma_features=sigma)
    for wrap in (lambda f: f, jax.jit):
        got = wrap(smooth)(values, features, neighbourhood=table, mask=mask)
        np.testing.assert_allclose(got, want, 1e-12, 1e-13)


def test_nan_stays_with_those_who_see_it(x64):
    values, features, sigma = problem()
    rows = ragged()
    sees = np.array([(i == 5 and len(r) > 0) or 5 in r for i, r in enumerate(rows)])
    assert 1 < sees.sum() < N
    nan_features = features.copy()
    nan_features[5, 1] = np.nan
    got = bilateral_gaussian(values, nan_features, sigma_features=sigma, neighbourhood=matrix(rows))
    assert (np.isnan(np.asarray(got)).any(1) == sees).all()
    # The pads of a matrix point at column 0: what stands there is no neighbour.
    nan_values = values.copy()
    nan_values[0] = np.nan
    sees = np.array([i == 0 or 0 in r for i, r in enumerate(rows)])
    got = bilateral_gaussian(nan_values, features, sigma_features=sigma, neighbourhood=matrix(rows))
    assert (np.isnan(np.asarray(got)).any(1) == sees).all()


@pytest.mark.parametrize("n", [0, 1])
def test_few_points(n):
    values, features = np.ones((n, 2), "f4"), np.ones((n, 3), "f4")
    smooth = functools.partial(bilateral_gaussian, values, features, sigma_features=1.0)
    for neighbourhood in (1, np.zeros((n, 2), int), np.zeros((n, 0), int), matrix([[]] * n)):
        np.testing.assert_array_equal(smooth(neighbourhood=neighbourhood), values)


def test_is_the_filter_of_images_on_a_grid():
    image = np.random.default_rng(6).normal(size=(7, 6, 5)).astype("f4")
    place = np.stack(np.meshgrid(*map(np.arange, image.shape), indexing="ij"), -1).reshape(-1, 3)
    steps = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), -1).reshape(-1, 3)
    box = regular_grid_stencil(image.shape, steps, np.ones(len(steps), "f4"), boundary="constant")
    features = np.concatenate([place * 1.5, image.reshape(-1, 1)], 1).astype("f4")
    got = smoothed(image.ravel(), features, sigma_features=np.array([2, 2, 2, 0.8], "f4"), neighbourhood=box)
    want = bilateral(image, sigma_space=2.0, sigma_intensity=0.8, spacing=1.5, truncate=1.5)
    np.testing.assert_allclose(got.reshape(image.shape), want, 0, 2e-6)


# Properties.


_FEATURES = hnp.arrays(np.float32, (6, 2), elements=st.integers(-4, 4).map(float))
_VALUES = hnp.arrays(np.float32, (6, 1), elements=st.integers(-8, 8).map(float))
_TABLE = hnp.arrays(np.int32, (6, 4), elements=st.integers(0, 5))


_SMOOTH = functools.partial(bilateral_gaussian, sigma_features=1.0)


@given(_VALUES, _FEATURES, _TABLE)
def test_an_average_lies_between_its_neighbours(values, features, table):
    got = np.asarray(_SMOOTH(values, features, neighbourhood=table))
    near = values[table]
    assert (got >= near.min(1) - 1e-5).all()
    assert (got <= near.max(1) + 1e-5).all()
    constant = _SMOOTH(np.full((6, 1), 3.0, "f4"), features, neighbourhood=table)
    np.testing.assert_allclose(constant, 3.0, 3e-7)


@given(_VALUES, _FEATURES, _TABLE, st.permutations(range(6)))
def test_the_order_of_points_does_not_count(values, features, table, order):
    order = np.array(order)
    place = np.argsort(order)
    got = _SMOOTH(values[order], features[order], neighbourhood=place[table[order]].astype("i4"))
    want = _SMOOTH(values, features, neighbourhood=table)
    np.testing.assert_allclose(got, np.asarray(want)[order], 1e-5, 1e-5)
