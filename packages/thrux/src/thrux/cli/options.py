"""Options that several commands have, with one wording."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from thrux.limits import Limits


class Nan(str, Enum):  # noqa: UP042 (typer shows str enums)
    """What to do with values that are not numbers."""

    refuse = "refuse"
    zero = "zero"
    ignore = "ignore"


class NanOrZero(str, Enum):  # noqa: UP042
    """The same, where no value can be left out."""

    refuse = "refuse"
    zero = "zero"


class Sampling(str, Enum):  # noqa: UP042
    """How values between the centres of voxels come about."""

    linear = "linear"
    cubic = "cubic"
    lanczos = "lanczos"
    nearest = "nearest"
    labels = "labels"


def checked_width(value: float | None) -> float | None:
    """Refuse what is no width, while the command line is read."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise typer.BadParameter(f"{value:g} is not a positive number of mm.")
    return value


def limits_of(max_memory: float | None) -> Limits:
    """What a file may ask for."""
    return Limits() if max_memory is None else Limits(memory=int(max_memory * 2**30))


def times(sizes: Sequence[float | int]) -> str:
    """Sizes along axes in words."""
    return " x ".join(f"{size:.4g}" for size in sizes)


Source = Annotated[Path, typer.Argument(metavar="IN", help="The image to read, 3-D or 4-D: .nii, .nii.gz.")]
Target = Annotated[Path, typer.Argument(metavar="OUT", help="The image to write: .nii, .nii.gz.")]
Width = Annotated[
    float,
    typer.Option(metavar="MM", callback=checked_width, help="Full width of the Gaussian at half its height."),
]
RefuseOrZero = Annotated[
    NanOrZero,
    typer.Option("--nan", help="Voxels that are NaN or infinite: refuse the file, or take them as zero."),
]
SamplingMethod = Annotated[
    Sampling,
    typer.Option(
        "--method",
        help="Between the centres of voxels: linear; cubic: splines through the values; lanczos: a sinc in a window "
        "of six voxels; nearest; labels: of the labels around, the one with the largest share.",
    ),
]
Fill = Annotated[
    float, typer.Option(metavar="X", help="The value where OUT reaches beyond the voxels of IN.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output, also for a refusal.")
]
MaxMemory = Annotated[
    float | None,
    typer.Option(metavar="GIB", min=0.001, help="Memory to use at most. Default: half of the machine's."),
]
