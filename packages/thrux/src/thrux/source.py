"""Bytes of a plain or gzip file, read forward and never past what is asked for."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from pathlib import Path
from types import TracebackType

from thrux.errors import ThruxError

_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
_CHUNK = 2**20
_TAIL = 2**16


class ByteSource:
    """A file opened for reading; gzip is recognised by its first bytes, whatever the name says."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            status = os.stat(self.path)
            if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
                raise ThruxError(
                    "only regular files are read",
                    file=self.path,
                    field="file",
                    value=_KINDS.get(stat.S_IFMT(status.st_mode), "special"),
                    remedy="Give the path of a file",
                )
            self._raw: io.BufferedIOBase = open(self.path, "rb")  # noqa: SIM115 (closed by close)
        except (OSError, ValueError) as error:
            raise ThruxError(
                "it cannot be opened",
                file=self.path,
                field="file",
                value=getattr(error, "strerror", None) or error,
                remedy="Check the path and that you may read it",
            ) from None
        self.size = status.st_size
        self.compressed = self._raw.read(2) == b"\x1f\x8b"
        self._raw.seek(0)
        self._stream: io.BufferedIOBase = self._raw
        if self.compressed:
            self._stream = gzip.GzipFile(fileobj=self._raw, mode="rb")

    def read(self, count: int) -> bytes:
        """Up to `count` bytes; fewer only where the file ends."""
        parts, left = [], count
        while left > 0 and (part := self._read_some(left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def read_exactly_into(self, target: memoryview, *, field: str) -> None:
        """Fill `target`, or say how many bytes were missing."""
        filled = 0
        while filled < len(target):
            part = self._read_some(len(target) - filled)
            if not part:
                raise ThruxError(
                    f"the file ends after {filled} of the next {len(target)} bytes that its header declares",
                    file=self.path,
                    field=field,
                    value="truncated",
                    remedy="Copy or download the file again",
                )
            target[filled : filled + len(part)] = part
            filled += len(part)

    def check_tail(self) -> None:
        """Read on a little, so that the checksum at the end of a gzip file is compared."""
        if self.compressed:
            self._read_some(_TAIL)

    def _read_some(self, count: int) -> bytes:
        try:
            return self._stream.read(min(count, _CHUNK))
        except (OSError, EOFError, zlib.error) as error:
            what = "compressed data" if self.compressed else "file"
            raise ThruxError(
                f"the {what} cannot be read ({error})",
                file=self.path,
                field="gzip" if self.compressed else "file",
                value="damaged",
                remedy="Copy or download the file again",
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        self._raw.close()

    def __enter__(self) -> ByteSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
