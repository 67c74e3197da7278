"""Reads and checks what the filters by rank are told of their window."""

import math
import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from nitrix._arguments import known_value, per_axis, whole_number
from nitrix.morphology._element import Element, element_of
from nitrix.sparse import ELL, SectionedELL


def ordered_array(x: Any, function: str) -> Shaped[Array, "..."]:
    """`x` as an array whose values have an order."""
    dtype = np.dtype(getattr(x, "dtype", None) or jnp.result_type(x))
    served = any(jnp.issubdtype(dtype, kind) for kind in (jnp.floating, jnp.integer, jnp.bool_))
    if not served or (dtype.itemsize == 1 and dtype.kind == "V"):  # floats and integers below 8 bits
        raise TypeError(
            f"{function}: x has dtype {dtype}; give integers, booleans or floats of 16 to 64 bits, which have an order."
        )
    return jnp.asarray(x)


def is_mesh(neighbourhood: Any) -> bool:
    """Whether neighbours are listed; else a number is a window's width."""
    if isinstance(neighbourhood, ELL | SectionedELL):
        return True
    return neighbourhood is not None and np.ndim(neighbourhood) > 0


def element_for(
    size: Any, structuring_element: Any, neighbourhood: Any, origin: Any, rank: int, function: str
) -> Element:
    """The window as offsets, in SciPy's convention."""
    given = {"size": size, "structuring_element": structuring_element, "neighbourhood": neighbourhood}
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        raise ValueError(
            f"{function}: give one of size, structuring_element and neighbourhood; "
            f"{' and '.join(named) or 'none of them'} {'were' if len(named) > 1 else 'was'} given."
        )
    if structuring_element is not None:
        footprint = _footprint(structuring_element, rank, function)
    else:
        name, width = named[0], given[named[0]]
        widths = [whole_number(name, n, function, least=1) for n in per_axis(name, width, rank, function)]
        footprint = np.broadcast_to(np.ones((), bool), widths)
    shifts = [whole("origin", o, function) for o in per_axis("origin", origin, rank, function)]
    for n, shift in zip(footprint.shape, shifts, strict=True):
        if not -(n // 2) <= shift <= (n - 1) // 2:
            raise ValueError(
                f"{function}: origin={shift} moves the window off the voxel; for a width of {n} it must be from "
                f"{-(n // 2)} to {(n - 1) // 2}."
            )
    return element_of(footprint, [n // 2 + o for n, o in zip(footprint.shape, shifts, strict=True)])


def border_of(border_value: Any, mode: str, dtype: Any, function: str) -> Shaped[Array, ""]:
    """What stands outside, in the image's dtype, of which nothing may be lost."""
    if np.shape(border_value) != ():
        raise ValueError(f"{function}: border_value has shape {np.shape(border_value)}; give one number.")
    given = jnp.result_type(border_value)
    if jnp.issubdtype(given, jnp.complexfloating):
        raise TypeError(f"{function}: border_value={border_value} is complex; give a real number.")
    known = known_value(border_value)
    if known is not None:
        if mode != "constant" and known != 0:
            raise ValueError(
                f"{function}: border_value={border_value} is read in mode='constant' only, but mode is {mode!r}."
            )
        if not jnp.issubdtype(dtype, jnp.floating) and not _holds(dtype, border_value):
            raise ValueError(f"{function}: border_value={border_value} is no value of x's dtype {dtype}.")
    if isinstance(border_value, jax.Array):
        return border_value.astype(dtype)
    return jnp.asarray(np.asarray(border_value).astype(dtype))


def check_listed(origin: Any, mode: str, border_value: Any, spatial_rank: Any, function: str) -> None:
    """Refuse what lists of neighbours have no use for."""
    plain = known_value(border_value) == 0 if np.shape(border_value) == () else False
    if mode != "reflect" or spatial_rank not in (None, 1) or not plain or np.any(np.asarray(origin) != 0):
        raise ValueError(
            f"{function}: mode, border_value, origin and spatial_rank say nothing of listed neighbours, which have no "
            f"border; leave them out."
        )


def _footprint(structuring_element: Any, rank: int, function: str) -> np.ndarray:
    if isinstance(structuring_element, jax.core.Tracer):
        raise TypeError(
            f"{function}: structuring_element is traced; give it as a NumPy array or outside jit, since the window's "
            f"shape decides what is compiled."
        )
    footprint = np.asarray(structuring_element) != 0
    if footprint.ndim != rank:
        raise ValueError(
            f"{function}: structuring_element has {footprint.ndim} axes but {rank} axes of x are spatial; give one "
            f"for each, or name fewer by spatial_rank."
        )
    if not footprint.any():
        raise ValueError(
            f"{function}: structuring_element {footprint.shape} is empty; a window needs a voxel that is not 0."
        )
    return footprint


def whole(name: str, value: Any, function: str) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(
            f"{function}: {name}={value!r} must be an integer or one for each spatial axis."
        ) from None


def _holds(dtype: Any, value: Any) -> bool:
    number = value if isinstance(value, int | float) else np.asarray(value).item()
    if not math.isfinite(number) or number != int(number):
        return False
    least, most = (0, 1) if dtype == np.dtype(bool) else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return bool(least <= int(number) <= most)
