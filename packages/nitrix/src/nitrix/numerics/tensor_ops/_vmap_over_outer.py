"""A function of small arrays mapped over all leading axes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from nitrix._arguments import exact_array, whole_number


def vmap_over_outer(f: Callable[..., Any], f_dim: int, align_outer: bool = False) -> Callable[..., Any]:
    """Map a function of arrays with `f_dim` axes over all axes before those, which broadcast.

    An axis that one array lacks, or has with length 1, is not copied: the function is mapped over the others only.

    Args:
      f: The function of one array or several, which returns any structure of arrays.
      f_dim: How many of the last axes of each array it takes.
      align_outer: How the leading axes of arrays of different rank are matched: False begins with the last of them, as
        NumPy broadcasts; True with the first.
    Returns:
      The function of arrays with leading axes. It raises ValueError where an array has fewer than `f_dim` axes, where
      leading axes do not broadcast, or without an array.
    Raises:
      ValueError: If f_dim is negative.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import vmap_over_outer
      >>> dot = vmap_over_outer(jnp.dot, 1)
      >>> dot(jnp.ones((4, 1, 3)), jnp.ones((5, 3))).shape
      (4, 5)
    """
    inner = whole_number("f_dim", f_dim, "vmap_over_outer")

    def mapped(*arrays: Any) -> Any:
        given = [exact_array(array, "vmap_over_outer", f"argument {i}") for i, array in enumerate(arrays)]
        if not given:
            raise ValueError("vmap_over_outer: give one array, or several.")
        if any(array.ndim < inner for array in given):
            shapes = [array.shape for array in given]
            raise ValueError(
                f"vmap_over_outer: arguments of shapes {shapes} need {inner} axes each, for f_dim."
            )
        rank = max(array.ndim for array in given) - inner
        given = [_with_rank(array, rank, inner, align_outer) for array in given]
        try:
            common = jnp.broadcast_shapes(*(array.shape[:rank] for array in given))
        except ValueError:
            outer = [array.shape[:rank] for array in given]
            raise ValueError(f"vmap_over_outer: leading axes {outer} do not broadcast.") from None
        function = f
        for axis in reversed(range(rank)):
            function = jax.vmap(function, [0 if x.shape[axis] == common[axis] else None for x in given])
        unused = [[i for i in range(rank) if x.shape[i] != common[i]] for x in given]
        return function(*(x.squeeze(axes) for x, axes in zip(given, unused, strict=True)))

    return mapped


def _with_rank(array: Shaped[Array, "..."], rank: int, inner: int, align_outer: bool) -> Shaped[Array, "..."]:
    """The array with `rank` leading axes, new ones before or behind its own."""
    outer, last = array.shape[: array.ndim - inner], array.shape[array.ndim - inner :]
    new = (1,) * (rank - len(outer))
    return array.reshape(*((*outer, *new) if align_outer else (*new, *outer)), *last)
