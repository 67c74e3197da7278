"""What each public function does under each transformation; the tests run every cell, this module lists them.

    python packages/nitrix/tests/operation_table.py --write docs/operation-table.md

A new function gets its rows in `operation_rows`. A column that it does not serve gets a `Refusal`: why, in words, and
the error that is raised.
"""

import argparse
import json
import re
import statistics
from pathlib import Path

from operation_rows import (
    connectopy,
    conv,
    covariance,
    distances,
    filtering,
    filters,
    fourier,
    geometry,
    graphs,
    interpolate,
    kernels,
    lattice,
    matrix,
    meshes,
    morphology,
    normalize,
    order_statistics,
    points,
    ranks,
    residual,
    sampling,
    semiring,
    smoothing,
    sparse,
    spd,
    sphere,
    tensor_ops,
    tsconv,
    window,
)

COLUMNS = ("eager", "jit", "vmap", "grad", "jvp", "float64", "bfloat16", "sharded")
RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results.json"

# Public functions that are no operations on arrays.
OTHERS = {
    "show_versions": "prints; takes no arrays",
    "backend.resolve_backend": "names a backend; takes no arrays",
    "backend.current_platform": "names the platform; takes no arrays",
    "backend.choose": "chooses an implementation from shapes and dtypes; no values are read",
    **sparse.OTHERS,
    **meshes.OTHERS,
    **smoothing.OTHERS,
    **points.OTHERS,
    **lattice.OTHERS,
    **kernels.OTHERS,
    **tensor_ops.OTHERS,
    **filtering.OTHERS,
    **covariance.OTHERS,
    **fourier.OTHERS,
    **graphs.OTHERS,
    **connectopy.OTHERS,
    **sphere.OTHERS,
    **geometry.OTHERS,
    **sampling.OTHERS,
}


def rows():
    """Every row of the table."""
    return [
        *semiring.rows(),
        *conv.rows(),
        *sparse.rows(),
        *meshes.rows(),
        *smoothing.rows(),
        *points.rows(),
        *filters.rows(),
        *lattice.rows(),
        *morphology.rows(),
        *distances.rows(),
        *ranks.rows(),
        *filtering.rows(),
        *order_statistics.rows(),
        *normalize.rows(),
        *tsconv.rows(),
        *matrix.rows(),
        *kernels.rows(),
        *tensor_ops.rows(),
        *spd.rows(),
        *covariance.rows(),
        *fourier.rows(),
        *window.rows(),
        *residual.rows(),
        *interpolate.rows(),
        *graphs.rows(),
        *connectopy.rows(),
        *sphere.rows(),
        *geometry.rows(),
        *sampling.rows(),
    ]


def page(results=None):
    """The table as a page of the documentation."""
    table = rows()
    reasons = list(dict.fromkeys(refusal.why for row in table for refusal in row.refusals.values()))
    lines = [
        "# Operation table",
        "",
        "What every public function does under every transformation. The tests run each cell: a *yes* is compared with",
        "a definition in NumPy (gradients with finite differences of it), and where a number points to a reason below,",
        "the error is raised. *sharded* is a call on operands whose batch axis is split over 8 devices. *perf_ratio*",
        "is the time of the natural rival over ours, the median of the forward cases of the",
        "[benchmarks](benchmarks.md); - where none is recorded.",
        "",
        "This page is written by `python packages/nitrix/tests/operation_table.py --write docs/operation-table.md`.",
        "",
        _line("operation", "algebra", *COLUMNS, "perf_ratio"),
        _line(*["---"] * (len(COLUMNS) + 3)),
    ]
    for row in table:
        cells = [
            f"({reasons.index(row.refusals[column].why) + 1})" if column in row.refusals else "yes"
            for column in COLUMNS
        ]
        lines.append(_line(f"`{row.operation}`", row.variant, *cells, _ratio(row, results)))
    lines += ["", "Reasons:", "", *(f"{number}. {why}" for number, why in enumerate(reasons, 1))]
    lines += ["", "Public functions that are no operations on arrays:", ""]
    lines += [f"- `{name}`: {why}" for name, why in OTHERS.items()]
    return "\n".join(lines) + "\n"


def without_ratios(text):
    """A page without its figures, which another benchmark changes."""
    return re.sub(r"\| *(-|\d+\.\d+) *\|$", "| |", text, flags=re.MULTILINE)


def _line(*cells):
    return f"| {' | '.join(cells)} |"


def _ratio(row, results):
    """The median over the benchmark's cases of this operation, and of this algebra where it has one."""
    cases = [] if results is None else results["rows"]
    ratios = [
        case["ratio"]
        for case in cases
        if case["operation"] == row.operation
        and case["ratio"] is not None
        and (not row.variant or row.variant in case["name"].split())
    ]
    return f"{statistics.median(ratios):.2f}" if ratios else "-"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", type=Path, required=True, help="the page to write")
    recorded = json.loads(RESULTS.read_text()) if RESULTS.exists() else None
    parser.parse_args().write.write_text(page(recorded))
