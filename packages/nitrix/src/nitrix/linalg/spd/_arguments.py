"""Reads what functions of symmetric matrices are given."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Key, Real, UInt32

from nitrix._arguments import known_numbers, known_value, real_array, whole_number
from nitrix.linalg.matrix import recondition_eigenspaces
from nitrix.linalg.spd._spectrum import NO_FLOOR, Floor, symmetrised

KeyArray = Key[Array, ""] | UInt32[Array, " 2"]
EigvalueClip = Literal["auto", "none"] | Real[ArrayLike, ""]


def read_matrices(x: Any, function: str, name: str = "input") -> tuple[Float[Array, "... d d"], Any]:
    """The symmetric part in the dtype that is computed in, and the dtype of the result."""
    matrices = real_array(x, function, name)
    if matrices.ndim < 2 or matrices.shape[-1] != matrices.shape[-2]:
        raise ValueError(f"{function}: {name} has shape {matrices.shape}; give square matrices, [... d d].")
    narrow = matrices.dtype.itemsize <= 2
    return symmetrised(matrices.astype(np.float32) if narrow else matrices), matrices.dtype


def read_floor(clip: Any, dtype: Any, function: str) -> Floor:
    """What `eigvalue_clip` asks for."""
    if isinstance(clip, str):
        if clip not in ("auto", "none"):
            raise ValueError(
                f"{function}: eigvalue_clip={clip!r} is unknown; give 'auto', 'none' or a number."
            )
        info = np.finfo(dtype)
        return NO_FLOOR if clip == "none" else Floor(float(info.eps), float(info.tiny))
    known = known_value(clip)
    if known is not None and math.isnan(known):
        raise ValueError(f"{function}: eigvalue_clip={known} must be a number, 'auto' or 'none'.")
    return Floor(None, clip)


def reconditioned(
    matrices: Float[Array, "... d d"], psi: Any, key: KeyArray | None, function: str
) -> Float[Array, "... d d"]:
    """The matrices with numbers drawn from [0, psi) added to their diagonals."""
    known = known_value(psi)
    if known is not None and not (math.isfinite(known) and known >= 0):
        raise ValueError(f"{function}: psi={known} must be finite and not negative.")
    if known == 0:
        return matrices
    if key is None:
        raise ValueError(f"{function}: psi={psi} draws random numbers; give key=jax.random.key(seed).")
    return recondition_eigenspaces(matrices, psi=psi, xi=psi, key=key)


def read_axes(axis: int | Sequence[int], matrices: Float[Array, "... d d"], function: str) -> tuple[int, ...]:
    """The axes that are averaged over, from 0; of `matrices` with their two axes last."""
    given = axis if isinstance(axis, Sequence) else (axis,)
    stacked = matrices.ndim - 2
    axes = []
    for one in given:
        number = whole_number("axis", one, function, least=None)
        place = number + matrices.ndim if number < 0 else number
        if not 0 <= place < stacked:
            raise ValueError(
                f"{function}: axis={one} is none of the {stacked} axes before the matrices' own; input has shape "
                f"{matrices.shape}."
            )
        axes.append(place)
    if len(set(axes)) != len(axes) or not axes:
        raise ValueError(f"{function}: axis={tuple(given)} must name each axis once, and at least one.")
    if math.prod(matrices.shape[a] for a in axes) == 0:
        raise ValueError(f"{function}: there is no matrix to average; input has shape {matrices.shape}.")
    return tuple(sorted(axes))


def read_weights(weights: Any, shape: tuple[int, ...], dtype: Any, function: str) -> Float[Array, "..."]:
    """A weight for each matrix."""
    if weights is None:
        return jnp.ones(shape, dtype)
    read = real_array(weights, function, "weights")
    if read.shape != shape:
        raise ValueError(
            f"{function}: weights has shape {read.shape} but the axes of the mean are {shape}; give one weight for "
            "each matrix."
        )
    known = known_numbers(read)
    if known is not None and not (np.all(np.isfinite(known)) and np.all(known >= 0) and np.any(known > 0)):
        raise ValueError(f"{function}: weights must be finite, not negative, and not all zero.")
    return read.astype(dtype)


def read_set(
    input: Any,
    axis: int | Sequence[int],
    psi: Any,
    key: KeyArray | None,
    clip: EigvalueClip,
    function: str,
) -> tuple[Float[Array, "... d d"], tuple[int, ...], Floor, Any]:
    """The matrices, the axes of the mean, the floor and the dtype of the result."""
    matrices, dtype = read_matrices(input, function)
    axes = read_axes(axis, matrices, function)
    floor = read_floor(clip, matrices.dtype, function)
    return reconditioned(matrices, psi, key, function), axes, floor, dtype
