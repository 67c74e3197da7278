"""Distances along the cortex by min-plus products with the mesh, against Dijkstra's algorithm.

One product `d'[i] = min over neighbours j of (length[i, j] + d[j])` lets every vertex learn what its
neighbours know. From 0 at the start and infinity elsewhere, the fixed point is the shortest path along edges.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int
from nitrix.semiring import TROPICAL_MIN_PLUS, semiring_ell_matmul

from thrux.demo.data import Cortex
from thrux.demo.mesh import Neighbours, neighbours_of
from thrux.demo.race import Race, race

SOURCES_AT_ONCE = 32


class CorticalDistance(NamedTuple):
    """Distance in mm of every vertex from the seed."""

    seed: int
    distance: np.ndarray
    products: int  # until nothing changed
    races: list[Race]


@jax.jit
def shortest_paths(
    lengths: Float[Array, "vertex slot"],
    indices: Int[Array, "vertex slot"],
    start: Float[Array, "vertex source"],
) -> tuple[Float[Array, "vertex source"], Int[Array, ""]]:
    """Min-plus products until nothing changes: the distances, and how many products it took."""

    def step(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        distance, _, count = state
        nearer = semiring_ell_matmul(lengths, indices, distance, semiring=TROPICAL_MIN_PLUS)
        return nearer, jnp.any(nearer < distance), count + 1

    distance, _, count = lax.while_loop(
        lambda state: state[1], step, (start, jnp.array(True), jnp.array(0, jnp.int32))
    )
    return distance, count


def start_from(sources: list[int], n_vertices: int) -> Float[np.ndarray, "vertex source"]:
    """0 at each column's source and infinity elsewhere."""
    start = np.full((n_vertices, len(sources)), np.inf, np.float32)
    start[sources, np.arange(len(sources))] = 0
    return start


def graph_of(mesh: Neighbours, lengths: np.ndarray | None = None) -> Any:
    """The same mesh for scipy.sparse.csgraph, in float64."""
    from scipy import sparse

    used = mesh.used.copy()
    used[:, 0] = False
    values = (mesh.lengths if lengths is None else lengths)[used].astype(np.float64)
    n = len(mesh.indices)
    return sparse.csr_matrix((values, (np.nonzero(used)[0], mesh.indices[used])), shape=(n, n))


def run(cortex: Cortex, *, rounds: int = 3, sources: int = SOURCES_AT_ONCE) -> CorticalDistance:
    """Distances from one vertex, then from many at once."""
    mesh = neighbours_of(cortex.white)
    graph, n = graph_of(mesh), len(mesh.indices)
    lengths, indices = jnp.asarray(mesh.lengths), jnp.asarray(mesh.indices)
    seed = seed_vertex(cortex)
    races, found = [], []
    for name, chosen in (
        ("one start", [seed]),
        (f"{sources} starts at once", [seed, *range(0, n, n // (sources - 1))][:sources]),
    ):
        outcome, distance = race(
            f"Distance from {name}",
            partial(_distances, lengths, indices, jnp.asarray(start_from(chosen, n))),
            "scipy.sparse.csgraph.dijkstra",
            partial(_dijkstra, graph, chosen),
            size=f"{n} vertices",
            unit="mm",
            rounds=rounds,
        )
        races.append(outcome)
        found.append(distance)
    products = int(shortest_paths(lengths, indices, jnp.asarray(start_from([seed], n)))[1])
    return CorticalDistance(seed, found[0][:, 0], products, races)


def _distances(lengths: Array, indices: Array, start: Array) -> Array:
    return shortest_paths(lengths, indices, start)[0]


def _dijkstra(graph: Any, sources: list[int]) -> np.ndarray:
    from scipy.sparse.csgraph import dijkstra

    return dijkstra(graph, indices=sources).T


def seed_vertex(cortex: Cortex) -> int:
    """The vertex nearest to the hand area of the motor cortex, MNI (-38, -22, 58)."""
    return int(np.argmin(np.linalg.norm(cortex.white.vertices - np.array([-38, -22, 58]), axis=1)))
