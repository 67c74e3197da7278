"""The plain product of every algebra: the table of fast forms, and the streaming form of all others."""

from functools import cache, partial
from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from nitrix.semiring._plain import euclidean, log, tropical
from nitrix.semiring._plain.streaming import fold, in_row_blocks
from nitrix.semiring.algebra import Semiring
from nitrix.semiring.algebras import (
    BOOLEAN,
    EUCLIDEAN,
    LOG,
    REAL,
    TROPICAL_MAX_PLUS,
    TROPICAL_MIN_PLUS,
    builtin,
)
from nitrix.semiring.paired import Product, paired, with_users_rule


def real(A: Array, B: Array) -> Array:
    """The ordinary product, by the platform's matmul at full precision."""
    return jnp.matmul(A, B, precision=lax.Precision.HIGHEST)


def boolean(A: Array, B: Array) -> Array:
    """Whether any term is true: a count in float32 is positive, which no rounding changes."""
    columns = B.astype(jnp.bfloat16)

    def rows(A: Array) -> Array:
        return jnp.matmul(A.astype(jnp.bfloat16), columns, preferred_element_type=jnp.float32) > 0

    return in_row_blocks(rows, A, n=B.shape[1])


def streamed(semiring: Semiring[Any]) -> Product:
    """The product of any algebra, as its monoid and its (*) define it."""
    monoid, times = semiring.monoid, semiring.binary_op.combine

    def product(A: Array, B: Array) -> Array:
        def rows(A: Array) -> Array:
            def step(state: Any, a: Array, b: Array, _: Array) -> Any:
                return monoid.update(state, times(a, b))

            return monoid.finalize(fold(monoid.init((A.shape[0], B.shape[1]), A.dtype), step, A, B))

        return in_row_blocks(rows, A, n=B.shape[1])

    return product


@cache
def definition(semiring: Semiring[Any]) -> Product | None:
    """A built-in product in plain JAX that is differentiable to every order; None for other algebras."""
    derivable: dict[Semiring[Any] | None, Product] = {
        REAL: real,
        LOG: log.definition,
        TROPICAL_MAX_PLUS: partial(tropical.product, largest=True),
        TROPICAL_MIN_PLUS: partial(tropical.product, largest=False),
        EUCLIDEAN: euclidean.product,
    }
    return derivable.get(builtin(semiring))


@cache
def product(semiring: Semiring[Any]) -> Product:
    """The plain product of an algebra, with its derivative."""
    algebra = builtin(semiring)
    if algebra is LOG:
        return paired(
            log.product,
            _log_and_statistics,
            lambda A, B, statistics, g: log.gradient(A, B, statistics[0], statistics[1], g),
            log.definition,
        )
    if algebra is EUCLIDEAN:
        return paired(euclidean.product, _distances_twice, euclidean.gradient, euclidean.product)
    if algebra is BOOLEAN:
        return boolean
    # The ordinary and the tropical products are differentiable as they are defined.
    return definition(semiring) or with_users_rule(streamed(semiring), semiring)


def _log_and_statistics(A: Array, B: Array) -> tuple[Array, tuple[Array, Array]]:
    E, s = log.shift_and_sum(A, B)
    return log.value(E, s), (E, s)


def _distances_twice(A: Array, B: Array) -> tuple[Array, Array]:
    out = euclidean.product(A, B)
    return out, out
