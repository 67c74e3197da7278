"""Opening and closing, of truth values and of grey values, on grids and on meshes."""

from collections.abc import Sequence

from jax.typing import ArrayLike
from jaxtyping import Array, Integer, Shaped

from nitrix.morphology._borders import BorderMode
from nitrix.morphology._operator import operator_of
from nitrix.sparse import ELL, SectionedELL


def open(
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
    """Open an image: erode it, then dilate it with the same element; what is narrower is removed.

    Equal to `scipy.ndimage.grey_opening` and `binary_opening` with the same border in both passes. With neutral borders
    the result is never above `x`, and opening it again changes nothing. Differentiable as `dilate` is.

    Args:
      x: The image, or values [... n] at vertices; dtypes as in `dilate`.
      size: A flat box of so many voxels: one number, or one for each spatial axis.
      structuring_element: Truth values for a flat element, numbers for a weighted one, as in `dilate`. Default: the
        voxel and its neighbours along the axes.
      neighbourhood: Vertices [n, k], or an ELL or SectionedELL of them, as in `dilate`. For a
        neighbourhood that is not mutual the result has none of the properties above.
      mode: What stands beyond the border, "neutral" or one of SciPy's modes, in both passes.
      border_value: The value beyond the border, for mode "constant", which it implies.
      origin: Moves the element's centre, as in `dilate`.
      spatial_rank: How many of the last axes are spatial; None means all of them.
    Returns:
      The opened image, of the shape and dtype of `x`.
    Raises:
      TypeError: As `dilate`.
      ValueError: As `dilate`.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.morphology import open
      >>> open(jnp.asarray([0, 9, 0, 4, 5, 6, 0]), size=3).tolist()
      [0, 0, 0, 4, 4, 4, 0]
    """
    image, operator = operator_of(
        "open",
        x,
        size=size,
        structuring_element=structuring_element,
        neighbourhood=neighbourhood,
        mode=mode,
        border_value=border_value,
        origin=origin,
        spatial_rank=spatial_rank,
    )
    return operator.dilate(operator.erode(image))


def close(
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
    """Close an image: dilate it, then erode it with the same element; narrow gaps are filled.

    Equal to `scipy.ndimage.grey_closing` and `binary_closing` with the same border in both passes: SciPy's binary form
    needs `border_value=False`, which removes what touches the border. With neutral borders the result is never below
    `x`, and closing it again changes nothing. Differentiable as `dilate` is.

    Args:
      x: The image, or values [... n] at vertices; dtypes as in `dilate`.
      size: A flat box of so many voxels: one number, or one for each spatial axis.
      structuring_element: Truth values for a flat element, numbers for a weighted one, as in `dilate`. Default: the
        voxel and its neighbours along the axes.
      neighbourhood: Vertices [n, k], or an ELL or SectionedELL of them, as in `dilate`. For a
        neighbourhood that is not mutual the result has none of the properties above.
      mode: What stands beyond the border, "neutral" or one of SciPy's modes, in both passes.
      border_value: The value beyond the border, for mode "constant", which it implies.
      origin: Moves the element's centre, as in `dilate`.
      spatial_rank: How many of the last axes are spatial; None means all of them.
    Returns:
      The closed image, of the shape and dtype of `x`.
    Raises:
      TypeError: As `dilate`.
      ValueError: As `dilate`.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.morphology import close
      >>> close(jnp.asarray([True, True, False, True, True, False, False]), size=3).tolist()
      [True, True, True, True, True, False, False]
    """
    image, operator = operator_of(
        "close",
        x,
        size=size,
        structuring_element=structuring_element,
        neighbourhood=neighbourhood,
        mode=mode,
        border_value=border_value,
        origin=origin,
        spatial_rank=spatial_rank,
    )
    return operator.erode(operator.dilate(image))
