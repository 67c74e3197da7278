"""What is left between an image and its erosion, dilation, opening or closing."""

from collections.abc import Sequence

from jax.typing import ArrayLike
from jaxtyping import Array, Integer, Shaped

from nitrix.morphology._borders import BorderMode
from nitrix.morphology._operator import difference, operator_of
from nitrix.sparse import ELL, SectionedELL


def morphological_gradient(
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
    """The dilated image less the eroded one: how far values differ within the element.

    Equal to `scipy.ndimage.morphological_gradient`. Of truth values it is the boundary: dilated and not eroded.
    Differentiable as `dilate` is.

    Args:
      x: The image, or values [... n] at vertices; dtypes as in `dilate`.
      size: A flat box of so many voxels: one number, or one for each spatial axis.
      structuring_element: Truth values for a flat element, numbers for a weighted one, as in `dilate`. Default: the
        voxel and its neighbours along the axes.
      neighbourhood: Vertices [n, k], or an ELL or SectionedELL of them, as in `dilate`.
      mode: What stands beyond the border, "neutral" or one of SciPy's modes, in both passes.
      border_value: The value beyond the border, for mode "constant", which it implies.
      origin: Moves the element's centre, as in `dilate`.
      spatial_rank: How many of the last axes are spatial; None means all of them.
    Returns:
      The difference, of the shape and dtype of `x`, never negative for an element that holds its centre.
    Raises:
      TypeError: As `dilate`.
      ValueError: As `dilate`.

    Note:
      A difference of signed integers that is beyond their range wraps round, as NumPy's and SciPy's does; convert such
      images first. Where both passes are infinite the difference is NaN.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.morphology import morphological_gradient
      >>> morphological_gradient(jnp.asarray([0, 0, 5, 5, 5]), size=3).tolist()
      [0, 5, 5, 0, 0]
    """
    image, operator = operator_of(
        "morphological_gradient",
        x,
        size=size,
        structuring_element=structuring_element,
        neighbourhood=neighbourhood,
        mode=mode,
        border_value=border_value,
        origin=origin,
        spatial_rank=spatial_rank,
    )
    return difference(operator.dilate(image), operator.erode(image))


def white_tophat(
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
    """The image less its opening: what is brighter than its surroundings and narrower than the element.

    Equal to `scipy.ndimage.white_tophat`. Of truth values: what opening removes. Differentiable as `dilate` is.

    Args:
      x: The image, or values [... n] at vertices; dtypes as in `dilate`.
      size: A flat box of so many voxels: one number, or one for each spatial axis.
      structuring_element: Truth values for a flat element, numbers for a weighted one, as in `dilate`. Default: the
        voxel and its neighbours along the axes.
      neighbourhood: Vertices [n, k], or an ELL or SectionedELL of them, as in `dilate`.
      mode: What stands beyond the border, "neutral" or one of SciPy's modes, in both passes.
      border_value: The value beyond the border, for mode "constant", which it implies.
      origin: Moves the element's centre, as in `dilate`.
      spatial_rank: How many of the last axes are spatial; None means all of them.
    Returns:
      The difference, of the shape and dtype of `x`.
    Raises:
      TypeError: As `dilate`.
      ValueError: As `dilate`.

    Note:
      Differences wrap and become NaN as those of `morphological_gradient`.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.morphology import white_tophat
      >>> white_tophat(jnp.asarray([1, 1, 7, 1, 1]), size=3).tolist()
      [0, 0, 6, 0, 0]
    """
    image, operator = operator_of(
        "white_tophat",
        x,
        size=size,
        structuring_element=structuring_element,
        neighbourhood=neighbourhood,
        mode=mode,
        border_value=border_value,
        origin=origin,
        spatial_rank=spatial_rank,
    )
    return difference(image, operator.dilate(operator.erode(image)))


def black_tophat(
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
    """The closing of an image less the image: what is darker than its surroundings and narrower than the element.

    Equal to `scipy.ndimage.black_tophat`. Of truth values: what closing adds. Differentiable as `dilate` is.

    Args:
      x: The image, or values [... n] at vertices; dtypes as in `dilate`.
      size: A flat box of so many voxels: one number, or one for each spatial axis.
      structuring_element: Truth values for a flat element, numbers for a weighted one, as in `dilate`. Default: the
        voxel and its neighbours along the axes.
      neighbourhood: Vertices [n, k], or an ELL or SectionedELL of them, as in `dilate`.
      mode: What stands beyond the border, "neutral" or one of SciPy's modes, in both passes.
      border_value: The value beyond the border, for mode "constant", which it implies.
      origin: Moves the element's centre, as in `dilate`.
      spatial_rank: How many of the last axes are spatial; None means all of them.
    Returns:
      The difference, of the shape and dtype of `x`.
    Raises:
      TypeError: As `dilate`.
      ValueError: As `dilate`.

    Note:
      Differences wrap and become NaN as those of `morphological_gradient`.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.morphology import black_tophat
      >>> black_tophat(jnp.asarray([7, 7, 2, 7, 7]), size=3).tolist()
      [0, 0, 5, 0, 0]
    """
    image, operator = operator_of(
        "black_tophat",
        x,
        size=size,
        structuring_element=structuring_element,
        neighbourhood=neighbourhood,
        mode=mode,
        border_value=border_value,
        origin=origin,
        spatial_rank=spatial_rank,
    )
    return difference(operator.erode(operator.dilate(image)), image)
