"""Pooling by the maximum, which keeps where each one stood, and its reverse."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Int, Integer, Shaped

from nitrix._arguments import known_numbers, per_axis, spatial_axes, whole_number
from nitrix.morphology._image import image_of
from nitrix.morphology._pools import Pools, pool, unpool


class PooledMaxima(NamedTuple):
    """The maximum of each window, and the voxel that has it."""

    pooled: Shaped[Array, "..."]  # of x's dtype
    indices: Int[Array, "..."]  # int32, in raster order within the spatial block of x


def max_pool_with_indices_nd(
    x: Shaped[ArrayLike, "..."],
    *,
    pool_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    spatial_rank: int,
) -> PooledMaxima:
    """Take the maximum of each window of a grid of windows, and where it is.

    As `torch.nn.functional.max_pool2d(..., return_indices=True)` and its kin, for any number of spatial axes.
    Differentiable: the derivative is that of the voxel whose index is returned, and goes back by it.

    Args:
      x: Integers, booleans or floats of 16 to 64 bits, `[... *spatial]`: batch and channels lead.
      pool_size: Voxels of a window along each spatial axis: one integer, or one for each.
      stride: Voxels from one window to the next. Default: pool_size, so that windows meet.
      padding: Voxels that windows reach beyond the borders, on both sides, where nothing is found; at most
        pool_size // 2.
      dilation: Voxels from one sample of a window to the next.
      spatial_rank: How many of the last axes are spatial.
    Returns:
      The maxima `[... *pooled]` in x's dtype, with floor((n + 2 padding - dilation (pool_size - 1) - 1) / stride) + 1
      windows along an axis of n voxels, and int32 indices of the same shape: the voxel's number in raster order among
      the spatial axes of `x`, without padding. Of equal maxima it is the first; a NaN is above every number, and of
      several the last is named, as torch does.
    Raises:
      TypeError: If `x` holds no numbers with an order, or an option is no integer.
      ValueError: If an option is out of range or not one for each spatial axis, no window fits, a window lies in the
        padding altogether, or a block of x has more than 2^31 - 1 voxels.

    Note:
      Differences from torch: `ceil_mode` is not served; indices are int32; integers and booleans are served in every
      form. Nothing beyond the results and a padded copy of `x` is kept, also for the derivative.

    References:
      Zeiler, Taylor and Fergus, Adaptive deconvolutional networks for mid and high level feature learning, ICCV 2011.
      doi:10.1109/ICCV.2011.6126474

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.morphology import max_pool_with_indices_nd, max_unpool_nd
      >>> x = jnp.asarray([[1, 5, 2, 0], [3, 4, 8, 8]])
      >>> pooled, indices = max_pool_with_indices_nd(x, pool_size=2, spatial_rank=2)
      >>> pooled.tolist(), indices.tolist()
      ([[5, 8]], [[1, 6]])
      >>> max_unpool_nd(pooled, indices, output_shape=x.shape, spatial_rank=2).tolist()
      [[0, 5, 0, 0], [0, 0, 8, 0]]
    """
    name = "max_pool_with_indices_nd"
    image = image_of(x, name)
    axes = spatial_axes(image.ndim, spatial_rank, name)
    rank = len(axes)
    sizes = _numbers("pool_size", pool_size, rank, 1, name)
    strides = sizes if stride is None else _numbers("stride", stride, rank, 1, name)
    paddings = _numbers("padding", padding, rank, 0, name)
    dilations = _numbers("dilation", dilation, rank, 1, name)
    shape = image.shape[axes.start :]
    for axis, (n, k, p) in enumerate(zip(shape, sizes, paddings, strict=True)):
        if p > k // 2:
            raise ValueError(
                f"{name}: padding={p} is more than half of pool_size={k} on spatial axis {axis}; give {k // 2} at most."
            )
        if n + 2 * p <= dilations[axis] * (k - 1):
            raise ValueError(
                f"{name}: no window fits on spatial axis {axis}: it has {n} voxels and a padding of {p} on both sides, "
                f"but a window spans {dilations[axis] * (k - 1) + 1}."
            )
    if math.prod(shape) >= 2**31:
        raise ValueError(f"{name}: the spatial block {shape} has more voxels than an int32 index can number.")
    pools = Pools(shape, sizes, strides, paddings, dilations)
    if any((first >= n).any() for first, n in zip(pools.first_inside, shape, strict=True)):
        raise ValueError(
            f"{name}: a window lies in the padding altogether, with pool_size={sizes}, padding={paddings} and "
            f"dilation={dilations} on {shape}; give less padding or dilation."
        )
    return PooledMaxima(*pool(image, pools=pools))


def max_unpool_nd(
    x: Shaped[ArrayLike, "..."],
    indices: Integer[ArrayLike, "..."],
    *,
    output_shape: Sequence[int],
    spatial_rank: int,
) -> Shaped[Array, "..."]:
    """Put pooled values back to where they came from, with zeros elsewhere.

    The reverse of `max_pool_with_indices_nd`, as `torch.nn.functional.max_unpool2d` and its kin. Linear in `x` and
    differentiable in it.

    Args:
      x: Values `[... *pooled]`.
      indices: Where each one goes, of x's shape: the voxel's number in raster order among `output_shape`.
      output_shape: The spatial axes of the result, such as those of the image that was pooled.
      spatial_rank: How many of the last axes are spatial.
    Returns:
      `[... *output_shape]` in x's dtype. Of several values with one index, which windows that overlap give, the last
      one in raster order stays, and the derivative is its.
    Raises:
      TypeError: If `x` is no array of numbers or an index is no integer.
      ValueError: If indices have another shape than `x` or are out of range, or `output_shape` does not name each
        spatial axis. Under `jit`, where indices are not known, an image of floats with an index that is out of range
        is NaN throughout; of integers, such values are left out.

    References:
      Zeiler, Taylor and Fergus, Adaptive deconvolutional networks for mid and high level feature learning, ICCV 2011.
      doi:10.1109/ICCV.2011.6126474

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.morphology import max_unpool_nd
      >>> max_unpool_nd(jnp.asarray([7.0, 9.0]), jnp.asarray([1, 2]), output_shape=(4,), spatial_rank=1).tolist()
      [0.0, 7.0, 9.0, 0.0]
    """
    name = "max_unpool_nd"
    values = image_of(x, name)
    axes = spatial_axes(values.ndim, spatial_rank, name)
    shape = tuple(whole_number("output_shape", n, name) for n in output_shape)
    if len(shape) != len(axes):
        raise ValueError(f"{name}: output_shape={shape} does not name each of the {len(axes)} spatial axes.")
    if not jnp.issubdtype(jnp.result_type(indices), jnp.integer):
        raise TypeError(f"{name}: indices are of dtype {jnp.result_type(indices)}; give integers.")
    if np.shape(indices) != values.shape:
        raise ValueError(
            f"{name}: indices have shape {np.shape(indices)} but x {values.shape}; give one for each value."
        )
    size = math.prod(shape)
    if size >= 2**31:
        raise ValueError(f"{name}: output_shape={shape} has more voxels than an int32 index can number.")
    known = known_numbers(indices)
    if known is not None and known.size and (known.min() < 0 or known.max() >= size):
        raise ValueError(
            f"{name}: indices range from {known.min()} to {known.max()}, but output_shape={shape} has voxels 0 to "
            f"{size - 1}; give the shape of the image that was pooled."
        )
    to = jnp.asarray(indices)
    return unpool(values, to, shape=shape, checked=known is not None)


def _numbers(name: str, value: Any, rank: int, least: int, function: str) -> tuple[int, ...]:
    """One integer for each spatial axis."""
    return tuple(whole_number(name, n, function, least=least) for n in per_axis(name, value, rank, function))
