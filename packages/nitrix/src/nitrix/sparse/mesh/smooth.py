"""Laplacian smoothing: each vertex moves towards the mean of its neighbours."""

import operator
from typing import Any

import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Float, Integer, Shaped

from nitrix.sparse.ell.apply import apply_operator
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL
from nitrix.sparse.mesh._rows import row_sums
from nitrix.sparse.mesh.container import Mesh
from nitrix.sparse.mesh.k_ring import mesh_k_ring_adjacency


def mesh_laplacian_smooth(
    vertices: Shaped[ArrayLike, "n_vertices 3"],
    faces: Integer[ArrayLike, "n_faces 3"],
    *,
    lam: int | float = 0.5,
    iterations: int = 1,
) -> Float[Array, "n_vertices 3"]:
    """Move each vertex towards the mean of its neighbours: v <- (1 - lam) v + lam mean(v of the one-ring).

    The neighbours are worked out on the host (NumPy); `mesh_adjacency_smooth` takes them ready-made, and any field.
    Differentiable in the vertices. A closed surface shrinks.

    Args:
      vertices: Coordinates in mm.
      faces: Vertex numbers of each triangle.
      lam: How far, from 0 (not at all) to 1 (onto the mean); more overshoots.
      iterations: How often, 0 or more.
    Returns:
      The moved vertices; those without neighbours stay.
    Raises:
      TypeError: If the faces are traced, or iterations is no integer.
      ValueError: If a shape is wrong, a vertex number out of range, or iterations negative.
    References:
      D. A. Field, Communications in Applied Numerical Methods 4(6), 1988. doi:10.1002/cnm.1630040603
    Example:
      >>> vertices = jnp.asarray([[0, 0, 0], [2, 0, 0], [0, 2, 0], [5, 5, 5]])
      >>> mesh_laplacian_smooth(vertices, jnp.asarray([[0, 1, 2]]), lam=1.0)
      Array([[1., 1., 0.],
             [0., 1., 0.],
             [1., 0., 0.],
             [5., 5., 5.]], dtype=float32)
    """
    mesh = Mesh(vertices, faces)
    ring = mesh_k_ring_adjacency(mesh, format="auto")
    return mesh_adjacency_smooth(mesh.vertices, ring, lam=lam, iterations=iterations)


def mesh_adjacency_smooth(
    x: Shaped[ArrayLike, "*batch n d"],
    adjacency: ELL | SectionedELL,
    *,
    lam: int | float = 0.5,
    iterations: int = 1,
) -> Float[Array, "*batch n d"]:
    """Move each row of a field towards the mean of its neighbours: x <- (1 - lam) x + lam mean(x of the row's
    entries).

    Differentiable in the field and in the adjacency's values.

    Args:
      x: The field, one row for each vertex; leading axes are a batch. Integers become float32.
      adjacency: The neighbours of each vertex; its values are the weights of the mean.
      lam: How far, from 0 (not at all) to 1 (onto the mean); more overshoots.
      iterations: How often, 0 or more.
    Returns:
      The smoothed field; a row whose weights sum to 0, or that has no neighbours, stays.
    Raises:
      TypeError: If iterations is no integer.
      ValueError: If the adjacency is not square or does not fit the field, or iterations is negative.
    Example:
      >>> from nitrix.sparse import ell_from_ragged
      >>> path = ell_from_ragged([[1.0], [1.0, 1.0], [1.0]], [[1], [0, 2], [1]], n_cols=3)
      >>> mesh_adjacency_smooth(jnp.asarray([[0.0], [0.0], [4.0]]), path)
      Array([[0.],
             [1.],
             [2.]], dtype=float32)
    """
    name = "mesh_adjacency_smooth"
    times = _times(name, iterations)
    field = jnp.asarray(x)
    if not jnp.issubdtype(field.dtype, jnp.floating):
        field = field.astype(jnp.float32)
    if adjacency.n_rows != adjacency.n_cols:
        raise ValueError(
            f"{name}: the adjacency is of shape {tuple(adjacency.shape)}; a square one is needed."
        )
    if field.ndim < 2 or field.shape[-2] != adjacency.n_rows:
        raise ValueError(
            f"{name}: x has shape {field.shape}, but [..., {adjacency.n_rows}, d] is needed, a row for each row of "
            f"the adjacency."
        )
    weight = row_sums(adjacency)[:, None].astype(field.dtype)
    alone = weight == 0
    share = jnp.where(alone, 0, lam / jnp.where(alone, 1, weight)).astype(field.dtype)
    kept = jnp.where(alone, 1, 1 - lam).astype(field.dtype)
    return lax.fori_loop(0, times, lambda _, x: kept * x + share * apply_operator(adjacency, x), field)


def _times(function: str, iterations: Any) -> int:
    try:
        number = operator.index(iterations)
    except TypeError:
        raise TypeError(f"{function}: iterations is {iterations!r}, but an integer is needed.") from None
    if number < 0:
        raise ValueError(f"{function}: iterations is {number}; give 0 or more.")
    return number
