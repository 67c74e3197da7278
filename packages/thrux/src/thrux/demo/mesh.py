"""A triangle mesh as a sparse matrix in ELL form: for each vertex its neighbours, padded to one width."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from thrux.surface import Surface


class Neighbours(NamedTuple):
    """The edges of a mesh by vertex; slot 0 is the vertex itself, at length 0."""

    indices: Int[np.ndarray, "vertex slot"]
    lengths: Float[np.ndarray, "vertex slot"]  # mm; inf in a pad
    used: Bool[np.ndarray, "vertex slot"]


def neighbours_of(surface: Surface) -> Neighbours:
    """The vertices that share an edge with each vertex, and the lengths of these edges."""
    faces, n = surface.faces, len(surface.vertices)
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    keys = np.unique(np.concatenate([ends[:, 0] * n + ends[:, 1], ends[:, 1] * n + ends[:, 0]]))
    rows, columns = keys // n, keys % n
    degree = np.bincount(rows, minlength=n)
    slot = 1 + np.arange(len(rows)) - np.repeat(np.cumsum(degree) - degree, degree)
    shape = (n, 1 + int(degree.max()))
    indices = np.broadcast_to(np.arange(n)[:, None], shape).astype(np.int32)
    lengths = np.full(shape, np.inf, np.float32)
    lengths[:, 0] = 0
    indices[rows, slot] = columns
    lengths[rows, slot] = np.linalg.norm(
        surface.vertices[rows].astype(np.float64) - surface.vertices[columns], axis=1
    )
    return Neighbours(indices, lengths, np.isfinite(lengths))


def part_of(surface: Surface, keep: Bool[np.ndarray, " vertex"]) -> tuple[Surface, Int[np.ndarray, " kept"]]:
    """The triangles whose corners are all kept, and the kept vertices' numbers in the whole mesh."""
    faces = surface.faces[keep[surface.faces].all(axis=1)]
    numbers = np.unique(faces)
    renumber = np.zeros(len(keep), np.int32)
    renumber[numbers] = np.arange(len(numbers))
    return Surface(surface.vertices[numbers], renumber[faces]), numbers
