"""Sums of messages over the slots of each row: one slot of every row at a time, forward and backward."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from nitrix.semiring._plain.ell import Slots
from nitrix.semiring._plain.ell_gathered import Sections
from nitrix.semiring._plain.reductions import Reduction, reduction
from nitrix.semiring.algebra import Semiring
from nitrix.semiring.algebras import builtin
from nitrix.semiring.operands import accumulator
from nitrix.semiring.paired import forward_only

# Slots whose messages may be kept at a time: more would cost memory, fewer a pass over the sums for each.
SLOTS_AT_ONCE = 4


class Edges(NamedTuple):
    """One slot of several rows, or of all slots; pads repeat a slot that counts, so that they are no special case."""

    row: Array
    column: Array
    valid: Array
    number: Array  # of the slot, counted through the sections


# (weights, own rows, rows of the neighbours, values, attributes or None, the edges) -> messages [rows, d]
Message = Callable[[Any, Array, Array, Array, Any, Edges], Array]


class Operands(NamedTuple):
    """What messages are made from, and what has a cotangent."""

    weights: Any
    own: Array  # [m, d]
    neighbours: Array  # [n, d]
    values: tuple[Array, ...]  # [rows, k_max] of each section
    attributes: tuple[Array, ...] | None  # [rows, k_max, ...] of each section


def aggregate(
    semiring: Semiring[Any],
    message: Message,
    given: Operands,
    matrix: Sections,
    columns: Sections | None,
    like: Any,
    fast: Callable[[Operands, Sections], Array] | None = None,
) -> Array:
    """out[i] = (+) over the slots of row i of their messages, of the shape and dtype of `like` for one row.

    `fast` is another way to the same sums, taken where no derivative is asked for.
    """
    forward = partial(_forward, reduction(semiring), message, like)
    value = fast or (lambda given, matrix: forward(given, matrix)[0])
    if builtin(semiring) is None:
        why = (
            f"aggregation over the algebra {semiring.name!r} is forward-only: messages have no rule for a user's sum; "
            f"wrap the call in your own jax.custom_vjp."
        )
        return forward_only(value, why)(given, matrix)

    @jax.custom_vjp
    def product(given: Operands, matrix: Sections, columns: Sections | None) -> Array:
        return value(given, matrix)

    def remember(given: Operands, matrix: Sections, columns: Sections | None) -> Any:
        out, states = forward(given, matrix)
        return out, (given, matrix, columns, states)

    def backward(kept: Any, g: Array) -> Any:
        given, matrix, columns, states = kept
        return _backward(reduction(semiring), message, given, matrix, columns, states, g), None, None

    product.defvjp(remember, backward)
    return product(given, matrix, columns)


def _forward(
    sums: Reduction, message: Message, like: Any, given: Operands, matrix: Sections
) -> tuple[Array, list[Any]]:
    states = []
    for rows, own, slots in _sections(given, matrix):
        state = sums.init((rows, *like.shape), like.dtype)

        def step(state: Any, slot: Any, own: Any = own) -> tuple[Any, None]:
            at, value, attribute = slot
            new = message(given.weights, own, given.neighbours[at.column], value, attribute, at)
            return sums.step(state, new, at.valid[:, None], at.number[:, None]), None

        state, _ = lax.scan(step, state, slots, unroll=SLOTS_AT_ONCE)
        states.append(state)
    return matrix.joined([sums.finish(state) for state in states]), states


# With w the cotangent of one slot's messages (the algebra's weight), those of what it was made from are the message
# function's own, which is linearised again slot by slot. Cotangents of neighbours are scattered into their rows or,
# where the slots of each column are known, made in a second sweep by columns, which gathers.


def _backward(
    sums: Reduction,
    message: Message,
    given: Operands,
    matrix: Sections,
    columns: Sections | None,
    states: list[Any],
    g: Array,
) -> Operands:
    d_weights, d_neighbours = jax.tree.map(_no_sum, (given.weights, given.neighbours))
    d_own, d_values, d_attributes = [], [], []
    for (_, own, slots), state, g_own in zip(_sections(given, matrix), states, matrix.parted(g)):

        def step(carry: Any, slot: Any, own: Any = own, state: Any = state, g: Any = g_own) -> Any:
            d_weights, d_own, d_neighbours = carry
            at, value, attribute = slot
            made = lambda weights, *x: message(weights, *x, at)  # type: ignore[call-arg]  # noqa: E731
            primals = (given.weights, own, given.neighbours[at.column], value, attribute)
            new, pull = jax.vjp(made, *primals)
            d = jax.tree.map(_term, primals, pull(_weighted(sums, new, at, state, g)))
            d_mine, d_other, *d_edge = jax.tree.map(lambda x: _masked(at.valid, x), d[1:])
            if columns is None:
                d_neighbours = d_neighbours.at[at.column].add(d_other)
            d_weights = jax.tree.map(jnp.add, d_weights, d[0])
            return (d_weights, d_own + d_mine, d_neighbours), d_edge

        carry = (d_weights, _no_sum(own), d_neighbours)
        carry, (d_value, d_attribute) = lax.scan(step, carry, slots, unroll=SLOTS_AT_ONCE)
        d_weights, d_mine, d_neighbours = carry
        d_own.append(d_mine)
        d_values.append(d_value.T)
        d_attributes.append(jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), d_attribute))
    if columns is not None:
        d_neighbours = _by_columns(sums, message, given, matrix, columns, states, g)
    attributes = None if given.attributes is None else tuple(d_attributes)
    d_given = Operands(d_weights, matrix.joined(d_own), d_neighbours, tuple(d_values), attributes)
    return jax.tree.map(_given_back, given, d_given)


# Cotangents are summed in 32 bits at least; those of integers and truth values are none.


def _no_sum(x: Array) -> Array:
    return jnp.zeros(x.shape, accumulator(x.dtype) if _derivable(x) else jnp.float32)


def _term(x: Array, d: Array) -> Array:
    return d.astype(accumulator(d.dtype)) if _derivable(x) else _no_sum(x)


def _given_back(x: Array, d: Array) -> Any:
    return d.astype(x.dtype) if _derivable(x) else np.zeros(x.shape, jax.dtypes.float0)


def _derivable(x: Array) -> bool:
    return jnp.issubdtype(x.dtype, jnp.inexact)


def _by_columns(
    sums: Reduction,
    message: Message,
    given: Operands,
    matrix: Sections,
    columns: Sections,
    states: list[Any],
    g: Array,
) -> Array:
    """The cotangents of the neighbours, each summed over the slots of its column."""
    state = jax.tree.map(lambda *parts: matrix.joined(list(parts)), *states)
    totals = []
    for _, neighbours, slots in _column_sections(given, columns):

        def step(total: Array, slot: Any, neighbours: Array = neighbours) -> tuple[Array, None]:
            at, value, attribute = slot
            own = given.own[at.row]
            made: Any = lambda x: message(given.weights, own, x, value, attribute, at)  # noqa: E731
            new, pull = jax.vjp(made, neighbours)
            of_rows = jax.tree.map(lambda x: x[at.row], (state, g))
            (d,) = pull(_weighted(sums, new, at, *of_rows))
            return total + _masked(at.valid, _term(neighbours, d)), None

        total, _ = lax.scan(step, _no_sum(neighbours), slots, unroll=SLOTS_AT_ONCE)
        totals.append(total)
    return columns.joined(totals)


def _weighted(sums: Reduction, message: Array, at: Edges, state: Any, g: Array) -> Array:
    weight = sums.weight(message, at.number[:, None], state, g)
    return jnp.where(at.valid[:, None], weight, 0).astype(message.dtype)


def _masked(valid: Array, x: Array) -> Array:
    return jnp.where(valid.reshape(-1, *[1] * (x.ndim - 1)), x, 0)


# Of each group of rows: how many, their own features, and their (edges, values, attributes) slot by slot. A pad repeats
# the first slot of its row that counts, and a row of pads another row: a message that no edge sends could be singular,
# and its derivative NaN however it is masked.


def _sections(given: Operands, matrix: Sections) -> list[tuple[int, Array, Any]]:
    attributes = given.attributes or [None] * len(matrix.groups)
    found = []
    every = zip(matrix.groups, _rows(matrix), matrix.numbers(), given.values, attributes)
    for group, rows, number, *edge in every:
        row, (column, value, attribute), valid = _repeating(group, rows, (group.indices, *edge))
        slots = _by_slot(row[:, None], column, valid, number, value, attribute)
        found.append((len(rows), given.own[row], slots))
    return found


def _column_sections(given: Operands, columns: Sections) -> list[tuple[int, Array, Any]]:
    """The same of the transposed slots, whose rows are columns and whose values are slot numbers."""

    def flat(parts: tuple[Array, ...]) -> Array:
        return jnp.concatenate([x.reshape(-1, *x.shape[2:]) for x in parts])

    values, attributes = flat(given.values), None if given.attributes is None else flat(given.attributes)
    found = []
    for group, own in zip(columns.groups, _rows(columns)):
        column, (row, number), valid = _repeating(group, own, (group.indices, group.values))
        value, attribute = jax.tree.map(lambda x: x[number], (values, attributes))  # noqa: B023
        slots = _by_slot(row, column[:, None], valid, number, value, attribute)
        found.append((len(own), given.neighbours[column], slots))
    return found


def _rows(matrix: Sections) -> tuple[Array, ...]:
    return matrix.rows or (jnp.arange(matrix.groups[0].indices.shape[0], dtype=jnp.int32),)


def _repeating(group: Slots, rows: Array, arrays: Any) -> tuple[Array, Any, Array]:
    """Row numbers [r] and per-slot arrays [r, k_max, ...] without pads, and which slots count."""
    if group.valid is None or group.indices.size == 0:
        return rows, arrays, jnp.ones(group.indices.shape, bool)
    valid, some = group.valid, group.valid.any(1)
    source = jnp.where(some, jnp.arange(len(rows)), jnp.argmax(some))
    first = jnp.argmax(valid, 1)[source]

    def repeated(x: Array) -> Array:
        return jnp.where(valid.reshape(*valid.shape, *[1] * (x.ndim - 2)), x, x[source, first][:, None])

    return rows[source], jax.tree.map(repeated, arrays), valid


def _by_slot(row: Array, column: Array, valid: Array, number: Array, value: Array, attribute: Any) -> Any:
    row, column = (jnp.broadcast_to(x, valid.shape).astype(jnp.int32) for x in (row, column))
    return jax.tree.map(
        lambda x: jnp.moveaxis(x, 1, 0), (Edges(row, column, valid, number), value, attribute)
    )
