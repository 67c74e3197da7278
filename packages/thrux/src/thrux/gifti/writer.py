"""Writing GIfTI files."""

from __future__ import annotations

import base64
import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from thrux.atomic import atomic_output
from thrux.errors import ThruxError
from thrux.gifti.reader import DTYPES, GiftiFile

SUFFIXES = (".gii", ".gii.gz")
_NAMES = {np.dtype(kind): name for name, kind in DTYPES.items()}


def check_gifti_name(path: str | os.PathLike[str]) -> Path:
    """Refuse an output name that does not say GIfTI."""
    if not str(path).endswith(SUFFIXES) or Path(path).name in SUFFIXES:
        raise ThruxError(
            "the name must end in .gii or .gii.gz",
            file=path,
            field="output",
            remedy="Write it as NAME.shape.gii, or as NAME.func.gii for a series",
        )
    return Path(path)


def write_gifti(path: str | os.PathLike[str], content: GiftiFile, *, force: bool = False) -> None:
    """Write arrays and metadata, atomically; same input, same bytes.

    Args:
      path: A name that ends in .gii, or in .gii.gz to have it compressed as a whole.
      content: Arrays of uint8, int32, float32 or float64. Their intents and metadata are written, and those
        of the file; of the attributes of an array that was read, nothing else.
      force: Replace the file if it exists.
    Raises:
      ThruxError: If the file cannot be written.
    """
    path = check_gifti_name(path)
    with atomic_output(path, force=force) as stream:
        if path.name.endswith(".gz"):
            with gzip.GzipFile(filename="", fileobj=stream, mode="wb", compresslevel=1, mtime=0) as packed:
                packed.writelines(_elements(content))
        else:
            stream.writelines(_elements(content))


def _elements(content: GiftiFile) -> Iterator[bytes]:
    """The file, piece by piece."""
    count = len(content.arrays)
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n'
    yield b'<!DOCTYPE GIFTI SYSTEM "http://www.nitrc.org/frs/download.php/115/gifti.dtd">\n'
    yield f'<GIFTI Version="1.0" NumberOfDataArrays="{count}">\n'.encode()
    yield _metadata(content.metadata)
    yield b"<LabelTable/>\n"
    for array in content.arrays:
        values = np.ascontiguousarray(array.values)
        attributes = {
            "Intent": array.intent,
            "DataType": _NAMES[values.dtype],
            "ArrayIndexingOrder": "RowMajorOrder",
            "Dimensionality": str(values.ndim),
            **{f"Dim{axis}": str(n) for axis, n in enumerate(values.shape)},
            "Encoding": "GZipBase64Binary",
            "Endian": "LittleEndian",
            "ExternalFileName": "",
            "ExternalFileOffset": "",
        }
        words = " ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items())
        data = zlib.compress(values.astype(values.dtype.newbyteorder("<"), copy=False).data, 1)
        yield f"<DataArray {words}>\n".encode() + _metadata(array.metadata)
        yield b"<Data>" + base64.b64encode(data) + b"</Data>\n</DataArray>\n"
    yield b"</GIFTI>\n"


def _metadata(metadata: dict[str, str]) -> bytes:
    entries = "".join(
        f"<MD><Name>{escape(name)}</Name><Value>{escape(value)}</Value></MD>\n"
        for name, value in metadata.items()
    )
    return f"<MetaData>\n{entries}</MetaData>\n".encode()
