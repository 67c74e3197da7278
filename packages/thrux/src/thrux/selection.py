"""Stored values for work that only selects among them: minima, maxima, medians.

Such work needs no real values, so the type on disk and its scaling stay as they are. JAX's 32-bit mode lacks the wide
types; their values are then taken as what does not lose any: a narrower type, or their ranks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Real

from thrux.nifti.header import NiftiHeader
from thrux.options import NanPolicy
from thrux.voxels import check_finite

Stored = Real[np.ndarray, "x y z"]

_NARROW = {"f8": "f4", "i8": "i4", "u8": "i4"}


@dataclass(frozen=True)
class Sortable:
    """Values in an order that is theirs, of a type that JAX has.

    Attributes:
      values: As they are, or their ranks.
      lowest: What is never above a value.
      highest: What is never below one.
      restore: The stored values that stand for such ones.
    """

    values: Stored
    lowest: float | int
    highest: float | int
    restore: Callable[[Stored], Stored]


def sortable(stored: Stored, *, falling: bool = False) -> Sortable:
    """Stored values in the order of the real ones, which falls where the scaling has a negative slope."""
    native = np.ascontiguousarray(stored, stored.dtype.newbyteorder("="))
    narrow = None if falling else _narrowed(native)
    if narrow is not None:
        low, high = (-math.inf, math.inf) if narrow.dtype.kind == "f" else _range(narrow.dtype)
        return Sortable(narrow, low, high, lambda found: found.astype(native.dtype))
    levels, ranks = np.unique(native, return_inverse=True)
    ranks = ranks.reshape(native.shape).astype(np.int32)
    top = len(levels) - 1
    if falling:
        levels, ranks = levels[::-1], top - ranks
    return Sortable(ranks, -1, top + 1, lambda found: levels[np.clip(found, 0, top)])


def without_holes(
    stored: Stored, header: NiftiHeader, nan: NanPolicy, where: str, *, omissible: bool = True
) -> tuple[Stored, Bool[np.ndarray, "x y z"], int]:
    """Stored values with the one that means 0 where they are not finite; where that is, and how often."""
    if stored.dtype.kind != "f":
        return stored, np.zeros(stored.shape, bool), 0
    bad = ~np.isfinite(stored)
    count = check_finite(bad, nan, header.path, where, omissible=omissible)
    if count:
        stored = np.where(bad, stored.dtype.type(-header.intercept / header.slope), stored)
    return stored, bad, count


def _narrowed(native: Stored) -> Stored | None:
    """The same values in a type that JAX has, if there is one that holds them all."""
    name = native.dtype.str[1:]
    if name not in _NARROW:
        return native
    narrow = np.dtype(_NARROW[name])
    if narrow.kind == "f":
        with np.errstate(over="ignore", under="ignore"):
            smaller = native.astype(narrow)
        return smaller if np.array_equal(smaller, native) else None
    low, high = _range(narrow)
    return native.astype(narrow) if native.min() >= low and native.max() <= high else None


def _range(dtype: np.dtype) -> tuple[int, int]:
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)
