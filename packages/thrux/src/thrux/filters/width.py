"""The width of a filter in space, and whether an image has room for it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

from thrux.errors import ThruxError
from thrux.nifti.reader import NiftiReader
from thrux.options import check_millimetres

FWHM_PER_SIGMA = math.sqrt(8 * math.log(2))
_WIDEST = 4000  # voxels; a kernel of that size means a wrong header


@dataclass(frozen=True, kw_only=True)
class Width:
    """One of two ways to say how wide the Gaussian in space is."""

    fwhm: float | int | None = None
    sigma: float | int | None = None

    def __post_init__(self) -> None:
        if (self.fwhm is None) == (self.sigma is None):
            raise ThruxError(
                "either fwhm or sigma is needed, in mm, and not both",
                field="fwhm",
                value="none" if self.fwhm is None else self.fwhm,
                remedy="Give one of them",
            )
        for name, value in (("fwhm", self.fwhm), ("sigma", self.sigma)):
            if value is not None:
                check_millimetres(name, value)

    @property
    def sigma_mm(self) -> float:
        """Standard deviation."""
        return float(self.sigma) if self.sigma is not None else self.fwhm_mm / FWHM_PER_SIGMA

    @property
    def fwhm_mm(self) -> float:
        """Full width at half maximum."""
        return float(self.fwhm) if self.fwhm is not None else self.sigma_mm * FWHM_PER_SIGMA

    @property
    def stated(self) -> tuple[str, float]:
        """The width as it was given, with its name."""
        return ("sigma", self.sigma_mm) if self.fwhm is None else ("fwhm", self.fwhm_mm)

    @property
    def guide_files(self) -> tuple[str | os.PathLike[str], ...]:
        """No other images, unless a filter says so."""
        return ()


def check_room(reader: NiftiReader, name: str, width: float) -> None:
    """Refuse an image that is none in space or too small; the width is called as the user did."""
    header = reader.header
    path = Path(header.path)
    if len(header.shape) < 3:
        raise ThruxError(
            "smoothing needs three spatial axes",
            file=path,
            field="dim[0]",
            value=len(header.shape),
            remedy="Give a 3-D or 4-D image",
        )
    if 3000 <= int(header.raw["intent_code"]) < 3100:
        raise ThruxError(
            "this is a CIFTI file, whose axes are not x, y, z",
            file=path,
            field="intent_code",
            value=int(header.raw["intent_code"]),
            remedy="Smooth it along its surfaces with a tool for CIFTI",
        )
    extent = max(n * mm for n, mm in zip(header.shape, header.spacing, strict=False))
    if width > extent:
        raise ThruxError(
            f"it is wider than the image, which spans {extent:.4g} mm",
            file=path,
            field=name,
            value=width,
            remedy="Give a smaller width in mm, and check the voxel size in the header",
        )
    if width > _WIDEST * min(header.spacing):
        raise ThruxError(
            f"it is more than {_WIDEST} voxels of {min(header.spacing):.4g} mm",
            file=path,
            field=name,
            value=width,
            remedy="Check the voxel size and its unit in the header",
        )
