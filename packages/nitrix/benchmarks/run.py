"""Measures every `bench_*.py` below this folder, prints one table and writes `results.json`.

    python packages/nitrix/benchmarks/run.py [--only SUBSTRING]

`--only` keeps the cases whose name or file holds SUBSTRING; the other rows of `results.json` stay as they are
if they were measured on the same machine and versions.
"""

import argparse
import dataclasses
import importlib.util
import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from harness import Case, Row, environment, measure  # noqa: E402

RESULTS = HERE / "results.json"
HEAD = ("case", "ours ms", "rival ms", "rival", "ratio", "bar", "", "compile s", "temporaries")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="keep the cases whose name or file holds this")
    only = parser.parse_args().only
    here = environment()
    print(
        f"{here['cpu']}, {here['cores']} cores, {here['device']}; "
        f"Python {here['python']}, JAX {here['jax']}, NumPy {here['numpy']}, "
        f"SciPy {here['scipy']}; load {here['load']} at the start; medians of interleaved rounds",
        flush=True,
    )
    print(_line(HEAD), flush=True)
    rows = []
    for case in _cases(only):
        rows.append(measure(case))
        print(_line(_cells(rows[-1])), flush=True)
        if rows[-1].reason:
            print(f"    {rows[-1].reason}", flush=True)
    if not rows:
        print(f"no case holds {only!r}")
        return 1
    _write(here, rows, keep=bool(only))
    return 0


def _cases(only: str) -> Iterator[Case]:
    """The cases of every bench file, in order."""
    for path in sorted(HERE.rglob("bench_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module  # dataclasses and numba look their module up
        spec.loader.exec_module(module)
        for case in module.CASES:
            if only in case.name or only in str(path.relative_to(HERE)):
                yield case


def _cells(row: Row) -> tuple[str, ...]:
    def number(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    return (
        row.name,
        number(row.ours_ms, ".2f"),
        number(row.rival_ms, ".2f"),
        row.rival_name,
        number(row.ratio, ".2f"),
        number(row.bar, ".2f"),
        row.verdict,
        number(row.compile_s, ".2f"),
        number(row.temporaries, ".2f"),
    )


def _line(cells: tuple[str, ...]) -> str:
    widths = (44, 10, 10, 34, 8, 7, 6, 10, 12)
    left = (0, 3, 6)
    return " ".join(
        cell.ljust(width) if column in left else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ).rstrip()


def _write(here: dict[str, Any], rows: list[Row], *, keep: bool) -> None:
    """Numbers with their machine, and the median ratio of each operation for the operation table."""
    records = {row.name: {**dataclasses.asdict(row), "verdict": row.verdict} for row in rows}
    if keep and RESULTS.exists():
        before = json.loads(RESULTS.read_text())
        passing = {"date": "", "load": ""}
        if {**before["environment"], **passing} == {**here, **passing}:
            records = {**{row["name"]: row for row in before["rows"]}, **records}
    ratios = defaultdict(list)
    for record in records.values():
        if record["ratio"] is not None:
            ratios[record["operation"]].append(record["ratio"])
    perf_ratio = {operation: statistics.median(values) for operation, values in sorted(ratios.items())}
    document = {"environment": here, "perf_ratio": perf_ratio, "rows": list(records.values())}
    RESULTS.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
