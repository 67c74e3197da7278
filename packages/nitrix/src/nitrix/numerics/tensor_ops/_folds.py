"""One axis as two, and neighbouring axes as one."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Shaped

from nitrix._arguments import exact_array, whole_number
from nitrix.numerics.tensor_ops._axes import axes_of, standard_axis_number_strict


def fold_axis(tensor: Shaped[ArrayLike, "..."], axis: int, n_folds: int) -> Shaped[Array, "..."]:
    """Split an axis of length L into two, (L / n_folds, n_folds).

    Args:
      tensor: The array.
      axis: The axis.
      n_folds: Length of the second of the two, which must divide L.
    Returns:
      The array with one axis more.
    Raises:
      ValueError: If there is no such axis, or n_folds is not positive or does not divide its length.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import fold_axis
      >>> fold_axis(jnp.arange(6), 0, 2)
      Array([[0, 1],
             [2, 3],
             [4, 5]], dtype=int32)
    """
    array = exact_array(tensor, "fold_axis", "tensor")
    axis = standard_axis_number_strict(axis, array.ndim)
    folds = whole_number("n_folds", n_folds, "fold_axis", least=1)
    length = array.shape[axis]
    if length % folds:
        raise ValueError(f"fold_axis: n_folds={folds} does not divide the {length} entries of axis {axis}.")
    return array.reshape(*array.shape[:axis], length // folds, folds, *array.shape[axis + 1 :])


def unfold_axes(tensor: Shaped[ArrayLike, "..."], axes: int | Sequence[int]) -> Shaped[Array, "..."]:
    """Merge neighbouring axes into one; the inverse of `fold_axis`.

    Args:
      tensor: The array.
      axes: The axes, in ascending order without a gap. One alone changes nothing.
    Returns:
      The array, the merged axis in place of the first one.
    Raises:
      ValueError: If there is no such axis, or the axes are none or no neighbours.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import unfold_axes
      >>> unfold_axes(jnp.ones((2, 3, 4)), (-2, -1)).shape
      (2, 12)
    """
    array = exact_array(tensor, "unfold_axes", "tensor")
    merged = axes_of(axes, array.ndim)
    if not merged or merged != tuple(range(merged[0], merged[0] + len(merged))):
        raise ValueError(
            f"unfold_axes: axes={axes} of shape {array.shape} must be neighbours in ascending order."
        )
    first, last = merged[0], merged[-1]
    length = 1
    for axis in merged:
        length *= array.shape[axis]
    return array.reshape(*array.shape[:first], length, *array.shape[last + 1 :])


def fold_and_promote(tensor: Shaped[ArrayLike, "..."], axis: int, n_folds: int) -> Shaped[Array, "..."]:
    """Split an axis of length L into two as `fold_axis` does, and put the one of length n_folds first.

    Args:
      tensor: The array.
      axis: The axis.
      n_folds: Length of the new first axis, which must divide L.
    Returns:
      The array with one axis more.
    Raises:
      ValueError: As `fold_axis`.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import fold_and_promote
      >>> fold_and_promote(jnp.ones((2, 6)), 1, 3).shape
      (3, 2, 2)
    """
    folded = fold_axis(tensor, axis, n_folds)
    return jnp.moveaxis(folded, standard_axis_number_strict(axis, folded.ndim - 1) + 1, 0)


def demote_and_unfold(
    tensor: Shaped[ArrayLike, "..."], target_address: int, axes: int | Sequence[int] | None = None
) -> Shaped[Array, "..."]:
    """Move the first axis to another place, and merge it with its neighbours there.

    `demote_and_unfold(fold_and_promote(x, axis, n), axis + 1)` is x, for an axis counted from the front.

    Args:
      tensor: The array.
      target_address: The place of the first axis after the move.
      axes: The axes that are then merged, neighbours in ascending order. None: the target and the axis before it; at
        target 0 none is merged.
    Returns:
      The array with fewer axes.
    Raises:
      ValueError: If there is no such place or axis, or the axes are no neighbours.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import demote_and_unfold
      >>> demote_and_unfold(jnp.ones((3, 2, 2)), 2).shape
      (2, 6)
    """
    array = exact_array(tensor, "demote_and_unfold", "tensor")
    target = standard_axis_number_strict(target_address, array.ndim)
    if axes is None:
        axes = (target - 1, target) if target else (target,)
    return unfold_axes(jnp.moveaxis(array, 0, target), axes)
