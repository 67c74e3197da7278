"""What is needed of the vertices that points touch: a number for each, and the numbers of its neighbours."""

from functools import reduce
from operator import add
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array


class Vertices(NamedTuple):
    """The vertices that points touch: the numbers of every point's vertices, and of every vertex's neighbours.

    There are `capacity` numbers for vertices, of which the first ones are in use. `capacity` itself stands for a
    vertex that no point touches.
    """

    slots: Array  # [d + 1, n], by remainder
    after: Array  # [d + 1, capacity + 1]
    before: Array  # [d + 1, capacity + 1]


def step(q: list[Array], remainder: Array, direction: Array | int) -> tuple[list[Array], Array]:
    """The neighbours along a direction: 1 more in every coordinate, in units of 1 / (d + 1), but d less in one."""
    d = len(q)
    wraps = remainder == d
    up = wraps.astype(q[0].dtype)
    moved = [x + up - jnp.asarray(direction == i + 1, x.dtype) for i, x in enumerate(q)]
    return moved, jnp.where(wraps, 0, remainder + 1)


def opposite(after: Array) -> Array:
    """The neighbours on the other side: v is before w where w is after v."""
    capacity = after.shape[0] - 1
    numbers = jnp.arange(capacity + 1, dtype=after.dtype)
    before = jnp.full_like(after, capacity).at[after].set(numbers, mode="promise_in_bounds")
    return before.at[capacity].set(capacity)


def mixed_radix(digits: list[Array], lowest: Array, stride: Array) -> Array:
    """One integer for each vector of integers that are held as floats."""
    terms = [(x.astype(np.int32) - lowest[i]) * stride[i] for i, x in enumerate(digits)]
    return reduce(add, terms)
