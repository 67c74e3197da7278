"""Reads and checks what filters of images share: what is known before tracing is refused in words."""

import math
import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Inexact, Shaped


def floating(x: Any, function: str, name: str = "x") -> Inexact[Array, "..."]:
    """`x` as an array of floats or complex numbers."""
    dtype = getattr(x, "dtype", None)
    if dtype is not None and not (jnp.issubdtype(dtype, jnp.number) or jnp.issubdtype(dtype, jnp.bool_)):
        raise TypeError(f"{function}: {name} has dtype {dtype}; give an array of numbers.")
    default = jax.dtypes.canonicalize_dtype(np.float64)
    if isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "iu":
        x = x.astype(default)  # by way of int32, wide integers would wrap round
    array = jnp.asarray(x)
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(default)


def real_array(x: Any, function: str, name: str) -> Float[Array, "..."]:
    """`x` as an array of floats."""
    array = floating(x, function, name)
    if jnp.iscomplexobj(array):
        raise TypeError(
            f"{function}: {name} has dtype {array.dtype}; give real numbers, such as its real and imaginary part."
        )
    return array


def whole_number(name: str, value: Any, function: str, *, least: int | None = 0) -> int:
    """An integer, not below `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{function}: {name}={value!r} must be an integer, known before tracing.") from None
    if least is not None and number < least:
        wanted = f"be at least {least}" if least else "not be negative"
        raise ValueError(f"{function}: {name}={number} must {wanted}.")
    return number


def spatial_axes(ndim: int, spatial_rank: int | None, function: str, name: str = "x") -> range:
    """The last `spatial_rank` axes."""
    if spatial_rank is None:
        return range(ndim)
    rank = operator.index(spatial_rank)
    if not 1 <= rank <= ndim:
        raise ValueError(
            f"{function}: spatial_rank={rank} must be from 1 to {ndim}, the number of axes of {name}."
        )
    return range(ndim - rank, ndim)


def per_axis(name: str, value: Any, rank: int, function: str) -> list[Any]:
    """One value for each spatial axis."""
    shape = (len(value),) if isinstance(value, (list, tuple)) else np.shape(value)
    if shape == ():
        return [value] * rank
    if shape != (rank,):
        raise ValueError(
            f"{function}: {name} has shape {shape} but {rank} axes are spatial; "
            f"give one value, or one for each."
        )
    return [value[i] for i in range(rank)]


def _primal(value: Any) -> Any:
    """The value without its tangent: concrete under `grad`, a tracer under `jit`."""
    return lax.stop_gradient(value) if isinstance(value, jax.Array) else value


def known_value(value: Any) -> float | None:
    """The number behind a value, or None while it is traced."""
    primal = _primal(value)
    return None if isinstance(primal, jax.core.Tracer) else float(primal)


def known_numbers(array: Any) -> Any:
    """The numbers behind an array as NumPy's, also under `grad`; None while they are traced."""
    primal = lax.stop_gradient(array) if isinstance(array, jax.core.Tracer) else array
    return None if isinstance(primal, jax.core.Tracer) else np.asarray(primal)


def check_width(name: str, value: Any, function: str, *, at_least_zero: bool) -> None:
    """Refuse what is no width or no spacing, where the number is known."""
    known = known_value(value)
    if known is None or (math.isfinite(known) and (known > 0 or (known == 0 and at_least_zero))):
        return
    wanted = "finite and not negative" if at_least_zero else "finite and positive"
    raise ValueError(f"{function}: {name}={known} must be {wanted}.")


def check_truncate(truncate: float, function: str) -> None:
    if not (math.isfinite(truncate) and truncate > 0):
        raise ValueError(f"{function}: truncate={truncate} must be positive and finite.")


def cast(value: Any, dtype: Any) -> Any:
    """A scalar of `dtype`, still on the host where it can be."""
    return value.astype(dtype) if isinstance(value, jax.Array) else np.asarray(value, dtype)


def exact_array(x: Any, function: str, name: str) -> Shaped[Array, "..."]:
    """`x` as an array of its own dtype, of which nothing may be lost."""
    given = x if hasattr(x, "dtype") or isinstance(x, (list, tuple)) else np.asarray(x)
    dtype = getattr(given, "dtype", None)
    if dtype is not None and not (jnp.issubdtype(dtype, jnp.number) or jnp.issubdtype(dtype, jnp.bool_)):
        raise TypeError(f"{function}: {name} has dtype {dtype}; give an array of numbers.")
    array = jnp.asarray(x)
    if isinstance(given, (np.ndarray, np.generic)) and given.dtype.kind in "iu" and given.size:
        info = np.iinfo(array.dtype)
        if given.min() < info.min or given.max() > info.max:
            raise ValueError(
                f"{function}: {name} has numbers from {given.min()} to {given.max()}, which {array.dtype} cannot hold; "
                f"switch jax_enable_x64 on."
            )
    return array


def common_dtype(*values: Any) -> Any:
    """The dtype that holds all of these; Python scalars count as weak, whatever the promotion rules are set to."""
    with jax.numpy_dtype_promotion("standard"):
        return jnp.result_type(*values)
