"""Keeps XLA from fusing across a seam where fusion costs time."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array, lax

T = TypeVar("T")


def apart(function: Callable[..., T], index: Array, *operands: Any) -> T:
    """function(*operands) as a branch that is always taken, `index` being an array of nonnegative integers.

    XLA fuses a gather with the operands' origin and the result's use: it then makes each gathered entry again, or sums
    the result one by one. A branch keeps it from both.
    """
    nothing = jax.eval_shape(function, *operands)
    otherwise = lambda *_: jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), nothing)  # noqa: E731
    return lax.cond(index.reshape(-1)[0] >= 0, function, otherwise, *operands)
