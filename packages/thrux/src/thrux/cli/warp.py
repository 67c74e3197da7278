"""`thrux warp`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from thrux.cli import console
from thrux.cli.options import (
    AsJson,
    Fill,
    Force,
    MaxMemory,
    NanOrZero,
    RefuseOrZero,
    Sampling,
    SamplingMethod,
    Source,
    Target,
    limits_of,
    times,
)


class Convention(str, Enum):  # noqa: UP042 (typer shows str enums)
    """Which way the axes of space point."""

    ras = "ras"
    lps = "lps"


def warp(
    source: Source,
    target: Target,
    like: Annotated[
        Path | None,
        typer.Option(
            metavar="GRID", help="Onto the grid of this image. Default: that of the field, else that of IN."
        ),
    ] = None,
    affine: Annotated[
        Path | None,
        typer.Option(
            metavar="MATRIX",
            help="A text file with four lines of four numbers, mm to mm: of each point of the target where it is "
            "fetched from.",
        ),
    ] = None,
    invert_affine: Annotated[
        bool,
        typer.Option("--invert-affine", help="MATRIX says where each point of IN goes; apply its inverse."),
    ] = False,
    field: Annotated[
        Path | None,
        typer.Option(
            metavar="WARP",
            help="Displacements in mm, of shape x, y, z, 3 or x, y, z, 1, 3, on any grid in the space of the target.",
        ),
    ] = None,
    velocity: Annotated[
        bool,
        typer.Option(
            "--velocity", help="WARP holds velocities that are constant in time; follow them for one unit."
        ),
    ] = False,
    convention: Annotated[
        Convention,
        typer.Option(
            help="Of MATRIX and WARP. ras: x to the right, y to the front; lps: to the left, to the back, as ITK and "
            "ANTs have it."
        ),
    ] = Convention.ras,
    method: SamplingMethod = Sampling.linear,
    fill: Fill = 0.0,
    nan: RefuseOrZero = NanOrZero.refuse,
    force: Force = False,
    as_json: AsJson = False,
    max_memory: MaxMemory = None,
) -> None:
    """Warp an image by an affine, by a displacement field, or by both: out(p) = in(MATRIX(p + WARP(p))).

    Here p is a point of the target in mm: MATRIX and WARP lead from the target's space to that of IN, which is what
    registration programs write for this purpose. Of ANTs: a field as it is with --convention lps. FSL's matrices and
    fields are in coordinates of their own and must be converted first.

    Each volume of a series is warped alike. Header, time and metadata of IN are kept, its orientation becomes that of
    the new grid. The output is float32, or with nearest and labels of the type of IN.

    Examples:

        thrux warp bold.nii.gz out.nii.gz --like t1.nii.gz --affine bold_from_t1.txt
        thrux warp t1.nii.gz t1_in_mni.nii.gz --like mni.nii.gz --affine world.txt --field warp.nii.gz
        thrux warp aseg.nii.gz aseg_in_mni.nii.gz --field 1Warp.nii.gz --convention lps --method labels
        thrux warp t1.nii.gz moved.nii.gz --field svf.nii.gz --velocity --json

    Exit codes: 0 done; 1 a file or the place for the output is refused; 2 wrong command line; 3 error in
    thrux.
    """
    if affine is None and field is None:
        raise typer.BadParameter("give --affine MATRIX or --field WARP, or both.", param_hint="--affine")
    if invert_affine and affine is None:
        raise typer.BadParameter("it is about --affine, which is not given.", param_hint="--invert-affine")
    if velocity and field is None:
        raise typer.BadParameter("it is about --field, which is not given.", param_hint="--velocity")
    with console.refusals(as_json=as_json):
        from thrux.warping import warp_file  # late: JAX is not needed to print the help

        with console.progress_bar() as bar:
            task = bar.add_task("Warping", total=None)
            report = warp_file(
                source,
                target,
                like=like,
                affine=affine,
                invert_affine=invert_affine,
                field=field,
                velocity=velocity,
                convention=convention.value,
                method=method.value,
                fill=fill,
                nan=nan.value,
                force=force,
                limits=limits_of(max_memory),
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        if report.not_finite:
            console.print_left_out(report.not_finite, zero=True)
        if report.folds:
            console.err.print(
                Text(f"Note: the field turns space inside out at {report.folds} of its voxels.")
            )
        if as_json:
            console.print_json({"status": "ok", **report.as_dict()})
            return
        moved = "" if field is None else f", moved by up to {report.largest_displacement_mm:.4g} mm"
        outside = (
            f"; {report.outside} voxels come from outside of IN and are {fill:g}" if report.outside else ""
        )
        console.out.print(
            Text(
                f"Wrote {target}: {times(report.shape)}, voxels of {times(report.spacing_mm)} mm, on the grid of "
                f"{report.grid}{moved}, {method.value}{outside}; {report.dtype}."
            ),
            soft_wrap=True,
        )
