"""A matrix as a picture."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from thrux.atomic import atomic_output
from thrux.errors import ThruxError

_NAMED = 40  # regions; the names of more cannot be read


def check_picture(path: str | os.PathLike[str]) -> None:
    """Refuse a name that is none of a PNG file, and a machine without matplotlib, before any work is done."""
    if not str(path).endswith(".png"):
        raise ThruxError(
            "the name must end in .png", file=path, field="picture", remedy="Write it as NAME.png"
        )
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ThruxError(
            "pictures need the package matplotlib, which is not installed",
            field="package",
            value="matplotlib",
            remedy="Install it with: pip install 'thrux[demo]'",
        ) from None


def write_picture(
    path: str | os.PathLike[str],
    matrix: Float[np.ndarray, "region region"],
    names: Sequence[str],
    *,
    title: str,
    force: bool = False,
) -> None:
    """Write a PNG file, atomically: red above 0, blue below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 5.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    figure.colorbar(draw_matrix(axes, matrix), ax=axes, shrink=0.9)
    axes.set_title(title)
    if len(names) <= _NAMED:
        size = 9 if len(names) <= 20 else 6
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
        axes.set_yticks(range(len(names)), names, fontsize=size)
    stream = io.BytesIO()
    figure.savefig(stream, dpi=130, format="png", metadata={"Software": None})
    with atomic_output(path, force=force) as output:
        output.write(stream.getvalue())


def draw_matrix(axes: Any, matrix: Float[np.ndarray, "region region"]) -> Any:
    """The matrix on given axes, coloured to its largest entry beside the diagonal."""
    beside = np.abs(matrix[~np.eye(len(matrix), dtype=bool)])
    limit = float(beside.max(initial=0)) or 1.0
    return axes.imshow(matrix, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
