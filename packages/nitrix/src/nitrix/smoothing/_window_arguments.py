"""Reads and checks what filters over a window of voxels share."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from nitrix._arguments import (
    cast,
    check_truncate,
    check_width,
    known_value,
    per_axis,
    whole_number,
)

MOST_NEIGHBOURS = 1 << 17  # more are mistaken units, or hours


def working_dtype(image: Array) -> np.dtype:
    """The image's own, float32 for narrower ones."""
    return np.dtype(np.float32) if image.dtype.itemsize <= 2 else np.dtype(image.dtype)


def radii(
    shape: Sequence[int], sigma_space: Any, spacing: Any, truncate: float, radius: Any, function: str
) -> tuple[tuple[int, ...], list[Any], list[Any]]:
    """Voxels to each side along each axis, no more than the image has; sigmas and spacings."""
    rank = len(shape)
    sigmas = per_axis("sigma_space", sigma_space, rank, function)
    steps = per_axis("spacing", spacing, rank, function)
    check_truncate(truncate, function)
    for sigma in sigmas:
        check_width("sigma_space", sigma, function, at_least_zero=True)
    for step in steps:
        check_width("spacing", step, function, at_least_zero=False)
    if radius is None:
        found = [_extent(*pair, truncate, function) for pair in zip(sigmas, steps, strict=True)]
    else:
        found = [whole_number("radius", r, function) for r in per_axis("radius", radius, rank, function)]
    alone = [known_value(sigma) == 0 for sigma in sigmas]
    reach = tuple(
        0 if flat else int(min(r, max(n - 1, 0))) for r, n, flat in zip(found, shape, alone, strict=True)
    )
    neighbours = math.prod(2 * r + 1 for r in reach)
    if neighbours > MOST_NEIGHBOURS:
        sides = " x ".join(str(2 * r + 1) for r in reach)
        raise ValueError(
            f"{function}: the window has {sides} voxels, more than {MOST_NEIGHBOURS}; check the units of sigma_space "
            f"and spacing, give a smaller truncate or radius, or smooth a coarser image."
        )
    return reach, sigmas, steps


def _extent(sigma: Any, step: Any, truncate: float, function: str) -> int:
    known_sigma, known_step = known_value(sigma), known_value(step)
    if known_sigma is None or known_step is None:
        traced = "sigma_space" if known_sigma is None else "spacing"
        raise ValueError(
            f"{function}: {traced} is traced, so the size of the window cannot be chosen; give radius= in voxels, for "
            f"instance the one of the widest sigma_space, or keep {traced} out of jit and vmap."
        )
    return int(min(truncate * known_sigma / known_step + 0.5, 1e9))


def precisions(
    sigmas: Sequence[Any], steps: Sequence[Any], reach: Sequence[int], dtype: Any
) -> Float[Array, " axis"]:
    """1 / (2 sigma^2), sigma in voxels; NaN for a traced width that would have been refused."""
    found = []
    for sigma, step, r in zip(sigmas, steps, reach, strict=True):
        if r == 0:
            found.append(jnp.zeros((), dtype))  # the axis has but the voxel itself
            continue
        width, length = cast(sigma, dtype), cast(step, dtype)
        value = jnp.asarray((length / width) ** 2 / 2)
        served = jnp.asarray((width > 0) & (length > 0))
        found.append(jnp.where(served, value, jnp.full_like(value, jnp.nan)))
    return jnp.stack(found)


def units(
    sigma: Any, channels: int, dtype: Any, function: str, name: str, *, factor: float
) -> Float[Array, " channel"]:
    """factor * sigma for each channel; NaN for a traced one that is not positive."""
    shape = np.shape(sigma)
    if shape not in ((), (channels,)):
        have = "is one channel" if channels == 1 else f"are {channels} channels"
        raise ValueError(
            f"{function}: {name} has shape {shape} but there {have}; give one value, or one for each."
        )
    values = [sigma] if shape == () else [sigma[k] for k in range(channels)]
    for value in values:
        check_width(name, value, function, at_least_zero=False)
    width = jnp.broadcast_to(jnp.asarray(sigma).astype(dtype), (channels,))
    return jnp.where(width > 0, width, jnp.full_like(width, jnp.nan)) * np.asarray(factor, dtype)


def mask_of(mask: Any, shape: tuple[int, ...], function: str) -> Array | None:
    if mask is None:
        return None
    dtype = mask.dtype if hasattr(mask, "dtype") else np.asarray(mask).dtype
    if dtype != np.dtype(bool) or np.shape(mask) != shape:
        raise ValueError(
            f"{function}: mask is {dtype}{list(np.shape(mask))}; give truth values of the spatial shape {shape}, for "
            f"instance mask > 0."
        )
    return jnp.asarray(mask)


def only_inside(x: Array, mask: jax.Array | None, fill: float) -> Array:
    """`fill` at voxels outside the mask."""
    return x if mask is None else jnp.where(mask, x, jnp.full_like(x, fill))
