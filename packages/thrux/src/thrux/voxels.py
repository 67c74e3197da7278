"""Which voxels of an image take part: those within a mask, and those that are numbers."""

from __future__ import annotations

import os

import numpy as np
from jaxtyping import Bool, Float

from thrux.errors import ThruxError
from thrux.nifti.grid import load_on_grid
from thrux.nifti.reader import NiftiReader
from thrux.options import NanPolicy

Voxels = Bool[np.ndarray, "x y z"]


def load_mask(path: str | os.PathLike[str], reader: NiftiReader) -> Voxels:
    """Where a file on the same grid is neither 0 nor NaN."""
    inside = np.nan_to_num(load_on_grid(path, reader.header, role="mask", limits=reader.limits)) != 0
    if not inside.any():
        raise ThruxError(
            "it leaves out every voxel",
            file=path,
            field="mask",
            value="empty",
            remedy="Give an image that is not 0 where voxels shall take part",
        )
    return inside


def load_guide(
    path: str | os.PathLike[str], reader: NiftiReader, inside: Voxels | None, nan: NanPolicy
) -> tuple[Float[np.ndarray, "x y z"], Voxels]:
    """An image on the same grid with 0 for what is no number, and the voxels that it makes unknown."""
    volume = load_on_grid(path, reader.header, role="guide", limits=reader.limits)
    values, bad = finite_values(volume, inside)
    check_finite(bad, nan, path)
    return values, bad if nan == "ignore" else np.zeros_like(bad)


def finite_values(
    volume: Float[np.ndarray, "x y z"], inside: Voxels | None
) -> tuple[Float[np.ndarray, "x y z"], Voxels]:
    """The values in float32, 0 where that is not finite, and where within the mask it is not."""
    with np.errstate(over="ignore"):
        values = volume.astype(np.float32, order="C")
    bad = ~np.isfinite(values)
    values[bad] = 0
    return values, bad if inside is None else bad & inside


def check_finite(
    bad: Voxels, nan: NanPolicy, path: str | os.PathLike[str], where: str = "", *, omissible: bool = True
) -> int:
    """How many voxels are not finite; refused where that is the policy. omissible: that they can be left out."""
    count = int(bad.sum())
    if count and nan == "refuse":
        raise ThruxError(
            f"{count} voxels{where} are NaN or infinite and would spoil their neighbours",
            file=path,
            field="data",
            remedy="Take them as 0 with --nan zero" + ", or leave them out with --nan ignore" * omissible,
        )
    return count


def taking_part(inside: Voxels | None, absent: Voxels) -> Voxels | None:
    """Those of the mask that are not absent; None for all."""
    if absent.any():
        return ~absent if inside is None else inside & ~absent
    return inside
