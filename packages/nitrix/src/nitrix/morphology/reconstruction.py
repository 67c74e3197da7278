"""Reconstruction of an image from a marker, and the filling of holes."""

from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Shaped

from nitrix._arguments import spatial_axes
from nitrix.morphology._element import Element
from nitrix.morphology._flat import flat_extremum
from nitrix.morphology._geodesic import reconstruction
from nitrix.morphology._image import image_of
from nitrix.morphology._steps import flat_element


def reconstruct(
    marker: Shaped[ArrayLike, "*#image"],
    mask: Shaped[ArrayLike, "*#image"],
    *,
    by: Literal["dilation", "erosion"] = "dilation",
    structuring_element: Shaped[ArrayLike, "*element"] | None = None,
    spatial_rank: int | None = None,
) -> Shaped[Array, "*image"]:
    """Reconstruct an image from a marker: dilate the marker under the mask again and again until nothing changes.

    By dilation the result is the fixed point of m <- min(mask, max(m, dilate(m))) from m = min(marker, mask): peaks of
    the mask that the marker does not touch are cut down to the highest pass that leads to it. By erosion it is the same
    upside down. For truth values: the parts of the mask that hold a voxel of the marker.

    Sweeps along the axes take the place of single steps, so that a few rounds serve most images; a path that winds
    needs a round for each of its turns. Differentiable in both operands and both directions: each value of the result
    is one of the marker's or of the mask's, and has its derivative. Where values tie it is that of one of them.

    Args:
      marker: Where to start from: of the dtype of `mask`. Beyond the mask it is taken as the mask.
      mask: The bound: truth values, integers, or floats of 16 to 64 bits. Leading axes that `spatial_rank` leaves out
        are a batch.
      by: "dilation" grows a marker below the mask, "erosion" shrinks one above it.
      structuring_element: Truth values: the steps to be taken, of all of the spatial axes. Default: to the neighbours
        along the axes.
      spatial_rank: How many of the last axes are spatial; None means all of them.
    Returns:
      The reconstructed image, of the dtype of `mask` and the shape that both broadcast to.
    Raises:
      TypeError: If the dtypes differ or have no order, or the structuring element is traced or holds no truth values.
      ValueError: If `by` is unknown, shapes do not fit, or no entry of the structuring element is true.

    Note:
      An image of the batch that holds a NaN, in marker or mask, becomes NaN as a whole.

      `skimage.morphology.reconstruction` steps to diagonal neighbours too by default, gives float64, and refuses a
      marker beyond the mask.

    References:
      Vincent, Morphological grayscale reconstruction in image analysis, IEEE Trans. Image Process. 2(2), 1993.
      doi:10.1109/83.217222

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.morphology import reconstruct
      >>> mask = jnp.asarray([0, 5, 3, 6, 0, 9, 0])
      >>> reconstruct(jnp.asarray([0, 4, 0, 0, 0, 0, 0]), mask).tolist()
      [0, 4, 3, 3, 0, 0, 0]
    """
    bound = image_of(mask, "reconstruct", "mask")
    start = image_of(marker, "reconstruct", "marker")
    if start.dtype != bound.dtype:
        raise TypeError(
            f"reconstruct: marker has dtype {start.dtype} and mask {bound.dtype}; convert one of them to the other's."
        )
    if by not in ("dilation", "erosion"):
        raise ValueError(f"reconstruct: by={by!r} is not known; give 'dilation' or 'erosion'.")
    try:
        shape = jnp.broadcast_shapes(start.shape, bound.shape)
    except ValueError:
        raise ValueError(
            f"reconstruct: marker {start.shape} and mask {bound.shape} do not broadcast; give images of one shape."
        ) from None
    rank = len(spatial_axes(len(shape), spatial_rank, "reconstruct", "mask"))
    element = flat_element(structuring_element, rank, "reconstruct")
    start, bound = jnp.broadcast_to(start, shape), jnp.broadcast_to(bound, shape)
    return _reconstructed(start, bound, element if by == "erosion" else element.reflected, by == "erosion")


def fill_holes(
    x: Shaped[ArrayLike, "*image"],
    *,
    structuring_element: Shaped[ArrayLike, "*element"] | None = None,
    spatial_rank: int | None = None,
) -> Shaped[Array, "*image"]:
    """Fill the holes of an image: what is lower and cannot be reached from the border without climbing.

    Of truth values: False voxels with no path of False voxels to the border become True, as by
    `scipy.ndimage.binary_fill_holes`. Of numbers: basins that do not touch the border are filled up to the lowest pass
    that leads out of them, by reconstruction by erosion. Differentiable as `reconstruct` is.

    Args:
      x: The image: truth values, integers, or floats of 16 to 64 bits. Leading axes that `spatial_rank` leaves out are
        a batch.
      structuring_element: Truth values: the steps of a path in the background. Default: to the neighbours along the
        axes; with diagonal steps fewer holes are closed.
      spatial_rank: How many of the last axes are spatial; None means all of them.
    Returns:
      The filled image, of the shape and dtype of `x`.
    Raises:
      TypeError: If the dtype has no order, or the structuring element is traced or holds no truth values.
      ValueError: If the structuring element does not fit `x`, has no true entry or, for numbers, no step.

    Note:
      An image of the batch that holds a NaN becomes NaN as a whole.

    References:
      Soille, Morphological Image Analysis, 2nd edition, Springer 2004, section 6.3.7. doi:10.1007/978-3-662-05088-0

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.morphology import fill_holes
      >>> ring = jnp.asarray([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0]], bool)
      >>> fill_holes(ring).astype(int).tolist()
      [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0]]
      >>> fill_holes(jnp.asarray([5, 1, 3, 0])).tolist()
      [5, 3, 3, 0]
    """
    image = image_of(x, "fill_holes")
    rank = len(spatial_axes(image.ndim, spatial_rank, "fill_holes"))
    element = flat_element(structuring_element, rank, "fill_holes").reflected
    if rank == 0 or image.size == 0:
        return image
    if image.dtype != np.dtype(bool) and len(element.entries) == int(element.footprint[element.centre]):
        raise ValueError(
            "fill_holes: structuring_element has no entry but its centre, so that nothing leads out of a basin; give "
            "it a step."
        )
    # Voxels with a step beyond the border.
    spatial = image.shape[image.ndim - rank :]
    rim = flat_extremum(
        jnp.zeros(spatial, bool), jnp.asarray(True), element=element, mode="constant", smallest=False
    )
    top = jnp.full_like(image, _greatest(image.dtype))
    return _reconstructed(jnp.where(rim, image, top), image, element, True)


def _reconstructed(marker: Array, mask: Array, element: Element, smallest: bool) -> Array:
    if mask.size == 0 or not element.shape:
        return mask
    return reconstruction(marker, mask, element=element, smallest=smallest)


def _greatest(dtype: np.dtype) -> Any:
    if dtype == np.dtype(bool):
        return True
    return np.iinfo(dtype).max if jnp.issubdtype(dtype, jnp.integer) else np.inf
