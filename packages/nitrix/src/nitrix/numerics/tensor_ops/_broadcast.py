"""Shapes made to fit: all axes but some, axes laid along a reference, lengths filled up."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Num, Shaped

from nitrix._arguments import common_dtype, exact_array, whole_number
from nitrix.numerics.tensor_ops._axes import axes_of, promote_to_rank


def broadcast_ignoring(
    x: Shaped[ArrayLike, "..."], y: Shaped[ArrayLike, "..."], axis: int | Sequence[int]
) -> tuple[Shaped[Array, "..."], Shaped[Array, "..."]]:
    """Broadcast two arrays against each other along all axes but some, as for a concatenation along those.

    Args:
      x: One array.
      y: The other one. The one of lower rank gets axes of length 1 in front.
      axis: The axes that keep their lengths, counted with those of the higher rank.
    Returns:
      Both arrays.
    Raises:
      ValueError: If an axis is out of range or named twice, or other axes do not broadcast.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import broadcast_ignoring
      >>> x, y = broadcast_ignoring(jnp.ones((4, 1, 2)), jnp.ones((3, 5)), -1)
      >>> x.shape, y.shape
      ((4, 3, 2), (4, 3, 5))
    """
    a, b = exact_array(x, "broadcast_ignoring", "x"), exact_array(y, "broadcast_ignoring", "y")
    rank = max(a.ndim, b.ndim)
    a, b = promote_to_rank(a, rank), promote_to_rank(b, rank)
    kept = axes_of(axis, rank)
    lengths = [(1, 1) if i in kept else (a.shape[i], b.shape[i]) for i in range(rank)]
    if any(left != right and 1 not in (left, right) for left, right in lengths):
        raise ValueError(
            f"broadcast_ignoring: x {a.shape} and y {b.shape} do not broadcast beside axis {axis}."
        )
    common = [right if left == 1 else left for left, right in lengths]

    def spread(array: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
        return jnp.broadcast_to(array, [array.shape[i] if i in kept else common[i] for i in range(rank)])

    return spread(a), spread(b)


def orient_and_conform(
    input: Shaped[ArrayLike, "..."],
    axis: int | Sequence[int],
    reference: Shaped[ArrayLike, "..."] | None = None,
    dim: int | None = None,
) -> Shaped[Array, "..."]:
    """Lay the axes of an array along those of another one, with axes of length 1 for the rest.

    Args:
      input: The array.
      axis: For each of its axes, in order, the axis of the result.
      reference: The array whose number of axes the result gets.
      dim: That number itself. Give either this or `reference`.
    Returns:
      The array, ready to broadcast against the reference.
    Raises:
      ValueError: If both or none of reference and dim are given, the number of axes is not that of the input, or an
        axis is out of range or named twice.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import orient_and_conform
      >>> orient_and_conform(jnp.ones((2, 3)), (2, 0), dim=4).shape
      (3, 1, 2, 1)
    """
    array = exact_array(input, "orient_and_conform", "input")
    if (reference is None) == (dim is None):
        given = "none" if dim is None else "both"
        raise ValueError(f"orient_and_conform: give either reference or dim; {given} of them was given.")
    rank = whole_number("dim", jnp.ndim(reference) if reference is not None else dim, "orient_and_conform")
    axes = axes_of(axis, rank)
    if len(axes) != array.ndim:
        raise ValueError(
            f"orient_and_conform: axis={axis} must name one axis for each of input, {array.shape}."
        )
    ordered = jnp.transpose(array, sorted(range(array.ndim), key=lambda i: axes[i]))
    lengths = dict(zip(axes, array.shape, strict=True))
    return ordered.reshape([lengths.get(i, 1) for i in range(rank)])


def extend_to_size(
    tensor: Shaped[ArrayLike, "..."], shape: Sequence[int], fill: Num[ArrayLike, ""] = math.nan
) -> Shaped[Array, "..."]:
    """Fill an array up to a shape, behind the last entry of each axis.

    Args:
      tensor: The array.
      shape: Length of each axis, none below the array's.
      fill: What is put there.
    Returns:
      The array, in the dtype that holds `fill` as well: integers with the default fill become floats.
    Raises:
      ValueError: If the shape has another number of axes, or a shorter one.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import extend_to_size
      >>> extend_to_size(jnp.asarray([1, 2]), (4,), fill=0)
      Array([1, 2, 0, 0], dtype=int32)
    """
    array = exact_array(tensor, "extend_to_size", "tensor")
    sizes = tuple(whole_number("shape", size, "extend_to_size") for size in shape)
    if len(sizes) != array.ndim or any(
        size < length for size, length in zip(sizes, array.shape, strict=True)
    ):
        raise ValueError(
            f"extend_to_size: shape={sizes} must have a length for each axis of tensor, {array.shape}, none below."
        )
    number = exact_array(fill, "extend_to_size", "fill")
    dtype = common_dtype(array, number if hasattr(fill, "dtype") else fill)
    widths = [(0, size - length) for size, length in zip(sizes, array.shape, strict=True)]
    return jnp.pad(array.astype(dtype), widths, constant_values=number.astype(dtype))


def extend_to_max_size(
    tensors: Sequence[Shaped[ArrayLike, "..."]], fill: Num[ArrayLike, ""] = math.nan
) -> tuple[Shaped[Array, "..."], ...]:
    """Fill arrays up to the largest length of each axis among them.

    Args:
      tensors: Arrays of one rank.
      fill: What is put behind the last entries.
    Returns:
      The arrays, all of one shape, each in its dtype or the one that holds `fill` as well.
    Raises:
      ValueError: If the arrays differ in rank.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import extend_to_max_size
      >>> [x.tolist() for x in extend_to_max_size([jnp.asarray([1, 2]), jnp.asarray([3])], fill=0)]
      [[1, 2], [3, 0]]
    """
    arrays = [exact_array(tensor, "extend_to_max_size", "tensors") for tensor in tensors]
    if len({array.ndim for array in arrays}) > 1:
        shapes = [array.shape for array in arrays]
        raise ValueError(f"extend_to_max_size: tensors of shapes {shapes} differ in their number of axes.")
    largest = tuple(max(lengths) for lengths in zip(*(array.shape for array in arrays), strict=True))
    return tuple(extend_to_size(array, largest, fill) for array in arrays)
