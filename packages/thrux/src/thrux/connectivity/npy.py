"""Reading of NumPy's .npy files, treated as untrusted input."""

from __future__ import annotations

import io
import math
import os
from typing import NoReturn

import numpy as np
from jaxtyping import Float

from thrux.errors import ThruxError
from thrux.limits import MIB, Limits
from thrux.source import ByteSource

_HEADER = 10_000  # bytes that are looked at for it


def read_npy(
    path: str | os.PathLike[str], *, limits: Limits | None = None
) -> Float[np.ndarray, "row column"]:
    """Read a matrix of real numbers, in float64; objects (pickles) and sizes that do not fit are refused."""
    limits = limits or Limits()
    with ByteSource(path) as source:
        if source.size > limits.memory // 4:
            _refuse(
                path, "size", source.size, f"more than a quarter of {limits.memory // MIB} MiB is not read"
            )
        content = source.read(limits.memory // 4 + 1)
    stream = io.BytesIO(content[:_HEADER])
    try:
        version = np.lib.format.read_magic(stream)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, fortran, dtype = readers[version](stream)
    except (ValueError, KeyError, EOFError) as error:
        _refuse(path, "header", "damaged", f"it is not the start of a .npy file ({error})")
    if len(shape) != 2 or min(shape) < 1:
        _refuse(path, "shape", shape, "a matrix with a row for each frame is needed")
    if dtype.kind not in "fiu":
        _refuse(path, "dtype", dtype, "only real numbers are read")
    data = content[stream.tell() :]
    if len(data) != math.prod(shape) * dtype.itemsize:
        _refuse(path, "size", f"{len(data)} bytes", f"the header declares {shape[0]} x {shape[1]} of {dtype}")
    flat = np.frombuffer(data, dtype).astype(np.float64)
    return flat.reshape(shape, order="F" if fortran else "C")


def _refuse(path: str | os.PathLike[str], field: str, value: object, problem: str) -> NoReturn:
    raise ThruxError(
        problem,
        file=path,
        field=field,
        value=value,
        remedy="Write it again with numpy.save, or as a .tsv file",
    )
