"""Exact percentiles and medians, by counting instead of sorting."""

import functools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Real, Shaped

from nitrix._arguments import known_numbers, real_array
from nitrix.numerics._reals import by_rows, default_float, fitting_mask, named_axes, real_numbers
from nitrix.numerics._selection import neighbouring_ranks

Method = Literal["linear", "lower", "higher", "nearest", "midpoint"]
METHODS = ("linear", "lower", "higher", "nearest", "midpoint")
DIGITS = 5  # of 15 bits each, of a share of the ranks: more than float64 holds


def percentile(
    x: Shaped[ArrayLike, "..."],
    q: Real[ArrayLike, ""] | Real[ArrayLike, " k"] | Sequence[int | float],
    *,
    axis: int | Sequence[int] | None = None,
    method: Method = "linear",
    mask: Bool[ArrayLike, "..."] | None = None,
    keepdims: bool = False,
) -> Float[Array, "..."]:
    """The values below which given shares of the samples lie.

    `numpy.percentile`, exactly: the percentile stands at rank q / 100 (n - 1) of the n sorted samples, and between two
    of them by interpolation. Nothing is sorted: the bits of a rank's value are found one after the other, each by one
    count of the samples, at a cost of as many passes as the numbers have bits, for each q.

    Differentiable in `x` and, for "linear", in `q`, in both directions. The derivative in `x` goes to the two samples
    that the percentile lies between, by their weights; of equal samples to the first in memory order.

    Args:
      x: The samples. Integers and booleans give the default float; float16 and bfloat16 are interpolated in float32.
      q: One percentage or [k] of them, from 0 to 100.
      axis: The axis or axes that hold the samples; None means all.
      method: Between two samples: "linear", "lower", "higher", "nearest" (of two equally near the even rank) or
        "midpoint", as NumPy's.
      mask: True for the samples that count, of x's shape or broadcast to it. What lies under a False is never read.
      keepdims: Leave the axes of the samples in the result, with length 1.
    Returns:
      The percentiles in the remaining shape of `x`, after a leading axis [k] if `q` has one. NaN where a sample that
      counts is NaN, or where no sample counts.
    Raises:
      TypeError: If `x` or `q` holds no real numbers.
      ValueError: If a `q` is not from 0 to 100, if there are no samples, if an axis is out of range or named twice, if
        the mask does not fit, or if `method` is unknown.

    Note:
      The rank is computed exactly, also in float32 for more than 2^24 samples. Under `jit` a traced `q` is read in its
      own precision, which for float32 moves the rank by up to 6e-8 of the count; one out of range gives NaN.
      Differences from NumPy: `mask`; beside an infinity the result is that infinity, where NumPy's is NaN or not by the
      method of its sum; the other methods of NumPy are left out.

    References:
      Hyndman and Fan, Sample quantiles in statistical packages, The American Statistician 50(4), 1996, definition 7.
      doi:10.1080/00031305.1996.10473566

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics import percentile
      >>> x = jnp.asarray([[3.0, 1.0, 2.0], [7.0, 9.0, 5.0]])
      >>> percentile(x, [0, 25, 100], axis=-1).tolist()
      [[1.0, 5.0], [1.5, 6.0], [3.0, 9.0]]
    """
    return _checked(x, q, axis=axis, method=method, mask=mask, keepdims=keepdims, function="percentile")


def median(
    x: Shaped[ArrayLike, "..."],
    *,
    axis: int | Sequence[int] | None = None,
    mask: Bool[ArrayLike, "..."] | None = None,
    keepdims: bool = False,
) -> Float[Array, "..."]:
    """The value in the middle of the samples, of an even number the mean of the two in the middle.

    `percentile` at 50, of which all else holds: `numpy.median`, exactly, without a sort, with a mask and a derivative.

    Args:
      x: The samples. Integers and booleans give the default float; float16 and bfloat16 are averaged in float32.
      axis: The axis or axes that hold the samples; None means all.
      mask: True for the samples that count, of x's shape or broadcast to it. What lies under a False is never read.
      keepdims: Leave the axes of the samples in the result, with length 1.
    Returns:
      The medians in the remaining shape of `x`. NaN where a sample that counts is NaN, or where no sample counts.
    Raises:
      TypeError: If `x` holds no real numbers.
      ValueError: If there are no samples, if an axis is out of range or named twice, or if the mask does not fit.

    References:
      Hyndman and Fan, Sample quantiles in statistical packages, The American Statistician 50(4), 1996, definition 7.
      doi:10.1080/00031305.1996.10473566

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics import median
      >>> x = jnp.asarray([3.0, 1.0, jnp.nan, 2.0, 9.0])
      >>> float(median(x, mask=~jnp.isnan(x)))
      2.5
    """
    return _checked(x, 50, axis=axis, method="linear", mask=mask, keepdims=keepdims, function="median")


def _checked(
    x: Any, q: Any, *, axis: Any, method: str, mask: Any, keepdims: bool, function: str
) -> Float[Array, "..."]:
    samples = real_numbers(x, function)
    axes = named_axes(axis, samples.ndim, function)
    length = math.prod(samples.shape[a] for a in axes)
    if length == 0:
        raise ValueError(
            f"{function}: x{samples.shape} has no samples along axis={axis}; there is no percentile."
        )
    if length >= 2**31:
        raise ValueError(f"{function}: {length} samples are more than 2^31 - 1; take them in parts.")
    if method not in METHODS:
        raise ValueError(f"{function}: method={method!r} is unknown; give one of {', '.join(METHODS)}.")
    kept = None if mask is None else fitting_mask(mask, samples.shape, function)
    percentages, digits = _read(q, function)
    return _percentile(samples, kept, percentages, digits, axes=axes, method=method, keepdims=keepdims)


def _read(q: Any, function: str) -> tuple[Float[Array, "..."], Any]:
    """The percentages, and the digits of their shares: on the host where they are known, from exact fractions."""
    percentages = real_array(q, function, "q")
    if percentages.ndim > 1:
        raise ValueError(f"{function}: q has shape {percentages.shape}; give one percentage, or [k] of them.")
    known = known_numbers(q if isinstance(q, jax.Array) else np.asarray(q))
    if known is None:
        return percentages, _digits(percentages.reshape(-1) / 100)
    values = np.asarray(known, np.float64).reshape(-1)
    if not ((values >= 0) & (values <= 100)).all():
        raise ValueError(f"{function}: q={np.asarray(known).tolist()} must be from 0 to 100.")
    whole = [math.ceil(Fraction(value) / 100 * 2 ** (15 * DIGITS)) for value in values.tolist()]
    shifts = range(15 * (DIGITS - 1), -1, -15)
    digits = [[(w >> s) - (w >> (s + 15) << 15 if s < shifts[0] else 0) for s in shifts] for w in whole]
    return percentages, np.asarray(digits, np.uint32).reshape(-1, DIGITS)


def _digits(share: Float[Array, " k"]) -> Shaped[Array, "k digit"]:
    """The digits of shares from 0 to 1, of 15 bits each but for the first, which holds the 1 too."""
    found, rest = [], share
    for _ in range(DIGITS):
        rest = rest * 2**15
        found.append(jnp.floor(rest))
        rest = rest - found[-1]
    return jnp.stack(found, axis=-1).astype(np.uint32)


def _position(digits: Any, last: Shaped[Array, " n"], dtype: Any) -> tuple[Array, Array]:
    """[k, n] share * last as integer and fraction, by long multiplication: float32 does not hold it."""
    low, high = last & np.uint32(2**15 - 1), last >> np.uint32(15)
    digit = jnp.asarray(digits)[..., None]
    carry, fraction = jnp.zeros((), np.uint32), jnp.zeros((), dtype)
    for i in range(DIGITS - 1, 0, -1):
        total = high * digit[:, i] + low * digit[:, i - 1] + carry
        fraction = (fraction + (total & np.uint32(2**15 - 1)).astype(dtype)) / 2**15
        carry = total >> np.uint32(15)
    return (high * digit[:, 0] + carry).astype(np.int32), fraction


@functools.partial(jax.jit, static_argnames=("axes", "method", "keepdims"))
def _percentile(
    x: Real[Array, "..."],
    mask: Bool[Array, "..."] | None,
    q: Float[Array, "..."],
    digits: Shaped[Array, "k digit"],
    *,
    axes: tuple[int, ...],
    method: str,
    keepdims: bool,
) -> Float[Array, "..."]:
    result = x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else default_float()
    dtype = np.float32 if result.itemsize <= 2 else result
    samples = by_rows(x, axes)
    kept = None if mask is None else by_rows(mask, axes)
    n, m = samples.shape
    count = jnp.full(n, m, np.int32) if kept is None else kept.sum(-1, dtype=np.int32)
    last = jnp.maximum(count - 1, 0)
    rank, fraction = _position(digits, last.astype(np.uint32), dtype)
    if method == "linear":  # the digits know of no derivative in q
        change = (q - lax.stop_gradient(q)).reshape(-1, 1).astype(dtype)
        fraction = fraction + change * (last.astype(dtype) / 100)
    low, high = neighbouring_ranks(samples, kept, rank, count) if n else (jnp.zeros(rank.shape, dtype),) * 2
    found = _between(low.astype(dtype), high.astype(dtype), _weight(rank, fraction, method))
    inside = ((q >= 0) & (q <= 100)).reshape(-1, 1)
    found = jnp.where(inside & (count > 0), found, np.asarray(np.nan, dtype)).astype(result)
    rest = tuple(1 if a in axes else s for a, s in enumerate(x.shape) if keepdims or a not in axes)
    return found.reshape(q.shape + rest)


def _weight(rank: Array, fraction: Array, method: str) -> Array:
    """Of the value of the next rank, from 0 to 1."""
    half = np.asarray(0.5, fraction.dtype)
    match method:
        case "lower":
            return jnp.zeros_like(fraction)
        case "higher":
            return jnp.ceil(fraction)
        case "nearest":
            up = (fraction > half) | ((fraction == half) & (rank % 2 == 1))
            return up.astype(fraction.dtype)
        case "midpoint":
            return jnp.ceil(fraction) * half
    return fraction


def _between(low: Array, high: Array, weight: Array) -> Array:
    """(1 - weight) low + weight high, exact between equal values, and of infinities without 0 times infinity."""
    infinite = jnp.isinf(low) | jnp.isinf(high)
    a, b = (jnp.where(infinite, jnp.zeros_like(end), end) for end in (low, high))
    mixed = jnp.where(low == high, low, (1 - weight) * a + weight * b)
    inner = jnp.where(weight < 1, low + high, high)
    return jnp.where(infinite, jnp.where(weight > 0, inner, low), mixed)
