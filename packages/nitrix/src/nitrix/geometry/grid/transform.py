"""An image read along a grid of coordinates."""

from jax.typing import ArrayLike
from jaxtyping import Array, Num, Shaped

from nitrix._boundary import BoundaryMode
from nitrix.geometry.grid._operands import check_spatial, read_coordinates, read_image, read_outside, sampled
from nitrix.geometry.grid.interpolators import Interpolator, Linear


def spatial_transform(
    image: Shaped[ArrayLike, "... c"],
    deformation: Num[ArrayLike, "... ndim"],
    *,
    mode: BoundaryMode = "constant",
    cval: Shaped[ArrayLike, ""] = 0.0,
    method: Interpolator = Linear(),  # noqa: B008
) -> Shaped[Array, "... c"]:
    """Warp an image: out[p] = image(deformation[p]), at absolute coordinates in voxels.

    A displacement field u warps by `deformation = identity_grid(shape) + u`. The results of `NearestNeighbour`,
    `Linear` and `CubicBSpline` are those of `scipy.ndimage.map_coordinates` of order 0, 1 and 3 in every mode, except
    that coordinates which are not finite give NaN, and that the spline passes through the samples in "reflect" on axes
    of fewer than 6 voxels as well, where SciPy's misses them by up to 1e-3 of their size.

    Args:
      image: The image, [*leading *spatial c], channels last. Leading axes broadcast with those of the deformation and
        never mix; an image without them is shared, not repeated. Integers and booleans keep their dtype where the
        method selects values, and are taken as the default float elsewhere. float16 and bfloat16 are computed in
        float32; complex images are served.
      deformation: Where to read, [*leading *out ndim]: for each point of a grid of ndim axes, whose shape may differ
        from the image's, the coordinates along the ndim spatial axes, in voxels. Integers are taken as floats.
      mode: What stands beyond the edges, by SciPy's names. "constant": `cval` outside of the outermost voxels' centres.
        "grid-constant": voxels of `cval`, with which those at the edge are interpolated. "nearest": the outermost voxel
        on and on. "reflect" (d c b a | a b c d), or "grid-mirror"; "mirror" (d c b | a b c d). "grid-wrap": the image
        over and over; "wrap": the same with the last voxel upon the first, so that the period is a voxel shorter.
      cval: The value outside for "constant" and "grid-constant".
      method: How values between voxels are made: `NearestNeighbour()`, `Linear()`, `CubicBSpline()`,
        `CatmullRomCubic()`, `Lanczos(order=3)` or `MultiLabel(labels)`.
    Returns:
      The image at these coordinates, [*leading *out c], of the image's dtype, or the default float for integers that
      are interpolated. NaN where a coordinate is not finite (of integers, `cval`).
    Raises:
      TypeError: If an operand holds no numbers, the coordinates are complex, or `method` is no interpolator.
      ValueError: If the deformation has no axis of coordinates, an operand has fewer axes than it says, a spatial axis
        is empty, leading axes do not broadcast, `mode` is unknown, or `cval` is no value of the image's dtype.

    Note:
      Differentiable to every order, in forward and reverse mode, in the image, the coordinates and `cval`, as far as
      the interpolation is (the second derivatives of `Linear` are those of a polynomial between voxels). At whole
      coordinates the derivative is that towards higher ones, at the last voxel of an axis towards lower ones. It is 0
      where the mode holds values constant: beyond the edges of "nearest" and "constant", though the latter jumps there.

    References:
      Jaderberg, Simonyan, Zisserman and Kavukcuoglu, Spatial transformer networks, NeurIPS 2015.
      doi:10.48550/arXiv.1506.02025

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import identity_grid, spatial_transform
      >>> image = jnp.asarray([1.0, 2.0, 4.0, 8.0])[:, None]
      >>> spatial_transform(image, identity_grid((4,)) + 0.5)[:, 0].tolist()
      [1.5, 3.0, 6.0, 0.0]
      >>> spatial_transform(image, identity_grid((4,)) + 0.5, mode="nearest")[:, 0].tolist()
      [1.5, 3.0, 6.0, 8.0]
    """
    function = "spatial_transform"
    x = read_image(image, method, function, "image")
    points = read_coordinates(deformation, function, "deformation")
    ndim = points.shape[-1]
    if points.ndim < ndim + 1:
        raise ValueError(
            f"{function}: deformation has shape {points.shape}; with coordinates along {ndim} axes it must have {ndim} "
            f"axes of points before the last, [*leading *out {ndim}]. For a list of points take sample_at_points."
        )
    if x.ndim < ndim + 1:
        raise ValueError(
            f"{function}: image has shape {x.shape} but the deformation is of {ndim} spatial axes; give "
            f"[*leading *spatial c], with a last axis of 1 where there is a single channel."
        )
    check_spatial(x.shape[x.ndim - ndim - 1 : -1], function, "image")
    outside = read_outside(cval, mode, x.dtype, function)
    return sampled(x, points, outside, ndim=ndim, mode=mode, method=method, function=function)
