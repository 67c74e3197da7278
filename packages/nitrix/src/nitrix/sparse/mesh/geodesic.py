"""Geodesic distances along the edges of a mesh, as the fixed point of min-plus products."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Float, Integer

from nitrix.semiring import TROPICAL_MIN_PLUS
from nitrix.sparse.ell._entries import sections_of
from nitrix.sparse.ell.apply import apply_operator
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL
from nitrix.sparse.mesh._geodesic_arguments import at_least_0, check_lengths, vertex_numbers, wide_values
from nitrix.sparse.mesh._rows import with_values
from nitrix.sparse.mesh._shortest_tree import along_tree, in_row_order, picked, shortest_tree


def geodesic_distance(
    lengths: ELL | SectionedELL,
    sources: Integer[ArrayLike, "*sources"],
    *,
    min_only: bool = False,
    max_iterations: int | None = None,
) -> Float[Array, "*distances n_vertices"]:
    """The length of the shortest path along edges from each vertex to the sources.

    Repeats the min-plus product d <- min(d, lengths (*) d) until nothing changes, which takes as many rounds as the
    longest of the shortest paths has edges: exact on the edge graph, up to the rounding of sums, as
    `scipy.sparse.csgraph.dijkstra`. On a mesh it is never shorter than the geodesic of the surface itself, whose paths
    may cross faces. A path steps from a row to the columns of its entries.

    Differentiable in the lengths, in both modes: the derivative of a distance is the sum of those along its shortest
    path, found by the implicit function theorem and not by going back through the rounds. Among paths of equal length
    the one that takes the first such entry of each row counts. Vertices that no path joins to a source have gradient
    0.

    Args:
      lengths: Length of each edge in mm, as `mesh_edge_lengths` gives it, 0 or more; pads never count.
      sources: Vertex numbers, of any shape.
      min_only: Only the distance to the nearest source.
      max_iterations: Only paths of at most so many edges. Default: any. A gradient then goes back through that many
        rounds, and keeps a result of each.
    Returns:
      Distances in mm in the dtype of the lengths, [*sources, n_vertices], or [n_vertices] if `min_only`: 0 at the
      source, inf where no path leads.
    Raises:
      ValueError: If the matrix is not square or has leading axes, or, where values are concrete, a length is negative
        or a source out of range. Under `jit`, sources out of range give NaN, as do lengths of which a cycle is
        negative.
      TypeError: If lengths are no real numbers, or sources or max_iterations no integers.
    References:
      M. Mohri, Journal of Automata, Languages and Combinatorics 7(3), 2002. doi:10.25596/jalc-2002-321
    Example:
      >>> from nitrix.sparse.mesh import Mesh, mesh_edge_lengths, mesh_k_ring_adjacency
      >>> import numpy as np
      >>> vertices = np.array([[0, 0, 0], [3, 0, 0], [3, 4, 0], [0, 4, 0]])
      >>> square = Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]]))
      >>> lengths = mesh_edge_lengths(square, mesh_k_ring_adjacency(square))
      >>> geodesic_distance(lengths, np.array([1, 2]))
      Array([[3., 0., 4., 7.],
             [5., 4., 0., 3.]], dtype=float32)
    """
    name = "geodesic_distance"
    check_lengths(name, lengths)
    n, at = lengths.n_rows, vertex_numbers(name, sources, lengths.n_rows)
    if max_iterations is not None:
        max_iterations = at_least_0(name, max_iterations)
    # Integers become reals, and short floats are summed in 32 bits.
    wide = [wide_values(section.values) for section in sections_of(lengths)]
    out = _distances(wide, lengths, at.reshape(-1), min_only, max_iterations)
    if jnp.issubdtype(lengths.dtype, jnp.floating):
        out = out.astype(lengths.dtype)
    return out[0] if min_only else out.reshape(*at.shape, n)


@partial(jax.jit, static_argnums=(3, 4))
def _distances(
    values: list[Array],
    lengths: ELL | SectionedELL,
    sources: Array,
    min_only: bool,
    max_iterations: int | None,
) -> Array:
    n = lengths.n_rows
    hit, outside = jnp.arange(n, dtype=jnp.int32)[:, None] == sources, (sources < 0) | (sources >= n)
    if min_only:
        hit, outside = hit.any(1, keepdims=True), outside.any(keepdims=True)
    start = jnp.where(hit, 0, jnp.asarray(math.inf, values[0].dtype))
    if max_iterations is None or max_iterations >= n:
        out = _fixed_point(values, lengths, start)
    else:
        out = _within(max_iterations, values, lengths, start)
    return jnp.where(outside, math.nan, out).T


# With p(i) the entry of row i that the shortest path of i takes first, and j(i) its column,
#   d[i] = lengths[i, p(i)] + d[j(i)],    d = 0 at the source.
# Hence a tangent t solves t[i] = dlengths[i, p(i)] + t[j(i)]: the tangents of the path's edges, summed.


@jax.custom_jvp
def _fixed_point(values: list[Array], lengths: ELL | SectionedELL, start: Array) -> Array:
    return _rounds(values, lengths, start, start.shape[0] + 1)[0]


@_fixed_point.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    values, lengths, start = primals
    known = lax.stop_gradient(values)
    distances, round_of = _rounds(known, lengths, start, start.shape[0] + 1)
    tree = shortest_tree(with_values(lengths, known), distances, round_of)

    def by_path(values: list[Array]) -> Array:
        first_edges = in_row_order(
            lengths, [picked(v, slot) for v, slot in zip(values, tree.slots, strict=True)]
        )
        path = along_tree(tree.next_vertex, first_edges)
        return distances + (path - lax.stop_gradient(path))  # the distances themselves, to the last bit

    return jax.jvp(by_path, (values,), (tangents[0],))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _within(most: int, values: list[Array], lengths: ELL | SectionedELL, start: Array) -> Array:
    return _rounds(values, lengths, start, most)[0]


@_within.defjvp
def _(most: int, primals: Any, tangents: Any) -> tuple[Array, Array]:
    values, lengths, start = primals

    def all_rounds(values: list[Array]) -> Array:
        matrix = with_values(lengths, values)
        return lax.scan(lambda d, _: (_better(matrix, d)[0], None), start, None, length=most)[0]

    return jax.jvp(all_rounds, (values,), (tangents[0],))


def _rounds(values: list[Array], lengths: ELL | SectionedELL, start: Array, most: int) -> tuple[Array, Array]:
    """Distances, and the round in which each fell for the last time."""
    n, matrix = start.shape[0], with_values(lengths, values)

    def step(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        d, round_of, t, _ = state
        d, fell = _better(matrix, d)
        return d, jnp.where(fell, t, round_of), t + 1, fell.any()

    def unsettled(state: tuple[Array, Array, Array, Array]) -> Array:
        return state[3] & (state[2] <= most)

    begin = start, jnp.zeros(start.shape, jnp.int32), jnp.int32(1), jnp.array(True)
    d, round_of, _, fell = lax.while_loop(unsettled, step, begin)
    # A path of n edges passes a vertex twice: only a cycle of negative length makes it better.
    return (jnp.where(fell, math.nan, d) if most > n else d), round_of


def _better(lengths: ELL | SectionedELL, d: Array) -> tuple[Array, Array]:
    """The distances after one more edge, and which of them fell (or became NaN)."""
    new = apply_operator(lengths, d, semiring=TROPICAL_MIN_PLUS)
    fell = (new < d) | (jnp.isnan(new) & ~jnp.isnan(d))
    return jnp.where(fell, new, d), fell
