"""The edges of a mesh: which vertices they join, which faces and corners they belong to."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Int, Integer
from numpy.typing import NDArray

from nitrix.sparse.ell._entries import on_host
from nitrix.sparse.mesh._keys import Rows, first_of_each, sorted_with_order


class HostEdges(NamedTuple):
    """What sorting the sides of all faces tells."""

    edges: Rows  # [edges, 2], the smaller vertex first, sorted
    of_corner: NDArray[
        np.int64
    ]  # [faces, 3], the edge across from each corner; `len(edges)` where it is no edge


def mesh_edges(faces: Integer[ArrayLike, "n_faces 3"]) -> Int[Array, "n_edges 2"]:
    """The edges of a mesh, each once.

    Runs on the host (NumPy), for the number of edges depends on the data. A side that joins a vertex to itself is
    none.

    Args:
      faces: Vertex numbers of each triangle.
    Returns:
      Pairs (a, b) of vertices, a < b, in ascending order, int32.
    Raises:
      TypeError: If the faces are traced, or no integers.
    Example:
      >>> mesh_edges(np.array([[0, 1, 2], [0, 2, 3]])).tolist()
      [[0, 1], [0, 2], [0, 3], [1, 2], [2, 3]]
    """
    return jnp.asarray(host_edges(host_faces("mesh_edges", faces)).astype(np.int32))


def edge_face_adjacency(faces: Integer[ArrayLike, "n_faces 3"]) -> Int[Array, "n_adjacent_pairs 2"]:
    """The pairs of faces that share an edge which no other face uses.

    Runs on the host (NumPy). An edge of one face (a border) or of three and more (not a manifold) gives no pair; two
    faces that share several edges, such as a face that occurs twice, give one.

    Args:
      faces: Vertex numbers of each triangle.
    Returns:
      Pairs (f, g) of faces, f < g, in ascending order, int32.
    Raises:
      TypeError: If the faces are traced, or no integers.
    Example:
      >>> edge_face_adjacency(np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4]])).tolist()
      [[0, 1], [1, 2]]
    """
    host = host_faces("edge_face_adjacency", faces)
    edges, of_corner = edges_and_corners(host)
    n_faces = max(len(host), 1)
    # One key for each edge and face: a face that passes an edge twice counts once.
    keys = np.unique((of_corner * n_faces + np.arange(len(host))[:, None])[of_corner < len(edges)])
    edge, face = keys // n_faces, keys % n_faces
    first = np.flatnonzero(np.bincount(edge, minlength=len(edges))[edge] == 2)[::2]
    pairs = np.unique(face[first] * n_faces + face[first + 1])
    return jnp.asarray(np.stack([pairs // n_faces, pairs % n_faces], axis=1).astype(np.int32))


def host_faces(function: str, faces: Any) -> Rows:
    """The faces in NumPy."""
    array = on_host(function, "faces", faces)
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(
            f"{function}: faces has shape {array.shape}; [n_faces, 3] is needed, the three vertices of each."
        )
    if array.dtype.kind not in "iu":
        raise TypeError(f"{function}: faces is of dtype {array.dtype}, but integers are needed.")
    if array.size and array.min() < 0:
        raise ValueError(f"{function}: faces holds {array.min()}, but vertices are numbered from 0.")
    return array.astype(np.int64)


def host_edges(faces: Rows) -> Rows:
    """The sorted edges alone, by one sort of keys."""
    keys, bits = _keys(faces)
    keys.sort()
    return _ends(keys[first_of_each(keys)], bits)[0]


def edges_and_corners(faces: Rows) -> HostEdges:
    """The sorted edges, and the edge across from each corner of each face."""
    keys, bits = _keys(faces)
    keys, order = sorted_with_order(keys)
    first = first_of_each(keys)
    edges, proper = _ends(keys[first], bits)
    number = np.where(proper, np.cumsum(proper) - 1, len(edges))
    of_corner = np.empty(len(keys), np.int64)
    of_corner[order] = number[np.cumsum(first) - 1]
    return HostEdges(edges, of_corner.reshape(3, -1).T)


def _keys(faces: Rows) -> tuple[Rows, int]:
    """One number for the side across from each corner, all first corners before all second ones; bits of one end."""
    bits = int(faces.max(initial=0)).bit_length()
    corners = np.ascontiguousarray(faces.T)
    a, b = corners[[1, 2, 0]].ravel(), corners[[2, 0, 1]].ravel()
    return np.minimum(a, b) << bits | np.maximum(a, b), bits


def _ends(keys: Rows, bits: int) -> tuple[Rows, NDArray[np.bool_]]:
    """The two vertices of each key, and which keys join two vertices."""
    ends = np.stack([keys >> bits, keys & ((1 << bits) - 1)], axis=1)
    proper = ends[:, 0] != ends[:, 1]
    return ends if proper.all() else ends[proper], proper
