"""The six built-in algebras, made of small monoids and products that users may combine into their own."""

import math
import typing
from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float

from nitrix.semiring.algebra import Scalar, Semiring, StrictSemiring, trusted


@dataclass(frozen=True)
class Times:
    """(*) is the ordinary product."""

    def combine(self, a: Array, b: Array) -> Array:
        """`a * b`."""
        return a * b


@dataclass(frozen=True)
class Plus:
    """(*) is the ordinary sum; of infinities of opposite sign, the annihilator wins."""

    annihilator: float  # -inf under a maximum or a log-sum-exp, inf under a minimum

    def combine(self, a: Array, b: Array) -> Array:
        """`a + b`."""
        total = a + b
        opposed = (total != total) & (a == a) & (b == b)  # NaN alone is unequal to itself
        return jnp.where(opposed, self.annihilator, total)


@dataclass(frozen=True)
class And:
    """(*) is logical and."""

    def combine(self, a: Array, b: Array) -> Array:
        """`a and b`; nonzero is true."""
        return jnp.logical_and(a, b)


@dataclass(frozen=True)
class SquaredDifference:
    """(*) is the squared difference, which is not associative."""

    def combine(self, a: Array, b: Array) -> Array:
        """`(a - b) ** 2`."""
        return jnp.square(a - b)


@dataclass(frozen=True)
class Sum:
    """(+) is the ordinary sum."""

    def init(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """Zero."""
        return jnp.zeros(shape, dtype)

    def update(self, state: Array, value: Array) -> Array:
        """Add a term."""
        return state + value

    def merge(self, left: Array, right: Array) -> Array:
        """Add two sums."""
        return left + right

    def finalize(self, state: Array) -> Array:
        """The sum."""
        return state


@dataclass(frozen=True)
class RootSum(Sum):
    """(+) is the root of the sum of its terms, which are squares already."""

    def finalize(self, state: Array) -> Array:
        """The root of the sum."""
        return jnp.sqrt(state)


@dataclass(frozen=True)
class Max:
    """(+) is the maximum. A NaN term makes it NaN."""

    def init(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """Minus infinity."""
        return jnp.full(shape, -math.inf, dtype)

    def update(self, state: Array, value: Array) -> Array:
        """Take a term in."""
        return jnp.maximum(state, value)

    merge = update

    def finalize(self, state: Array) -> Array:
        """The maximum."""
        return state


@dataclass(frozen=True)
class Min:
    """(+) is the minimum. A NaN term makes it NaN."""

    def init(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """Plus infinity."""
        return jnp.full(shape, math.inf, dtype)

    def update(self, state: Array, value: Array) -> Array:
        """Take a term in."""
        return jnp.minimum(state, value)

    merge = update

    def finalize(self, state: Array) -> Array:
        """The minimum."""
        return state


@dataclass(frozen=True)
class Any:
    """(+) is logical or."""

    def init(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """False."""
        return jnp.zeros(shape, bool)

    def update(self, state: Array, value: Array) -> Array:
        """Take a term in; nonzero is true."""
        return jnp.logical_or(state, value)

    merge = update

    def finalize(self, state: Array) -> Array:
        """Whether any term is true."""
        return state


class LogSumExpAcc(NamedTuple):
    """The state of an online log-sum-exp: `maximum + log(total)`, without overflow."""

    maximum: Float[Array, "..."]
    total: Float[Array, "..."]  # sum of exp(term - maximum)


@dataclass(frozen=True)
class LogSumExp:
    """(+) is `log(exp(a) + exp(b))`, stable at any magnitude."""

    def init(self, shape: tuple[int, ...], dtype: DTypeLike) -> LogSumExpAcc:
        """The log of zero."""
        return LogSumExpAcc(jnp.full(shape, -math.inf, dtype), jnp.zeros(shape, dtype))

    def update(self, state: LogSumExpAcc, value: Array) -> LogSumExpAcc:
        """Take a term in."""
        return self.merge(state, LogSumExpAcc(value, jnp.ones_like(value)))

    def merge(self, left: LogSumExpAcc, right: LogSumExpAcc) -> LogSumExpAcc:
        """Bring both sums to the larger maximum and add them."""
        maximum = jnp.maximum(left.maximum, right.maximum)

        def rescaled(state: LogSumExpAcc) -> Array:
            # An infinity has no difference from itself.
            return jnp.where(
                state.maximum == maximum, state.total, state.total * jnp.exp(state.maximum - maximum)
            )

        return LogSumExpAcc(maximum, rescaled(left) + rescaled(right))

    def finalize(self, state: LogSumExpAcc) -> Array:
        """The log of the sum."""
        infinite = jnp.abs(state.maximum) == math.inf
        return state.maximum + jnp.log(jnp.where(infinite, 1, state.total))


def _builtin(
    monoid: typing.Any, binary_op: typing.Any, name: str, zero: Scalar
) -> StrictSemiring[typing.Any]:
    return trusted(monoid=monoid, binary_op=binary_op, name=name, identity=zero, annihilator=zero)


REAL = _builtin(Sum(), Times(), "real", 0)
LOG = _builtin(LogSumExp(), Plus(-math.inf), "log", -math.inf)
TROPICAL_MAX_PLUS = _builtin(Max(), Plus(-math.inf), "tropical_max_plus", -math.inf)
TROPICAL_MIN_PLUS = _builtin(Min(), Plus(math.inf), "tropical_min_plus", math.inf)
BOOLEAN = _builtin(Any(), And(), "boolean", False)
EUCLIDEAN: Semiring[Array] = Semiring(RootSum(), SquaredDifference(), "euclidean", identity=0.0)


def builtin(semiring: Semiring[typing.Any]) -> Semiring[typing.Any] | None:
    """The built-in algebra that has this sum and product, whatever it is called; None if there is none."""
    kind = (semiring.monoid, semiring.binary_op)
    known = (REAL, LOG, TROPICAL_MAX_PLUS, TROPICAL_MIN_PLUS, BOOLEAN, EUCLIDEAN)
    return next((algebra for algebra in known if (algebra.monoid, algebra.binary_op) == kind), None)
