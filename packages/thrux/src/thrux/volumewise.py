"""A file made from another, one volume after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from thrux.nifti.header import NiftiHeader
from thrux.nifti.reader import NiftiReader
from thrux.nifti.writer import NiftiWriter

Progress = Callable[[int, int], None]


def write_volumes(
    reader: NiftiReader,
    volumes: Iterable[np.ndarray],
    change: Callable[[np.ndarray, str], np.ndarray],
    target: Path,
    *,
    dtype: np.dtype | None,
    force: bool,
    progress: Progress | None,
    like: NiftiHeader | None = None,
) -> None:
    """Write what `change` makes of each volume, with the header of the file that is read or with another.

    change: Also given in words which volume it is, for its refusals.
    dtype: As of `NiftiWriter`.
    like: The header of the output. None: that of the file that is read.
    """
    total = reader.n_volumes
    if progress:
        progress(0, total)
    with NiftiWriter(target, like or reader.header, dtype=dtype, force=force) as writer:
        for done, volume in enumerate(volumes, start=1):
            writer.write(change(volume, f" of volume {done} of {total}" if total > 1 else ""))
            if progress:
                progress(done, total)
