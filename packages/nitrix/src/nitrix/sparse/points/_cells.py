"""Points sorted into cubic cells, so that who is near is looked for in few of them; on the host."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitrix.sparse.ell._entries import on_host
from nitrix.sparse.mesh._keys import Rows, first_of_each, sorted_with_order, spread

Floats = NDArray[np.float64]

REACH = 2  # cells per radius: the cells searched are 2.5 radii wide
MOST_AXES = 3  # that are cut into cells
PAIRS = 1 << 20  # looked at together
_FINEST = 1e-9  # of the extent: beyond, cells could not be told apart


class Cells:
    """The points of an array, and a search for all that are within `radius` of some of them."""

    def __init__(self, points: Floats, radius: float) -> None:
        n, d = points.shape
        self.points, self.radius = points, radius
        low = points.min(0, initial=np.inf)
        extent = points.max(0, initial=-np.inf) - low
        axes = np.argsort(-extent, kind="stable")[:MOST_AXES]
        low, extent = low[axes], extent[axes]
        # A little wider than needed, for the rounding of the quotient.
        size = max(radius * (1 + 1e-6) / REACH, float(extent.max(initial=0)) * _FINEST)
        cell = np.floor((points[:, axes] - low) / (size or 1.0)).astype(np.int64)
        if np.prod(cell.max(0, initial=0) + 2.0 * REACH + 1) > 2.0**62:
            cell = np.stack([_without_gaps(cell[:, a]) for a in range(cell.shape[1])], axis=1)
        counts = cell.max(0, initial=0) + 2 * REACH + 1
        self.strides = np.append(np.cumprod(counts[:0:-1])[::-1], 1).astype(np.int64)
        self.keys, self.order = sorted_with_order((cell + REACH) @ self.strides[: cell.shape[1]])
        self.first = np.flatnonzero(first_of_each(self.keys)) if n else np.zeros(0, np.int64)
        self.columns = [np.ascontiguousarray(points[self.order, a]) for a in range(d)]

    def crowding(self) -> float:
        """How many points there are in the cell of a point, on average."""
        count = np.diff(np.append(self.first, len(self.keys)))
        return float((count.astype(float) ** 2).sum() / max(len(self.keys), 1))

    def pairs(self, which: NDArray[np.bool_] | None = None) -> Iterator[tuple[Rows, Rows, Rows, Floats]]:
        """Some points at a time: their numbers, and for each near point which of them, its number, squared distance."""
        names = self.keys[self.first]
        cell_of = np.cumsum(first_of_each(self.keys)) - 1 if len(self.keys) else self.keys
        leading = self.strides[:-1] if self.points.shape[1] else self.strides[:0]
        steps = [
            int(np.dot(o, leading)) for o in itertools.product(range(-REACH, REACH + 1), repeat=len(leading))
        ]
        # The cells of one row of cells have consecutive keys, and their points stand together.
        start = np.stack([np.searchsorted(self.keys, names + step - REACH, "left") for step in steps], 1)
        stop = np.stack([np.searchsorted(self.keys, names + step + REACH, "right") for step in steps], 1)
        at = np.arange(len(self.keys))
        if which is not None:
            at = at[which[self.order]]
        many = np.cumsum((stop - start).sum(1)[cell_of[at]])
        while len(at):
            take = max(int(np.searchsorted(many, PAIRS, "right")), 1)
            some, at, many = at[:take], at[take:], many[take:] - many[take - 1]
            cells = cell_of[some]
            count = stop[cells] - start[cells]
            other = spread(start[cells].ravel(), count.ravel())
            one = np.repeat(np.arange(len(some)), count.sum(1))
            squared = np.zeros(len(one))
            with np.errstate(over="ignore"):  # infinitely far is far enough
                for column in self.columns:
                    squared += np.square(column[some][one] - column[other])
            near = np.flatnonzero(squared <= self.radius * self.radius)
            yield self.order[some], one[near], self.order[other[near]], squared[near]


def _without_gaps(cell: Rows) -> Rows:
    """Numbers in the same order that are next to each other only where they were."""
    values, place = np.unique(cell, return_inverse=True)
    return np.cumsum(np.minimum(np.diff(values, prepend=values[0]), REACH + 1))[place.reshape(-1)]


def host_points(function: str, points: Any) -> Floats:
    """Points [n, d] in float64."""
    array = on_host(function, "the array of points", points)
    if array.dtype.kind not in "iuf" and array.dtype.name != "bfloat16":
        raise TypeError(f"{function}: points are of dtype {array.dtype}; give real coordinates.")
    if array.ndim != 2:
        raise ValueError(f"{function}: points have shape {array.shape}; give [n, d], a row for each point.")
    wide = array.astype(np.float64)
    finite = np.isfinite(wide).all(1)
    if not finite.all():
        raise ValueError(
            f"{function}: {int((~finite).sum())} points are not finite, the first is point {int(np.argmin(finite))}; "
            f"leave them out."
        )
    return wide
