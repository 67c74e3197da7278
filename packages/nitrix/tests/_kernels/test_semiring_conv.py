"""The convolution kernels against the definitions: interpreted, lowered, compiled on a present platform."""

import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix import backend, semiring
from nitrix._kernels.cuda import semiring_conv as kernel
from nitrix.semiring import conv_kernels, semiring_conv
from nitrix.semiring._plain.conv import products
from nitrix.semiring.conv_arguments import window_of
from semiring.test_algebra import VARIANCE
from support import conv_cases, oracles
from support.gradients import QUICK_COMPILE
from support.kernel_rules import ALGEBRAS
from support.lowering import kernel_calls

GPU, TPU = backend.Platform("cuda", (9, 0)), backend.Platform("tpu", None)
# Image, taps, channels in and out, options.
CASES = [
    ((37,), (4,), 3, 5, {"stride": 2, "dilation": 3, "padding": [(5, 2)]}),
    ((6, 9), (3, 2), 2, 3, {}),
    ((5, 4, 6), (2, 3, 3), 1, 2, {"stride": (1, 2, 1), "dilation": (2, 1, 1), "padding": "SAME"}),
]


@functools.cache
def interpreted():
    """The kernels, run as plain JAX."""
    stand_in = types.ModuleType("interpreted")
    stand_in.Taps = kernel.Taps
    for name in ("fold", "pull"):
        setattr(stand_in, name, functools.partial(getattr(kernel, name), interpret=True))
    return stand_in


def operands(image, sizes, c_in, c_out, name="real", dtype=np.float32):
    rng = np.random.default_rng(3)
    x, k = rng.normal(size=(*image, c_in)), rng.normal(size=(*sizes, c_in, c_out))
    return (x > 0.8, k > 0.8) if name == "boolean" else (jnp.asarray(x, dtype), jnp.asarray(k, dtype))


def both(conv, x, k, g):
    """The value, and the cotangents of both operands."""

    def run(x, k, g):
        out, pull = jax.vjp(conv, x, k)
        return out, *pull(g)

    return jax.jit(run, compiler_options=QUICK_COMPILE)(x, k, g)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        pytest.param(
            name, given, marks=[] if rank == 2 or name == "log" else [pytest.mark.slow], id=f"{name} {rank}-D"
        )
        for name in oracles.ALGEBRAS
        for rank, given in enumerate(CASES, 1)
    ],
)
def test_value_and_gradient_match_definition(name, given):
    x, k = operands(*given[:4], name)
    options = given[4]
    window = window_of(x.shape, k.shape, *(options.get(o, v) for o, v in DEFAULTS.items()))
    algebra = oracles.ALGEBRAS[name]
    conv = conv_kernels.product(interpreted(), algebra, window)
    wanted = conv_cases.conv(name, x, k, **options)
    if name == "boolean":
        np.testing.assert_array_equal(conv(jnp.asarray(x), jnp.asarray(k)), wanted)
        return
    g = jnp.asarray(np.random.default_rng(1).normal(size=wanted.shape), jnp.float32)
    for got, exact in zip(both(conv, x, k, g), conv_cases.conv_and_cotangents(name, x, k, g, **options)):
        np.testing.assert_allclose(got, exact, 1e-5, 1e-5)


DEFAULTS = {"stride": 1, "padding": "SAME", "dilation": 1}


def test_several_tiles_and_parts(monkeypatch):
    for name, value in {"TILE": 32, "WIDEST": 4, "PARTS": 3, "PART": 4}.items():
        monkeypatch.setattr(kernel, name, value)
    x, k = operands((9, 7), (2, 3), 5, 6)
    window = window_of(x.shape, k.shape, *DEFAULTS.values())
    g = jnp.asarray(np.random.default_rng(1).normal(size=(9, 7, 6)), jnp.float32)
    conv = conv_kernels.product(interpreted(), semiring.TROPICAL_MAX_PLUS, window)
    wanted = conv_cases.conv_and_cotangents("tropical_max_plus", x, k, g)
    for got, exact in zip(both(conv, x, k, g), wanted):
        np.testing.assert_allclose(got, exact, 1e-5, 1e-5)


@pytest.mark.parametrize("name", ["log", "tropical_min_plus", "real", "euclidean"])
def test_nan_and_infinities(name):
    x, k = (np.array(a) for a in operands((14,), (4,), 2, 4))
    zero = np.inf if name == "tropical_min_plus" else -np.inf
    x[3, 1] = np.nan
    k[0, 1, 0], k[3, 0, 1] = np.nan, -zero
    if name in ("log", "tropical_min_plus"):
        x[8], x[12, 0], k[:, :, 3] = zero, -zero, zero
    window = window_of(x.shape, k.shape, *DEFAULTS.values())
    out = conv_kernels.product(interpreted(), oracles.ALGEBRAS[name], window)(jnp.asarray(x), jnp.asarray(k))
    np.testing.assert_allclose(out, conv_cases.conv(name, x, k), 2e-6, 2e-6)


def test_second_derivatives_are_those_of_the_plain_convolution():
    x, k = operands((5,), (2,), 1, 2)
    window = window_of(x.shape, k.shape, *DEFAULTS.values())

    def hessian_times(conv):
        def compute(x, k):
            gradient = jax.grad(lambda x: jnp.sum(jnp.sin(conv(x, k))))
            return jax.jvp(gradient, (x,), (x[::-1],))[1], jax.grad(lambda x: jnp.vdot(gradient(x), x))(x)

        return jax.jit(compute, compiler_options=QUICK_COMPILE)(x, k)

    wanted = hessian_times(products.product(semiring.EUCLIDEAN, window))
    for got, exact in zip(
        hessian_times(conv_kernels.product(interpreted(), semiring.EUCLIDEAN, window)), wanted
    ):
        np.testing.assert_allclose(got, exact, 1e-4, 1e-5)


def test_users_algebras():
    x, k = operands((6, 5), (3, 2), 2, 3)
    window = window_of(x.shape, k.shape, *DEFAULTS.values())
    got = conv_kernels.product(interpreted(), VARIANCE, window)(x, k)
    np.testing.assert_allclose(got, conv_cases.conv_by(np.multiply, np.var, x, k), 1e-5, 1e-6)


def test_batches_by_vmap():
    x, k = operands((6, 5), (3, 2), 2, 3)
    window = window_of(x.shape, k.shape, *DEFAULTS.values())
    conv = conv_kernels.product(interpreted(), semiring.TROPICAL_MAX_PLUS, window)
    wanted = conv_cases.conv("tropical_max_plus", 2 * x, k)
    got = jax.vmap(conv, (0, None))(jnp.stack([x, 2 * x]), k)
    np.testing.assert_allclose(got[1], wanted, 1e-6)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "int32"])
def test_dtypes(dtype):
    with jax.enable_x64(dtype == "float64"):
        x, k = (jnp.round(4 * a) for a in operands((6, 5), (3, 2), 2, 3, dtype=np.float32))
        x, k = x.astype(dtype), k.astype(dtype)
        taps = kernel.Taps((6, 5), (1, 1), (1, 1), (1, 0))
        (out,) = interpreted().fold(x, k, taps, ALGEBRAS["real"].rule, dtypes=(dtype,))
        assert out.dtype == dtype
        exact = conv_cases.conv("real", np.float64(x), np.float64(k))
        np.testing.assert_array_equal(np.float64(out), np.float64(jnp.asarray(exact, dtype)))
        if dtype == "int32":
            with pytest.raises(TypeError, match="pull: x and k are int32, which has no gradient"):
                kernel.pull(x, k, (out,), taps, *ALGEBRAS["log"].weights)
            return
        weights = (lambda a, b, t, g: b * g, lambda a, b, t, g: a * g)
        for got, like in zip(interpreted().pull(x, k, (out,), taps, *weights), (x, k)):
            assert (got.shape, got.dtype) == (like.shape, like.dtype)


def test_empty_extents(unchecked):
    for image, sizes, c_in, c_out, out in [
        ((4,), (0,), 2, 3, (5,)),
        ((4,), (2,), 0, 3, (3,)),
        ((0,), (1,), 2, 3, (2,)),
    ]:
        x, k = jnp.zeros((*image, c_in)), jnp.zeros((*sizes, c_in, c_out))
        taps = kernel.Taps(out, (1,), (1,), (1,))
        value, attained = kernel.fold(x, k, taps, ALGEBRAS["max"].rule, dtypes=("float32", "int32"))
        np.testing.assert_array_equal(value, np.full((*out, 3), -np.inf))
        np.testing.assert_array_equal(attained, -1)
        for got, like in zip(kernel.pull(x, k, (value,), taps, None, None), (x, k)):
            np.testing.assert_array_equal(got, np.zeros(like.shape))


@pytest.mark.parametrize(
    ("x", "k", "out", "error", "words"),
    [
        ((4, 2), (3, 1, 5), (4,), ValueError, r"fold: x\(4, 2\), k\(3, 1, 5\) and Taps.* are not"),
        ((4, 2), (3, 2, 5), (4, 4), ValueError, "numbers for each spatial axis"),
        ((4, 2), (3, 2, 5), (4,), TypeError, "fold: x is float32 and k is int32; convert both"),
    ],
)
def test_operands_that_do_not_fit_are_refused(x, k, out, error, words, unchecked):
    one = (1,) * len(out)
    dtype = jnp.int32 if error is TypeError else jnp.float32
    with pytest.raises(error, match=words):
        kernel.fold(jnp.ones(x), jnp.ones(k, dtype), kernel.Taps(out, one, one, one), None, dtypes=())


def test_planes_that_do_not_fit_are_refused(unchecked):
    taps = kernel.Taps((4,), (1,), (1,), (1,))
    with pytest.raises(ValueError, match=r"pull: planes have shapes \[\(3, 5\)\].*all \(4, 5\)"):
        kernel.pull(jnp.ones((4, 2)), jnp.ones((3, 2, 5)), (jnp.ones((3, 5)),), taps, None, None)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *((name, "float32") for name in oracles.ALGEBRAS),
        pytest.param("log", "float64", marks=pytest.mark.slow),
        ("real", "bfloat16"),
        ("euclidean", "float64"),
    ],
)
def test_the_public_function_lowers_to_kernels(name, dtype, monkeypatch):
    monkeypatch.setattr(backend, "current_platform", lambda: GPU)
    algebra = oracles.ALGEBRAS[name]
    with jax.enable_x64(dtype == "float64"):
        shapes = ((2, 9, 17, 3), (2, 3, 3, 5))
        x, k = (jnp.ones(shape, bool if name == "boolean" else dtype) for shape in shapes)

        def value(x, k):
            return semiring_conv(x, k, semiring=algebra, stride=(1, 2), dilation=2)

        assert kernel_calls(value, "cuda", x, k) == 1
        if name != "boolean":
            gradient = jax.value_and_grad(lambda x, k: value(x, k).astype(jnp.float32).sum(), (0, 1))
            assert kernel_calls(gradient, "cuda", x, k) == 3


def test_the_workload_and_a_users_algebra_lower(monkeypatch):
    monkeypatch.setattr(backend, "current_platform", lambda: GPU)
    x, k = jax.ShapeDtypeStruct((48, 48, 48, 8), "float32"), jax.ShapeDtypeStruct((3, 3, 3, 8, 8), "float32")
    assert kernel_calls(lambda x, k: semiring_conv(x, k, semiring=semiring.LOG), "cuda", x, k) == 1
    assert kernel_calls(lambda x, k: semiring_conv(x, k, semiring=VARIANCE), "cuda", x, k) == 1


def test_a_tpu_is_refused_loudly(monkeypatch):
    monkeypatch.setattr(backend, "current_platform", lambda: TPU)
    x, k = operands((7,), (2,), 3, 2)
    with pytest.warns(
        backend.NitrixBackendFallback, match="semiring_conv on shapes .*'pallas-tpu'.* tiles of 8 x 128"
    ):
        out = semiring_conv(x, k)
    np.testing.assert_allclose(out, conv_cases.conv("real", x, k), 1e-6)
    monkeypatch.setenv("NITRIX_STRICT_BACKEND", "1")
    with pytest.raises(backend.NitrixBackendError, match="taps read an image at offsets"):
        semiring_conv(x, k)


def test_images_beyond_32_bits_are_refused():
    why = conv_kernels.cuda_refuses(semiring.REAL, np.dtype("float32"), 2**31)
    assert "offsets are of 32 bits" in why
    assert conv_kernels.cuda_refuses(semiring.REAL, np.dtype("float32"), 2**31 - 1) is None
    assert "float16" in conv_kernels.cuda_refuses(semiring.REAL, np.dtype("float16"), 8)


@pytest.mark.skipif(jax.default_backend() == "cpu", reason="no accelerator is present")
@pytest.mark.parametrize("name", oracles.REAL_VALUED)
def test_compiled_kernels_match_the_plain_path(name):
    x, k = operands((9, 7, 11), (3, 2, 3), 3, 5)

    def run(backend):
        conv = functools.partial(semiring_conv, semiring=oracles.ALGEBRAS[name], stride=2, backend=backend)
        return conv(x, k), *jax.grad(lambda x, k: jnp.sum(jnp.sin(conv(x, k))), (0, 1))(x, k)

    for got, wanted in zip(run("auto"), run("jax")):
        np.testing.assert_allclose(got, wanted, 1e-5, 1e-5)
