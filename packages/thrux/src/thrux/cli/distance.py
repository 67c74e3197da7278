"""`thrux distance`."""

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
    limits_of,
    times,
)


class Metric(str, Enum):  # noqa: UP042 (typer shows str enums)
    """What a way costs."""

    euclidean = "euclidean"
    city_block = "city-block"
    chebyshev = "chebyshev"


def distance(
    source: Source,
    target: Target,
    metric: Annotated[
        Metric,
        typer.Option(
            help="euclidean: straight lines; city-block: the sum of the ways along x, y and z; chebyshev: the "
            "longest of the three."
        ),
    ] = Metric.euclidean,
    signed: Annotated[
        bool,
        typer.Option(
            "--signed", help="Outside: minus the distance to the nearest voxel inside, instead of 0."
        ),
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="X", help="Inside is what is above X. Default: what is not 0."),
    ] = None,
    nan: RefuseOrZero = NanOrZero.refuse,
    force: Force = False,
    as_json: AsJson = False,
    max_memory: MaxMemory = None,
) -> None:
    """Measure in mm how far each voxel inside a mask lies from the nearest one outside.

    Distances are exact, between the centres of voxels, by the voxel size in the header; they are 0 outside. An image
    that has nothing outside is refused. The volumes of a series are measured one by one. The output keeps header,
    affine and extensions; its values are float32.

    Examples:

        thrux distance brain_mask.nii.gz depth.nii.gz
        thrux distance grey_matter.nii.gz depth.nii.gz --threshold 0.5 --signed
        thrux distance lesion.nii.gz depth.nii.gz --metric chebyshev --json

    Exit codes: 0 done; 1 a file or the place for the output is refused; 2 wrong command line; 3 error in
    thrux.
    """
    with console.refusals(as_json=as_json):
        from thrux.distance import distance_file  # late: JAX is not needed to print the help

        with console.progress_bar() as bar:
            task = bar.add_task("Measuring", total=None)
            report = distance_file(
                source,
                target,
                metric=metric.value,
                signed=signed,
                threshold=threshold,
                nan=nan.value,
                force=force,
                limits=limits_of(max_memory),
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        if report.not_finite:
            console.print_left_out(report.not_finite, zero=True)
        if report.empty_volumes:
            console.err.print(
                Text(
                    f"Note: volumes with no voxel inside, all of whose distances are 0: {report.empty_volumes}."
                )
            )
        if as_json:
            console.print_json({"status": "ok", **report.as_dict()})
        else:
            outside = f", {report.smallest_mm:.4g} mm outside" if signed else ""
            console.out.print(
                Text(
                    f"Wrote {target}: {times(report.shape)}, voxels of {times(report.spacing_mm)} mm, "
                    f"{report.inside} voxels inside, {metric.value} distance up to {report.largest_mm:.4g} mm"
                    f"{outside}, float32."
                ),
                soft_wrap=True,
            )
