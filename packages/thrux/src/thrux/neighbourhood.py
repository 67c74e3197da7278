"""Neighbourhoods in millimetres, as the voxels that they hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from thrux.errors import ThruxError
from thrux.nifti.reader import NiftiReader
from thrux.options import check_choice, check_millimetres
from thrux.room import check_room

Shape = Literal["ball", "box", "cross"]

_ROUNDING = 1e-5  # part of the radius: headers keep voxel sizes in float32, where 0.9 is 0.89999998


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """The voxels whose centres are near, by the voxel size of an image.

    Attributes:
      radius: In mm.
      shape: "ball": those within the radius; "box": those within it along each axis; "cross": those of the ball
        that lie on an axis.
    """

    radius: float | int
    shape: Shape = "ball"

    def __post_init__(self) -> None:
        check_millimetres("radius", self.radius)
        check_choice("shape", self.shape, Shape)

    def check(self, reader: NiftiReader, *, held: int, within: tuple[int, ...] | None = None) -> None:
        """Refuse a radius that reaches no other voxel of a file, or past all of them, or for which memory is short.

        held: Bytes that are needed beside the neighbourhood.
        within: As of `voxels`.
        """
        check_room(reader, "radius", float(self.radius))
        spacing = reader.header.spacing
        along = [mm for n, mm in zip(reader.volume_shape, spacing, strict=True) if n > 1]
        if not any(self._bound >= mm for mm in along):
            sizes = " x ".join(f"{mm:.4g}" for mm in spacing)
            flat = "" if len(along) == 3 else " along the axes that have more than one"
            raise ThruxError(
                f"it is less than one voxel of {sizes} mm{flat}, so that nothing would change",
                file=reader.header.path,
                field="radius",
                value=self.radius,
                remedy=f"Give at least {min(along):.4g}, in mm" if along else "Give a larger image",
            )
        count = math.prod(2 * n + 1 for n in self._reach(spacing, within))
        reader.check_memory(held + (1 + np.dtype(float).itemsize) * count)

    def voxels(
        self, spacing: tuple[float, float, float], *, within: tuple[int, ...] | None = None
    ) -> Bool[np.ndarray, "i j k"]:
        """True where a voxel belongs to it, the centre in the middle.

        within: The shape of an image; what lies farther away than two of its voxels is left out.
        """
        reach = self._reach(spacing, within)
        if self.shape == "box":
            return np.ones([2 * n + 1 for n in reach], bool)
        if self.shape == "cross":
            steps = np.ix_(*(np.arange(-n, n + 1) for n in reach))
            return np.asarray(sum((step != 0).astype(np.int8) for step in steps) <= 1)
        return _lengths(reach, spacing) <= self._bound

    def cut(self, spacing: tuple[float, float, float], *, within: tuple[int, ...]) -> float | None:
        """A length between those to voxels of the ball and to others; None where float32 cannot tell them apart."""
        reach = [min(n + 1, size - 1) for n, size in zip(self._reach(spacing), within, strict=True)]
        lengths = _lengths(reach, spacing)
        inside = lengths <= self._bound
        last = float(lengths[inside].max())
        first = float(lengths[~inside].min(initial=2 * self._bound))
        return (last + first) / 2 if first - last > _ROUNDING * first else None

    @property
    def _bound(self) -> float:
        return self.radius * (1 + _ROUNDING)

    def _reach(self, spacing: tuple[float, float, float], within: tuple[int, ...] | None = None) -> list[int]:
        """Voxels along each axis from the centre."""
        reach = [int(self._bound / mm) for mm in spacing]
        return reach if within is None else [min(n, size - 1) for n, size in zip(reach, within, strict=True)]


def _lengths(reach: list[int], spacing: tuple[float, float, float]) -> Float[np.ndarray, "i j k"]:
    """From the middle to every voxel, in mm."""
    away = np.ix_(*(np.arange(-n, n + 1) * mm for n, mm in zip(reach, spacing, strict=True)))
    return np.asarray(np.sqrt(sum(mm**2 for mm in away)))
