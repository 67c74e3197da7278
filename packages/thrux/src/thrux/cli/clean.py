"""`thrux clean`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from thrux.cli import console
from thrux.cli.options import AsJson, Force, MaxMemory, NanOrZero, checked_width, limits_of


class Standardise(str, Enum):  # noqa: UP042 (typer shows str enums)
    """What the series are divided by."""

    none = "none"
    zscore = "zscore"
    psc = "psc"


def clean(
    source: Annotated[
        Path,
        typer.Argument(metavar="IN", help="The series: 4-D .nii or .nii.gz, .func.gii, .mgh or .mgz."),
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write, of the kind of IN.")],
    confounds: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="What is regressed out: columns of .tsv, .csv or plain text, a row for each frame. A value that is "
            "missing (n/a) in the first row, as in derivatives, is taken from the second.",
        ),
    ] = None,
    columns: Annotated[
        str,
        typer.Option(
            metavar="A,B,...",
            help="Which columns: names or patterns such as trans_*; numbers from 1 where they have no names. "
            "Default: all.",
        ),
    ] = "",
    tr: Annotated[
        float | None,
        typer.Option(
            metavar="S", help="Seconds from frame to frame. Default: what IN says; a filter needs it."
        ),
    ] = None,
    detrend: Annotated[
        str,
        typer.Option(
            metavar="DEGREE", help="Of the polynomial that is taken away; 0 for the mean only, or none."
        ),
    ] = "1",
    high_pass: Annotated[
        float | None, typer.Option(metavar="HZ", help="Take away what is slower, for instance 0.01.")
    ] = None,
    low_pass: Annotated[
        float | None, typer.Option(metavar="HZ", help="Take away what is faster, for instance 0.1.")
    ] = None,
    order: Annotated[
        int,
        typer.Option(min=1, max=10, help="Of the filter, a Butterworth one that runs forward and backward."),
    ] = 5,
    scrub: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Frames to leave out: their numbers, counted from 0, or for each frame a 1 to leave it out or a 0.",
        ),
    ] = None,
    fd_threshold: Annotated[
        float | None,
        typer.Option(
            metavar="MM",
            callback=checked_width,
            help="Leave out frames whose framewise_displacement, a column of the confounds, is larger.",
        ),
    ] = None,
    keep_scrubbed: Annotated[
        bool,
        typer.Option(
            "--keep-scrubbed", help="Write these frames too, with what the steps make of the filled values."
        ),
    ] = False,
    standardise: Annotated[
        Standardise,
        typer.Option(
            help="zscore: mean 0 and deviation 1; psc: per cent of the mean that the series had in IN."
        ),
    ] = Standardise.none,
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="An image on the same grid, or a map of the same vertices; where it is 0, OUT is 0.",
        ),
    ] = None,
    nan: Annotated[
        NanOrZero,
        typer.Option(
            help="Series that are NaN or infinite at a frame that is kept: refuse the file, or take them as zero at "
            "all frames."
        ),
    ] = NanOrZero.refuse,
    force: Force = False,
    as_json: AsJson = False,
    max_memory: MaxMemory = None,
) -> None:
    """Free time series from drifts, from other frequencies and from confounds.

    It is done in this order, and --json tells what was done:

        1. a polynomial is taken away from series and confounds; scrubbed frames are left out of every fit
        2. scrubbed frames are filled linearly
        3. both are filtered, so that the filter brings back nothing of the confounds
        4. the confounds are regressed out
        5. scrubbed frames are dropped
        6. each series is standardised

    Series that are constant, such as the background, are 0 after the first step that takes their mean away. The
    output keeps header and metadata; its values are float32. It appears under its name only when it is complete.

    Examples:

        thrux clean bold.nii.gz clean.nii.gz --confounds confounds.tsv --columns 'trans_?,rot_?,csf,white_matter'
        thrux clean bold.nii.gz clean.nii.gz --high-pass 0.01 --low-pass 0.1 --mask brain.nii.gz
        thrux clean rest.lh.mgz clean.lh.mgz --confounds motion.txt --tr 1.4 --standardise zscore
        thrux clean L.func.gii out.func.gii --confounds confounds.tsv --fd-threshold 0.5 --json

    Exit codes: 0 done; 1 a file or the place for the output is refused; 2 wrong command line; 3 error in
    thrux.
    """
    degree = _degree(detrend)
    if tr is not None and not 0 < tr < 1e4:
        raise typer.BadParameter(f"{tr:g} is not a positive number of seconds.", param_hint="--tr")
    with console.refusals(as_json=as_json):
        from thrux.cleaning import clean_file  # late: JAX is not needed to print the help

        with console.progress_bar() as bar:
            task = bar.add_task("Cleaning", total=None)
            report = clean_file(
                source,
                target,
                confounds=confounds,
                columns=[name.strip() for name in columns.split(",") if name.strip()],
                tr=tr,
                detrend=degree,
                high_pass=high_pass,
                low_pass=low_pass,
                order=order,
                scrub=scrub,
                fd_threshold=fd_threshold,
                keep_scrubbed=keep_scrubbed,
                standardise=standardise.value,
                mask=mask,
                nan=nan.value,
                force=force,
                limits=limits_of(max_memory),
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        if report.not_finite:
            console.err.print(Text(f"Note: {report.not_finite} series were NaN or infinite and are 0."))
        if report.columns_filled:
            console.err.print(
                Text(
                    f"Note: of {len(report.columns_filled)} confounds the first value was missing and is that of the "
                    "second frame."
                ),
                soft_wrap=True,
            )
        if as_json:
            console.print_json({"status": "ok", **report.as_dict()})
            return
        left_out = f" ({len(report.frames_scrubbed)} scrubbed)" if report.frames_scrubbed else ""
        done = "; ".join(_sentence(step) for step in report.steps) or "nothing was asked for"
        console.out.print(
            Text(
                f"Wrote {target}: {report.series} series of {report.frames_written} frames{left_out}, "
                f"{report.constant} of them constant in IN; {done}; float32."
            ),
            soft_wrap=True,
        )


def _degree(text: str) -> int | None:
    if text == "none":
        return None
    if not (text.isascii() and text.isdigit() and int(text) <= 10):
        raise typer.BadParameter(f"{text} is no degree from 0 to 10, nor none.", param_hint="--detrend")
    return int(text)


def _sentence(step: dict[str, object]) -> str:
    details = [
        f"{name.replace('_', ' ')} {value}" for name, value in step.items() if name != "step" and value
    ]
    return f"{step['step']}" + (f" ({', '.join(details)})" if details else "")
