"""Reads arrays of real numbers, their masks and their axes."""

import math
import operator
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Real, Shaped


def default_float() -> np.dtype:
    """float32, or float64 in 64-bit mode."""
    return np.dtype(jax.dtypes.canonicalize_dtype(np.float64))


def real_numbers(x: Any, function: str, name: str = "x") -> Real[Array, "..."]:
    """`x` as an array of floats or integers; integers of the host that JAX would cut off become floats."""
    given = x if isinstance(x, jax.Array) else np.asarray(x)
    kind = given.dtype
    if not any(jnp.issubdtype(kind, real) for real in (np.floating, np.integer, np.bool_)):
        raise TypeError(f"{function}: {name} has dtype {kind}; give real numbers.")
    if jnp.issubdtype(kind, np.integer) and kind != jax.dtypes.canonicalize_dtype(kind):
        given = given.astype(default_float())
    return jnp.asarray(given, np.int8) if kind == np.dtype(bool) else jnp.asarray(given)


def named_axes(axis: int | Sequence[int] | None, ndim: int, function: str) -> tuple[int, ...]:
    """The axes from 0 on; None names all."""
    if axis is None:
        return tuple(range(ndim))
    axes = tuple(operator.index(a) for a in (axis if isinstance(axis, (tuple, list)) else (axis,)))
    if not all(-ndim <= a < ndim for a in axes):
        raise ValueError(f"{function}: axis={axis} is out of range; x has {ndim} axes.")
    found = tuple(sorted(a % ndim for a in axes))
    if len(set(found)) < len(found):
        raise ValueError(f"{function}: axis={axis} names an axis twice.")
    return found


def fitting_mask(mask: Any, shape: tuple[int, ...], function: str, name: str = "mask") -> Bool[Array, "..."]:
    """The mask, of truth values, broadcast to the shape."""
    given = mask if isinstance(mask, jax.Array) else np.asarray(mask)
    if given.dtype != np.dtype(bool) or not fits(given.shape, shape):
        raise ValueError(
            f"{function}: {name} is {given.dtype}{list(given.shape)}; give truth values that broadcast to "
            f"x{list(shape)}, True where a sample counts."
        )
    return jnp.broadcast_to(jnp.asarray(given), shape)


def fits(part: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return len(part) <= len(shape) and all(p in (1, s) for p, s in zip(part[::-1], shape[::-1], strict=False))


def by_rows(x: Shaped[Array, "..."], axes: tuple[int, ...]) -> Shaped[Array, "n m"]:
    """The samples of `axes` in each row."""
    rest = [a for a in range(x.ndim) if a not in axes]
    m = math.prod(x.shape[a] for a in axes)
    return x.transpose(*rest, *axes).reshape(-1 if m else 0, m)
