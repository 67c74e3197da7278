"""An image brought to another shape."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Shaped
from numpy.typing import NDArray

from nitrix._boundary import BoundaryMode
from nitrix.geometry.grid._operands import check_spatial, read_image, read_outside, sampled
from nitrix.geometry.grid._shapes import shape_of
from nitrix.geometry.grid._taps import real_dtype
from nitrix.geometry.grid.interpolators import Interpolator, Linear, Separable


def resample(
    image: Shaped[ArrayLike, "... c"],
    target_shape: Sequence[int],
    *,
    mode: BoundaryMode = "constant",
    cval: Shaped[ArrayLike, ""] = 0.0,
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
    lines = tuple(np.linspace(0, n - 1, m) if m > 1 else np.zeros(1) for n, m in zip(spatial, shape))
    settings = {"mode": mode, "method": method, "function": function}
    if not isinstance(method, Separable):
        grid = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1)
        return sampled(x, _points(grid, x.dtype), outside, ndim=len(shape), **settings)
    given = x.dtype
    x = x.astype(np.float32) if given.itemsize <= 2 else x  # rounded once, at the end
    for axis, line in enumerate(lines, start=x.ndim - len(shape) - 1):
        if line.size != x.shape[axis] or line.size == 1:
            before, size, behind = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
            columns = x.reshape(-1, size, math.prod(behind))
            columns = sampled(columns, _points(line[:, None], x.dtype), outside, ndim=1, **settings)
            x = columns.reshape(*before, line.size, *behind)
    return x.astype(given)


def _points(places: NDArray[np.float64], dtype: Any) -> Float[Array, "... ndim"]:
    """Positions in a dtype of the image's accuracy, on the device without a compilation."""
    wide = real_dtype(dtype) if dtype.itemsize > 2 and jnp.issubdtype(dtype, jnp.inexact) else None
    return jax.device_put(places.astype(wide or jax.dtypes.canonicalize_dtype(np.float64)))


rescale = resample
