"""The bilateral filter of an image: means over neighbours near in space and alike in intensity."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Real, Shaped

from nitrix._arguments import cast, real_array, spatial_axes
from nitrix.smoothing._bilateral_sums import FAR, weighted_means
from nitrix.smoothing._shifts import Window
from nitrix.smoothing._window_arguments import (
    mask_of,
    only_inside,
    precisions,
    radii,
    units,
    working_dtype,
)


def bilateral(
    image: Shaped[ArrayLike, "..."],
    *,
    sigma_space: Real[ArrayLike, ""] | Real[ArrayLike, " axis"] | Sequence[Real[ArrayLike, ""]],
    sigma_intensity: Real[ArrayLike, ""] | Real[ArrayLike, " channel"] | Sequence[Real[ArrayLike, ""]],
    guide: Shaped[ArrayLike, "channel *spatial"] | None = None,
    spacing: Real[ArrayLike, ""] | Real[ArrayLike, " axis"] | Sequence[Real[ArrayLike, ""]] = 1.0,
    truncate: float = 2.5,
    radius: int | Sequence[int] | None = None,
    mask: Bool[ArrayLike, "*spatial"] | None = None,
    spatial_rank: int | None = None,
) -> Float[Array, "..."]:
    """Smooth an image within its structures: each voxel becomes a mean of neighbours that resemble it.

    The weight of the voxel at the offset o, in mm, is exp(-sum_i o_i^2 / (2 sigma_space_i^2) - sum_k d_k^2 /
    (2 sigma_intensity_k^2)), d_k being the difference of the guide's channel k; weights are normalised to sum 1.
    Neighbours beyond the border or outside the mask take no part.

    The sums stream over the window: no array holds a value for each neighbour, forward or backward. Differentiable in
    `image`, `guide`, `sigma_space`, `sigma_intensity` and `spacing`, in reverse mode and to any order (further orders
    with forward or reverse mode over it). JAX refuses forward mode of the first order, as for every `custom_vjp`.

    Args:
      image: The image. Leading axes that `spatial_rank` leaves out are a batch. Integers and booleans are taken as
        the default float; float16 and bfloat16 are computed in float32.
      sigma_space: Standard deviation in space, in units of `spacing`: one number, or one for each spatial axis. 0
        leaves an axis alone.
      sigma_intensity: Standard deviation in intensity, in units of the guide: one number, or one for each channel.
      guide: Images `[channel, *spatial]` whose intensities decide, such as a T1 and a T2; taken in the precision of
        `image`. All of the batch is then smoothed with the same weights. Default: each image guides itself.
      spacing: Voxel size along each spatial axis, in mm. The default reads sigma_space in voxels.
      truncate: Radius of the window in standard deviations: int(truncate * sigma_space / spacing + 0.5) voxels to each
        side. The window is a box.
      radius: Voxels to each side instead, one integer or one for each axis. Needed where `sigma_space` or `spacing` is
        traced (under `jit` or `vmap`), since the window's size must be known before.
      mask: True at voxels [*spatial] that take part; the others are returned as they were.
      spatial_rank: How many of the last axes are spatial; None means all of them.
    Returns:
      The smoothed image, of the shape and floating dtype of `image`.
    Raises:
      TypeError: If `image` or `guide` holds no real numbers, or a radius is no integer.
      ValueError: If a sigma_space is negative or not finite; if a sigma_intensity, a spacing or `truncate` is not
        positive and finite; if shapes do not fit; if the window has more than 131,072 voxels; if sigma_space or spacing
        is traced and no radius is given.

    Note:
      A NaN in `image` or `guide` makes every result NaN whose window holds it; leave such voxels out by `mask`. Where a
      traced width would have been refused, the result is NaN. Guides are compared in float32 or float64 after division
      by sigma_intensity: quotients of 1e18 and beyond are not served.

      SciPy has no such filter. `skimage.restoration.denoise_bilateral` adds samples beyond the border, and its colour
      distance is quantised into bins, as is `SimpleITK.Bilateral`'s, whose window has the radius ceil(2.5 sigma).

    References:
      Tomasi and Manduchi, Bilateral filtering for gray and color images, ICCV 1998. doi:10.1109/ICCV.1998.710815

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.smoothing import bilateral
      >>> step = jnp.asarray([0.0, 0.2, 0.0, 9.8, 10.0, 10.2])
      >>> smooth = bilateral(step, sigma_space=2.0, sigma_intensity=1.0)
      >>> [round(value, 2) for value in smooth.tolist()]
      [0.07, 0.07, 0.07, 9.96, 10.0, 10.04]
    """
    x = real_array(image, "bilateral", "image")
    axes = spatial_axes(x.ndim, spatial_rank, "bilateral", "image")
    shape = x.shape[axes.start :]
    dtype = working_dtype(x)
    reach, sigmas, steps = radii(shape, sigma_space, spacing, truncate, radius, "bilateral")
    inside = mask_of(mask, shape, "bilateral")
    batch = math.prod(x.shape[: axes.start])
    if guide is None:
        by = x.reshape(batch, 1, *shape)
        values = by
    else:
        by = real_array(guide, "bilateral", "guide")
        if by.ndim != len(shape) + 1 or by.shape[1:] != shape:
            raise ValueError(
                f"bilateral: guide has shape {by.shape} but the spatial shape is {shape}; give [channel, *spatial], "
                f"one channel as guide[None], and name the spatial axes of a batch by spatial_rank."
            )
        by = by[None]
        values = x.reshape(1, batch, *shape)
    unit = units(sigma_intensity, by.shape[1], dtype, "bilateral", "sigma_intensity", factor=math.sqrt(2))
    if x.size == 0 or by.size == 0:
        if x.size > 0:
            raise ValueError("bilateral: guide has no channels; leave it out, or use gaussian.")
        return x
    widths = tuple(cast(w, dtype) for w in (*sigmas, *steps))
    out = _smooth(values, None if guide is None else by, unit, widths, inside, window=Window(shape, reach))
    return out.reshape(x.shape)


@functools.partial(jax.jit, static_argnames=("window",))
def _smooth(
    values: Float[Array, "b c *spatial"],
    guide: Float[Array, "b k *spatial"] | None,
    unit: Float[Array, " k"],
    widths: tuple[Any, ...],
    mask: Bool[Array, "*spatial"] | None,
    *,
    window: Window,
) -> Float[Array, "b c *spatial"]:
    """In the working dtype, voxels outside the mask so far off that they weigh nothing."""
    rank = len(window.shape)
    precision = precisions(widths[:rank], widths[rank:], window.radius, unit.dtype)
    wide = values.astype(unit.dtype)
    by = (wide if guide is None else guide.astype(unit.dtype)) / unit.reshape(-1, *[1] * rank)
    inside = only_inside(wide, mask, 0.0)
    out, _ = weighted_means(window, only_inside(by, mask, FAR), precision, inside)
    out = out.astype(values.dtype)
    return out if mask is None else jnp.where(mask, out, values)
