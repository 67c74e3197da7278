"""`thrux smooth`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from thrux.cli import console
from thrux.cli.options import AsJson, Force, MaxMemory, Nan, Width, limits_of


class Mode(str, Enum):  # noqa: UP042 (typer shows str enums)
    """How the image goes on past its border."""

    reflect = "reflect"
    mirror = "mirror"
    nearest = "nearest"
    constant = "constant"
    wrap = "wrap"


def smooth(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="The image to read, 3-D or 4-D: .nii, .nii.gz.")
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The image to write: .nii, .nii.gz.")],
    fwhm: Width,
    mode: Annotated[
        Mode, typer.Option(help="How the image goes on past its border (SciPy's names; constant means 0).")
    ] = Mode.reflect,
    nan: Annotated[
        Nan,
        typer.Option(
            help="Voxels that are NaN or infinite: refuse the file, take them as zero, or ignore them, "
            "that is leave them out of their neighbours' mean and NaN in the output."
        ),
    ] = Nan.refuse,
    force: Force = False,
    as_json: AsJson = False,
    max_memory: MaxMemory = None,
) -> None:
    """Smooth an image in space by a Gaussian that is MM millimetres wide.

    Voxel sizes come from the header, so a width in mm is right for voxels of any shape. The volumes of a 4-D
    series are smoothed one after the other and never mix, with a few of them in memory at a time.

    The output keeps header, affine and extensions; its values are float32 (float64 if IN has float64).
    It appears under its name only when it is complete.

    Examples:

        thrux smooth t1.nii.gz t1_smooth.nii.gz --fwhm 4
        thrux smooth bold.nii.gz bold_smooth.nii.gz --fwhm 6 --mode nearest
        thrux smooth zmap.nii.gz zmap_smooth.nii.gz --fwhm 8 --nan ignore --json

    Exit codes: 0 done; 1 a file or the place for the output is refused; 2 wrong command line; 3 error in
    thrux.
    """
    with console.refusals(as_json=as_json):
        from thrux.smoothing import smooth_file  # late: JAX is not needed to print the help

        with console.progress_bar() as bar:
            task = bar.add_task("Smoothing", total=None)
            report = smooth_file(
                source,
                target,
                fwhm=fwhm,
                mode=mode.value,
                nan=nan.value,
                force=force,
                limits=limits_of(max_memory),
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        if report.not_finite:
            how = "taken as 0" if nan is Nan.zero else "left out"
            console.err.print(Text(f"Note: {report.not_finite} voxels were NaN or infinite and {how}."))
        if as_json:
            console.print_json({"status": "ok", **report.as_dict()})
        else:
            size = " x ".join(map(str, report.shape))
            voxel = " x ".join(f"{mm:.4g}" for mm in report.spacing_mm)
            console.out.print(
                Text(f"Wrote {target}: {size}, voxels of {voxel} mm, FWHM {fwhm:g} mm, {report.dtype}."),
                soft_wrap=True,
            )
