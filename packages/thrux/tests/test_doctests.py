"""The examples in the docstrings run."""

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize("name", ["lifting", "smoothing", "nifti.image", "morphology", "distance", "median"])
def test_examples_run(name):
    found = doctest.testmod(import_module(f"thrux.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
