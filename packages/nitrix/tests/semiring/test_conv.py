import functools
import zlib
from functools import partial

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from nitrix import semiring
from nitrix.semiring import semiring_conv, semiring_matmul
from nitrix.semiring._plain.conv import taps
from scipy import ndimage
from support import conv_cases, oracles
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but
from support.memory import form
from support.strategies import matrices

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


@functools.cache
def _quick(name, options):
    return jax.jit(conv(name, **dict(options)), compiler_options=QUICK_COMPILE)


def quick(name, **options):
    """The same, compiled in a fraction of the time."""
    return _quick(name, tuple((o, tuple(v) if isinstance(v, list) else v) for o, v in options.items()))


def _value_and_cotangents(name, x, k, g, **options):
    out, pull = jax.vjp(conv(name, **options), x, k)
    return out, *pull(g)


@functools.cache
def _compiled(name, options):
    run = partial(_value_and_cotangents, name, **dict(options))
    return jax.jit(run, compiler_options=QUICK_COMPILE)


def value_and_cotangents(name, x, k, g, **options):
    return _compiled(name, tuple((o, tuple(v) if isinstance(v, list) else v) for o, v in options.items()))(
        x, k, g
    )


@pytest.fixture
def short_steps(monkeypatch):
    """Few terms in a step: the loops and their remainders, at a fraction of the compile time."""
    monkeypatch.setattr(taps, "FEWEST", 2)
    monkeypatch.setattr(taps, "MOST", 4)


@pytest.mark.covering
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


@pytest.mark.parametrize("given", [CASES[1], CASES[4]], ids=[IDS[1], IDS[4]])
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

    def both(x, k):
        wanted, pull = jax.vjp(rival, x, k)
        g = jnp.cos(jnp.arange(wanted.size, dtype=float)).reshape(wanted.shape)
        out, own_pull = jax.vjp(conv("real", **options), x, k)
        return (wanted, *pull(g)), (out, *own_pull(g))

    for exact, got in zip(*jax.jit(both, compiler_options=QUICK_COMPILE)(x, k)):
        np.testing.assert_allclose(got, exact, 1e-12, 1e-12)


@pytest.mark.parametrize("name", oracles.ALGEBRAS)
def test_a_single_tap_is_the_matrix_product(name):
    x, k = case((7,), (1,), 5, 3, name)
    got = quick(name)(x, k)
    np.testing.assert_allclose(got, semiring_matmul(x, k[0], semiring=oracles.ALGEBRAS[name]), 1e-6, 1e-6)


@pytest.mark.covering
@pytest.mark.parametrize("name", ["real", "log", "tropical_max_plus", "euclidean"])
@pytest.mark.parametrize(
    ("image", "sizes", "c_in"),
    [((40,), (37,), 1), ((5, 6), (2, 3), 37), ((9, 7), (5, 11), 1), ((6,), (2,), 48)],
)
def test_kernels_of_many_terms_are_taken_in_steps(name, image, sizes, c_in):
    x, k = case(image, sizes, c_in, 2)
    np.testing.assert_allclose(quick(name)(x, k), conv_cases.conv(name, x, k), 2e-5, 2e-5)


@pytest.mark.parametrize("given", [CASES[1], CASES[4]], ids=[IDS[1], IDS[4]])
@pytest.mark.parametrize("name", seldom_but(oracles.REAL_VALUED, "log", "tropical_max_plus"))
def test_gradient_matches_definition_in_blocks_too(name, given, monkeypatch, short_steps):
    x, k = case(*given[:4])
    x = x * 200 if name == "log" and len(given[0]) == 1 else x  # the streaming form
    g = np.random.default_rng(0).normal(size=conv_cases.conv(name, x, k, **given[4]).shape).astype(np.float32)
    wanted = conv_cases.conv_and_cotangents(name, x, k, g, **given[4])
    monkeypatch.setattr(taps, "STATE_ENTRIES", 20)  # the last block overlaps the one before it
    monkeypatch.setattr(taps, "LANES", 1)
    for got, exact in zip(value_and_cotangents(name, x, k, g, **given[4]), wanted):
        np.testing.assert_allclose(got, exact, 2e-5, 2e-5)


@pytest.mark.parametrize("name", ["real", "tropical_min_plus"])
def test_batches(name, monkeypatch, short_steps):
    x, k = case((5, 4), (2, 3), 2, 2, batch=(2, 3))
    wanted = conv_cases.conv(name, x, k, stride=2)
    np.testing.assert_allclose(quick(name, stride=2)(x, k), wanted, 3e-6, 3e-6)
    monkeypatch.setattr(semiring.conv, "STATE_ENTRIES", 80)  # two images at a time
    np.testing.assert_allclose(quick(name, stride=(2, 2))(x[:, :2], k), wanted[:, :2], 3e-6, 3e-6)
    got = jax.jit(jax.vmap(conv(name, stride=2)), compiler_options=QUICK_COMPILE)(x, np.stack([k, 2 * k]))
    np.testing.assert_allclose(got[1], conv_cases.conv(name, x[1], 2 * k, stride=2), 3e-6, 3e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", seldom_but(oracles.REAL_VALUED, "log"))
def test_derivatives_of_both_orders_and_modes(name, x64, short_steps):
    x, k = case((6,), (3,), 1, 2, dtype=np.float64)
    check_gradients(conv(name, stride=2), x, k, forward=name not in ("log", "euclidean"))


@pytest.mark.slow
def test_derivatives_of_the_streamed_log(x64, short_steps):
    x, k = case((6,), (3,), 1, 2, dtype=np.float64)
    check_gradients(conv("log", stride=2), x * 900, k * 900, forward=False, step=1e-6, rtol=1e-5)


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
@pytest.mark.parametrize("name", seldom_but(oracles.REAL_VALUED, "log", "tropical_max_plus"))
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
    x, k = case((40,), (3,), 1, 2)
    empty = np.where(np.arange(40)[:, None] < 20, -np.inf, x).astype(np.float32)
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
def test_an_entry_without_terms_has_derivative_zero(name, short_steps):
    x, k = np.full((5, 1), -np.inf, np.float32), np.ones((3, 1, 1), np.float32)
    _, *cotangents = value_and_cotangents(name, x, k, np.ones((5, 1), np.float32))
    for cotangent in cotangents:
        np.testing.assert_array_equal(cotangent, 0)


@hypothesis.given(x=matrices("real", (9, 7)), shift=st.integers(0, 2))
def test_translation(x, shift):
    k = jnp.asarray([[0.0, -1.0, 2.0], [1.0, 3.0, 0.0]])[..., None, None]
    for name in ("real", "tropical_max_plus", "euclidean"):
        out, moved = (quick(name, padding="VALID")(a[..., None], k) for a in (x, np.roll(x, shift, 0)))
        np.testing.assert_allclose(moved[shift:], out[: len(out) - shift], 1e-5, 1e-5)


@hypothesis.given(x=matrices("real", (9, 7)), y=matrices("real", (5, 7)))
def test_the_transpose_of_real_is_its_adjoint(x, y):
    k = np.float32([[0.0, -1.0, 2.0], [1.0, 3.0, 0.0]])[..., None, None]
    out, dx, _ = value_and_cotangents("real", x[..., None], k, y[..., None], stride=(2, 1))
    np.testing.assert_allclose(np.vdot(out, y), np.vdot(x, dx[..., 0]), 1e-4, 1e-4)


@hypothesis.given(x=matrices("real", (6, 8)))
def test_a_flat_kernel_over_max_plus_is_the_running_maximum(x):
    got = quick("tropical_max_plus")(x[..., None], np.zeros((3, 2, 1, 1), np.float32))[..., 0]
    # SciPy's even windows lean back, those of 'SAME' forward.
    wanted = ndimage.maximum_filter(x, (3, 2), mode="constant", cval=-np.inf, origin=(0, -1))
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("name", seldom_but(oracles.ALGEBRAS, "log"))
def test_no_array_of_patches_is_made(name):
    # Patches would be 27 times the image, those along one axis alone 3 times.
    boolean = name == "boolean"
    dtype = "bool" if boolean else "float32"
    shapes = form(32, 32, 32, 8, dtype=dtype), form(3, 3, 3, 8, 8, dtype=dtype)
    quickly = lambda f, *given: (
        jax.jit(f, compiler_options=QUICK_COMPILE).lower(*given).compile().memory_analysis()
    )
    forward = quickly(conv(name), *shapes)
    bytes_of = lambda analysis: analysis.argument_size_in_bytes + analysis.output_size_in_bytes
    # A mask has a byte where the count of its terms has four.
    assert forward.temp_size_in_bytes < (10 if boolean else 4) * bytes_of(forward)
    if not boolean:
        both = quickly(partial(_value_and_cotangents, name), *shapes, form(32, 32, 32, 8))
        assert both.temp_size_in_bytes < 4 * bytes_of(both)
