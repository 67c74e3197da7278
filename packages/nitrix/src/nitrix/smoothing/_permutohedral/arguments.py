"""Reads and checks the arguments of the permutohedral functions."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact

from nitrix._arguments import known_numbers, real_array
from nitrix.smoothing._permutohedral.simplex import LARGEST_RANK


def features_of(features: Any, function: str) -> Inexact[Array, "n d_f"]:
    """The features in the dtype of the computation: float32, or float64 where they have it."""
    array = real_array(features, function, "features")
    if array.ndim != 2 or not 1 <= array.shape[1] <= LARGEST_RANK:
        raise ValueError(
            f"{function}: features has shape {array.shape}; [n, d_f] is needed, n points with 1 to {LARGEST_RANK} "
            f"features each. Map over leading axes with jax.vmap."
        )
    return array if array.dtype == np.float64 else array.astype(np.float32)


def sigma_of(sigma: Any, d: int, dtype: Any, function: str) -> Inexact[Array, " d_f"]:
    """One width for every feature; NaN for a traced one that would have been refused."""
    numbers = known_numbers(sigma)
    widths = real_array(sigma, function, "sigma_features")
    if widths.shape not in ((), (d,)):
        raise ValueError(
            f"{function}: sigma_features has shape {widths.shape} but there are {d} features; give one width, or one "
            f"for each."
        )
    if numbers is not None and not (np.isfinite(numbers).all() and (numbers > 0).all()):
        raise ValueError(f"{function}: sigma_features={numbers.tolist()} must be positive and finite.")
    served = (widths > 0) & jnp.isfinite(widths)
    return jnp.broadcast_to(jnp.where(served, widths, jnp.full_like(widths, jnp.nan)).astype(dtype), (d,))


def values_of(values: Any, n: int, function: str) -> Inexact[Array, "..."]:
    """The values in their own floating dtype."""
    array = real_array(values, function, "values")
    if array.ndim not in (1, 2) or array.shape[0] != n:
        raise ValueError(
            f"{function}: values has shape {array.shape} but features have {n} points; give [{n}] or [{n}, d_v]."
        )
    return array
