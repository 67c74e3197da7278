"""Divided differences of functions of a real number, without cancellation where their nodes are near or equal.

f[a, b] = (f(a) - f(b)) / (a - b),  f'(a) for a = b
f[a, b, c] = (f[a, b] - f[b, c]) / (a - c),  f''(a) / 2 for a = b = c
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

Scalar = Callable[[Array], Array]


class Spectral(NamedTuple):
    """A function of eigenvalues and its first divided difference, both element by element."""

    value: Scalar
    first: Callable[[Array, Array], Array]


def second(function: Spectral, a: Array, b: Array, c: Array) -> Array:
    """f[a, b, c]: the quotient of f[., .] over the widest gap, or the mean of f'' over the triangle, f[a, b, c] =
    int_0^1 int_0^1 t f''(a + t (b - a) + t s (c - b)) ds dt.
    """
    low, high = jnp.minimum(jnp.minimum(a, b), c), jnp.maximum(jnp.maximum(a, b), c)
    middle = jnp.maximum(jnp.minimum(a, b), jnp.minimum(jnp.maximum(a, b), c))
    upper, lower = function.first(high, middle), function.first(middle, low)
    curvature = _derivative(_derivative(function.value))

    def mean(nodes: int) -> Array:
        points, weights = _gauss(nodes)
        t, s = (x.ravel() for x in np.meshgrid(points, points, indexing="ij"))
        at = lambda t, s: curvature(low + t * ((middle - low) + s * (high - middle)))  # noqa: E731
        return _weighted(at, np.outer(points * weights, weights).ravel(), t, s)

    return _better(upper - lower, jnp.abs(upper) + jnp.abs(lower), high - low, mean)


def of_function(function: Scalar) -> Spectral:
    """Any function that JAX can differentiate: the quotient, or the mean of f' between the nodes."""
    slope = _derivative(function)

    def first(a: Array, b: Array) -> Array:
        at_a, at_b = function(a), function(b)

        def mean(nodes: int) -> Array:
            points, weights = _gauss(nodes)
            return _weighted(lambda t: slope(b + t * (a - b)), weights, points)

        return _better(at_a - at_b, jnp.abs(at_a) + jnp.abs(at_b), a - b, mean)

    return Spectral(function, first)


def _better(difference: Array, size: Array, gap: Array, mean: Callable[[int], Array]) -> Array:
    """The quotient or the Gauss mean of three nodes, whichever has the smaller estimate of its error."""
    quotient = difference / jnp.where(gap == 0, 1, gap)
    average = mean(3)
    rounding = float(np.finfo(gap.dtype).eps) * size / jnp.abs(jnp.where(gap == 0, 1, gap))
    nearer = jnp.abs(average - mean(2)) <= rounding
    return jnp.where((gap == 0) | nearer, average, quotient)


def _weighted(function: Callable[..., Array], weights: Any, *nodes: Any) -> Array:
    """The sum of w f(node), one node after the other: a short program, and no temporaries for all nodes at once."""
    shape = jax.eval_shape(function, *(x[0] for x in nodes))
    add = lambda total, at: (total + at[0] * function(*at[1:]), None)  # noqa: E731
    steps = tuple(jnp.asarray(x, shape.dtype) for x in (weights, *nodes))
    return lax.scan(add, jnp.zeros(shape.shape, shape.dtype), steps)[0]


def _derivative(function: Scalar) -> Scalar:
    return lambda x: jax.jvp(function, (x,), (jnp.ones_like(x),))[1]


def _gauss(nodes: int) -> tuple[Any, Any]:
    """Nodes and weights of Gauss and Legendre on [0, 1]."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    return 0.5 * points + 0.5, 0.5 * weights


# With x = (a - b) / b, where a >= b > 0: log a - log b = log1p(x), and a - b of near numbers is exact.
def _log_first(a: Array, b: Array) -> Array:
    low, x = _low_and_excess(a, b)
    return jnp.where(x == 0, 1, jnp.log1p(x) / jnp.where(x == 0, 1, x)) / low


def _exp_first(a: Array, b: Array) -> Array:
    gap = jnp.abs(a - b)
    return jnp.exp(jnp.maximum(a, b)) * jnp.where(gap == 0, 1, -jnp.expm1(-gap) / jnp.where(gap == 0, 1, gap))


def _low_and_excess(a: Array, b: Array) -> tuple[Array, Array]:
    low = jnp.minimum(a, b)
    return low, jnp.abs(a - b) / low


EXP = Spectral(jnp.exp, _exp_first)
LOG = Spectral(jnp.log, _log_first)


def _sqrt_first(a: Array, b: Array) -> Array:
    return 1 / (jnp.sqrt(a) + jnp.sqrt(b))


def _inverse_sqrt_first(a: Array, b: Array) -> Array:
    root_a, root_b = jnp.sqrt(a), jnp.sqrt(b)
    return -1 / (root_a * root_b * (root_a + root_b))


SQRT = Spectral(jnp.sqrt, _sqrt_first)
INVERSE_SQRT = Spectral(lambda x: 1 / jnp.sqrt(x), _inverse_sqrt_first)

MOST_TERMS = 16  # of a whole power's divided difference


@functools.cache
def power(exponent: float) -> Spectral:
    """x ** exponent."""
    if exponent == 0.5:
        return SQRT
    if exponent == -0.5:
        return INVERSE_SQRT
    whole = round(exponent)
    if whole == exponent and abs(whole) <= MOST_TERMS:
        return Spectral(lambda x: x**whole, functools.partial(_whole_power_first, exponent=whole))
    return Spectral(lambda x: x**exponent, functools.partial(_power_first, exponent=exponent))


def _whole_power_first(a: Array, b: Array, *, exponent: int) -> Array:
    """The sum of a^i b^(n - 1 - i), over -(a b)^n for a negative power: eigenvalues may have any sign."""
    n = abs(exponent)
    terms = sum((a**i * b ** (n - 1 - i) for i in range(n)), start=jnp.zeros_like(a + b))
    return terms if exponent >= 0 else -terms / (a**n * b**n)


def _power_first(a: Array, b: Array, *, exponent: float) -> Array:
    """a^(p - 1) (1 - (b/a)^p) / (1 - b/a), where a is the larger."""
    high = jnp.maximum(a, b)
    _, x = _low_and_excess(a, b)
    shortfall = jnp.where(x == 0, 1, jnp.abs(a - b) / high)
    return high ** (exponent - 1) * jnp.where(
        x == 0, exponent, -jnp.expm1(-exponent * jnp.log1p(x)) / shortfall
    )
