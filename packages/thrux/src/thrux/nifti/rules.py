"""What each field of a NIfTI header may be; one function per field, each refusing in words."""

from __future__ import annotations

import math
from pathlib import Path

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError

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
_REWRITE = "Mend the header, for instance by writing the image again with the program that made it"


def shape_of(raw: nibabel.Nifti1Header, path: Path) -> tuple[int, ...]:
    """Rank 1 to 7, every size at least 1."""
    dim = [int(n) for n in raw["dim"]]
    if not 1 <= dim[0] <= 7:
        raise ThruxError("the rank must be 1 to 7", file=path, field="dim[0]", value=dim[0], remedy=_REWRITE)
    for axis in range(1, dim[0] + 1):
        if dim[axis] < 1:
            raise ThruxError(
                "a size must be at least 1",
                file=path,
                field=f"dim[{axis}]",
                value=dim[axis],
                remedy=_REWRITE,
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
            remedy=_REWRITE,
        )
    return dtype


def scaling_of(raw: nibabel.Nifti1Header, path: Path) -> tuple[float, float]:
    """Slope and intercept, both finite; slope 0 means that there is no scaling."""
    slope, intercept = float(raw["scl_slope"]), float(raw["scl_inter"])
    for field, value in (("scl_slope", slope), ("scl_inter", intercept)):
        if not math.isfinite(value):
            raise ThruxError("it must be finite", file=path, field=field, value=value, remedy=_REWRITE)
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
                remedy=_REWRITE,
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
            remedy=_REWRITE,
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


def affine_of(raw: nibabel.Nifti1Header, path: Path) -> np.ndarray:
    """The best affine, finite and of full rank."""
    for field in ("sform_code", "qform_code"):
        if not 0 <= int(raw[field]) <= 5:
            raise ThruxError(
                "the code of an orientation is 0 to 5",
                file=path,
                field=field,
                value=int(raw[field]),
                remedy=_REWRITE,
            )
    fields: list[str] = []
    if int(raw["sform_code"]) > 0:
        fields += ["srow_x", "srow_y", "srow_z"]
    if int(raw["qform_code"]) > 0:
        fields += ["quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"]
    for field in fields:
        if not np.isfinite(raw[field]).all():
            raise ThruxError("it must be finite", file=path, field=field, value=raw[field], remedy=_REWRITE)
    by_quaternion = int(raw["sform_code"]) <= 0 < int(raw["qform_code"])
    if by_quaternion and float(raw["pixdim"][0]) not in (-1.0, 0.0, 1.0):
        raise ThruxError(
            "the sign of the z axis must be 1 or -1",
            file=path,
            field="pixdim[0]",
            value=raw["pixdim"][0],
            remedy=_REWRITE,
        )
    if float(raw["pixdim"][0]) == 0:  # to be taken as 1, which nibabel does only when it mends a header
        raw = raw.copy()
        raw["pixdim"][0] = 1
    try:
        with np.errstate(all="ignore"):  # what overflows is refused below
            affine = np.asarray(raw.get_best_affine(), np.float64)
            norms = np.linalg.norm(affine[:3, :3], axis=0)
    except (HeaderDataError, ValueError, np.linalg.LinAlgError) as error:
        raise ThruxError(
            f"the orientation cannot be computed ({error})",
            file=path,
            field="quatern",
            value=[float(raw[f"quatern_{axis}"]) for axis in "bcd"],
            remedy=_REWRITE,
        ) from None
    if not np.isfinite([*affine.flat, *norms]).all() or not (norms > 0).all():
        raise ThruxError(
            "each axis must have a finite length above 0",
            file=path,
            field="affine",
            value=norms,
            remedy=_REWRITE,
        )
    # Relative to the voxel size, so that tiny voxels in metres are not called flat.
    if abs(np.linalg.det(affine[:3, :3] / norms)) < 1e-6:
        raise ThruxError(
            "its axes lie in one plane", file=path, field="affine", value="singular", remedy=_REWRITE
        )
    return affine


def unit_of(raw: nibabel.Nifti1Header, path: Path) -> float:
    """The spatial unit in mm; not naming one means mm."""
    code = int(raw["xyzt_units"]) & 0x07
    units = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
    if code not in units:
        raise ThruxError(
            "the spatial unit is not one of unknown, metre, mm, micrometre",
            file=path,
            field="xyzt_units",
            value=int(raw["xyzt_units"]),
            remedy=_REWRITE,
        )
    return units[code]
