"""Whether a file has axes in space, and room on them for what is asked for."""

from __future__ import annotations

from pathlib import Path

from thrux.errors import ThruxError
from thrux.nifti.reader import NiftiReader

_WIDEST = 4000  # voxels; a kernel of that size means a wrong header


def check_spatial(reader: NiftiReader) -> None:
    """Refuse an image whose first three axes are not x, y, z."""
    header = reader.header
    path = Path(header.path)
    if len(header.shape) < 3:
        raise ThruxError(
            "three spatial axes are needed",
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
            remedy="Work along its surfaces: see thrux surface --help",
        )


def check_room(reader: NiftiReader, name: str, width: float) -> None:
    """Refuse an image that is none in space or too small for a width in mm, which is called as the user did."""
    check_spatial(reader)
    header = reader.header
    path = Path(header.path)
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
