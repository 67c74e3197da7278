"""Normalisations against their definitions: scale, offset, masks, constants, derivatives."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from nitrix.numerics import (
    demean,
    instance_norm,
    intensity_normalize,
    l2_normalize,
    lp_normalize,
    percentile_rescale,
    psc_normalize,
    robust_zscore_normalize,
    zscore_normalize,
)
from support import normalize as oracles
from support.gradients import check_gradients
from support.marks import seldom_but

SHAPE = (3, 20)
BY_ROWS = functools.partial(percentile_rescale, axis=-1, lo=10, hi=90)
DEFINED = {  # name: (ours, definition)
    "demean": (demean, oracles.demean),
    "zscore": (zscore_normalize, oracles.zscore),
    "robust": (robust_zscore_normalize, oracles.robust_zscore),
    "psc": (psc_normalize, oracles.psc),
    "intensity": (functools.partial(intensity_normalize, axis=-1), oracles.rescaled),
    "rescale": (BY_ROWS, functools.partial(oracles.rescaled, low=10, high=90)),
    "l2": (l2_normalize, functools.partial(oracles.over_norm, p=2)),
    "l1": (functools.partial(lp_normalize, p=1), functools.partial(oracles.over_norm, p=1)),
    "l3.5": (functools.partial(lp_normalize, p=3.5), functools.partial(oracles.over_norm, p=3.5)),
    "linf": (functools.partial(lp_normalize, p=np.inf), functools.partial(oracles.over_norm, p=np.inf)),
    "instance": (
        functools.partial(instance_norm, axes=-1, eps=0.5),
        functools.partial(oracles.instance_norm, eps=0.5),
    ),
}
MASKED = ("demean", "zscore", "robust", "psc", "intensity", "rescale")
SCALE_FREE = [name for name in DEFINED if name not in ("demean", "instance")]


def samples(offset=0.0, scale=1.0, seed=0):
    return (offset + scale * np.random.default_rng(seed).normal(size=SHAPE)).astype(np.float32)


@pytest.mark.fast
@pytest.mark.parametrize("name", DEFINED)
def test_definitions(name):
    ours, definition = DEFINED[name]
    x = samples(offset=2)
    np.testing.assert_allclose(ours(x), definition(x), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", seldom_but(SCALE_FREE, "zscore", "robust", "psc", "l3.5"))
@pytest.mark.parametrize("scale", [1e-20, 1e20])
def test_the_scale_of_the_samples_makes_no_difference(name, scale):
    ours, definition = DEFINED[name]
    x = samples(offset=3 * scale, scale=scale)
    np.testing.assert_allclose(ours(x), definition(np.float64(x)), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("mean", [-1e-12, 1e-13, -5.0])
def test_per_cent_of_change_from_small_and_negative_means(mean):
    x = np.array([0.5, 1.0, 1.5], np.float32) * np.float32(mean)
    np.testing.assert_allclose(psc_normalize(x), [-50, 0, 50], rtol=1e-5, atol=1e-5)


def test_an_offset_costs_no_accuracy():
    x = samples(offset=1e4)
    np.testing.assert_allclose(zscore_normalize(x), oracles.zscore(x), rtol=0, atol=1e-6)
    np.testing.assert_allclose(demean(x), oracles.demean(x), rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        instance_norm(x, axes=-1, eps=0), oracles.instance_norm(x, 0), rtol=0, atol=1e-6
    )


def test_zscores_are_scipys():
    x = samples().reshape(3, 4, 5)
    got = zscore_normalize(x, axis=(0, 2))
    want = (
        scipy.stats.zscore(x.transpose(1, 0, 2).reshape(4, -1), axis=-1).reshape(4, 3, 5).transpose(1, 0, 2)
    )
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["zscore", "robust", "intensity", "rescale", "psc", "demean"])
def test_constant_samples_give_0_with_a_finite_derivative(name):
    ours = DEFINED[name][0]
    for value in (0.1, 0.0):  # 0.1 has no exact mean
        x = jnp.full(SHAPE, value)
        np.testing.assert_array_equal(ours(x), 0)
        slope = jax.grad(lambda x: jnp.sum(ours(x) * jnp.arange(20.0)))(x)
        assert np.isfinite(slope).all()


@pytest.mark.parametrize("name", ["l2", "l1", "l3.5", "linf"])
def test_a_vector_of_zeros_stays_0_with_a_finite_derivative(name):
    ours = DEFINED[name][0]
    x = jnp.zeros(SHAPE).at[1, 2].set(2.0)
    want = np.zeros(SHAPE)
    want[1, 2] = 1
    np.testing.assert_array_equal(ours(x), want)
    assert np.isfinite(jax.grad(lambda x: jnp.sum(ours(x) * jnp.arange(20.0)))(x)).all()


def test_an_image_of_background_is_0_with_a_finite_derivative():
    x = jnp.zeros(1000).at[3].set(7.0)  # the 99th percentile is the minimum
    np.testing.assert_array_equal(intensity_normalize(x), 0)
    assert np.isfinite(jax.grad(lambda x: jnp.sum(intensity_normalize(x) ** 2))(x)).all()


@pytest.mark.parametrize("name", seldom_but(MASKED, "zscore"))
def test_what_the_mask_leaves_out_is_never_read(name):
    ours, definition = DEFINED[name]
    mask = np.arange(20) % 4 != 1
    x = samples(offset=2)
    rest = definition(x[:, mask])
    x[:, ~mask] = np.nan
    got = ours(x, mask=mask)
    np.testing.assert_allclose(got[:, mask], rest, rtol=2e-6, atol=1e-6)
    assert np.isnan(got[:, ~mask]).all()
    slope = jax.grad(lambda x: jnp.sum(jnp.where(mask, ours(x, mask=mask), 0) ** 3))(jnp.asarray(x))
    assert np.isfinite(slope).all()
    np.testing.assert_array_equal(slope[:, ~mask], 0)


def test_all_samples_are_evaluated_with_the_mean_of_the_kept():
    x, mask = samples(), np.arange(20) < 15
    got = zscore_normalize(x, mask=mask)
    want = (x - x[:, mask].mean(-1, keepdims=True)) / x[:, mask].std(-1, keepdims=True)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_where_nothing_counts_there_is_nan_and_no_derivative():
    x = jnp.asarray(samples())
    mask = np.array([[True], [False], [True]])
    for name in MASKED:
        ours = DEFINED[name][0]
        assert np.isnan(ours(x, mask=mask)).all(1).tolist() == [False, True, False]
        assert np.isfinite(jax.grad(lambda x: jnp.nansum(ours(x, mask=mask) ** 2))(x)).all()


@pytest.mark.parametrize("name", ["demean", "zscore", "psc"])
def test_weights(name):
    ours, definition = DEFINED[name]
    x, weights = samples(offset=1), np.random.default_rng(1).random(SHAPE).astype(np.float32)
    np.testing.assert_allclose(
        ours(x, weights=weights), definition(x, np.float64(weights)), rtol=2e-5, atol=1e-4
    )
    counts = np.arange(20) % 3
    repeated = np.repeat(x, counts, axis=-1)
    want = np.repeat(ours(x, weights=counts), counts, axis=-1)
    np.testing.assert_allclose(definition(repeated), want, rtol=2e-5, atol=1e-4)


def test_background_stays_0():
    x = samples(offset=3)
    x[:, ::3] = 0
    got = zscore_normalize(x, nonzero_mask=True)
    np.testing.assert_array_equal(got[:, ::3], 0)
    inside = np.arange(20) % 3 > 0
    np.testing.assert_allclose(got[:, inside], oracles.zscore(x[:, inside]), rtol=1e-5, atol=1e-6)


def test_a_tolerance_counts_as_nothing_to_divide_by():
    x = 1e-3 * samples()
    for ours in (zscore_normalize, robust_zscore_normalize, psc_normalize, BY_ROWS, l2_normalize):
        np.testing.assert_array_equal(ours(x, eps=0.1), 0)


def test_an_image_in_0_to_1():
    x = samples(offset=-50, scale=9).reshape(3, 4, 5)
    got = intensity_normalize(x)
    np.testing.assert_allclose(got.reshape(-1), oracles.rescaled(x.reshape(-1)), rtol=2e-6, atol=1e-6)
    assert got.min() == 0
    assert got.max() == 1
    beyond = percentile_rescale(x, clip=False)
    np.testing.assert_allclose(
        beyond.reshape(-1), oracles.rescaled(x.reshape(-1), clip=False), rtol=2e-6, atol=1e-6
    )
    assert beyond.max() > 1


@pytest.mark.parametrize("name", ["zscore", "intensity"])
@pytest.mark.parametrize("kind", ["int16", "bfloat16"])
def test_integers_are_promoted_and_narrow_floats_computed_wide(name, kind):
    ours, definition = DEFINED[name]
    x = jnp.asarray(samples(scale=300), kind)
    got = ours(x)
    assert got.dtype == (np.dtype("float32") if kind == "int16" else x.dtype)
    tolerance = 1e-5 if kind == "int16" else 1e-2
    np.testing.assert_allclose(np.float64(got), definition(np.float64(x)), rtol=tolerance, atol=tolerance)


def test_wide_integers_of_the_host_are_not_cut_off():
    x = np.array([2**40, 2**41, 2**42])
    np.testing.assert_allclose(l2_normalize(x), x / np.sqrt((x.astype(float) ** 2).sum()), rtol=1e-6)


@pytest.mark.parametrize("name", seldom_but(list(DEFINED), "zscore", "robust", "rescale"))
def test_derivatives(name, x64):
    ours, definition = DEFINED[name]
    x = np.random.default_rng(2).normal(size=(2, 7)) + 2
    np.testing.assert_allclose(ours(x), definition(x), rtol=1e-13, atol=1e-13)
    check_gradients(ours, x, order=1, step=1e-6)


@pytest.mark.slow
def test_derivatives_in_weights(x64):
    x, weights = np.random.default_rng(3).normal(size=(2, 7)), np.random.default_rng(4).random((2, 7)) + 0.5
    check_gradients(lambda x, w: zscore_normalize(x, weights=w), x, weights, order=1)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: demean(np.ones(3), axis=2), ValueError, "demean: axis=2 is out of range; x has 1 axes"),
        (
            lambda: demean(np.ones(3), weights=-np.ones(3)),
            ValueError,
            "weights must be finite and not negative",
        ),
        (
            lambda: demean(np.ones(3), weights=np.ones(2)),
            ValueError,
            r"weights\[2\] do not broadcast to x\[3\]",
        ),
        (lambda: zscore_normalize(np.ones(3), eps=-1), ValueError, "eps=-1 must be finite and not negative"),
        (lambda: zscore_normalize(np.ones(3) * 1j), TypeError, "zscore_normalize: x has dtype complex"),
        (lambda: psc_normalize(np.ones(3), mask=np.ones(3)), ValueError, r"mask is float64\[3\]; give truth"),
        (
            lambda: robust_zscore_normalize(np.ones((2, 0))),
            ValueError,
            r"x\[2, 0\] has no samples along axis=-1",
        ),
        (
            lambda: percentile_rescale(np.ones(3), lo=99),
            ValueError,
            "lo=99 and hi=99.0 must rise, from 0 to 100",
        ),
        (
            lambda: intensity_normalize(np.ones(3), high_percentile=101),
            ValueError,
            "low_percentile=0.0 and high_percentile=101 must rise",
        ),
        (lambda: lp_normalize(np.ones(3), p=0.5), ValueError, "p=0.5 must be at least 1"),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
