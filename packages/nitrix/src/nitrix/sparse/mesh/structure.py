"""What the host works out once from a mesh's faces, so that operators of moving vertices need only arithmetic."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Int

from nitrix.sparse.ell._pack import constant
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL
from nitrix.sparse.mesh._rows import Format, neighbours, packed
from nitrix.sparse.mesh.container import Mesh
from nitrix.sparse.mesh.edges import edges_and_corners, host_faces


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class MeshStructure:
    """The edges of a mesh, and the pattern of the operators that live on them.

    A pytree of arrays, which may be an argument of `jit`.

    Args:
      edges: Pairs (a, b) of vertices, a < b, in ascending order, int32.
      edge_of_corner: The number of the edge across from each corner of each face, int32; that of no edge (n_edges)
        where this side joins a vertex to itself.
      edge_of_slot: The one-ring, whose int32 values are the numbers of the edges between a vertex and its neighbours.
    """

    edges: Int[Array, "n_edges 2"]
    edge_of_corner: Int[Array, "n_faces 3"]
    edge_of_slot: ELL | SectionedELL


def mesh_structure(mesh: Mesh, *, format: Format = "ell") -> MeshStructure:
    """The edges of a mesh and the pattern of its operators, for `mesh_cotangent_laplacian` and `mesh_mass_matrix`.

    Runs on the host (NumPy). Only the faces matter, so that it serves all positions of the vertices, and under `jit`
    may be an argument.

    Args:
      mesh: The mesh.
      format: "ell", "sectioned", or "auto": flat where that takes less than 1.5 slots for each entry, else sectioned.
    Returns:
      The structure.
    Raises:
      TypeError: If the faces are traced.
      ValueError: If the format is unknown.
    Example:
      >>> import jax
      >>> sphere = icosphere(1)
      >>> structure = mesh_structure(sphere)
      >>> at = jax.jit(lambda mesh, structure: mesh_cotangent_laplacian(mesh, structure=structure).values[0, 0])
      >>> round(float(at(sphere, structure)), 2)
      3.64
    """
    faces = host_faces("mesh_structure", mesh.faces)
    edges, of_corner = edges_and_corners(faces)
    degree, columns, edge = neighbours(edges, mesh.n_vertices)
    slots = packed(
        "mesh_structure", format, degree, columns, edge.astype(np.int32), n_cols=mesh.n_vertices, identity=0
    )
    return MeshStructure(constant(edges.astype(np.int32)), constant(of_corner.astype(np.int32)), slots)


def structure_of(
    function: str, mesh: Mesh, format: Format | None, structure: MeshStructure | None
) -> MeshStructure:
    """The given structure, if it fits, or a new one."""
    if structure is None:
        if isinstance(mesh.faces, jax.core.Tracer):
            raise TypeError(
                f"{function}: the faces are traced, but the pattern of an operator is worked out on the host; pass "
                f"structure=mesh_structure(mesh), made outside jit, or make Mesh(vertices, faces) of faces that are "
                f"not an argument of jit."
            )
        return mesh_structure(mesh, format="ell" if format is None else format)
    if format is not None:
        raise ValueError(
            f"{function}: both format and structure are given; the structure has its format already."
        )
    n_rows = structure.edge_of_slot.n_rows
    if structure.edge_of_corner.shape != mesh.faces.shape or n_rows != mesh.n_vertices:
        raise ValueError(
            f"{function}: the structure is of {structure.edge_of_corner.shape[0]} faces and {n_rows} vertices, but "
            f"the mesh has {mesh.n_faces} faces and {mesh.n_vertices} vertices; make it of the same faces."
        )
    return structure


def onto_edges(per_corner: Array, structure: MeshStructure) -> Array:
    """Sums over the corners [faces, 3] across from each edge."""
    n_edges = structure.edges.shape[0]
    sums = jax.ops.segment_sum(per_corner.reshape(-1), structure.edge_of_corner.reshape(-1), n_edges + 1)
    return sums[:n_edges]


def onto_slots(per_edge: Array, section: ELL) -> Array:
    """The value of each slot's edge [m, k_max]; 0 in pads."""
    if per_edge.shape[0] == 0:
        return jnp.zeros(section.values.shape, per_edge.dtype)
    return jnp.where(section.valid, per_edge[section.values], 0)
