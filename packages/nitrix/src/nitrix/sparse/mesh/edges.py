"""The edges of a mesh: which vertices they join, which faces and corners they belong to."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Int, Integer
from numpy.typing import NDArray

from nitrix.sparse.ell._entries import on_host


class HostEdges(NamedTuple):
    """What sorting the sides of all faces tells."""

    edges: NDArray[np.int64]  # [edges, 2], the smaller vertex first, sorted
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
      >>> mesh_edges([[0, 1, 2], [0, 2, 3]]).tolist()
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
      >>> edge_face_adjacency([[0, 1, 2], [0, 2, 3], [0, 3, 4]]).tolist()
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


def host_faces(function: str, faces: Any) -> NDArray[np.int64]:
    """The faces in NumPy."""
    array = on_host(function, "faces", faces)
    if array.size == 0 and not hasattr(faces, "dtype"):
        return np.zeros((0, 3), np.int64)
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(
            f"{function}: faces has shape {array.shape}; [n_faces, 3] is needed, the three vertices of each."
        )
    if array.dtype.kind not in "iu":
        raise TypeError(f"{function}: faces is of dtype {array.dtype}, but integers are needed.")
    if array.size and array.min() < 0:
        raise ValueError(f"{function}: faces holds {array.min()}, but vertices are numbered from 0.")
    return array.astype(np.int64)


def host_edges(faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sorted edges alone, by one sort of keys."""
    keys, n = _keys(faces)
    keys = np.sort(keys.ravel())
    keys = keys[_first_of_each(keys)]
    a, b = np.divmod(keys, n)
    return np.stack([a, b], axis=1)[a != b]


def edges_and_corners(faces: NDArray[np.int64]) -> HostEdges:
    """The sorted edges, and the edge across from each corner of each face."""
    keys, n = _keys(faces)
    flat = keys.ravel()
    # A key with the corner's number in its lower bits is sorted several times as fast as positions are.
    bits = len(flat).bit_length()
    if n * n < 2 ** (62 - bits):
        packed = np.sort(flat << bits | np.arange(len(flat)))
        ordered, order = packed >> bits, packed & ((1 << bits) - 1)
    else:
        order = np.argsort(flat, kind="stable")
        ordered = flat[order]
    first = _first_of_each(ordered)
    unique = ordered[first]
    a, b = np.divmod(unique, n)
    proper = a != b
    number = np.where(proper, np.cumsum(proper) - 1, proper.sum())
    of_corner = np.empty(len(flat), np.int64)
    of_corner[order] = number[np.cumsum(first) - 1]
    return HostEdges(np.stack([a, b], axis=1)[proper], of_corner.reshape(-1, 3))


def _keys(faces: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """One number for the side across from each corner [faces, 3], and the base it is written in."""
    n = int(faces.max(initial=0)) + 1
    a, b = np.roll(faces, -1, axis=1), np.roll(faces, 1, axis=1)
    return np.minimum(a, b) * n + np.maximum(a, b), n


def _first_of_each(ordered: NDArray[np.int64]) -> NDArray[np.bool_]:
    first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return first
