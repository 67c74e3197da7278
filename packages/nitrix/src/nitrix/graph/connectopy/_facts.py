"""What makes a graph unfit for an embedding: weights that are no affinities, vertices without edges, one-way edges."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from nitrix._arguments import known_numbers
from nitrix.graph._graph_arguments import n_vertices
from nitrix.graph._products import Graph, out_degree, product, without_loops
from nitrix.sparse import ELL, SectionedELL

ONE_WAY = 1e-5  # of the weights, by which both directions of an edge may differ


class Facts(NamedTuple):
    """What is found, one number for each graph of a batch."""

    least: Array  # weight; 0 if it is above
    finite: Array  # whether all weights are
    isolated: Array  # the first vertex without edges, -1 if there is none
    one_way: Array  # whether the weights depend on the direction

    @property
    def sound(self) -> Array:
        return self.finite & (self.least >= 0) & (self.isolated < 0) & ~self.one_way


@partial(jax.jit, static_argnames=("loops",))
def facts_of(graph: Graph, *, loops: bool) -> Facts:
    """Look the graph over; `loops`: whether an edge to itself is one."""
    graph = lax.stop_gradient(graph if loops else without_loops(graph))
    degree = out_degree(graph)
    alone = degree <= 0
    isolated = jnp.where(alone.any(-1), jnp.argmax(alone, axis=-1), -1)
    least, finite = jnp.zeros((), degree.dtype), jnp.isfinite(degree).all(-1)
    for weights in _weights(graph):
        least = jnp.minimum(least, weights.min(axis=(-2, -1), initial=0))
        finite = finite & jnp.isfinite(weights).all(axis=(-2, -1))
    return Facts(least, finite, isolated, _differs_by_direction(graph))


def refuse(function: str, facts: Facts) -> None:
    """Say in words what is wrong, where it is known."""
    least, finite, isolated, one_way = (known_numbers(fact) for fact in facts)
    if finite is None or least is None or isolated is None or one_way is None:
        return
    if not finite.all():
        raise ValueError(f"{function}: A has weights, or sums of them, that are not finite.")
    if (least < 0).any():
        raise ValueError(
            f"{function}: A has negative weights, down to {least.min():.6g}; an affinity has none: clip them by "
            f"jnp.maximum(A, 0), or map them, for correlations such as (1 + A) / 2."
        )
    if (isolated >= 0).any():
        raise ValueError(
            f"{function}: vertex {isolated[isolated >= 0].flat[0]} has no edges to others, and so no place in a map; "
            f"leave such vertices out."
        )
    if one_way.any():
        raise ValueError(
            f"{function}: A is not symmetric; an affinity is the same in both directions: give (A + A') / 2."
        )


def _weights(graph: Graph) -> list[Array]:
    if isinstance(graph, Array):
        return [graph]
    if isinstance(graph, ELL):
        return [graph.values if graph.degree is None else jnp.where(graph.valid, graph.values, 0)]
    if isinstance(graph, SectionedELL):
        return [weights for section in graph.sections for weights in _weights(section)]
    return []


def _differs_by_direction(graph: Graph) -> Array:
    """A dense matrix is compared with its transpose, a sparse one by y' A x and x' A y of two fixed fields."""
    if isinstance(graph, Array):
        difference = jnp.abs(graph - jnp.swapaxes(graph, -1, -2)).max(axis=(-2, -1), initial=0)
        return difference > ONE_WAY * jnp.abs(graph).max(axis=(-2, -1), initial=0)
    if not isinstance(graph, ELL | SectionedELL):
        return jnp.zeros((), bool)  # an operator is symmetric by its contract
    fields = jax.random.normal(jax.random.key(1), (n_vertices(graph), 2), graph.dtype)
    crossed = fields * product(graph, fields)[..., ::-1]
    return jnp.abs(jnp.diff(crossed.sum(-2), axis=-1))[..., 0] > 1e-6 * jnp.abs(crossed).sum((-2, -1))
