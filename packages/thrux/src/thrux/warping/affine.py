"""Affine maps of space in text files."""

from __future__ import annotations

import os
from typing import Literal, NoReturn

import numpy as np
from jaxtyping import Float

from thrux.errors import ThruxError
from thrux.limits import Limits
from thrux.tables import read_table

Convention = Literal["ras", "lps"]
_SINGULAR = 1e6  # condition from which on a map has no inverse of use


def signs(convention: Convention) -> Float[np.ndarray, "3"]:
    """By which coordinates of a convention are multiplied to be RAS: x to the right, y to the front, z up."""
    return np.array([1.0, 1, 1] if convention == "ras" else [-1.0, -1, 1])


def load_affine(
    path: str | os.PathLike[str], *, convention: Convention = "ras", limits: Limits | None = None
) -> Float[np.ndarray, "4 4"]:
    """Read a map of space, as untrusted input.

    Args:
      path: Four lines of four numbers with blanks, tabs or commas between them, in mm; lines from # on are comments.
      convention: Of the coordinates that the map takes and gives: "ras" or "lps".
      limits: What the file may ask for. Default: `Limits()`.
    Returns:
      The matrix, for RAS coordinates.
    Raises:
      ThruxError: If the file is refused: another shape, another last row than 0 0 0 1, no finite numbers, singular.
    Example:
      >>> import pathlib, tempfile
      >>> path = pathlib.Path(tempfile.mkdtemp(), "world.txt")
      >>> _ = path.write_text("1 0 0 10\\n0 1 0 0\\n0 0 1 0\\n0 0 0 1\\n")
      >>> load_affine(path, convention="lps")[0].tolist()
      [1.0, 0.0, 0.0, -10.0]
    """
    matrix = read_table(path, limits=limits).values
    if matrix.shape != (4, 4):
        _refuse(path, f"{matrix.shape[0]} x {matrix.shape[1]}", "there must be four lines of four numbers")
    if not np.isfinite(matrix).all():
        _refuse(path, "not finite", "all its entries must be numbers")
    if not np.array_equal(matrix[3], [0, 0, 0, 1]):
        _refuse(path, matrix[3].tolist(), "the last line must be 0 0 0 1")
    if not np.linalg.cond(matrix[:3, :3]) < _SINGULAR:
        _refuse(path, "singular", "space would collapse")
    sign = np.append(signs(convention), 1)
    return sign[:, None] * matrix * sign + 0.0  # no -0


def _refuse(path: str | os.PathLike[str], value: object, problem: str) -> NoReturn:
    raise ThruxError(
        problem,
        file=path,
        field="matrix",
        value=value,
        remedy="Write the map of the target's space to the image's, in mm, as plain text",
    )
