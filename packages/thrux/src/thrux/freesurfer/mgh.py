"""FreeSurfer's .mgh and .mgz files as maps of values on a surface, treated as untrusted input."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from thrux.errors import ThruxError
from thrux.limits import MIB, Limits
from thrux.nifti.writer import open_output
from thrux.source import ByteSource

SUFFIXES = (".mgh", ".mgz")
_HEADER = 284
_TYPES = {0: ">u1", 1: ">i4", 3: ">f4", 4: ">i2"}
_FLOAT = 3


@dataclass(frozen=True)
class MghFile:
    """Values, and the bytes around them, which are written back as they are."""

    path: Path
    header: bytes
    footer: bytes  # repetition time, flip angle, history
    values: Float[np.ndarray, "vertex map"]


def read_mgh(path: str | os.PathLike[str], *, limits: Limits | None = None) -> MghFile:
    """Read a file of one value, or one series, for each vertex.

    Args:
      path: A file in FreeSurfer's MGH format, plain or gzip-compressed.
      limits: What the file may ask for. Default: `Limits()`.
    Returns:
      The values as float32; of the three spatial axes all but one have size 1.
    Raises:
      ThruxError: If the file is refused: damaged, an image of voxels, or of a type that is not read.
    """
    limits = limits or Limits()
    with ByteSource(path) as source:
        header = source.read(_HEADER)
        fields = np.frombuffer(header[:28].ljust(28, b"\0"), ">i4")
        if len(header) < _HEADER or fields[0] != 1:
            raise _refusal(
                path, "version", fields[0], "an MGH file starts with 1 and has 284 bytes of header"
            )
        shape = tuple(int(n) for n in fields[1:5])
        if min(shape) < 1:
            raise _refusal(path, "dimensions", shape, "every size must be at least 1")
        if sorted(shape[:3])[:2] != [1, 1]:
            raise _refusal(
                path,
                "dimensions",
                shape,
                "values on a surface have one spatial axis, and this is an image of voxels",
                "Convert it to NIfTI and use thrux smooth",
            )
        if int(fields[5]) not in _TYPES:
            raise _refusal(path, "type", fields[5], "only uint8, int16, int32 and float32 are read")
        dtype = np.dtype(_TYPES[int(fields[5])])
        n, maps = max(shape[:3]), shape[3]
        _check_bytes(source, n * maps * dtype.itemsize, 4 * n * maps, limits)
        stored = np.empty((maps, n), dtype)
        source.read_exactly_into(stored.reshape(-1).view(np.uint8).data, field="data")
        footer = source.read(limits.extension + 1)
    if len(footer) > limits.extension:
        raise _refusal(
            path,
            "footer",
            f"longer than {limits.extension // MIB} MiB",
            "so much after the data is not believed",
            "If you trust the file, pass Limits(extension=...)",
        )
    return MghFile(Path(path), header, footer, stored.T.astype(np.float32))


def write_mgh(
    path: str | os.PathLike[str],
    like: MghFile,
    values: Float[np.ndarray, "vertex map"],
    *,
    force: bool = False,
) -> None:
    """Write float32 values with header and footer of `like`, atomically, compressed if the name ends in .mgz.

    There may be fewer maps than in `like`, not fewer vertices.
    """
    path = Path(path)
    header = bytearray(like.header)
    header[16:20] = np.array(values.shape[1], ">i4").tobytes()
    header[20:24] = np.array(_FLOAT, ">i4").tobytes()
    with ExitStack() as stack:
        stream = open_output(stack, path, force=force, packed=path.name.endswith(".mgz"))
        stream.write(bytes(header))
        stream.write(np.ascontiguousarray(values.T, ">f4").tobytes())
        stream.write(like.footer)


def _check_bytes(source: ByteSource, nbytes: int, converted: int, limits: Limits) -> None:
    if not source.compressed and _HEADER + nbytes > source.size:
        raise _refusal(
            source.path,
            "dimensions",
            "more than the file holds",
            f"{nbytes} bytes of data are declared, but the file has {source.size} in all",
        )
    if source.compressed and nbytes > limits.gzip_free and nbytes > limits.gzip_ratio * source.size:
        raise _refusal(
            source.path,
            "gzip ratio",
            nbytes // max(source.size, 1),
            f"{source.size} compressed bytes declare {nbytes} bytes of data; {limits.gzip_ratio} is the limit",
            "If you trust the file, decompress it first, or pass Limits(gzip_ratio=...)",
        )
    if nbytes + converted > limits.memory:
        raise _refusal(
            source.path,
            "dimensions",
            nbytes,
            f"the data take more memory than may be used, which is {limits.memory // MIB} MiB",
            "Raise the limit (--max-memory, Limits(memory=...)) or use a larger machine",
        )


def _refusal(
    path: str | os.PathLike[str],
    field: str,
    value: object,
    problem: str,
    remedy: str = "Copy the file again, or write it again with FreeSurfer",
) -> ThruxError:
    return ThruxError(problem, file=path, field=field, value=value, remedy=remedy)
