"""What the host works out once from a mesh's faces, so that operators of moving vertices need only arithmetic."""

from dataclasses import dataclass

import jax
import numpy as np
from jax import Array
from jaxtyping import Int

from nitrix.sparse.ell._entries import sections_of
from nitrix.sparse.ell._pack import constant
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL
from nitrix.sparse.mesh._rows import Format, neighbours, packed, self_first
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
      edge_of_slot: Each vertex and its neighbours, in ascending order; the int32 values are the numbers of the edges
        between them, and that of no edge for the vertex itself and in pads.
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
      >>> from nitrix.sparse.mesh import icosphere, mesh_cotangent_laplacian
      >>> sphere = icosphere(1)
      >>> structure = mesh_structure(sphere)
      >>> at = jax.jit(lambda mesh, structure: mesh_cotangent_laplacian(mesh, structure=structure).values[0, 0])
      >>> round(float(at(sphere, structure)), 2)
      3.43
    """
    faces = host_faces("mesh_structure", mesh.faces)
    edges, of_corner = edges_and_corners(faces)
    n, none = mesh.n_vertices, len(edges)
    degree, columns, edge = neighbours(edges, n)
    widened, columns = self_first(degree, columns, np.arange(n))
    edge = self_first(degree, edge, none)[1].astype(np.int32)
    slots = packed("mesh_structure", format, widened, columns, edge, n_cols=n, identity=none)
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


def onto_slots(per_corner: Array, structure: MeshStructure) -> list[Array]:
    """Sums over the corners [faces, 3] across from each slot's edge, by section; 0 where there is no edge."""
    n_edges = structure.edges.shape[0]
    per_edge = jax.ops.segment_sum(per_corner.reshape(-1), structure.edge_of_corner.reshape(-1), n_edges + 1)
    per_edge = per_edge.at[n_edges].set(0)
    return [per_edge[section.values] for section in sections_of(structure.edge_of_slot)]
