"""Algebras as the kernels take them, each with its definition in NumPy float64."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from nitrix._kernels.rules import Fold


class Algebra(NamedTuple):
    rule: Fold
    statistics: tuple[str, ...]  # dtypes of the outputs after the value
    define: Any  # terms' operands a[m, k, 1], b[1, k, n] -> value [m, n]
    weights: Any = None  # (weight_a, weight_b) of (a, b, k, value, *statistics, g)
    define_weights: Any = None  # (a, b, value) -> (weight_a, weight_b) [m, k, n], without g


def product(a, b):
    """a + b, where -inf wins over +inf and NaN over everything."""
    empty = (a == -jnp.inf) & ~jnp.isnan(b) | (b == -jnp.inf) & ~jnp.isnan(a)
    return jnp.where(empty, -jnp.inf, a + b)


def define_product(a, b):
    with np.errstate(invalid="ignore"):
        empty = (a == -np.inf) & ~np.isnan(b) | (b == -np.inf) & ~np.isnan(a)
        return np.where(empty, -np.inf, a + b)


def _log_init(shape, dtype):
    return jnp.full(shape, -jnp.inf, dtype), jnp.zeros(shape, dtype)


def _log_step(state, a, b, k):
    m, s = state
    v = product(a, b)
    top = jnp.where(v > m, v, m)
    old = jnp.where(m == top, 1.0, jnp.exp(m - top))
    new = jnp.where(v == -jnp.inf, 0.0, jnp.where(v == top, 1.0, jnp.exp(v - top)))
    return top, s * old + new


def _log_finish(state):
    m, s = state
    return jnp.where(s == 0, -jnp.inf, m + jnp.log(s)), m, s


def _log_weight(a, b, k, value, m, s, g):
    return jnp.where(s == 0, 0.0, jnp.exp(a + b - m) / jnp.where(s == 0, 1.0, s) * g)


def _define_log(a, b):
    v = define_product(a, b)
    top = v.max(1, initial=-np.inf)
    shift = np.where(np.isinf(top), 0.0, top)
    with np.errstate(divide="ignore", over="ignore"):
        return np.log(np.exp(v - shift[:, None, :]).sum(1)) + shift


def _define_log_weights(a, b, value):
    p = np.where(
        np.isneginf(value)[:, None, :], 0.0, np.exp(a + b - np.where(np.isinf(value), 0, value)[:, None, :])
    )
    return p, p


def _tropical(sign):
    def init(shape, dtype):
        return jnp.full(shape, -sign * jnp.inf, dtype), jnp.full(shape, -1, jnp.int32)

    def step(state, a, b, k):
        value, index = state
        v = sign * product(sign * a, sign * b)
        better = (sign * v > sign * value) | jnp.isnan(v) & ~jnp.isnan(value)
        return jnp.where(better, v, value), jnp.where(better, k, index)

    def define(a, b):
        return sign * define_product(sign * a, sign * b).max(1, initial=-np.inf)

    def weight(a, b, k, value, index, g):
        return jnp.where(index == k, g, 0.0)

    def define_weights(a, b, value):
        first = np.argmax(sign * (a + b), axis=1)[:, None, :] == np.arange(a.shape[1])[None, :, None]
        return first * 1.0, first * 1.0

    return Algebra(
        Fold(init, step, lambda state: state), ("int32",), define, (weight, weight), define_weights
    )


def _euclidean_weight(sign):
    def weight(a, b, k, value, g):
        return jnp.where(value == 0, 0.0, sign * (a - b) * g / jnp.where(value == 0, 1.0, value))

    return weight


def _define_euclidean_weights(a, b, value):
    away = np.divide(a - b, value[:, None, :], out=np.zeros((a - b).shape), where=value[:, None, :] != 0)
    return away, -away


def _zeros(shape, dtype):
    return (jnp.zeros(shape, dtype),)


def _welford_init(shape, dtype):
    return jnp.zeros(shape, jnp.int32), jnp.zeros(shape, dtype), jnp.zeros(shape, dtype)


def _welford_step(state, a, b, k):
    count, mean, m2 = state
    v = a * b
    count = count + 1
    delta = v - mean
    mean = mean + delta / count.astype(mean.dtype)
    return count, mean, m2 + delta * (v - mean)


def _welford_finish(state):
    count, _, m2 = state
    return m2 / jnp.maximum(count, 1).astype(m2.dtype), count


ALGEBRAS = {
    "real": Algebra(
        Fold(_zeros, lambda s, a, b, k: (s[0] + a * b,), lambda s: s),
        (),
        lambda a, b: (a * b).sum(1),
        (lambda a, b, k, value, g: b * g, lambda a, b, k, value, g: a * g),
        lambda a, b, value: (b + 0 * a, a + 0 * b),
    ),
    "log": Algebra(
        Fold(_log_init, _log_step, _log_finish),
        ("float32", "float32"),
        _define_log,
        (_log_weight, _log_weight),
        _define_log_weights,
    ),
    "max": _tropical(1.0),
    "min": _tropical(-1.0),
    "euclidean": Algebra(
        Fold(_zeros, lambda s, a, b, k: (s[0] + (a - b) * (a - b),), lambda s: (jnp.sqrt(s[0]),)),
        (),
        lambda a, b: np.sqrt(((a - b) ** 2).sum(1)),
        (_euclidean_weight(1.0), _euclidean_weight(-1.0)),
        _define_euclidean_weights,
    ),
    "boolean": Algebra(
        Fold(lambda shape, dtype: (jnp.zeros(shape, bool),), lambda s, a, b, k: (s[0] | a & b,), lambda s: s),
        (),
        lambda a, b: (a.astype(bool) & b.astype(bool)).any(1),
    ),
    "variance": Algebra(  # a user's algebra: an integer beside two floats in the state
        Fold(_welford_init, _welford_step, _welford_finish),
        ("int32",),
        lambda a, b: (a * b).var(1),
    ),
    "reciprocal": Algebra(  # a term that zero padding would make infinite
        Fold(_zeros, lambda s, a, b, k: (s[0] + 1.0 / (a * b),), lambda s: s),
        (),
        lambda a, b: (1 / (a * b)).sum(1),
        (lambda a, b, k, value, g: g / value, lambda a, b, k, value, g: g / value),
        lambda a, b, value: (1 / value[:, None, :] + 0 * a + 0 * b,) * 2,
    ),
}
