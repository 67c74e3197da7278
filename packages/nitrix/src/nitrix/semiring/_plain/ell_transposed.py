"""Transposed ELL products on the plain path: one slot of every row at a time, scattered into the columns."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from nitrix.semiring._plain import log
from nitrix.semiring._plain.ell import Slots
from nitrix.semiring._plain.euclidean import root, scale_of
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

# out[j, c] = (+) values[i, p] (*) X[i, c] over all valid slots (i, p) with indices[i, p] = j.


def product(semiring: Semiring[Any], slots: Slots, X: Array, n_cols: int) -> Array:
    """Slots of [m, k_max] and X [m, c] -> [n_cols, c], with its derivative. Built-in algebras only."""
    algebra = builtin(semiring)
    values, indices, valid = slots
    if valid is not None:
        indices = jnp.where(valid, indices, n_cols)  # what is past the last column is dropped
    slots = Slots(values, indices, None)
    zeros = jnp.zeros((n_cols, X.shape[1]), X.dtype)
    if algebra is REAL:
        return _scattered(zeros, "add", slots, X, lambda value, x: value * x)
    if algebra is BOOLEAN:
        return _scattered(zeros, "max", slots, X, jnp.logical_and)
    if algebra is EUCLIDEAN:
        scale = scale_of(values, X)
        slots = slots._replace(values=values / scale)
        return root(_scattered(zeros, "add", slots, X / scale, lambda v, x: jnp.square(v - x))) * scale
    if algebra is LOG:
        return _log(slots, X, n_cols)
    return _tropical(values, indices, X, n_cols, algebra is TROPICAL_MAX_PLUS)


def _scattered(out: Array, how: str, slots: Slots, X: Any, term: Any) -> Array:
    """Scatter the terms of one slot after the other."""

    @jax.checkpoint
    def one(out: Array, slot: Slots) -> tuple[Array, None]:
        value = jax.tree.map(lambda v: v[:, None], slot.values)
        return getattr(out.at[slot.indices], how)(term(value, X), mode="drop"), None

    return lax.scan(one, out, jax.tree.map(jnp.transpose, slots))[0]


def _log(slots: Slots, X: Array, n_cols: int) -> Array:
    a, b = log.split(slots.values), log.split(X)
    combine = LOG.binary_op.combine
    worst = jnp.full((n_cols, X.shape[1]), -math.inf, X.dtype)
    exponents = lax.stop_gradient(slots._replace(values=a.exponent))
    E = _scattered(worst, "max", exponents, lax.stop_gradient(b.exponent), combine)
    E = lax.stop_gradient(jnp.where(-math.inf == E, 0, E))

    @jax.checkpoint
    def one(s: Array, slot: Slots) -> tuple[Array, None]:
        p, pm = (v[:, None] for v in slot.values)
        # inf at slots that are dropped: the power could overflow, and its derivative be 0 * inf
        shift = E.at[slot.indices].get(mode="fill", fill_value=math.inf)
        term = log.power((p + b.exponent) - shift) * (pm * b.mantissa)
        return s.at[slot.indices].add(term, mode="drop"), None

    columns = jax.tree.map(jnp.transpose, slots._replace(values=a))
    return log.value(E, lax.scan(one, jnp.zeros_like(E), columns)[0])


# With (i, p)[j, c] the first slot, counted along the rows, that attains the extremum (none where no term is better than
# the identity), dout[j, c] = dvalues[i, p] + dX[i, c].


@partial(jax.custom_jvp, nondiff_argnums=(3, 4))
def _tropical(values: Array, indices: Array, X: Array, n_cols: int, largest: bool) -> Array:
    combine = (TROPICAL_MAX_PLUS if largest else TROPICAL_MIN_PLUS).binary_op.combine
    worst = jnp.full((n_cols, X.shape[1]), -math.inf if largest else math.inf, X.dtype)
    nan = _scattered(
        jnp.zeros(worst.shape, bool),
        "max",
        Slots(values, indices, None),
        X,
        lambda v, x: jnp.isnan(v) | jnp.isnan(x),
    )
    out = _scattered(worst, "max" if largest else "min", Slots(values, indices, None), X, combine)
    return jnp.where(nan, math.nan, out)


@_tropical.defjvp
def _(n_cols: int, largest: bool, primals: Any, tangents: Any) -> tuple[Array, Array]:
    values, indices, X = primals
    d_values, _, dX = tangents
    out = _tropical(values, indices, X, n_cols, largest)
    m, k_max = indices.shape
    none = m * k_max
    numbers = jnp.arange(none, dtype=jnp.int32).reshape(m, k_max)

    def one(first: Array, slot: tuple[Slots, Array]) -> tuple[Array, None]:
        slots, number = slot
        attains = slots.values[:, None] + X == out.at[slots.indices].get(mode="clip")
        number = jnp.where(attains, number[:, None], none)
        return first.at[slots.indices].min(number, mode="drop"), None

    columns = jax.tree.map(jnp.transpose, (Slots(values, indices, None), numbers))
    first, _ = lax.scan(one, jnp.full(out.shape, none, jnp.int32), columns)
    some = (first < none) & (out != (-math.inf if largest else math.inf))
    first = jnp.where(some, first, 0)
    d_out = d_values.reshape(-1)[first] + jnp.take_along_axis(dX, first // k_max, axis=0)
    return out, jnp.where(some, d_out, 0)
