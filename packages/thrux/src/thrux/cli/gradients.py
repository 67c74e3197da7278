"""`thrux gradients`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from thrux.cli import console
from thrux.cli.options import AsJson, Force, MaxMemory, limits_of


class Approach(str, Enum):  # noqa: UP042 (typer shows str enums)
    """How likeness becomes maps."""

    diffusion = "diffusion"
    eigenmaps = "eigenmaps"


def gradients(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="IN...",
            help="A matrix of connectivity or the series of regions: .tsv, .csv, .txt or .npy; or series on surfaces, "
            "a file for each hemisphere: .func.gii, .mgh, .mgz or .dtseries.nii.",
        ),
    ],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="The file to write: .tsv or .npy of regions; .func.gii of a surface, of two lh.OUT and rh.OUT.",
        ),
    ],
    approach: Annotated[
        Approach, typer.Option(help="diffusion maps, or eigenmaps of the Laplacian.")
    ] = Approach.diffusion,
    components: Annotated[int, typer.Option(min=1, max=100, metavar="K", help="How many gradients.")] = 10,
    sparsity: Annotated[
        float,
        typer.Option(
            metavar="X", help="The share of each row of the connectivity that is left out, its smallest."
        ),
    ] = 0.9,
    alpha: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            metavar="X",
            help="Of diffusion maps: how far the density of places is taken out.",
        ),
    ] = 0.5,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="PNG",
            help="Draw regions by the first two gradients, or with --surface the first three maps (needs matplotlib).",
        ),
    ] = None,
    surface: Annotated[
        list[Path] | None,
        typer.Option(metavar="SURF", help="The surface to draw on; repeat it for the other hemisphere."),
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
    max_memory: MaxMemory = None,
) -> None:
    """Find the gradients of connectivity: maps along which that with all others changes, the smoothest first.

    Of each row of the correlations the largest are kept (a tenth by default, none below 0). Two places are as alike as
    these rows, by their cosine, and the likeness is embedded. A table that is symmetric is taken as connectivity, any
    other as series with a row for each frame. Of series on surfaces no matrix is ever held; both hemispheres are
    embedded together.

    Places without connectivity, such as the medial wall, whose series are constant, are left out and 0 in OUT. A
    gradient has no sign of its own: here its entry of largest size is positive. Where the eigenvectors are not found
    to their accuracy nothing is written.

    Examples:

        thrux gradients matrix.tsv gradients.tsv --picture plane.png
        thrux gradients rest.lh.mgz rest.rh.mgz gradients.func.gii --components 5
        thrux gradients L.func.gii R.func.gii g.func.gii --picture g.png --surface L.surf.gii --surface R.surf.gii
        thrux gradients regions.tsv eigenmaps.npy --approach eigenmaps --sparsity 0.8 --json

    Exit codes: 0 done; 1 a file or the place for the output is refused, or no gradients are found; 2 wrong command
    line; 3 error in thrux.
    """
    if not 0 <= sparsity < 1:
        raise typer.BadParameter(f"{sparsity:g} is no share from 0 to less than 1.", param_hint="--sparsity")
    with console.refusals(as_json=as_json):
        from thrux.gradients import gradients_file  # late: JAX is not needed to print the help

        with console.progress_bar() as bar:
            bar.add_task("Embedding", total=None)
            report = gradients_file(
                sources,
                target,
                approach=approach.value,
                components=components,
                sparsity=sparsity,
                alpha=alpha,
                picture=picture,
                surfaces=surface or [],
                force=force,
                limits=limits_of(max_memory),
            )
        if report.left_out:
            console.err.print(
                Text(f"Note: {report.left_out} of {report.places} places have no connectivity and are 0.")
            )
        if as_json:
            console.print_json({"status": "ok", **report.as_dict()})
            return
        drawn = f" Drew {report.picture}." if report.picture else ""
        eigenvalues = ", ".join(f"{value:.3g}" for value in report.eigenvalues[:5])
        console.out.print(
            Text(
                f"Wrote {' and '.join(report.outputs)}: {report.components} gradients of {report.places} places "
                f"({report.kind}), {report.approach}, eigenvalues {eigenvalues}"
                f"{', ...' * (report.components > 5)}; largest residual {max(report.residuals):.1g}.{drawn}"
            ),
            soft_wrap=True,
        )
