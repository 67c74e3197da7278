"""Who is within k edges of whom."""

from typing import Any

import numpy as np

from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL
from nitrix.sparse.mesh._keys import Rows, first_of_each, spread
from nitrix.sparse.mesh._rows import Format, neighbours, packed, self_first
from nitrix.sparse.mesh.container import Mesh
from nitrix.sparse.mesh.edges import host_edges, host_faces

CSR = tuple[Rows, Rows]  # entries per row; columns, sorted by row and ascending


def mesh_k_ring_adjacency(
    mesh: Mesh, *, k: int = 1, binary: bool = True, include_self: bool = False, format: Format = "ell"
) -> ELL | SectionedELL:
    """The vertices within k edges of each vertex.

    Runs on the host (NumPy), without a loop over vertices. A side that joins a vertex to itself is no edge; edges of
    one face, or of three and more, are edges like all others. A vertex of no face has no neighbours.

    Args:
      mesh: The mesh; only its faces and its number of vertices matter.
      k: How many edges away, 0 or more.
      binary: Values are 1; else 1 / (entries of the row), so that rows sum to 1.
      include_self: Each vertex is an entry of its own row.
      format: "ell", "sectioned", or "auto": flat where that takes less than 1.5 slots for each entry, else sectioned.
    Returns:
      The adjacency in the dtype of the vertices: in each row the vertex itself, if wanted, then the others in
      ascending order, then pads of value 0.
    Raises:
      TypeError: If the faces are traced, or k is no integer.
      ValueError: If k is negative, or the format is unknown.
    Example:
      >>> vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
      >>> square = Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]]))
      >>> ring = mesh_k_ring_adjacency(square)
      >>> ring.indices.tolist(), ring.degree.tolist()
      ([[1, 2, 3], [0, 2, 0], [0, 1, 3], [0, 2, 0]], [3, 2, 3, 2])
    """
    name = "mesh_k_ring_adjacency"
    if not isinstance(k, int) or isinstance(k, bool):
        raise TypeError(f"{name}: k is {k!r}, but an integer is needed, a number of edges.")
    if k < 0:
        raise ValueError(f"{name}: k is {k}; give a number of edges, 0 or more.")
    faces, n = host_faces(name, mesh.faces), mesh.n_vertices
    degree, columns = _rings(faces, n, k)
    if include_self:
        degree, columns = self_first(degree, columns, np.arange(n))
    dtype = mesh.vertices.dtype
    values = np.ones(len(columns), dtype)
    if not binary:
        values = np.repeat(1 / np.maximum(degree, 1), degree).astype(dtype)
    return packed(name, format, degree, columns, values, n_cols=n)


def _rings(faces: Rows, n: int, k: int) -> CSR:
    if k == 0:
        return np.zeros(n, np.int64), np.zeros(0, np.int64)
    degree, columns, _ = neighbours(host_edges(faces), n)
    if k == 1 or not len(columns):
        return degree, columns
    terms = int(degree[columns].sum())
    if n * int(degree.max()) ** 2 < 3 * terms:
        known = _second_ring(degree, columns)
    else:
        known = _one_further(degree, columns, degree, columns, degree, columns)
    newest = _without(known, (degree, columns))
    for ring in range(3, k + 1):
        wider = _one_further(*known, *newest, degree, columns)
        if ring < k:
            newest = _without(wider, known)
        known = wider
        if ring < k and not len(newest[1]):
            break
    return known


def _second_ring(degree: Rows, columns: Rows) -> CSR:
    """Rows of equal width, sorted: twice as fast as keys, where no row is much longer than the others."""
    n, width = len(degree), int(degree.max())
    # The row past the last one stands for nobody, and has nobody for neighbours.
    ring = np.full((n + 1, width), n, np.int32)
    ring[:n][np.arange(width) < degree[:, None]] = columns
    reached = np.empty((n, width + width**2), np.int32)
    reached[:, :width] = ring[:n]
    np.take(ring, ring[:n], axis=0, out=reached[:, width:].reshape(n, width, width), mode="clip")
    reached.sort(axis=1)
    new = reached != np.arange(n, dtype=np.int32)[:, None]
    new &= reached < n
    new[:, 1:] &= reached[:, 1:] != reached[:, :-1]
    return new.sum(axis=1), reached.ravel()[np.flatnonzero(new)].astype(np.int64)


def _one_further(
    known_degree: Any, known: Any, from_degree: Any, start: Any, degree: Any, columns: Any
) -> CSR:
    """What is known, and the neighbours of `start`."""
    n = len(degree)
    rows = np.repeat(np.arange(n), from_degree)
    times = degree[start]
    reached = np.repeat(rows * n, times) + columns[spread((np.cumsum(degree) - degree)[start], times)]
    keys = np.concatenate([np.repeat(np.arange(n), known_degree) * n + known, reached])
    keys.sort()
    keys = keys[first_of_each(keys) & (keys % (n + 1) != 0)]  # a vertex itself is row * n + row
    return np.bincount(keys // n, minlength=n), keys % n


def _without(wider: CSR, known: CSR) -> CSR:
    """The entries of the first that the second lacks, which is a part of the first."""
    n = len(wider[0])
    keys, old = (np.repeat(np.arange(n), degree) * n + columns for degree, columns in (wider, known))
    new = np.ones(len(keys), bool)
    new[np.searchsorted(keys, old)] = False
    return np.bincount(keys[new] // n, minlength=n), keys[new] % n
