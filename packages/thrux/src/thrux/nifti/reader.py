"""Values of a NIfTI file, volume by volume."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from types import TracebackType

import numpy as np
from jaxtyping import Shaped

from thrux.errors import ThruxError
from thrux.limits import MIB, Limits
from thrux.nifti.header import read_header
from thrux.source import ByteSource


class NiftiReader:
    """A NIfTI file opened for reading from its first voxel to its last.

    The header is validated when the file is opened. A volume is what the first three axes span.

    Raises:
      ThruxError: For anything in the file that is refused.
    """

    def __init__(self, path: str | os.PathLike[str], *, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._source = ByteSource(path)
        try:
            self.header = read_header(self._source, self.limits)
        except BaseException:
            self._source.close()
            raise
        self.volume_shape = self.header.shape[:3]
        self.n_volumes = math.prod(self.header.shape[3:])

    def check_memory(self, nbytes: int) -> None:
        """Refuse work that would hold more than the limit."""
        if nbytes > self.limits.memory:
            raise ThruxError(
                f"it needs {nbytes / MIB:.0f} MiB of memory, of which {self.limits.memory / MIB:.0f} MiB "
                "may be used",
                file=self.header.path,
                field="dim",
                value=" x ".join(map(str, self.header.shape)),
                remedy="Raise the limit (--max-memory, Limits(memory=...)) or use a larger machine",
            )

    def raw_volumes(self) -> Iterator[Shaped[np.ndarray, "*spatial"]]:
        """The volumes in the order of the file, unscaled and in the type they have on disk."""
        for _ in range(self.n_volumes):
            yield self._next(self.volume_shape)
        self._source.check_tail()

    def volumes(self) -> Iterator[Shaped[np.ndarray, "*spatial"]]:
        """The volumes in the order of the file, scaled to real values, in float64."""
        header = self.header
        for raw in self.raw_volumes():
            yield raw.astype(np.float64) * header.slope + header.intercept

    def raw(self) -> Shaped[np.ndarray, "*shape"]:
        """All values at once, unscaled and in the type they have on disk."""
        self.check_memory(self.header.data_bytes)
        values = self._next(self.header.shape)
        self._source.check_tail()
        return values

    def _next(self, shape: tuple[int, ...]) -> np.ndarray:
        try:
            values = np.empty(shape, self.header.dtype, order="F")
        except MemoryError:
            raise ThruxError(
                "there is not enough memory for it", file=self.header.path, field="dim", value=shape
            ) from None
        self._source.read_exactly_into(values.reshape(-1, order="F").view(np.uint8).data, field="data")
        return values

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def __enter__(self) -> NiftiReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
