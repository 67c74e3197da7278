"""Reads and checks the arguments of the permutohedral functions."""

import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Inexact

from nitrix.smoothing._permutohedral.simplex import LARGEST_RANK


def known(x: Any) -> Any:
    """The numbers behind an array, also under `grad`, or None while they are traced."""
    primal = lax.stop_gradient(x) if isinstance(x, jax.Array) else x
    return None if isinstance(primal, jax.core.Tracer) else np.asarray(primal)


def real(name: str, x: Any, function: str) -> Inexact[Array, "..."]:
    """`x` as an array of floats."""
    given = x if hasattr(x, "dtype") else np.asarray(x)
    dtype = given.dtype
    if not any(jnp.issubdtype(dtype, kind) for kind in (jnp.floating, jnp.integer, jnp.bool_)):
        raise TypeError(f"{function}: {name} has dtype {dtype}; real numbers are needed.")
    array = jnp.asarray(given)
    if jnp.issubdtype(array.dtype, jnp.floating):
        return array
    return array.astype(jax.dtypes.canonicalize_dtype(np.float64))


def features_of(features: Any, function: str) -> Inexact[Array, "n d_f"]:
    """The features in the dtype of the computation: float32, or float64 where they have it."""
    array = real("features", features, function)
    if array.ndim != 2 or not 1 <= array.shape[1] <= LARGEST_RANK:
        raise ValueError(
            f"{function}: features has shape {array.shape}; [n, d_f] is needed, n points with 1 to {LARGEST_RANK} "
            f"features each. Map over leading axes with jax.vmap."
        )
    return array if array.dtype == np.float64 else array.astype(np.float32)


def sigma_of(sigma: Any, d: int, dtype: Any, function: str) -> Inexact[Array, " d_f"]:
    """One width for every feature."""
    widths = real("sigma_features", sigma, function)
    if widths.shape not in ((), (d,)):
        raise ValueError(
            f"{function}: sigma_features has shape {widths.shape} but there are {d} features; give one width, or one "
            f"for each."
        )
    numbers = known(widths)
    if numbers is not None and not (np.isfinite(numbers).all() and (numbers > 0).all()):
        raise ValueError(f"{function}: sigma_features={numbers.tolist()} must be positive and finite.")
    return jnp.broadcast_to(widths.astype(dtype), (d,))


def values_of(values: Any, n: int, function: str) -> Inexact[Array, "..."]:
    """The values in their own floating dtype."""
    array = real("values", values, function)
    if array.ndim not in (1, 2) or array.shape[0] != n:
        raise ValueError(
            f"{function}: values has shape {array.shape} but features have {n} points; give [{n}] or [{n}, d_v]."
        )
    return array


def capacity_of(capacity: Any, function: str) -> int | None:
    """The room for vertices as an integer."""
    if capacity is None:
        return None
    try:
        room = operator.index(capacity)
    except TypeError:
        raise TypeError(
            f"{function}: capacity={capacity!r} must be an integer, known before tracing."
        ) from None
    if room < 1:
        raise ValueError(f"{function}: capacity={room} must be at least 1.")
    return room
