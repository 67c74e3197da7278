"""Transposed ELL products on the plain path: one slot of every row at a time, scattered into the columns."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from nitrix.semiring._plain import ell, log
from nitrix.semiring._plain.ell import Slots
from nitrix.semiring._plain.ell_gathered import Sections
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

Parts = list[
    tuple[Slots, Any]
]  # of each group of rows: its slots, and its rows of X (or of a tuple of arrays)


def product(semiring: Semiring[Any], matrix: Sections, X: Array, n_cols: int) -> Array:
    """The transposed product with X [m, c] -> [n_cols, c], with its derivative. Built-in algebras only."""
    algebra = builtin(semiring)
    # What is past the last column is dropped.
    groups = [
        g if g.valid is None else g._replace(indices=jnp.where(g.valid, g.indices, n_cols), valid=None)
        for g in matrix.groups
    ]
    parts: Parts = [part for part in zip(groups, matrix.parted(X)) if part[0].indices.size]
    zeros = jnp.zeros((n_cols, X.shape[1]), X.dtype)
    if algebra is REAL:
        return _scattered(zeros, "add", parts, lambda value, x: value * x)
    if algebra is BOOLEAN:
        return _scattered(zeros, "max", parts, jnp.logical_and)
    if algebra is EUCLIDEAN:
        scale = scale_of(jnp.concatenate([slots.values.reshape(-1) for slots, _ in parts]), X)
        scaled = [(slots._replace(values=slots.values / scale), x / scale) for slots, x in parts]
        return root(_scattered(zeros, "add", scaled, lambda v, x: jnp.square(v - x))) * scale
    if algebra is LOG:
        return _log(parts, zeros)
    values, indices = [slots.values for slots, _ in parts], [slots.indices for slots, _ in parts]
    return _tropical(values, indices, [x for _, x in parts], n_cols, algebra is TROPICAL_MAX_PLUS)


def _scattered(out: Array, how: str, parts: Parts, term: Any) -> Array:
    """Scatter the terms of one slot after the other."""
    for slots, X in parts:

        @jax.checkpoint
        def one(out: Array, slot: Slots, X: Any = X) -> tuple[Array, None]:
            value = slot.values[:, None]
            return getattr(out.at[slot.indices], how)(term(value, X), mode="drop"), None

        out = lax.scan(one, out, jax.tree.map(jnp.transpose, slots))[0]
    return out


def _log(parts: Parts, zeros: Array) -> Array:
    split = [(slots._replace(values=log.split(slots.values)), log.split(x)) for slots, x in parts]
    exponents = [(slots._replace(values=slots.values.exponent), x.exponent) for slots, x in split]
    worst = jnp.full_like(zeros, -math.inf)
    E = _scattered(worst, "max", lax.stop_gradient(exponents), LOG.binary_op.combine)
    E = lax.stop_gradient(jnp.where(-math.inf == E, 0, E))
    s = zeros
    for slots, X in split:

        @jax.checkpoint
        def one(s: Array, slot: Slots, X: log.Split = X) -> tuple[Array, None]:
            # inf at slots that are dropped: the power could overflow, and its derivative be 0 * inf
            shift = E.at[slot.indices].get(mode="fill", fill_value=math.inf)
            value = jax.tree.map(lambda v: v[:, None], slot.values)
            return s.at[slot.indices].add(ell.log_share(value, X, shift), mode="drop"), None

        s = lax.scan(one, s, jax.tree.map(jnp.transpose, slots))[0]
    return log.value(E, s)


# With (i, p)[j, c] the first slot, counted along the rows, that attains the extremum (none where no term is better than
# the identity), dout[j, c] = dvalues[i, p] + dX[i, c].


@partial(jax.custom_jvp, nondiff_argnums=(3, 4))
def _tropical(values: list[Array], indices: list[Array], X: list[Array], n_cols: int, largest: bool) -> Array:
    parts: Parts = [(Slots(v, i, None), x) for v, i, x in zip(values, indices, X)]
    worst = jnp.full((n_cols, X[0].shape[1]), -math.inf if largest else math.inf, X[0].dtype)
    nan = _scattered(jnp.zeros(worst.shape, bool), "max", parts, lambda v, x: jnp.isnan(v) | jnp.isnan(x))
    combine = (TROPICAL_MAX_PLUS if largest else TROPICAL_MIN_PLUS).binary_op.combine
    out = _scattered(worst, "max" if largest else "min", parts, combine)
    return jnp.where(nan, math.nan, out)


@_tropical.defjvp
def _(n_cols: int, largest: bool, primals: Any, tangents: Any) -> tuple[Array, Array]:
    values, indices, X = primals
    d_values, _, dX = tangents
    out = _tropical(values, indices, X, n_cols, largest)
    none = sum(i.size for i in indices)
    first, start = jnp.full(out.shape, none, jnp.int32), 0
    for v, i, x in zip(values, indices, X):
        numbers = start + jnp.arange(i.size, dtype=jnp.int32).reshape(i.shape)
        start += i.size

        def one(first: Array, slot: tuple[Slots, Array], x: Array = x) -> tuple[Array, None]:
            slots, number = slot
            attains = slots.values[:, None] + x == out.at[slots.indices].get(mode="clip")
            number = jnp.where(attains, number[:, None], none)
            return first.at[slots.indices].min(number, mode="drop"), None

        columns = jax.tree.map(jnp.transpose, (Slots(v, i, None), numbers))
        first, _ = lax.scan(one, first, columns)
    some = (first < none) & (out != (-math.inf if largest else math.inf))
    first = jnp.where(some, first, 0)
    rows, before = [], 0
    for i in indices:
        rows.append(jnp.repeat(before + jnp.arange(i.shape[0], dtype=jnp.int32), i.shape[1]))
        before += i.shape[0]
    row = jnp.concatenate(rows)[first]
    d_value = jnp.concatenate([d.reshape(-1) for d in d_values])[first]
    d_out = d_value + jnp.take_along_axis(jnp.concatenate(dX), row, axis=0)
    return out, jnp.where(some, d_out, 0)
