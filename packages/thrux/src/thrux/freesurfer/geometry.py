"""Surfaces in FreeSurfer's triangle format, such as lh.white, treated as untrusted input."""

from __future__ import annotations

import os

import numpy as np
from jaxtyping import Float, Int

from thrux.errors import ThruxError
from thrux.limits import MIB, Limits
from thrux.source import ByteSource

TRIANGLES = b"\xff\xff\xfe"
_QUADRANGLES = (b"\xff\xff\xff", b"\xff\xff\xfd")  # the former is a map of values in its newer form
_LONGEST_STAMP = 4096
_PACKED = 8  # bytes per compressed byte that are believed of coordinates


def is_geometry(path: str | os.PathLike[str]) -> bool:
    """Whether the file starts as FreeSurfer's surfaces or maps do."""
    with ByteSource(path) as source:
        return source.read(3) in (TRIANGLES, *_QUADRANGLES)


def read_geometry(
    path: str | os.PathLike[str], *, limits: Limits | None = None
) -> tuple[Float[np.ndarray, "vertex 3"], Int[np.ndarray, "face 3"]]:
    """Read vertices (float32, mm, in the coordinates of the file) and triangles (int32), not yet looked into.

    Args:
      path: The file.
      limits: What the file may ask for. Default: `Limits()`.
    Raises:
      ThruxError: If it is not a file of triangles, or declares more than it holds or may hold.
    """
    limits = limits or Limits()
    with ByteSource(path) as source:
        magic = source.read(3)
        if magic != TRIANGLES:
            raise ThruxError(
                "a FreeSurfer surface of triangles starts with ff ff fe",
                file=path,
                field="magic",
                value=magic.hex(" ") or "nothing",
                remedy="Give a surface such as lh.white, or convert yours with mris_convert",
            )
        _skip_stamp(source)
        counts = np.empty(2, ">i4")
        source.read_exactly_into(counts.view(np.uint8).data, field="counts")
        n_vertices, n_faces = (int(n) for n in counts)
        nbytes = 12 * (n_vertices + n_faces)
        if n_vertices < 1 or n_faces < 1:
            raise ThruxError(
                "a surface has at least one vertex and one triangle",
                file=path,
                field="counts",
                value=f"{n_vertices} vertices, {n_faces} triangles",
                remedy="Copy or write the surface again",
            )
        believed = _PACKED * source.size + MIB if source.compressed else source.size
        if nbytes > min(limits.memory, believed):
            raise ThruxError(
                f"they take {nbytes} bytes, but the file has {source.size} and {limits.memory // MIB} MiB "
                "of memory may be used",
                file=path,
                field="counts",
                value=f"{n_vertices} vertices, {n_faces} triangles",
                remedy="The file is truncated or damaged; copy it again",
            )
        vertices, faces = np.empty((n_vertices, 3), ">f4"), np.empty((n_faces, 3), ">i4")
        source.read_exactly_into(vertices.reshape(-1).view(np.uint8).data, field="vertices")
        source.read_exactly_into(faces.reshape(-1).view(np.uint8).data, field="triangles")
    return vertices.astype(np.float32), faces.astype(np.int32)


def _skip_stamp(source: ByteSource) -> None:
    """Read past the line "created by ..." and the empty line that follows it."""
    stamp = b""
    while not stamp.endswith(b"\n\n"):
        byte = source.read(1)
        stamp += byte
        if not byte or len(stamp) > _LONGEST_STAMP:
            raise ThruxError(
                "the line that says who made the surface does not end",
                file=source.path,
                field="stamp",
                value="damaged",
                remedy="Copy or write the surface again",
            )
