"""Covariance against its definition, NumPy and pandas, for every kind of weight and mask."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.stats import corr, cov
from support import covariance as oracle
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but
from support.memory import compiled_memory, form

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 12)) + np.array([[0], [3], [-2], [50]])
WEIGHTS = RNG.uniform(0.2, 2, 12)
MASK = np.array([0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1], bool)
HOLES = RNG.random((4, 12)) > 0.25
BAND = np.eye(12) + 0.4 * (np.eye(12, k=1) + np.eye(12, k=-1))
FULL = np.cov(RNG.normal(size=(12, 40)))
SMALL = FULL[:5, :5] + np.triu(FULL[:5, :5], 1)
LAPLACIAN = np.diag([1.0, *[2.0] * 10, 1.0]) - np.eye(12, k=1) - np.eye(12, k=-1)

OPTIONS = {
    "plain": {},
    "bias": {"bias": True},
    "ddof": {"ddof": 3},
    "ridge": {"l2": 0.5},
    "weights": {"weights": WEIGHTS},
    "weights, ddof 0": {"weights": WEIGHTS, "ddof": 0},
    "mask": {"mask": MASK},
    "mask, weights": {"mask": MASK, "weights": WEIGHTS},
    "diagonal": {"weight_matrix": np.diag(WEIGHTS)},
    "banded": {"weight_matrix": BAND},
    "full": {"weight_matrix": FULL, "ddof": 0},
    "full, mask": {"weight_matrix": FULL, "mask": MASK},
    "asymmetric": {"weight_matrix": FULL + np.triu(FULL, 1)},
    "laplacian": {"weight_matrix": LAPLACIAN},
}


def by_definition(x, options):
    options = dict(options)
    bias = options.pop("bias", False)
    return oracle.covariance(x, **{"ddof": int(not bias), **options})


@functools.cache
def every_option():
    """One compilation of all."""
    return jax.jit(lambda x: {k: cov(x, **v) for k, v in OPTIONS.items()}, compiler_options=QUICK_COMPILE)


@pytest.mark.fast
@pytest.mark.parametrize("name", OPTIONS)
def test_matches_the_definition(name, x64):
    got = every_option()(X)[name]
    np.testing.assert_allclose(got, by_definition(X, OPTIONS[name]), 1e-12, 1e-12)
    np.testing.assert_array_equal(got, got.T)


@pytest.mark.parametrize("name", ["plain", "mask, weights", "full", "laplacian"])
def test_float32_is_good_to_rounding(name):
    got = cov(X, **OPTIONS[name])
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, by_definition(X, OPTIONS[name]), 1e-5, 2e-6)


def test_a_far_mean_costs_no_more_digits_than_the_data_have():
    x = np.float32(RNG.normal(size=(4, 12)) + 1e4)
    np.testing.assert_allclose(cov(x), np.cov(np.float64(x)), 1e-5, 1e-6)


def test_agrees_with_numpy(x64):
    z = X + 1j * X[::-1] ** 2
    for x in (X, X[0], X[:1], z):
        np.testing.assert_allclose(cov(x), np.cov(x).reshape(np.shape(cov(x))), 1e-12)
    np.testing.assert_allclose(cov(X, weights=WEIGHTS), np.cov(X, aweights=WEIGHTS), 1e-12)
    np.testing.assert_allclose(cov(X.T, rowvar=False), np.cov(X.T, rowvar=False), 1e-12)
    np.testing.assert_allclose(cov(X[0], rowvar=False), np.cov(X[0]), 1e-12)
    assert cov(X[0]).shape == ()
    assert cov(X[:1]).shape == (1, 1)


def test_complex_channels_are_conjugated(x64):
    z = X + 1j * X[::-1] ** 2
    np.testing.assert_allclose(cov(z, weight_matrix=BAND), oracle.covariance(z, weight_matrix=BAND), 1e-11)
    np.testing.assert_array_equal(cov(z, weights=WEIGHTS), np.conj(cov(z, weights=WEIGHTS).T))


def test_a_single_row_of_observations_is_one_channel_unless_rowvar_is_false(x64):
    assert cov(X[:1].T, rowvar=False).shape == (1, 1)
    assert cov(X[:, :1].T, rowvar=False, bias=True).shape == (4, 4)  # one observation of four channels
    np.testing.assert_array_equal(cov(X[:, :1].T, rowvar=False, bias=True), np.zeros((4, 4)))


# Of the older library: its divisor was wrong for every W with an off-diagonal.


@pytest.mark.fast
def test_matrix_weights_are_right_under_jit_for_a_diagonal_and_then_for_another(x64):
    compiled = jax.jit(lambda x, w: cov(x, weight_matrix=w))
    for w in (np.diag(WEIGHTS), BAND, FULL, LAPLACIAN):
        wanted = oracle.covariance(X, weight_matrix=w)
        np.testing.assert_allclose(compiled(X, w), wanted, 1e-12, 1e-12)
        np.testing.assert_allclose(cov(X, weight_matrix=w), wanted, 1e-12, 1e-12)
    assert compiled._cache_size() == 1
    stacked = np.stack([np.diag(WEIGHTS), BAND])
    wanted = np.stack([oracle.covariance(X, weight_matrix=w) for w in stacked])
    np.testing.assert_allclose(jax.vmap(lambda w: cov(X, weight_matrix=w))(stacked), wanted, 1e-12, 1e-12)


def test_off_diagonal_weights_that_cancel_are_not_taken_for_none(x64):
    w = np.diag(WEIGHTS)
    w[0, 1] = w[1, 0] = 0.7
    w[2, 3] = w[3, 2] = -0.7
    np.testing.assert_allclose(cov(X, weight_matrix=w), oracle.covariance(X, weight_matrix=w), 1e-12, 1e-12)


@pytest.mark.parametrize("options", [{"bias": True}, {"ddof": 0}], ids=str)
def test_matrix_weights_without_correction_are_divided_by_the_trace(options, x64):
    x = X - np.average(X, axis=1, weights=BAND.sum(1))[:, None]
    np.testing.assert_allclose(cov(X, weight_matrix=BAND, **options), x @ BAND @ x.T / 12, 1e-12, 1e-12)


@pytest.mark.parametrize("off", [0.4, -0.45])
def test_matrix_weights_estimate_the_truth(off, x64):
    n, draws, truth = 100, 4000, np.array([2.0, 1.0, 0.7])
    w = np.eye(n) + off * (np.eye(n, k=1) + np.eye(n, k=-1))
    x = np.random.default_rng(1).normal(size=(draws, 3, n)) * np.sqrt(truth)[:, None]
    estimates = np.diagonal(cov(x, weight_matrix=w), axis1=1, axis2=2)
    error = estimates.std(0) / np.sqrt(draws)
    assert (np.abs(estimates.mean(0) - truth) < 4 * error).all()
    assert (error < 0.01 * truth).all()


def test_a_batch_of_as_many_weight_vectors_as_observations_is_no_matrix(x64):
    w = RNG.uniform(0.5, 1.5, (12, 12))
    got = cov(X, weights=w)
    assert got.shape == (12, 4, 4)
    np.testing.assert_allclose(got[5], np.cov(X, aweights=w[5]), 1e-12)


def test_everything_but_the_layout_may_be_traced(x64):
    def both(x, w, m, l2):
        return cov(x, weights=w, mask=m, l2=l2)

    got = jax.jit(both)(X, WEIGHTS, MASK, 0.25)
    np.testing.assert_allclose(got, oracle.covariance(X, weights=WEIGHTS, mask=MASK, l2=0.25), 1e-12)
    np.testing.assert_allclose(jax.grad(lambda l2: jnp.trace(cov(X, l2=l2)))(0.0), 4.0)  # at 0 too


# Missing observations.


@pytest.mark.fast
def test_each_pair_is_taken_over_what_both_have(x64):
    pd = pytest.importorskip("pandas")
    x = np.where(HOLES, X, np.nan)
    np.testing.assert_allclose(cov(x, mask=HOLES), pd.DataFrame(x.T).cov(), 1e-11)
    for options in ({"weights": WEIGHTS}, {"ddof": 0}):
        np.testing.assert_allclose(cov(x, mask=HOLES, **options), oracle.pairwise(X, HOLES, **options), 1e-11)
    np.testing.assert_allclose(cov(x.T, mask=HOLES.T, rowvar=False), oracle.pairwise(X, HOLES), 1e-11)


def test_a_pair_without_observations_in_common_is_nan_and_harms_no_gradient(x64):
    holes = np.ones((2, 12), bool)
    holes[0, :6] = holes[1, 5:] = False
    got = cov(X[:2], mask=holes)
    np.testing.assert_array_equal(np.isnan(got), ~np.eye(2, dtype=bool))
    gradient = jax.jit(jax.grad(lambda x: jnp.trace(cov(x, mask=holes))))(np.where(holes, X[:2], np.nan))
    assert np.isfinite(gradient).all()
    assert (np.asarray(gradient)[~holes] == 0).all()


@pytest.mark.parametrize("kind", seldom_but(["frames", "batch", "holes"], "frames"))
def test_what_a_mask_leaves_out_is_never_read(kind):
    mask = {"frames": MASK, "batch": np.broadcast_to(MASK, (3, 1, 12)), "holes": HOLES}[kind]
    x = np.float32(np.broadcast_to(X, (3, 4, 12)))
    spoilt = np.where(mask, x, np.array([np.nan, np.inf, -np.inf], np.float32)[:, None, None])
    weights = np.where(MASK, WEIGHTS, np.nan) if kind == "frames" else None
    both = jax.jit(jax.value_and_grad(lambda x, w: jnp.sum(jnp.sin(cov(x, mask=mask, weights=w)))))
    for wanted, got in zip(both(x, weights), both(spoilt, weights)):
        np.testing.assert_array_equal(got, wanted)


# Shapes, dtypes, scales.


def test_batches_stay_apart(x64):
    x = RNG.normal(size=(2, 3, 4, 12))
    w = RNG.uniform(0.5, 1.5, (3, 12))
    got = cov(x, weights=w)
    for i, j in np.ndindex(2, 3):
        np.testing.assert_allclose(got[i, j], np.cov(x[i, j], aweights=w[j]), 1e-12)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_floats_are_summed_in_float32(dtype):
    x = jnp.asarray(RNG.normal(size=(3, 900)) + 2, dtype)
    got = cov(x)
    assert got.dtype == dtype
    np.testing.assert_allclose(np.float64(got), np.cov(np.float64(x)), 1e-2, 1e-3)


def test_integers_are_promoted_and_never_truncated():
    whole = RNG.integers(-9, 9, (3, 12))
    np.testing.assert_allclose(cov(whole), np.cov(whole), 1e-5)
    far = whole * 2**40
    np.testing.assert_allclose(cov(far), np.cov(np.float64(far)), 1e-5)
    np.testing.assert_allclose(
        cov(whole, weights=np.arange(1, 13)), np.cov(whole, aweights=np.arange(1, 13)), 1e-5
    )


@pytest.mark.parametrize("channels", [384, 501])
def test_many_channels_are_multiplied_by_halves_and_stay_symmetric(channels, x64):
    """Oracle: NumPy, about the first entry of complex series too."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((channels, 520)) + 1j * rng.standard_normal((channels, 520))
    got = np.asarray(cov(x))
    np.testing.assert_allclose(got, np.cov(x), rtol=0, atol=1e-13)
    real = np.asarray(cov(x.real))
    assert (real == real.T).all()
    r = np.asarray(corr(x.real))
    np.testing.assert_allclose(r, np.corrcoef(x.real), rtol=0, atol=1e-13)


def test_no_channels_give_an_empty_matrix():
    assert cov(np.zeros((0, 5))).shape == (0, 0)
    assert cov(np.zeros((3, 0, 5)), l2=1.0).shape == (3, 0, 0)


def test_one_copy_of_the_series_is_all_the_memory():
    memory = compiled_memory(cov, form(100, 4000))
    assert memory.temporaries < 1.1 * 4 * 100 * 4000


# Derivatives.


@pytest.mark.slow
@pytest.mark.parametrize("kind", seldom_but(["vector", "matrix"], "matrix"))
def test_gradients_in_series_weights_and_ridge(kind, x64):
    name, w = ("weights", WEIGHTS[:5]) if kind == "vector" else ("weight_matrix", SMALL)
    check_gradients(lambda x, w, l2: cov(x, l2=l2, **{name: w}), X[:2, :5], w, 0.3 * np.ones(()), order=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["weights", "weight_matrix"])
def test_second_derivatives(name, x64):
    w = WEIGHTS[:5] if name == "weights" else SMALL
    check_gradients(lambda x, w: cov(x, **{name: w}), X[:2, :5], w)


@pytest.mark.slow
def test_gradients_with_holes(x64):
    check_gradients(lambda x, w: cov(x, mask=HOLES[:2], weights=w), X[:2], WEIGHTS)


def test_a_weight_of_zero_has_a_finite_gradient(x64):
    slope = jax.jit(jax.value_and_grad(lambda w: jnp.sum(cov(X, weights=w)[0])))
    w, step = np.where(MASK, WEIGHTS, 0.0), 1e-6 * np.eye(12)[0]
    np.testing.assert_allclose(slope(w)[1][0], (slope(w + step)[0] - slope(w)[0]) / 1e-6, 1e-4)


# Words.


@pytest.mark.parametrize(
    ("given", "options", "error", "words"),
    [
        (
            X,
            {"weights": WEIGHTS, "weight_matrix": BAND},
            ValueError,
            "give weights or weight_matrix, not both",
        ),
        (
            X,
            {"weights": WEIGHTS[:5]},
            ValueError,
            r"weights has shape \(5,\) but there are 12 observations; its last",
        ),
        (
            X,
            {"weight_matrix": BAND[:5]},
            ValueError,
            r"weight_matrix has shape \(5, 12\) .* must be \(12, 12\)",
        ),
        (X, {"weights": -WEIGHTS}, ValueError, "weights must be finite and not negative"),
        (X, {"weights": WEIGHTS * 1j}, TypeError, "weights has dtype complex64"),
        (
            X,
            {"mask": MASK[:3]},
            ValueError,
            r"mask has shape \(3,\) but X has 4 channels of 12 observations; give",
        ),
        (
            X,
            {"mask": MASK.astype(float)},
            TypeError,
            "mask has dtype float32; give booleans, True where observed",
        ),
        (
            X,
            {"mask": HOLES, "weight_matrix": BAND},
            ValueError,
            "a mask per channel, .* does not go with",
        ),
        (
            X,
            {"weights": np.ones((3, 12)), "mask": np.ones((2, 1, 12), bool)},
            ValueError,
            "batch axes .* do not broadcast",
        ),
        (X, {"l2": -1.0}, ValueError, r"l2=-1.0 must be finite and not negative"),
        (X, {"ddof": 1.5}, TypeError, "ddof=1.5 must be an integer, known before tracing"),
        (X, {"ddof": 12}, ValueError, "12 observations are too few for ddof=12; give more, or bias=True"),
        (X[:, :1], {}, ValueError, "1 observations are too few for ddof=1"),
        (X, {"mask": np.zeros(12, bool)}, ValueError, "the observations that count are too few for ddof=1"),
        (X, {"weights": np.eye(12)[0]}, ValueError, "the observations that count are too few for ddof=1"),
        (X[:, :0], {"bias": True}, ValueError, "X has no observations"),
        (
            np.float32(3),
            {},
            ValueError,
            r"X has shape \(\); it takes channels and observations, at least two axes",
        ),
        (np.array(["a"]), {}, TypeError, "X has dtype <U1; give an array of numbers"),
    ],
)
def test_bad_input_is_refused_in_words(given, options, error, words, unchecked):
    with pytest.raises(error, match=f"cov: .*{words}"):
        cov(given, **options)


def test_bad_input_that_is_traced_is_nan():
    x, w, compiled = np.float32(X), np.float32(WEIGHTS), jax.jit(lambda x, w, m: cov(x, weights=w, mask=m))
    assert np.isfinite(compiled(x, w, MASK)).all()
    assert np.isnan(compiled(x, w, np.arange(12) == 1)).all()  # one observation
    assert np.isnan(compiled(x, -w, MASK)).all()
    assert np.isnan(cov(x, weight_matrix=np.eye(12, k=1))).all()  # of trace 0, so that nothing divides it
