"""Sums of messages over the slots of each row: one slot of every row at a time, forward and backward."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from nitrix.semiring._plain import ell
from nitrix.semiring._plain.ell_gathered import Sections
from nitrix.semiring._plain.reductions import Reduction, reduction
from nitrix.semiring.algebra import Semiring
from nitrix.semiring.algebras import builtin
from nitrix.semiring.paired import forward_only

SLOTS_AT_ONCE = (
    4  # whose messages may be kept at a time: more would cost memory, fewer a pass over the sums for each
)


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
) -> Array:
    """out[i] = (+) over the slots of row i of their messages, of the shape and dtype of `like` for one row."""
    forward = partial(_forward, reduction(semiring), message, like)
    if builtin(semiring) is None:
        why = (
            f"aggregation over the algebra {semiring.name!r} is forward-only: messages have no rule for a user's sum; "
            f"wrap the call in your own jax.custom_vjp."
        )
        return forward_only(lambda given, matrix: forward(given, matrix)[0], why)(given, matrix)

    @jax.custom_vjp
    def product(given: Operands, matrix: Sections, columns: Sections | None) -> Array:
        return forward(given, matrix)[0]

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
# where the slots of each column are known, written down once for every edge and gathered.


def _backward(
    sums: Reduction,
    message: Message,
    given: Operands,
    matrix: Sections,
    columns: Sections | None,
    states: list[Any],
    g: Array,
) -> Operands:
    d_weights, d_neighbours = jax.tree.map(jnp.zeros_like, (given.weights, given.neighbours))
    n_edges = 0 if columns is None else matrix.size
    by_edge = jnp.zeros((n_edges, given.neighbours.shape[1]), given.neighbours.dtype)
    d_own, d_values, d_attributes, start = [], [], [], 0
    for (rows, own, slots), state, g_own in zip(_sections(given, matrix), states, matrix.parted(g)):

        def step(carry: Any, slot: Any, own: Any = own, state: Any = state, g: Any = g_own) -> Any:
            d_weights, d_own, d_neighbours, by_edge, place = carry
            at, value, attribute = slot
            made = lambda weights, *x: message(weights, *x, at)  # type: ignore[call-arg]  # noqa: E731
            new, pull = jax.vjp(made, given.weights, own, given.neighbours[at.column], value, attribute)
            weight = sums.weight(new, at.number[:, None], state, g)
            d = pull(jnp.where(at.valid[:, None], weight, 0).astype(new.dtype))
            d_mine, d_other, *d_edge = jax.tree.map(lambda x: _masked(at.valid, x), d[1:])
            if columns is None:
                d_neighbours = d_neighbours.at[at.column].add(d_other)
            else:
                by_edge = lax.dynamic_update_slice_in_dim(by_edge, d_other, place, 0)
            d_weights = jax.tree.map(jnp.add, d_weights, d[0])
            return (d_weights, d_own + d_mine, d_neighbours, by_edge, place + len(at.valid)), d_edge

        carry = (d_weights, jnp.zeros_like(own), d_neighbours, by_edge, jnp.int32(start))
        (d_weights, d_mine, d_neighbours, by_edge, _), (d_value, d_attribute) = lax.scan(step, carry, slots)
        d_own.append(d_mine)
        d_values.append(d_value.T)
        d_attributes.append(jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), d_attribute))
        start += rows * len(slots[0].column)
    if columns is not None:
        d_neighbours = _gathered(by_edge, matrix, columns)
    attributes = None if given.attributes is None else tuple(d_attributes)
    return Operands(d_weights, matrix.joined(d_own), d_neighbours, tuple(d_values), attributes)


def _masked(valid: Array, x: Array) -> Array:
    return jnp.where(valid.reshape(-1, *[1] * (x.ndim - 1)), x, 0)


def _gathered(by_edge: Array, matrix: Sections, columns: Sections) -> Array:
    """Cotangents of edges, stored slot by slot of each section, summed over the slots of each column."""
    places, start = [], 0
    for group in matrix.groups:
        rows, k_max = group.indices.shape
        places.append((start + jnp.arange(rows * k_max, dtype=jnp.int32).reshape(k_max, rows).T).reshape(-1))
        start += rows * k_max
    place = jnp.concatenate(places)

    def add(total: Array, _: Any, row: Array, valid: Array | None, p: Array) -> Array:
        return total + ell.kept(valid, row, 0)

    parts = []
    for group in columns.groups:
        total = jnp.zeros((group.indices.shape[0], by_edge.shape[1]), by_edge.dtype)
        at = group._replace(indices=place[group.values])
        parts.append(ell.fold(total, add, at, by_edge, ell.UNROLLED))
    return columns.joined(parts)


def _sections(given: Operands, matrix: Sections) -> list[tuple[int, Array, Any]]:
    """Of each section: how many rows, its own rows, and its (edges, values, attributes) slot by slot.

    A pad repeats the first slot of its row, and a row of pads another row: a message that no edge sends could be
    singular, and its derivative NaN however it is masked.
    """
    found = []
    every_row = (jnp.arange(given.own.shape[0], dtype=jnp.int32),)
    groups = zip(matrix.groups, matrix.rows or every_row, matrix.numbers(), given.values)
    for section, (group, rows, number, values) in enumerate(groups):
        count = group.indices.shape[0]
        column, attributes = group.indices, given.attributes and given.attributes[section]
        valid = jnp.ones(group.indices.shape, bool) if group.valid is None else group.valid
        if group.valid is not None and group.indices.size:
            source = jnp.where(valid[:, 0], jnp.arange(count), jnp.argmax(valid[:, 0]))
            rows = rows[source]
            column, values, attributes = jax.tree.map(
                lambda x: _where(valid, x, x[source, :1]),  # noqa: B023
                (column, values, attributes),
            )
        row = jnp.broadcast_to(rows[:, None], group.indices.shape).astype(jnp.int32)
        edges = Edges(row, column.astype(jnp.int32), valid, number)
        by_slot = jax.tree.map(lambda x: jnp.moveaxis(x, 1, 0), (edges, values, attributes))
        found.append((count, given.own[rows], by_slot))
    return found


def _where(valid: Array, x: Array, other: Array) -> Array:
    return jnp.where(valid.reshape(*valid.shape, *[1] * (x.ndim - 2)), x, other)
