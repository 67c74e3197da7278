"""Masks along some of an array's axes: spread over it, filled under, extracted by."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Num, Shaped

from nitrix._arguments import common_dtype, exact_array, known_numbers
from nitrix.numerics.tensor_ops._axes import axes_of, standard_axis_number_strict


def apply_mask(
    tensor: Shaped[ArrayLike, "..."], msk: Bool[ArrayLike, " size"], axis: int
) -> Shaped[Array, "..."]:
    """Keep the entries of one axis at which a mask is True.

    How many there are is a shape, so the mask has to be known before tracing; the array may be traced.

    Args:
      tensor: The array.
      msk: True at what is kept, one for each entry of the axis.
      axis: The axis.
    Returns:
      The array, its axis as long as the mask has True.
    Raises:
      ValueError: If there is no such axis, the mask has another length, or it is traced.
      TypeError: If the mask is not boolean.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import apply_mask
      >>> apply_mask(jnp.asarray([[1, 2, 3]]), jnp.asarray([True, False, True]), 1)
      Array([[1, 3]], dtype=int32)
    """
    array = exact_array(tensor, "apply_mask", "tensor")
    axis = standard_axis_number_strict(axis, array.ndim)
    mask = _known_mask(msk, "apply_mask", "msk")
    if mask.shape != array.shape[axis : axis + 1]:
        raise ValueError(
            f"apply_mask: msk has shape {mask.shape}, but axis {axis} has {array.shape[axis]} entries."
        )
    return jnp.take(array, np.flatnonzero(mask).astype(np.int32), axis=axis)


def conform_mask(
    tensor: Shaped[ArrayLike, "..."], mask: Bool[ArrayLike, "..."], axis: int | Sequence[int]
) -> Bool[Array, "..."]:
    """Spread a mask over an array of which it covers some axes.

    Args:
      tensor: The array, of which the shape is read.
      mask: One axis for each that is named, of the same lengths.
      axis: The axes of the array that the mask's axes stand for, in the order of the mask's.
    Returns:
      The mask, of the shape of the array.
    Raises:
      ValueError: If an axis is out of range or named twice, or the mask has other lengths.
      TypeError: If the mask is not boolean.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import conform_mask
      >>> conform_mask(jnp.ones((2, 3)), jnp.asarray([True, False]), 0)
      Array([[ True,  True,  True],
             [False, False, False]], dtype=bool)
    """
    array = exact_array(tensor, "conform_mask", "tensor")
    return _conformed(array.shape, _mask(mask, "conform_mask", "mask"), axis, "conform_mask")


def mask_tensor(
    tensor: Shaped[ArrayLike, "..."],
    mask: Bool[ArrayLike, "..."],
    axis: int | Sequence[int],
    fill_value: Num[ArrayLike, "..."] = 0,
) -> Shaped[Array, "..."]:
    """Replace what a mask leaves out: `where(mask, tensor, fill_value)`, the mask covering some axes.

    What is replaced is not read: NaN there is harmless, in the gradient too.

    Args:
      tensor: The array.
      mask: True at what is kept; one axis for each that is named.
      axis: The axes of the array that the mask's axes stand for, in the order of the mask's.
      fill_value: What is put elsewhere; it broadcasts against the array.
    Returns:
      The array, in its dtype, or in the one that holds `fill_value` as well where that is of a higher kind.
    Raises:
      ValueError: As `conform_mask`; if fill_value does not broadcast to the shape of the array.
      TypeError: If the mask is not boolean.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import mask_tensor
      >>> mask_tensor(jnp.asarray([[1, 2], [3, 4]]), jnp.asarray([False, True]), 1)
      Array([[0, 2],
             [0, 4]], dtype=int32)
    """
    array = exact_array(tensor, "mask_tensor", "tensor")
    fill = exact_array(fill_value, "mask_tensor", "fill_value")
    kept = _conformed(array.shape, _mask(mask, "mask_tensor", "mask"), axis, "mask_tensor")
    if fill.ndim > array.ndim or any(
        a not in (1, b) for a, b in zip(fill.shape[::-1], array.shape[::-1], strict=False)
    ):
        raise ValueError(
            f"mask_tensor: fill_value of shape {fill.shape} does not broadcast to that of the array, {array.shape}."
        )
    dtype = common_dtype(array, fill if hasattr(fill_value, "dtype") else fill_value)
    return jnp.where(kept, array.astype(dtype), fill.astype(dtype))


def masker(
    mask: Bool[ArrayLike, "..."], axis: int | Sequence[int], output_axis: int | None = None
) -> Callable[[Shaped[Array, "..."]], Shaped[Array, "..."]]:
    """A function that extracts what a mask keeps, as one axis; it works under `jit`.

    Where the mask is True is worked out once, on the host.

    Args:
      mask: True at what is kept; one axis for each that is named. Known before tracing.
      axis: The axes that the mask's axes stand for, in the order of the mask's.
      output_axis: The place of the extracted entries, in C order of the mask, among the axes of the result. None: the
        place of the first of the axes.
    Returns:
      The function of an array; it raises ValueError where the array does not fit the mask.
    Raises:
      ValueError: If the mask is traced, or has another number of axes than are named.
      TypeError: If the mask is not boolean.
    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import masker
      >>> inside = masker(jnp.asarray([[True, False], [True, True]]), (0, 1))
      >>> jax.jit(inside)(jnp.asarray([[[1, 5], [2, 6]], [[3, 7], [4, 8]]]))
      Array([[1, 5],
             [3, 7],
             [4, 8]], dtype=int32)
    """
    known = _known_mask(mask, "masker", "mask")
    named = tuple(axis) if isinstance(axis, Sequence) else (axis,)
    if known.ndim != len(named):
        raise ValueError(f"masker: mask has shape {known.shape}, but the axes {named} are {len(named)}.")
    coordinates = tuple(place.astype(np.int32) for place in np.nonzero(known))

    def extract(tensor: Any) -> Shaped[Array, "..."]:
        array = exact_array(tensor, "masker", "tensor")
        axes = axes_of(named, array.ndim)
        _check_lengths(array.shape, known.shape, axes, "masker")
        rest = array.ndim - len(axes) + 1
        place = min(axes) if output_axis is None else standard_axis_number_strict(output_axis, rest)
        return jnp.moveaxis(jnp.moveaxis(array, axes, range(len(axes)))[coordinates], 0, place)

    return extract


def _conformed(
    shape: tuple[int, ...], mask: Array, axis: int | Sequence[int], function: str
) -> Bool[Array, "..."]:
    """The mask, its axes in the array's order and others of length 1 between them, spread."""
    axes = axes_of(axis, len(shape))
    if mask.ndim != len(axes):
        raise ValueError(f"{function}: mask has shape {mask.shape}, but the axes {axis} are {len(axes)}.")
    _check_lengths(shape, mask.shape, axes, function)
    ordered = jnp.transpose(mask, sorted(range(len(axes)), key=lambda i: axes[i]))
    lengths = [length if number in axes else 1 for number, length in enumerate(shape)]
    return jnp.broadcast_to(ordered.reshape(lengths), shape)


def _check_lengths(
    shape: tuple[int, ...], mask: tuple[int, ...], axes: tuple[int, ...], function: str
) -> None:
    wanted = tuple(shape[axis] for axis in axes)
    if mask != wanted:
        raise ValueError(
            f"{function}: mask has shape {mask}, but axes {axes} of the array {shape} are {wanted}."
        )


def _mask(mask: Any, function: str, name: str) -> Bool[Array, "..."]:
    array = jnp.asarray(mask)
    if array.dtype != bool:
        raise TypeError(
            f"{function}: {name} has dtype {array.dtype}; give truth values, such as {name} != 0."
        )
    return array


def _known_mask(mask: Any, function: str, name: str) -> Any:
    """The mask as a NumPy array."""
    known = known_numbers(mask if isinstance(mask, jax.Array) else np.asarray(mask))
    if known is None:
        raise ValueError(
            f"{function}: {name} is traced, but the number of its True entries is a shape: close over a mask that is "
            f"known, or replace entries by mask_tensor instead."
        )
    if known.dtype != bool:
        raise TypeError(
            f"{function}: {name} has dtype {known.dtype}; give truth values, such as {name} != 0."
        )
    return known
