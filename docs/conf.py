"""Settings of the documentation; it is built offline, and warnings are errors."""

import importlib.metadata
import json
import re
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).resolve().parent

project = "nitrix"
author = "The nitrix developers"
copyright = author
release = importlib.metadata.version("nitrix")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "generated"]
html_theme = "furo"
html_title = "nitrix"
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the shapes stand in the signatures of the sources and in words here
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "show-inheritance": True, "imported-members": True}
napoleon_numpy_docstring = False
napoleon_google_docstring = True
napoleon_custom_sections = ["Contents"]

# What docstrings hold word for word: code in backticks, and examples up to their blank line.
VERBATIM = re.compile(r"(``.+?``|`[^`]+`|^ *>>> .*?(?=\n\s*\n|\Z))", re.DOTALL | re.MULTILINE)

RESULTS = HERE.parent / "packages" / "nitrix" / "benchmarks" / "results.json"


def keep_formulas(
    _app: object, _what: str, _name: str, _value: object, _options: object, lines: list[str]
) -> None:
    """Bars and stars of formulas and shapes, such as [*spatial c] or |x|, are no markup."""
    parts = VERBATIM.split("\n".join(lines))
    parts[::2] = [re.sub(r"([*|])", r"\\\1", words) for words in parts[::2]]
    lines[:] = "".join(parts).split("\n")


def write_benchmark_table(_app: object) -> None:
    """The included page of the last benchmark, or a sentence that there is none."""
    target = HERE / "generated" / "benchmarks.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text(benchmark_table())


def benchmark_table() -> str:
    """The numbers of `results.json` as a table."""
    if not RESULTS.exists():
        return "No results are recorded in this checkout; run `make bench`.\n"
    document = json.loads(RESULTS.read_text())
    machine = document["environment"]
    lines = [
        f"Measured on {machine['date']}: {machine['cpu']}, {machine['cores']} cores, "
        f"Python {machine['python']}, JAX {machine['jax']}, NumPy {machine['numpy']}, "
        f"SciPy {machine['scipy']}; load average at the start: {machine['load']}.",
        "",
        "| case | ours, ms | rival, ms | rival | ratio | bar | |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in document["rows"]:
        ours, rival, ratio, bar = (
            "-" if row[key] is None else f"{row[key]:.2f}" for key in ("ours_ms", "rival_ms", "ratio", "bar")
        )
        verdict = row["reason"] or row["verdict"]
        lines.append(
            f"| {row['name']} | {ours} | {rival} | {row['rival_name']} | {ratio} | {bar} | {verdict} |"
        )
    return "\n".join(lines) + "\n"


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", keep_formulas, priority=400)  # before napoleon's, at 500
    app.connect("builder-inited", write_benchmark_table)
