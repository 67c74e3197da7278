"""Distances along great circles, between all pairs of points."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Float, Num, Real

from nitrix._arguments import cast, check_width, common_dtype, known_value, real_array
from nitrix.geometry._angles import angle_between

NAME = "spherical_geodesic_distance"


def spherical_geodesic_distance(
    X: Num[ArrayLike, "*#batch n 3"],
    Y: Num[ArrayLike, "*#batch m 3"] | None = None,
    *,
    r: Real[ArrayLike, ""] = 1.0,
) -> Float[Array, "*batch n m"]:
    """Distances along the great circles of a sphere, between all pairs of points.

    `r atan2(|x cross y|, x . y)`: only directions count, so points need not lie on the sphere. Near 0 the digits of the
    difference of the points are kept: for points of equal length small distances are right to rounding relative to
    themselves, where arccos loses half of all digits. The derivative is 0 at equal and at opposite directions, where
    there is none. No array of n x m x 3 is made; for the distances along a mesh see `nitrix.sparse.geodesic_distance`.

    Args:
      X: Points from the centre of the sphere, of any length but 0. Integers are taken as the default float; 16-bit
        floats are computed in float32.
      Y: Other points; leading axes broadcast with those of X. Default: X itself.
      r: Radius of the sphere, positive, in the unit of the distances (mm).
    Returns:
      Distances from 0 to pi r, in the unit of r. A point without direction (zeros) or that is not finite is NaN away
      from all, as is everything where a traced r is not positive.
    Raises:
      ValueError: If points have not three coordinates, leading axes do not broadcast, or r is not positive and finite.
      TypeError: If points are complex or no numbers.

    Note:
      `sklearn.metrics.pairwise.haversine_distances` takes (latitude, longitude) and the unit sphere; here points are
      Cartesian, as `sphere_to_normals` makes them.

    Example:
      >>> import numpy as np
      >>> poles = np.array([[0, 0, 1], [0, 0, -2], [3, 0, 0]])
      >>> spherical_geodesic_distance(poles, r=2 / np.pi).round(3)
      Array([[0., 2., 1.],
             [2., 0., 1.],
             [1., 1., 0.]], dtype=float32)
    """
    x = _points(X, "X")
    y = x if Y is None else _points(Y, "Y")
    check_width("r", r, NAME, at_least_zero=False)
    if not _broadcast(x.shape[:-2], y.shape[:-2]):
        raise ValueError(f"{NAME}: the leading axes of X {x.shape} and Y {y.shape} do not broadcast.")
    dtype = common_dtype(x, y)
    working = np.dtype(np.float32) if dtype.itemsize < 4 else dtype
    radius = cast(r, working)
    if known_value(r) is None:
        radius = jnp.where(radius > 0, radius, jnp.nan)
    return _distance(x, y, radius, dtype)


@functools.partial(jax.jit, static_argnames="dtype")
def _distance(x: Array, y: Array, radius: Array, dtype: np.dtype) -> Array:
    (x, no_x), (y, no_y) = (_of_moderate_length(points.astype(radius.dtype)) for points in (x, y))
    nowhere = no_x[..., :, None] | no_y[..., None, :]
    return jnp.where(nowhere, jnp.nan, radius * _angles(x, y)).astype(dtype)


@jax.custom_jvp
def _angles(x: Array, y: Array) -> Array:
    """Angles between all of x [... n 3] and all of y [... m 3]."""
    return angle_between(x[..., :, None, :], y[..., None, :, :])


# With u = x cross y / |x cross y|, the axis about which x turns into y,
#   d angle = u . (dx cross x) / |x|^2 + u . (y cross dy) / |y|^2,
# so that u is all that is kept for each pair. It is 0 where there is no axis.
@_angles.defjvp
def _angles_jvp(given: tuple[Array, Array], moved: tuple[Array, Array]) -> tuple[Array, Array]:
    (x, y), (dx, dy) = given, moved
    turn_x, turn_y = jnp.cross(dx, x) / _square(x), jnp.cross(y, dy) / _square(y)
    terms = (u * (turn_x[..., :, None, k] + turn_y[..., None, :, k]) for k, u in enumerate(_axis(x, y)))
    return _angles(x, y), functools.reduce(jnp.add, terms)


def _axis(x: Array, y: Array) -> list[Array]:
    """The components of u [... n m]; x cross y by differences, as `angle_between` has it."""
    (x0, x1, x2), (y0, y1, y2) = (
        [points[..., k] for k in range(3)] for points in (x[..., :, None, :], y[..., None, :, :])
    )
    sign = jnp.where(x0 * y0 + x1 * y1 + x2 * y2 < 0, 1, -1).astype(x.dtype)
    d0, d1, d2 = y0 + sign * x0, y1 + sign * x1, y2 + sign * x2
    crosses = [x1 * d2 - x2 * d1, x2 * d0 - x0 * d2, x0 * d1 - x1 * d0]
    square = crosses[0] ** 2 + crosses[1] ** 2 + crosses[2] ** 2
    none = square == 0
    inverse = jnp.where(none, 0, lax.rsqrt(jnp.where(none, 1, square)))
    return [c * inverse for c in crosses]


def _square(points: Array) -> Array:
    """Squared lengths [... 1], 1 for those of zeros."""
    square = jnp.sum(jnp.square(points), axis=-1, keepdims=True)
    return jnp.where(square == 0, 1, square)


def _points(points: ArrayLike, name: str) -> Array:
    array = real_array(points, NAME, name)
    if array.ndim < 2 or array.shape[-1] != 3:
        raise ValueError(
            f"{NAME}: {name} has shape {array.shape}; give [..., n, 3], x, y and z of each point (latitudes and "
            f"longitudes by sphere_to_normals)."
        )
    return array


def _broadcast(*shapes: tuple[int, ...]) -> bool:
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


# Products of four coordinates must neither overflow nor vanish. Lengths far from 1 are brought near it by powers of
# 2^32: that rounds nothing, and two points of nearly equal length keep the ratio of their lengths.
_STEP, _MOST = 32, 96


def _of_moderate_length(points: Array) -> tuple[Array, Array]:
    """Points along the same directions, and which have none."""
    largest = jnp.max(jnp.abs(lax.stop_gradient(points)), axis=-1, keepdims=True)
    exponent = jnp.clip(_STEP * ((jnp.frexp(largest)[1] + _STEP // 2) // _STEP), -_MOST, _MOST)
    scale = lax.stop_gradient(jnp.ldexp(jnp.ones_like(largest), -exponent))
    return points * scale, (largest == 0)[..., 0]


spherical_geodesic = spherical_geodesic_distance
