"""Residuals of least squares against a pseudo-inverse in float64: ranks, scales, weights, penalties, shapes, dtypes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nitrix.linalg import partial_residualise, residualise
from support import least_squares
from support.marks import seldom_but

OBS = 40


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def near_duplicate(noise):
    x = normal(4, OBS, seed=1)
    return np.concatenate([x, x[:1] + noise * normal(1, OBS, seed=2)])


TIME = np.arange(OBS)
DESIGNS = {
    "gaussian": normal(4, OBS, seed=1),
    "p = n": normal(OBS, OBS, seed=1),
    "p > n": normal(OBS + 5, OBS, seed=1),
    "rank 3 of 9": normal(9, 3, seed=2) @ normal(3, OBS, seed=1),
    "zero regressor": np.concatenate([normal(2, OBS, seed=1), np.zeros((1, OBS))]),
    "no regressor": np.zeros((0, OBS)),
    "duplicated column": near_duplicate(0.0),
    "duplicated with noise of 1e-4": near_duplicate(1e-4),
    "duplicated with noise of 1e-5": near_duplicate(1e-5),
    "duplicated with noise of 1e-6": near_duplicate(1e-6),
    "intercept beside scale 1e4": np.stack([np.ones(OBS), 1e4 * normal(OBS, seed=1)]),
    "intercept beside scale 1e6": np.stack([np.ones(OBS), 1e6 * normal(OBS, seed=1)]),
    "intercept beside scale 1e-12": np.stack([np.ones(OBS), 1e-12 * normal(OBS, seed=1)]),
    "raw cubic trend": np.stack([TIME**k for k in range(4)]).astype(float),
}

SELDOM = {"gaussian", "p = n", "rank 3 of 9", "zero regressor", "no regressor"}


@pytest.mark.fast
@pytest.mark.parametrize("name", seldom_but(DESIGNS, *(set(DESIGNS) - SELDOM)))
def test_float32_residual_is_exact_to_rounding(name):
    x = DESIGNS[name].astype(np.float32)
    y = (normal(5, OBS) + 5).astype(np.float32)
    # The tolerance is that of the float32 data: rounding leaves that much of equal regressors.
    want = least_squares.residual(y, x, tolerance=2.4e-7)
    np.testing.assert_allclose(residualise(y, x), want, 0, 8e-6 if len(x) >= OBS else 4e-6)


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("raw cubic trend", 3e-13),
        pytest.param("gaussian", 3e-13, marks=pytest.mark.slow),
        pytest.param("p > n", 3e-13, marks=pytest.mark.slow),
        # Here nothing is wider than the data: the definition itself is good to rounding times condition only.
        pytest.param("duplicated with noise of 1e-6", 3e-9, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("method", seldom_but(["qr", "svd"], "qr"))
def test_float64_residual_is_exact_to_rounding(x64, name, tolerance, method):
    x, y = DESIGNS[name], normal(5, OBS) + 5
    got = residualise(y, x, method=method)
    np.testing.assert_allclose(got, least_squares.residual(y, x), 0, tolerance)


@pytest.mark.parametrize(
    "name", seldom_but(["gaussian", "raw cubic trend", "intercept beside scale 1e6"], "raw cubic trend")
)
def test_cholesky_form_for_regressors_of_full_rank(name):
    x, y = DESIGNS[name].astype(np.float32), (normal(5, OBS) + 5).astype(np.float32)
    np.testing.assert_allclose(residualise(y, x, method="cholesky"), least_squares.residual(y, x), 0, 4e-6)


@pytest.mark.slow
def test_cholesky_form_gives_nan_without_full_rank():
    got = residualise(normal(2, OBS), DESIGNS["duplicated column"], method="cholesky")
    assert np.isnan(got).all()


def test_intercept_stays_beside_a_scale_of_1e4_over_1000_frames():
    n = 1000
    x = np.stack([np.ones(n), 1e4 * normal(n, seed=1)]).astype(np.float32)
    y = (normal(3, n) + 5).astype(np.float32)
    np.testing.assert_allclose(residualise(y, x), least_squares.residual(y, x), 0, 5e-6)


# One shape for all: so one compilation. Some regressors are combinations of others.
@settings(max_examples=25)
@given(
    rank=st.integers(0, 14), scale=st.sampled_from([1e-6, 1.0, 1e5]), seed=st.integers(0, 1000), p=st.just(14)
)
def test_decomposition_is_exact_for_any_rank(rank, scale, seed, p):
    n = 10  # fewer than the regressors
    x = normal(p, rank, seed=seed) @ normal(rank, n, seed=seed + 1) * scale ** np.linspace(0, 1, p)[:, None]
    y = normal(3, n, seed=seed + 2)
    x, y = x.astype(np.float32), y.astype(np.float32)
    left, fit = residualise(y, x), residualise(y, x, return_mode="projection")
    np.testing.assert_allclose(left + fit, y, 0, 1e-6)
    directions = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)
    np.testing.assert_allclose(left @ directions.T, 0, atol=4e-6)
    if rank >= n:
        np.testing.assert_allclose(left, 0, atol=4e-6)


@pytest.mark.parametrize("p", seldom_but([0, 1, 9, 10, 11, 30]))
def test_projection_and_residual_add_up_to_p_equal_n_and_beyond(x64, p):
    y, x = normal(3, 10), normal(p, 10, seed=1)
    left, fit = residualise(y, x), residualise(y, x, return_mode="projection")
    np.testing.assert_allclose(left + fit, y, 0, 1e-14)
    np.testing.assert_allclose(left @ x.T, np.zeros((3, p)), atol=1e-12)
    np.testing.assert_allclose(residualise(left, x), left, 0, 1e-13)


WEIGHTS = np.where(np.arange(OBS) % 5 == 2, 0.0, np.random.default_rng(3).uniform(0.1, 2, OBS))


@pytest.mark.fast
@pytest.mark.parametrize("method", seldom_but(["qr", "svd", "cholesky"], "qr"))
def test_weights_enter_the_fit_and_the_residual_is_that_of_every_observation(x64, method):
    y, x = normal(3, OBS) + 5, DESIGNS["raw cubic trend"]
    got = residualise(y, x, weights=WEIGHTS, method=method)
    np.testing.assert_allclose(got, least_squares.residual(y, x, weights=WEIGHTS), 0, 2e-12)
    np.testing.assert_allclose((got * WEIGHTS) @ (x / x.max(1, keepdims=True)).T, 0, atol=1e-11)


@pytest.mark.slow
def test_weights_of_many_magnitudes(x64):
    y, x, w = normal(3, OBS), DESIGNS["gaussian"], 10.0 ** np.linspace(-8, 8, OBS)
    got = residualise(y, x, weights=w)
    np.testing.assert_allclose(got, least_squares.residual(y, x, weights=w), 1e-9, 1e-9)


def test_observations_of_weight_zero_may_be_nan():
    y, x = normal(3, OBS).astype(np.float32), DESIGNS["gaussian"].astype(np.float32)
    want = least_squares.residual(y, x, weights=WEIGHTS)
    y[:, 2], y[1, 7], x[0, 12] = np.nan, np.inf, np.nan
    got = np.asarray(residualise(y, x, weights=WEIGHTS.astype(np.float32)))
    read = np.ones_like(y, bool)
    read[:, [2, 12]] = read[1, 7] = False
    np.testing.assert_allclose(got[read], want[read], 0, 4e-6)
    assert np.isfinite(got[:, 12]).all()


@pytest.mark.fast
@pytest.mark.parametrize("rank", seldom_but([OBS, OBS // 2], OBS // 2))
def test_weight_matrix_need_not_be_diagonal(x64, rank):
    root = normal(OBS, rank, seed=4)
    y, x, W = normal(3, OBS), DESIGNS["gaussian"], root @ root.T
    got = residualise(y, x, weight_matrix=W)
    np.testing.assert_allclose(got, least_squares.residual(y, x, weight_matrix=W), 0, 1e-9)
    np.testing.assert_allclose(got @ W @ x.T, 0, atol=1e-9)


@pytest.mark.slow
def test_a_diagonal_weight_matrix_is_a_vector_of_weights(x64):
    y, x = normal(3, OBS), DESIGNS["gaussian"]
    got = residualise(y, x, weight_matrix=np.diag(WEIGHTS))
    np.testing.assert_allclose(got, residualise(y, x, weights=WEIGHTS), 0, 1e-12)


@pytest.mark.parametrize("name", seldom_but(["gaussian", "p > n", "duplicated column"], "gaussian"))
def test_l2_is_the_penalty_and_not_its_square(x64, name):
    x, y, l2 = DESIGNS[name], normal(3, OBS), 3.0
    beta = y @ x.T @ np.linalg.inv(x @ x.T + l2 * np.eye(len(x)))
    np.testing.assert_allclose(residualise(y, x, l2=l2), y - beta @ x, 0, 1e-11)


@pytest.mark.slow
def test_l2_is_in_the_units_of_the_regressors(x64):
    x, y = DESIGNS["gaussian"], normal(3, OBS)
    got = residualise(y, 10 * x, l2=100 * 0.7)
    np.testing.assert_allclose(got, residualise(y, x, l2=0.7), 0, 1e-12)
    assert np.abs(residualise(y, 10 * x, l2=0.7) - got).max() > 1e-3


@pytest.mark.slow
def test_l2_with_weights_and_a_traced_zero(x64):
    x, y = DESIGNS["duplicated column"], normal(3, OBS)
    at = jax.jit(lambda l2: residualise(y, x, l2=l2, weights=WEIGHTS))
    np.testing.assert_allclose(at(0.8), least_squares.residual(y, x, weights=WEIGHTS, l2=0.8), 0, 1e-11)
    np.testing.assert_allclose(at(0.0), least_squares.residual(y, x, weights=WEIGHTS), 0, 1e-11)


@pytest.mark.parametrize(
    "weights", [pytest.param(None, marks=pytest.mark.slow), WEIGHTS], ids=["plain", "weighted"]
)
def test_james_stein_shrinks_the_fit(x64, weights):
    x = DESIGNS["gaussian"]
    y = normal(3, OBS) + np.array([[0.0], [0.5], [5.0]]) * x[:1]
    factor = least_squares.shrinkage_factor(y, x, weights)
    assert factor[2] > 0.99
    assert 0 < factor[1] < 0.95
    want = y - factor[:, None] * least_squares.projection(y, x, weights=weights)
    got = residualise(y, x, weights=weights, shrinkage="james-stein")
    np.testing.assert_allclose(got, want, 0, 1e-12)


@pytest.mark.slow
def test_james_stein_factor_is_never_negative_nor_of_two_regressors(x64):
    x, y = DESIGNS["gaussian"], normal(3, OBS)
    left, fit = (
        residualise(y, x, shrinkage="james-stein", return_mode=mode) for mode in ("residual", "projection")
    )
    np.testing.assert_allclose(left + fit, y, 0, 1e-14)
    tiny = y - 0.999 * least_squares.projection(y, x)
    np.testing.assert_array_equal(residualise(tiny, x, shrinkage="james-stein"), tiny)
    np.testing.assert_allclose(
        residualise(y, x[:2], shrinkage="james-stein"), residualise(y, x[:2]), 0, 1e-14
    )
    zero = np.zeros((1, OBS))
    np.testing.assert_array_equal(residualise(zero, x, shrinkage="james-stein"), zero)


def test_leading_axes_broadcast_both_ways():
    y, x = normal(2, 1, 4, 20).astype(np.float32), normal(1, 3, 2, 20, seed=1).astype(np.float32)
    w = np.abs(normal(3, 20, seed=2)).astype(np.float32)
    got, weighted = residualise(y, x), residualise(y, x, weights=w)
    assert got.shape == weighted.shape == (2, 3, 4, 20)
    for i in range(2):
        for j in range(3):
            np.testing.assert_allclose(got[i, j], least_squares.residual(y[i, 0], x[0, j]), 0, 3e-6)
            want = least_squares.residual(y[i, 0], x[0, j], weights=w[j])
            np.testing.assert_allclose(weighted[i, j], want, 0, 4e-6)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(0, 20), (3, 0)], ids=str)
def test_empty_operands(shape):
    y = jnp.zeros(shape)
    assert residualise(y, jnp.ones((2, shape[1]))).shape == shape


@pytest.mark.slow
def test_observations_before_channels(x64):
    y, x = normal(2, 3, OBS), normal(2, 2, OBS, seed=1)
    flipped = residualise(y.swapaxes(1, 2), x.swapaxes(1, 2), rowvar=False, weights=WEIGHTS)
    np.testing.assert_allclose(flipped.swapaxes(1, 2), residualise(y, x, weights=WEIGHTS), 0, 1e-13)


@pytest.mark.parametrize("dtype", seldom_but(["bfloat16", "float16", "int16", "float64"], "bfloat16"))
def test_dtype_of_the_result(x64, dtype):
    y = jnp.asarray(10 * normal(3, OBS), dtype)
    got = residualise(y, DESIGNS["gaussian"])
    assert got.dtype == (jnp.float64 if dtype == "int16" else y.dtype)
    tolerance = {"bfloat16": 0.08, "float16": 0.01}.get(dtype, 1e-12)
    np.testing.assert_allclose(
        np.float64(got), least_squares.residual(np.float64(y), DESIGNS["gaussian"]), 0, tolerance
    )


@pytest.mark.fast
def test_vmap_jit_and_nested_maps_keep_the_float64_of_the_design():
    x = np.stack([DESIGNS["duplicated with noise of 1e-6"], near_duplicate(1e-5)]).astype(np.float32)
    y = normal(2, 3, OBS).astype(np.float32)
    want = np.stack([least_squares.residual(y[i], x[i]) for i in range(2)])
    inner = jax.jit(lambda y, x: residualise(y, x))
    np.testing.assert_allclose(jax.jit(jax.vmap(inner))(y, x), want, 0, 4e-6)
    np.testing.assert_allclose(jax.vmap(inner, in_axes=(0, None))(y, x[0])[0], want[0], 0, 4e-6)
    twice = jax.vmap(
        jax.vmap(lambda y, x, w: residualise(y[None], x, weights=w)[0], (0, None, None)), (0, 0, None)
    )
    weights = np.abs(normal(OBS, seed=5)).astype(np.float32)
    want = np.stack([least_squares.residual(y[i], x[i], weights=weights) for i in range(2)])
    np.testing.assert_allclose(twice(y, x, weights), want, 0, 4e-6)


@pytest.mark.slow
def test_what_is_not_finite_stays_in_its_series_and_its_design():
    x, y = normal(2, 3, 20, seed=1), normal(2, 4, 20)
    y[0, 1, 3], x[1, 0, 0] = np.nan, np.inf
    bad = np.isnan(residualise(y.astype(np.float32), x.astype(np.float32))).all(-1)
    np.testing.assert_array_equal(bad, [[False, True, False, False], [True] * 4])


@pytest.mark.parametrize(
    "weights", [pytest.param(None, marks=pytest.mark.slow), WEIGHTS], ids=["plain", "weighted"]
)
def test_partial_residual_subtracts_the_noise_alone(x64, weights):
    signal, noise = normal(2, OBS, seed=1), normal(3, OBS, seed=2) + normal(1, OBS, seed=1)
    y = normal(4, OBS) + signal[:1]
    got = partial_residualise(y, signal=signal, noise=noise, weights=weights)
    np.testing.assert_allclose(
        got, least_squares.partial_residual(y, signal, noise, weights=weights), 0, 1e-12
    )
    assert np.abs(got - least_squares.residual(y, noise, weights=weights)).max() > 0.1


@pytest.mark.slow
def test_partial_residual_shares_what_stands_in_both(x64):
    shared = normal(1, OBS, seed=1)
    y = 2.0 * shared
    got = partial_residualise(y, signal=shared, noise=7 * shared)
    np.testing.assert_allclose(got, shared, 0, 1e-13)
    want = least_squares.partial_residual(y, shared, 7 * shared)
    np.testing.assert_allclose(got, want, 0, 1e-13)


@pytest.mark.slow
def test_partial_residual_broadcasts_and_flips(x64):
    y, signal, noise = normal(2, 3, OBS), normal(1, OBS, seed=1), normal(2, 2, OBS, seed=2)
    got = partial_residualise(y, signal=signal, noise=noise, l2=0.5)
    for i in range(2):
        want = least_squares.partial_residual(y[i], signal, noise[i], l2=0.5)
        np.testing.assert_allclose(got[i], want, 0, 1e-12)
    flip = lambda x: np.swapaxes(x, -1, -2)
    flipped = partial_residualise(flip(y), signal=flip(signal), noise=flip(noise), l2=0.5, rowvar=False)
    np.testing.assert_allclose(flip(np.asarray(flipped)), got, 0, 1e-13)


@pytest.mark.parametrize(
    ("error", "words", "options"),
    [
        (ValueError, "Y has shape .20,.; give at least two axes", {"Y": np.ones(20)}),
        (ValueError, "X has shape .20,.*a single series is X.None.", {"X": np.ones(20)}),
        (ValueError, "Y has 20 observations but X has 19", {"X": np.ones((2, 19))}),
        (ValueError, "batch axes .* do not broadcast", {"Y": np.ones((2, 3, 20)), "X": np.ones((3, 2, 20))}),
        (TypeError, "X has dtype complex64; give real numbers", {"X": np.ones((2, 20), np.complex64)}),
        (
            ValueError,
            "return_mode='orthogonal' is unknown; it is one of 'residual'",
            {"return_mode": "orthogonal"},
        ),
        (ValueError, "method='lu' is unknown", {"method": "lu"}),
        (ValueError, "shrinkage='stein' is unknown", {"shrinkage": "stein"}),
        (ValueError, "l2=-1.0 must be finite and not negative", {"l2": -1.0}),
        (ValueError, "weights has shape .19,. but there are 20 observations", {"weights": np.ones(19)}),
        (ValueError, "weights holds -1.0", {"weights": -np.ones(20)}),
        (ValueError, "weights holds nan", {"weights": np.full(20, np.nan)}),
        (ValueError, "both were given", {"weights": np.ones(20), "weight_matrix": np.eye(20)}),
        (ValueError, "weight_matrix has shape .20,.*or a vector as weights", {"weight_matrix": np.ones(20)}),
        (ValueError, "not symmetric .it differs from its transpose by 1", {"weight_matrix": np.tri(20)}),
        (ValueError, "eigenvalue -1; it must be positive semidefinite", {"weight_matrix": -np.eye(20)}),
        (
            ValueError,
            "there are 21 of them for 20 observations",
            {"X": np.ones((21, 20)), "method": "cholesky"},
        ),
    ],
    ids=str,
)
def test_refusals_say_what_to_do(unchecked, error, words, options):
    operands = {"Y": np.ones((3, 20)), "X": np.ones((2, 20))} | options
    with pytest.raises(error, match=f"^residualise: .*{words}"):
        residualise(operands.pop("Y"), operands.pop("X"), **operands)


def test_refusals_of_two_sets_of_regressors(unchecked):
    y = np.ones((3, 20))
    with pytest.raises(ValueError, match="signal has 20 observations but noise has 19"):
        partial_residualise(y, signal=y, noise=np.ones((1, 19)))
    with pytest.raises(ValueError, match="Y has 20 observations but .signal, noise. has 19"):
        partial_residualise(y, signal=np.ones((1, 19)), noise=np.ones((1, 19)))
    with pytest.raises(ValueError, match="of signal and .* of noise do not broadcast"):
        partial_residualise(y, signal=np.ones((2, 1, 20)), noise=np.ones((3, 1, 20)))


@pytest.mark.slow
def test_bad_numbers_that_are_traced_give_nan():
    y, x = jnp.asarray(normal(2, 20)), jnp.asarray(normal(3, 20, seed=1))
    assert np.isnan(jax.jit(lambda w: residualise(y, x, weights=w))(-jnp.ones(20))).all()
    assert np.isnan(jax.jit(lambda l2: residualise(y, x, l2=l2))(-1.0)).all()
    assert np.isnan(jax.jit(lambda W: residualise(y, x, weight_matrix=W))(-jnp.eye(20))).all()
