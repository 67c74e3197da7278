"""How a displacement field deforms space at each voxel: Jacobian matrices and their determinants."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real, Shaped

from nitrix._arguments import cast, check_width, per_axis
from nitrix._boundary import source_index
from nitrix.geometry._operands import read_together
from nitrix.geometry.grid._determinants import determinant

FieldBoundary = Literal["nearest", "wrap", "mirror"]


def jacobian_displacement(
    u: Shaped[ArrayLike, "... d"],
    *,
    boundary_mode: FieldBoundary = "nearest",
    spacing: Real[ArrayLike, ""] | Sequence[int | float] | Real[ArrayLike, " d"] = 1.0,
) -> Float[Array, "... d d"]:
    """Jacobian matrices of the map x -> x + u(x): J_ij = delta_ij + du_i / dx_j, by central differences.

    Args:
      u: Displacements, [*leading *spatial d], along the last d spatial axes, d being the length of the last axis. In
        voxels, or in the unit of `spacing`. Leading axes never mix. Integers are taken as the default float; float16
        and bfloat16 are computed in float32.
      boundary_mode: How the field goes on beyond its ends, under SciPy's names: "nearest" repeats its last value, so
        that the difference there counts half; "wrap" takes that of the other end; "mirror" turns about the last voxel,
        so that the derivative there is 0.
      spacing: The distance of neighbouring voxels along each axis, or the same for all, in the unit of `u`; 1 for
        displacements in voxels.
    Returns:
      The matrices, [*leading *spatial d d], in the floating dtype of `u`.
    Raises:
      TypeError: If `u` is complex or holds no numbers.
      ValueError: If `u` has fewer than d axes beside the last, boundary_mode is unknown, or a spacing is not finite and
        positive (traced: NaN).

    Note:
      `numpy.gradient` takes one-sided differences at the ends. `jacobian_det_displacement` makes no matrices.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import jacobian_displacement
      >>> u = jnp.asarray([[0.0], [0.5], [1.0], [1.5]])
      >>> jacobian_displacement(u)[:, 0, 0].tolist()
      [1.25, 1.5, 1.5, 1.25]
    """
    field, step, dtype = _read("jacobian_displacement", u, boundary_mode, spacing)
    return _matrices(field, step, mode=boundary_mode).astype(dtype)


def jacobian_det_displacement(
    u: Shaped[ArrayLike, "... d"],
    *,
    boundary_mode: FieldBoundary = "nearest",
    spacing: Real[ArrayLike, ""] | Sequence[int | float] | Real[ArrayLike, " d"] = 1.0,
) -> Float[Array, "..."]:
    """Determinants of the Jacobians of x -> x + u(x): how much the volume at each voxel grows.

    1 keeps the volume, 2 doubles it, and where it is not positive the map folds space. The determinant of
    `jacobian_displacement`, expanded by its rows: no matrix is made, and temporaries stay at about a copy of `u`.

    Args:
      u: Displacements, [*leading *spatial d], as for `jacobian_displacement`.
      boundary_mode: How the field goes on beyond its ends, as for `jacobian_displacement`.
      spacing: The distance of neighbouring voxels, as for `jacobian_displacement`.
    Returns:
      The determinants, [*leading *spatial], in the floating dtype of `u`.
    Raises:
      TypeError: As `jacobian_displacement`.
      ValueError: As `jacobian_displacement`.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import identity_grid, jacobian_det_displacement
      >>> u = 0.5 * identity_grid((4, 4, 4))  # half as long again along each axis
      >>> float(jacobian_det_displacement(u)[1, 1, 1])
      3.375
    """
    field, step, dtype = _read("jacobian_det_displacement", u, boundary_mode, spacing)
    return _determinants(field, step, mode=boundary_mode).astype(dtype)


def _read(
    function: str, u: Any, mode: str, spacing: Any
) -> tuple[Float[Array, "..."], Float[Array, " d"], np.dtype]:
    """The field in a working dtype, the voxels' distances, and the dtype of the result."""
    (field,), dtype = read_together(function, u=u)
    d = field.shape[-1] if field.ndim else 0
    if d < 1 or field.ndim < d + 1:
        raise ValueError(
            f"{function}: u has shape {field.shape}; give [*leading *spatial d] with a last axis as long as there are "
            f"spatial axes, at least 1."
        )
    if mode not in get_args(FieldBoundary):
        raise ValueError(
            f"{function}: boundary_mode={mode!r} is not known; give 'nearest', 'wrap' or 'mirror'."
        )
    steps = per_axis("spacing", spacing, d, function)
    for step in steps:
        check_width("spacing", step, function, at_least_zero=False)
    return field, jnp.stack([jnp.asarray(cast(s, field.dtype)) for s in steps]), dtype


def _slopes(field: Float[Array, "... d"], step: Float[Array, " d"], mode: str) -> Callable[[int, int], Array]:
    """The function (i, j) -> du_i / dx_j."""
    d = field.shape[-1]
    first = field.ndim - 1 - d
    padded = _with_faces(field, range(first, first + d), mode)
    half = jnp.where(step > 0, 0.5 / step, jnp.nan)

    def neighbour(i: int, j: int, shift: int) -> Array:
        where = [slice(None)] * first + [slice(1, -1)] * d
        where[first + j] = slice(1 + shift, field.shape[first + j] + 1 + shift)
        return padded[(*where, i)]

    return lambda i, j: (neighbour(i, j, 1) - neighbour(i, j, -1)) * half[j]


def _with_faces(field: Float[Array, "... d"], axes: range, mode: str) -> Float[Array, "... d"]:
    """The field with a voxel more at both ends of each axis; edges and corners, which no difference reads, are 0."""
    # `jnp.pad` makes a copy for each axis, and XLA one more for each slice of it.
    width = [(int(a in axes), int(a in axes), 0) for a in range(field.ndim)]
    padded = lax.pad(field, np.zeros((), field.dtype), width)
    inner = [slice(1, -1) if a in axes else slice(None) for a in range(field.ndim)]
    for axis in axes if field.size else ():
        n = field.shape[axis]
        for end, source in zip((0, n + 1), source_index(np.array([-1, n]), n, mode), strict=True):
            face = lax.slice_in_dim(field, int(source), int(source) + 1, axis=axis)
            where = [*inner[:axis], slice(end, end + 1), *inner[axis + 1 :]]
            padded = padded.at[tuple(where)].set(face)
    return padded


@functools.partial(jax.jit, static_argnames="mode")
def _matrices(
    field: Float[Array, "... d"], step: Float[Array, " d"], *, mode: str
) -> Float[Array, "... d d"]:
    slope, axes = _slopes(field, step, mode), range(field.shape[-1])
    columns = [jnp.stack([slope(i, j) for i in axes], axis=-1) for j in axes]
    return jnp.eye(len(axes), dtype=field.dtype) + jnp.stack(columns, axis=-1)


@functools.partial(jax.jit, static_argnames="mode")
def _determinants(
    field: Float[Array, "... d"], step: Float[Array, " d"], *, mode: str
) -> Float[Array, "..."]:
    slope, axes = _slopes(field, step, mode), range(field.shape[-1])
    return determinant([[slope(i, j) + (1 if i == j else 0) for j in axes] for i in axes])
