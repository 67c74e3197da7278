"""Areas and normals of faces, and the normals of vertices."""

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Integer, Shaped

from nitrix.sparse.mesh._vectors import crosses, length, unit_vectors, without_area
from nitrix.sparse.mesh.container import Mesh, as_faces, as_vertices


def face_areas(mesh: Mesh) -> Float[Array, "n_faces"]:
    """The area of each face, in mm^2.

    Differentiable in the vertices; a face without area has area 0 and gradient 0.

    Args:
      mesh: The mesh.
    Returns:
      Areas, in the dtype of the vertices.
    Example:
      >>> import numpy as np
      >>> vertices, faces = np.array([[0, 0, 0], [3, 0, 0], [0, 4, 0]]), np.array([[0, 1, 2], [0, 1, 1]])
      >>> face_areas(Mesh(vertices, faces))
      Array([6., 0.], dtype=float32)
    """
    return _areas(mesh.vertices, mesh.faces)


def face_normals(
    vertices: Shaped[ArrayLike, "n_vertices 3"], faces: Integer[ArrayLike, "n_faces 3"]
) -> Float[Array, "n_faces 3"]:
    """The unit normal of each face, on the side from which its vertices run counter-clockwise.

    Differentiable in the vertices; a face without area has normal 0 and gradient 0.

    Args:
      vertices: Coordinates in mm.
      faces: Vertex numbers of each triangle; may be traced.
    Returns:
      Unit vectors, or zeros, in the dtype of the vertices.
    Raises:
      ValueError: If a shape is wrong or, where the faces are concrete, a vertex number out of range.
    Example:
      >>> import numpy as np
      >>> vertices, faces = np.array([[0, 0, 0], [3, 0, 0], [0, 4, 0]]), np.array([[0, 1, 2], [0, 1, 1]])
      >>> face_normals(vertices, faces)
      Array([[0., 0., 1.],
             [0., 0., 0.]], dtype=float32)
    """
    coordinates = as_vertices("face_normals", vertices)
    return _normals(coordinates, as_faces("face_normals", faces, vertices))


def compute_vertex_normals(
    vertices: Shaped[ArrayLike, "n_vertices 3"], faces: Integer[ArrayLike, "n_faces 3"]
) -> Float[Array, "n_vertices 3"]:
    """The unit normal of each vertex: the sum of its faces' normals, each times the face's area.

    Differentiable in the vertices. Faces scatter into their vertices, and so do gradients.

    Args:
      vertices: Coordinates in mm.
      faces: Vertex numbers of each triangle; may be traced.
    Returns:
      Unit vectors in the dtype of the vertices; zeros, of gradient 0, at a vertex of no face, or whose faces have no
      area or cancel.
    Raises:
      ValueError: If a shape is wrong or, where the faces are concrete, a vertex number out of range.
    References:
      H. Gouraud, IEEE Transactions on Computers C-20(6), 1971. doi:10.1109/T-C.1971.223313
    Example:
      >>> import numpy as np
      >>> vertices = np.array([[0, 0, 0], [3, 0, 0], [0, 4, 0], [9, 9, 9]])
      >>> compute_vertex_normals(vertices, np.array([[0, 1, 2]]))[2:]
      Array([[0., 0., 1.],
             [0., 0., 0.]], dtype=float32)
    """
    coordinates = as_vertices("compute_vertex_normals", vertices)
    corners = as_faces("compute_vertex_normals", faces, vertices)
    return _vertex_normals(coordinates, corners)


def into_vertices(per_corner: Array, faces: Array, n_vertices: int) -> Array:
    """Sums over the corners [faces, 3, ...] that stand at each vertex."""
    flat = per_corner.reshape(-1, *per_corner.shape[2:])
    return jax.ops.segment_sum(flat, faces.reshape(-1), n_vertices)


@jax.jit
def _areas(vertices: Array, faces: Array) -> Array:
    return length(crosses(vertices[faces])) / 2


def _proper_crosses(corners: Array) -> Array:
    return jnp.where(without_area(corners)[:, None], 0, crosses(corners))


@jax.jit
def _normals(vertices: Array, faces: Array) -> Array:
    return unit_vectors(_proper_crosses(vertices[faces]))


@jax.jit
def _vertex_normals(vertices: Array, faces: Array) -> Array:
    weighted = _proper_crosses(vertices[faces])
    return unit_vectors(into_vertices(jnp.repeat(weighted[:, None], 3, axis=1), faces, len(vertices)))
