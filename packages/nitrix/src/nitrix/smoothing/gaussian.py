"""The Gaussian filter of an image, separable, in millimetres."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Inexact, Num, Real, Shaped

from nitrix._arguments import (
    cast,
    check_truncate,
    check_width,
    floating,
    known_value,
    per_axis,
    spatial_axes,
)
from nitrix._boundary import BoundaryMode, plain_mode
from nitrix.smoothing._gaussian_arguments import in_voxels, orders_of, outer_value, radius_of
from nitrix.smoothing._gaussian_axis import gaussian_weights, smooth_axis
from nitrix.smoothing._gaussian_turns import smooth_in_turns, takes_turns

FWHM_PER_SIGMA = 2 * math.sqrt(2 * math.log(2))
TRACED_REACH = 1024  # voxels of radius that a kernel has room for if its width is not known before tracing


def gaussian(
    x: Shaped[ArrayLike, "..."],
    *,
    sigma: Real[ArrayLike, ""] | Real[ArrayLike, " axis"] | Sequence[Real[ArrayLike, ""]] | None = None,
    fwhm: Real[ArrayLike, ""] | Real[ArrayLike, " axis"] | Sequence[Real[ArrayLike, ""]] | None = None,
    spacing: Real[ArrayLike, ""] | Real[ArrayLike, " axis"] | Sequence[Real[ArrayLike, ""]] = 1.0,
    mode: BoundaryMode = "reflect",
    truncate: float = 4.0,
    cval: Num[ArrayLike, ""] = 0.0,
    order: int | Sequence[int] = 0,
    spatial_rank: int | None = None,
) -> Inexact[Array, "..."]:
    """Smooth an image with a Gaussian, one axis after the other.

    The sampled, truncated and normalised Gaussian of `scipy.ndimage.gaussian_filter`, applied as one matrix
    product per axis, at a cost that does not grow with sigma. Linear in `x`, differentiable in `x`, `sigma`,
    `fwhm`, `spacing` and `cval`, in both directions and to any order. The radius is a step function of sigma,
    through which nothing is differentiated.

    Args:
      x: The image; leading axes that `spatial_rank` leaves out are a batch. Integers and booleans are taken
        as the default float; float16 and bfloat16 are summed in float32; complex numbers part by part.
      sigma: Standard deviation in units of `spacing`: one number, or one for each spatial axis. 0 leaves an
        axis alone. Give either this or `fwhm`.
      fwhm: Full width at half maximum, 2 sqrt(2 ln 2) sigma, in the same units.
      spacing: Voxel size along each spatial axis, in mm. The default reads sigma in voxels.
      mode: What stands beyond the edges, by SciPy's names: "reflect" (d c b a | a b c d), "mirror" (d c b |
        a b c d), "nearest", "constant" (`cval`), "wrap", or their synonyms "grid-mirror", "grid-constant",
        "grid-wrap". An axis may be shorter than the kernel.
      truncate: Radius of the kernel in standard deviations, rounded to voxels as SciPy does.
      cval: The value outside the image for mode "constant".
      order: 0 smooths; m takes the m-th derivative of the smoothed image, per unit of `spacing`. One integer,
        or one for each spatial axis.
      spatial_rank: How many of the last axes are smoothed; None means all of them.
    Returns:
      The smoothed image, of the shape and floating dtype of `x`.
    Raises:
      TypeError: If `x` holds no numbers, or an order is no integer.
      ValueError: If both or none of sigma and fwhm are given; if a sigma or fwhm is negative or not finite;
        if a spacing or `truncate` is not positive and finite; if truncate * sigma / spacing is beyond 8,192
        voxels; if the number of values is not that of the spatial axes; if `mode` is unknown or
        `spatial_rank` out of range.

    Note:
      Along an axis of n samples the filter is a dense n x n matrix with the boundary rule folded in: n
      products a voxel, whatever sigma is. Two or more axes of up to 384 samples, which are all smoothed, are
      passed round from product to product, with one volume of temporaries; other axes are smoothed in their
      place. An axis of more than 256 samples in its place whose kernel is short beside it, and any of more
      than 1024, is cut into windows instead, at a cost that stops growing with n. None of these forms
      approximates: from SciPy's float64 result they differ by roundings, at most 2.1e-7 of the largest
      value of `x` in float32 and 3.4e-16 in float64 (seen over all modes, sigma from 0.5 to 30 voxels,
      3-D images and series of 700 and 1500 samples).

      Where sigma is traced (under `jit` or `vmap`) the radius is computed on the device and the kernel is cut
      by a mask, so nothing needs to be static. There is room for a radius of 1024 voxels: a traced sigma
      beyond that, or one that would have been refused, gives NaN in place of the error.

      A NaN or an infinity in `x` spreads over the whole line of each smoothed axis, where SciPy's stays
      within the kernel's radius; replace such values first.

      Other differences from SciPy: `spacing`; the last axes are spatial, not `axes=`; integers are promoted,
      not truncated; a derivative is per unit of `spacing`.

    References:
      Lindeberg, Scale-Space for Discrete Signals, IEEE Trans. PAMI 12(3), 1990. doi:10.1109/34.49051

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.smoothing import gaussian
      >>> impulse = jnp.zeros(5).at[2].set(1.0)
      >>> smooth = gaussian(impulse, sigma=1.0, spacing=2.0)  # sigma of 1 mm, voxels of 2 mm
      >>> [round(value, 3) for value in smooth.tolist()]
      [0.0, 0.106, 0.787, 0.106, 0.0]
    """
    image = floating(x, "gaussian")
    axes = spatial_axes(image.ndim, spatial_rank, "gaussian")
    rank = len(axes)
    boundary = plain_mode(mode, "gaussian")
    if (sigma is None) == (fwhm is None):
        given = "none" if sigma is None else "both"
        raise ValueError(f"gaussian: give either sigma or fwhm; {given} of them was given.")
    name = "fwhm" if sigma is None else "sigma"
    widths = per_axis(name, fwhm if sigma is None else sigma, rank, "gaussian")
    spacings = per_axis("spacing", spacing, rank, "gaussian")
    orders = orders_of(order, rank)
    check_truncate(truncate, "gaussian")
    for value in widths:
        check_width(name, value, "gaussian", at_least_zero=True)
    for value in spacings:
        check_width("spacing", value, "gaussian", at_least_zero=False)

    dtype = np.dtype(np.float32) if image.dtype.itemsize <= 2 else np.empty(0, image.dtype).real.dtype
    factor = FWHM_PER_SIGMA if sigma is None else 1.0
    plan: list[tuple[int, int, int]] = []
    operands: list[tuple[Any, Any, Any]] = []
    for axis, width, step, m in zip(axes, widths, spacings, orders, strict=True):
        voxels = in_voxels(width, factor, step, dtype)
        known = known_value(voxels)
        if known is None:
            radius: Any = jnp.floor(truncate * voxels + 0.5).astype(np.int32)
            reach = TRACED_REACH
        else:
            radius = np.int32(radius_of(truncate * known))
            reach = -(-int(radius) // 8) * 8  # in steps, so that near widths share a compilation
            if known <= 1e-15 or (radius == 0 and m == 0):
                continue  # the kernel is one sample of weight 1, and stays so for any smaller sigma
        if image.size > 0:
            plan.append((axis, max(reach, 1), m))
            operands.append((cast(voxels, dtype), radius, cast(step, dtype)))
    outside = outer_value(cval, image.dtype)
    return _smooth(image, tuple(operands), outside, plan=tuple(plan), mode=boundary)


@functools.partial(jax.jit, static_argnames=("plan", "mode"))
def _smooth(
    image: Inexact[Array, "..."],
    operands: tuple[tuple[Any, Any, Any], ...],
    cval: Num[Array, ""] | None,
    *,
    plan: tuple[tuple[int, int, int], ...],
    mode: str,
) -> Inexact[Array, "..."]:
    """The axes of `plan`, (axis, reach, order) each."""
    narrow = image.dtype.itemsize <= 2
    out = image.astype(np.float32) if narrow else image
    outside = None if cval is None else cval.astype(out.dtype)
    weights = [
        gaussian_weights(sigma, radius, scale, reach=reach, order=order)
        for (_, reach, order), (sigma, radius, scale) in zip(plan, operands, strict=True)
    ]
    if takes_turns(image.shape, plan, outside=mode == "constant" and cval is not None):
        out = smooth_in_turns(out, weights, mode=mode, cval=outside)
    else:
        for (axis, _, _), w in zip(plan, weights, strict=True):
            out = smooth_axis(out, axis, w, mode=mode, cval=outside)
    return out.astype(image.dtype)
