"""What every function on images reads alike: the image itself, and what stands beyond its border."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from nitrix._arguments import exact_array, known_numbers

_FLOATS = ("float16", "bfloat16", "float32", "float64")


def image_of(x: Any, function: str, name: str = "x") -> Shaped[Array, "..."]:
    """`x` as an array of truth values, integers or floats, its dtype kept."""
    given = x if hasattr(x, "dtype") else np.asarray(x)
    kinds = (jnp.bool_, jnp.integer)
    if not any(jnp.issubdtype(given.dtype, kind) for kind in kinds) and given.dtype.name not in _FLOATS:
        raise TypeError(
            f"{function}: {name} has dtype {given.dtype}; give truth values, integers or real floats of 16, 32 or 64 "
            f"bits, which have an order."
        )
    return exact_array(given, function, name)


def outside_value(border_value: Any, dtype: Any, function: str) -> Shaped[Array, ""]:
    """What stands beyond the border, in the image's dtype, of which nothing may be lost."""
    if np.shape(border_value) != ():
        raise ValueError(f"{function}: border_value has shape {np.shape(border_value)}; give one number.")
    if jnp.issubdtype(jnp.result_type(border_value), jnp.complexfloating):
        raise TypeError(f"{function}: border_value={border_value} is complex; give a real number.")
    known = known_numbers(border_value)
    if jnp.issubdtype(dtype, jnp.floating):
        if isinstance(border_value, jax.Array):
            return border_value.astype(dtype)
        return jnp.asarray(np.asarray(known).astype(dtype))
    if known is None:
        if border_value.dtype != dtype:
            raise TypeError(
                f"{function}: the traced border_value is {border_value.dtype}; give x's dtype, {dtype}."
            )
        return jnp.asarray(border_value)
    number = known.item()
    low, high = (0, 1) if dtype == np.dtype(bool) else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    if not (math.isfinite(number) and number == int(number) and low <= int(number) <= high):
        raise ValueError(
            f"{function}: border_value={number} is no value of x's dtype {dtype}; give an integer from {low} to "
            f"{high}, or convert x."
        )
    return jnp.asarray(np.asarray(int(number)).astype(dtype))
