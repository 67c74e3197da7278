"""The mass matrix of a mesh: which area stands behind the values at its vertices."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nitrix.sparse.ell._entries import sections_of
from nitrix.sparse.ell._pack import constant
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL
from nitrix.sparse.mesh._rows import Format, with_values
from nitrix.sparse.mesh.areas import Scheme, check_scheme, vertex_areas
from nitrix.sparse.mesh.container import Mesh
from nitrix.sparse.mesh.faces import face_areas, into_vertices
from nitrix.sparse.mesh.structure import MeshStructure, onto_slots, structure_of


def mesh_mass_matrix(
    mesh: Mesh,
    *,
    scheme: Scheme = "voronoi",
    lumped: bool = True,
    format: Format | None = None,
    structure: MeshStructure | None = None,
) -> ELL | SectionedELL:
    """The mass matrix of linear finite elements: x' M y is the integral of x y over the mesh, in mm^2.

    All entries sum to the area of the mesh. Differentiable in the vertices; where it needs a pattern, as
    `mesh_cotangent_laplacian` says.

    Args:
      mesh: The mesh. A face without area adds nothing. A vertex of no face has a 0 on the diagonal.
      scheme: For the lumped matrix, how `vertex_areas` shares a face out, "voronoi" or "barycentric".
      lumped: A diagonal matrix of the vertices' areas; else the consistent matrix, to which each face adds a sixth of
        its area on the diagonal and a twelfth off it, whatever the scheme.
      format: Of the consistent matrix: "ell" (the default), "sectioned" or "auto".
      structure: For the consistent matrix, what `mesh_structure` made of the same faces.
    Returns:
      The matrix [n_vertices, n_vertices] in the dtype of the vertices, flat if it is lumped; in each row the diagonal
      entry comes first.
    Raises:
      TypeError: If the matrix is consistent, the faces are traced and no structure is given.
      ValueError: If the scheme or the format is unknown, a format or a structure is given for a lumped matrix, or the
        structure is of another mesh.
    References:
      M. Reuter, F.-E. Wolter, N. Peinecke, Computer-Aided Design 38(4), 2006. doi:10.1016/j.cad.2005.10.011
    Example:
      >>> vertices = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0]])
      >>> triangle = Mesh(vertices, np.array([[0, 1, 2]]))
      >>> mesh_mass_matrix(triangle).values.tolist()
      [[1.0], [0.5], [0.5]]
      >>> mesh_mass_matrix(triangle, lumped=False).values.shape
      (3, 3)
    """
    name = "mesh_mass_matrix"
    if lumped:
        if format is not None or structure is not None:
            raise ValueError(
                f"{name}: the lumped matrix is diagonal; format and structure are for lumped=False."
            )
        n = mesh.n_vertices
        diagonal = constant(np.arange(n, dtype=np.int32)[:, None])
        return ELL(vertex_areas(mesh, scheme=scheme)[:, None], diagonal, n, 0.0)
    check_scheme(name, scheme)
    structure = structure_of(name, mesh, format, structure)
    return with_values(structure.edge_of_slot, _consistent(mesh, structure), identity=0.0)


@jax.jit
def _consistent(mesh: Mesh, structure: MeshStructure) -> list[Array]:
    areas = jnp.repeat(face_areas(mesh)[:, None], 3, axis=1)
    per_vertex = into_vertices(areas / 6, mesh.faces, mesh.n_vertices)
    weights = onto_slots(areas / 12, structure)
    sections = sections_of(structure.edge_of_slot)
    # The diagonal comes first.
    return [w.at[:, 0].set(per_vertex[s.indices[:, 0]]) for w, s in zip(weights, sections, strict=True)]
