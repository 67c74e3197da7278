"""Samples beyond the ends of each axis, in each boundary mode."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact

from nitrix._boundary import source_index
from nitrix.geometry.grid._position import EXTENSION
from nitrix.geometry.grid._taps import Axis


def extended(
    x: Inexact[Array, "*spatial c"], axes: tuple[Axis, ...], mode: str, cval: Any
) -> Inexact[Array, "*extended c"]:
    """The image with `pads` more samples along each axis."""
    for number, axis in enumerate(axes):
        if axis.pads != (0, 0):
            before, behind = (ends(x, number, count, mode, cval) for count in (-axis.pads[0], axis.pads[1]))
            x = jnp.concatenate([before, x, behind], axis=number)
    return x


def ends(
    x: Inexact[Array, "*spatial c"], axis: int, count: int, mode: str, cval: Any
) -> Inexact[Array, "*some c"]:
    """The samples behind an axis; with a negative count, those before it."""
    size = x.shape[axis]
    beyond = size + np.arange(count) if count > 0 else np.arange(count, 0)
    if mode == "grid-constant":
        return jnp.broadcast_to(cval, x.shape[:axis] + beyond.shape + x.shape[axis + 1 :])
    return jnp.take(x, source_index(beyond, size, EXTENSION[mode]), axis=axis)
