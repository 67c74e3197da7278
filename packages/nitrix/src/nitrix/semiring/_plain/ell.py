"""ELL products on the plain path: one slot of every row at a time, gathered (or scattered), never all slots at once."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import Array, lax

from nitrix._apart import apart
from nitrix.semiring._plain import log
from nitrix.semiring._plain.euclidean import root, scale_of
from nitrix.semiring.algebra import Semiring
from nitrix.semiring.algebras import (
    BOOLEAN,
    EUCLIDEAN,
    LOG,
    REAL,
    TROPICAL_MAX_PLUS,
    builtin,
)
from nitrix.semiring.paired import with_users_ell_rule

T = TypeVar("T")

UNROLLED = 16  # slots that are unrolled; beyond, a loop takes GROUP of them per step
GROUP = 8


class Slots(NamedTuple):
    """A sparse matrix as rows of slots; each array is [m, k_max]."""

    values: Any  # an array, or a tuple of arrays
    indices: Array
    valid: (
        Array | None
    )  # None: every slot counts. Fewer columns than k_max: of the last slots; all others count

    def counting(self) -> Array | None:
        """The slots that count, [m, k_max]."""
        if self.valid is None or self.valid.shape == self.indices.shape:
            return self.valid
        return jnp.pad(self.valid, ((0, 0), (self._full(), 0)), constant_values=True)

    def _full(self) -> int:
        """How many slots count in every row."""
        return int(self.indices.shape[1] - (0 if self.valid is None else self.valid.shape[1]))


# out[i, c] = (+)_p values[i, p] (*) B[indices[i, p], c] over the valid slots p. Every loop below is a sum of terms that
# a derivative makes again slot by slot, so that reverse mode keeps no array of all slots either.


def product(semiring: Semiring[Any], slots: Slots, B: Array) -> Array:
    """Slots of [m, k_max] and B [n, c] -> [m, c], with its derivative."""
    if builtin(semiring) is None:
        return with_users_ell_rule(partial(_streamed, semiring, unrolled=UNROLLED), semiring)(slots, B)
    return _unrolled(semiring, slots, B)


# Unrolled, all slots of a backward pass would live at once; one slot per loop step keeps it in bounds, and is faster.
@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _unrolled(semiring: Semiring[Any], slots: Slots, B: Array) -> Array:
    forward = _log_forward if builtin(semiring) is LOG else partial(value, semiring)
    return apart(forward, slots.indices, slots, B)


@_unrolled.defjvp
def _(semiring: Semiring[Any], primals: Any, tangents: Any) -> tuple[Array, Array]:
    (slots, B), (d_slots, dB) = primals, tangents

    def looped(values: Array, B: Array) -> Array:
        return value(semiring, slots._replace(values=values), B, 0)

    out, d_out = jax.jvp(looped, (slots.values, B), (d_slots.values, dB))
    return out, d_out


def value(semiring: Semiring[Any], slots: Slots, B: Array, unrolled: int = UNROLLED) -> Array:
    """The product of a built-in algebra, to be fused with what is around it."""
    algebra = builtin(semiring)
    zeros = jnp.zeros((slots.indices.shape[0], B.shape[1]), B.dtype)
    if algebra is LOG:
        return _log(slots, B, unrolled)
    if algebra is EUCLIDEAN:
        scale = scale_of(slots.values, B)
        scaled = slots._replace(values=slots.values / scale)
        return root(fold(zeros, _adding(EUCLIDEAN), scaled, B / scale, unrolled)) * scale
    if algebra is REAL:
        return fold(zeros, _adding(REAL), slots, B, unrolled)
    if algebra is BOOLEAN:
        return _streamed(BOOLEAN, slots, B, unrolled)
    return _tropical(slots, B, algebra is TROPICAL_MAX_PLUS, unrolled)


def fold(state: T, step: Callable[..., T], slots: Slots, B: Any, unrolled: int) -> T:
    """state = step(state, value [m, 1], row of B [m, c], valid [m, 1], slot number), for one slot after the other."""

    @jax.checkpoint
    def one(state: T, slot: Slots, p: Any) -> T:
        row = jax.tree.map(lambda x: x[slot.indices], B)
        value, valid = jax.tree.map(lambda x: x[:, None], (slot.values, slot.valid))
        return step(state, value, row, valid, p)

    k_max = slots.indices.shape[1]
    group = GROUP if unrolled else 1
    whole = 0 if k_max <= unrolled else k_max // group * group
    full = 0 if whole else slots._full()
    columns: Slots = jax.tree.map(
        jnp.transpose, slots._replace(valid=slots.counting() if whole else slots.valid)
    )

    def several(state: T, xs: tuple[Slots, Array]) -> tuple[T, None]:
        slots, first = xs
        for t in range(group):
            state = one(state, line(slots, t), first + t)
        return state, None

    if whole:
        groups = jax.tree.map(lambda x: x[:whole].reshape(-1, group, x.shape[1]), columns)
        state, _ = lax.scan(several, state, (groups, jnp.arange(0, whole, group, dtype=jnp.int32)))
    for p in range(whole, k_max):
        slot = line(columns._replace(valid=None), p)
        if columns.valid is not None and p >= full:
            slot = slot._replace(valid=columns.valid[p - full])
        state = one(state, slot, jnp.int32(p))
    return state


def line(arrays: T, number: int) -> T:
    return jax.tree.map(lambda x: x[number], arrays)


def counted(valid: Array | None, condition: Array) -> Array:
    """The condition, at slots that count."""
    return condition if valid is None else condition & valid


def kept(valid: Array | None, new: Array, old: Any) -> Array:
    """The new value, at slots that count."""
    return new if valid is None else jnp.where(valid, new, old)


def _adding(algebra: Semiring[Any]) -> Callable[..., Array]:
    def step(total: Array, value: Array, row: Array, valid: Array | None, _: Array) -> Array:
        return total + kept(valid, algebra.binary_op.combine(value, row), 0)

    return step


def _streamed(semiring: Semiring[Any], slots: Slots, B: Array, unrolled: int) -> Array:
    """The product of any algebra, as its monoid and its (*) define it."""
    monoid, times = semiring.monoid, semiring.binary_op.combine

    def step(state: Any, value: Array, row: Array, valid: Array | None, _: Array) -> Any:
        new = monoid.update(state, times(value, row))
        return jax.tree.map(partial(kept, valid), new, state)

    state = monoid.init((slots.indices.shape[0], B.shape[1]), B.dtype)
    return monoid.finalize(fold(state, step, slots, B, unrolled))


# Exponents and mantissas as in the dense product: the largest exponent E first, then the sum s below it.


def _log(slots: Slots, B: Array, unrolled: int) -> Array:
    split_slots, split_B = slots._replace(values=log.split(slots.values)), log.split(B)
    E = log_exponent(split_slots, split_B, unrolled)
    return log.value(E, log_sum(split_slots, split_B, E, unrolled))


def _log_forward(slots: Slots, B: Array) -> Array:
    """The product without its derivative, by two passes: as accurate, since a + b is correctly rounded."""
    combine = LOG.binary_op.combine

    def larger(largest: Array, a: Array, b: Array, valid: Array | None, _: Array) -> Array:
        term = combine(a, b)
        return jnp.where(counted(valid, term > largest), term, largest)

    lowest = jnp.full((slots.indices.shape[0], B.shape[1]), -math.inf, B.dtype)
    largest = fold(lowest, larger, slots, B, UNROLLED)
    shift = jnp.where(jnp.isinf(largest), 0, largest)

    def add(s: Array, a: Array, b: Array, valid: Array | None, _: Array) -> Array:
        return s + kept(valid, jnp.exp(combine(a, b) - shift), 0)

    return jnp.log(fold(jnp.zeros_like(shift), add, slots, B, UNROLLED)) + shift


def log_exponent(slots: Slots, B: log.Split, unrolled: int = UNROLLED) -> Array:
    """The largest exponent of a term, 0 for an empty sum, stopping derivatives."""

    def larger(E: Array, p: Array, q: Array, valid: Array | None, _: Array) -> Array:
        return jnp.where(counted(valid, p + q > E), p + q, E)

    lowest = jnp.full((slots.indices.shape[0], B.exponent.shape[1]), -math.inf, B.exponent.dtype)
    exponents = slots._replace(values=slots.values.exponent)
    E = fold(lowest, larger, *lax.stop_gradient((exponents, B.exponent)), unrolled)
    return lax.stop_gradient(jnp.where(-math.inf == E, 0, E))


def log_sum(slots: Slots, B: log.Split, E: Array, unrolled: int = UNROLLED) -> Array:
    """The sum of the terms, each divided by 16^E."""

    def add(s: Array, a: log.Split, b: log.Split, valid: Array | None, _: Array) -> Array:
        return s + kept(valid, log_share(a, b, E, valid), 0)

    return fold(jnp.zeros_like(E), add, slots, B, unrolled)


def log_share(a: log.Split, b: log.Split, E: Array, valid: Array | None = None) -> Array:
    """e^(a + b) / 16^E."""
    # The power of a slot that does not count could overflow, and its derivative be 0 * inf.
    shifted = kept(valid, (a.exponent + b.exponent) - E, -math.inf)
    return log.power(shifted) * (a.mantissa * b.mantissa)


# With p[i, c] the first slot that attains the extremum (-1 where none is better than the identity),
#   dout[i, c] = dvalues[i, p] + dB[indices[i, p], c].


@partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def _tropical(slots: Slots, B: Array, largest: bool, unrolled: int) -> Array:
    return attained(slots, B, largest, unrolled)[0]


@_tropical.defjvp
def _(largest: bool, unrolled: int, primals: Any, tangents: Any) -> tuple[Array, Array]:
    (slots, B), (d_slots, dB) = primals, tangents
    out, slot = attained(slots, B, largest, unrolled)
    p = jnp.maximum(slot, 0)
    column = jnp.take_along_axis(slots.indices, p, axis=1)
    d_out = jnp.take_along_axis(d_slots.values, p, axis=1) + jnp.take_along_axis(dB, column, axis=0)
    return out, jnp.where(slot >= 0, d_out, 0)


def attained(slots: Slots, B: Array, largest: bool, unrolled: int) -> tuple[Array, Array]:
    """The product, and the first slot that attains each entry."""
    better = jnp.greater if largest else jnp.less

    def step(state: Any, value: Array, row: Array, valid: Array | None, p: Array) -> Any:
        best, slot, nan = state
        term = value + row
        wins = counted(valid, better(term, best))
        nan = nan | counted(valid, jnp.isnan(value) | jnp.isnan(row))
        return jnp.where(wins, term, best), jnp.where(wins, p, slot), nan

    shape = (slots.indices.shape[0], B.shape[1])
    worst = jnp.full(shape, -math.inf if largest else math.inf, B.dtype)
    state = (worst, jnp.full(shape, -1, jnp.int32), jnp.zeros(shape, bool))
    out, slot, nan = fold(state, step, slots, B, unrolled)
    return jnp.where(nan, math.nan, out), slot
