"""`thrux connectivity`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from thrux.cli import console
from thrux.cli.options import AsJson, Force, MaxMemory, limits_of


class Kind(str, Enum):  # noqa: UP042 (typer shows str enums)
    """What the entries of a matrix are."""

    correlation = "correlation"
    partial = "partial"
    covariance = "covariance"
    tangent = "tangent"


def connectivity(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="IN...",
            help="Series of regions: .tsv, .csv, .txt or .npy with a row for each frame; or with --labels an image: "
            "4-D .nii or .nii.gz, .func.gii, .mgh or .mgz. Several for several runs or people.",
        ),
    ],
    target: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="The file to write: .tsv, .npy, or .npz for all that is known."),
    ],
    kind: Annotated[
        Kind,
        typer.Option(
            help="correlation; partial: of two regions given all others; covariance; tangent: how each of several "
            "covariances differs from their geometric mean."
        ),
    ] = Kind.correlation,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The regions of an image: whole numbers on the same grid, or for the same vertices (.label.gii, "
            ".mgh, .mgz, or text with a number on each line). Series are averaged over each but 0.",
        ),
    ] = None,
    l2: Annotated[
        float,
        typer.Option(
            min=0.0,
            metavar="X",
            help="Add X times the mean variance to all variances, so that matrices of few frames can be inverted.",
        ),
    ] = 0.0,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Draw the matrix, or the mean of several (needs matplotlib)."),
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
    max_memory: MaxMemory = None,
) -> None:
    """Estimate how regions go together in time, from their series: a matrix for each IN.

    The matrix is computed in float64. Clean the series first (thrux clean): drifts and movements go together
    everywhere.

    Examples:

        thrux connectivity regions.tsv matrix.tsv --picture matrix.png
        thrux connectivity clean.nii.gz matrix.tsv --labels atlas.nii.gz --kind partial
        thrux connectivity clean.func.gii matrix.npy --labels parcels.label.gii
        thrux connectivity sub-*_regions.tsv tangent.npz --kind tangent --json

    Exit codes: 0 done; 1 a file or the place for the output is refused; 2 wrong command line; 3 error in
    thrux.
    """
    with console.refusals(as_json=as_json):
        from thrux.connectivity import connectivity_files  # late: JAX is not needed to print the help

        with console.progress_bar() as bar:
            task = bar.add_task("Reading", total=None)
            report = connectivity_files(
                sources,
                target,
                kind=kind.value,
                labels=labels,
                l2=l2,
                picture=picture,
                force=force,
                limits=limits_of(max_memory),
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        if report.constant:
            console.err.print(
                Text(f"Note: constant, with correlations of 0: {', '.join(report.constant[:8])}.")
            )
        if as_json:
            console.print_json({"status": "ok", **report.as_dict()})
            return
        runs = f"{len(report.inputs)} matrices" if len(report.inputs) > 1 else "a matrix"
        frames = (
            f"{min(report.frames)} to {max(report.frames)}"
            if len(set(report.frames)) > 1
            else report.frames[0]
        )
        drawn = f" Drew {report.picture}." if report.picture else ""
        console.out.print(
            Text(
                f"Wrote {target}: {runs} of {report.regions} regions, {kind.value}, {frames} frames.{drawn}"
            ),
            soft_wrap=True,
        )
