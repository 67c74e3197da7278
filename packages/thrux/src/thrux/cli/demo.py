"""`thrux demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from thrux.cli import console
from thrux.cli.options import AsJson

if TYPE_CHECKING:
    from thrux.demo.run import DemoResult


def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder for the report; it is made if it is not there.")
    ],
    force: Annotated[
        bool,
        typer.Option("--force", help="Write into a folder that is not empty; other files stay."),
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="A coarser volume and fewer steps, for a first look.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show nitrix at work on real brain data, in a report with pictures.

    Nine jobs on data that installed packages carry: a brain image smoothed in millimetres, noise taken away from
    it by methods that keep edges, a mask of the brain cleaned and measured, a hidden warp found again, maps smoothed
    along the folded cortex, a resting-state run freed of movement and the gradients of connectivity (where the package
    brainspace is installed, which carries the data), distances along the cortex, and hidden wave speeds found again.
    Most are compared with SciPy or nilearn, in time and in value; derivatives with differences. It takes one to two
    minutes.

    DIR receives report.html (one file, open it in a browser), demo.png and results.json.

    Examples:

        thrux demo --out my-report
        thrux demo --out my-report --force --quick

    Exit codes: 0 done; 1 a package is missing or the folder is refused; 2 wrong command line; 3 error in
    thrux.
    """
    with console.refusals(as_json=as_json):
        from thrux.demo.run import run_demo  # late: JAX and matplotlib are not needed to print the help

        with console.progress_bar() as bar:
            task = bar.add_task("Starting", total=1.0)
            result = run_demo(
                out,
                force=force,
                quick=quick,
                progress=lambda text, done: bar.update(task, description=text, completed=done),
            )
        if as_json:
            console.print_json({"status": "ok", **result.as_dict()})
        else:
            _print_summary(result)


def _print_summary(result: DemoResult) -> None:
    table = Table(
        title="nitrix against SciPy and nilearn on this machine", title_justify="left", show_lines=True
    )
    table.add_column("Job")
    for name in ("nitrix", "the other", "other / nitrix", "Largest difference"):
        table.add_column(name, justify="right")
    for race in (race for races in result.races.values() for race in races):
        table.add_row(
            Text.assemble(race.job, "\n", (f"{race.size}; {race.rival}", "dim")),
            f"{1000 * race.nitrix_s:.4g} ms",
            f"{1000 * race.rival_s:.4g} ms",
            f"{race.ratio:.3g} x",
            f"{race.largest_difference:.2g} of\n{race.largest_value:.4g} {race.unit}",
        )
    console.out.print(table)
    for line in (line for section in result.facts.values() for line in section):
        console.out.print(Text("- " + line))
    console.out.print(Text(f"Report: {result.report} ({result.seconds:.0f} s)"), soft_wrap=True)
