import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from nitrix import semiring
from nitrix.semiring import Semiring, semiring_conv, semiring_matmul
from nitrix.semiring._plain.conv import taps
from support import conv_cases, oracles
from support.gradients import QUICK_COMPILE, check_gradients

from .test_algebra import VARIANCE

# Image, taps, channels in and out, options: every rank, and every way to place the taps.
CASES = [
    ((11,), (4,), 3, 2, {}),
    ((12,), (3,), 2, 3, {"stride": 2, "dilation": 2, "padding": [(3, 1)]}),
    ((6, 9), (3, 2), 2, 3, {"padding": "VALID"}),
    ((7, 8), (2, 5), 1, 2, {"stride": (2, 3), "padding": "SAME"}),
    ((5, 4, 6), (2, 3, 3), 2, 2, {"stride": (1, 2, 1), "dilation": (2, 1, 1)}),
    ((3, 4, 3, 4), (2, 1, 2, 3), 1, 2, {"padding": [(1, 0), (0, 2), (0, 0), (1, 1)]}),
]
IDS = [f"{len(case[0])}-D {' '.join(case[4]) or 'SAME'}" for case in CASES]


def case(image, sizes, c_in, c_out, name="real", dtype=np.float32, batch=()):
    rng = np.random.default_rng(zlib.crc32(repr((image, sizes)).encode()))
    x, k = rng.normal(size=(*batch, *image, c_in)), rng.normal(size=(*sizes, c_in, c_out))
    return (x > 0.8, k > 0.8) if name == "boolean" else (x.astype(dtype), k.astype(dtype))


def conv(name, **options):
    return lambda x, k: semiring_conv(x, k, semiring=oracles.ALGEBRAS[name], **options)


def quick(name, **options):
    """The same, compiled in a fraction of the time."""
    return jax.jit(conv(name, **options), compiler_options=QUICK_COMPILE)


def value_and_cotangents(name, x, k, g, **options):
    def run(x, k, g):
        out, pull = jax.vjp(conv(name, **options), x, k)
        return out, *pull(g)

    return jax.jit(run, compiler_options=QUICK_COMPILE)(x, k, g)


@pytest.fixture
def short_steps(monkeypatch):
    """Few terms in a step: the loops and their remainders, at a fraction of the compile time."""
    monkeypatch.setattr(taps, "FEWEST", 2)
    monkeypatch.setattr(taps, "MOST", 4)


@pytest.mark.fast
@pytest.mark.parametrize("name", oracles.ALGEBRAS)
@pytest.mark.parametrize("given", CASES, ids=IDS)
def test_matches_definition(name, given):
    x, k = case(*given[:4], name)
    got = quick(name, **given[4])(x, k)
    assert got.dtype == (bool if name == "boolean" else np.float32)
    np.testing.assert_allclose(got, conv_cases.conv(name, x, k, **given[4]), 3e-6, 3e-6)


@pytest.mark.parametrize("name", oracles.ALGEBRAS)
def test_matches_definition_in_64_bits(name, x64):
    x, k = case(*CASES[1][:4], name, np.float64)
    np.testing.assert_allclose(
        quick(name, **CASES[1][4])(x, k), conv_cases.conv(name, x, k, **CASES[1][4]), 1e-14, 1e-14
    )


@pytest.mark.parametrize("given", [CASES[1], CASES[3], CASES[4]], ids=[IDS[1], IDS[3], IDS[4]])
def test_real_is_the_convolution_of_lax(given, x64):
    x, k = (jnp.asarray(a) for a in case(*given[:4], dtype=np.float64))
    rank, options = len(given[0]), given[4]
    each = lambda v: (v,) * rank if isinstance(v, int) else v
    spatial = "DHW"[-rank:]

    def rival(x, k):
        return lax.conv_general_dilated(
            x[None],
            k,
            each(options.get("stride", 1)),
            options.get("padding", "SAME"),
            rhs_dilation=each(options.get("dilation", 1)),
            dimension_numbers=(f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"),
        )[0]

    (out, pull), (wanted, wanted_pull) = (jax.vjp(f, x, k) for f in (conv("real", **options), rival))
    np.testing.assert_allclose(out, wanted, 1e-12, 1e-12)
    g = jnp.cos(jnp.arange(out.size, dtype=float)).reshape(out.shape)
    for got, exact in zip(pull(g), wanted_pull(g)):
        np.testing.assert_allclose(got, exact, 1e-12, 1e-12)


@pytest.mark.parametrize("name", oracles.ALGEBRAS)
def test_a_single_tap_is_the_matrix_product(name):
    x, k = case((7,), (1,), 5, 3, name)
    got = quick(name)(x, k)
    np.testing.assert_allclose(got, semiring_matmul(x, k[0], semiring=oracles.ALGEBRAS[name]), 1e-6, 1e-6)


@pytest.mark.parametrize("name", ["real", "log", "tropical_max_plus", "euclidean"])
@pytest.mark.parametrize(
    ("image", "sizes", "c_in"), [((40,), (37,), 1), ((5, 6), (2, 3), 37), ((9, 7), (5, 11), 1), ((6,), (2,), 48)]
)
def test_kernels_of_many_terms_are_taken_in_steps(name, image, sizes, c_in):
    x, k = case(image, sizes, c_in, 2)
    np.testing.assert_allclose(quick(name)(x, k), conv_cases.conv(name, x, k), 2e-5, 2e-5)


@pytest.mark.parametrize("given", [CASES[1], CASES[4]], ids=[IDS[1], IDS[4]])
@pytest.mark.parametrize("name", oracles.REAL_VALUED)
def test_gradient_matches_definition_in_blocks_too(name, given, monkeypatch, short_steps):
    x, k = case(*given[:4])
    x = x * 200 if name == "log" and len(given[0]) == 1 else x  # the streaming form
    g = np.random.default_rng(0).normal(size=conv_cases.conv(name, x, k, **given[4]).shape).astype(np.float32)
    wanted = conv_cases.conv_and_cotangents(name, x, k, g, **given[4])
    monkeypatch.setattr(taps, "STATE_ENTRIES", 20)  # the last block overlaps the one before it
    monkeypatch.setattr(taps, "LANES", 1)
    for got, exact in zip(value_and_cotangents(name, x, k, g, **given[4]), wanted):
        np.testing.assert_allclose(got, exact, 2e-5, 2e-5)


@pytest.mark.parametrize("name", ["real", "tropical_min_plus", "log"])
def test_batches(name, monkeypatch, short_steps):
    x, k = case((5, 4), (2, 3), 2, 2, batch=(2, 3))
    wanted = conv_cases.conv(name, x, k, stride=2)
    np.testing.assert_allclose(quick(name, stride=2)(x, k), wanted, 3e-6, 3e-6)
    monkeypatch.setattr(semiring.conv, "STATE_ENTRIES", 80)  # two images at a time
    np.testing.assert_allclose(quick(name, stride=(2, 2))(x[:, :2], k), wanted[:, :2], 3e-6, 3e-6)
    got = jax.jit(jax.vmap(conv(name, stride=2)), compiler_options=QUICK_COMPILE)(x, np.stack([k, 2 * k]))
    np.testing.assert_allclose(got[1], conv_cases.conv(name, x[1], 2 * k, stride=2), 3e-6, 3e-6)


@pytest.mark.parametrize("name", oracles.REAL_VALUED)
def test_derivatives_of_both_orders_and_modes(name, x64, short_steps):
    x, k = case((6,), (3,), 1, 2, dtype=np.float64)
    check_gradients(conv(name, stride=2), x, k, forward=name not in ("log", "euclidean"))
    if name == "log":  # streamed
        check_gradients(conv(name, stride=2), x * 900, k * 900, forward=False, step=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", ["log", "tropical_max_plus", "tropical_min_plus"])
def test_nan_and_infinities(name, short_steps):
    algebra = oracles.ALGEBRAS[name]
    zero = algebra.annihilator
    x, k = case((14,), (4,), 2, 4)
    x[3, 1], x[8], x[12, 0] = np.nan, zero, -zero
    k[0, 1, 0], k[3, 0, 1], k[2, 1, 2], k[:, :, 3] = np.nan, -zero, zero, zero
    wanted = conv_cases.conv(name, x, k)
    finite = np.isfinite(wanted).astype(np.float32)
    out, *cotangents = value_and_cotangents(name, x, k, finite)
    np.testing.assert_allclose(out, wanted, 1e-6, 1e-6)
    assert np.isnan(wanted).any()
    assert not np.isnan(wanted[:, 1]).all()
    for cotangent in cotangents:
        assert np.isfinite(cotangent).all()


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("name", oracles.REAL_VALUED)
def test_what_stands_beyond_the_border_never_enters(name, wrong):
    x, k = case((6, 5), (3, 3), 1, 2)
    k[0, 1, 0, 1] = wrong  # above the first row there is nothing
    x = np.abs(x) + 1
    got = quick(name)(x, k)
    np.testing.assert_allclose(got, conv_cases.conv(name, x, k), 1e-6, 1e-6)
    assert np.isfinite(got[0]).all()
    if name != "tropical_min_plus" or np.isnan(wrong):
        assert not np.isfinite(got[1:, :, 1]).any()


@pytest.mark.fast
def test_log_at_any_magnitude_and_half_empty(short_steps):
    x, k = case((9, 7), (2, 3), 1, 2)
    empty = np.where(np.arange(9)[:, None, None] < 5, -np.inf, x).astype(np.float32)
    for a, b in ((x * 1e4, k), (x, k * 1e4), (x + 1e4, k - 1e4), (x * 1e38, k * 1e37), (empty, k)):
        wanted = conv_cases.conv("log", a, b)
        out, dx, dk = value_and_cotangents("log", a, b, np.ones_like(wanted, np.float32))
        np.testing.assert_allclose(out, wanted, 5e-7, 5e-7)
        # Shares of each entry add up to one, but for those of an empty sum.
        np.testing.assert_allclose([dx.sum(), dk.sum()], [np.isfinite(wanted).sum()] * 2, 1e-5)
        np.testing.assert_array_equal(dx[np.isneginf(a)], 0)


@pytest.mark.parametrize("magnitude", [1e-30, 1.0, 1e30])
def test_euclidean_neither_cancels_nor_overflows(magnitude):
    rng = np.random.default_rng(6)
    x = (1 + 1e-6 * rng.normal(size=(7, 6, 2))) * magnitude
    k = (1 + 1e-6 * rng.normal(size=(2, 3, 2, 2))) * magnitude
    x, k = x.astype(np.float32), k.astype(np.float32)
    np.testing.assert_allclose(quick("euclidean")(x, k), conv_cases.conv("euclidean", x, k), 1e-6)


def test_zero_distance_has_gradient_zero():
    x, k = jnp.ones((5, 4, 1)), jnp.ones((2, 2, 1, 1))
    for gradient in jax.grad(lambda x, k: conv("euclidean")(x, k).sum(), (0, 1))(x, k):
        np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("name", ["tropical_max_plus", "tropical_min_plus"])
def test_ties_take_the_first_term_within_the_border(name):
    dx, dk = jax.grad(lambda x, k: conv(name)(x, k).sum(), (0, 1))(jnp.ones((4, 2)), jnp.ones((3, 2, 1)))
    np.testing.assert_array_equal(dx, [[2, 0], [1, 0], [1, 0], [0, 0]])
    np.testing.assert_array_equal(dk[..., 0], [[3, 0], [1, 0], [0, 0]])


@pytest.mark.parametrize("name", ["tropical_max_plus", "log"])
def test_an_entry_without_terms_has_derivative_zero(name):
    x = jnp.full((5, 1), -jnp.inf)
    for gradient in jax.grad(lambda x, k: conv(name)(x, k).sum(), (0, 1))(x, jnp.ones((3, 1, 1))):
        np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("name", oracles.ALGEBRAS)
def test_nothing_to_sum_is_the_identity(name):
    algebra = oracles.ALGEBRAS[name]
    for x, k, shape in [
        ((4, 3, 0), (2, 2, 0, 3), (4, 3, 3)),
        ((4, 2), (0, 2, 3), (5, 3)),
        ((0, 4, 2), (3, 2, 3), (0, 4, 3)),
        ((4, 2), (3, 2, 0), (4, 0)),
    ]:
        out = semiring_conv(jnp.zeros(x), jnp.zeros(k), semiring=algebra, padding="SAME")
        assert out.shape == shape
        assert (np.asarray(out) == algebra.identity).all()
    assert semiring_conv(jnp.zeros((2, 2, 1)), jnp.zeros((2, 3, 1, 1)), padding="VALID").shape == (1, 0, 1)
    beyond = semiring_conv(jnp.ones((2, 1)), jnp.ones((2, 1, 1)), semiring=algebra, padding=[(3, 3)])
    assert (np.asarray(beyond)[[0, 1, -2, -1]] == algebra.identity).all()


@pytest.mark.fast
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("name", ["real", "log", "tropical_max_plus"])
def test_short_floats_accumulate_in_float32(name, dtype, short_steps):
    wanted = {"real": 4096, "log": 2 + np.log(4096), "tropical_max_plus": 2}[name]
    out = quick(name, padding="VALID")(jnp.ones((4096, 1), dtype), jnp.ones((4096, 1, 1), dtype))
    assert out.dtype == dtype
    assert out.astype(jnp.float32) == jnp.asarray(wanted, dtype).astype(jnp.float32)


def test_other_dtypes():
    x, k = np.arange(8)[:, None], np.array([1, -2, 1])[:, None, None]
    out = semiring_conv(x, k, padding="VALID")
    assert out.dtype == jnp.int32
    np.testing.assert_array_equal(out, np.zeros((6, 1)))
    assert semiring_conv(x, k, semiring=semiring.TROPICAL_MAX_PLUS).dtype == jnp.float32
    np.testing.assert_allclose(semiring_conv(x * 1j, k + 0j)[1:-1], np.zeros((6, 1)))
    with pytest.raises(TypeError, match="semiring_conv: the algebra 'log' is about real numbers"):
        semiring_conv(x * 1j, k + 0j, semiring=semiring.LOG)


def test_a_users_algebra_is_one_sum_over_the_terms_within_the_border():
    x, k = case((6, 5), (3, 2), 2, 3)
    wanted = conv_cases.conv_by(np.multiply, lambda terms, axis: terms.var(axis), x, k)
    got = semiring_conv(x, k, semiring=VARIANCE)
    np.testing.assert_allclose(got, wanted, 1e-5, 1e-6)
    with pytest.raises(TypeError, match="convolutions over the algebra .* are forward-only.*custom_vjp"):
        jax.grad(lambda x: semiring_conv(x, k, semiring=VARIANCE).sum())(x)


def test_a_state_without_entries_for_each_result_is_refused_at_a_border():
    class Stacked:
        def init(self, shape, dtype):
            return jnp.zeros((2, *shape), dtype)

        def update(self, state, value):
            return jnp.stack([state[0] + value, state[1] + 1])

        def merge(self, left, right):
            return left + right

        def finalize(self, state):
            return state[0] / state[1]

    mean = Semiring(Stacked(), semiring.REAL.binary_op, "mean", identity=0.0)
    x, k = case((6,), (3,), 1, 2)
    np.testing.assert_allclose(
        semiring_conv(x, k, semiring=mean, padding="VALID"),
        conv_cases.conv_by(np.multiply, np.mean, x, k, padding="VALID"),
        1e-6,
    )
    with pytest.raises(TypeError, match="the state of the algebra 'mean' has an array of shape .*padding='VALID'"):
        semiring_conv(x, k, semiring=mean)


def test_boolean_has_no_derivative_and_says_so():
    with pytest.raises(TypeError, match="semiring_conv over the algebra 'boolean' is not differentiable"):
        jax.grad(lambda x: conv("boolean")(x, jnp.ones((2, 1, 1))).astype(jnp.float32).sum())(jnp.ones((3, 1)))


@pytest.mark.parametrize("name", ["log", "euclidean"])
def test_forward_mode_is_refused_by_jax(name):
    x, k = case((4,), (2,), 1, 1)
    with pytest.raises(TypeError, match="custom_vjp"):
        jax.jvp(lambda x: conv(name)(x, k), (x,), (x,))


X, K = np.ones((4, 5, 3), np.float32), np.ones((2, 2, 3, 6), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: semiring_conv(X, K[0, 0]), ValueError, r"k has shape \(3, 6\).*take semiring_matmul"),
        (lambda: semiring_conv(X[0], K), ValueError, r"k \(2, 2, 3, 6\) has 2 spatial axes.*3 axes at least"),
        (lambda: semiring_conv(X[..., :2], K), ValueError, r"x \(4, 5, 2\) has 2 channels and k .* takes 3"),
        (lambda: semiring_conv(X, K, stride=0), ValueError, "stride=0 must be at least 1"),
        (lambda: semiring_conv(X, K, stride=1.5), TypeError, "stride=1.5 must be an integer"),
        (lambda: semiring_conv(X, K, dilation=(1, 2, 3)), ValueError, r"dilation has shape \(3,\) but 2 axes"),
        (lambda: semiring_conv(X, K, dilation=-1), ValueError, "dilation=-1 must be at least 1"),
        (lambda: semiring_conv(X, K, padding="same"), ValueError, "padding='same' must be 'SAME', 'VALID'"),
        (lambda: semiring_conv(X, K, padding=[(1, 1)]), ValueError, "for each of the 2 spatial axes"),
        (lambda: semiring_conv(X, K, padding=2), ValueError, "padding=2 must be 'SAME'"),
        (lambda: semiring_conv(X, K, padding=[(1, 1), (0.5, 1)]), ValueError, "pair .* of integers"),
        (lambda: semiring_conv(X, K, padding=[(1, -1), (0, 1)]), ValueError, "must not be negative; slice x"),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words, unchecked):
    with pytest.raises(error, match=words):
        call()
