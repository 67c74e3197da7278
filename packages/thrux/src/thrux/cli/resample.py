"""`thrux resample`."""

from __future__ import annotations

import math
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


def resample(
    source: Source,
    target: Target,
    like: Annotated[
        Path | None,
        typer.Option(
            metavar="GRID", help="Onto the grid of this image, in the space in mm that both share; or"
        ),
    ] = None,
    spacing: Annotated[
        str | None,
        typer.Option(
            metavar="MM[,MM,MM]",
            help="to voxels of this size along the axes of IN. The outer corner of the first voxel stays, and as many "
            "follow as cover the field of view.",
        ),
    ] = None,
    method: SamplingMethod = Sampling.linear,
    fill: Fill = 0.0,
    nan: RefuseOrZero = NanOrZero.refuse,
    force: Force = False,
    as_json: AsJson = False,
    max_memory: MaxMemory = None,
) -> None:
    """Bring an image onto the grid of another, or to another voxel size.

    Oblique and flipped images are followed through their affines. The volumes of a series are taken one by one and
    never mix. Header, time and metadata of IN are kept, its orientation becomes that of the new grid. The output is
    float32, or with nearest and labels of the type of IN; it appears under its name only when it is complete.

    Values are taken at points: before going to much larger voxels smooth the image (thrux smooth, by about the new
    width), or fine detail turns into noise.

    Examples:

        thrux resample bold.nii.gz bold_in_mni.nii.gz --like mni_2mm.nii.gz
        thrux resample t1.nii.gz t1_1mm.nii.gz --spacing 1 --method cubic
        thrux resample atlas.nii.gz atlas_in_bold.nii.gz --like bold.nii.gz --method labels
        thrux resample bold.nii.gz coarse.nii.gz --spacing 3,3,4 --json

    Exit codes: 0 done; 1 a file or the place for the output is refused; 2 wrong command line; 3 error in
    thrux.
    """
    if (like is None) == (spacing is None):
        raise typer.BadParameter("give either --like GRID or --spacing MM.", param_hint="--like")
    with console.refusals(as_json=as_json):
        from thrux.resampling import resample_file  # late: JAX is not needed to print the help

        with console.progress_bar() as bar:
            task = bar.add_task("Resampling", total=None)
            report = resample_file(
                source,
                target,
                like=like,
                spacing=None if spacing is None else _sizes(spacing),
                method=method.value,
                fill=fill,
                nan=nan.value,
                force=force,
                limits=limits_of(max_memory),
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        if report.not_finite:
            console.print_left_out(report.not_finite, zero=True)
        if as_json:
            console.print_json({"status": "ok", **report.as_dict()})
            return
        outside = f"; {report.outside} voxels lie outside of IN and are {fill:g}" if report.outside else ""
        console.out.print(
            Text(
                f"Wrote {target}: {times(report.shape)}, voxels of {times(report.spacing_mm)} mm, from "
                f"{times(report.shape_before)} of {times(report.spacing_before_mm)} mm, {method.value}{outside}; "
                f"{report.dtype}."
            ),
            soft_wrap=True,
        )


def _sizes(text: str) -> float | list[float]:
    try:
        sizes = [float(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if len(sizes) not in (1, 3) or not all(math.isfinite(mm) and mm > 0 for mm in sizes):
        raise typer.BadParameter(
            f"{text} is not one positive number of mm, nor three with commas between them.",
            param_hint="--spacing",
        )
    return sizes[0] if len(sizes) == 1 else sizes
