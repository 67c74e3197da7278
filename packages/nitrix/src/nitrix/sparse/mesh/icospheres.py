"""Icospheres, and the hierarchies in which each vertex of a level stays a vertex of the next."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Int, Integer
from numpy.typing import NDArray

from nitrix.sparse.ell._entries import on_host
from nitrix.sparse.mesh.container import Mesh
from nitrix.sparse.mesh.edges import edges_and_corners

FINEST = 12  # 168 million vertices


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class IcosphereHierarchy:
    """Meshes from coarse to fine, and where the vertices of each come from.

    A pytree of its arrays.

    Args:
      meshes: One mesh for each level; a level's vertices come first among those of the next.
      parents: For each level the two vertices of the level above between which each vertex lies, int32
        [n_vertices, 2]: (v, v) for a vertex that was there, (a, b) for the midpoint of an edge. None at level 0.
    """

    meshes: tuple[Mesh, ...]
    parents: tuple[Int[Array, "_ 2"] | None, ...]

    @property
    def max_level(self) -> int:
        """The finest level."""
        return len(self.meshes) - 1


def icosphere(n_iterations: int = 0) -> Mesh:
    """An icosahedron whose faces are split in four again and again, on the unit sphere.

    Runs on the host (NumPy). Each step puts a vertex on the middle of every edge and moves it out to the sphere. Faces
    are counter-clockwise as seen from outside. The vertices of each step come first among those of the next.

    Args:
      n_iterations: Number of steps, from 0 to 12.
    Returns:
      A mesh of 10 * 4^n + 2 vertices and 20 * 4^n faces, in the default floating dtype.
    Raises:
      ValueError: If the number of steps is out of range.
      TypeError: If it is no integer.
    Example:
      >>> icosphere(2).n_vertices, icosphere(2).n_faces
      (162, 320)
    """
    vertices, faces, _ = _levels("icosphere", "n_iterations", n_iterations)[-1]
    return Mesh(vertices, faces)


def icosphere_hierarchy(max_level: int) -> IcosphereHierarchy:
    """The icospheres of levels 0 to `max_level`, with the origin of each vertex.

    Runs on the host (NumPy).

    Args:
      max_level: The finest level, from 0 to 12.
    Returns:
      The hierarchy; `meshes[n]` is `icosphere(n)`.
    Raises:
      ValueError: If the level is out of range.
      TypeError: If it is no integer.
    Example:
      >>> hierarchy = icosphere_hierarchy(2)
      >>> [mesh.n_vertices for mesh in hierarchy.meshes], hierarchy.parents[1].shape
      ([12, 42, 162], (42, 2))
    """
    levels = _levels("icosphere_hierarchy", "max_level", max_level)
    parents = (None if table is None else jnp.asarray(table.astype(np.int32)) for _, _, table in levels)
    return IcosphereHierarchy(tuple(Mesh(v, f) for v, f, _ in levels), tuple(parents))


def icosphere_hierarchy_from_levels(
    meshes: Sequence[Mesh], parents: Sequence[Integer[ArrayLike, "_ 2"] | None]
) -> IcosphereHierarchy:
    """A hierarchy of meshes of your own, such as FreeSurfer's fsaverage3 to fsaverage7.

    Runs on the host (NumPy). Vertices need not lie on a sphere, and kept vertices need not come first.

    Args:
      meshes: One mesh for each level, coarse to fine.
      parents: One table for each level, as `IcosphereHierarchy` describes them; None for the first.
    Returns:
      The hierarchy.
    Raises:
      ValueError: If there are no meshes, a table is missing, has the wrong shape or names a vertex that the level
        above lacks.
      TypeError: If a table is traced, or its entries are no integers.
    Example:
      >>> whole = icosphere_hierarchy(3)
      >>> part = icosphere_hierarchy_from_levels(whole.meshes[1:], [None, *whole.parents[2:]])
      >>> part.max_level
      2
    """
    name = "icosphere_hierarchy_from_levels"
    if not len(meshes) or len(meshes) != len(parents):
        raise ValueError(
            f"{name}: {len(meshes)} meshes and {len(parents)} parent tables were given; give at least one mesh, and "
            f"one table for each, None for the first."
        )
    if parents[0] is not None:
        raise ValueError(f"{name}: parents[0] is a table, but the coarsest level has no parents; give None.")
    tables: list[Array | None] = [None]
    for level in range(1, len(meshes)):
        table, n_fine = parents[level], meshes[level].n_vertices
        if table is None:
            raise ValueError(
                f"{name}: parents[{level}] is None, but every level past the first needs its table."
            )
        host = on_host(name, f"parents[{level}]", table)
        if host.dtype.kind not in "iu":
            raise TypeError(f"{name}: parents[{level}] is of dtype {host.dtype}, but integers are needed.")
        if host.shape != (n_fine, 2):
            raise ValueError(
                f"{name}: parents[{level}] has shape {host.shape}, but ({n_fine}, 2) is needed, two vertices of level "
                f"{level - 1} for each of the {n_fine} vertices of level {level}."
            )
        n_coarse = meshes[level - 1].n_vertices
        if host.size and (host.min() < 0 or host.max() >= n_coarse):
            raise ValueError(
                f"{name}: parents[{level}] names vertices from {host.min()} to {host.max()}, but those of level "
                f"{level - 1} are numbered from 0 to {n_coarse - 1}."
            )
        tables.append(jnp.asarray(host.astype(np.int32)))
    return IcosphereHierarchy(tuple(meshes), tuple(tables))


def _levels(function: str, name: str, finest: Any) -> list[tuple[Any, Any, Any]]:
    """Vertices, faces and parents of each level, in float64."""
    try:
        finest = operator.index(finest)
    except TypeError:
        raise TypeError(f"{function}: {name} is {finest!r}, but an integer is needed.") from None
    if not 0 <= finest <= FINEST:
        raise ValueError(f"{function}: {name} is {finest}; give a number of steps from 0 to {FINEST}.")
    vertices, faces = _icosahedron()
    levels: list[tuple[Any, Any, Any]] = [(vertices, faces, None)]
    for _ in range(finest):
        vertices, faces, parents = _split(vertices, faces)
        levels.append((vertices, faces, parents))
    return levels


def _split(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> tuple[Any, Any, Any]:
    """Each face in four: a corner each with the midpoints next to it, and the midpoints."""
    edges, across = edges_and_corners(faces)
    middles = vertices[edges[:, 0]] + vertices[edges[:, 1]]
    middles /= np.sqrt(np.einsum("ij,ij->i", middles, middles))[:, None]
    a, b, c = faces.T
    bc, ca, ab = (across + len(vertices)).T
    split = np.stack([a, ab, ca, b, bc, ab, c, ca, bc, ab, bc, ca], axis=1).reshape(-1, 3)
    kept = np.repeat(np.arange(len(vertices))[:, None], 2, axis=1)
    return np.concatenate([vertices, middles]), split, np.concatenate([kept, edges])


def _icosahedron() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """North pole, a ring of five, a ring of five half a step on, south pole."""
    turn = 2 * np.pi / 5 * np.arange(5)
    height, radius = 1 / np.sqrt(5), 2 / np.sqrt(5)
    upper = np.stack([radius * np.cos(turn), radius * np.sin(turn), np.full(5, height)], axis=1)
    lower = np.stack(
        [radius * np.cos(turn + np.pi / 5), radius * np.sin(turn + np.pi / 5), np.full(5, -height)], axis=1
    )
    i = np.arange(5)
    j = (i + 1) % 5
    north, south = np.zeros(5, np.int64), np.full(5, 11)
    faces = [(north, 1 + i, 1 + j), (1 + i, 6 + i, 1 + j), (1 + j, 6 + i, 6 + j), (south, 6 + j, 6 + i)]
    vertices = np.concatenate([[[0.0, 0.0, 1.0]], upper, lower, [[0.0, 0.0, -1.0]]])
    return vertices, np.concatenate([np.stack(face, axis=1) for face in faces])
