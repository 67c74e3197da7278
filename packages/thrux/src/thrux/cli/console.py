"""What commands share in what they print: errors, JSON, progress."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import cleandoc
from typing import Any

import typer
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from thrux.errors import ThruxError

err = Console(stderr=True)
out = Console()


def paragraphs(text: str) -> str:
    """Help in the form that typer wraps well: one line a paragraph, indented lines kept."""
    blocks = []
    for block in cleandoc(text).split("\n\n"):
        examples = block.startswith("    ")
        blocks.append("\b\n" + block if examples else " ".join(block.split()))
    return "\n\n".join(blocks)


def print_panel(text: str, *, title: str) -> None:
    """A message on standard error, as it is: a file's name may look like rich's markup."""
    if err.is_terminal:
        err.print(Panel(Text(text), title=title, title_align="left", border_style="red"))
    else:
        typer.echo(f"{title}: {text}", err=True)


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on standard output."""
    typer.echo(json.dumps(value, indent=2, allow_nan=False))


def print_left_out(count: int, *, zero: bool) -> None:
    """A note on voxels that are no numbers."""
    err.print(Text(f"Note: {count} voxels were NaN or infinite and {'taken as 0' if zero else 'left out'}."))


@contextmanager
def refusals(*, as_json: bool) -> Iterator[None]:
    """Turn a refusal into a readable message and exit code 1."""
    try:
        yield
    except ThruxError as error:
        if as_json:
            print_json({"status": "refused", "error": error.as_dict()})
        print_panel(str(error), title="Refused")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        print_panel("stopped; nothing is left behind.", title="Interrupted")
        raise typer.Exit(130) from None


def progress_bar() -> Progress:
    """A bar on standard error, which vanishes when the work is done."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
