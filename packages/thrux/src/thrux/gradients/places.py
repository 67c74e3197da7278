"""What gradients are made from: a matrix or a table of regions, or series on surfaces."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from thrux.connectivity.npy import read_npy
from thrux.errors import ThruxError
from thrux.limits import Limits
from thrux.maps import load_maps
from thrux.tables import read_table

TABLES = (".tsv", ".csv", ".txt", ".npy")
_ALIKE = (
    1e-5  # of the largest entry, by which a symmetric matrix may differ from its transpose, as text rounds it
)


class Hemisphere(NamedTuple):
    """Which of the places lie on one surface."""

    structure: str  # by CIFTI's names, "" if nothing says
    n_vertices: int
    vertices: Int[np.ndarray, " row"]  # of each of its places


class Places(NamedTuple):
    """What is known of each place; places of several surfaces follow one another."""

    values: Float[np.ndarray, "place other"]
    series: bool  # in time, else connectivity with each place
    names: tuple[str, ...]  # of regions; () on surfaces
    hemispheres: tuple[Hemisphere, ...]  # () of regions

    @property
    def kind(self) -> str:
        """In words."""
        if self.hemispheres:
            return "series on surfaces"
        return "series of regions" if self.series else "matrix"


def load_places(sources: Sequence[str | os.PathLike[str]], *, limits: Limits | None = None) -> Places:
    """Read a matrix, a table of series, or series on one surface or several, as untrusted input.

    A table that is symmetric is a matrix of connectivity, as `thrux connectivity` writes it; any other has a row for
    each frame and a column for each region.
    """
    if not any(Path(source).name.endswith(TABLES) for source in sources):
        return _on_surfaces(sources, limits)
    if len(sources) > 1:
        raise ThruxError(
            "a matrix or a table is read alone; several files are those of several surfaces",
            file=next(source for source in sources if Path(source).name.endswith(TABLES)),
            field="input",
            value=f"one of {len(sources)} files",
            remedy="Give one file after the other",
        )
    (path,) = sources
    if Path(path).name.endswith(".npy"):
        values = read_npy(path, limits=limits)
        names = tuple(str(n) for n in range(1, values.shape[1] + 1))
    else:
        table = read_table(path, row_names="name", limits=limits)
        names, values = table.names, table.values
    if values.shape[0] == values.shape[1] and _is_symmetric(values):
        return Places((values + values.T) / 2, False, names, ())
    return Places(values.T, True, names, ())


def _on_surfaces(sources: Sequence[str | os.PathLike[str]], limits: Limits | None) -> Places:
    parts = [part for source in sources for part in load_maps(source, limits=limits).parts]
    frames = sorted({part.values.shape[1] for part in parts})
    if len(frames) > 1 or frames[0] < 3:
        raise ThruxError(
            "series have the same frames on each surface, and three of them at least",
            file=sources[-1],
            field="frames",
            value=" and ".join(map(str, frames)),
            remedy="Give the series of one run, a file for each hemisphere",
        )
    hemispheres = tuple(
        Hemisphere(
            part.structure,
            part.n_vertices,
            np.arange(part.n_vertices) if part.vertices is None else part.vertices,
        )
        for part in parts
    )
    return Places(np.concatenate([part.values for part in parts]), True, (), hemispheres)


def _is_symmetric(matrix: Float[np.ndarray, "row row"]) -> bool:
    return bool((np.abs(matrix - matrix.T) <= _ALIKE * np.nanmax(np.abs(matrix), initial=0)).all())
