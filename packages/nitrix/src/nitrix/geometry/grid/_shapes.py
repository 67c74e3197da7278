"""Reads the shapes of grids."""

from collections.abc import Sequence
from typing import Any

from nitrix._arguments import whole_number


def shape_of(function: str, name: str, shape: Sequence[int] | Any, *, least: int) -> tuple[int, ...]:
    """The sizes of a grid's axes."""
    try:
        sizes = list(shape)
    except TypeError:
        raise TypeError(
            f"{function}: {name}={shape!r} must be a sequence of integers, one for each axis."
        ) from None
    if not sizes:
        raise ValueError(f"{function}: {name} is empty; give the size of at least one axis.")
    return tuple(whole_number(f"{name}[{i}]", size, function, least=least) for i, size in enumerate(sizes))
