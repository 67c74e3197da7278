"""Points on a sphere as latitude and longitude, and back."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real, Shaped

from nitrix._arguments import cast, check_width
from nitrix.geometry._operands import read_together
from nitrix.sparse.mesh._vectors import length


def cartesian_to_latlong(xyz: Shaped[ArrayLike, "... 3"]) -> Float[Array, "... 2"]:
    """Latitude and longitude of points, in radians: atan2(z, sqrt(x^2 + y^2)) and atan2(y, x).

    Args:
      xyz: Points, [... 3], about the sphere's centre; their distance from it does not count. Leading axes never mix.
        Integers are taken as the default float; float16 and bfloat16 are computed in float32.
    Returns:
      (latitude, longitude), [... 2], in the floating dtype of `xyz`: from -pi/2 at the pole of negative z to pi/2, and
      from -pi to pi, 0 along x and pi/2 along y. At the poles the longitude is 0, and in the centre both are.
    Raises:
      TypeError: If `xyz` is complex or holds no numbers.
      ValueError: If its last axis is not 3 long.

    Note:
      Differentiable but at the poles, where the latitude has a tip and the longitude has no limit: derivatives in x and
      y are taken as 0 there, as all are in the centre. Close to a pole that of the longitude grows as 1 / distance.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import cartesian_to_latlong
      >>> jnp.rad2deg(cartesian_to_latlong(jnp.asarray([0.0, 50.0, 50.0]))).tolist()
      [45.0, 90.0]
    """
    (points,), dtype = read_together("cartesian_to_latlong", xyz=xyz)
    if points.ndim < 1 or points.shape[-1] != 3:
        raise ValueError(f"cartesian_to_latlong: xyz has shape {points.shape}; its last axis must be 3 long.")
    return _angles(points).astype(dtype)


def latlong_to_cartesian(
    latlong: Shaped[ArrayLike, "... 2"], *, r: Real[ArrayLike, ""] = 1.0
) -> Float[Array, "... 3"]:
    """Points on a sphere from latitude and longitude: r (cos lat cos lon, cos lat sin lon, sin lat).

    At r = 1 these are the sphere's outward normals. The inverse of `cartesian_to_latlong`.

    Args:
      latlong: (latitude, longitude), [... 2], radians, of any size. Leading axes never mix. Integers are taken as the
        default float; float16 and bfloat16 are computed in float32.
      r: The sphere's radius, in the unit that the points shall have.
    Returns:
      The points, [... 3], in the floating dtype of `latlong`.
    Raises:
      TypeError: If `latlong` is complex or holds no numbers.
      ValueError: If its last axis is not 2 long, or r is not finite and positive (traced: NaN).

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import latlong_to_cartesian
      >>> [round(x, 1) for x in latlong_to_cartesian(jnp.deg2rad(jnp.asarray([30.0, 0.0])), r=100.0).tolist()]
      [86.6, 0.0, 50.0]
    """
    (angles,), dtype = read_together("latlong_to_cartesian", latlong=latlong)
    if angles.ndim < 1 or angles.shape[-1] != 2:
        raise ValueError(
            f"latlong_to_cartesian: latlong has shape {angles.shape}; its last axis must be 2 long."
        )
    check_width("r", r, "latlong_to_cartesian", at_least_zero=False)
    return _points(angles, jnp.asarray(cast(r, angles.dtype))).astype(dtype)


@jax.jit
def _angles(points: Float[Array, "... 3"]) -> Float[Array, "... 2"]:
    x, y, z = (points[..., i] for i in range(3))
    from_axis = length(points[..., :2])
    on_axis = from_axis == 0
    nowhere = on_axis & (z == 0)
    latitude = jnp.where(nowhere, 0, jnp.arctan2(z, jnp.where(nowhere, 1, from_axis)))
    longitude = jnp.where(on_axis, 0, jnp.arctan2(y, jnp.where(on_axis, 1, x)))
    return jnp.stack([latitude, longitude], axis=-1)


@jax.jit
def _points(angles: Float[Array, "... 2"], r: Float[Array, ""]) -> Float[Array, "... 3"]:
    latitude, longitude = angles[..., 0], angles[..., 1]
    flat = jnp.cos(latitude)
    unit = jnp.stack([flat * jnp.cos(longitude), flat * jnp.sin(longitude), jnp.sin(latitude)], axis=-1)
    return jnp.where(r > 0, r, jnp.nan) * unit
