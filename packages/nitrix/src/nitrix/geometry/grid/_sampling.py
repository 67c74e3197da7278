"""Sampling in steps that all interpolators share."""

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Inexact, Int

from nitrix._arguments import common_dtype, floating
from nitrix.geometry.grid._extension import extended
from nitrix.geometry.grid._position import position, within
from nitrix.geometry.grid._taps import Kernel, axis_of, real_dtype, sample

Extension = Callable[..., Inexact[Array, "*extended c"]]  # (image, axes, mode, cval)


def weighted(
    kernel: Kernel, image: Any, coordinates: Any, mode: str, cval: Any, *, extend: Extension = extended
) -> Inexact[Array, "n c"]:
    """The kernel's weighted sums of the image's samples; of 16-bit floats in float32."""
    given = floating(image, "sample", "image")
    x = given.astype(jnp.float32) if given.dtype.itemsize <= 2 else given
    outside = jnp.asarray(cval).astype(x.dtype)
    wide = common_dtype(coordinates.dtype, real_dtype(x.dtype))
    c = finite_axes(coordinates.astype(wide))
    sizes = x.shape[:-1]
    axes = tuple(axis_of(size, mode, kernel) for size in sizes)
    positions = tuple(position(p, size, mode, kernel.reach) for p, size in zip(c, sizes))
    out = sample(kernel, axes, extend(x, axes, mode, outside), positions)
    if mode in ("constant", "grid-constant"):
        margin = kernel.reach + 1 if mode == "grid-constant" else 0
        out = jnp.where(all_within(c, sizes, margin)[:, None], out, outside)
    return jnp.where(all_finite(coordinates)[:, None], out, jnp.full((), jnp.nan, x.dtype)).astype(
        given.dtype
    )


def finite_axes(coordinates: Any) -> list[Array]:
    """The coordinates by axis, 0 in place of what is no place."""
    c = coordinates
    return [jnp.where(jnp.isfinite(c[:, a]), c[:, a], jnp.zeros((), c.dtype)) for a in range(c.shape[1])]


def all_finite(coordinates: Any) -> Bool[Array, "n"]:
    """Which points are places."""
    return _every([jnp.isfinite(coordinates[:, a]) for a in range(coordinates.shape[1])])


def all_within(c: list[Array], sizes: tuple[int, ...], margin: int = 0) -> Bool[Array, "n"]:
    """Which points are between the outermost samples, or not farther than `margin` outside along any axis."""
    return _every([within(p, size, margin) for p, size in zip(c, sizes)])


def _every(conditions: list[Array]) -> Bool[Array, "n"]:
    return functools.reduce(lambda a, b: a & b, conditions)


def flat_index(indices: list[Array], shape: tuple[int, ...]) -> Int[Array, "n"]:
    """The number of a voxel in raster order."""
    flat = indices[0]
    for index, size in zip(indices[1:], shape[1:]):
        flat = flat * size + index
    return flat
