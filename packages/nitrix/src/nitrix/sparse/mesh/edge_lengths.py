"""The lengths of a mesh's edges as an adjacency."""

import math

import jax
import jax.numpy as jnp
from jax import Array

from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL
from nitrix.sparse.mesh._rows import each_section
from nitrix.sparse.mesh._vectors import length
from nitrix.sparse.mesh.container import Mesh


def mesh_edge_lengths(mesh: Mesh, adjacency: ELL | SectionedELL) -> ELL | SectionedELL:
    """The straight distance in mm between the two vertices of each entry of an adjacency.

    Differentiable in the vertices, with gradient 0 where the two vertices coincide. Vertices are gathered, so
    gradients scatter.

    Args:
      mesh: The mesh; only its vertices matter.
      adjacency: Between its vertices, such as `mesh_k_ring_adjacency(mesh)`; its values are ignored. May be traced.
    Returns:
      The same adjacency with distances for values, in the dtype of the vertices; pads hold inf, the identity of
      min-plus.
    Raises:
      ValueError: If the adjacency is not n_vertices x n_vertices.
    Example:
      >>> from nitrix.sparse.mesh import mesh_k_ring_adjacency
      >>> import numpy as np
      >>> vertices = np.array([[0, 0, 0], [3, 0, 0], [3, 4, 0], [0, 4, 0]])
      >>> square = Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]]))
      >>> mesh_edge_lengths(square, mesh_k_ring_adjacency(square)).values[0]
      Array([3., 5., 4.], dtype=float32)
    """
    n = mesh.n_vertices
    if tuple(adjacency.shape) != (n, n):
        raise ValueError(
            f"mesh_edge_lengths: the adjacency is of shape {tuple(adjacency.shape)}, but ({n}, {n}) is needed, a "
            f"row and a column for each vertex of the mesh."
        )

    def section(slots: ELL, rows: Array) -> ELL:
        return slots.replace(values=_lengths(mesh.vertices, slots, rows), identity=math.inf)

    return each_section(adjacency, section, identity=math.inf)


@jax.jit
def _lengths(vertices: Array, slots: ELL, rows: Array) -> Array:
    if vertices.shape[0] == 0:
        return jnp.zeros(slots.indices.shape, vertices.dtype)
    apart = length(vertices[slots.indices] - vertices[rows][:, None])
    return apart if slots.degree is None else jnp.where(slots.valid, apart, math.inf)
