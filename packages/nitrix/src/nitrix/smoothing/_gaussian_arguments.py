"""Reads and checks what the Gaussian filter alone is told."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nitrix._arguments import cast, per_axis, whole_number

WIDEST = 8_192  # voxels of radius; wider ones are mistaken units, and would fill the memory


def orders_of(order: Any, rank: int) -> list[int]:
    """The order of differentiation along each spatial axis."""
    return [whole_number("order", m, "gaussian") for m in per_axis("order", order, rank, "gaussian")]


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


def outer_value(cval: Any, dtype: Any) -> Any:
    """The outer value in the image's dtype, None for a plain zero; no part of it may be lost."""
    if np.iscomplexobj(cval) and not jnp.issubdtype(dtype, jnp.complexfloating):
        raise TypeError(f"gaussian: cval={cval} is complex but x is {dtype}; give a real cval.")
    if not isinstance(cval, jax.Array) and cval == 0:
        return None
    return jnp.asarray(cval).astype(dtype)
