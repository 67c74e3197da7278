"""The median filter of images and of values on meshes."""

from collections.abc import Sequence

from jax.typing import ArrayLike
from jaxtyping import Array, Integer, Shaped

from nitrix._boundary import BoundaryMode
from nitrix.morphology._rank_filter import filter_by_rank
from nitrix.sparse import ELL, SectionedELL


def median_filter(
    x: Shaped[ArrayLike, "..."],
    *,
    size: int | Sequence[int] | None = None,
    structuring_element: Shaped[ArrayLike, "..."] | None = None,
    neighbourhood: int | ELL | SectionedELL | Integer[ArrayLike, "n k"] | None = None,
    mode: BoundaryMode = "reflect",
    border_value: Shaped[ArrayLike, ""] = 0,
    origin: int | Sequence[int] = 0,
    spatial_rank: int | None = None,
) -> Shaped[Array, "..."]:
    """Replace each voxel by the median of the window round it.

    Exact, and equal to `scipy.ndimage.median_filter`: of an even number of values it is the upper one of the two in
    the middle, so that every result is a value of `x` and keeps its dtype. It removes impulse noise and keeps edges.

    Args:
      x: Integers, booleans or floats of 16 to 64 bits. Leading axes that `spatial_rank` leaves out are a batch.
      size: The window's width in voxels, one integer or one for each spatial axis: a box. A voxel is at width // 2 of
        it. It may be wider than the image.
      structuring_element: A window of any shape instead, SciPy's footprint: the voxels that are not 0.
      neighbourhood: An integer is the width along every spatial axis, as `size`. Or the neighbours of each vertex of a
        mesh, the last axis of `x` being the vertices: their numbers [n, k], an `ELL` or a `SectionedELL`, of which the
        structure alone is read. A row's median has rank count // 2 of its own count; a vertex is no neighbour of
        itself unless it is listed. Give exactly one of size, structuring_element and neighbourhood.
      mode: What stands beyond the edges, by SciPy's names: "reflect" (d c b a | a b c d), "mirror" (d c b |
        a b c d), "nearest", "constant" (`border_value`), "wrap", or their synonyms "grid-mirror", "grid-constant",
        "grid-wrap".
      border_value: The value outside for mode "constant", SciPy's cval.
      origin: Moves the window by so many voxels towards lower numbers, one integer or one for each spatial axis, as
        SciPy's.
      spatial_rank: How many of the last axes are spatial; None means all of them.
    Returns:
      The medians, of x's shape and dtype.
    Raises:
      TypeError: If `x` holds no numbers with an order, neighbours are no integers, a size or an origin is no integer,
        or a structuring element is traced.
      ValueError: If not exactly one of size, structuring_element and neighbourhood is given; if a size is below 1, a
        structuring element is empty or of another rank, an origin moves the window off its voxel, or `mode` is
        unknown; if border_value is given in another mode, or is no value of x's dtype; if a neighbour's number is out
        of range or the rows are not one for each vertex; if a vertex has no neighbours and `x` is not of floats.

    Note:
      A window or a row that holds a NaN has the median NaN, for which SciPy promises nothing. A vertex without
      neighbours is NaN (under `jit`, where it cannot be refused, 0 of integers). Zeros of either sign are equal, and
      which of them comes out is not said.

      Up to 32 voxels pass through a network of exchanges in registers; up to 128 as well, where `x` has 2^19 values of
      32 bits or more, for which the longer compilation pays (some seconds for 125 voxels). Other windows, and
      neighbours, are searched bit by bit: as many passes as the dtype has bits, each counting what lies below a
      candidate. Temporaries are 4 to 5 volumes with their borders, and 8 to 10 with the derivative, whatever the size
      of the window; of neighbours, 2^20 are held at a time.

      The derivative with respect to `x` and `border_value` is that of the voxel whose value is the median, of equal
      ones the first in raster order (of neighbours, the first listed): exact where no two values are equal, a
      subgradient elsewhere. Both modes are served; second derivatives are zero.

    References:
      Huang, Yang and Tang, A fast two-dimensional median filtering algorithm, IEEE Trans. ASSP 27(1), 1979.
      doi:10.1109/TASSP.1979.1163188 (what the filter is for; the search here is another).

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.morphology import median_filter
      >>> median_filter(jnp.asarray([1, 1, 9, 1, 5, 5, 5]), size=3).tolist()
      [1, 1, 1, 5, 5, 5, 5]
      >>> ring = jnp.asarray([[0, 1, 3], [1, 0, 2], [2, 1, 3], [3, 0, 2]])  # each vertex and its neighbours
      >>> median_filter(jnp.asarray([0.0, 7.0, 1.0, 2.0]), neighbourhood=ring).tolist()
      [2.0, 1.0, 2.0, 1.0]
    """
    return filter_by_rank(
        x,
        lambda count: count // 2,
        "the median",
        "median_filter",
        size=size,
        structuring_element=structuring_element,
        neighbourhood=neighbourhood,
        mode=mode,
        border_value=border_value,
        origin=origin,
        spatial_rank=spatial_rank,
    )
