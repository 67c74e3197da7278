"""Values of a NIfTI file, volume by volume."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from types import TracebackType

import numpy as np
from jaxtyping import Float, Shaped

from thrux.errors import ThruxError
from thrux.limits import MIB, Limits
from thrux.nifti.header import NiftiHeader, read_header
from thrux.source import ByteSource


def scaled(
    raw: Shaped[np.ndarray, "*shape"], header: NiftiHeader, dtype: np.dtype
) -> Float[np.ndarray, "*shape"]:
    """Stored values as real ones; refused where finite ones become infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        values = raw.astype(dtype, order="F")
        if header.scaled:
            values *= header.slope
            values += header.intercept
            if not np.isfinite(values).all() and not np.array_equal(np.isfinite(values), np.isfinite(raw)):
                raise ThruxError(
                    "the scaled values are too large to be represented",
                    file=header.path,
                    field="scl_slope",
                    value=header.slope,
                    remedy="Mend the scaling in the header",
                )
    return values


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
        for raw in self.raw_volumes():
            yield scaled(raw, self.header, np.dtype(np.float64))

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
                "there is not enough memory for it",
                file=self.header.path,
                field="dim",
                value=shape,
                remedy="Use a machine with more memory",
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
