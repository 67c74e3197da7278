"""Reads operands of real numbers: one working dtype, leading axes that broadcast."""

from typing import Any

import numpy as np
from jaxtyping import Array, Float

from nitrix._arguments import common_dtype, real_array


def read_together(function: str, **operands: Any) -> tuple[list[Float[Array, "..."]], np.dtype]:
    """The operands as floats of 32 bits or more, and the dtype of a result of them all."""
    arrays = [real_array(x, function, name) for name, x in operands.items()]
    given = np.dtype(common_dtype(*(x.dtype for x in arrays)))
    working = np.dtype(np.float32) if given.itemsize <= 2 else given
    return [x.astype(working) for x in arrays], given


def leading_shape(function: str, **leading: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that these leading axes, by operand, broadcast to."""
    try:
        return np.broadcast_shapes(*leading.values())
    except ValueError:
        given = ", ".join(f"{shape} of {name}" for name, shape in leading.items())
        raise ValueError(f"{function}: the leading axes {given} do not broadcast.") from None
