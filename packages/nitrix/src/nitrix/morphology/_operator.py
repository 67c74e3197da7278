"""Reads and checks the options that the morphology of images and of meshes shares."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from nitrix._arguments import spatial_axes
from nitrix.morphology._borders import border_mode
from nitrix.morphology._image import image_of, outside_value
from nitrix.morphology._mesh import Sections, mesh_extremum, sections_of
from nitrix.morphology._steps import Step, steps_of


@dataclasses.dataclass(frozen=True)
class Grid:
    """Erosion and dilation of an image by one element, in steps that follow one another."""

    steps: tuple[Step, ...]
    mode: str
    outside: Array

    def erode(self, x: Array) -> Array:
        return self._apply(x, smallest=True)

    def dilate(self, x: Array) -> Array:
        return self._apply(x, smallest=False)

    def _apply(self, x: Array, *, smallest: bool) -> Array:
        if x.size == 0:
            return x
        for step in self.steps:
            x = step.apply(x, self.outside, self.mode, smallest=smallest)
        return x


@dataclasses.dataclass(frozen=True)
class Surface:
    """Erosion and dilation of fields on vertices over listed neighbours."""

    sections: Sections

    def erode(self, x: Array) -> Array:
        return mesh_extremum(x, self.sections, smallest=True) if x.size else x

    def dilate(self, x: Array) -> Array:
        return mesh_extremum(x, self.sections, smallest=False) if x.size else x


def operator_of(
    function: str,
    x: Any,
    *,
    size: Any,
    structuring_element: Any,
    neighbourhood: Any,
    mode: str,
    border_value: Any,
    origin: Any,
    spatial_rank: int | None,
) -> tuple[Array, Grid | Surface]:
    """The image, and the erosion and dilation that the options describe."""
    image = image_of(x, function)
    given = [
        name
        for name, value in (
            ("size", size),
            ("structuring_element", structuring_element),
            ("neighbourhood", neighbourhood),
        )
        if value is not None
    ]
    if len(given) > 1:
        raise ValueError(
            f"{function}: {' and '.join(given)} were given; give one of them, or none for the cross."
        )
    if neighbourhood is not None:
        grid_only = (
            mode != "neutral" or border_value is not None or np.any(origin) or spatial_rank not in (None, 1)
        )
        if grid_only or image.ndim == 0:
            raise ValueError(
                f"{function}: with a neighbourhood the vertices are the last axis of x {image.shape}; mode, "
                f"border_value, origin and spatial_rank are for images."
            )
        return image, Surface(sections_of(neighbourhood, image.shape[-1], function))
    rank = len(spatial_axes(image.ndim, spatial_rank, function))
    mode, outside = border_of(mode, border_value, image.dtype, function)
    if rank == 0:
        return image, Grid((), mode, outside)
    steps = steps_of(image.dtype, size, structuring_element, origin, rank, function)
    return image, Grid(steps, mode, outside)


def border_of(mode: str, border_value: Any, dtype: np.dtype, function: str) -> tuple[str, Array]:
    """The mode and the value beyond the border, in the image's dtype."""
    mode = border_mode(mode, function)
    if border_value is None:
        return mode, jnp.zeros((), dtype)
    if mode not in ("neutral", "constant"):
        raise ValueError(
            f"{function}: border_value={border_value!r} belongs to mode='constant', but mode={mode!r} was given; leave "
            f"one of them out."
        )
    return "constant", outside_value(border_value, dtype, function)


def difference(a: Shaped[Array, "..."], b: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
    """a - b; of truth values, where they differ."""
    return a ^ b if a.dtype == np.dtype(bool) else a - b
