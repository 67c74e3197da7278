"""A volume read at scattered points."""

from jax.typing import ArrayLike
from jaxtyping import Array, Num, Shaped

from nitrix._boundary import BoundaryMode
from nitrix.geometry.grid._operands import check_spatial, read_coordinates, read_image, read_outside, sampled
from nitrix.geometry.grid.interpolators import Interpolator, Linear


def sample_at_points(
    volume: Shaped[ArrayLike, "..."],
    points: Num[ArrayLike, "*n ndim"],
    *,
    method: Interpolator = Linear(),  # noqa: B008
    mode: BoundaryMode = "constant",
    cval: Shaped[ArrayLike, ""] = 0.0,
) -> Shaped[Array, "..."]:
    """Read a volume at scattered points, given by absolute coordinates in voxels.

    As `spatial_transform`, of which dtypes, derivatives and non-finite coordinates are said; without leading axes.

    Args:
      volume: The volume, [*spatial] or, with channels last, [*spatial c]: it has as many axes as a point has
        coordinates, or one more.
      points: Their coordinates in voxels, [*n ndim], with any axes before the last.
      method: How values between voxels are made, such as `Linear()`.
      mode: What stands beyond the edges, by SciPy's names, as for `spatial_transform`.
      cval: The value outside for "constant" and "grid-constant".
    Returns:
      The values, [*n] or [*n c].
    Raises:
      TypeError: If an operand holds no numbers, the coordinates are complex, or `method` is no interpolator.
      ValueError: If the volume has neither ndim nor ndim + 1 axes, a spatial axis is empty, `mode` is unknown, or
        `cval` is no value of the volume's dtype.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import sample_at_points
      >>> volume, points = jnp.asarray([[0.0, 1.0], [10.0, 11.0]]), jnp.asarray([[0.5, 0.0], [1.0, 0.25]])
      >>> sample_at_points(volume, points).tolist()
      [5.0, 10.25]
    """
    function = "sample_at_points"
    x = read_image(volume, method, function, "volume")
    places = read_coordinates(points, function, "points")
    ndim = places.shape[-1]
    if x.ndim not in (ndim, ndim + 1):
        raise ValueError(
            f"{function}: volume has shape {x.shape} but points have {ndim} coordinates; give a volume of {ndim} axes, "
            f"or of {ndim + 1} with channels last."
        )
    channels = x if x.ndim > ndim else x[..., None]
    check_spatial(channels.shape[:-1], function, "volume")
    outside = read_outside(cval, mode, x.dtype, function)
    grid = places.reshape(-1, *(1,) * (ndim - 1), ndim)
    values = sampled(channels, grid, outside, ndim=ndim, mode=mode, method=method, function=function)
    return values.reshape(places.shape[:-1] + x.shape[ndim:])
