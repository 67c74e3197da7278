"""Erosion and dilation, of truth values and of grey values, on grids and on meshes."""

from collections.abc import Sequence

from jax.typing import ArrayLike
from jaxtyping import Array, Integer, Shaped

from nitrix.morphology._borders import BorderMode
from nitrix.morphology._operator import operator_of
from nitrix.sparse import ELL, SectionedELL


def dilate(
    x: Shaped[ArrayLike, "..."],
    *,
    size: int | Sequence[int] | None = None,
    structuring_element: Shaped[ArrayLike, "..."] | None = None,
    neighbourhood: ELL | SectionedELL | Integer[ArrayLike, "n k"] | None = None,
    mode: BorderMode = "neutral",
    border_value: Shaped[ArrayLike, ""] | None = None,
    origin: int | Sequence[int] = 0,
    spatial_rank: int | None = None,
) -> Shaped[Array, "..."]:
    """Dilate an image: out(i) = max over p of x(i - p) + s(p), the maximum under the reflected structuring element.

    Equal to `scipy.ndimage.grey_dilation`, and to `binary_dilation` of truth values, in every mode; only what stands
    beyond the border by default differs, see `mode`. A box costs about log2(size) passes per axis, other flat elements
    one pass per run of entries along the last axis, weighted ones one per entry. A weighted element whose heights are
    without rounding the sum of one profile per axis, such as a parabola, is applied axis by axis, which differs from
    the other form by roundings of the sums.

    Differentiable in `x`, `border_value` and the heights in `structuring_element`, in both directions: the derivative
    is that of the voxel and entry which attain the extremum. Ties share nothing: it is the first in raster order, of
    the image for a flat element and of the window for a weighted one. Reverse mode keeps an integer or two for each
    voxel. Integers and truth values have no derivative.

    Args:
      x: The image: truth values, integers, or floats of 16 to 64 bits. Leading axes that `spatial_rank` leaves out are
        a batch.
      size: A flat box of so many voxels: one number, or one for each spatial axis.
      structuring_element: Truth values [*element] are a flat element of that shape, numbers a weighted one whose entry
        of height -inf takes no part; of truth values `x` a number is read as true unless 0. For integers the heights
        are whole numbers, and sums are held at the ends of the dtype. With none of size, structuring_element and
        neighbourhood the element is the voxel and its neighbours along the axes.
      neighbourhood: The vertices [n, k], or an ELL or SectionedELL of them, whose extremum each vertex gets; `x` is
        then [... n]. Stored values are not read, nor is anything reflected: list a vertex among its own neighbours
        where the result must not fall below `x`, for instance by `mesh_k_ring_adjacency(mesh, include_self=True)`.
      mode: What stands beyond the border: "neutral", which takes no part, or SciPy's "reflect" (d c b a | a b c d),
        "mirror" (d c b | a b c d), "nearest", "wrap", "constant" (`border_value`) and their "grid-" synonyms.
      border_value: The value beyond the border, for mode "constant", which it implies; 0 by default.
      origin: Moves the element's centre from entry n // 2 by so many entries, as SciPy's: one number, or one for each
        spatial axis.
      spatial_rank: How many of the last axes are spatial; None means all of them.
    Returns:
      The image's maxima, of its shape and dtype. Where nothing takes part (a row without neighbours, an element wholly
      beyond a neutral border): -inf, the least integer, or False.
    Raises:
      TypeError: If `x` is complex, a size or origin is no integer, heights are no numbers, or something is traced that
        must be known: the shape of a flat element, or heights for integers.
      ValueError: If two of size, structuring_element and neighbourhood are given, or they do not fit `x`; if nothing in
        the element takes part; if heights hold NaN or +inf; if an origin lies outside the element; if `mode` is unknown
        or does not go with `border_value`; if a vertex number is out of range.

    Note:
      A NaN makes every result NaN whose window holds it, with an entry that takes part; SciPy's result depends on its
      place. Where a vertex number is traced and out of range the result is NaN, or the greatest integer.

      Differences from other libraries: SciPy's grey functions reflect the image by default, and its binary ones hold
      False beyond the border. For boxes of odd sizes, crosses and balls "neutral" equals "reflect". Neither OpenCV nor
      scikit-image reflects the element in a dilation. Of even sizes OpenCV's dilation lies one voxel higher than here,
      and scikit-image's erosion one voxel lower.

    References:
      Soille, Morphological Image Analysis, 2nd edition, Springer 2004. doi:10.1007/978-3-662-05088-0

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.morphology import dilate
      >>> dilate(jnp.asarray([0, 3, 1, 0, 0]), size=3).tolist()
      [3, 3, 3, 1, 0]
      >>> dilate(jnp.asarray([0.0, 3.0, 1.0, 0.0, 0.0]), structuring_element=jnp.asarray([-1.0, 0.0, -2.0])).tolist()
      [2.0, 3.0, 1.0, 0.0, 0.0]
    """
    image, operator = operator_of(
        "dilate",
        x,
        size=size,
        structuring_element=structuring_element,
        neighbourhood=neighbourhood,
        mode=mode,
        border_value=border_value,
        origin=origin,
        spatial_rank=spatial_rank,
    )
    return operator.dilate(image)


def erode(
    x: Shaped[ArrayLike, "..."],
    *,
    size: int | Sequence[int] | None = None,
    structuring_element: Shaped[ArrayLike, "..."] | None = None,
    neighbourhood: ELL | SectionedELL | Integer[ArrayLike, "n k"] | None = None,
    mode: BorderMode = "neutral",
    border_value: Shaped[ArrayLike, ""] | None = None,
    origin: int | Sequence[int] = 0,
    spatial_rank: int | None = None,
) -> Shaped[Array, "..."]:
    """Erode an image: out(i) = min over p of x(i + p) - s(p), the minimum under the structuring element.

    Equal to `scipy.ndimage.grey_erosion`, and to `binary_erosion` of truth values, in every mode. The adjoint of
    `dilate` with the same element: with neutral borders dilate(x) <= y exactly where x <= erode(y). What `dilate` says
    of cost, derivatives, NaN and other libraries holds here too.

    Args:
      x: The image: truth values, integers, or floats of 16 to 64 bits. Leading axes that `spatial_rank` leaves out are
        a batch.
      size: A flat box of so many voxels: one number, or one for each spatial axis.
      structuring_element: Truth values are a flat element of that shape, numbers a weighted one, as in `dilate`. With
        none of size, structuring_element and neighbourhood: the voxel and its neighbours along the axes.
      neighbourhood: The vertices [n, k], or an ELL or SectionedELL of them, whose minimum each vertex gets; `x` is then
        [... n].
      mode: What stands beyond the border: "neutral", which takes no part, or one of SciPy's modes, as in `dilate`.
      border_value: The value beyond the border, for mode "constant", which it implies; 0 by default.
      origin: Moves the element's centre from entry n // 2 by so many entries, as SciPy's: one number, or one for each
        spatial axis.
      spatial_rank: How many of the last axes are spatial; None means all of them.
    Returns:
      The image's minima, of its shape and dtype; where nothing takes part: inf, the greatest integer, or True.
    Raises:
      TypeError: As `dilate`.
      ValueError: As `dilate`.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.morphology import erode
      >>> mask = jnp.asarray([True, True, True, False, True])
      >>> erode(mask, size=3).tolist()
      [True, True, False, False, False]
      >>> erode(mask, size=3, border_value=False).tolist()
      [False, True, False, False, False]
    """
    image, operator = operator_of(
        "erode",
        x,
        size=size,
        structuring_element=structuring_element,
        neighbourhood=neighbourhood,
        mode=mode,
        border_value=border_value,
        origin=origin,
        spatial_rank=spatial_rank,
    )
    return operator.erode(image)
