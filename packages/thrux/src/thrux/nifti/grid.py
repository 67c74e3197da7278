"""Images that shall lie on the same grid."""

from __future__ import annotations

import os

import numpy as np

from thrux.errors import ThruxError
from thrux.limits import Limits
from thrux.nifti.header import NiftiHeader
from thrux.nifti.reader import NiftiReader

_APART = 0.01  # voxels that corners may differ by, from rounding in different programs


def load_on_grid(
    path: str | os.PathLike[str], like: NiftiHeader, *, role: str, limits: Limits | None = None
) -> np.ndarray:
    """The single volume of a file that has the shape and the affine of another, in float64."""
    with NiftiReader(path, limits=limits) as reader:
        header = reader.header
        if reader.volume_shape != like.shape[:3]:
            raise ThruxError(
                f"{like.path} has {_times(like.shape[:3])} voxels, and a {role} must have the same",
                file=path,
                field="dim",
                value=_times(header.shape),
                remedy=f"Resample the {role} to the grid of the image first",
            )
        if reader.n_volumes != 1:
            raise ThruxError(
                f"a {role} is one volume",
                file=path,
                field="dim",
                value=_times(header.shape),
                remedy="Take one volume out of it, or their mean",
            )
        apart = _distance(header, like)
        if not apart <= _APART * min(like.spacing):
            raise ThruxError(
                f"its voxels are up to {apart:.3g} mm away from those of {like.path}",
                file=path,
                field="affine",
                value="another",
                remedy=f"Resample the {role} to the grid of the image first",
            )
        (volume,) = reader.volumes()  # to the end of the file, so that its checksum is compared
        return volume


def _distance(one: NiftiHeader, other: NiftiHeader) -> float:
    """How far apart the corners of two images of the same shape lie, in mm."""
    ends = [(0, n - 1) for n in other.shape[:3]]
    corners = np.stack([*(x.ravel() for x in np.meshgrid(*ends)), np.ones(8)])
    between = (one.affine * one.unit_mm - other.affine * other.unit_mm)[:3] @ corners
    return float(np.linalg.norm(between, axis=0).max())


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
