"""The cotangent Laplacian of a mesh."""

import jax
import jax.numpy as jnp
from jax import Array

from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL
from nitrix.sparse.mesh._rows import Format, with_values
from nitrix.sparse.mesh.areas import corner_cotangents
from nitrix.sparse.mesh.container import Mesh
from nitrix.sparse.mesh.structure import MeshStructure, onto_slots, structure_of


def mesh_cotangent_laplacian(
    mesh: Mesh, *, format: Format | None = None, structure: MeshStructure | None = None
) -> ELL | SectionedELL:
    """The cotangent Laplacian: the stiffness matrix of linear finite elements on the mesh.

    Off the diagonal L[i, j] = -(cot a + cot b) / 2, with a and b the angles across from the edge ij in its two faces,
    and rows sum to 0: symmetric, positive semi-definite, of no unit. For the Laplace-Beltrami operator, whose
    eigenvalues are in 1/mm^2, divide by `mesh_mass_matrix`.

    The pattern is worked out on the host (NumPy); values are differentiable in the vertices, also under `jit` with
    faces that are not traced, or with a `structure`. Corners scatter into edges, and gradients into vertices.

    Args:
      mesh: The mesh. An edge sums over all its faces, be it one (which is the natural border condition) or more than
        two. A face without area adds nothing, and its gradient is 0. A vertex of no face has a 0 on the diagonal.
      format: "ell" (the default), "sectioned", or "auto": flat where that takes less than 1.5 slots for each entry.
      structure: What `mesh_structure` made of the same faces; it saves the work on the host and fixes the format.
    Returns:
      The matrix [n_vertices, n_vertices] in the dtype of the vertices: each row holds its diagonal entry, then its
      neighbours in ascending order, then pads of value 0.
    Raises:
      TypeError: If the faces are traced and no structure is given.
      ValueError: If the format is unknown or given with a structure, or the structure is of another mesh.
    References:
      U. Pinkall and K. Polthier, Experimental Mathematics 2(1), 1993. doi:10.1080/10586458.1993.10504266
    Example:
      >>> import numpy as np
      >>> triangle = Mesh(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]]), np.array([[0, 1, 2]]))
      >>> laplacian = mesh_cotangent_laplacian(triangle)
      >>> laplacian.indices[0].tolist(), laplacian.values[0].tolist()
      ([0, 1, 2], [1.0, -0.5, -0.5])
    """
    structure = structure_of("mesh_cotangent_laplacian", mesh, format, structure)
    values = _values(mesh.vertices, mesh.faces, structure)
    return with_values(structure.edge_of_slot, values, identity=0.0)


@jax.jit
def _values(vertices: Array, faces: Array, structure: MeshStructure) -> list[Array]:
    weights = onto_slots(corner_cotangents(vertices[faces]) / 2, structure)
    return [(-w).at[:, 0].set(jnp.sum(w, axis=1)) for w in weights]  # the diagonal comes first
