"""The series of regions: from a table, or averaged over the voxels or vertices of each label."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from jaxtyping import Float, Int

from thrux.connectivity.npy import read_npy
from thrux.errors import ThruxError
from thrux.gifti import read_gifti
from thrux.limits import Limits
from thrux.maps import load_maps
from thrux.nifti.grid import load_on_grid
from thrux.nifti.reader import NiftiReader
from thrux.nifti.writer import SUFFIXES as NIFTI_SUFFIXES
from thrux.tables import read_table
from thrux.time_series import load_series

_IMAGES = (*NIFTI_SUFFIXES, ".gii", ".gii.gz", ".mgh", ".mgz")


class RegionSeries(NamedTuple):
    """One series for each region."""

    path: Path
    names: tuple[str, ...]
    values: Float[np.ndarray, "region frame"]


def load_region_series(
    path: str | os.PathLike[str],
    *,
    labels: str | os.PathLike[str] | None = None,
    limits: Limits | None = None,
) -> RegionSeries:
    """Read the series of regions, as untrusted input.

    Args:
      path: A table with a row for each frame and a column for each region (.tsv, .csv, .txt, or .npy), or an
        image of series (4-D NIfTI, .func.gii, .mgh, .mgz) together with `labels`.
      labels: For an image: whole numbers on the same grid (NIfTI) or for the same vertices (.label.gii,
        .shape.gii, .mgh, .mgz, or a text file with a number on each line); 0 belongs to no region.
      limits: What the files may ask for. Default: `Limits()`.
    Returns:
      The series in float64 and the names of the regions: of the columns, of the labels in a .label.gii file,
      else numbers.
    Raises:
      ThruxError: If a file is refused, if series and labels do not fit, or if a value is not finite.
    """
    limits = limits or Limits()
    image = Path(path).name.endswith(_IMAGES)
    if image and labels is None:
        _refuse(path, "labels", "missing", "the regions of an image are said by labels", "Give --labels FILE")
    if labels is not None and not image:
        _refuse(path, "labels", labels, "a table has a column for each region already", "Leave out --labels")
    if labels is not None:
        found = _averaged(path, labels, limits)
    elif Path(path).name.endswith(".npy"):
        rows = read_npy(path, limits=limits)
        found = RegionSeries(Path(path), tuple(str(n) for n in range(1, rows.shape[1] + 1)), rows.T)
    else:
        table = read_table(path, limits=limits)
        found = RegionSeries(Path(path), table.names, table.values.T)
    bad = ~np.isfinite(found.values).all(axis=1)
    if bad.any():
        _refuse(
            path,
            f"region {found.names[int(np.argmax(bad))]}",
            "NaN or infinite",
            f"{int(bad.sum())} of {len(bad)} regions have values that are no numbers",
            "Clean the series first, or leave these regions out",
        )
    return found


def mean_by_label(
    series: Float[np.ndarray, "series frame"], labels: Int[np.ndarray, " series"]
) -> tuple[Int[np.ndarray, " region"], Float[np.ndarray, "region frame"]]:
    """The labels other than 0 in ascending order, and the mean of the series that carry each."""
    order = np.argsort(labels, kind="stable")
    order = order[labels[order] != 0]
    found, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    sums = np.add.reduceat(series[order], starts, axis=0, dtype=np.float64)
    return found, sums / counts[:, None]


def _averaged(path: str | os.PathLike[str], labels: str | os.PathLike[str], limits: Limits) -> RegionSeries:
    words: dict[int, str] = {}
    if Path(path).name.endswith(NIFTI_SUFFIXES):
        given = load_series(path, mask=labels, limits=limits)
        with NiftiReader(path, limits=limits) as reader:
            image = load_on_grid(labels, reader.header, role="label image", limits=limits)
        numbers = image.reshape(-1, order="F")[given.inside]
    else:
        given = load_series(path, limits=limits)
        numbers, words = _labels_of_vertices(labels, limits)
        if len(numbers) != len(given.values):
            _refuse(
                labels,
                "labels",
                len(numbers),
                f"there must be one for each of the {len(given.values)} vertices of {path}",
                "Give the labels of the surface that the series are on",
            )
    if not (np.isfinite(numbers).all() and (numbers == np.round(numbers)).all()):
        _refuse(labels, "labels", "no whole numbers", "labels are whole numbers", "Give an image of labels")
    if not (numbers != 0).any():
        _refuse(labels, "labels", "all 0", "0 belongs to no region, so there is none", "Give other labels")
    found, values = mean_by_label(given.values, numbers.astype(np.int64))
    return RegionSeries(Path(path), tuple(words.get(int(n)) or str(n) for n in found), values)


def _labels_of_vertices(
    path: str | os.PathLike[str], limits: Limits
) -> tuple[Float[np.ndarray, " vertex"], dict[int, str]]:
    """A number for each vertex, and what the numbers mean if the file says it."""
    name = Path(path).name
    if name.endswith((".gii", ".gii.gz")):
        content = read_gifti(path, limits=limits)
        columns, words = [array.values for array in content.arrays], content.labels
    elif name.endswith(_IMAGES):
        columns, words = [part.values for part in load_maps(path, limits=limits).parts], {}
    else:
        columns, words = [read_table(path, limits=limits).values], {}
    sizes = [column.size // len(column) for column in columns]
    if sizes != [1]:
        _refuse(path, "labels", f"{sum(sizes)} maps", "one number for each vertex is needed", "Give one map")
    return columns[0].reshape(-1).astype(np.float64), words


def _refuse(path: str | os.PathLike[str], field: str, value: object, problem: str, remedy: str) -> NoReturn:
    raise ThruxError(problem, file=path, field=field, value=value, remedy=remedy)
