"""Dtypes, empty extents, users' algebras and refusals of the convolution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix import semiring
from nitrix.semiring import Semiring, semiring_conv
from support import conv_cases, oracles

from .test_algebra import VARIANCE
from .test_conv import case, conv, quick


@pytest.mark.parametrize("name", oracles.ALGEBRAS)
def test_nothing_to_sum_is_the_identity(name):
    algebra = oracles.ALGEBRAS[name]
    for x, k, shape in [
        ((4, 3, 0), (2, 2, 0, 3), (4, 3, 3)),
        ((4, 2), (0, 2, 3), (4, 3)),
        ((0, 4, 2), (3, 2, 3), (0, 4, 3)),
        ((4, 2), (3, 2, 0), (4, 0)),
    ]:
        out = semiring_conv(jnp.zeros(x), jnp.zeros(k), semiring=algebra)
        assert out.shape == shape
        assert (np.asarray(out) == algebra.identity).all()
    assert semiring_conv(jnp.zeros((2, 2, 1)), jnp.zeros((2, 3, 1, 1)), padding="VALID").shape == (1, 0, 1)
    beyond = semiring_conv(jnp.ones((2, 1)), jnp.ones((2, 1, 1)), semiring=algebra, padding=[(3, 3)])
    assert (np.asarray(beyond)[[0, 1, -2, -1]] == algebra.identity).all()


@pytest.mark.fast
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("name", ["real", "log", "tropical_max_plus"])
def test_short_floats_accumulate_in_float32(name, dtype):
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
    with pytest.raises(
        TypeError, match="the state of the algebra 'mean' has an array of shape .*padding='VALID'"
    ):
        semiring_conv(x, k, semiring=mean)


def test_boolean_has_no_derivative_and_says_so():
    with pytest.raises(TypeError, match="semiring_conv over the algebra 'boolean' is not differentiable"):
        jax.grad(lambda x: conv("boolean")(x, jnp.ones((2, 1, 1))).astype(jnp.float32).sum())(
            jnp.ones((3, 1))
        )


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
        (
            lambda: semiring_conv(X, K, dilation=(1, 2, 3)),
            ValueError,
            r"dilation has shape \(3,\) but 2 axes",
        ),
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
