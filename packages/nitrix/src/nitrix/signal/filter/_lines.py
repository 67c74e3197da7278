"""The axis of time as lines of real numbers: what every filter here works on."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Inexact

from nitrix._arguments import floating, whole_number
from nitrix.backend import current_platform

BLOCK = 2**18  # entries of the lines that a CPU takes at a time, so that they stay in its cache


def series(x: Any, axis: Any, function: str, name: str = "X") -> tuple[Inexact[Array, "..."], int]:
    """`x` as an array of floats or complex numbers, and the axis of time counted from the end."""
    data = floating(x, function, name)
    place = whole_number("axis", axis, function, least=None)
    if not -data.ndim <= place < data.ndim:
        raise ValueError(
            f"{function}: axis={place} is not one of the {data.ndim} axes of {name} {data.shape}."
        )
    return data, place % data.ndim - data.ndim


def working_dtype(data: Inexact[Array, "..."]) -> np.dtype:
    """Of the arithmetic: float32 for the narrow ones."""
    return np.dtype(np.float32) if data.dtype.itemsize <= 2 else np.empty(0, data.dtype).real.dtype


Restore = Callable[[Float[Array, "... line obs"]], Inexact[Array, "..."]]


def to_lines(data: Inexact[Array, "..."], axis: int) -> tuple[Float[Array, "line obs"], Restore]:
    """Lines along `axis` (counted from the end), of complex numbers both parts, and the way back."""
    moved = jnp.moveaxis(data, axis, -1)
    leading, cut = moved.shape[:-1], jnp.iscomplexobj(data)
    parts = jnp.stack([moved.real, moved.imag]) if cut else moved[None]
    lines = parts.reshape(parts.shape[0] * int(np.prod(leading)), moved.shape[-1])

    def restore(out: Float[Array, "... line obs"]) -> Inexact[Array, "..."]:
        apart = out.reshape(*out.shape[:-2], parts.shape[0], *leading, out.shape[-1])
        place = out.ndim - 2
        halves = [lax.index_in_dim(apart, i, place, keepdims=False) for i in range(parts.shape[0])]
        whole = lax.complex(*halves) if cut else halves[0]
        return jnp.moveaxis(whole.astype(data.dtype), -1, axis)

    return lines.astype(working_dtype(data)), restore


def lines_at_a_time(entries: int) -> int | None:
    """Of so many entries each; None for all of them, as on an accelerator."""
    return max(BLOCK // max(entries, 1), 8) if current_platform().name == "cpu" else None


def in_blocks(
    function: Callable[[Float[Array, "line obs"]], Float[Array, "line out"]],
    lines: Float[Array, "line obs"],
    at_a_time: int | None,
) -> Float[Array, "line out"]:
    """A function of lines, some at a time."""
    count = lines.shape[0]
    if at_a_time is None or count <= 2 * at_a_time:
        return function(lines)
    size = _block_size(count, at_a_time)
    blocks = count // size
    whole = lax.map(function, lines[: blocks * size].reshape(blocks, size, -1)).reshape(blocks * size, -1)
    if blocks * size == count:
        return whole
    return jnp.concatenate([whole, function(lines[blocks * size :])])


def _block_size(count: int, wanted: int) -> int:
    """Near `wanted`; a divisor where there is one, since lines that are left over cost a copy of all."""
    divisors = [size for size in range(max(wanted // 4, 1), 2 * wanted) if count % size == 0]
    return min(divisors, key=lambda size: abs(size - wanted)) if divisors else count // -(-count // wanted)
