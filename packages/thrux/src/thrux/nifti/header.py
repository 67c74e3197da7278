"""The header of a NIfTI file, validated before any data are read."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError

from thrux.errors import ThruxError
from thrux.limits import Limits
from thrux.nifti import rules
from thrux.nifti.orientation import affine_of, unit_of
from thrux.source import ByteSource


@dataclass(frozen=True)
class NiftiHeader:
    """What a validated header says.

    Attributes:
      path: The file.
      raw: nibabel's header with the file's own bytes and byte order.
      extension: The bytes between the header and the data, kept as they are.
      shape: Sizes, the spatial axes x, y, z first.
      dtype: Of the values on disk, byte order included.
      slope, intercept: Stored value to real value; (1, 0) if there is no scaling.
      affine: Voxel indices to the unit of `unit_mm`.
      unit_mm: The affine's unit in mm.
    """

    path: Path
    raw: nibabel.Nifti1Header
    extension: bytes
    shape: tuple[int, ...]
    dtype: np.dtype
    slope: float
    intercept: float
    affine: np.ndarray
    unit_mm: float

    @property
    def scaled(self) -> bool:
        """Whether stored values differ from real ones."""
        return (self.slope, self.intercept) != (1.0, 0.0)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size along x, y, z in mm: the column norms of the affine."""
        norms = np.linalg.norm(self.affine[:3, :3], axis=0) * self.unit_mm
        return (float(norms[0]), float(norms[1]), float(norms[2]))

    @property
    def data_bytes(self) -> int:
        """Bytes that the values take on disk."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(source: ByteSource, limits: Limits) -> NiftiHeader:
    """Read and validate the header at the start of `source`, and read on to the first voxel."""
    raw = _parse(source)
    path = source.path
    shape = rules.shape_of(raw, path)
    dtype = rules.dtype_of(raw, path)
    slope, intercept = rules.scaling_of(raw, path)
    rules.check_zooms(raw, len(shape), path)
    offset = rules.offset_of(raw, limits, path)
    nbytes = math.prod(shape) * dtype.itemsize  # Python integers: no overflow
    rules.check_bytes(source, offset, nbytes, limits)
    affine = affine_of(raw, path)
    extension = bytearray(offset - len(raw.binaryblock))
    source.read_exactly_into(memoryview(extension), field="vox_offset")
    unit_mm = unit_of(raw, path)
    return NiftiHeader(path, raw, bytes(extension), shape, dtype, slope, intercept, affine, unit_mm)


_KINDS = {348: (nibabel.Nifti1Header, b"n+1\0", b"ni1\0"), 540: (nibabel.Nifti2Header, b"n+2\0", b"ni2\0")}


def _parse(source: ByteSource) -> nibabel.Nifti1Header:
    """The header's fields as they stand, from either NIfTI version and byte order."""
    path = source.path
    start = source.read(4)
    if len(start) < 4:
        raise ThruxError(
            "a header takes 348 bytes or 540, so this is too few",
            file=path,
            field="header",
            value=f"{len(start)} bytes long",
            remedy="Give a NIfTI file (.nii or .nii.gz)",
        )
    for order in "<>":
        (size,) = struct.unpack(order + "i", start)
        if size in _KINDS:
            break
    else:
        raise ThruxError(
            "this is not the start of a NIfTI file, which is 348 or 540",
            file=path,
            field="sizeof_hdr",
            value=struct.unpack("<i", start)[0],
            remedy="Give a NIfTI file (.nii or .nii.gz)",
        )
    kind, single, pair = _KINDS[size]
    block = start + source.read(size - 4)
    if len(block) < size:
        raise ThruxError(
            f"the header is cut off after {len(block)} of {size} bytes",
            file=path,
            field="header",
            value="truncated",
            remedy="Copy or download the file again",
        )
    magic = block[344:348] if size == 348 else block[4:8]
    if magic == pair or (size == 348 and magic == b"\0\0\0\0"):
        raise ThruxError(
            "the image is kept in two files (.hdr and .img), which thrux does not read",
            file=path,
            field="magic",
            value=magic,
            remedy="Convert it to one file: nibabel.save(nibabel.load('x.hdr'), 'x.nii')",
        )
    if magic != single or (size == 540 and block[8:12] != b"\r\n\x1a\n"):
        raise ThruxError(
            f"a NIfTI file carries {single!r} there",
            file=path,
            field="magic",
            value=block[4:12] if size == 540 else magic,
            remedy="The file is damaged or not NIfTI; copy or convert it again",
        )
    try:
        return kind(block, endianness=order, check=False)
    except (HeaderDataError, ValueError) as error:
        raise ThruxError(
            f"the header cannot be parsed ({error})",
            file=path,
            field="header",
            value="damaged",
            remedy="Copy the file again",
        ) from None
