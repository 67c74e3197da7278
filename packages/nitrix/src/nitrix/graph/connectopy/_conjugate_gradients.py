"""Linear systems of one definite operator per column, by conjugate gradients."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

STEPS = 5000


class _State(NamedTuple):
    x: Array
    residual: Array
    direction: Array
    squared: Array  # [k] norms of the residuals
    steps: Array


def solve_columns(operator: Callable[[Array], Array], right: Array) -> Array:
    """x [n k] with operator(x) = right, to rounding; the operator acts on each column for itself."""
    least = (10 * float(np.finfo(right.dtype).eps)) ** 2 * _squared(right)

    def unfinished(state: _State) -> Array:
        return (state.squared > least).any() & (state.steps < STEPS)

    def step(state: _State) -> _State:
        image = operator(state.direction)
        curvature = jnp.sum(state.direction * image, axis=0)
        # A column that is done stays as it is.
        going = (state.squared > least) & (curvature > 0)
        length = jnp.where(going, state.squared / jnp.where(going, curvature, 1), 0)
        residual = state.residual - length * image
        squared = jnp.where(going, _squared(residual), jnp.where(state.squared > least, 0, state.squared))
        turn = jnp.where(going, squared / jnp.where(state.squared > 0, state.squared, 1), 0)
        direction = residual + turn * state.direction
        return _State(state.x + length * state.direction, residual, direction, squared, state.steps + 1)

    zero = jnp.zeros((), jnp.int32)
    return lax.while_loop(
        unfinished, step, _State(jnp.zeros_like(right), right, right, _squared(right), zero)
    ).x


def _squared(x: Array) -> Array:
    return jnp.sum(x * x, axis=0)
