"""The voxels of one image in the voxel coordinates of another, through millimetres."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Shaped

from nitrix._arguments import known_numbers, whole_number
from nitrix.geometry._operands import leading_shape, read_together

_SINGULAR = 1e6  # condition from which on an affine is taken for one without inverse


def affine_grid(
    target_shape: Sequence[int],
    *,
    target_affine: Shaped[ArrayLike, "... n1 n1"],
    source_affine: Shaped[ArrayLike, "... n1 n1"],
    world: Shaped[ArrayLike, "... n1 n1"] | None = None,
) -> Float[Array, "... n"]:
    """Where each voxel of a target grid lies in a source image, in the source's voxel coordinates.

    The coordinates are inv(source_affine) @ world @ target_affine @ (i, j, k, 1), so that
    `spatial_transform(image, affine_grid(...))` brings the image onto the target's grid.

    Args:
      target_shape: The target's n spatial axes.
      target_affine: From the target's voxels to its space in mm, [... n+1 n+1], with (0, ..., 0, 1) as last row: of an
        image file its affine.
      source_affine: The same of the source image.
      world: From the target's space to the source's, both in mm: where each point of the target is fetched from. Of a
        transform that moves the source onto the target this is the inverse. None: they share a space.
    Returns:
      The coordinates, [... *target_shape n], of the floating dtype that holds the affines.
    Raises:
      TypeError: If an affine is complex or holds no numbers, or a length is no integer.
      ValueError: If a length is negative or shapes do not fit; if an affine is singular (of condition above 1e6
        without its translation), not finite or has another last row. A traced singular affine gives NaN or infinities.

    Note:
      Differentiable in the affines. Those that are not traced (by `jit`, `grad` ...) are multiplied in float64 on the
      host; traced ones in their own dtype, where 200 mm in float32 cost up to about 1e-4 voxels of 1 mm.

    Example:
      >>> import numpy as np
      >>> from nitrix.geometry import affine_grid
      >>> coarse, fine = np.diag([2.0, 2.0, 1.0]), np.diag([1.0, 1.0, 1.0])
      >>> affine_grid((2, 3), target_affine=coarse, source_affine=fine)[1, 2].tolist()
      [2.0, 4.0]
    """
    function = "affine_grid"
    shape = tuple(whole_number("target_shape", n, function) for n in target_shape)
    size = len(shape) + 1
    given = {"target_affine": target_affine, "source_affine": source_affine}
    given |= {} if world is None else {"world": world}
    arrays, dtype = read_together(function, **given)
    for name, array in zip(given, arrays, strict=True):
        _check(function, name, array, size)
    leading_shape(function, **{name: x.shape[:-2] for name, x in zip(given, arrays, strict=True)})
    if any(isinstance(x, jax.core.Tracer) for x in given.values()):
        return _traced(*arrays, shape=shape).astype(dtype)
    target, source, *between = (np.asarray(x, np.float64) for x in given.values())
    for matrix in between:
        target = matrix @ target
    return _coordinates(jnp.asarray(np.linalg.solve(source, target), arrays[0].dtype), shape=shape).astype(
        dtype
    )


def _check(function: str, name: str, array: Float[Array, "..."], size: int) -> None:
    """Refuse what is no affine of n + 1 = `size` rows that can be inverted."""
    if array.shape[-2:] != (size, size):
        raise ValueError(
            f"{function}: {name} has shape {array.shape}; for the {size - 1} axes of target_shape it must be "
            f"[... {size} {size}]."
        )
    known = known_numbers(array)
    if known is None:
        return
    if not np.isfinite(known).all() or (known[..., -1, :] != np.eye(size)[-1]).any():
        raise ValueError(
            f"{function}: {name} must be finite, with (0, ..., 0, 1) as its last row; got {known.tolist()}."
        )
    if (
        known.size
        and size > 1
        and not (np.linalg.cond(known[..., :-1, :-1].astype(np.float64)) < _SINGULAR).all()
    ):
        raise ValueError(
            f"{function}: {name} is singular, so that space collapses; got {known.tolist()}. Mend the affine."
        )


@functools.partial(jax.jit, static_argnames="shape")
def _traced(
    target: Float[Array, "... n1 n1"],
    source: Float[Array, "... n1 n1"],
    *between: Float[Array, "... n1 n1"],
    shape: tuple[int, ...],
) -> Float[Array, "... n"]:
    for matrix in between:
        target = jnp.matmul(matrix, target, precision=lax.Precision.HIGHEST)
    source, target = jnp.broadcast_arrays(source, target)
    return _coordinates(jnp.linalg.solve(source, target), shape=shape)


@functools.partial(jax.jit, static_argnames="shape")
def _coordinates(matrix: Float[Array, "... n1 n1"], *, shape: tuple[int, ...]) -> Float[Array, "... n"]:
    """The matrix applied to every voxel, one axis after the other: indices are never stored."""
    n = len(shape)
    spread = matrix[..., :n, :].reshape(*matrix.shape[:-2], *[1] * n, n, n + 1)
    found = jnp.broadcast_to(spread[..., n], (*matrix.shape[:-2], *shape, n))
    for axis, length in enumerate(shape):
        index = jnp.arange(length, dtype=matrix.dtype).reshape(-1, *[1] * (n - axis))
        found = found + index * spread[..., axis]
    return found
