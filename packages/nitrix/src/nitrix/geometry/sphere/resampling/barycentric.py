"""Values of one sphere at the points of another, linear on each triangle."""

from typing import Any, cast

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Num

from nitrix.geometry.sphere.resampling._faces import locate
from nitrix.sparse import ELL, Mesh, ell_with_transpose
from nitrix.sparse.ell._entries import on_host
from nitrix.sparse.ell._pack import constant

NAME = "sphere_barycentric"


def sphere_barycentric(source: Mesh, target: Num[ArrayLike, "m 3"]) -> ELL:
    """The operator that carries fields from the vertices of a sphere to other points of it, linear on each triangle.

    Runs on the host (NumPy) in float64: the triangle that each target's ray from the origin passes through is found by
    walking over edges, and its corners weigh as the barycentric coordinates of where the ray meets it say. Apply it by
    `nitrix.sparse.apply_operator`: linear, differentiable in the field, and transposable. A target at a vertex takes
    that vertex' value. Where targets are fewer than vertices most of them are left out: see `sphere_adaptive`.

    Args:
      source: A closed sphere about the origin; lengths do not matter, nor whether faces are turned inside out. Where
        faces are folded over others, a direction takes one of those that it passes through.
      target: Points, of which only the direction counts, such as the vertices of another mesh.
    Returns:
      The matrix [m, n_vertices] with three entries in each row, from 0 to 1 and of sum 1, in the dtype of the source's
      vertices; its slots are listed by column, so that gradients gather.
    Raises:
      TypeError: If something is traced, or the target is not of real numbers.
      ValueError: If the target is not [m, 3], a point has no direction, or a direction passes through no face.

    Note:
      Connectome Workbench's BARYCENTRIC takes the nearest point of the triangles instead of that on the ray; on the
      spheres of a template the difference is of the order of the square of an edge.

    Example:
      >>> from nitrix.geometry import icosphere
      >>> from nitrix.sparse import apply_operator
      >>> coarse, fine = icosphere(3), icosphere(4)
      >>> to_fine = sphere_barycentric(coarse, fine.vertices)
      >>> height = apply_operator(to_fine, coarse.vertices[:, 2:])
      >>> bool(abs(height - fine.vertices[:, 2:]).max() < 0.004)
      True
    """
    corners, weights = locate(NAME, source, host_target(NAME, target))
    indices, values = constant(corners.astype(np.int32)), constant(weights.astype(source.vertices.dtype))
    return cast(ELL, ell_with_transpose(ELL(values, indices, source.n_vertices, 0.0)))


def host_target(function: str, target: Any) -> Any:
    """Target points [m, 3] on the host."""
    points = on_host(function, "the target", target)
    if points.dtype.kind not in "iuf" and points.dtype.name != "bfloat16":
        raise TypeError(f"{function}: the target is of dtype {points.dtype}; give real coordinates.")
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(
            f"{function}: the target has shape {points.shape}; give [m, 3], such as the vertices of a mesh."
        )
    return points
