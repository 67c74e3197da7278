"""`thrux median`."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer
from rich.text import Text

from thrux.cli import console
from thrux.cli.options import (
    AsJson,
    Force,
    MaxMemory,
    NanOrZero,
    RefuseOrZero,
    Source,
    Target,
    checked_width,
    limits_of,
    times,
)


class Window(str, Enum):  # noqa: UP042 (typer shows str enums)
    """Which voxels are near."""

    ball = "ball"
    box = "box"


def median(
    source: Source,
    target: Target,
    size: Annotated[
        int | None,
        typer.Option(metavar="VOXELS", help="The width of a box in voxels along x, y and z: 3, 5, 7, ..."),
    ] = None,
    radius: Annotated[
        float | None,
        typer.Option(
            metavar="MM",
            callback=checked_width,
            help="How far the window reaches, by the voxel size in the header; give one of the two.",
        ),
    ] = None,
    shape: Annotated[
        Window | None,
        typer.Option(
            help="With --radius. ball: the voxels whose centres are within it; box: those within it along each "
            "axis. Default: ball."
        ),
    ] = None,
    nan: RefuseOrZero = NanOrZero.refuse,
    force: Force = False,
    as_json: AsJson = False,
    max_memory: MaxMemory = None,
) -> None:
    """Replace every voxel by the median of those around it, which takes out specks and keeps edges.

    Past its border the image is reflected. The volumes of a series are taken one by one and never mix. Type, scaling,
    header and affine of IN are kept: the median of an odd number of voxels is one of them.

    Examples:

        thrux median t1.nii.gz t1_median.nii.gz --size 3
        thrux median bold.nii.gz bold_median.nii.gz --radius 4
        thrux median t1.nii.gz t1_median.nii.gz --radius 2 --shape box --json

    Exit codes: 0 done; 1 a file or the place for the output is refused; 2 wrong command line; 3 error in
    thrux.
    """
    if (size is None) == (radius is None):
        raise typer.BadParameter("give either --size in voxels or --radius in mm.", param_hint="--size")
    if size is not None and (size < 3 or size % 2 == 0):
        raise typer.BadParameter(
            f"{size} is not an odd number of voxels from 3, so the window has no middle or nothing else.",
            param_hint="--size",
        )
    if size is not None and shape is not None:
        raise typer.BadParameter(
            "it belongs to --radius; with --size the window is a box.", param_hint="--shape"
        )
    with console.refusals(as_json=as_json):
        from thrux.median import median_file  # late: JAX is not needed to print the help

        with console.progress_bar() as bar:
            task = bar.add_task("Filtering", total=None)
            report = median_file(
                source,
                target,
                size=size,
                radius=radius,
                window="ball" if shape is None else shape.value,
                nan=nan.value,
                force=force,
                limits=limits_of(max_memory),
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        if report.not_finite:
            console.print_left_out(report.not_finite, zero=True)
        if as_json:
            console.print_json({"status": "ok", **report.as_dict()})
        else:
            wide = "" if radius is None else f" of {radius:g} mm"
            console.out.print(
                Text(
                    f"Wrote {target}: {times(report.shape)}, voxels of {times(report.spacing_mm)} mm, median over a "
                    f"{report.window}{wide} ({report.window_voxels} voxels, {times(report.window_size)}); "
                    f"{report.changed} voxels changed; {report.dtype}."
                ),
                soft_wrap=True,
            )
