"""A surface drawn by sampling its triangles into a depth buffer: smooth shading, and lines of equal value."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from thrux.surface import Surface

Colours = Callable[[Float[np.ndarray, " pixel"], Float[np.ndarray, " pixel"]], np.ndarray]


class View(NamedTuple):
    """From where to look; z is up."""

    name: str
    forward: tuple[float, float, float]


LATERAL = View("from the left", (1.0, 0.0, 0.0))
MEDIAL = View("from the middle", (-1.0, 0.0, 0.0))
ABOVE = View("from above", (0.45, 0.15, -0.88))
OBLIQUE = View("from the left, above", (0.86, 0.0, -0.5))


def render(
    surface: Surface,
    values: Float[np.ndarray, " vertex"],
    shade: Float[np.ndarray, " vertex"],
    colours: Colours,
    view: View,
    *,
    height: int = 330,
) -> Float[np.ndarray, "row column 4"]:
    """The surface as a picture with a transparent background.

    `values` and `shade` are interpolated to each pixel and `colours(values, shade)` gives its red, green and
    blue before lighting. Drawn at twice the size and averaged, for smooth edges.
    """
    forward = np.asarray(view.forward) / np.linalg.norm(view.forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    vertices = surface.vertices.astype(np.float64)
    flat = np.stack([vertices @ right, -(vertices @ up)], axis=1)
    low, high = flat.min(axis=0), flat.max(axis=0)
    scale = (2 * height - 8) / (high[1] - low[1])
    flat = (flat - low) * scale + 4
    columns, rows = (int(np.ceil(n / 2) * 2) for n in (high - low) * scale + 8)

    face, weights = _visible(surface.faces, flat, vertices @ forward, rows, columns)
    hit = face >= 0
    corners, weights = surface.faces[face[hit]], weights[hit]
    normals = np.einsum("pc,pcd->pd", weights, vertex_normals(surface)[corners])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    rgb = colours(
        np.einsum("pc,pc->p", weights, values[corners]), np.einsum("pc,pc->p", weights, shade[corners])
    )
    picture = np.zeros((rows * columns, 4))
    picture[hit, :3] = _light(rgb, normals, forward, up, right)
    picture[hit, 3] = 1
    return _halve(picture.reshape(rows, columns, 4))


def _visible(
    faces: np.ndarray, flat: np.ndarray, depth: np.ndarray, rows: int, columns: int
) -> tuple[np.ndarray, np.ndarray]:
    """For each pixel the nearest triangle, or -1, and where in it."""
    xy = flat[faces]
    one, two = xy[:, 1] - xy[:, 0], xy[:, 2] - xy[:, 0]
    facing = np.flatnonzero(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0] < 0)
    longest = np.linalg.norm(xy[facing] - np.roll(xy[facing], 1, axis=1), axis=2).max(axis=1)
    fineness = 6 * np.ceil(1.15 * longest / 6).astype(int)
    nearest = np.full(rows * columns, np.iinfo(np.int64).max >> 40)
    kept_face = np.full(rows * columns, -1)
    kept_weights = np.zeros((rows * columns, 3))
    low, span = depth.min(), np.ptp(depth)
    for k in np.unique(fineness):  # triangles of like size are sampled alike
        group = facing[fineness == k]
        i, j = np.meshgrid(np.arange(k + 1), np.arange(k + 1))
        inside = i + j <= k
        samples = np.stack([i[inside], j[inside], k - i[inside] - j[inside]], axis=1) / k
        x, y = ((xy[group, :, axis] @ samples.T).astype(np.int64) for axis in (0, 1))
        level = ((depth[faces[group]] @ samples.T - low) / span * 2**20).astype(np.int64)
        key = level.ravel() << 40 | np.arange(level.size)
        pixel = (y * columns + x).ravel()
        best = np.full(rows * columns, np.iinfo(np.int64).max)
        np.minimum.at(best, pixel, key)
        won = np.flatnonzero(best >> 40 < nearest)
        winner = best[won] & (2**40 - 1)
        nearest[won] = best[won] >> 40
        kept_face[won] = group[winner // len(samples)]
        kept_weights[won] = samples[winner % len(samples)]
    return kept_face, kept_weights


def vertex_normals(surface: Surface) -> Float[np.ndarray, "vertex 3"]:
    """Outward unit normals: the mean over the triangles around, weighted by area."""
    a, b, c = np.moveaxis(surface.vertices.astype(np.float64)[surface.faces], 1, 0)
    normals = np.zeros(surface.vertices.shape)
    for corner in range(3):
        np.add.at(normals, surface.faces[:, corner], np.cross(b - a, c - a))
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def _light(
    rgb: np.ndarray, normals: np.ndarray, forward: np.ndarray, up: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """One lamp above the viewer's left shoulder, some light from all sides, a little gloss."""
    lamp = -forward + 0.6 * up - 0.35 * right
    lamp /= np.linalg.norm(lamp)
    diffuse = np.clip(normals @ lamp, 0, 1)
    half = lamp - forward
    gloss = np.clip(normals @ (half / np.linalg.norm(half)), 0, 1) ** 24
    return np.clip(rgb * (0.38 + 0.72 * diffuse)[:, None] + 0.10 * gloss[:, None], 0, 1)


def _halve(picture: np.ndarray) -> np.ndarray:
    """Half the size; colours are averaged over the pixels that the surface covers."""
    rows, columns, _ = picture.shape
    blocks = picture.reshape(rows // 2, 2, columns // 2, 2, 4)
    alpha = blocks[..., 3:].sum(axis=(1, 3))
    colour = (blocks[..., :3] * blocks[..., 3:]).sum(axis=(1, 3)) / np.maximum(alpha, 1)
    return np.concatenate([colour, alpha / 4], axis=2)
