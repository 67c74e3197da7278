"""Reads and checks the arguments of the Gaussian filter: what is known before tracing is refused in words."""

import math
import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Inexact

WIDEST = 8_192  # voxels of radius; wider ones are mistaken units, and would fill the memory


def floating(x: Any) -> Inexact[Array, "..."]:
    """`x` as an array of floats or complex numbers."""
    dtype = getattr(x, "dtype", None)
    if dtype is not None and not (jnp.issubdtype(dtype, jnp.number) or jnp.issubdtype(dtype, jnp.bool_)):
        raise TypeError(f"gaussian: x has dtype {dtype}; give an array of numbers.")
    image = jnp.asarray(x)
    if jnp.issubdtype(image.dtype, jnp.inexact):
        return image
    return image.astype(jax.dtypes.canonicalize_dtype(np.float64))


def spatial_axes(ndim: int, spatial_rank: int | None) -> range:
    """The last `spatial_rank` axes."""
    if spatial_rank is None:
        return range(ndim)
    rank = operator.index(spatial_rank)
    if not 1 <= rank <= ndim:
        raise ValueError(f"gaussian: spatial_rank={rank} must be from 1 to {ndim}, the number of axes of x.")
    return range(ndim - rank, ndim)


def per_axis(name: str, value: Any, rank: int) -> list[Any]:
    """One value for each spatial axis."""
    shape = (len(value),) if isinstance(value, (list, tuple)) else np.shape(value)
    if shape == ():
        return [value] * rank
    if shape != (rank,):
        raise ValueError(
            f"gaussian: {name} has shape {shape} but {rank} axes are spatial; "
            f"give one value, or one for each."
        )
    return [value[i] for i in range(rank)]


def orders_of(order: Any, rank: int) -> list[int]:
    """The order of differentiation along each spatial axis."""
    orders = []
    for value in per_axis("order", order, rank):
        try:
            m = operator.index(value)
        except TypeError:
            raise TypeError(f"gaussian: order={value!r} must be an integer, known before tracing.") from None
        if m < 0:
            raise ValueError(f"gaussian: order={m} must not be negative.")
        orders.append(m)
    return orders


def _primal(value: Any) -> Any:
    """The value without its tangent: concrete under `grad`, a tracer under `jit`."""
    return lax.stop_gradient(value) if isinstance(value, jax.Array) else value


def known_value(value: Any) -> float | None:
    """The number behind a value, or None while it is traced."""
    primal = _primal(value)
    return None if isinstance(primal, jax.core.Tracer) else float(primal)


def check_width(name: str, value: Any, *, at_least_zero: bool) -> None:
    """Refuse what is no width or no spacing, where the number is known."""
    known = known_value(value)
    if known is None or (math.isfinite(known) and (known > 0 or (known == 0 and at_least_zero))):
        return
    wanted = "finite and not negative" if at_least_zero else "finite and positive"
    raise ValueError(f"gaussian: {name}={known} must be {wanted}.")


def in_voxels(width: Any, factor: float, step: Any, dtype: Any) -> Any:
    """Sigma in voxels, in Python's floats where both numbers are plain ones."""
    if not isinstance(width, jax.Array) and not isinstance(step, jax.Array):
        return float(width) / factor / float(step)
    return cast(width, dtype) / factor / cast(step, dtype)


def radius_of(extent: float) -> int:
    """The radius in voxels of a kernel of that extent, rounded as SciPy does."""
    if extent > WIDEST:
        raise ValueError(
            f"gaussian: truncate * sigma / spacing is {extent:.6g} voxels, more than {WIDEST}; "
            f"check the units of sigma and spacing, or smooth a coarser image."
        )
    return int(extent + 0.5)


def cast(value: Any, dtype: Any) -> Any:
    """A scalar of `dtype`, still on the host where it can be."""
    return value.astype(dtype) if isinstance(value, jax.Array) else np.asarray(value, dtype)


def outer_value(cval: Any, dtype: Any) -> Any:
    """The outer value in the image's dtype, None for a plain zero; no part of it may be lost."""
    if np.iscomplexobj(cval) and not jnp.issubdtype(dtype, jnp.complexfloating):
        raise TypeError(f"gaussian: cval={cval} is complex but x is {dtype}; give a real cval.")
    if not isinstance(cval, jax.Array) and cval == 0:
        return None
    return jnp.asarray(cval).astype(dtype)
