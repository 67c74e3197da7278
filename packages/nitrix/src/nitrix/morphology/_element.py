"""The structuring element as offsets from a voxel: read in SciPy's convention, reflected for dilation."""

import dataclasses
import functools
import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_ENTRIES = 1 << 17  # of a weighted element that is asked whether it can be applied axis by axis


@dataclasses.dataclass(frozen=True)
class Element:
    """Entries p of a box, at the offsets p - centre from the voxel that the result is for; hashable."""

    shape: tuple[int, ...]
    centre: tuple[int, ...]
    packed: bytes | None = None  # which entries take part, a byte each; None: all

    @functools.cached_property
    def footprint(self) -> NDArray[np.bool_]:
        """Which entries take part."""
        if self.packed is None:
            return np.ones(self.shape, bool)
        return np.frombuffer(self.packed, bool).reshape(self.shape)

    @property
    def is_box(self) -> bool:
        """Whether every entry takes part."""
        return self.packed is None

    @property
    def before(self) -> tuple[int, ...]:
        """Voxels that it reaches towards lower numbers, along each axis."""
        return self.centre

    @property
    def after(self) -> tuple[int, ...]:
        """Voxels that it reaches towards higher numbers."""
        return tuple(n - 1 - c for n, c in zip(self.shape, self.centre, strict=True))

    @functools.cached_property
    def entries(self) -> NDArray[np.int64]:
        """[entry, axis]: the entries that take part, in raster order."""
        return np.argwhere(self.footprint)

    @property
    def reflected(self) -> "Element":
        """The element at the opposite offsets."""
        packed = None if self.is_box else np.flip(self.footprint).tobytes()
        return Element(self.shape, self.after, packed)

    def along(self, axis: int) -> "Element":
        """The line of entries through the whole box along one axis."""
        shape = tuple(n if a == axis else 1 for a, n in enumerate(self.shape))
        return Element(shape, tuple(c if a == axis else 0 for a, c in enumerate(self.centre)))


def element_of(footprint: NDArray[np.bool_], centre: Sequence[int]) -> Element:
    """The element of a footprint, its empty rim cut off as far as the centre stays within."""
    entries = np.vstack([np.argwhere(footprint), centre])
    low, high = entries.min(axis=0), entries.max(axis=0) + 1
    inner = footprint[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    packed = None if inner.all() else np.ascontiguousarray(inner).tobytes()
    return Element(inner.shape, tuple(int(c - a) for c, a in zip(centre, low, strict=True)), packed)


def cross(rank: int) -> NDArray[np.bool_]:
    """The voxel and its neighbours along the axes."""
    distance = sum(np.abs(np.indices((3,) * rank) - 1), start=np.zeros((3,) * rank, int))
    return np.asarray(distance <= 1)


@functools.lru_cache(maxsize=64)
def runs(element: Element) -> dict[int, NDArray[np.int64]]:
    """The entries as runs along the last axis: for each length, the first entries [run, axis]."""
    padded = np.pad(element.footprint, [(0, 0)] * (len(element.shape) - 1) + [(1, 1)]).astype(np.int8)
    steps = np.diff(padded, axis=-1)
    first, behind = np.argwhere(steps == 1), np.argwhere(steps == -1)
    lengths = behind[:, -1] - first[:, -1]
    return {int(length): first[lengths == length] for length in np.unique(lengths)}


def profiles(heights: NDArray[Any]) -> list[NDArray[np.float64]] | None:
    """Heights along each axis whose sums are the given ones without any rounding, or None if there are none."""
    exact = np.asarray(heights, np.float64)
    if sum(n > 1 for n in exact.shape) < 2 or exact.size > MOST_ENTRIES or not np.isfinite(exact).all():
        return None
    return _profiles(exact.shape, exact.tobytes())


@functools.lru_cache(maxsize=64)
def _profiles(shape: tuple[int, ...], heights: bytes) -> list[NDArray[np.float64]] | None:
    exact = np.frombuffer(heights).reshape(shape)
    centre = tuple(n // 2 for n in shape)
    lines = []
    for axis in range(len(shape)):
        line = exact[tuple(slice(None) if a == axis else c for a, c in enumerate(centre))]
        shift = exact[centre] if axis else np.float64(0)
        if any(Fraction(float(v)) - Fraction(float(shift)) != Fraction(float(v - shift)) for v in line):
            return None
        lines.append(line - shift)
    # As floats first, which shows most of what is no sum; then as fractions.
    if not np.allclose(functools.reduce(np.add.outer, lines), exact, rtol=1e-9, atol=0):
        return None
    fractions = [[Fraction(float(v)) for v in line] for line in lines]
    sums = map(sum, itertools.product(*fractions))
    same = all(s == Fraction(float(v)) for s, v in zip(sums, exact.ravel(), strict=True))
    return lines if same else None
