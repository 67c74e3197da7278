"""Random windows of a series."""

import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Int, Key, Shaped, UInt32

from nitrix._arguments import exact_array, whole_number


def sample_windows(
    tensor: Shaped[ArrayLike, "..."],
    *,
    window_size: int,
    num_windows: int = 1,
    allow_overlap: bool = False,
    create_new_axis: bool = False,
    windowing_axis: int = -1,
    multiplying_axis: int = 0,
    key: Key[Array, ""] | UInt32[Array, " 2"],
) -> Shaped[Array, "..."]:
    """Cut random windows of one length out of an array.

    Every placement of the windows that is allowed is equally probable. Differentiable in `tensor`; under `jit`, and
    under `vmap` over keys, with only sizes and axes known before tracing.

    Args:
      tensor: The array, of numbers of any dtype, which it keeps.
      window_size: Samples in a window.
      num_windows: How many windows.
      allow_overlap: False: no two windows share a sample, and they come in the order of time. True: they may overlap,
        but no two start at the same sample, and they come in random order.
      create_new_axis: Whether the windows are stacked along a new axis, or joined along one that there is.
      windowing_axis: The axis that windows are cut from; negative values count from the end.
      multiplying_axis: The axis of the result where the windows stand: of a new axis its place in the result (-1: the
        last one), else the axis along which they are joined.
      key: Source of randomness: a key of `jax.random`.
    Returns:
      The windows: with a new axis, `num_windows` along it and `window_size` along the axis of windows; else
      `num_windows` times as long along `multiplying_axis`.
    Raises:
      TypeError: If a size or an axis is no integer, or `tensor` holds no numbers.
      ValueError: If the windows do not fit, a size is below 1, an axis is out of range, or wide integers do not
        fit the precision that is switched on.

    Note:
      Without overlap, t_0 < ... < t_(k-1) are drawn from the integers below L - k w + k without replacement, and
      window i starts at t_i + i (w - 1): one placement for each such choice.

    References:
      Vitter, Faster methods for random sampling, Commun. ACM 27(7), 1984. doi:10.1145/358105.893

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from nitrix.signal import sample_windows
      >>> key = jax.random.key(0)
      >>> sample_windows(jnp.arange(6.0), window_size=3, num_windows=2, create_new_axis=True, key=key).tolist()
      [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    """
    array = exact_array(tensor, "sample_windows", "tensor")
    size = whole_number("window_size", window_size, "sample_windows", least=1)
    count = whole_number("num_windows", num_windows, "sample_windows", least=1)
    axis = _axis("windowing_axis", windowing_axis, array.ndim, array.shape)
    place = _axis("multiplying_axis", multiplying_axis, array.ndim + create_new_axis, array.shape)
    length = array.shape[axis]
    places = length - size + 1 if allow_overlap else length - count * (size - 1)
    if places < count:
        needed = size + count - 1 if allow_overlap else size * count
        raise ValueError(
            f"sample_windows: {count} windows of {size} samples need {needed} along axis {axis}, which has {length}"
            f"{'' if allow_overlap else '; allow_overlap=True takes windows that share samples'}."
        )
    return _windows(
        array,
        key,
        size=size,
        count=count,
        overlap=allow_overlap,
        stack=create_new_axis,
        axis=axis,
        place=place,
    )


def _axis(name: str, value: int, ndim: int, shape: tuple[int, ...]) -> int:
    axis = operator.index(value)
    if not -ndim <= axis < ndim:
        raise ValueError(f"sample_windows: {name}={axis} is out of range for a tensor of shape {shape}.")
    return axis % ndim


@functools.partial(jax.jit, static_argnames=("size", "count", "overlap", "stack", "axis", "place"))
def _windows(
    array: Shaped[Array, "..."],
    key: Key[Array, ""] | UInt32[Array, " 2"],
    *,
    size: int,
    count: int,
    overlap: bool,
    stack: bool,
    axis: int,
    place: int,
) -> Shaped[Array, "..."]:
    starts = _starts(key, array.shape[axis], size, count, overlap)
    windows = jax.vmap(lambda start: lax.dynamic_slice_in_dim(array, start, size, axis))(starts)
    windows = jnp.moveaxis(windows, 0, place)
    if stack:
        return windows
    shape = list(array.shape)
    shape[axis] = size
    shape[place] *= count
    return windows.reshape(shape)


def _starts(
    key: Key[Array, ""] | UInt32[Array, " 2"], length: int, size: int, count: int, overlap: bool
) -> Int[Array, " count"]:
    if overlap:
        return jax.random.choice(key, length - size + 1, (count,), replace=False)
    drawn = jax.random.choice(key, length - count * (size - 1), (count,), replace=False)
    return jnp.sort(drawn) + (size - 1) * np.arange(count, dtype=drawn.dtype)
