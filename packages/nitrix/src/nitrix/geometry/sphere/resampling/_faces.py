"""Which triangle of a sphere each direction passes through; on the host, in float64."""

from typing import Any, NamedTuple

import numpy as np

from nitrix.geometry.sphere.directions import Floats, Rows, unit_on_host
from nitrix.sparse import Mesh
from nitrix.sparse.ell._entries import on_host
from nitrix.sparse.mesh.edges import edges_and_corners, host_faces

TOUCH = 1e-10  # of a barycentric weight: rounding
HELD = 1 << 22  # numbers that are looked at together
_SAMPLES = 2  # faces to start from, times the root of their number


class Place(NamedTuple):
    """The corners of the triangle that each direction passes through, and the barycentric weights of where."""

    corners: Rows  # [m, 3]
    weights: Floats  # [m, 3], from 0 to 1, of sum 1


# The ray along t passes through the triangle (a, b, c) at sum_i w_i corner_i, w ~ (t . b x c, t . c x a, t . a x b),
# none of them negative. As b x (c - b) the normals keep the digits that small triangles need. If one is negative, t
# lies beyond the edge across from that corner, and the next triangle is the one behind this edge: a walk, which starts
# from the nearest of some hundred triangles [1]. On a triangulation that is not Delaunay's it may go round in circles;
# what has not arrived after many steps is looked for among all triangles.
# [1] Muecke, Saias and Zhu, Comput. Geom. 12, 1999. doi:10.1016/S0925-7721(98)00035-2


def locate(function: str, source: Mesh, target: Any) -> Place:
    """The place of each target direction [m, 3] on the sphere of the source."""
    faces = host_faces(function, source.faces)
    vertices = unit_on_host(function, "vertex", on_host(function, "the array of vertices", source.vertices))
    directions = unit_on_host(function, "target point", np.asarray(target))
    normals, usable = _normals(vertices[faces])
    if len(directions) == 0:
        return Place(np.zeros((0, 3), np.int64), np.zeros((0, 3)))
    if not usable.any():
        raise ValueError(f"{function}: no face of the source has an area.")
    face = _walk(
        normals, usable, _beyond(faces), _nearest_of_some(vertices[faces], usable, directions), directions
    )
    lost = np.flatnonzero(face < 0)
    face[lost] = _among_all(function, normals, usable, directions, lost)
    weights = _weights(normals[face], directions)
    weights /= weights.sum(axis=1, keepdims=True)
    # What a rounding away from an edge or a vertex is there.
    weights[weights < TOUCH] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    return Place(faces[face], weights)


def _normals(corners: Floats) -> tuple[Floats, Any]:
    """For each corner of each face the normal of the plane through the others and the centre, and which faces count."""
    ahead, behind = np.roll(corners, -1, axis=1), np.roll(corners, -2, axis=1)
    normals = np.cross(ahead, behind - ahead)
    volume = np.einsum("fx,fx->f", normals[:, 0], corners[:, 0])
    longest = np.square(corners - ahead).sum(axis=2).max(axis=1)
    usable = np.abs(volume) > 1e-12 * longest
    # A face turned inside out covers its directions all the same.
    return normals * np.where(volume < 0, -1.0, 1.0)[:, None, None], usable


def _beyond(faces: Rows) -> Rows:
    """The face behind the edge across from each corner [faces, 3]; -1 where there is none."""
    edges, of_corner = edges_and_corners(faces)
    face = np.arange(len(faces))[:, None]
    # The other of two is their sum less the one; the edges of a border, and of three faces and more, have no other.
    total, count = (
        np.bincount(of_corner.ravel(), weights, len(edges) + 1)
        for weights in (np.repeat(np.arange(len(faces)), 3), None)
    )
    paired = (count[of_corner] == 2) & (of_corner < len(edges))
    return np.where(paired, total[of_corner].astype(np.int64) - face, -1)


def _nearest_of_some(corners: Floats, usable: Any, directions: Floats) -> Rows:
    some = np.flatnonzero(usable)
    some = some[
        np.linspace(0, len(some) - 1, min(len(some), 1 + int(_SAMPLES * len(some) ** 0.5))).astype(np.int64)
    ]
    middles = corners[some].sum(axis=1)
    middles = (middles / np.sqrt(np.square(middles).sum(axis=1, keepdims=True))).T.astype(np.float32)
    rows = max(HELD // len(some), 1)
    narrow = directions.astype(np.float32)
    parts = [(narrow[i : i + rows] @ middles).argmax(axis=1) for i in range(0, len(directions), rows)]
    return some[np.concatenate(parts)]


def _weights(normals: Floats, directions: Floats) -> Floats:
    return np.einsum("mcx,mx->mc", normals, directions)


def _inside(weights: Floats) -> Any:
    return (weights.min(axis=-1) >= -TOUCH * np.abs(weights).sum(axis=-1)) & (weights.sum(axis=-1) > 0)


def _walk(normals: Floats, usable: Any, beyond: Rows, start: Rows, directions: Floats) -> Rows:
    """The face that each walk arrives at, -1 where it gets lost."""
    arrived = np.full(len(start), -1)
    face, on_the_way = start, np.arange(len(start))
    for _ in range(10 + 4 * int(len(normals) ** 0.5)):
        weights = _weights(normals[face], directions[on_the_way])
        there = _inside(weights)
        arrived[on_the_way[there]] = face[there]
        behind = np.take_along_axis(beyond[face], weights.argmin(axis=1)[:, None], 1)[:, 0]
        going = ~there & (behind >= 0)
        going &= usable[behind]
        face, on_the_way = behind[going], on_the_way[going]
        if not len(face):
            break
    return arrived


def _among_all(function: str, normals: Floats, usable: Any, directions: Floats, lost: Rows) -> Rows:
    """The face in which a direction lies the deepest, for those that are lost."""
    some = np.flatnonzero(usable)
    planes = normals[some].reshape(-1, 3).T
    found = np.zeros(len(lost), np.int64)
    rows = max(HELD // planes.shape[1], 1)
    for first in range(0, len(lost), rows):
        block = lost[first : first + rows]
        weights = (directions[block] @ planes).reshape(len(block), len(some), 3)
        total = np.abs(weights).sum(axis=2)
        depth = np.where(_inside(weights), weights.min(axis=2) / np.where(total > 0, total, 1), -np.inf)
        best = depth.argmax(axis=1)
        outside = np.isneginf(depth[np.arange(len(block)), best])
        if outside.any():
            at = int(block[np.argmax(outside)])
            raise ValueError(
                f"{function}: the direction of target {at} passes through no face of the source; give a closed sphere "
                f"about the origin."
            )
        found[first : first + rows] = some[best]
    return found
