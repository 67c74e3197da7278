"""Numbers of axes, and axes of length 1 put in front."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Shaped

from nitrix._arguments import exact_array, whole_number


def standard_axis_number(axis: int, ndim: int) -> int | None:
    """The number of an axis from 0, counted from the front.

    Args:
      axis: The axis, also counted from the end as -1, -2, ...
      ndim: How many axes there are.
    Returns:
      A number from 0 to ndim - 1, or None where there is no such axis.
    Raises:
      TypeError: If one of the two is no integer.
    Example:
      >>> from nitrix.numerics.tensor_ops import standard_axis_number
      >>> standard_axis_number(-1, 3), standard_axis_number(3, 3)
      (2, None)
    """
    axis = operator.index(axis)
    return axis % ndim if -ndim <= axis < ndim else None


def negative_axis_number(axis: int, ndim: int) -> int | None:
    """The number of an axis counted from the end, from -1 down.

    Args:
      axis: The axis, counted from the front or from the end.
      ndim: How many axes there are.
    Returns:
      A number from -ndim to -1, or None where there is no such axis.
    Raises:
      TypeError: If one of the two is no integer.
    Example:
      >>> from nitrix.numerics.tensor_ops import negative_axis_number
      >>> negative_axis_number(0, 3), negative_axis_number(3, 3)
      (-3, None)
    """
    number = standard_axis_number(axis, ndim)
    return None if number is None else number - ndim


def standard_axis_number_strict(axis: int, ndim: int) -> int:
    """`standard_axis_number` of an axis that must exist.

    Args:
      axis: The axis, counted from the front or from the end.
      ndim: How many axes there are.
    Returns:
      A number from 0 to ndim - 1.
    Raises:
      TypeError: If one of the two is no integer.
      ValueError: If there is no such axis.
    Example:
      >>> from nitrix.numerics.tensor_ops import standard_axis_number_strict
      >>> standard_axis_number_strict(-2, 3)
      1
    """
    number = standard_axis_number(axis, ndim)
    if number is None:
        raise ValueError(f"axis {axis} is out of range: there are {ndim} axes, {-ndim} to {ndim - 1}.")
    return number


def negative_axis_number_strict(axis: int, ndim: int) -> int:
    """`negative_axis_number` of an axis that must exist.

    Args:
      axis: The axis, counted from the front or from the end.
      ndim: How many axes there are.
    Returns:
      A number from -ndim to -1.
    Raises:
      TypeError: If one of the two is no integer.
      ValueError: If there is no such axis.
    Example:
      >>> from nitrix.numerics.tensor_ops import negative_axis_number_strict
      >>> negative_axis_number_strict(2, 3)
      -1
    """
    return standard_axis_number_strict(axis, ndim) - ndim


def axis_complement(ndim: int, axis: int | Sequence[int]) -> tuple[int, ...]:
    """The axes that are not named, in ascending order.

    Args:
      ndim: How many axes there are.
      axis: One axis or several.
    Returns:
      Their numbers from the front.
    Raises:
      ValueError: If an axis is out of range or named twice.
    Example:
      >>> from nitrix.numerics.tensor_ops import axis_complement
      >>> axis_complement(4, (0, -1))
      (1, 2)
    """
    named = axes_of(axis, ndim)
    return tuple(number for number in range(ndim) if number not in named)


def promote_axis(ndim: int, axis: int | Sequence[int]) -> tuple[int, ...]:
    """The permutation that puts axes first, in the order named, and leaves the others in theirs.

    Args:
      ndim: How many axes there are.
      axis: One axis or several.
    Returns:
      For `jnp.transpose`.
    Raises:
      ValueError: If an axis is out of range or named twice.
    Example:
      >>> from nitrix.numerics.tensor_ops import promote_axis
      >>> promote_axis(4, (2, 1))
      (2, 1, 0, 3)
    """
    return (*axes_of(axis, ndim), *axis_complement(ndim, axis))


def demote_axis(ndim: int, axis: int | Sequence[int]) -> tuple[int, ...]:
    """The permutation that puts the first axes back to where `promote_axis` took them from: its inverse.

    Args:
      ndim: How many axes there are.
      axis: Where the first axes belong.
    Returns:
      For `jnp.transpose`.
    Raises:
      ValueError: If an axis is out of range or named twice.
    Example:
      >>> from nitrix.numerics.tensor_ops import demote_axis
      >>> demote_axis(4, (2, 1))
      (2, 1, 0, 3)
      >>> demote_axis(3, 2)
      (1, 2, 0)
    """
    return tuple(int(place) for place in np.argsort(promote_axis(ndim, axis)))


def promote_to_rank(tensor: Shaped[ArrayLike, "..."], rank: int) -> Shaped[Array, "..."]:
    """Put axes of length 1 in front until there are `rank` of them.

    Args:
      tensor: The array.
      rank: How many axes are wanted; an array that has more stays as it is.
    Returns:
      The array with its axes last.
    Raises:
      TypeError: If rank is no integer.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import promote_to_rank
      >>> promote_to_rank(jnp.ones(5), 3).shape
      (1, 1, 5)
    """
    array = exact_array(tensor, "promote_to_rank", "tensor")
    missing = max(whole_number("rank", rank, "promote_to_rank") - array.ndim, 0)
    return array.reshape((1,) * missing + array.shape)


def atleast_4d(*pparams: Any) -> Shaped[Array, "..."] | tuple[Shaped[Array, "..."], ...]:
    """Put axes of length 1 in front until there are four: of one array, or of each of several.

    Args:
      *pparams: The arrays.
    Returns:
      The array, or a tuple of all of them where several were given.
    Raises:
      TypeError: If there is none, or one holds no numbers.
    Note:
      As `jnp.atleast_3d`, but the new axes are all in front.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import atleast_4d
      >>> [array.shape for array in atleast_4d(jnp.ones(3), jnp.ones((2, 2)))]
      [(1, 1, 1, 3), (1, 1, 2, 2)]
    """
    if not pparams:
        raise TypeError("atleast_4d: give one array, or several.")
    promoted = tuple(promote_to_rank(array, 4) for array in pparams)
    return promoted if len(promoted) > 1 else promoted[0]


def axes_of(axis: int | Sequence[int], ndim: int) -> tuple[int, ...]:
    """Different axes, by their numbers from the front."""
    given = axis if isinstance(axis, Sequence) else (axis,)
    axes = tuple(standard_axis_number_strict(number, ndim) for number in given)
    if len(set(axes)) < len(axes):
        raise ValueError(f"axis {axis} names an axis twice, of {ndim} axes.")
    return axes
