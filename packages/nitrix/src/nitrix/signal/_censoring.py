"""The reading of a mask of frames, shared by all that honours one: True is a frame that was observed and is kept."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from nitrix._arguments import known_numbers


def read_mask(
    mask: Any, shape: tuple[int, ...], function: str, *, least: int = 0, name: str = "mask"
) -> Array:
    """`mask` as truth values that broadcast to data of that shape, frames last, in which `least` are True per row."""
    dtype = getattr(mask, "dtype", None)
    if dtype is None:
        dtype = np.asarray(mask).dtype
    if dtype != np.bool_:
        raise TypeError(
            f"{function}: {name} has dtype {dtype}; give truth values, True where a frame is kept "
            f"(for 0 and 1, {name} != 0)."
        )
    frames = jnp.asarray(mask)
    if frames.ndim < 1 or frames.shape[-1] != shape[-1]:
        raise ValueError(
            f"{function}: {name} has shape {frames.shape} but the data, of shape {shape}, has {shape[-1]} frames; "
            f"give one truth value for each frame."
        )
    try:
        fits = np.broadcast_shapes(frames.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{function}: {name} has shape {frames.shape}, which does not broadcast to the data's shape {shape}; "
            f"give [{shape[-1]}] for all series, or a row for each."
        )
    known = known_numbers(frames) if least else None
    if known is not None and known.size:
        fewest = int(known.sum(-1).min())
        if fewest < least:
            raise ValueError(
                f"{function}: {name} keeps {fewest} of {shape[-1]} frames{' of a row' if known.ndim > 1 else ''}; "
                f"at least {least} must be kept."
            )
    return frames


def shared_frames(mask: Array) -> Array:
    """A mask without leading axes of length 1: of one axis if it serves all series."""
    leading = mask.shape[:-1]
    while leading and leading[0] == 1:
        leading = leading[1:]
    return mask.reshape(*leading, mask.shape[-1])


def blanked(data: Array, mask: Array) -> Array:
    """The data with 0 in place of what was not observed, which is never read, nor differentiated."""
    return jnp.where(mask, data, jnp.zeros((), data.dtype))
