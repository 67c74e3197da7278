"""Marks of parameters."""

import pytest


def seldom_but(values, *everyday):
    """Parameters of which only some run every day; `make test-all` runs all."""
    return [v if v in everyday else pytest.param(v, marks=pytest.mark.slow) for v in values]
