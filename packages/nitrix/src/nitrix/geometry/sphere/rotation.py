"""Rotations about an axis."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Num

from nitrix._arguments import common_dtype, known_numbers, real_array
from nitrix.sparse.mesh._vectors import unit_vectors


def rotation_matrix(
    axis: Num[ArrayLike, "*#batch 3"], angle: Num[ArrayLike, "*#batch"]
) -> Float[Array, "*batch 3 3"]:
    """The matrix that turns by an angle about an axis, counter-clockwise as seen from the axis' tip.

    Rodrigues' formula [1], `I + sin(angle) K + (1 - cos(angle)) K^2` with K the matrix of `axis cross`, the axis
    brought to length 1 first. Differentiable in both, at angle 0 too, where the derivative in the axis is 0.

    Args:
      axis: Direction, of any length but 0. Integers are taken as the default float; 16-bit floats are computed in
        float32.
      angle: Radians; leading axes broadcast with those of `axis`.
    Returns:
      Orthogonal matrices R of determinant 1; `R @ point` is the turned point. NaN where a traced axis is zero.
    Raises:
      ValueError: If an axis is zero or not finite, has not three components, or leading axes do not broadcast.
      TypeError: If an argument is complex or no number.
    References:
      [1] O. Rodrigues, Journal de Mathematiques Pures et Appliquees 5, 1840, pages 380-440.
    Example:
      >>> import numpy as np
      >>> quarter = rotation_matrix(np.array([0, 0, 2]), np.pi / 2)
      >>> (quarter @ np.array([1.0, 0.0, 0.0], np.float32)).round(3) + 0.0
      Array([0., 1., 0.], dtype=float32)
    """
    (axis, angle), dtype = _given("rotation_matrix", axis=axis, angle=angle)
    identity = jnp.eye(3, dtype=axis.dtype)
    return _turned(identity, axis[..., None, :], angle[..., None]).mT.astype(dtype)


def rotate_axis_angle(
    points: Num[ArrayLike, "*#batch 3"], axis: Num[ArrayLike, "*#batch 3"], angle: Num[ArrayLike, "*#batch"]
) -> Float[Array, "*batch 3"]:
    """Turn points by an angle about an axis through the origin, counter-clockwise as seen from the axis' tip.

    As `rotation_matrix`, without making a matrix for each point. All leading axes broadcast: one axis [3] and one angle
    turn all points [n, 3] alike; for one rotation for each of several sets of points [b, n, 3] give axes [b, 1, 3] and
    angles [b, 1].

    Args:
      points: Coordinates.
      axis: Direction, of any length but 0.
      angle: Radians.
    Returns:
      The turned points, at their old distances from the origin. NaN where a traced axis is zero.
    Raises:
      ValueError, TypeError: As `rotation_matrix`.
    Example:
      >>> import numpy as np
      >>> rotate_axis_angle(np.array([[2, 0, 0], [0, 0, 5]]), np.array([0, 0, 2]), np.pi / 2).round(3)
      Array([[0., 2., 0.],
             [0., 0., 5.]], dtype=float32)
    """
    (points, axis, angle), dtype = _given("rotate_axis_angle", points=points, axis=axis, angle=angle)
    return _turned(points, axis, angle).astype(dtype)


# With a the unit axis, p' = p + sin(t) a x p + (1 - cos(t)) a x (a x p). As 2 sin(t/2)^2 the last factor keeps its
# digits at small angles.
@jax.jit
def _turned(points: Array, axis: Array, angle: Array) -> Array:
    unit = unit_vectors(axis)
    unit = jnp.where(jnp.all(axis == 0, axis=-1, keepdims=True), jnp.nan, unit)
    across = jnp.cross(unit, points)
    return (
        points
        + jnp.sin(angle)[..., None] * across
        + 2 * jnp.square(jnp.sin(angle / 2))[..., None] * jnp.cross(unit, across)
    )


def _given(function: str, **arguments: ArrayLike) -> tuple[list[Array], np.dtype]:
    """The arguments in the dtype to compute in, of shapes that fit, and the dtype of the result."""
    arrays = {name: real_array(value, function, name) for name, value in arguments.items()}
    for name, array in arrays.items():
        if name != "angle" and array.shape[-1:] != (3,):
            raise ValueError(f"{function}: {name} has shape {array.shape}; give [..., 3], x, y and z.")
    shapes = {name: a.shape if name == "angle" else a.shape[:-1] for name, a in arrays.items()}
    try:
        np.broadcast_shapes(*shapes.values())
    except ValueError:
        given = ", ".join(f"{name} {a.shape}" for name, a in arrays.items())
        raise ValueError(
            f"{function}: the leading axes do not broadcast: {given}; give one angle for each axis, and put axes of "
            f"length 1 where several points share them."
        ) from None
    known = known_numbers(arrays["axis"])
    if known is not None:
        wrong = ~np.isfinite(known).all(-1) | (known == 0).all(-1)
        if wrong.any():
            at = [int(i) for i in np.argwhere(wrong)[0]]
            raise ValueError(
                f"{function}: axis{at if at else ''} is {known[tuple(at)].tolist()}; a direction is finite and not "
                f"zero."
            )
    # An angle given as a Python number takes the dtype of the others.
    weak = isinstance(arguments["angle"], int | float) and not isinstance(arguments["angle"], np.generic)
    named = [a for name, a in arrays.items() if name != "angle" or not weak]
    dtype = np.dtype(common_dtype(*named))
    working = np.dtype(np.float32) if dtype.itemsize < 4 else dtype
    return [array.astype(working) for array in arrays.values()], dtype
