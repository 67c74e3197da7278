"""Reading GIfTI files, treated as untrusted input."""

from __future__ import annotations

import base64
import binascii
import math
import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn
from xml.parsers import expat

import numpy as np

from thrux.errors import ThruxError
from thrux.limits import MIB, Limits
from thrux.source import ByteSource

DTYPES = {
    "NIFTI_TYPE_UINT8": "u1",
    "NIFTI_TYPE_INT32": "i4",
    "NIFTI_TYPE_FLOAT32": "f4",
    "NIFTI_TYPE_FLOAT64": "f8",
}
_ORDER: dict[str, Literal["<", ">"]] = {"LittleEndian": "<", "BigEndian": ">"}
_ENCODINGS = ("ASCII", "Base64Binary", "GZipBase64Binary")
_DEPTH = 64


@dataclass
class GiftiArray:
    """One array of a GIfTI file and what it is meant as, such as NIFTI_INTENT_POINTSET."""

    intent: str
    attributes: dict[str, str]
    values: np.ndarray = field(default_factory=lambda: np.empty(0))
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass
class GiftiFile:
    """The arrays of a GIfTI file and what the file says of itself, such as AnatomicalStructurePrimary."""

    arrays: list[GiftiArray] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)  # what the values of label maps mean; not written


def read_gifti(path: str | os.PathLike[str], *, limits: Limits | None = None) -> GiftiFile:
    """Read a `.gii` or `.gii.gz` file.

    Entities that the file defines, external files and sizes that differ from the declared ones are refused.

    Args:
      path: The file.
      limits: What the file may ask for. Default: `Limits()`.
    Returns:
      The arrays in the order of the file, in the shape and type that the file declares, and the metadata
      of the file and of each array.
    Raises:
      ThruxError: If the file is refused; it names file, field, value and remedy.
    """
    limits = limits or Limits()
    with ByteSource(path) as source:
        text = source.read(limits.xml + 1)
    if len(text) > limits.xml:
        raise ThruxError(
            f"it holds more than {limits.xml // MIB} MiB of XML",
            file=path,
            field="size",
            remedy="Split the file, or pass Limits(xml=...)",
        )
    parser = _Parser(Path(path), limits)
    parser.parse(text)
    return parser.found


class _Parser:
    """Expat's events into arrays."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path, self.limits = path, limits
        self.found = GiftiFile()
        self.depth = 0
        self.key = self.label = ""
        self.text: list[str] | None = None
        self.current: GiftiArray | None = None
        self.total = 0

    def parse(self, text: bytes) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.characters
        # A reference to GIfTI's own DTD is usual and is not followed; definitions inside the file could
        # expand without bound or name other files.
        parser.EntityDeclHandler = lambda *_: self.refuse("defining entities is refused", "ENTITY", "defined")
        parser.ExternalEntityRefHandler = lambda *_: self.refuse(
            "external entities are refused", "ENTITY", "external"
        )
        parser.SkippedEntityHandler = lambda name, _: self.refuse("the entity is not known", "ENTITY", name)
        try:
            parser.Parse(text, True)
        except (expat.ExpatError, ValueError, LookupError) as error:
            self.refuse(f"the XML cannot be parsed ({error})", "XML", "damaged")

    def refuse(self, problem: str, field: str, value: object = "") -> NoReturn:
        raise ThruxError(
            problem, file=self.path, field=field, value=value, remedy="Write the surface again as plain GIfTI"
        )

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > _DEPTH:
            self.refuse(f"elements are nested deeper than {_DEPTH}", "XML", name)
        if self.depth == 1 and name != "GIFTI":
            self.refuse("the outermost element of a GIfTI file is GIFTI", "XML", name)
        if name == "DataArray":
            self.current = GiftiArray(attributes.get("Intent", ""), attributes)
        elif name in ("Name", "Value", "Label") or (name == "Data" and self.current is not None):
            self.text = []
            self.label = attributes.get("Key", "") if name == "Label" else ""

    def characters(self, text: str) -> None:
        if self.text is not None:
            self.text.append(text)

    def end(self, name: str) -> None:
        self.depth -= 1
        if name == "Data" and self.current is not None and self.text is not None:
            self.current.values = self.decode(self.current.attributes, "".join(self.text))
            self.text = None
        elif name in ("Name", "Value") and self.text is not None:
            self.describe(name, "".join(self.text).strip())
            self.text = None
        elif name == "Label" and self.text is not None:
            if self.label.isascii() and self.label.isdigit() and len(self.label) < 12:
                self.found.labels[int(self.label)] = "".join(self.text).strip()
            self.text = None
        elif name == "DataArray" and self.current is not None:
            if self.current.values.size == 0:
                self.refuse("an array has no data", "Data", "missing")
            self.found.arrays.append(self.current)
            self.current = None

    def describe(self, name: str, text: str) -> None:
        """One name and its value, of the array at hand or of the file."""
        metadata = self.found.metadata if self.current is None else self.current.metadata
        if name == "Name":
            self.key = text
        elif self.key:
            metadata[self.key] = text

    def choice(self, attributes: dict[str, str], name: str, choices: Any) -> str:
        value = attributes.get(name, "")
        if value not in choices:
            self.refuse(f"it must be one of {', '.join(choices)}", name, value or "missing")
        return value

    def size(self, attributes: dict[str, str], name: str, least: int, most: int) -> int:
        value = attributes.get(name, "")
        if not (value.isascii() and value.isdigit() and len(value) < 12 and least <= int(value) <= most):
            self.refuse(f"it must be a whole number from {least} to {most}", name, value or "missing")
        return int(value)

    def decode(self, attributes: dict[str, str], text: str) -> np.ndarray:
        """The values of one array: declared size first, then exactly as many bytes."""
        encoding = self.choice(attributes, "Encoding", _ENCODINGS)
        dtype = np.dtype(DTYPES[self.choice(attributes, "DataType", DTYPES)])
        rank = self.size(attributes, "Dimensionality", 1, 6)
        shape = tuple(self.size(attributes, f"Dim{axis}", 1, 2**40) for axis in range(rank))
        nbytes = math.prod(shape) * dtype.itemsize
        self.total += nbytes
        if self.total > self.limits.memory:
            self.refuse(f"the arrays would take more than {self.limits.memory // MIB} MiB", "Dim0", shape)
        row_major = self.choice(
            attributes, "ArrayIndexingOrder", ("RowMajorOrder", "ColumnMajorOrder")
        ).startswith("Row")
        if encoding == "ASCII":
            flat = self.ascii(text, math.prod(shape), dtype)
        else:
            data = self.binary(text, nbytes, packed=encoding.startswith("GZip"))
            order = _ORDER[self.choice(attributes, "Endian", _ORDER)]
            flat = np.frombuffer(data, dtype.newbyteorder(order)).astype(dtype)
        return flat.reshape(shape, order="C" if row_major else "F")

    def ascii(self, text: str, count: int, dtype: np.dtype) -> np.ndarray:
        words = text.split()
        if len(words) != count:
            self.refuse(f"{count} values are declared", "Data", f"{len(words)} values")
        try:
            return np.array(words, np.float64 if dtype.kind == "f" else np.int64).astype(dtype)
        except (ValueError, OverflowError) as error:
            self.refuse(f"a value cannot be read ({error})", "Data", "damaged")

    def binary(self, text: str, nbytes: int, *, packed: bool) -> bytes:
        try:
            data = base64.b64decode("".join(text.split()), validate=True)
            if packed:
                data = zlib.decompressobj().decompress(data, nbytes + 1)
        except (binascii.Error, zlib.error, ValueError) as error:
            self.refuse(f"the data cannot be decoded ({error})", "Data", "damaged")
        if len(data) != nbytes:
            self.refuse(
                f"{nbytes} bytes are declared",
                "Data",
                f"{len(data)} bytes" if len(data) < nbytes else "more bytes",
            )
        return data
