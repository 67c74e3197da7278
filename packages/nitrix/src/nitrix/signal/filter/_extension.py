"""Frames beyond the ends of a series, so that a filter does not see it begin from nothing."""

from typing import Any, Literal

import jax.numpy as jnp
from jaxtyping import Array, Float

from nitrix._arguments import whole_number

PadType = Literal["odd", "even", "constant"]


def extension_length(
    padtype: Any, padlen: Any, default: int, obs: int, function: str, name: str = "padlen"
) -> int:
    """How many frames are put before and after `obs` of them."""
    if padtype not in ("odd", "even", "constant", None):
        raise ValueError(
            f"{function}: padtype={padtype!r} is not known; give one of 'odd', 'even', 'constant', or None."
        )
    length = default if padlen is None else whole_number(name, padlen, function)
    if padtype is None:
        return 0
    if length >= obs:
        raise ValueError(
            f"{function}: X has {obs} frames, but an extension by {length} at either end ({name}) takes at least "
            f"{length + 1}; give a smaller {name} or padtype=None, or filter a longer series."
        )
    return length


def extended(
    lines: Float[Array, "line obs"], padtype: str | None, length: int
) -> list[Float[Array, "line _"]]:
    """What comes before the lines, the lines, and what comes after; to be joined."""
    first, last = lines[:, :1], lines[:, -1:]
    before, after = lines[:, length:0:-1], lines[:, -2 : -length - 2 : -1]
    if length == 0:
        return [lines]
    if padtype == "odd":
        return [2 * first - before, lines, 2 * last - after]
    if padtype == "even":
        return [before, lines, after]
    return [jnp.repeat(first, length, axis=1), lines, jnp.repeat(last, length, axis=1)]
