"""The algebras as the kernels are told them: numbers interpreted, and lowering of the public function."""

import functools
import importlib
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix import backend, semiring
from nitrix.semiring import kernels, semiring_matmul
from support import oracles
from support.gradients import QUICK_COMPILE
from support.lowering import kernel_calls
from support.marks import seldom_but

from .test_algebra import VARIANCE, Nearest

PLATFORMS = {"cuda": backend.Platform("cuda", (9, 0)), "tpu": backend.Platform("tpu", None)}
SHAPE = (33, 5, 17)


@functools.cache
def interpreted(platform):
    """A platform's kernels, run as plain JAX."""
    module = importlib.import_module(f"nitrix._kernels.{platform}.semiring_matmul")
    stand_in = types.ModuleType(platform)
    for name in ("fold", "pull"):
        setattr(stand_in, name, functools.partial(getattr(module, name), interpret=True))
    return stand_in


def operands(name, seed=0):
    rng = np.random.default_rng(seed)
    m, k, n = SHAPE
    A, B = rng.normal(size=(m, k)), rng.normal(size=(k, n))
    return (A > 0, B > 0) if name == "boolean" else (jnp.asarray(A, jnp.float32), jnp.asarray(B, jnp.float32))


@pytest.mark.covering
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", oracles.ALGEBRAS)
def test_value_and_gradient_match_definition(platform, name):
    A, B = map(jnp.asarray, operands(name))
    product = kernels.product(interpreted(platform), oracles.ALGEBRAS[name])
    wanted = oracles.matmul(name, A, B)
    if name == "boolean":
        np.testing.assert_array_equal(product(A, B), wanted)
        return
    g = jnp.asarray(np.random.default_rng(1).normal(size=wanted.shape), jnp.float32)
    out, pull = jax.vjp(product, A, B)
    np.testing.assert_allclose(out, wanted, 2e-6, 2e-6)
    plain = jax.vjp(lambda a, b: semiring_matmul(a, b, semiring=oracles.ALGEBRAS[name]), A, B)[1]
    for got, exact in zip(pull(g), plain(g)):
        np.testing.assert_allclose(got, exact, 1e-5, 1e-5)


@pytest.mark.covering
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", ["log", "tropical_max_plus", "tropical_min_plus"])
def test_nan_and_infinities(platform, name):
    algebra = oracles.ALGEBRAS[name]
    A, B = (np.array(x) for x in operands(name))
    zero = algebra.annihilator
    A[0, 3], A[1, :], A[2, 1], A[3, ::2] = np.nan, zero, -zero, zero
    B[2, 1], B[:, 2], B[1, 3], B[0, 5] = np.nan, zero, zero, -zero
    got, pull = jax.vjp(kernels.product(interpreted(platform), algebra), jnp.asarray(A), jnp.asarray(B))
    np.testing.assert_allclose(got, oracles.matmul(name, A, B), 2e-6, 2e-6)
    dA, _ = pull(jnp.where(jnp.isfinite(got), 1.0, 0.0))
    assert np.isfinite(np.asarray(dA)[4:]).all()


def test_zero_distance_has_gradient_zero():
    points = jnp.ones((3, 2))
    product = kernels.product(interpreted("cuda"), semiring.EUCLIDEAN)
    np.testing.assert_array_equal(jax.grad(lambda p: product(p, points.T).sum())(points), 0)


@pytest.mark.parametrize("name", seldom_but(["log", "tropical_min_plus"], "tropical_min_plus"))
def test_second_derivatives_are_those_of_the_plain_product(name):
    A, B = operands(name)
    A, B = A[:3, :3], B[:3, :2]

    def hessian_times(product):
        def compute(A, B):
            gradient = jax.grad(lambda a: jnp.sum(jnp.sin(product(a, B))))
            forward = jax.jvp(gradient, (A,), (A[::-1],))[1]
            return forward, jax.grad(lambda a: jnp.vdot(gradient(a), A[::-1]))(A)

        return jax.jit(compute, compiler_options=QUICK_COMPILE)(A, B)

    algebra = oracles.ALGEBRAS[name]
    wanted = hessian_times(lambda a, b: semiring_matmul(a, b, semiring=algebra))
    for got, exact in zip(hessian_times(kernels.product(interpreted("cuda"), algebra)), wanted):
        np.testing.assert_allclose(got, exact, 1e-4, 1e-5)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_users_algebras(platform):
    A, B = operands("users")
    got = kernels.product(interpreted(platform), VARIANCE)(A, B)
    np.testing.assert_allclose(got, np.var(np.float64(A)[:, :, None] * np.float64(B), axis=1), 1e-5)
    nearest = semiring.Semiring(Nearest(), semiring.EUCLIDEAN.binary_op, "nearest", identity=-1.0)
    got = kernels.product(interpreted(platform), nearest)(A, B)
    assert got.dtype == jnp.int32
    np.testing.assert_array_equal(
        got, np.argmin(np.square(np.asarray(A)[:, :, None] - np.asarray(B)), axis=1)
    )


@pytest.mark.covering
@pytest.mark.fast
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", oracles.ALGEBRAS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_public_function_lowers_to_kernels(platform, name, dtype, monkeypatch):
    monkeypatch.setattr(backend, "current_platform", lambda: PLATFORMS[platform])
    algebra = oracles.ALGEBRAS[name]
    A, B = (jnp.ones(shape, bool if name == "boolean" else dtype) for shape in ((2, 33, 5), (5, 17)))

    def value(a, b):
        return semiring_matmul(a, b, semiring=algebra)

    assert kernel_calls(value, platform, A, B) == 1
    if name != "boolean":
        both = jax.value_and_grad(lambda a, b: value(a, b).astype(jnp.float32).sum(), (0, 1))
        assert kernel_calls(both, platform, A, B) == 3


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_users_algebra_lowers_to_a_kernel(platform, monkeypatch):
    monkeypatch.setattr(backend, "current_platform", lambda: PLATFORMS[platform])
    A = jnp.ones((4, 5))
    assert kernel_calls(lambda a: semiring_matmul(a, a.T, semiring=VARIANCE), platform, A) == 1


@pytest.mark.skipif(jax.default_backend() == "cpu", reason="no accelerator is present")
@pytest.mark.parametrize("name", oracles.REAL_VALUED)
def test_compiled_kernels_match_the_plain_path(name):
    A, B = operands(name)
    algebra = oracles.ALGEBRAS[name]

    def both(backend):
        loss = lambda a, b: jnp.sum(jnp.sin(semiring_matmul(a, b, semiring=algebra, backend=backend)))
        return semiring_matmul(A, B, semiring=algebra, backend=backend), *jax.grad(loss, (0, 1))(A, B)

    for got, wanted in zip(both("auto"), both("jax")):
        np.testing.assert_allclose(got, wanted, 1e-5, 1e-5)
