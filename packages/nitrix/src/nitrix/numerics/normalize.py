"""Normalisation of intensities, time series and vectors: free of scale, and 0 where there is nothing to divide by."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Real, Shaped

from nitrix._arguments import real_array
from nitrix.numerics import _rescaling
from nitrix.numerics._normalize_arguments import check_eps, read_ranked, read_samples, wide
from nitrix.numerics._reals import named_axes
from nitrix.numerics.norms import l2_normalize as l2_normalize
from nitrix.numerics.norms import lp_normalize as lp_normalize


def demean(
    x: Shaped[ArrayLike, "..."],
    *,
    axis: int | Sequence[int] | None = -1,
    weights: Real[ArrayLike, "..."] | None = None,
    mask: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "..."]:
    """Subtract the mean.

    The mean is subtracted twice, so that in float32 a series with an offset of 1e4 is centred to the rounding of its
    own samples.

    Args:
      x: The samples. Integers and booleans give the default float; float16 and bfloat16 are summed in float32.
      axis: The axis or axes over which the mean is taken; None means all.
      weights: How much each sample counts, not negative, of x's shape or broadcast to it; their scale is free.
      mask: True for the samples that the mean is taken of, broadcast to x's shape; it is subtracted from all.
    Returns:
      The differences from the mean, of x's shape; NaN where nothing counts.
    Raises:
      TypeError: If `x` or the weights hold no real numbers.
      ValueError: If an axis is out of range or named twice, if the mask or the weights do not fit, or if a weight that
        is known is negative or not finite.

    References:
      Chan, Golub and LeVeque, Algorithms for computing the sample variance, The American Statistician 37(3), 1983.
      doi:10.1080/00031305.1983.10483115

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics import demean
      >>> demean(jnp.asarray([1.0, 2.0, 6.0])).tolist()
      [-2.0, -1.0, 3.0]
    """
    samples, shares, axes = read_samples(x, axis, "demean", weights=weights, mask=mask)
    return _rescaling.demeaned(samples, shares, axes=axes)


def zscore_normalize(
    x: Shaped[ArrayLike, "..."],
    *,
    axis: int | Sequence[int] | None = -1,
    weights: Real[ArrayLike, "..."] | None = None,
    mask: Bool[ArrayLike, "..."] | None = None,
    eps: int | float = 0.0,
    nonzero_mask: bool = False,
) -> Float[Array, "..."]:
    """Subtract the mean and divide by the standard deviation.

    The deviation of the population (the mean square, not over n - 1), as `scipy.stats.zscore`. Free of scale: series
    of 1e-20 or 1e20 come out alike. Constant samples give 0, with a derivative of 0.

    Args:
      x: The samples. Integers and booleans give the default float; float16 and bfloat16 are computed in float32.
      axis: The axis or axes that hold the samples; None means all.
      weights: How much each sample counts, not negative, broadcast to x's shape; their scale is free.
      mask: True for the samples that mean and deviation are taken of, broadcast to x's shape; the result is evaluated
        at all samples.
      eps: A standard deviation of at most this counts as 0.
      nonzero_mask: Leave samples of 0, such as background, out of mean and deviation, and let them be 0.
    Returns:
      The z-scores, of x's shape; NaN where nothing counts.
    Raises:
      TypeError: If `x` or the weights hold no real numbers.
      ValueError: If an axis is out of range or named twice, if the mask or the weights do not fit, if a weight that is
        known is negative or not finite, or if `eps` is negative.

    References:
      Chan, Golub and LeVeque, Algorithms for computing the sample variance, The American Statistician 37(3), 1983.
      doi:10.1080/00031305.1983.10483115

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics import zscore_normalize
      >>> zscore_normalize(jnp.asarray([[0.0, 2.0, 0.0, 2.0], [7.0, 7.0, 7.0, 7.0]])).tolist()
      [[-1.0, 1.0, -1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]
    """
    check_eps(eps, "zscore_normalize")
    samples, shares, axes = read_samples(x, axis, "zscore_normalize", weights=weights, mask=mask)
    if nonzero_mask:
        inside = (samples != 0).astype(wide(samples))
        shares = inside if shares is None else shares * inside
    found = _rescaling.zscores(samples, shares, float(eps), axes=axes)
    return jnp.where(samples == 0, jnp.zeros_like(found), found) if nonzero_mask else found


def robust_zscore_normalize(
    x: Shaped[ArrayLike, "..."],
    *,
    axis: int | Sequence[int] | None = -1,
    mask: Bool[ArrayLike, "..."] | None = None,
    eps: int | float = 0.0,
) -> Float[Array, "..."]:
    """Subtract the median and divide by 1.4826 times the median absolute deviation (MAD) from it.

    For normal samples the z-score, but half of the samples may be anything. Both medians are exact (see `median`).
    Where the MAD is 0, as it is if more than half of the samples are equal, the result is 0 with a derivative of 0.

    Args:
      x: The samples. Integers and booleans give the default float; float16 and bfloat16 are computed in float32.
      axis: The axis or axes that hold the samples; None means all.
      mask: True for the samples that the medians are taken of, broadcast to x's shape; the result is evaluated at all
        samples.
      eps: A scaled MAD of at most this counts as 0.
    Returns:
      The robust z-scores, of x's shape; NaN where nothing counts or a sample that counts is NaN.
    Raises:
      TypeError: If `x` holds no real numbers.
      ValueError: If an axis is out of range or named twice, if there are no samples, if the mask does not fit, or if
        `eps` is negative.

    References:
      Rousseeuw and Croux, Alternatives to the median absolute deviation, J. Am. Stat. Assoc. 88(424), 1993.
      doi:10.1080/01621459.1993.10476408

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics import robust_zscore_normalize
      >>> z = robust_zscore_normalize(jnp.asarray([1.0, 2.0, 3.0, 4.0, 1000.0]))
      >>> [round(value, 2) for value in z.tolist()]
      [-1.35, -0.67, 0.0, 0.67, 672.47]
    """
    check_eps(eps, "robust_zscore_normalize")
    samples, kept, axes = read_ranked(x, axis, "robust_zscore_normalize", mask=mask)
    return _rescaling.robust_zscores(samples, kept, float(eps), axes=axes)


def psc_normalize(
    x: Shaped[ArrayLike, "..."],
    *,
    axis: int | Sequence[int] | None = -1,
    weights: Real[ArrayLike, "..."] | None = None,
    mask: Bool[ArrayLike, "..."] | None = None,
    eps: int | float = 0.0,
) -> Float[Array, "..."]:
    """Express the samples as per cent of change from their mean, 100 (x - mean) / mean.

    The mean may be small or negative; where it is 0 the result is 0, with a derivative of 0.

    Args:
      x: The samples. Integers and booleans give the default float; float16 and bfloat16 are computed in float32.
      axis: The axis or axes over which the mean is taken; None means all.
      weights: How much each sample counts, not negative, broadcast to x's shape; their scale is free.
      mask: True for the samples that the mean is taken of, broadcast to x's shape; the result is evaluated at all.
      eps: A mean of at most this magnitude counts as 0.
    Returns:
      The change in per cent, of x's shape; NaN where nothing counts.
    Raises:
      TypeError: If `x` or the weights hold no real numbers.
      ValueError: If an axis is out of range or named twice, if the mask or the weights do not fit, if a weight that is
        known is negative or not finite, or if `eps` is negative.

    References:
      Chen, Taylor and Cox, Is the statistic value all we should care about in neuroimaging?, NeuroImage 147, 2017.
      doi:10.1016/j.neuroimage.2016.09.066

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics import psc_normalize
      >>> psc_normalize(jnp.asarray([99.0, 100.0, 101.0])).tolist()
      [-1.0, 0.0, 1.0]
    """
    check_eps(eps, "psc_normalize")
    samples, shares, axes = read_samples(x, axis, "psc_normalize", weights=weights, mask=mask)
    return _rescaling.percent_change(samples, shares, float(eps), axes=axes)


def percentile_rescale(
    x: Shaped[ArrayLike, "..."],
    *,
    lo: int | float = 0.0,
    hi: int | float = 99.0,
    clip: bool = True,
    axis: int | Sequence[int] | None = None,
    eps: int | float = 0.0,
    mask: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "..."]:
    """Shift and scale so that one percentile becomes 0 and another 1.

    (x - p_lo) / (p_hi - p_lo): the upper percentile is that of the shifted samples, so that the order of the two steps
    makes no difference. Where both percentiles are equal, as in a constant image or in one with more than `hi` per
    cent of background, the result is 0 with a derivative of 0. Else the derivative goes through the samples that the
    percentiles lie between, too.

    Args:
      x: The samples. Integers and booleans give the default float; float16 and bfloat16 are computed in float32.
      lo: The percentage that becomes 0; at 0 it is the minimum.
      hi: The percentage that becomes 1.
      clip: Cut values below 0 and above 1 off.
      axis: The axis or axes that are rescaled together; None means all.
      eps: A range of at most this counts as 0.
      mask: True for the samples that the percentiles are taken of, broadcast to x's shape; the result is evaluated at
        all samples.
    Returns:
      The rescaled samples, of x's shape. NaN where nothing counts or a sample that counts is NaN: leave NaN voxels out
      by the mask, and they alone are NaN in the result.
    Raises:
      TypeError: If `x` holds no real numbers.
      ValueError: Unless 0 <= lo < hi <= 100; if an axis is out of range or named twice, if there are no samples, if
        the mask does not fit, or if `eps` is negative.

    References:
      Hyndman and Fan, Sample quantiles in statistical packages, The American Statistician 50(4), 1996, definition 7.
      doi:10.1080/00031305.1996.10473566

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics import percentile_rescale
      >>> percentile_rescale(jnp.asarray([2.0, 3.0, 4.0, 6.0, 90.0]), hi=75).tolist()
      [0.0, 0.25, 0.5, 1.0, 1.0]
    """
    return _rescaled(x, lo, hi, ("lo", "hi"), clip, axis, eps, mask, "percentile_rescale")


def intensity_normalize(
    x: Shaped[ArrayLike, "..."],
    *,
    low_percentile: int | float = 0.0,
    high_percentile: int | float = 99.0,
    axis: int | Sequence[int] | None = None,
    eps: int | float = 0.0,
    mask: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "..."]:
    """Map an image to [0, 1]: its minimum to 0, its 99th percentile and all above to 1.

    The first step of SynthStrip and its kin. It is `percentile_rescale` with clipping, of which all else holds: a
    constant image, and one whose 99th percentile is its minimum, becomes 0.

    Args:
      x: The image. Integers and booleans give the default float; float16 and bfloat16 are computed in float32.
      low_percentile: The percentage of the voxels that becomes 0 with all below; at 0 it is the minimum.
      high_percentile: The percentage that becomes 1 with all above.
      axis: The axis or axes of one image; None means all, so name the spatial ones of a batch.
      eps: A range of at most this counts as 0.
      mask: True for the voxels that the percentiles are taken of, broadcast to x's shape; all voxels are mapped.
    Returns:
      The image in [0, 1]. NaN where nothing counts or a voxel that counts is NaN: leave NaN voxels out by the mask,
      and they alone are NaN in the result.
    Raises:
      TypeError: If `x` holds no real numbers.
      ValueError: Unless 0 <= low_percentile < high_percentile <= 100; else as `percentile_rescale`.

    References:
      Hoopes, Mora, Dalca, Fischl and Hoffmann, SynthStrip: skull-stripping for any brain image, NeuroImage 260, 2022.
      doi:10.1016/j.neuroimage.2022.119474

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics import intensity_normalize
      >>> image = intensity_normalize(jnp.arange(10.0, 211.0))
      >>> [round(value, 3) for value in image[jnp.asarray([0, 99, 198, 200])].tolist()]
      [0.0, 0.5, 1.0, 1.0]
    """
    names = ("low_percentile", "high_percentile")
    return _rescaled(x, low_percentile, high_percentile, names, True, axis, eps, mask, "intensity_normalize")


def _rescaled(
    x: Any,
    low: int | float,
    high: int | float,
    names: tuple[str, str],
    clip: bool,
    axis: Any,
    eps: int | float,
    mask: Any,
    function: str,
) -> Float[Array, "..."]:
    if not 0 <= low < high <= 100:
        raise ValueError(f"{function}: {names[0]}={low} and {names[1]}={high} must rise, from 0 to 100.")
    check_eps(eps, function)
    samples, kept, axes = read_ranked(x, axis, function, mask=mask)
    return _rescaling.rescaled(
        samples, kept, float(eps), axes=axes, low=float(low), high=float(high), clip=clip
    )


def instance_norm(
    x: Shaped[ArrayLike, "..."], *, axes: int | Sequence[int], eps: int | float = 1e-5
) -> Float[Array, "..."]:
    """Subtract the mean of each instance and channel and divide by sqrt(variance + eps).

    The layer of networks, without its affine map. Here `eps` belongs to the formula: it fades channels out whose
    variance is not far above it. With `eps=0` it is `zscore_normalize`, free of scale, and 0 for a constant channel.

    Args:
      x: The images or features. Integers and booleans give the default float; float16 and bfloat16 are computed in
        float32.
      axes: The axes of one channel of one instance, such as the spatial ones.
      eps: Added to the variance, in units of x squared.
    Returns:
      The normalised features, of x's shape.
    Raises:
      TypeError: If `x` holds no real numbers.
      ValueError: If an axis is out of range or named twice, or if `eps` is negative.

    References:
      Ulyanov, Vedaldi and Lempitsky, Instance normalization: the missing ingredient for fast stylization, 2016.
      doi:10.48550/arXiv.1607.08022

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics import instance_norm
      >>> features = jnp.asarray([[[0.0, 2.0], [5.0, 5.0]]])  # [instance, channel, space]
      >>> instance_norm(features, axes=-1, eps=3).tolist()
      [[[-0.5, 0.5], [0.0, 0.0]]]
    """
    check_eps(eps, "instance_norm")
    features = real_array(x, "instance_norm", "x")
    found = named_axes(axes, features.ndim, "instance_norm")
    if eps == 0:
        return _rescaling.zscores(features, None, 0.0, axes=found)
    return _rescaling.over_deviation(features, float(eps), axes=found)
