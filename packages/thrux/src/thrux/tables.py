"""Tables of numbers in text files: columns between tabs, commas or blanks."""

from __future__ import annotations

import csv
import math
import os
from array import array
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from jaxtyping import Float

from thrux.atomic import atomic_output
from thrux.errors import ThruxError
from thrux.limits import MIB, Limits
from thrux.source import ByteSource

_MISSING = {"", "n/a", "na"}


class Table(NamedTuple):
    """Columns of numbers."""

    path: Path
    names: tuple[str, ...]  # by the first line, else the numbers of the columns, counted from 1
    values: Float[np.ndarray, "row column"]  # NaN where the file says n/a, NaN or nothing

    def column(self, name: str) -> Float[np.ndarray, " row"]:
        """The column of this name, or a refusal."""
        (number,) = self.select([name])
        return self.values[:, number]

    def select(self, patterns: Sequence[str]) -> list[int]:
        """The numbers of the columns that have these names or fit these patterns, such as `trans_*`."""
        found: dict[int, None] = {}
        for pattern in patterns:
            exact = [n for n, name in enumerate(self.names) if name == pattern]
            fits = exact or [n for n, name in enumerate(self.names) if fnmatchcase(name, pattern)]
            if not fits:
                raise ThruxError(
                    "the table has no such column",
                    file=self.path,
                    field="column",
                    value=pattern,
                    remedy=f"It has {_listed(self.names)}",
                )
            found |= dict.fromkeys(fits)
        return list(found)


def read_table(path: str | os.PathLike[str], *, row_names: str = "", limits: Limits | None = None) -> Table:
    """Read a table of numbers, as untrusted input.

    Args:
      path: A text file in UTF-8, plain or gzip-compressed: .tsv has tabs between columns, .csv commas; in any
        other one it is what the first line has, tabs, commas or blanks, and lines from # on are comments. If
        the first line holds a word, it is the names of the columns.
      row_names: What a first column is called that holds no numbers but names of the rows, and is left out.
      limits: What the file may ask for. Default: `Limits()`.
    Returns:
      The names and the values in float64.
    Raises:
      ThruxError: If the file is refused: too large, no text, a cell that is no number, lines of different length.
    Example:
      >>> import pathlib, tempfile
      >>> path = pathlib.Path(tempfile.mkdtemp(), "confounds.tsv")
      >>> _ = path.write_text("csf\\tdvars\\n1.5\\tn/a\\n2\\t3\\n")
      >>> table = read_table(path)
      >>> table.names, table.values.tolist()
      (('csf', 'dvars'), [[1.5, nan], [2.0, 3.0]])
    """
    limits = limits or Limits()
    with ByteSource(path) as source:
        content = source.read(limits.table + 1)
    if len(content) > limits.table:
        _refuse(path, "size", f"more than {limits.table // MIB} MiB", "no table of numbers is so long")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        _refuse(path, "text", "not UTF-8", "a table is a text file")
    lines = _cells(text, Path(path))
    try:
        number, first = next(lines)
    except StopIteration:
        _refuse(path, "rows", "none", "the table is empty")
    skipped = 1 if row_names and first[0] == row_names else 0
    first = first[skipped:]
    values = array("d")
    try:
        values.extend(_number(cell) for cell in first)
        names = tuple(str(n) for n in range(1, len(first) + 1))
    except ValueError:
        values = array("d")
        names = _names(first, path)
    for number, cells in lines:
        line = cells[skipped:]
        if len(line) != len(names):
            _refuse(path, f"line {number}", f"{len(line)} columns long", f"the first line has {len(names)}")
        for name, cell in zip(names, line, strict=True):
            try:
                values.append(_number(cell))
            except ValueError:
                _refuse(path, f"line {number}, column {name}", cell, "it is no number, nor n/a")
    if not values:
        _refuse(path, "rows", "none", "there is nothing below the names of the columns")
    return Table(Path(path), names, np.frombuffer(values, np.float64).reshape(-1, len(names)))


def write_matrix(
    path: str | os.PathLike[str],
    matrix: Float[np.ndarray, "row column"],
    names: Sequence[str],
    *,
    columns: Sequence[str] | None = None,
    force: bool = False,
) -> None:
    """Write a matrix as TSV, atomically: names of the rows in the first column, those of columns in the first line.

    columns: Their names. None: those of the rows, of a square matrix.
    """
    names = [" ".join(name.split()) for name in names]  # a tab in a name would be a further column
    with atomic_output(path, force=force) as stream:
        stream.write("\t".join(["name", *(names if columns is None else columns)]).encode() + b"\n")
        for name, row in zip(names, matrix, strict=True):
            stream.write("\t".join([name, *(f"{value:.9g}" for value in row)]).encode() + b"\n")


def _cells(text: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The number and the cells of each line that holds any."""
    lines = text.splitlines()
    kind = path.name.removesuffix(".gz")
    comments = not kind.endswith((".tsv", ".csv"))
    if comments:
        lines = [line.partition("#")[0] for line in lines]
    first = next((line for line in lines if line.strip()), "")
    between = "\t" if kind.endswith(".tsv") else "," if kind.endswith(".csv") else None
    if between is None:
        between = next((mark for mark in "\t," if mark in first), None)
    try:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                cells = line.split() if between is None else next(csv.reader([line], delimiter=between))
                yield number, [cell.strip() for cell in cells]
    except csv.Error as error:
        _refuse(path, f"line {number}", "damaged", f"it cannot be read ({error})")


def _number(cell: str) -> float:
    if cell.lower() in _MISSING:
        return math.nan
    if "_" in cell:  # Python would read 1_0 as 10
        raise ValueError(cell)
    return float(cell)


def _names(cells: list[str], path: str | os.PathLike[str]) -> tuple[str, ...]:
    for number, name in enumerate(cells, start=1):
        if not name:
            _refuse(path, f"column {number}", "without a name", "it may be an index that is no data")
        if name in cells[: number - 1]:
            _refuse(path, f"column {number}", name, "an earlier column has the same name")
    return tuple(cells)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown


def _refuse(path: str | os.PathLike[str], field: str, value: object, problem: str) -> NoReturn:
    raise ThruxError(
        problem, file=path, field=field, value=value, remedy="Mend the table, or write it again as TSV"
    )
