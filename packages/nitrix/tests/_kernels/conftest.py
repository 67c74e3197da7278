"""Kernels are interpreted on a CPU, which takes minutes: every day only those that are marked fast run.

Runs on an accelerator, which skip themselves elsewhere, stay.
"""

from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)  # before slow tests are left out
def pytest_collection_modifyitems(items):
    for item in items:
        here = Path(__file__).parent in item.path.parents
        if here and not any(item.get_closest_marker(kind) for kind in ("fast", "skipif")):
            item.add_marker(pytest.mark.slow)
