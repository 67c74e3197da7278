"""`thrux`: the commands and their help."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from thrux.cli import console, morph, surface
from thrux.cli.clean import clean
from thrux.cli.connectivity import connectivity
from thrux.cli.console import paragraphs
from thrux.cli.demo import demo
from thrux.cli.distance import distance
from thrux.cli.gradients import gradients
from thrux.cli.median import median
from thrux.cli.resample import resample
from thrux.cli.smooth import smooth
from thrux.cli.warp import warp

HELP = """
Brain images and surfaces, processed by nitrix.

New here? Look at real brain data first:

    thrux demo --out my-report

Then smooth an image of your own by a Gaussian that is 6 mm wide:

    thrux smooth bold.nii.gz smooth.nii.gz --fwhm 6

Clean a mask by millimetres, measure how deep its voxels lie, take specks out of an image:

    thrux morph open mask.nii.gz clean.nii.gz --radius 3
    thrux distance clean.nii.gz depth.nii.gz
    thrux median t1.nii.gz t1_median.nii.gz --size 3

Bring images onto one grid, or through a warp:

    thrux resample bold.nii.gz bold_2mm.nii.gz --spacing 2
    thrux warp t1.nii.gz t1_in_mni.nii.gz --like mni.nii.gz --affine world.txt --field warp.nii.gz

Or smooth maps on the cortex, along its folds, and measure distances there:

    thrux surface smooth lh.white lh.thickness.mgz smooth.mgz --fwhm 10
    thrux surface geodesic lh.white --from 4920 --out distance.shape.gii

Free the series of a run from drifts and movements, and see how regions go together in time:

    thrux clean bold.nii.gz clean.nii.gz --confounds confounds.tsv --high-pass 0.01 --low-pass 0.1
    thrux connectivity clean.nii.gz matrix.tsv --labels atlas.nii.gz --picture matrix.png
    thrux gradients matrix.tsv gradients.tsv

Each command explains itself: thrux smooth --help

Nothing is ever overwritten unless you say --force. With --json a command prints one JSON object on standard
output, for scripts; messages and progress go to standard error.

Exit codes: 0 done; 1 a file, its data or the place for the output is refused, with the reason;
2 the command line itself is wrong; 3 an error in thrux that should be reported.
"""

app = typer.Typer(
    name="thrux",
    help=paragraphs(HELP),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command(help=paragraphs(demo.__doc__ or ""))(demo)
app.command(help=paragraphs(smooth.__doc__ or ""))(smooth)

app.command(help=paragraphs(median.__doc__ or ""))(median)

morphs = typer.Typer(
    no_args_is_help=True,
    help="Change shapes in images: grow, shrink, remove small parts, close gaps, fill holes.",
)
morphs.command(help=paragraphs(morph.erode.__doc__ or ""))(morph.erode)
morphs.command(help=paragraphs(morph.dilate.__doc__ or ""))(morph.dilate)
morphs.command("open", help=paragraphs(morph.open_.__doc__ or ""))(morph.open_)
morphs.command(help=paragraphs(morph.close.__doc__ or ""))(morph.close)
morphs.command("fill-holes", help=paragraphs(morph.fill_holes.__doc__ or ""))(morph.fill_holes)
app.add_typer(morphs, name="morph")
app.command(help=paragraphs(distance.__doc__ or ""))(distance)
app.command(help=paragraphs(resample.__doc__ or ""))(resample)
app.command(help=paragraphs(warp.__doc__ or ""))(warp)
app.command(help=paragraphs(clean.__doc__ or ""))(clean)
app.command(help=paragraphs(connectivity.__doc__ or ""))(connectivity)
app.command(help=paragraphs(gradients.__doc__ or ""))(gradients)

surfaces = typer.Typer(no_args_is_help=True, help="Work along surfaces: smooth maps, measure distances.")
surfaces.command(help=paragraphs(surface.smooth.__doc__ or ""))(surface.smooth)
surfaces.command(help=paragraphs(surface.geodesic.__doc__ or ""))(surface.geodesic)
app.add_typer(surfaces, name="surface")


def _print_version(wanted: bool) -> bool:
    if wanted:
        typer.echo("  ".join(f"{name} {_version(name)}" for name in ("thrux", "nitrix", "jax")))
        raise typer.Exit
    return wanted


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


@app.callback()
def _options(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print versions and stop."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; an unforeseen error becomes one line, not a traceback."""
    try:
        app()
    except Exception as error:
        if os.environ.get("THRUX_DEBUG"):
            raise
        console.print_panel(
            f"{type(error).__name__}: {error}\n"
            "Please report it; with THRUX_DEBUG=1 set, thrux shows where it happened.",
            title="Error in thrux",
        )
        sys.exit(3)
