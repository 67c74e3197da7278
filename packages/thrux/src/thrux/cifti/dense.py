"""The values of dense CIFTI-2 scalars and series, treated as untrusted input."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from thrux.cifti.axes import BrainModel, read_axes
from thrux.errors import ThruxError
from thrux.limits import Limits
from thrux.nifti.header import NiftiHeader
from thrux.nifti.reader import NiftiReader, scaled
from thrux.nifti.writer import NiftiWriter
from thrux.source import ByteSource

SUFFIXES = (".dscalar.nii", ".dtseries.nii")
_CODE = 32
_INTENTS = (3000, 3002, 3006)  # unknown, which nibabel writes unless told; dense series; dense scalars


@dataclass(frozen=True)
class CiftiFile:
    """A matrix and what its columns are; the header is kept as it is, for writing."""

    path: Path
    header: NiftiHeader
    series: bool
    models: list[BrainModel]
    values: Float[np.ndarray, "map column"]


def is_cifti(path: str | os.PathLike[str]) -> bool:
    """Whether this is a NIfTI-2 file whose intent is one of CIFTI's."""
    with ByteSource(path) as source:
        start = source.read(540)
    if len(start) < 540 or start[4:7] != b"n+2":
        return False
    order = "<" if start[:4] == struct.pack("<i", 540) else ">"
    return 3000 <= int(struct.unpack(order + "i", start[504:508])[0]) < 3100


def read_cifti(path: str | os.PathLike[str], *, limits: Limits | None = None) -> CiftiFile:
    """Read a `.dscalar.nii` or `.dtseries.nii` file.

    Header, XML and sizes are validated before the matrix is read.

    Args:
      path: The file.
      limits: What the file may ask for. Default: `Limits()`.
    Returns:
      The matrix as float32, [maps, columns], and the structure, surface size and vertices of its columns.
    Raises:
      ThruxError: If the file is refused; it names file, field, value and remedy.
    """
    with NiftiReader(path, limits=limits) as reader:
        header = reader.header
        shape = _matrix_shape(header)
        series, models = read_axes(_xml(header), shape, Path(path))
        reader.check_memory(header.data_bytes + 8 * shape[0] * shape[1])
        values = scaled(reader.raw(), header, np.dtype(np.float32))
    return CiftiFile(Path(path), header, series, models, values.reshape(shape))


def write_cifti(
    path: str | os.PathLike[str],
    like: CiftiFile,
    values: Float[np.ndarray, "map column"],
    *,
    force: bool = False,
) -> None:
    """Write a float32 matrix with the header and the axes of `like`, atomically."""
    with NiftiWriter(path, like.header, dtype=np.dtype(np.float32), force=force) as writer:
        writer.write(values)


def _matrix_shape(header: NiftiHeader) -> tuple[int, int]:
    intent = int(header.raw["intent_code"])
    if intent not in _INTENTS:
        raise ThruxError(
            "only dense scalars (3006) and dense series (3002) are read",
            file=header.path,
            field="intent_code",
            value=intent,
            remedy="Give a .dscalar.nii or .dtseries.nii file",
        )
    if header.shape[:4] != (1, 1, 1, 1) or len(header.shape) != 6:
        raise ThruxError(
            "a CIFTI matrix has the sizes 1, 1, 1, 1, maps, columns",
            file=header.path,
            field="dim",
            value=" x ".join(map(str, header.shape)),
            remedy="Write the file again with Connectome Workbench or nibabel",
        )
    return header.shape[4], header.shape[5]


def _xml(header: NiftiHeader) -> bytes:
    """The content of the header extension that CIFTI uses."""
    data, at = header.extension, 4
    order = header.raw.endianness
    while data[:1] != b"\0" and at + 8 <= len(data):
        size, code = struct.unpack(order + "ii", data[at : at + 8])
        if size < 16 or size % 16 or at + size > len(data):
            raise ThruxError(
                "a header extension takes a multiple of 16 bytes and ends before the data",
                file=header.path,
                field="extension size",
                value=size,
                remedy="Write the file again with Connectome Workbench or nibabel",
            )
        if code == _CODE:
            return bytes(data[at + 8 : at + size])
        at += size
    raise ThruxError(
        "the header does not hold the XML that describes the matrix",
        file=header.path,
        field="extension",
        value="missing",
        remedy="Write the file again with Connectome Workbench or nibabel",
    )
