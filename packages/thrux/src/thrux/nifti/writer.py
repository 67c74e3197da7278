"""Writing a NIfTI file volume by volume."""

from __future__ import annotations

import gzip
import io
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import Real

from thrux.atomic import atomic_output
from thrux.errors import ThruxError
from thrux.nifti.header import NiftiHeader

SUFFIXES = (".nii", ".nii.gz")


def check_name(path: str | PathLike[str]) -> Path:
    """Refuse an output name that does not say NIfTI."""
    if not str(path).endswith(SUFFIXES) or Path(path).name in SUFFIXES:
        raise ThruxError(
            "the name must end in .nii or .nii.gz",
            file=path,
            field="output",
            remedy="Write it as NAME.nii.gz",
        )
    return Path(path)


def open_output(
    stack: ExitStack, path: Path, *, force: bool, packed: bool | None = None
) -> io.BufferedIOBase:
    """The stream that becomes `path`, compressed if the name says so; same input, same bytes."""
    stream = stack.enter_context(atomic_output(path, force=force))
    if path.name.endswith(".gz") if packed is None else packed:
        archive = gzip.GzipFile(filename="", fileobj=stream, mode="wb", compresslevel=3, mtime=0)
        return stack.enter_context(archive)
    return stream


class NiftiWriter:
    """An image with the header of another: same affine, extensions, byte order, and NIfTI version.

    With `dtype` the values are real ones, and of the header's fields `datatype`, `bitpix` and the scaling change.
    Without it they are stored ones, of the type and the scaling of the other file, and no field changes. The file
    takes its name when the block ends without an error and after all volumes were written.
    """

    def __init__(
        self, path: str | PathLike[str], like: NiftiHeader, *, dtype: np.dtype | None, force: bool = False
    ) -> None:
        self.path = check_name(path)
        self._like, self._force, self._stored = like, force, dtype is None
        self._dtype = like.dtype if dtype is None else np.dtype(dtype).newbyteorder(like.raw.endianness)
        self._left = like.data_bytes // like.dtype.itemsize
        self._stack = ExitStack()

    def __enter__(self) -> NiftiWriter:
        self._stream = open_output(self._stack, self.path, force=self._force)
        header = self._like.raw.copy()
        if not self._stored:
            header.set_data_dtype(self._dtype)
            header["scl_slope"], header["scl_inter"] = 1, 0
        self._stream.write(header.binaryblock + self._like.extension)
        return self

    def write(self, volume: Real[np.ndarray, "*spatial"]) -> None:
        """Append one volume."""
        self._left -= volume.size
        self._stream.write(volume.astype(self._dtype).tobytes(order="F"))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._left:
            short = ThruxError(f"{self._left} voxels were not written", file=self.path, field="output")
            self._stack.__exit__(ThruxError, short, None)
            raise short
        self._stack.__exit__(kind, error, trace)
