"""Filters that take the value of a given rank, or percentile, of a window."""

from collections.abc import Sequence
from typing import Any

from jax.typing import ArrayLike
from jaxtyping import Array, Integer, Shaped

from nitrix._arguments import known_value, whole_number
from nitrix._boundary import BoundaryMode
from nitrix.morphology._rank_filter import filter_by_rank
from nitrix.sparse import ELL, SectionedELL


def rank_filter(
    x: Shaped[ArrayLike, "..."],
    *,
    rank: int,
    size: int | Sequence[int] | None = None,
    structuring_element: Shaped[ArrayLike, "..."] | None = None,
    neighbourhood: int | ELL | SectionedELL | Integer[ArrayLike, "n k"] | None = None,
    mode: BoundaryMode = "reflect",
    border_value: Shaped[ArrayLike, ""] = 0,
    origin: int | Sequence[int] = 0,
    spatial_rank: int | None = None,
) -> Shaped[Array, "..."]:
    """Replace each voxel by the value of a given rank in the window round it.

    Exact, and equal to `scipy.ndimage.rank_filter`. NaN, cost, memory and derivative are as `median_filter` says.

    Args:
      x: Integers, booleans or floats of 16 to 64 bits. Leading axes that `spatial_rank` leaves out are a batch.
      rank: Which value of the sorted window: 0 is the least, -1 the greatest. In a row of neighbours it counts among
        that row's own.
      size: The window's width in voxels, one integer or one for each spatial axis.
      structuring_element: A window of any shape instead: the voxels that are not 0.
      neighbourhood: A width as `size`, or the neighbours of each vertex (the last axis): [n, k], an `ELL` or a
        `SectionedELL`. Give exactly one of size, structuring_element and neighbourhood.
      mode: What stands beyond the edges, by SciPy's names, as in `median_filter`.
      border_value: The value outside for mode "constant", SciPy's cval.
      origin: Moves the window, as SciPy's.
      spatial_rank: How many of the last axes are spatial; None means all of them.
    Returns:
      The values of that rank, of x's shape and dtype.
    Raises:
      TypeError: As `median_filter`, or if `rank` is no integer.
      ValueError: As `median_filter`, or if the window has no such rank. A row of neighbours that has none is refused
        too; under `jit`, where its length is not known, it gives NaN (0 of integers), as a row without entries does.

    References:
      Hodgson, Bailey, Naylor, Ng and McNeill, Properties, implementations and applications of rank filters, Image and
      Vision Computing 3(1), 1985. doi:10.1016/0262-8856(85)90037-X

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.morphology import rank_filter
      >>> rank_filter(jnp.asarray([3, 1, 4, 1, 5]), rank=-1, size=3).tolist()
      [3, 4, 4, 5, 5]
    """
    number = whole_number("rank", rank, "rank_filter", least=None)
    return filter_by_rank(
        x,
        lambda count: number if number >= 0 else count + number,
        f"rank={number}",
        "rank_filter",
        size=size,
        structuring_element=structuring_element,
        neighbourhood=neighbourhood,
        mode=mode,
        border_value=border_value,
        origin=origin,
        spatial_rank=spatial_rank,
    )


def percentile_filter(
    x: Shaped[ArrayLike, "..."],
    *,
    percentile: int | float,
    size: int | Sequence[int] | None = None,
    structuring_element: Shaped[ArrayLike, "..."] | None = None,
    neighbourhood: int | ELL | SectionedELL | Integer[ArrayLike, "n k"] | None = None,
    mode: BoundaryMode = "reflect",
    border_value: Shaped[ArrayLike, ""] = 0,
    origin: int | Sequence[int] = 0,
    spatial_rank: int | None = None,
) -> Shaped[Array, "..."]:
    """Replace each voxel by a percentile of the window round it.

    Exact, and equal to `scipy.ndimage.percentile_filter`: the value of rank int(count * percentile / 100), the last
    one for 100, without interpolation. NaN, cost, memory and derivative are as `median_filter` says.

    Args:
      x: Integers, booleans or floats of 16 to 64 bits. Leading axes that `spatial_rank` leaves out are a batch.
      percentile: From 0, the least value, to 100, the greatest; below 0, 100 is added, as SciPy does. In a row of
        neighbours it is taken of that row's own count.
      size: The window's width in voxels, one integer or one for each spatial axis.
      structuring_element: A window of any shape instead: the voxels that are not 0.
      neighbourhood: A width as `size`, or the neighbours of each vertex (the last axis): [n, k], an `ELL` or a
        `SectionedELL`. Give exactly one of size, structuring_element and neighbourhood.
      mode: What stands beyond the edges, by SciPy's names, as in `median_filter`.
      border_value: The value outside for mode "constant", SciPy's cval.
      origin: Moves the window, as SciPy's.
      spatial_rank: How many of the last axes are spatial; None means all of them.
    Returns:
      The percentiles, of x's shape and dtype.
    Raises:
      TypeError: As `median_filter`, or if `percentile` is traced.
      ValueError: As `median_filter`, or if `percentile` is not from -100 to 100.

    References:
      Hodgson, Bailey, Naylor, Ng and McNeill, Properties, implementations and applications of rank filters, Image and
      Vision Computing 3(1), 1985. doi:10.1016/0262-8856(85)90037-X

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.morphology import percentile_filter
      >>> percentile_filter(jnp.asarray([3, 1, 4, 1, 5]), percentile=75, size=4).tolist()
      [3, 4, 4, 5, 5]
    """
    share = _share(percentile)
    return filter_by_rank(
        x,
        lambda count: count - 1 if share == 100 else int(count * share / 100),
        f"percentile={percentile}",
        "percentile_filter",
        size=size,
        structuring_element=structuring_element,
        neighbourhood=neighbourhood,
        mode=mode,
        border_value=border_value,
        origin=origin,
        spatial_rank=spatial_rank,
    )


def _share(percentile: Any) -> float:
    """The percentile from 0 to 100."""
    known = known_value(percentile)
    if known is None:
        raise TypeError(
            "percentile_filter: percentile is traced; give a number that is known before tracing."
        )
    share = known + 100 if known < 0 else known
    if not 0 <= share <= 100:
        raise ValueError(f"percentile_filter: percentile={percentile} must be from -100 to 100.")
    return share
