"""The share of each vertex in the area of a mesh, and the cotangents that it and the Laplacian are made of."""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nitrix.sparse.mesh._vectors import crosses, length, without_area
from nitrix.sparse.mesh.container import Mesh
from nitrix.sparse.mesh.faces import into_vertices

Scheme = Literal["voronoi", "barycentric"]


def vertex_areas(mesh: Mesh, *, scheme: Scheme = "voronoi") -> Float[Array, "n_vertices"]:
    """The area that belongs to each vertex, in mm^2; they sum to the area of the mesh.

    Differentiable in the vertices, with gradient 0 at faces without area, which add nothing. Faces scatter into their
    vertices, and so do gradients. "voronoi" is continuous where a triangle turns obtuse, its gradient is not.

    Args:
      mesh: The mesh.
      scheme: "voronoi": the mixed areas of Meyer et al., that is the Voronoi cell within a face that is not obtuse,
        and else half the face for its obtuse corner and a quarter for the others; "barycentric": a third of each face.
    Returns:
      Areas, in the dtype of the vertices; 0 for a vertex of no face.
    Raises:
      ValueError: If the scheme is unknown.
    References:
      M. Meyer et al., Visualization and Mathematics III, 2003. doi:10.1007/978-3-662-05105-4_2
    Example:
      >>> import numpy as np
      >>> vertices = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0]])
      >>> triangle = Mesh(vertices, np.array([[0, 1, 2]]))
      >>> vertex_areas(triangle)
      Array([1. , 0.5, 0.5], dtype=float32)
    """
    check_scheme("vertex_areas", scheme)
    return _areas(mesh.vertices, mesh.faces, scheme)


def check_scheme(function: str, scheme: str) -> None:
    """Refuse what is no way to share an area out."""
    if scheme not in ("voronoi", "barycentric"):
        raise ValueError(f"{function}: scheme is {scheme!r}; choose 'voronoi' or 'barycentric'.")


@partial(jax.jit, static_argnums=2)
def _areas(vertices: Array, faces: Array, scheme: str) -> Array:
    corners = vertices[faces]
    shares = mixed_areas(corners) if scheme == "voronoi" else _thirds(corners)
    return into_vertices(shares, faces, len(vertices))


def _thirds(corners: Array) -> Array:
    return jnp.repeat(length(crosses(corners))[:, None] / 6, 3, axis=1)


def mixed_areas(corners: Array) -> Array:
    """The share of each corner in its face's area [faces, 3]."""
    area = length(crosses(corners))[:, None] / 2
    # Within a face, the cell of corner a is (|ab|^2 cot(c) + |ac|^2 cot(b)) / 8.
    cotangent = corner_cotangents(corners)
    opposite = jnp.sum(jnp.square(jnp.roll(corners, -1, axis=1) - jnp.roll(corners, 1, axis=1)), axis=-1)
    pull = opposite * cotangent
    cell = (jnp.roll(pull, -1, axis=1) + jnp.roll(pull, 1, axis=1)) / 8
    obtuse = cotangent < 0
    mixed = jnp.where(obtuse, area / 2, area / 4)
    return jnp.where(jnp.any(obtuse, axis=1, keepdims=True), mixed, cell)


def corner_cotangents(corners: Array) -> Array:
    """The cotangent of the angle at each corner [faces, 3]; 0, with derivative 0, in faces without area."""
    ahead = jnp.roll(corners, -1, axis=1) - corners
    behind = jnp.roll(corners, 1, axis=1) - corners
    twice_area = length(crosses(corners))[:, None]
    flat = without_area(corners)[:, None]
    return jnp.where(flat, 0, jnp.sum(ahead * behind, axis=-1) / jnp.where(flat, 1, twice_area))
