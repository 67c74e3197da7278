"""Who is within how many millimetres of whom, along edges."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitrix.sparse.ell._entries import on_host
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL
from nitrix.sparse.mesh._keys import Rows, first_of_each, sorted_with_order, spread
from nitrix.sparse.mesh._rows import Format, neighbours, packed
from nitrix.sparse.mesh.container import Mesh
from nitrix.sparse.mesh.edges import host_edges, host_faces

BLOCK = 4096  # rows that grow together


def geodesic_neighbourhood(
    mesh: Mesh, radius_mm: int | float, *, include_self: bool = True, format: Format = "auto"
) -> ELL | SectionedELL:
    """The vertices within a radius of each vertex, measured along edges, with their distances.

    Runs on the host (NumPy) in float64, by min-plus steps from all vertices at once: each step adds one edge to the
    paths that still change. Exact on the edge graph, as `scipy.sparse.csgraph.dijkstra` with `limit`; never shorter
    than the geodesic of the surface itself. Values are numbers without a derivative: for one, take
    `geodesic_distance(mesh_edge_lengths(mesh, ...), ...)`.

    Args:
      mesh: The mesh. A vertex of no face has no neighbours; vertices that are not finite are out of reach.
      radius_mm: Largest distance, in the unit of the vertices, 0 or more.
      include_self: Each vertex is an entry of its own row, at distance 0.
      format: "ell", "sectioned", or "auto": flat where that takes less than 1.5 slots for each entry, else sectioned.
    Returns:
      The distances in the dtype of the vertices: in each row the vertex itself, if wanted, then the others in
      ascending order of their numbers, then pads of value inf.
    Raises:
      TypeError: If the mesh is traced, or the radius is no real number.
      ValueError: If the radius is negative or not finite, or the format is unknown.
    Example:
      >>> vertices = np.array([[0, 0, 0], [3, 0, 0], [3, 4, 0], [0, 4, 0]])
      >>> square = Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]]))
      >>> within = geodesic_neighbourhood(square, 4.5, format="ell")
      >>> within.indices[0, :3].tolist(), within.values[0].tolist()
      ([0, 1, 3], [0.0, 3.0, 4.0])
    """
    name = "geodesic_neighbourhood"
    radius = _radius(name, radius_mm)
    vertices = on_host(name, "the array of vertices", mesh.vertices).astype(np.float64)
    n = len(vertices)
    edges = host_edges(host_faces(name, mesh.faces))
    degree, columns, edge = neighbours(edges, n)
    lengths = np.sqrt(np.square(vertices[edges[:, 0]] - vertices[edges[:, 1]]).sum(1))[edge]
    parts = [
        _grown(rows, degree, columns, lengths, radius, include_self)
        for rows in np.array_split(np.arange(n), max(math.ceil(n / BLOCK), 1))
    ]
    count, columns, distances = (np.concatenate(arrays) for arrays in zip(*parts))
    values = distances.astype(mesh.vertices.dtype)
    return packed(name, format, count, columns, values, n_cols=n, identity=math.inf)


def _grown(
    rows: Rows, degree: Rows, columns: Rows, lengths: NDArray[np.float64], radius: float, include_self: bool
) -> tuple[Rows, Rows, NDArray[np.float64]]:
    """Entries per row, columns and distances of some rows."""
    n, count = len(degree), len(rows)
    starts = np.cumsum(degree) - degree
    keys = np.arange(count) * n + rows  # one number for a row and a column, ascending
    distances = np.zeros(count)
    newest, newest_distances = keys, distances
    while len(newest):
        start = newest % n
        at = spread(starts[start], degree[start])
        there = np.repeat(newest_distances, degree[start]) + lengths[at]
        reached = np.repeat(newest - start, degree[start]) + columns[at]
        close = there <= radius
        reached, there = _least(reached[close], there[close])
        where = np.searchsorted(keys, reached)
        known = keys[np.minimum(where, len(keys) - 1)] == reached
        nearer = np.flatnonzero(known)
        nearer = nearer[there[nearer] < distances[where[nearer]]]
        distances[where[nearer]] = there[nearer]
        changed = ~known
        changed[nearer] = True
        newest, newest_distances = reached[changed], there[changed]
        keys = np.insert(keys, where[~known], reached[~known])
        distances = np.insert(distances, where[~known], there[~known])
    own = keys % n == rows[keys // n]
    # The vertex itself first, or not at all.
    first = np.cumsum(np.bincount(keys // n, minlength=count)) - np.bincount(keys // n, minlength=count)
    order = np.flatnonzero(~own)
    if include_self:
        order = np.insert(order, first - np.arange(count), np.flatnonzero(own))
    keys = keys[order]
    return np.bincount(keys // n, minlength=count), keys % n, distances[order]


def _least(keys: Rows, values: NDArray[np.float64]) -> tuple[Rows, NDArray[np.float64]]:
    """Each key once, ascending, with the least of its values."""
    if not len(keys):
        return keys, values
    keys, order = sorted_with_order(keys)
    first = np.flatnonzero(first_of_each(keys))
    return keys[first], np.minimum.reduceat(values[order], first)


def _radius(function: str, radius_mm: Any) -> float:
    if isinstance(radius_mm, bool) or not isinstance(radius_mm, (int, float, np.integer, np.floating)):
        raise TypeError(f"{function}: radius_mm is {radius_mm!r}, but a real number is needed, in mm.")
    if not 0 <= radius_mm < math.inf:
        raise ValueError(f"{function}: radius_mm is {radius_mm}; give a finite distance in mm, 0 or more.")
    return float(radius_mm)
