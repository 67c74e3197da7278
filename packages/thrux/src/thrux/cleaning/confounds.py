"""Confounds: columns of a table that a series is freed from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from thrux.errors import ThruxError
from thrux.limits import Limits
from thrux.tables import Table, read_table

DISPLACEMENT = "framewise_displacement"


class Confounds(NamedTuple):
    """What is regressed out."""

    names: tuple[str, ...]
    values: Float[np.ndarray, "frame confound"]
    filled: tuple[str, ...]  # columns whose first value was missing and is that of the second frame


def load_confounds(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str] = (),
    n_frames: int,
    limits: Limits | None = None,
) -> tuple[Table, Confounds]:
    """Read a table of confounds, a row for each frame: the whole table, and the columns that are asked for.

    Args:
      path: The table, as `read_table` takes it.
      columns: Names or patterns such as `trans_*`. Default: all columns.
      n_frames: How many rows there must be.
      limits: What the file may ask for. Default: `Limits()`.
    Returns:
      The table and the confounds. A value that is missing in the first row, as in derivatives, is taken from the
      second; NaN elsewhere is left for `check_confounds`.
    Raises:
      ThruxError: If the table is refused, lacks a column, or has another number of rows.
    """
    table = read_table(path, limits=limits)
    if len(table.values) != n_frames:
        raise ThruxError(
            f"there must be one for each of the {n_frames} frames of the series",
            file=path,
            field="rows",
            value=len(table.values),
            remedy="Give the table of this run, or take off the rows of frames that were dropped",
        )
    chosen = table.select(columns) if columns else list(range(len(table.names)))
    values = table.values[:, chosen].copy()
    names = tuple(table.names[number] for number in chosen)
    missing = np.isnan(values[0])
    if n_frames > 1:
        values[0, missing] = values[1, missing]
    return table, Confounds(names, values, tuple(n for n, gone in zip(names, missing, strict=True) if gone))


def check_confounds(table: Table, confounds: Confounds, kept: Bool[np.ndarray, " frame"]) -> None:
    """Refuse a value that is no number at a frame that is kept."""
    bad = ~np.isfinite(confounds.values) & kept[:, None]
    if bad.any():
        row, column = (int(n) for n in np.argwhere(bad)[0])
        raise ThruxError(
            f"{int(bad.sum())} values of the confounds are no numbers, the first in frame {row}, counted from 0",
            file=table.path,
            field=f"column {confounds.names[column]}",
            value=confounds.values[row, column],
            remedy="Choose other columns with --columns, or leave these frames out with --scrub",
        )
