"""Kernels are interpreted on a CPU, which takes minutes: every day only those that are marked fast run."""

from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)  # before slow tests are left out
def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("fast") is None:
            item.add_marker(pytest.mark.slow)
