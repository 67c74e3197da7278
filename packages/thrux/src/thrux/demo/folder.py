"""The folder that the report goes to."""

from __future__ import annotations

from pathlib import Path

from thrux.atomic import atomic_output
from thrux.errors import ThruxError


def prepare_folder(out: Path, *, force: bool) -> None:
    """Make it, or refuse one that holds files already."""
    try:
        if not out.exists():
            out.mkdir()
        elif not out.is_dir():
            raise ThruxError("it is a file", file=out, field="--out", remedy="Give the name of a folder")
        elif not force and any(out.iterdir()):
            raise ThruxError(
                "the folder is not empty",
                file=out,
                field="--out",
                remedy="Choose another one, or add --force: only the report's own files are replaced",
            )
    except OSError as error:
        raise ThruxError(
            f"the folder cannot be made or read ({error.strerror})",
            file=out,
            field="--out",
            remedy="Make the folder above it first, and check that you may write there",
        ) from None


def write(path: Path, content: bytes) -> None:
    """Replace a file of the report."""
    with atomic_output(path, force=True) as stream:
        stream.write(content)
