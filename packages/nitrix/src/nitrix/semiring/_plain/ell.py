"""ELL products on the plain path: one slot of every row at a time, gathered (or scattered), never all slots at once."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import Array, lax

from nitrix.semiring._plain import log
from nitrix.semiring._plain.euclidean import root, scale_of
from nitrix.semiring.algebra import EllMatmulResiduals, Semiring
from nitrix.semiring.algebras import (
    BOOLEAN,
    EUCLIDEAN,
    LOG,
    REAL,
    TROPICAL_MAX_PLUS,
    TROPICAL_MIN_PLUS,
    builtin,
)
from nitrix.semiring.paired import forward_only

T = TypeVar("T")

UNROLLED = 16  # slots that are unrolled; beyond, a loop takes GROUP of them per step
GROUP = 8


class Slots(NamedTuple):
    """A sparse matrix as rows of slots; each array is [m, k_max]."""

    values: Any  # an array, or a tuple of arrays
    indices: Array
    valid: Array


# out[i, c] = (+)_p values[i, p] (*) B[indices[i, p], c] over the valid slots p. Every loop below is a sum of terms that
# a derivative makes again slot by slot, so that reverse mode keeps no array of all slots either.


def product(semiring: Semiring[Any], values: Array, indices: Array, valid: Array, B: Array) -> Array:
    """[m, k_max], [m, k_max], [m, k_max], [n, c] -> [m, c], with its derivative."""
    algebra = builtin(semiring)
    slots = Slots(values, indices, valid)
    if algebra is LOG:
        return _log(slots, B)
    if algebra is EUCLIDEAN:
        scale = scale_of(values, B)
        squares = _fold(
            _zeros(slots, B), _adding(EUCLIDEAN), slots._replace(values=values / scale), B / scale
        )
        return root(squares) * scale
    if algebra is REAL:
        return _fold(_zeros(slots, B), _adding(REAL), slots, B)
    if algebra is TROPICAL_MAX_PLUS or algebra is TROPICAL_MIN_PLUS:
        return _tropical(values, indices, valid, B, algebra is TROPICAL_MAX_PLUS)
    if algebra is BOOLEAN:
        return _streamed(semiring, values, indices, valid, B)
    return _users(semiring)(values, indices, valid, B)


def _fold(state: T, step: Callable[..., T], slots: Slots, B: Any) -> T:
    """state = step(state, value [m, 1], row of B [m, c], valid [m, 1], slot number), for one slot after the other."""

    @jax.checkpoint
    def one(state: T, slot: Slots, p: Any) -> T:
        row = jax.tree.map(lambda x: x[slot.indices], B)
        value = jax.tree.map(lambda v: v[:, None], slot.values)
        return step(state, value, row, slot.valid[:, None], p)

    columns: Slots = jax.tree.map(jnp.transpose, slots)
    k_max = columns.indices.shape[0]
    whole = 0 if k_max <= UNROLLED else k_max // GROUP * GROUP

    def several(state: T, xs: tuple[Slots, Array]) -> tuple[T, None]:
        group, first = xs
        for t in range(GROUP):
            state = one(state, jax.tree.map(lambda x: x[t], group), first + t)
        return state, None

    if whole:
        groups = jax.tree.map(lambda x: x[:whole].reshape(-1, GROUP, x.shape[1]), columns)
        state, _ = lax.scan(several, state, (groups, jnp.arange(0, whole, GROUP, dtype=jnp.int32)))
    for p in range(whole, k_max):
        state = one(state, jax.tree.map(lambda x: x[p], columns), jnp.int32(p))
    return state


def _zeros(slots: Slots, B: Array) -> Array:
    return jnp.zeros((slots.indices.shape[0], B.shape[1]), B.dtype)


def _adding(algebra: Semiring[Any]) -> Callable[..., Array]:
    def step(total: Array, value: Array, row: Array, valid: Array, _: Array) -> Array:
        return total + jnp.where(valid, algebra.binary_op.combine(value, row), 0)

    return step


def _streamed(semiring: Semiring[Any], values: Array, indices: Array, valid: Array, B: Array) -> Array:
    """The product of any algebra, as its monoid and its (*) define it."""
    monoid, times = semiring.monoid, semiring.binary_op.combine

    def step(state: Any, value: Array, row: Array, valid: Array, _: Array) -> Any:
        new = monoid.update(state, times(value, row))
        return jax.tree.map(lambda new, old: jnp.where(valid, new, old), new, state)

    state = monoid.init((indices.shape[0], B.shape[1]), B.dtype)
    return monoid.finalize(_fold(state, step, Slots(values, indices, valid), B))


def _users(semiring: Semiring[Any]) -> Callable[..., Array]:
    """A user's product: differentiable by the rule that the algebra carries, else forward-only."""
    forward, rule = partial(_streamed, semiring), semiring.ell_matmul_vjp
    if rule is None:
        return forward_only(
            forward,
            f"ELL products over the algebra {semiring.name!r} are forward-only, since it carries no ell_matmul_vjp: "
            f"give it one, or wrap the call in your own jax.custom_vjp.",
        )
    product = jax.custom_vjp(forward)

    def remember(values: Array, indices: Array, valid: Array, B: Array) -> tuple[Array, EllMatmulResiduals]:
        out = product(values, indices, valid, B)
        return out, EllMatmulResiduals(values, indices, valid, B, out)

    def backward(kept: EllMatmulResiduals, g: Array) -> tuple[Array, None, None, Array]:
        d_values, dB = rule(kept, g)
        return d_values, None, None, dB

    product.defvjp(remember, backward)
    return product


def _log(slots: Slots, B: Array) -> Array:
    """Exponents and mantissas as in the dense product: the largest exponent first, then the sum below it."""
    a, b = log.split(slots.values), log.split(B)

    def larger(E: Array, p: Array, q: Array, valid: Array, _: Array) -> Array:
        return jnp.where(valid & (p + q > E), p + q, E)

    E = jnp.full((slots.indices.shape[0], B.shape[1]), -math.inf, B.dtype)
    E = _fold(E, larger, slots._replace(values=a.exponent), b.exponent)
    E = lax.stop_gradient(jnp.where(-math.inf == E, 0, E))

    def add(s: Array, a: log.Split, b: log.Split, valid: Array, _: Array) -> Array:
        term = log.power((a.exponent + b.exponent) - E) * (a.mantissa * b.mantissa)
        return s + jnp.where(valid, term, 0)

    return log.value(E, _fold(jnp.zeros_like(E), add, slots._replace(values=a), b))


# With p[i, c] the first slot that attains the extremum (-1 where none is better than the identity),
#   dout[i, c] = dvalues[i, p] + dB[indices[i, p], c].


@partial(jax.custom_jvp, nondiff_argnums=(4,))
def _tropical(values: Array, indices: Array, valid: Array, B: Array, largest: bool) -> Array:
    return _attained(values, indices, valid, B, largest)[0]


@_tropical.defjvp
def _(largest: bool, primals: Any, tangents: Any) -> tuple[Array, Array]:
    values, indices, valid, B = primals
    d_values, _, _, dB = tangents
    out, slot = _attained(values, indices, valid, B, largest)
    p = jnp.maximum(slot, 0)
    d_out = jnp.take_along_axis(d_values, p, axis=1) + jnp.take_along_axis(
        dB, jnp.take_along_axis(indices, p, axis=1), axis=0
    )
    return out, jnp.where(slot >= 0, d_out, 0)


def _attained(values: Array, indices: Array, valid: Array, B: Array, largest: bool) -> tuple[Array, Array]:
    """The product, and the first slot that attains each entry."""
    better = jnp.greater if largest else jnp.less

    def step(state: Any, value: Array, row: Array, valid: Array, p: Array) -> Any:
        best, slot, nan = state
        term = value + row
        wins = better(term, best) & valid
        nan = nan | ((jnp.isnan(value) | jnp.isnan(row)) & valid)
        return jnp.where(wins, term, best), jnp.where(wins, p, slot), nan

    shape = (indices.shape[0], B.shape[1])
    worst = jnp.full(shape, -math.inf if largest else math.inf, B.dtype)
    state = (worst, jnp.full(shape, -1, jnp.int32), jnp.zeros(shape, bool))
    out, slot, nan = _fold(state, step, Slots(values, indices, valid), B)
    return jnp.where(nan, math.nan, out), slot
