"""The nearest points of each point."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Int, Real

from nitrix.sparse.ell._pack import constant
from nitrix.sparse.mesh._keys import Rows
from nitrix.sparse.points._cells import MOST_AXES, REACH, Cells, Floats
from nitrix.sparse.points._search import search

MOST_CELL_AXES = 4  # of the space; in more, cells leave too many points to be compared


def nearest_neighbours(points: Real[ArrayLike, "n d"], k: int) -> Int[Array, "n k"]:
    """The k nearest points of each point, the point itself first, by ascending distance.

    Known points in up to four dimensions are sorted into cells on the host (NumPy, float64). Otherwise each point is
    compared with all others on the device, in the dtype of the points and in blocks of rows: the time grows with the
    square of their number, memory does not. Of points at equal distance those of lower number come first, as far as
    rounding lets them be equal. Nothing is differentiated.

    Args:
      points: Coordinates; scale them first if axes differ in what a distance means. A point that is not finite is no
        neighbour of others, and has any others for neighbours.
      k: How many, from 1 to the number of points; the point itself is one of them.
    Returns:
      The numbers of the points, a table that `bilateral_gaussian` takes for a neighbourhood.
    Raises:
      TypeError: If points are not real numbers, or k is no integer.
      ValueError: If points are no matrix, or k is out of range.
    Example:
      >>> nearest_neighbours(jnp.asarray([[0.0], [1.0], [3.0]]), 2)
      Array([[0, 1],
             [1, 0],
             [2, 1]], dtype=int32)
    """
    name = "nearest_neighbours"
    given = jnp.asarray(points)
    if not (jnp.issubdtype(given.dtype, jnp.floating) or jnp.issubdtype(given.dtype, jnp.integer)):
        raise TypeError(f"{name}: points are of dtype {given.dtype}; give real coordinates.")
    if given.ndim != 2:
        raise ValueError(f"{name}: points have shape {given.shape}; give [n, d], a row for each point.")
    if isinstance(k, bool) or not isinstance(k, int | np.integer):
        raise TypeError(f"{name}: k is {k!r}, but an integer is needed, known before tracing.")
    if not 1 <= k <= given.shape[0]:
        raise ValueError(f"{name}: k is {k}; give from 1 to {given.shape[0]}, the number of points.")
    return nearest(given, int(k), None)[0]


def nearest(points: Array, k: int, alive: Array | None) -> tuple[Array, Array | None]:
    """Int32 [n, k], and which of them count, if some points take no part."""
    if points.shape[0] == 0:
        return jnp.zeros((0, k), np.int32), None if alive is None else jnp.zeros((0, k), bool)
    points = lax.stop_gradient(points)
    if points.dtype.itemsize < 4 or not jnp.issubdtype(points.dtype, jnp.floating):
        points = points.astype(np.float32)
    known = not any(isinstance(x, jax.core.Tracer) for x in (points, alive))
    if known and 1 <= points.shape[1] <= MOST_CELL_AXES:
        wide = np.asarray(points, np.float64)
        usable = np.isfinite(wide).all(1)
        if alive is not None:
            usable &= np.asarray(alive)
        if usable.sum() >= k:
            return _by_cells(wide, k, usable, alive is not None)
    return search(points, k, alive)


def _by_cells(points: Floats, k: int, usable: Any, counted: bool) -> tuple[Array, Array | None]:
    """Points with too few others within a radius look again, within twice the radius."""
    n = len(points)
    table: Any = np.repeat(np.arange(n, dtype=np.int32)[:, None], k, axis=1)
    valid = np.ones((n, k), bool)
    valid[~usable, 1:] = False
    numbers = np.flatnonzero(usable)
    part = points[numbers]
    radius = _starting_radius(part, k)
    waiting = np.ones(len(part), bool)
    while waiting.any():
        for some, one, other, squared in Cells(part, radius).pairs(waiting):
            count = np.bincount(one, minlength=len(some))
            served = count >= k
            if not served.any():
                continue
            nearest_first = _smallest(served, count, np.where(some[one] == other, -1, squared), other, k)
            table[numbers[some[served]]] = numbers[nearest_first]
            waiting[some[served]] = False
        radius *= 2
    return constant(table), constant(valid) if counted else None


def _starting_radius(points: Floats, k: int) -> float:
    """One within which most points have between k and a few times k others."""
    extent = points.max(0) - points.min(0)
    widest, d = float(extent.max()), min(int((extent > 0).sum()), MOST_AXES)
    if widest == 0:
        return 1.0
    radius, found = 2 * widest, math.inf
    while found > k and radius > widest * 1e-9:
        radius /= 2
        # A ball takes up about a quarter of the cells that are searched for it.
        found = (2 * REACH + 1) ** d / 4 * (Cells(points, radius).crowding() - 1)
    return radius * min((2 * k / found) ** (1 / d), 2) if found > 0 else 2 * radius


def _smallest(served: Any, count: Rows, distance: Floats, other: Rows, k: int) -> Rows:
    """Of the rows that are served, the k nearest, [rows, k]."""
    widest = int(count.max(initial=0))
    place = np.arange(widest) < count[:, None]
    distances, others = np.full(place.shape, np.inf), np.zeros(place.shape, np.int64)
    distances[place], others[place] = distance, other
    distances, others = distances[served], others[served]
    if k < widest:
        near = np.argpartition(distances, k - 1, axis=1)[:, :k]
        furthest = np.take_along_axis(distances, near, 1).max(1)
        tied = np.flatnonzero((distances <= furthest[:, None]).sum(1) > k)
        if len(tied):
            near[tied] = np.lexsort((others[tied], distances[tied]), axis=1)[:, :k]
        distances, others = np.take_along_axis(distances, near, 1), np.take_along_axis(others, near, 1)
    order = np.lexsort((others, distances), axis=1)
    return np.take_along_axis(others, order, 1)
