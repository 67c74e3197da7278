"""Which frames of a series are left out of every fit, for instance because the head moved."""

from __future__ import annotations

import os

import numpy as np
from jaxtyping import Bool

from thrux.cleaning.confounds import DISPLACEMENT
from thrux.errors import ThruxError
from thrux.limits import Limits
from thrux.tables import Table, read_table

Frames = Bool[np.ndarray, " frame"]


def load_scrubbed(path: str | os.PathLike[str], *, n_frames: int, limits: Limits | None = None) -> Frames:
    """Read which frames shall be left out.

    Args:
      path: A table of one column, with or without a name: either the numbers of the frames that are left out,
        counted from 0, or for each frame a 1 if it is left out and a 0 if it is kept.
      n_frames: How many frames the series has.
      limits: What the file may ask for. Default: `Limits()`.
    Returns:
      True where a frame is left out.
    Raises:
      ThruxError: If the table is refused or holds anything else.
    """
    table = read_table(path, limits=limits)
    # A single line of numbers is a column that lies down.
    values = table.values.reshape(-1) if 1 in table.values.shape else table.values[:, :0]
    flags = values.shape == (n_frames,) and bool(np.isin(values, (0, 1)).all())
    if flags and (n_frames > 2 or len(np.unique(values)) < n_frames):
        return values == 1
    whole = values.size > 0 and bool(np.isfinite(values).all() and (values == np.round(values)).all())
    if not whole or values.min() < 0 or values.max() >= n_frames or len(np.unique(values)) < values.size:
        raise ThruxError(
            f"it must hold the numbers of the frames to leave out, from 0 to {n_frames - 1} and each once, or "
            f"{n_frames} flags, 1 for a frame to leave out and 0 for one to keep",
            file=path,
            field="scrub",
            value=f"{table.values.shape[0]} rows, {table.values.shape[1]} columns",
            remedy="Write one number on each line",
        )
    scrubbed = np.zeros(n_frames, bool)
    scrubbed[values.astype(int)] = True
    return scrubbed


def scrubbed_by_displacement(table: Table, threshold: float | int) -> Frames:
    """The frames to which the head moved by more than a threshold in mm; the first one has no such value."""
    moved = table.column(DISPLACEMENT).copy()
    moved[0] = np.nan_to_num(moved[0])
    if not np.isfinite(moved).all():
        frame = int(np.argmax(~np.isfinite(moved)))
        raise ThruxError(
            f"it is no number in frame {frame}, counted from 0",
            file=table.path,
            field=f"column {DISPLACEMENT}",
            value=moved[frame],
            remedy="Mend the table, or name the frames to leave out with --scrub",
        )
    return moved > threshold
