"""The code in README, in the documentation's pages and in the docstrings runs."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import jax
import nitrix
import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    page
    for page in [
        ROOT / "README.md",
        ROOT / "packages/nitrix/README.md",
        *sorted((ROOT / "docs").glob("*.md")),
    ]
    if "```python" in page.read_text()
]
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(nitrix.__path__, "nitrix.")
    if "._kernels" not in module.name  # they need the accelerator's libraries
)


@pytest.fixture(autouse=True)
def _as_a_user():
    """Examples are for people with JAX's own defaults."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=str(page.relative_to(ROOT)),
            marks=pytest.mark.fast if page.stem in ("README", "quickstart") else (),
        )
        for page in PAGES
    ],
)
def test_code_blocks_of_a_page_run_in_order(page):
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    names = {}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)


def test_there_are_examples():
    assert any(page.name == "README.md" for page in PAGES)
    assert "nitrix.smoothing.gaussian" in MODULES


@pytest.mark.parametrize("name", ["nitrix", *MODULES])
def test_docstring_examples(name):
    module = importlib.import_module(name)
    results = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert results.failed == 0, f"{results.failed} of {results.attempted} examples fail; see the output"
