"""Who is within how many millimetres of whom, in a straight line."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Real

from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL
from nitrix.sparse.mesh._keys import sorted_with_order
from nitrix.sparse.mesh._rows import Format, packed
from nitrix.sparse.points._cells import Cells, host_points


def points_within(
    points: Real[ArrayLike, "n d"],
    *,
    radius: int | float,
    include_self: bool = True,
    format: Format = "auto",
    max_neighbours: int = 1024,
) -> ELL | SectionedELL:
    """The points within a radius of each point, with their distances.

    Runs on the host (NumPy) in float64: points are sorted into cells along the three longest axes of their box, and
    each is compared with those in the cells around its own. The result is symmetric: i is a neighbour of j where j is
    one of i. `ell_with_transpose` of it makes gradients that gather. Beyond about six axes of equal length many pairs
    are compared in vain.

    Args:
      points: Coordinates, finite, along any number of axes.
      radius: Largest distance, in the unit of the points (mm), 0 or more; at exactly that distance rounding decides.
      include_self: Each point is an entry of its own row, at distance 0.
      format: "ell", "sectioned", or "auto": flat where that takes less than 1.5 slots for each entry, else sectioned.
      max_neighbours: More neighbours than these, the point itself among them, are refused, before they fill the memory.
    Returns:
      The distances, in the dtype of the points (integers: the default float): in each row the point itself, if wanted,
      then the others in ascending order of their numbers, then pads of value inf.
    Raises:
      TypeError: If the points are traced, or the radius is no real number.
      ValueError: If a point or the radius is not finite, a point has more than max_neighbours, or the format is
        unknown.
    Example:
      >>> points = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]])
      >>> within = points_within(points, radius=4.5, format="ell")
      >>> within.indices.tolist(), within.degree.tolist()
      ([[0, 2, 0], [1, 2, 0], [2, 0, 1]], [2, 2, 3])
    """
    name = "points_within"
    reach = radius_of(name, radius)
    wide = host_points(name, points)
    n = len(wide)
    keys, distances = [], []
    for some, one, other, squared in Cells(wide, reach).pairs():
        count = np.bincount(one, minlength=len(some))
        if count.max(initial=0) > max_neighbours:
            point = int(some[np.argmax(count)])
            raise ValueError(
                f"{name}: point {point} has {int(count.max())} neighbours within {radius}, more than max_neighbours="
                f"{max_neighbours}; give a smaller radius, or allow more ({n} rows of that many entries)."
            )
        mine = some[one]
        # In its own row a point comes first.
        keys.append(mine * (n + 1) + np.where(other == mine, 0, other + 1))
        distances.append(np.sqrt(squared))
    every, order = sorted_with_order(np.concatenate([np.zeros(0, np.int64), *keys]))
    values = np.concatenate([np.zeros(0), *distances])[order].astype(_dtype(points))
    rows, columns = np.divmod(every, n + 1)
    columns = np.where(columns == 0, rows, columns - 1)
    if not include_self:
        others = rows != columns
        rows, columns, values = rows[others], columns[others], values[others]
    degree = np.bincount(rows, minlength=n).astype(np.int64)
    return packed(name, format, degree, columns, values, n_cols=n, identity=math.inf)


def radius_of(function: str, radius: Any) -> float:
    """A distance."""
    if isinstance(radius, bool) or not isinstance(radius, int | float | np.integer | np.floating):
        raise TypeError(f"{function}: radius is {radius!r}, but a real number is needed, in mm.")
    if not 0 <= radius < math.inf:
        raise ValueError(f"{function}: radius is {radius}; give a finite distance in mm, 0 or more.")
    return float(radius)


def _dtype(points: Any) -> Any:
    dtype = getattr(points, "dtype", np.dtype(np.float64))
    return jax.dtypes.canonicalize_dtype(dtype if jnp.issubdtype(dtype, jnp.floating) else np.float64)
