"""The examples in the docstrings run."""

import doctest
from importlib import import_module

import pytest

MODULES = [
    "lifting",
    "smoothing",
    "nifti.image",
    "morphology",
    "distance",
    "median",
    "tables",
    "cleaning.series",
    "cleaning.files",
    "connectivity.matrices",
    "connectivity.files",
    "resampling",
    "warping.affine",
    "warping.files",
    "gradients.embedding",
    "gradients.files",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    found = doctest.testmod(import_module(f"thrux.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
