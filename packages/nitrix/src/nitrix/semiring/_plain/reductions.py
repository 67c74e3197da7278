"""The sum (+) of messages, one slot at a time, for each algebra, and the cotangent of one message."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from nitrix.semiring.algebra import Semiring
from nitrix.semiring.algebras import BOOLEAN, EUCLIDEAN, LOG, REAL, TROPICAL_MAX_PLUS, builtin

State = Any


class Reduction(NamedTuple):
    """An online sum over slots whose state is a few arrays of the result's shape."""

    init: Callable[[tuple[int, ...], Any], State]
    step: Callable[[State, Array, Array, Array], State]  # (state, message, valid, slot number)
    finish: Callable[[State], Array]
    weight: Callable[
        [Array, Array, State, Array], Array
    ]  # (message, slot number, last state, cotangent of the sum)


def reduction(semiring: Semiring[Any]) -> Reduction:
    """How an algebra sums messages. A user's has no weight: it is forward-only."""
    algebra = builtin(semiring)
    if algebra is REAL:
        return Reduction(jnp.zeros, _add, lambda total: total, lambda message, p, total, g: g)
    if algebra is LOG:
        return Reduction(_log_init, _log_step, _log_finish, _log_weight)
    if algebra is EUCLIDEAN:
        return Reduction(_root_init, _root_step, _root_finish, _root_weight)
    if algebra is None or algebra is BOOLEAN:
        return _streamed(semiring)
    return _extremum(algebra is TROPICAL_MAX_PLUS)


def _add(total: Array, message: Array, valid: Array, p: Array) -> Array:
    return total + jnp.where(valid, message, 0)


# LOG: the largest message so far, and the sum of exponentials below it. The result does not depend on the shift, which
# therefore stops derivatives.


def _log_init(shape: tuple[int, ...], dtype: Any) -> State:
    return jnp.full(shape, -math.inf, dtype), jnp.zeros(shape, dtype)


def _log_step(state: State, message: Array, valid: Array, p: Array) -> State:
    largest, s = state
    message = jnp.where(valid, message, -math.inf)
    bare = lax.stop_gradient(message)
    new = jnp.where(bare > largest, bare, largest)
    return new, s * _below(largest, new) + _below(message, new)


def _below(x: Array, largest: Array) -> Array:
    """exp(x - largest), where 0 is the shift below an infinity."""
    infinite = jnp.isinf(largest)
    down = x - jnp.where(infinite, 0, largest)
    # Made again in the backward pass, the largest may be a rounding above itself, and must not lose its derivative.
    return jnp.exp(jnp.where(infinite & (down > 0), 0, down))


def _log_finish(state: State) -> Array:
    largest, s = state
    finite = ~jnp.isinf(largest) & (s != 0)
    out = jnp.where(finite, largest, 0) + jnp.log(jnp.where(finite, s, 1))
    return jnp.where(jnp.isnan(s), math.nan, jnp.where(finite, out, largest))


def _log_weight(message: Array, p: Array, state: State, g: Array) -> Array:
    largest, s = state
    finite = ~jnp.isinf(largest) & (s != 0)
    return jnp.where(finite, _below(message, largest) * (g / jnp.where(finite, s, 1)), 0)


# EUCLIDEAN: a scale and the sum of squares over it, so that no square overflows. The scale likewise.


def _root_init(shape: tuple[int, ...], dtype: Any) -> State:
    return jnp.zeros(shape, dtype), jnp.zeros(shape, dtype)


def _root_step(state: State, message: Array, valid: Array, p: Array) -> State:
    scale, squares = state
    message = jnp.where(valid, message, 0)
    size = lax.stop_gradient(jnp.abs(message))
    new = jnp.where(size > scale, size, scale)
    over = jnp.where((new == 0) | jnp.isinf(new), 1, new)
    return new, squares * jnp.square(jnp.where(new == scale, 1, scale / over)) + jnp.square(message / over)


def _root_finish(state: State) -> Array:
    scale, squares = state
    some = squares != 0
    root = jnp.where(some, jnp.sqrt(jnp.where(some, squares, 1)), 0)
    return root * jnp.where(jnp.isinf(scale), 1, scale)


def _root_weight(message: Array, p: Array, state: State, g: Array) -> Array:
    out = _root_finish(state)
    return jnp.where(out == 0, 0, message * (g / jnp.where(out == 0, 1, out)))


# The tropical algebras: the best message so far and the first slot that has it; a NaN wins for good.


def _extremum(largest: bool) -> Reduction:
    better = jnp.greater if largest else jnp.less
    identity = -math.inf if largest else math.inf

    def init(shape: tuple[int, ...], dtype: Any) -> State:
        return jnp.full(shape, identity, dtype), jnp.full(shape, -1, jnp.int32)

    def step(state: State, message: Array, valid: Array, p: Array) -> State:
        best, attained = state
        wins = valid & (better(message, best) | jnp.isnan(message)) & ~jnp.isnan(best)
        return jnp.where(wins, message, best), jnp.where(wins, p, attained)

    def weight(message: Array, p: Array, state: State, g: Array) -> Array:
        return jnp.where(state[1] == p, g, 0)

    return Reduction(init, step, lambda state: state[0], weight)


def _streamed(semiring: Semiring[Any]) -> Reduction:
    monoid = semiring.monoid

    def step(state: State, message: Array, valid: Array, p: Array) -> State:
        return jax.tree.map(lambda new, old: jnp.where(valid, new, old), monoid.update(state, message), state)

    return Reduction(monoid.init, step, monoid.finalize, lambda message, p, state, g: jnp.zeros_like(g))
