"""What each public function does under each transformation; the tests run every cell, this module lists them.

    python packages/nitrix/tests/operation_table.py --write docs/operation-table.md

A new function gets its rows in `rows()`. A column that it does not serve gets a `Refusal`: why, in words, and the
error that is raised.
"""

import argparse
import json
import re
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from golden import definitions
from nitrix import semiring
from nitrix.smoothing import gaussian
from support import oracles

COLUMNS = ("eager", "jit", "vmap", "grad", "jvp", "float64", "bfloat16", "sharded")
RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results.json"
BATCH = 8  # devices that the batch is sharded over


class Refusal(NamedTuple):
    why: str
    error: type[Exception]
    match: str  # in the error's message


class Row(NamedTuple):
    operation: str  # public name, without the package's
    variant: str  # an algebra, where it matters
    call: Callable  # (*operands) -> array
    oracle: Callable  # the same in NumPy float64
    operands: tuple[np.ndarray, ...]  # each with a leading axis of BATCH
    refusals: dict[str, Refusal] = {}  # noqa: RUF012
    everyday: bool = True  # else only `make test-all` runs it

    @property
    def name(self):
        return f"{self.operation} {self.variant}".strip()


NO_FORWARD_MODE = Refusal(
    "JAX refuses forward mode through a `custom_vjp`; forward over reverse is served.",
    TypeError,
    "custom_vjp",
)
NO_DERIVATIVE = Refusal(
    "Truth values have no derivative; a floating operand raises a TypeError.", TypeError, "not differentiable"
)

# Public functions that are no operations on arrays.
OTHERS = {
    "show_versions": "prints; takes no arrays",
    "backend.resolve_backend": "names a backend; takes no arrays",
    "backend.current_platform": "names the platform; takes no arrays",
    "backend.choose": "chooses an implementation from shapes and dtypes; no values are read",
}

INDICES = np.array([[1, 0, 2], [3, 3, 1], [0, 2, 1], [2, 3, 0]], np.int32)
DEGREE = np.array([3, 2, 0, 1], np.int32)


def rows():
    """Every row of the table."""
    return [
        *(_product("semiring.semiring_matmul", name, (3, 4), (4, 2)) for name in oracles.ALGEBRAS),
        *(_product("semiring.semiring_ell_matmul", name, (4, 3), (5, 2)) for name in oracles.ALGEBRAS),
        *(_product("semiring.semiring_ell_rmatvec", name, (4, 3), (4, 2)) for name in oracles.ALGEBRAS),
        Row(
            "smoothing.gaussian",
            "",
            partial(gaussian, sigma=(0.8, 1.2), spatial_rank=2),
            lambda x: definitions.gaussian(x, (0.8, 1.2), "reflect", 0, 0, x)[0],
            (_normal(BATCH, 6, 5),),
        ),
    ]


def _normal(*shape):
    return np.random.default_rng(11).normal(size=shape).astype("bfloat16").astype(float)


def _product(operation, name, left, right):
    algebra = oracles.ALGEBRAS[name]
    sparse = {"indices": INDICES, "degree": DEGREE}

    def call(A, B):
        if operation == "semiring.semiring_matmul":
            return semiring.semiring_matmul(A, B, semiring=algebra)
        if operation == "semiring.semiring_ell_matmul":
            return semiring.semiring_ell_matmul(A, B=B, semiring=algebra, **sparse)
        return semiring.semiring_ell_rmatvec(A, X=B, n_cols=5, semiring=algebra, **sparse)

    def oracle(A, B):
        if name == "boolean":
            A, B = A.astype(bool), B.astype(bool)
        if operation == "semiring.semiring_matmul":
            return oracles.matmul(name, A, B)
        if operation == "semiring.semiring_ell_matmul":
            return oracles.ell_matmul(name, A, INDICES, B, DEGREE)
        return oracles.ell_rmatvec(name, A, INDICES, B, 5, DEGREE)

    operands = _normal(BATCH, *left), _normal(BATCH + 1, *right)[1:]
    refusals = {}
    if name == "boolean":
        operands = tuple((x > 0.3).astype(float) for x in operands)
        refusals = {"grad": NO_DERIVATIVE, "jvp": NO_DERIVATIVE}
    elif operation == "semiring.semiring_matmul" and name in ("log", "euclidean"):
        refusals = {"jvp": NO_FORWARD_MODE}
    everyday = operation == "semiring.semiring_matmul" or name in ("log", "boolean")
    return Row(operation, name, call, oracle, operands, refusals, everyday)


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
