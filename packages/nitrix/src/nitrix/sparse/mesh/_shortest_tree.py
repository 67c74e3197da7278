"""The tree of shortest paths behind given distances, and sums along its branches."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from nitrix.sparse.ell._entries import sections_of
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL


class Tree(NamedTuple):
    """For each vertex and source [vertices, sources], the path's next step."""

    slots: tuple[
        Array, ...
    ]  # of each section, the first slot that attains the distance; -1 where a path ends
    next_vertex: Array  # the number of vertices where a path ends


def shortest_tree(lengths: ELL | SectionedELL, distances: Array, round_of: Array) -> Tree:
    """The steps d[i] = lengths[i, p] + d[j] of converged distances that fell for the last time in `round_of`.

    A step goes to a smaller distance, or to an equal one (edges of length 0, or lost in rounding) that was reached in
    an earlier round. No path can return so, and one such step attains the distance, for in the round before i's last
    the value of j was at least its final one: if that is not below d[i], j had it already.
    """
    n = distances.shape[0]
    slots, steps = [], []
    groups: Any = (
        lengths.row_groups if isinstance(lengths, SectionedELL) else (jnp.arange(n, dtype=jnp.int32),)
    )
    for section, rows in zip(sections_of(lengths), groups):
        slot = _attaining(section, distances, round_of, distances[rows], round_of[rows])
        column = jnp.take_along_axis(section.indices, jnp.maximum(slot, 0), axis=1) if section.k_max else slot
        slots.append(slot)
        steps.append(jnp.where(slot >= 0, column, n))
    return Tree(tuple(slots), in_row_order(lengths, steps))


def in_row_order(lengths: ELL | SectionedELL, parts: Any) -> Array:
    """What each section gave, as one array in the order of the rows."""
    joined = jnp.concatenate(parts)
    return joined[lengths.order] if isinstance(lengths, SectionedELL) else joined


def picked(values: Array, slot: Array) -> Array:
    """The value of each row's slot [rows, sources]; 0 where there is none."""
    if not values.shape[1]:
        return jnp.zeros(slot.shape, values.dtype)
    return jnp.where(slot >= 0, jnp.take_along_axis(values, jnp.maximum(slot, 0), axis=1), 0)


def _attaining(section: ELL, distances: Array, round_of: Array, own: Array, own_round: Array) -> Array:
    valid = section.valid

    def step(p: Any, state: tuple[Array, Array]) -> tuple[Array, Array]:
        best, slot = state
        column = section.indices[:, p]
        there = distances[column]
        before = (there < own) | ((there == own) & (round_of[column] < own_round))
        through = section.values[:, p, None] + there
        wins = valid[:, p, None] & before & (through < best)
        return jnp.where(wins, through, best), jnp.where(wins, jnp.int32(p), slot)

    start = jnp.full_like(own, jnp.inf), jnp.full(own.shape, -1, jnp.int32)
    return lax.fori_loop(0, section.k_max, step, start)[1] if section.k_max else start[1]


# t[i] = b[i] + t[next(i)] is solved by doubling: after k rounds t[i] holds the first 2^k terms of its path, and
# next(i) is 2^k steps on. The transposed system adds to each vertex what leads through it, and doubles likewise.


def along_tree(next_vertex: Array, b: Array) -> Array:
    """Sums of b [vertices, sources] along the path from each vertex; linear in b, in both modes."""
    n = b.shape[0]

    def ahead(values: Array, at: Array, beyond: Any) -> Array:
        end = jnp.full((1, values.shape[1]), beyond, values.dtype)
        return jnp.take_along_axis(jnp.concatenate([values, end]), at, axis=0)

    def doubled(gather: bool, b: Array) -> Array:
        columns = jnp.arange(b.shape[1], dtype=jnp.int32)

        def step(state: tuple[Array, Array]) -> tuple[Array, Array]:
            t, at = state
            more = t + ahead(t, at, 0) if gather else t.at[at, columns].add(t, mode="drop")
            return more, ahead(at, at, n)

        return lax.while_loop(lambda state: jnp.any(state[1] < n), step, (b, next_vertex))[0]

    return lax.custom_linear_solve(
        lambda t: t - ahead(t, next_vertex, 0),
        b,
        solve=lambda _, b: doubled(True, b),
        transpose_solve=lambda _, b: doubled(False, b),
    )
