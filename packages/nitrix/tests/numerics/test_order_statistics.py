"""Percentiles and medians against NumPy and the definition: dtypes, masks, exact ranks, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nitrix.numerics import median, percentile
from nitrix.numerics.order_statistics import METHODS
from support import normalize as oracles
from support.gradients import check_gradients
from support.marks import seldom_but
from support.memory import compiled_memory, form

KINDS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float16", "bfloat16", "float32"]


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((5, 40), -1),  # rows side by side
        ((3, 2001), -1),  # long rows, each for itself, not a multiple of anything
        ((33, 4), 0),
        ((4, 5, 6), (2, 0)),
        pytest.param((4, 5, 6), None, marks=pytest.mark.slow),
        pytest.param((7, 1), -1, marks=pytest.mark.slow),
    ],
)
def test_percentiles_are_numpys(shape, axis):
    x = normal(*shape)
    q = [0, 12.5, 50, 99.3, 100]
    got = percentile(x, q, axis=axis)
    np.testing.assert_allclose(got, np.percentile(x.astype(float), q, axis=axis), rtol=5e-7, atol=1e-8)
    kept = percentile(x, 30.0, axis=axis, keepdims=True)
    assert kept.shape == np.percentile(x, 30, axis=axis, keepdims=True).shape
    np.testing.assert_array_equal(median(x, axis=axis), np.median(x, axis=axis))


def test_many_rows_in_blocks_of_which_the_last_overlaps():
    x = normal(1301, 100, seed=1)
    np.testing.assert_array_equal(median(x, axis=-1), np.median(x, axis=-1))
    np.testing.assert_array_equal(jax.vmap(median)(x[:50]), np.median(x[:50], axis=-1))


@pytest.mark.parametrize("method", seldom_but(METHODS, "nearest"))
def test_methods_are_numpys(method):
    x = normal(8, 5, seed=2)
    q = [0, 12.5, 25, 30, 37.5, 62.5, 90, 100]
    got = percentile(x, q, axis=-1, method=method)
    np.testing.assert_allclose(got, np.percentile(x, q, axis=-1, method=method), rtol=5e-7, atol=1e-8)


@pytest.mark.parametrize("kind", seldom_but(KINDS, "uint16", "bfloat16"))
def test_every_dtype(kind):
    rng = np.random.default_rng(3)
    info = np.iinfo(kind) if "int" in kind else None
    x = rng.integers(info.min, info.max, (3, 18), dtype=kind) if info else 50 * rng.normal(size=(3, 18))
    x = jnp.asarray(x, kind)
    got = percentile(x, 30, axis=-1)
    assert got.dtype == (x.dtype if info is None else np.dtype("float32"))
    want = oracles.percentile(np.asarray(x, np.float64), 30)
    tolerance = {"bfloat16": 4e-3, "float16": 5e-4}.get(kind, 3e-7)
    np.testing.assert_allclose(np.float64(got), want, rtol=tolerance)


def test_wide_dtypes(x64):
    x = np.random.default_rng(4).normal(size=(3, 19))
    np.testing.assert_allclose(
        percentile(x, [1, 77.7], axis=-1), np.percentile(x, [1, 77.7], axis=-1), rtol=1e-15
    )
    big = np.array([2**62 + 1, -(2**62), 5], np.int64)
    assert float(median(big)) == 5.0
    assert float(percentile(big.astype(np.uint64), 100)) == float(np.uint64(2**64 - 2**62))


def test_wide_integers_of_the_host_are_not_cut_off():
    np.testing.assert_allclose(median(np.array([2**40, 2**41, 2**42])), 2.0**41)


def test_booleans_are_0_and_1():
    assert float(percentile(np.array([True, False, True, True]), 25)) == 0.75


def test_zeros_of_both_signs_infinities_and_nan():
    inf = np.float32(np.inf)
    x = np.array([[0.0, -0.0, 1.0], [-inf, 2.0, inf], [3.0, np.nan, 1.0], [inf, inf, inf]], np.float32)
    np.testing.assert_array_equal(median(x, axis=-1), [0, 2, np.nan, inf])
    # Between a number and an infinity lies that infinity; a rank that falls on the number is that number.
    np.testing.assert_array_equal(percentile(x[1], [0, 25, 50, 75, 100]), [-inf, -inf, 2, inf, inf])
    np.testing.assert_array_equal(percentile(x, 10, axis=-1)[2:], [np.nan, inf])


numbers = hnp.arrays(
    np.float32,
    (3, 17),
    elements=st.integers(-4, 4) | st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False),
)


@given(numbers)
def test_properties(x):
    low, mid, high = percentile(x, [0, 50, 100], axis=-1)
    np.testing.assert_array_equal(low, x.min(-1))
    np.testing.assert_array_equal(high, x.max(-1))
    np.testing.assert_array_equal(mid, np.sort(x, -1)[:, 8])
    np.testing.assert_array_equal(median(-x, axis=-1), -np.asarray(mid))
    np.testing.assert_array_equal(median(x[:, ::-1], axis=-1), mid)


def test_between_equal_values_there_is_nothing_else():
    x = np.full((1, 12), 0.1, np.float32)
    np.testing.assert_array_equal(percentile(x, np.linspace(0, 100, 7)), np.float32(0.1))


def test_the_middle_of_huge_values_does_not_overflow():
    assert float(median(np.array([3e38, 3.2e38], np.float32))) == pytest.approx(3.1e38, rel=1e-6)


@pytest.mark.slow
def test_the_rank_is_exact_beyond_the_integers_of_float32():
    n = 2**24 + 3
    x = jax.lax.iota(np.int32, n)
    for q in (99.9999, 33.3):
        want = np.float64(q) / 100 * (n - 1)
        low, high = (int(percentile(x, q, method=m)) for m in ("lower", "higher"))
        assert low in (np.float32(np.floor(want)), np.floor(want))
        assert high in (np.float32(np.ceil(want)), np.ceil(want))
    assert float(percentile(x[: 2**23], 99.9999)) == pytest.approx(0.999999 * (2**23 - 1), abs=0.3)


def test_a_masked_percentile_is_that_of_what_is_kept():
    x = normal(4, 30, seed=5)
    mask = np.random.default_rng(6).random((4, 30)) < 0.6
    x[~mask] = np.nan
    got = percentile(x, [5, 50, 95], axis=-1, mask=mask)
    want = np.stack([np.percentile(row[keep].astype(float), [5, 50, 95]) for row, keep in zip(x, mask)], 1)
    np.testing.assert_allclose(got, want, rtol=5e-7)
    shared = np.arange(30) % 3 > 0
    y = normal(4, 30, seed=7)
    np.testing.assert_array_equal(median(y, axis=-1, mask=shared), np.median(y[:, shared], axis=-1))
    y[0, 1] = np.nan  # which counts
    assert np.isnan(median(y, axis=-1, mask=shared)).tolist() == [True, False, False, False]


def test_where_no_sample_counts_there_is_nan_and_no_derivative():
    mask = np.array([[False] * 4, [True] * 4])
    x = jnp.asarray(normal(2, 4))
    value, slope = jax.value_and_grad(lambda x: jnp.nansum(median(x, axis=-1, mask=mask)))(x)
    assert np.isfinite(value)
    assert np.isnan(median(x, axis=-1, mask=mask)[0])
    np.testing.assert_array_equal(slope[0], 0)
    np.testing.assert_allclose(slope[1].sum(), 1)
    assert np.isnan(median(np.arange(4), mask=mask[0]))


def test_derivatives(x64):
    rng = np.random.default_rng(8)
    x, q = rng.normal(size=(3, 11)), np.array([13.0, 58.0])
    check_gradients(lambda x, q: percentile(x, q, axis=-1), x, q, order=1)


def test_the_derivative_goes_to_the_first_of_equal_samples():
    x = jnp.asarray([2.0, 1.0, 2.0, 2.0, 3.0, 1.0])
    assert jax.grad(median)(x).tolist() == [1, 0, 0, 0, 0, 0]
    assert jax.jvp(median, (x,), (jnp.arange(6.0) + 1,))[1] == 1
    assert jax.grad(lambda x: percentile(x, 25))(x).tolist() == [0.25, 0.75, 0, 0, 0, 0]


def test_nan_under_the_mask_is_harmless_in_the_derivative():
    x = jnp.asarray([1.0, np.nan, 3.0, 4.0])
    slope = jax.grad(lambda x: median(x, mask=~jnp.isnan(x)))(x)
    assert slope.tolist() == [0, 0, 1, 0]


def test_a_traced_percentage():
    x = normal(5, 21, seed=9)
    traced = jax.jit(lambda x, q: percentile(x, q, axis=-1))
    q = np.array([0, 25, 33.3, 100], np.float32)
    np.testing.assert_allclose(traced(x, q), percentile(x, q, axis=-1), rtol=1e-4, atol=1e-5)
    assert np.isnan(traced(x, np.array([-1, 101, np.nan, 100], np.float32))).all(1).tolist() == [1, 1, 1, 0]
    np.testing.assert_allclose(
        jax.vmap(lambda q: percentile(x, q))(q), percentile(x, q), rtol=1e-4, atol=1e-5
    )


def test_the_slope_in_the_percentage():
    x = jnp.asarray([0.0, 10.0, 30.0])
    slope = jax.vmap(jax.grad(lambda q: percentile(x, q)))(jnp.asarray([25.0, 75.0]))
    np.testing.assert_allclose(slope, [0.2, 0.4], rtol=1e-6)


def test_empty_batches():
    assert median(np.zeros((0, 4)), axis=-1).shape == (0,)
    assert percentile(np.zeros((3, 0, 4)), [1, 2], axis=(0, 2)).shape == (2, 0)


def test_memory_is_two_copies_of_the_samples_or_a_block_of_rows():
    assert compiled_memory(lambda x: percentile(x, 99), form(1 << 20)).temporaries < 2.1 * 4 * (1 << 20)
    assert compiled_memory(lambda x: median(x, axis=-1), form(1 << 12, 256)).temporaries < 1 << 19


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: percentile(np.ones(3), 101), ValueError, "q=101 must be from 0 to 100"),
        (lambda: percentile(np.ones(3), [5, np.nan]), ValueError, r"q=\[5.0, nan\] must be from 0 to 100"),
        (lambda: percentile(np.ones(3), np.ones((2, 2))), ValueError, r"q has shape \(2, 2\); give one"),
        (lambda: percentile(np.ones(3), 1j), TypeError, "q has dtype complex64; give real numbers"),
        (
            lambda: percentile(np.ones((3, 0)), 5, axis=1),
            ValueError,
            r"x\(3, 0\) has no samples along axis=1",
        ),
        (lambda: median(np.ones(3), axis=1), ValueError, "median: axis=1 is out of range; x has 1 axes"),
        (lambda: median(np.ones((3, 2)), axis=(0, -2)), ValueError, r"axis=\(0, -2\) names an axis twice"),
        (lambda: median(np.ones(3), mask=np.ones(3)), ValueError, r"mask is float64\[3\]; give truth values"),
        (lambda: median(np.ones(3), mask=np.ones(2, bool)), ValueError, r"bool\[2\]; give .* x\[3\]"),
        (lambda: median(np.ones(3, complex)), TypeError, "median: x has dtype complex128; give real"),
        (
            lambda: percentile(np.ones(3), 5, method="cubic"),
            ValueError,
            "method='cubic' is unknown; .*linear",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
