"""Chamfer distances: in steps of a structuring element, from the background outwards until nothing changes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float
from numpy.typing import NDArray

Moves = tuple[tuple[tuple[int, ...], float], ...]  # offsets and their costs


def moves_of(element: Any, rank: int, function: str) -> Moves:
    """The steps that an element allows, with their cost: 1 where it is boolean, else its numbers."""
    if isinstance(element, jax.core.Tracer):
        raise TypeError(
            f"{function}: structuring_element is traced; give one that is known before tracing, such as a NumPy "
            f"array. There is no derivative with respect to it."
        )
    array: NDArray[Any] = np.asarray(element)
    if (array.dtype != np.bool_ and not np.issubdtype(array.dtype, np.number)) or np.iscomplexobj(array):
        raise TypeError(
            f"{function}: structuring_element has dtype {array.dtype}; give booleans or real numbers."
        )
    if array.ndim != rank:
        raise ValueError(
            f"{function}: structuring_element has shape {array.shape} but {rank} axes are spatial; give as many axes."
        )
    if array.dtype == np.bool_:
        cost = np.where(array, 1.0, np.inf)
    else:
        cost = array.astype(np.float64)
        if not (cost >= 0).all():
            raise ValueError(
                f"{function}: structuring_element holds {cost[~(cost >= 0)][0]}, but the cost of a step is not "
                f"negative; leave steps out by inf, or give a boolean array for steps of cost 1."
            )
    centre = np.array(array.shape) // 2
    places = np.argwhere(np.isfinite(cost))
    return tuple(
        (tuple(int(p) for p in place - centre), float(cost[tuple(place)]))
        for place in places
        if (place != centre).any()
    )


def chamfer(foreground: Bool[Array, "*spatial"], moves: Moves, dtype: Any) -> Float[Array, "*spatial"]:
    """The cheapest way from the background, inside of the image; infinite where there is none."""
    infinity = np.asarray(np.inf, dtype)
    reach = [max((abs(offset[axis]) for offset, _ in moves), default=0) for axis in range(foreground.ndim)]

    def relax(d: Array) -> Array:
        around = jnp.pad(d, [(r, r) for r in reach], constant_values=infinity)
        for offset, cost in moves:
            starts = [r - o for r, o in zip(reach, offset, strict=True)]
            there = lax.slice(around, starts, [s + n for s, n in zip(starts, d.shape, strict=True)])
            value = there + np.asarray(cost, dtype)
            d = jnp.where(value < d, value, d)
        return d

    def body(state: tuple[Array, Array]) -> tuple[Array, Array]:
        d = relax(state[0])
        return d, (d < state[0]).any()

    start = jnp.where(foreground, infinity, np.zeros((), dtype))
    return lax.while_loop(lambda state: state[1], body, (start, jnp.asarray(True)))[0]
