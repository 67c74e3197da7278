"""Reads what all samplers are given: an image, coordinates, what stands outside, an interpolator."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from nitrix._arguments import cast, exact_array, floating, known_numbers, real_array
from nitrix._boundary import BoundaryMode, plain_mode
from nitrix.geometry._operands import leading_shape
from nitrix.geometry.grid.interpolators import Interpolator

MOST_VOXELS = 2**31 - 1  # which int32 can number


def read_image(image: Any, method: Any, function: str, name: str) -> Shaped[Array, "..."]:
    """The image in its own dtype where the method selects values, else as floats."""
    if not isinstance(method, Interpolator) or isinstance(method, type):
        raise TypeError(f"{function}: method={method!r} is no interpolator; give one such as Linear().")
    return exact_array(image, function, name) if method.selects else floating(image, function, name)


def read_coordinates(coordinates: Any, function: str, name: str) -> Float[Array, "... ndim"]:
    """Coordinates as floats of 32 bits or more, the last axis of which has one for each spatial axis."""
    points = real_array(coordinates, function, name)
    points = points.astype(np.float32) if points.dtype.itemsize <= 2 else points
    if points.ndim == 0 or points.shape[-1] == 0:
        raise ValueError(
            f"{function}: {name} has shape {points.shape}; its last axis must have a coordinate for each spatial axis."
        )
    return points


def check_spatial(sizes: tuple[int, ...], function: str, name: str) -> None:
    """Refuse images without voxels, and with more than can be numbered."""
    if 0 in sizes:
        raise ValueError(f"{function}: the spatial axes {sizes} of {name} hold no voxel to sample.")
    if math.prod(sizes) > MOST_VOXELS:
        raise ValueError(
            f"{function}: the spatial axes {sizes} of {name} have {math.prod(sizes)} voxels, more than the "
            f"{MOST_VOXELS} that int32 can number."
        )


def read_outside(cval: Any, mode: str, dtype: Any, function: str) -> Shaped[Array, ""]:
    """What stands outside, in the image's dtype, of which nothing may be lost; checks the mode as well."""
    plain_mode(mode, function)
    if np.shape(cval) != ():
        raise ValueError(f"{function}: cval has shape {np.shape(cval)}; give one number.")
    given = jnp.result_type(cval)
    if jnp.issubdtype(given, jnp.complexfloating) and not jnp.issubdtype(dtype, jnp.complexfloating):
        raise TypeError(
            f"{function}: cval={cval} is complex but the image is of dtype {dtype}; give a real number."
        )
    known = known_numbers(cval)
    if not jnp.issubdtype(dtype, jnp.inexact):
        if known is None and given != dtype:
            raise TypeError(f"{function}: the traced cval is {given}; give the image's dtype, {dtype}.")
        if known is not None and not _holds(dtype, known.item()):
            raise ValueError(f"{function}: cval={known.item()} is no value of the image's dtype {dtype}.")
    return jnp.asarray(cast(cval, dtype))


def _holds(dtype: Any, number: Any) -> bool:
    low, high = (0, 1) if dtype == np.dtype(bool) else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    return math.isfinite(number) and number == int(number) and low <= int(number) <= high


@functools.partial(jax.jit, static_argnames=("ndim", "mode", "method", "function"))
def sampled(
    image: Shaped[Array, "... c"],
    coordinates: Float[Array, "... ndim"],
    cval: Shaped[Array, ""],
    *,
    ndim: int,
    mode: BoundaryMode,
    method: Interpolator,
    function: str,
) -> Shaped[Array, "... c"]:
    """The images [*leading *spatial c] at [*leading *points ndim]; as many axes of points as are spatial."""

    def one(image: Array, coordinates: Array) -> Array:
        values = method.sample(image, coordinates.reshape(-1, ndim), mode=mode, cval=cval)
        return values.reshape(*coordinates.shape[:-1], image.shape[-1])

    # An operand that an axis does not belong to is not repeated along it.
    own = [x.shape[: x.ndim - ndim - 1] for x in (image, coordinates)]
    leading = leading_shape(function, image=own[0], deformation=own[1])
    own = [(1,) * (len(leading) - len(shape)) + shape for shape in own]
    for sizes in list(zip(*own))[::-1]:
        if sizes != (1, 1):
            one = jax.vmap(one, in_axes=tuple(None if size == 1 else 0 for size in sizes))
    operands = [
        x.reshape(*(size for size in shape if size != 1), *x.shape[x.ndim - ndim - 1 :])
        for x, shape in zip((image, coordinates), own)
    ]
    out = one(*operands)
    return out.reshape(*leading, *out.shape[out.ndim - ndim - 1 :])
