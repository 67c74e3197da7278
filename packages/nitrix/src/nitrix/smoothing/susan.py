"""Noise reduction after SUSAN: means over similar neighbours, medians where there are none."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Real, Shaped

from nitrix._arguments import cast, real_array, spatial_axes
from nitrix.smoothing._bilateral_sums import FAR, ISOLATED, weighted_means
from nitrix.smoothing._neighbour_median import neighbour_median, reach_of_one
from nitrix.smoothing._shifts import Window
from nitrix.smoothing._window_arguments import (
    mask_of,
    only_inside,
    precisions,
    radii,
    units,
    working_dtype,
)


def susan_emulator(
    image: Shaped[ArrayLike, "..."],
    *,
    sigma_space: Real[ArrayLike, ""] | Real[ArrayLike, " axis"] | Sequence[Real[ArrayLike, ""]],
    sigma_intensity: Real[ArrayLike, ""] | None = None,
    use_median: bool = True,
    bthresh: Real[ArrayLike, ""] | None = None,
    spacing: Real[ArrayLike, ""] | Real[ArrayLike, " axis"] | Sequence[Real[ArrayLike, ""]] = 1.0,
    truncate: float = 2.5,
    radius: int | Sequence[int] | None = None,
    mask: Bool[ArrayLike, "*spatial"] | None = None,
    spatial_rank: int | None = None,
) -> Float[Array, "..."]:
    """Reduce noise and keep structure, as SUSAN does [1].

    A voxel becomes the mean of its neighbours, itself left out, with the weights
    exp(-sum_i o_i^2 / (2 sigma_space_i^2) - (difference of intensity)^2 / bthresh^2) at the offset o in mm. A voxel
    that resembles none of them is impulse noise and becomes the median of its nearest neighbours.

    The sums stream over the window and the medians need a few volumes whatever its size. Differentiable as `bilateral`
    is; at a median the gradient goes to the neighbour in the middle (to both in the middle of an even number by halves,
    to equal ones by equal shares). It says nothing of the jump where a voxel begins to count as impulse noise.

    Args:
      image: The image, with 1 to 3 spatial axes. Leading axes that `spatial_rank` leaves out are a batch. Integers and
        booleans are taken as the default float; float16 and bfloat16 are computed in float32.
      sigma_space: Standard deviation in space, in units of `spacing`: one number, or one for each spatial axis. 0
        leaves an axis alone, as FSL's `dim` of 2 leaves the third.
      sigma_intensity: Standard deviation of the Gaussian in intensity. Give either this or `bthresh`.
      use_median: Whether impulse noise becomes a median; else such a voxel keeps its value.
      bthresh: The brightness threshold t of [1] and of FSL: sqrt(2) sigma_intensity, as the formula has no factor 2
        there. Above the noise and below the contrast of edges that are to stay;
        `susan_brightness_threshold` estimates one.
      spacing: Voxel size along each spatial axis, in mm. The default reads sigma_space in voxels.
      truncate: Radius of the window in standard deviations: int(truncate * sigma_space / spacing + 0.5) voxels to each
        side. The window is a box.
      radius: Voxels to each side instead, one integer or one for each axis. Needed where `sigma_space` or `spacing` is
        traced (under `jit` or `vmap`), since the window's size must be known before.
      mask: True at voxels [*spatial] that take part; the others are returned as they were.
      spatial_rank: How many of the last axes are spatial; None means all of them.
    Returns:
      The image with less noise, of the shape and floating dtype of `image`.
    Raises:
      TypeError: If `image` holds no real numbers, or a radius is no integer.
      ValueError: If both or none of sigma_intensity and bthresh are given; if a sigma_space is negative or not finite;
        if sigma_intensity, bthresh, a spacing or `truncate` is not positive and finite; if the window reaches no
        neighbour, or has more than 131,072 voxels; if there are more than 3 spatial axes, or shapes do not fit; if
        sigma_space or spacing is traced and no radius is given.

    Note:
      Impulse noise is where the weights sum to 0.01 or less, a hundredth of one equal neighbour. The paper has a sum of
      zero there, which a sum of positive numbers never reaches but by underflow. The median is taken over the nearest
      neighbours along each axis that the window reaches (8 in two dimensions, where the paper takes 8, 26 in three),
      less those beyond the border or outside the mask; where their number is even, it is the mean of the two in the
      middle, of which the paper says nothing. A voxel without any neighbour keeps its value.

      A NaN makes every result NaN whose window holds it; leave such voxels out by `mask`. Where a traced width would
      have been refused, the result is NaN.

      This follows the paper, and is no port of FSL's program, against whose output it was not compared. What is known
      to differ by FSL's own usage message: `susan` takes up to two further images to find similar neighbours in (its
      `n_usans`), for which `bilateral` has `guide=`; its `dt` is `sigma_space` in mm, its `bt` is `bthresh`, its `dim`
      a sigma_space of 0 along the third axis. The support here is a box of `truncate` standard deviations; what
      FSL's support and its rule at the border are was not looked at.

    References:
      [1] Smith and Brady, SUSAN - A new approach to low level image processing, Int. J. Comput. Vis. 23(1), 1997.
      doi:10.1023/A:1007963824710

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.smoothing import susan_emulator
      >>> noisy = jnp.asarray([[0.0, 0.2, 9.8, 10.0], [0.2, 0.0, 77.0, 9.8], [0.0, 0.2, 10.0, 10.2]])
      >>> clean = susan_emulator(noisy, sigma_space=1.0, bthresh=2.0)
      >>> [[round(value, 1) for value in row] for row in clean.tolist()]
      [[0.1, 0.1, 10.0, 9.8], [0.1, 0.1, 9.8, 10.0], [0.1, 0.1, 10.0, 9.9]]
    """
    x = real_array(image, "susan_emulator", "image")
    axes = spatial_axes(x.ndim, spatial_rank, "susan_emulator", "image")
    shape = x.shape[axes.start :]
    if len(shape) > 3:
        raise ValueError(
            f"susan_emulator: image has {len(shape)} spatial axes but 1 to 3 are served; name them by spatial_rank, "
            f"for instance spatial_rank=3 for a series [time, x, y, z]."
        )
    if (sigma_intensity is None) == (bthresh is None):
        given = "none" if bthresh is None else "both"
        raise ValueError(
            f"susan_emulator: give either sigma_intensity or bthresh; {given} of them was given."
        )
    dtype = working_dtype(x)
    reach, sigmas, steps = radii(shape, sigma_space, spacing, truncate, radius, "susan_emulator")
    inside = mask_of(mask, shape, "susan_emulator")
    if bthresh is None:
        unit = units(sigma_intensity, 1, dtype, "susan_emulator", "sigma_intensity", factor=math.sqrt(2))
    else:
        unit = units(bthresh, 1, dtype, "susan_emulator", "bthresh", factor=1.0)
    if x.size == 0 or max(shape, default=1) == 1:
        return x
    if max(reach) == 0:
        raise ValueError(
            "susan_emulator: the window reaches no neighbour, since truncate * sigma_space / spacing is below half a "
            "voxel along every axis; give a wider sigma_space, in mm where spacing is, or a radius."
        )
    widths = tuple(cast(w, dtype) for w in (*sigmas, *steps))
    window = Window(shape, reach, centre=False)
    out = _reduce(x.reshape(-1, *shape), unit, widths, inside, window=window, use_median=use_median)
    return out.reshape(x.shape)


@functools.partial(jax.jit, static_argnames=("window", "use_median"))
def _reduce(
    image: Float[Array, "b *spatial"],
    unit: Float[Array, "1"],
    widths: tuple[Any, ...],
    mask: Bool[Array, "*spatial"] | None,
    *,
    window: Window,
    use_median: bool,
) -> Float[Array, "b *spatial"]:
    """In the working dtype; voxels outside the mask weigh nothing, and are absent from medians."""
    rank = len(window.shape)
    precision = precisions(widths[:rank], widths[rank:], window.radius, unit.dtype)
    wide = image.astype(unit.dtype)
    inside = only_inside(wide, mask, 0.0)[:, None]
    guide = only_inside(wide / unit, mask, FAR)[:, None]
    mean, total = weighted_means(window, guide, precision, inside)
    fallback = wide
    if use_median:
        median = neighbour_median(reach_of_one(window), only_inside(wide, mask, jnp.nan))
        fallback = jnp.where(jnp.isnan(median), wide, median)
    out = jnp.where(total[:, 0] <= ISOLATED, fallback, mean[:, 0]).astype(image.dtype)
    return out if mask is None else jnp.where(mask, out, image)
