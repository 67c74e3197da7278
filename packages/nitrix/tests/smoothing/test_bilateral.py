"""The bilateral filter of points against its definition in NumPy, over every kind of neighbourhood."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nitrix.smoothing import DiagonalMetric, FactorMetric, bilateral_gaussian, metric_from_spd
from nitrix.smoothing import _neighbour_sums as neighbour_sums
from nitrix.sparse import (
    ELL,
    ell_from_ragged,
    ell_with_transpose,
    regular_grid_stencil,
    sectioned_ell_from_ragged,
)
from support.gradients import QUICK_COMPILE, check_gradients
from support.memory import compiled_memory, form

N = 23


def oracle(values, features, rows, factor):
    """Averages over the neighbours in `rows`, weighted by exp(-|(f_i - f_j) factor|^2 / 2), in float64."""
    values, features = np.float64(values), np.float64(features)
    out = values.copy()
    for i, near in enumerate(rows):
        if len(near):
            squared = np.square((features[i] - features[near]) @ factor).sum(1)
            weight = np.exp((squared.min() - squared) / 2)
            out[i] = np.tensordot(weight, values[near], 1) / weight.sum()
    return out


def smoothed(values, features, **options):
    """The filter, compiled in a fraction of the time."""
    smooth = lambda values, features: bilateral_gaussian(values, features, **options)
    return jax.jit(smooth, compiler_options=QUICK_COMPILE)(values, features)


@functools.cache
def problem(n_features=3, n_values=2, n=N, seed=0):
    """Values, features and sigmas; points 3 and 4 coincide."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, n_features))
    features[4] = features[3]
    return rng.normal(size=(n, n_values)), features, rng.uniform(0.7, 1.5, n_features)


@functools.cache
def ragged(n=N, most=7, seed=1):
    """Neighbours of each point: none of point 0, duplicates and absent own points among them."""
    rng = np.random.default_rng(seed)
    degree = rng.integers(1, most, n)
    degree[:3] = 0, most, 1
    return [rng.integers(0, n, d) for d in degree]


def matrix(rows, build=ell_from_ragged, n=None):
    """A sparse matrix of these neighbours whose stored values must not count."""
    return build([np.full(len(r), np.nan, np.float32) for r in rows], rows, n_cols=n or len(rows))


FORMS = {
    "flat": lambda rows: matrix(rows),
    "sectioned": lambda rows: matrix(rows, sectioned_ell_from_ragged),
    "flat, by columns": lambda rows: ell_with_transpose(matrix(rows)),
    "sectioned, by columns": lambda rows: ell_with_transpose(matrix(rows, sectioned_ell_from_ragged)),
}


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
    from nitrix.smoothing import bilateral

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


# Transformations.


def test_batches_by_vmap(x64):
    values, features, sigma = problem()
    smooth = functools.partial(bilateral_gaussian, neighbourhood=ell_with_transpose(matrix(ragged())))
    stack = values * np.arange(1, 4)[:, None, None], features * np.array([1, 2, 30])[:, None, None]
    got = jax.vmap(lambda v, f: smooth(v, f, sigma_features=sigma))(*stack)
    want = [oracle(v, f, ragged(), np.diag(1 / sigma)) for v, f in zip(*stack)]
    np.testing.assert_allclose(got, want, 1e-11, 1e-12)


def test_several_blocks_of_rows(x64, monkeypatch):
    """The last block overlaps the one before it; nothing may be counted twice."""
    rows = ragged(n=61, most=9)
    values, features, sigma = problem(n=61)

    def everything(build):
        def loss(values, features, sigma):
            out = bilateral_gaussian(values, features, sigma_features=sigma, neighbourhood=build(rows))
            return jnp.sum(jnp.sin(out))

        both = jax.value_and_grad(loss, (0, 1, 2))
        return jax.jit(both, compiler_options=QUICK_COMPILE)(values, features, sigma)

    whole = everything(FORMS["flat"])
    monkeypatch.setattr(neighbour_sums, "SLOTS", {"cpu": 80})
    jax.clear_caches()
    blocks = [everything(FORMS[form]) for form in ("flat", "sectioned, by columns")]
    jax.clear_caches()
    for got in blocks:
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-10, 1e-12), got, whole)


@pytest.mark.parametrize(("form", "order"), [("flat", 2), ("sectioned, by columns", 1)])
def test_gradients(x64, form, order):
    values, features, sigma = problem(n=7)
    rows = ragged(n=7, most=4)
    neighbourhood = FORMS[form](rows)

    def smooth(values, features, sigma):
        return bilateral_gaussian(values, features, sigma_features=sigma, neighbourhood=neighbourhood)

    check_gradients(smooth, values, features, sigma, forward=False, order=order)


def test_gradients_where_weights_would_vanish_and_with_a_mask(x64):
    values, features, sigma = problem(n=7)
    table = (np.arange(7)[:, None] + [1, 2, 3]) % 7
    mask = np.arange(7) != 5

    def smooth(values, features, sigma):
        return bilateral_gaussian(values, 40 * features, sigma_features=sigma, neighbourhood=table, mask=mask)

    check_gradients(smooth, values, features / 10 + np.arange(7)[:, None], sigma, forward=False, order=1)


def test_gradients_in_a_factor(x64):
    values, features, _ = problem(n=7)
    factor = np.random.default_rng(8).normal(size=(3, 2))
    neighbourhood = matrix(ragged(n=7, most=4))

    def smooth(values, features, factor):
        return bilateral_gaussian(values, features, metric=FactorMetric(factor), neighbourhood=neighbourhood)

    check_gradients(smooth, values, features, factor, forward=False, order=1)


def test_gradients_at_coincident_points(x64):
    """Distances of zero have no root to divide by."""
    values, sigma = problem(n=7)[0], np.ones(3)
    table = np.tile(np.arange(7), (7, 1))

    def smooth(values, features, sigma):
        return bilateral_gaussian(values, features, sigma_features=sigma, neighbourhood=table)

    check_gradients(smooth, values, np.zeros((7, 3)), sigma, forward=False, order=1)


def test_gradient_in_float32_with_the_nearest():
    values, features, sigma = (x.astype("f4") for x in problem())

    def loss(values, features, sigma, neighbourhood):
        out = bilateral_gaussian(values, features, sigma_features=sigma, neighbourhood=neighbourhood)
        return jnp.sum(out**2)

    gradient = jax.jit(jax.grad(loss, (0, 1, 2)), static_argnums=3, compiler_options=QUICK_COMPILE)
    got = gradient(values, features, sigma, 6)
    apart = np.square((features[:, None] - features) / sigma).sum(-1)
    apart[np.arange(N), np.arange(N)] = -1
    table = np.argsort(apart, 1, kind="stable")[:, :6]
    want = jax.jit(jax.grad(loss, (0, 1, 2)), compiler_options=QUICK_COMPILE)(values, features, sigma, table)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-5), got, want)


def test_the_gradient_of_an_infinite_sigma_is_zero(x64):
    values, features, sigma = problem()
    sigma = np.array([sigma[0], np.inf, sigma[2]])

    def loss(features, sigma):
        out = bilateral_gaussian(values, features, sigma_features=sigma, neighbourhood=matrix(ragged()))
        return jnp.sum(out**2)

    gradient = jax.jit(jax.grad(loss, (0, 1)), compiler_options=QUICK_COMPILE)
    d_features, d_sigma = gradient(features, sigma)
    assert d_sigma[1] == 0
    assert (d_features[:, 1] == 0).all()
    assert np.isfinite(d_sigma).all()


def test_forward_mode_is_refused():
    values, features, sigma = (x.astype("f4") for x in problem())
    smooth = lambda v: bilateral_gaussian(v, features, sigma_features=sigma, neighbourhood=matrix(ragged()))
    with pytest.raises(TypeError, match="custom_vjp"):
        jax.jvp(smooth, (values,), (values,))


def test_memory():
    """A few arrays of all points, forward and backward; nothing of the size of all slots."""
    n, k, d_f, d_v = 200_000, 27, 6, 8
    points = 4 * n * (d_f + d_v)

    def smooth(values, features, sigma, table):
        return bilateral_gaussian(values, features, sigma_features=sigma, neighbourhood=table)

    operands = form(n, d_v), form(n, d_f), form(d_f), form(n, k, dtype="int32")
    assert compiled_memory(smooth, *operands).temporaries < 2.5 * points
    gradient = jax.grad(lambda *given: jnp.sum(smooth(*given) ** 2), (0, 1, 2))
    assert compiled_memory(gradient, *operands).temporaries < 7 * points


# Bad input.


def test_indices_out_of_range_are_refused_or_nan():
    values, features, sigma = (x.astype("f4") for x in problem())
    table = np.stack([np.resize(r, 4) for r in ragged()[1:]] + [np.arange(4)])
    wrong = table.copy()
    wrong[3, 2], wrong[6, 0] = N, -1
    smooth = functools.partial(bilateral_gaussian, values, features, sigma_features=sigma)
    with pytest.raises(ValueError, match=r"2 indices .* out of range, the first at \[3, 2\]: 23; .* 0 to 22"):
        smooth(neighbourhood=wrong)
    rows = np.isin(np.arange(N), [3, 6])
    want = np.asarray(smooth(neighbourhood=table))
    for traced in (
        lambda t: smooth(neighbourhood=t),
        lambda t: smooth(neighbourhood=ELL(jnp.ones(t.shape), t, N)),
    ):
        got = np.asarray(jax.jit(traced)(wrong))
        assert np.isnan(got[rows]).all()
        np.testing.assert_allclose(got[~rows], want[~rows], 0, 1e-6)


VALUES, FEATURES, TABLE = np.ones((3, 1), "f4"), np.ones((3, 2), "f4"), np.zeros((3, 2), int)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (
            {"values": np.ones((2, 3, 1))},
            ValueError,
            r"values has shape \(2, 3, 1\); give \[n\] or \[n, d_v\]",
        ),
        ({"values": np.ones(3, "c8")}, TypeError, "values is of dtype complex64; give an array of real"),
        ({"features": np.ones(3)}, ValueError, r"features has shape \(3,\); .*features\[:, None\]"),
        (
            {"features": np.ones((4, 2))},
            ValueError,
            r"values \(3, 1\) has 3 points and features \(4, 2\) has 4",
        ),
        ({"sigma_features": None}, ValueError, "either sigma_features or metric; none of them"),
        ({"metric": DiagonalMetric([1.0, 1.0])}, ValueError, "either sigma_features or metric; both of them"),
        (
            {"sigma_features": np.ones(3)},
            ValueError,
            r"sigma_features has shape \(3,\), but there are 2 features",
        ),
        (
            {"sigma_features": 0.0},
            ValueError,
            r"sigma_features\[0\] is 0.0; a standard deviation is positive",
        ),
        ({"sigma_features": np.array([1, np.nan])}, ValueError, r"sigma_features\[1\] is nan"),
        ({"sigma_features": 1j}, TypeError, "sigma_features is of dtype complex128; give real numbers"),
        ({"sigma_features": None, "metric": 1.0}, TypeError, "metric is float, without a method project"),
        (
            {"sigma_features": None, "metric": FactorMetric(np.eye(3))},
            ValueError,
            r"metric is for 3 features, but features has shape \(3, 2\)",
        ),
        ({"neighbourhood": 0}, ValueError, "neighbourhood is 0; give from 1 to 3"),
        ({"neighbourhood": 4}, ValueError, "neighbourhood is 4; give from 1 to 3, the number of points"),
        ({"neighbourhood": True}, ValueError, "neighbourhood is True; give from 1 to 3"),
        ({"neighbourhood": 2.0}, TypeError, "neighbourhood is float; give a number of nearest neighbours"),
        (
            {"neighbourhood": np.ones((3, 2))},
            TypeError,
            "dtype float.*; a table of neighbours holds integers",
        ),
        (
            {"neighbourhood": np.zeros(3, int)},
            ValueError,
            r"has shape \(3,\); a table of neighbours is \[3, k\]",
        ),
        (
            {"neighbourhood": matrix([[0], [0]], n=3)},
            ValueError,
            r"has shape \(2, 3\), but \(3, 3\) is needed",
        ),
        (
            {"neighbourhood": ELL(np.ones((2, 3, 1)), np.zeros((2, 3, 1), int), 3)},
            ValueError,
            r"indices of shape \(2, 3, 1\); give one structure, a batch by jax.vmap",
        ),
        ({"mask": np.ones(3)}, TypeError, "mask is of dtype float.*; give truth values"),
        ({"mask": np.ones(4, bool)}, ValueError, r"mask has shape \(4,\); give \[3\]"),
        ({"mask": np.ones((3, 4), bool)}, ValueError, r"mask has shape \(3, 4\), but the table .* \(3, 2\)"),
        (
            {"mask": np.ones((3, 2), bool), "neighbourhood": 2},
            ValueError,
            r"mask \(3, 2\) is for a table of neighbours; with a number give \[3\]",
        ),
        (
            {"mask": np.ones((3, 1), bool), "neighbourhood": matrix([[0]] * 3)},
            ValueError,
            r"mask \(3, 1\) is for a table of neighbours; with a sparse matrix give \[3\]",
        ),
    ],
)
def test_bad_input_is_refused_in_words(change, error, words):
    given = {"sigma_features": 1.0, "neighbourhood": TABLE, **change}
    operands = given.pop("values", VALUES), given.pop("features", FEATURES)
    with pytest.raises(error, match=f"bilateral_gaussian: .*{words}"):
        bilateral_gaussian(*operands, **given)


def test_a_traced_sigma_that_is_none_gives_nan():
    smooth = jax.jit(lambda s: bilateral_gaussian(VALUES, FEATURES, sigma_features=s, neighbourhood=TABLE))
    np.testing.assert_allclose(smooth(jnp.asarray([1.0, 2.0])), 1.0)
    assert np.isnan(smooth(jnp.asarray([1.0, -2.0]))).all()
