"""`thrux morph erode`, `dilate`, `open`, `close` and `fill-holes`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from thrux.cli import console
from thrux.cli.options import (
    AsJson,
    Force,
    MaxMemory,
    Nan,
    NanOrZero,
    RefuseOrZero,
    Source,
    Target,
    checked_width,
    limits_of,
    times,
)

if TYPE_CHECKING:
    from thrux.morphology import MorphReport, Operation


class Shape(str, Enum):  # noqa: UP042 (typer shows str enums)
    """Which voxels are near."""

    ball = "ball"
    box = "box"
    cross = "cross"


Radius = Annotated[
    float,
    typer.Option(
        metavar="MM",
        callback=checked_width,
        help="How far the neighbourhood reaches, by the voxel size in the header; at least one voxel.",
    ),
]
Form = Annotated[
    Shape,
    typer.Option(
        "--shape",
        help="ball: the voxels whose centres are within the radius; box: those within it along each axis; "
        "cross: those of the ball that lie on an axis.",
    ),
]
Absent = Annotated[
    Nan,
    typer.Option(
        "--nan",
        help="Voxels that are NaN or infinite: refuse the file, take them as zero, or ignore them, that is let "
        "them take no part and be NaN in the output.",
    ),
]


def erode(
    source: Source,
    target: Target,
    radius: Radius,
    shape: Form = Shape.ball,
    nan: Absent = Nan.refuse,
    force: Force = False,
    as_json: AsJson = False,
    max_memory: MaxMemory = None,
) -> None:
    """Shrink what is bright: every voxel becomes the least of those within MM millimetres.

    For a mask of 0 and 1 as for grey values. Neighbourhoods are in mm, so a ball stays one on voxels of any shape.
    What lies beyond the border of the image takes no part: a mask that touches the border does not shrink there.
    Type, scaling, header and affine of IN are kept; the volumes of a series are taken one by one.

    Examples:

        thrux morph erode mask.nii.gz core.nii.gz --radius 3
        thrux morph erode mask.nii.gz core.nii.gz --radius 3 --shape box --json

    Exit codes: 0 done; 1 a file or the place for the output is refused; 2 wrong command line; 3 error in
    thrux.
    """
    _run("erode", source, target, radius, shape, nan, force, as_json, max_memory)


def dilate(
    source: Source,
    target: Target,
    radius: Radius,
    shape: Form = Shape.ball,
    nan: Absent = Nan.refuse,
    force: Force = False,
    as_json: AsJson = False,
    max_memory: MaxMemory = None,
) -> None:
    """Grow what is bright: every voxel becomes the greatest of those within MM millimetres.

    For a mask of 0 and 1 as for grey values. Neighbourhoods are in mm, so a ball stays one on voxels of any shape.
    Type, scaling, header and affine of IN are kept; the volumes of a series are taken one by one.

    Examples:

        thrux morph dilate lesion.nii.gz margin.nii.gz --radius 5
        thrux morph dilate atlas_region.nii.gz wide.nii.gz --radius 4 --force

    Exit codes: 0 done; 1 a file or the place for the output is refused; 2 wrong command line; 3 error in
    thrux.
    """
    _run("dilate", source, target, radius, shape, nan, force, as_json, max_memory)


def open_(
    source: Source,
    target: Target,
    radius: Radius,
    shape: Form = Shape.ball,
    nan: Absent = Nan.refuse,
    force: Force = False,
    as_json: AsJson = False,
    max_memory: MaxMemory = None,
) -> None:
    """Remove what is bright and small: erode, then dilate by the same MM millimetres.

    What the neighbourhood fits into stays as it is; specks, threads and thin bridges go. For a mask of 0 and 1 as for
    grey values. Type, scaling, header and affine of IN are kept; the volumes of a series are taken one by one.

    Examples:

        thrux morph open mask.nii.gz clean.nii.gz --radius 2

    Exit codes: 0 done; 1 a file or the place for the output is refused; 2 wrong command line; 3 error in
    thrux.
    """
    _run("open", source, target, radius, shape, nan, force, as_json, max_memory)


def close(
    source: Source,
    target: Target,
    radius: Radius,
    shape: Form = Shape.ball,
    nan: Absent = Nan.refuse,
    force: Force = False,
    as_json: AsJson = False,
    max_memory: MaxMemory = None,
) -> None:
    """Close what is dark and small: dilate, then erode by the same MM millimetres.

    Gaps, cracks and holes that the neighbourhood does not fit into go. For a mask of 0 and 1 as for grey values.
    Type, scaling, header and affine of IN are kept; the volumes of a series are taken one by one.

    Examples:

        thrux morph close mask.nii.gz whole.nii.gz --radius 4

    Exit codes: 0 done; 1 a file or the place for the output is refused; 2 wrong command line; 3 error in
    thrux.
    """
    _run("close", source, target, radius, shape, nan, force, as_json, max_memory)


def fill_holes(
    source: Source,
    target: Target,
    nan: RefuseOrZero = NanOrZero.refuse,
    force: Force = False,
    as_json: AsJson = False,
    max_memory: MaxMemory = None,
) -> None:
    """Fill holes of any size: what is dark and has no way to the border of the image through what is no brighter.

    A way goes through the faces of voxels. In a mask of 0 and 1 a hole becomes 1; among grey values it becomes as
    bright as the lowest place of what surrounds it. Type, scaling, header and affine of IN are kept; the volumes of a
    series are taken one by one.

    Examples:

        thrux morph fill-holes brain.nii.gz brain_filled.nii.gz

    Exit codes: 0 done; 1 a file or the place for the output is refused; 2 wrong command line; 3 error in
    thrux.
    """
    _run("fill-holes", source, target, None, None, nan, force, as_json, max_memory)


_DONE = {
    "erode": "eroded",
    "dilate": "dilated",
    "open": "opened",
    "close": "closed",
    "fill-holes": "holes filled",
}


def _run(
    operation: Operation,
    source: Path,
    target: Path,
    radius: float | None,
    shape: Shape | None,
    nan: Nan | NanOrZero,
    force: bool,
    as_json: bool,
    max_memory: float | None,
) -> None:
    with console.refusals(as_json=as_json):
        from thrux.morphology import morph_file  # late: JAX is not needed to print the help

        with console.progress_bar() as bar:
            task = bar.add_task("Working", total=None)
            report = morph_file(
                source,
                target,
                operation,
                radius=radius,
                shape="ball" if shape is None else shape.value,
                nan=nan.value,
                force=force,
                limits=limits_of(max_memory),
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        if report.not_finite:
            console.print_left_out(report.not_finite, zero=nan.value == "zero")
        if as_json:
            console.print_json({"status": "ok", **report.as_dict()})
        else:
            console.out.print(Text(f"Wrote {target}: {_sentence(report)}"), soft_wrap=True)


def _sentence(report: MorphReport) -> str:
    done = _DONE[report.operation]
    if report.neighbourhood_size is not None:
        done += (
            f" by a {report.neighbourhood} of {report.radius_mm:g} mm ({report.neighbourhood_voxels} voxels, "
            f"{times(report.neighbourhood_size)})"
        )
    return (
        f"{times(report.shape)}, voxels of {times(report.spacing_mm)} mm, {done}; {report.changed} voxels changed; "
        f"{report.dtype}."
    )
