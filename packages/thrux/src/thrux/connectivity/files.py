"""Matrices of connectivity from files of series."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from thrux.atomic import atomic_output, refuse_existing
from thrux.connectivity.matrices import Connectivity, Kind, connectivity
from thrux.connectivity.picture import check_picture, write_picture
from thrux.connectivity.regions import RegionSeries, load_region_series
from thrux.errors import ThruxError
from thrux.limits import Limits
from thrux.options import check_choice
from thrux.tables import write_matrix

SUFFIXES = (".tsv", ".npy", ".npz")


@dataclass(frozen=True)
class ConnectivityReport:
    """What `connectivity_files` did."""

    inputs: list[str]
    output: str
    picture: str | None
    labels: str | None
    kind: str
    l2: float
    regions: int
    names: list[str]
    frames: list[int]  # of each input
    constant: list[str]  # regions that are constant in some input, whose correlations are 0
    reference: str | None  # of the tangent space

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`."""
        return asdict(self)


def connectivity_files(
    sources: Sequence[str | os.PathLike[str]],
    target: str | os.PathLike[str],
    *,
    kind: Kind = "correlation",
    labels: str | os.PathLike[str] | None = None,
    l2: float | int = 0.0,
    picture: str | os.PathLike[str] | None = None,
    force: bool = False,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ConnectivityReport:
    """Estimate how regions go together in time, one matrix for each file of series.

    Args:
      sources: Tables with a column for each region, or images of series with `labels` (`load_region_series`).
      target: The file to write, atomically: .tsv for the matrix of one source, with names; .npy for the array
        [region, region] of one source or [source, region, region] of several; .npz for `matrices` (always of
        rank 3), `names`, `inputs` and for "tangent" the `reference`.
      kind: "correlation", "partial", "covariance" or "tangent", as in `connectivity`.
      labels: The regions of images.
      l2: What is added to the variances, in units of their mean.
      picture: A .png file to write: the matrix, the mean of several, or the reference of a tangent space as a
        correlation.
      force: Replace files that exist.
      limits: What the files may ask for. Default: `Limits()`.
      progress: Called with (sources read, sources in all).
    Raises:
      ThruxError: If a file is refused, if the sources have different regions, if a matrix cannot be estimated,
        or if an output cannot be written.
    Example:
      >>> import pathlib, tempfile
      >>> folder = pathlib.Path(tempfile.mkdtemp())
      >>> _ = (folder / "series.tsv").write_text("a\\tb\\n1\\t2\\n2\\t4\\n0\\t0\\n")
      >>> connectivity_files([folder / "series.tsv"], folder / "matrix.tsv").regions
      2
      >>> print((folder / "matrix.tsv").read_text().strip().expandtabs(8))
      name    a       b
      a       1       1
      b       1       1
    """
    limits = limits or Limits()
    check_choice("kind", kind, Kind)
    target = _check_target(sources, target, force=force)
    if picture is not None:
        check_picture(picture)
        refuse_existing(Path(picture), force=force)
    found: list[RegionSeries] = []
    for source in sources:
        found.append(load_region_series(source, labels=labels, limits=limits))
        if found[-1].names != found[0].names:
            raise ThruxError(
                f"its regions are others than those of {found[0].path}",
                file=source,
                field="regions",
                value=_first_difference(found[0].names, found[-1].names),
                remedy="Use the same columns or labels for all of them",
            )
        if progress:
            progress(len(found), len(sources))
    result = connectivity([run.values for run in found], kind=kind, l2=l2)
    names = found[0].names
    _write(target, result, names, [str(source) for source in sources], force=force)
    if picture is not None:
        title = f"{kind}, {len(sources)} runs" if len(sources) > 1 else kind
        write_picture(picture, _shown(result), names, title=title, force=force)
    flat = [[name for name, row in zip(names, run.values, strict=True) if np.ptp(row) == 0] for run in found]
    return ConnectivityReport(
        inputs=[str(source) for source in sources],
        output=str(target),
        picture=None if picture is None else str(picture),
        labels=None if labels is None else str(labels),
        kind=kind,
        l2=float(l2),
        regions=len(names),
        names=list(names),
        frames=[run.values.shape[1] for run in found],
        constant=sorted({name for run in flat for name in run}),
        reference=None if result.reference is None else "geometric mean of the covariances",
    )


def _check_target(
    sources: Sequence[str | os.PathLike[str]], target: str | os.PathLike[str], *, force: bool
) -> Path:
    target = Path(target)
    if not target.name.endswith(SUFFIXES) or target.name in SUFFIXES:
        raise ThruxError(
            f"the name must end in {', '.join(SUFFIXES)}",
            file=target,
            field="output",
            remedy="Write it as NAME.tsv, or as NAME.npz for several files",
        )
    if len(sources) > 1 and target.name.endswith(".tsv"):
        raise ThruxError(
            f"a table holds one matrix, and there are {len(sources)} files",
            file=target,
            field="output",
            remedy="Write it as NAME.npz or NAME.npy, or one file after the other",
        )
    refuse_existing(target, force=force)
    if target.exists() and any(Path(source).exists() and target.samefile(source) for source in sources):
        raise ThruxError(
            "it is one of the files that are read", file=target, field="output", remedy="Choose another name"
        )
    return target


def _first_difference(some: tuple[str, ...], others: tuple[str, ...]) -> str:
    if len(some) != len(others):
        return f"{len(others)} in number, not {len(some)}"
    return next(f"{b} in the place of {a}" for a, b in zip(some, others, strict=True) if a != b)


def _write(
    target: Path, result: Connectivity, names: tuple[str, ...], inputs: list[str], *, force: bool
) -> None:
    matrices = result.matrices
    if target.name.endswith(".tsv"):
        write_matrix(target, matrices[0], names, force=force)
        return
    stream = io.BytesIO()
    if target.name.endswith(".npy"):
        np.save(stream, matrices[0] if len(matrices) == 1 else matrices)
    else:
        arrays: dict[str, Any] = {"names": np.array(names), "inputs": np.array(inputs)}
        if result.reference is not None:
            arrays["reference"] = result.reference
        np.savez(stream, matrices=matrices, **arrays)
    with atomic_output(target, force=force) as output:
        output.write(stream.getvalue())


def _shown(result: Connectivity) -> np.ndarray:
    """What the picture is of."""
    if result.reference is None:
        return result.matrices.mean(axis=0)
    scale = np.sqrt(np.diag(result.reference))
    return result.reference / np.outer(scale, scale)
