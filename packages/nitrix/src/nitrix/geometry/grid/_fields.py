"""Reads displacement fields, and samples one field where another leads."""

from typing import Any

import numpy as np
from jaxtyping import Array, Float

from nitrix._boundary import BoundaryMode
from nitrix.geometry._operands import leading_shape, read_together
from nitrix.geometry.grid.identity import identity_grid
from nitrix.geometry.grid.transform import spatial_transform


def read_fields(function: str, **fields: Any) -> tuple[list[Float[Array, "... d"]], np.dtype]:
    """Fields on one grid in a working dtype, and the dtype of the result."""
    found, dtype = read_together(function, **fields)
    for name, field in zip(fields, found, strict=True):
        d = field.shape[-1] if field.ndim else 0
        if d < 1 or field.ndim < d + 1:
            raise ValueError(
                f"{function}: {name} has shape {field.shape}; give [*leading *spatial d] with a last axis as long as "
                f"there are spatial axes, at least 1."
            )
    shapes = {name: spatial_shape(field) for name, field in zip(fields, found, strict=True)}
    if len(set(shapes.values())) > 1:
        given = ", ".join(f"{shape} of {name}" for name, shape in shapes.items())
        raise ValueError(f"{function}: the grids {given} differ; resample one field onto the other's grid.")
    leading = {name: f.shape[: f.ndim - 1 - f.shape[-1]] for name, f in zip(fields, found, strict=True)}
    leading_shape(function, **leading)
    return found, dtype


def spatial_shape(field: Float[Array, "... d"]) -> tuple[int, ...]:
    return field.shape[field.ndim - 1 - field.shape[-1] : -1]


def displaced(u: Float[Array, "... d"]) -> Float[Array, "... d"]:
    """p + u(p)."""
    return u + identity_grid(spatial_shape(u), dtype=u.dtype)


def sampled_along(
    field: Float[Array, "... d"], u: Float[Array, "... d"], mode: BoundaryMode, cval: Any
) -> Float[Array, "... d"]:
    """field(p + u(p))."""
    return spatial_transform(field, displaced(u), mode=mode, cval=cval)
