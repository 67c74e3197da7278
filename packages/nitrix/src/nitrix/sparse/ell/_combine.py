"""The sum (+) of the results of several sections, over a built-in algebra."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array

from nitrix.semiring import (
    BOOLEAN,
    EUCLIDEAN,
    LOG,
    REAL,
    TROPICAL_MAX_PLUS,
    TROPICAL_MIN_PLUS,
    Semiring,
)


def combined(semiring: Semiring[Any], parts: list[Array]) -> Array:
    """What the algebra makes of all the terms of the parts."""
    kind = (semiring.monoid, semiring.binary_op)
    pairs: dict[Semiring[Any], Callable[[Array, Array], Array]] = {
        REAL: jnp.add,
        LOG: jnp.logaddexp,
        TROPICAL_MAX_PLUS: _first_largest,
        TROPICAL_MIN_PLUS: lambda a, b: -_first_largest(-a, -b),
        BOOLEAN: jnp.logical_or,
        EUCLIDEAN: _hypotenuse,
    }
    plus = next(pair for algebra, pair in pairs.items() if (algebra.monoid, algebra.binary_op) == kind)
    # Short floats are summed in 32 bits, as inside a section.
    dtype = parts[0].dtype
    short = jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize < 4
    total = parts[0].astype(jnp.float32) if short else parts[0]
    for part in parts[1:]:
        total = plus(total, part.astype(total.dtype))
    return total.astype(dtype)


def _first_largest(a: Array, b: Array) -> Array:
    return jnp.where((b > a) | (jnp.isnan(b) & ~jnp.isnan(a)), b, a)


def _hypotenuse(a: Array, b: Array) -> Array:
    """The root of a^2 + b^2 for numbers from 0 on, without overflow, of gradient 0 where both are 0."""
    larger = jnp.maximum(a, b)
    plain = (larger == 0) | jnp.isinf(larger)
    scale = jnp.where(plain, 1, larger)
    squares = jnp.square(a / scale) + jnp.square(b / scale)
    return jnp.where(plain, larger, scale * jnp.sqrt(jnp.where(plain, 1, squares)))
