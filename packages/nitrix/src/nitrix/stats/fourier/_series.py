"""Reads the series whose spectrum is taken."""

import operator
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from nitrix._arguments import real_array, whole_number


def read(
    x: Any, axis: Any, n: Any, function: str, *, name: str = "X"
) -> tuple[Float[Array, "..."], int, int]:
    """The series in the dtype of the computation, the axis counted from the end, and the length of the transform."""
    series = real_array(x, function, name)
    along = operator.index(axis)
    if not -series.ndim <= along < series.ndim:
        raise ValueError(f"{function}: axis={along} is none of {name}, whose shape is {series.shape}.")
    along = along if along < 0 else along - series.ndim
    length = series.shape[along] if n is None else whole_number("n", n, function, least=1)
    if series.shape[along] == 0:
        raise ValueError(f"{function}: {name} has no samples along axis {axis}, shape {series.shape}.")
    return series.astype(wide(series.dtype)), along, length


def wide(dtype: Any) -> Any:
    """The dtype that is computed in."""
    return jnp.dtype(jnp.float32) if dtype.itemsize <= 2 else dtype


def narrow(x: Inexact[Array, "..."], like: Any) -> Inexact[Array, "..."]:
    """A real result in the dtype of a floating argument."""
    dtype = getattr(like, "dtype", None)
    return x.astype(dtype) if dtype is not None and jnp.issubdtype(dtype, jnp.floating) else x
