"""The neighbours of each vertex of a sphere in the order of their directions."""

import operator
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Int
from numpy.typing import NDArray

from nitrix.sparse import Mesh, mesh_k_ring_adjacency
from nitrix.sparse.ell._entries import entries_of, on_host
from nitrix.sparse.ell._pack import constant

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

# Radians, beyond what rounding to float32 does.
_POLE = 1e-6
_TIE = 1e-4


class DirectionalNeighbourhood(NamedTuple):
    """Neighbours by direction: one slot of all rows looks the same way, as one tap of a grid's kernel does."""

    indices: Int[Array, "n k"]  # of the neighbour in each slot; 0 where there is none
    valid: Bool[Array, "n k"]  # False at slots without a neighbour


def directional_neighbourhood(mesh: Mesh, *, rings: int = 1) -> DirectionalNeighbourhood:
    """The neighbours of each vertex of a sphere, ordered by direction, for `spherical_kernel_conv`.

    Runs on the host (NumPy), in float64. Slot 0 is the vertex itself. Then come, ring by ring, its neighbours,
    counter-clockwise as seen from outside; the first of a ring is the one whose direction is nearest to east (of two
    equally near, the northern one). East and north are those of the sphere's longitudes and latitudes, and at the poles
    those of longitude 0: at the north pole east is +y and north is -x. A field of directions on a sphere has such
    places, and kernels turn about them. Each ring has as many slots as its largest has neighbours; slots at the end of
    smaller ones are empty, such as one of six at the twelve vertices of an icosphere that have five neighbours.

    Args:
      mesh: A sphere about the origin, such as `icosphere` makes.
      rings: How many edges away neighbours may be, 1 or more.
    Returns:
      The neighbours, with a slot for each: 7 on an icosphere, 19 with two rings.
    Raises:
      TypeError: If the mesh is traced, or rings is no integer.
      ValueError: If rings is less than 1, or a vertex lies at the origin.
    References:
      F. Zhao et al., Spherical U-Net on cortical surfaces, IPMI 2019. doi:10.1007/978-3-030-20351-1_67
    Example:
      >>> from nitrix.geometry import icosphere
      >>> around = directional_neighbourhood(icosphere(1))
      >>> around.indices.shape, int(around.valid[:12].sum(1).max()), int(around.valid[12:].sum(1).min())
      ((42, 7), 6, 7)
    """
    name = "directional_neighbourhood"
    try:
        count = operator.index(rings)
    except TypeError:
        raise TypeError(f"{name}: rings is {rings!r}, but an integer is needed, a number of edges.") from None
    if count < 1:
        raise ValueError(f"{name}: rings is {count}; give a number of edges, 1 or more.")
    n = mesh.n_vertices
    unit = unit_on_host(name, "vertex", on_host(name, "the array of vertices", mesh.vertices))
    indices, valid = [np.arange(n)[:, None]], [np.ones((n, 1), bool)]
    known = np.zeros(0, np.int64)
    for k in range(1, count + 1):
        within = entries_of(mesh_k_ring_adjacency(mesh, k=k), name)
        keys = within.rows * n + within.columns
        new = np.setdiff1d(keys, known, assume_unique=True)
        known = keys
        rows, columns = np.divmod(new, max(n, 1))
        columns = columns[_by_direction(unit, rows, columns)]
        degree = np.bincount(rows, minlength=n)
        slots = np.arange(int(degree.max(initial=0))) < degree[:, None]
        table = np.zeros(slots.shape, np.int64)
        table[slots] = columns
        indices.append(table)
        valid.append(slots)
    return DirectionalNeighbourhood(
        constant(np.concatenate(indices, axis=1).astype(np.int32)), constant(np.concatenate(valid, axis=1))
    )


def unit_on_host(function: str, what: str, vertices: NDArray[np.generic]) -> Floats:
    """Directions in float64, of length 1."""
    wide = vertices.astype(np.float64)
    length = np.sqrt(np.square(wide).sum(axis=-1, keepdims=True))
    wrong = ~(np.isfinite(length) & (length > 0))[:, 0]
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(
            f"{function}: {what} {at} is {wide[at].tolist()}, which has no direction from the origin; give a sphere "
            f"whose centre is the origin."
        )
    return wide / length


def _by_direction(unit: Floats, rows: Rows, columns: Rows) -> Rows:
    """The order of entries, sorted by row, that goes counter-clockwise in each row."""
    east, north = _frames(unit)
    ahead = unit[columns]
    azimuth = np.arctan2(np.sum(north[rows] * ahead, axis=1), np.sum(east[rows] * ahead, axis=1))
    nearest = np.lexsort((np.abs(azimuth - _TIE), rows))
    first = np.ones(len(rows), bool)
    np.not_equal(rows[1:], rows[:-1], out=first[1:])
    start = azimuth[nearest[first]][np.cumsum(first) - 1]
    return np.lexsort((np.mod(azimuth - start, 2 * np.pi), rows))


def _frames(unit: Floats) -> tuple[Floats, Floats]:
    """East and north of each direction [n, 3]."""
    x, y, z = unit.T
    level = np.hypot(x, y)
    pole = level < _POLE
    cosine = np.where(pole, 1.0, x / np.where(pole, 1.0, level))
    sine = np.where(pole, 0.0, y / np.where(pole, 1.0, level))
    east = np.stack([-sine, cosine, np.zeros_like(z)], axis=1)
    return east, np.stack([-z * cosine, -z * sine, level], axis=1)
