"""An image brought to another shape."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Num, Shaped

from nitrix._boundary import BoundaryMode
from nitrix.geometry.grid._operands import check_spatial, read_image, read_outside, sampled
from nitrix.geometry.grid._shapes import shape_of
from nitrix.geometry.grid._taps import real_dtype
from nitrix.geometry.grid.interpolators import Interpolator, Linear


def resample(
    image: Shaped[ArrayLike, "... c"],
    target_shape: Sequence[int],
    *,
    mode: BoundaryMode = "constant",
    cval: Num[ArrayLike, ""] = 0.0,
    method: Interpolator = Linear(),  # noqa: B008
) -> Shaped[Array, "... c"]:
    """Bring an image to another shape, the centres of its corner voxels staying where they are.

    Along an axis of n voxels the m new ones are at i (n - 1) / (m - 1): as neurite's resize, and as
    `scipy.ndimage.zoom` with its default `grid_mode=False`. A single new voxel is at 0. Nothing is smoothed first:
    before an image is made much smaller, take `nitrix.smoothing.gaussian`.

    Args:
      image: The image, [*leading *spatial c], channels last; dtypes as for `spatial_transform`.
      target_shape: The sizes of the spatial axes of the result, as many as are spatial.
      mode: What kernels wider than an axis's end find there, by SciPy's names, as for `spatial_transform`; no position
        is outside.
      cval: The value outside for "grid-constant".
      method: How values between voxels are made, such as `Linear()`.
    Returns:
      The image, [*leading *target_shape c], of the image's dtype, or the default float for integers that are
      interpolated.
    Raises:
      TypeError: If the image holds no numbers, a size is no integer, or `method` is no interpolator.
      ValueError: If the image has fewer axes, a spatial axis is empty, a size is below 1, `mode` is unknown, or `cval`
        is no value of the image's dtype.

    Note:
      Differentiable as `spatial_transform`.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import resample
      >>> resample(jnp.asarray([0.0, 2.0, 6.0])[:, None], (5,))[:, 0].tolist()
      [0.0, 1.0, 2.0, 4.0, 6.0]
    """
    function = "resample"
    shape = shape_of(function, "target_shape", target_shape, least=1)
    x = read_image(image, method, function, "image")
    if x.ndim < len(shape) + 1:
        raise ValueError(
            f"{function}: image has shape {x.shape} but target_shape={shape} is of {len(shape)} spatial axes; give "
            f"[*leading *spatial c], with a last axis of 1 where there is a single channel."
        )
    spatial = x.shape[x.ndim - len(shape) - 1 : -1]
    check_spatial(spatial, function, "image")
    outside = read_outside(cval, mode, x.dtype, function)
    lines = [np.linspace(0, n - 1, m) if m > 1 else np.zeros(1) for n, m in zip(spatial, shape)]
    grid = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1)
    points = jax.device_put(grid.astype(_coordinates(x.dtype)))
    return sampled(x, points, outside, ndim=len(shape), mode=mode, method=method, function=function)


def _coordinates(dtype: Any) -> Any:
    """The dtype of positions: of the image's accuracy."""
    if not jnp.issubdtype(dtype, jnp.inexact):
        return jax.dtypes.canonicalize_dtype(np.float64)
    return real_dtype(jnp.promote_types(dtype, np.float32))


rescale = resample
