"""What each field of a NIfTI header may be; one function per field, each refusing in words."""

from __future__ import annotations

import math
from pathlib import Path

import nibabel
import numpy as np

from thrux.errors import ThruxError
from thrux.limits import MIB, Limits
from thrux.source import ByteSource

# NIfTI type code: NumPy type. Complex, colour, bit and 128-bit types have no use here.
DTYPES = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
REWRITE = "Mend the header, for instance by writing the image again with the program that made it"


def shape_of(raw: nibabel.Nifti1Header, path: Path) -> tuple[int, ...]:
    """Rank 1 to 7, every size at least 1."""
    dim = [int(n) for n in raw["dim"]]
    if not 1 <= dim[0] <= 7:
        raise ThruxError("the rank must be 1 to 7", file=path, field="dim[0]", value=dim[0], remedy=REWRITE)
    for axis in range(1, dim[0] + 1):
        if dim[axis] < 1:
            raise ThruxError(
                "a size must be at least 1",
                file=path,
                field=f"dim[{axis}]",
                value=dim[axis],
                remedy=REWRITE,
            )
    return tuple(dim[1 : dim[0] + 1])


def dtype_of(raw: nibabel.Nifti1Header, path: Path) -> np.dtype:
    """A real type of the list, with as many bits as it has."""
    code, bits = int(raw["datatype"]), int(raw["bitpix"])
    if code not in DTYPES:
        names = ", ".join(str(np.dtype(t)) for t in DTYPES.values())
        raise ThruxError(
            "this type of value is not read",
            file=path,
            field="datatype",
            value=code,
            remedy=f"Convert the image to one of {names}",
        )
    dtype = np.dtype(DTYPES[code]).newbyteorder(raw.endianness)
    if bits != 8 * dtype.itemsize:
        raise ThruxError(
            f"a value of type {np.dtype(DTYPES[code])} has {8 * dtype.itemsize} bits",
            file=path,
            field="bitpix",
            value=bits,
            remedy=REWRITE,
        )
    return dtype


def scaling_of(raw: nibabel.Nifti1Header, path: Path) -> tuple[float, float]:
    """Slope and intercept, both finite; slope 0 means that there is no scaling."""
    slope, intercept = float(raw["scl_slope"]), float(raw["scl_inter"])
    for field, value in (("scl_slope", slope), ("scl_inter", intercept)):
        if not math.isfinite(value):
            raise ThruxError("it must be finite", file=path, field=field, value=value, remedy=REWRITE)
    return (1.0, 0.0) if slope == 0 else (slope, intercept)


def check_zooms(raw: nibabel.Nifti1Header, rank: int, path: Path) -> None:
    """Spatial voxel sizes positive, the others finite."""
    for axis in range(1, rank + 1):
        zoom = float(raw["pixdim"][axis])
        if not math.isfinite(zoom) or (axis <= 3 and zoom <= 0):
            raise ThruxError(
                "a voxel size must be finite" + (" and positive" if axis <= 3 else ""),
                file=path,
                field=f"pixdim[{axis}]",
                value=zoom,
                remedy=REWRITE,
            )


def offset_of(raw: nibabel.Nifti1Header, limits: Limits, path: Path) -> int:
    """Where the data start: a whole number past the header, its four flag bytes and any extension."""
    offset, least = float(raw["vox_offset"]), len(raw.binaryblock) + 4
    if not math.isfinite(offset) or offset != int(offset) or offset < least:
        raise ThruxError(
            f"the data must start at byte {least} or later",
            file=path,
            field="vox_offset",
            value=raw["vox_offset"],
            remedy=REWRITE,
        )
    if offset > least + limits.extension:
        raise ThruxError(
            f"more than {limits.extension // MIB} MiB of header extension is not believed",
            file=path,
            field="vox_offset",
            value=int(offset),
            remedy="Remove the extension, or pass Limits(extension=...)",
        )
    return int(offset)


def check_bytes(source: ByteSource, offset: int, nbytes: int, limits: Limits) -> None:
    """Declared against actual size, or against what gzip can plausibly hold."""
    if not source.compressed:
        if offset + nbytes > source.size:
            raise ThruxError(
                f"the header declares {nbytes} bytes of data from byte {offset}, "
                f"but the file has {source.size} bytes in all",
                file=source.path,
                field="dim",
                value="more than the file holds",
                remedy="The file is truncated or its header wrong; copy or download it again",
            )
    elif nbytes > limits.gzip_free and nbytes > limits.gzip_ratio * source.size:
        raise ThruxError(
            f"{source.size} compressed bytes declare {nbytes} bytes of data, "
            f"a ratio of {nbytes // max(source.size, 1)} where {limits.gzip_ratio} is the limit",
            file=source.path,
            field="gzip ratio",
            value=nbytes // max(source.size, 1),
            remedy="If you trust the file, decompress it first (gunzip), or pass Limits(gzip_ratio=...)",
        )
