"""Functions on arrays made into functions on images."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Literal

import nibabel
import numpy as np
from nibabel.spatialimages import SpatialImage

SPATIAL_RANK = 3
_UNITS = {"unknown": 1.0, "meter": 1000.0, "mm": 1.0, "micron": 0.001}


def lift(
    function: Callable[..., Any], *, dtype: Literal["float", "keep"] | type | np.dtype = "float"
) -> Callable[..., SpatialImage]:
    """Make a function of an array into the same function of a nibabel image.

    The lifted function takes an image where `function` takes its first array, and the same options. Of the
    image it gives the array with the spatial axes last (x, y, z as rows of the affine; time and further axes
    are batch axes in front), as nitrix reads them, and, where `function` has these options:

    - `spacing`: the voxel size along x, y, z in mm, the column norms of the affine (so that an oblique
      affine is right too);
    - `spatial_rank`: 3, so that time never mixes with space. A function without this option is called once
      for each volume.

    Computation is in float32 (float64 if JAX's 64-bit mode is on and the image has float64 or wide integers).

    Args:
      function: `(array, **options) -> array`. The result keeps the three spatial sizes.
      dtype: The type of the result and of its header: "float" keeps float32 and float64 and makes
        integers float32; "keep" also keeps integers, rounding to the nearest and clipping at the ends of
        the range; or a NumPy type.
    Returns:
      `(image, **options) -> image`: an image of the same class with affine and header kept.
    Raises:
      TypeError: By the lifted function, if it is not given a nibabel image.
      ValueError: By the lifted function, if the image has fewer than three axes, if the result has other
        spatial sizes, or if "keep" meets an image whose stored integers are scaled.
    Example:
      >>> import nibabel, numpy
      >>> from nitrix.smoothing import gaussian
      >>> image = nibabel.Nifti1Image(numpy.ones((4, 4, 4, 2), "f4"), numpy.diag([2, 2, 3, 1]))
      >>> lift(gaussian)(image, fwhm=6.0).shape
      (4, 4, 4, 2)
    """
    options = inspect.signature(function).parameters
    name = getattr(function, "__name__", "function")

    @wraps(function)
    def lifted(image: SpatialImage, **given: Any) -> SpatialImage:
        _check(image, name)
        target = _target_dtype(image, dtype, name)
        if "spatial_rank" in given:
            raise TypeError(f"{name}: spatial_rank is {SPATIAL_RANK} for an image; leave it out.")
        if "spacing" in options:
            given.setdefault("spacing", spacing_of(image))
        array = _array_of(image)
        if "spatial_rank" in options:
            result = np.asarray(function(array, spatial_rank=SPATIAL_RANK, **given))
        else:
            volumes = array.reshape((-1, *array.shape[-SPATIAL_RANK:]))
            results = np.stack([np.asarray(function(volume, **given)) for volume in volumes])
            result = results.reshape(array.shape[:-SPATIAL_RANK] + results.shape[1:])
        if result.shape[-SPATIAL_RANK:] != array.shape[-SPATIAL_RANK:]:
            raise ValueError(
                f"{name}: the result has shape {result.shape}, but its last three sizes must stay "
                f"{array.shape[-SPATIAL_RANK:]} for the affine to hold; call the function on an array."
            )
        return _image_like(image, result, target)

    # The wrapped function's annotations speak of arrays.
    lifted.__annotations__ = {"image": SpatialImage, "return": SpatialImage}
    lifted.__dict__.pop("__wrapped__", None)
    return lifted


def spacing_of(image: SpatialImage) -> tuple[float, float, float]:
    """Voxel size along x, y, z in mm: the column norms of the affine."""
    units = getattr(image.header, "get_xyzt_units", lambda: ("mm", "sec"))
    norms = np.linalg.norm(np.asarray(image.affine)[:3, :3], axis=0) * _UNITS[units()[0]]
    return (float(norms[0]), float(norms[1]), float(norms[2]))


def _check(image: SpatialImage, name: str) -> None:
    if not isinstance(image, SpatialImage):
        raise TypeError(
            f"{name}: image is {type(image).__name__}, not a nibabel image; "
            "read one with thrux.load, or call the function itself on an array."
        )
    if len(image.shape) < SPATIAL_RANK:
        raise ValueError(
            f"{name}: image has shape {image.shape}, but three spatial axes are needed; "
            "add axes of size 1 in front of a slice's missing ones."
        )
    if image.affine is None or not np.isfinite(image.affine).all():
        raise ValueError(f"{name}: image has no finite affine; set one with type(image)(data, affine).")


def _target_dtype(image: SpatialImage, dtype: Any, name: str) -> np.dtype:
    """The type of the result; decided before anything is computed."""
    stored = np.dtype(image.get_data_dtype())
    if stored.kind not in "biuf":
        raise ValueError(f"{name}: image has values of type {stored}; real numbers are expected.")
    if dtype == "keep" and stored.kind in "iu":
        slope, inter = (getattr(image.dataobj, key, default) for key, default in (("slope", 1), ("inter", 0)))
        if (slope, inter) != (1, 0):
            raise ValueError(
                f"{name}: dtype='keep' would lose the fractions of image, whose stored integers are scaled "
                f"by {slope} and shifted by {inter}; use dtype='float'."
            )
        return stored
    if dtype in ("keep", "float"):
        return stored if stored.kind == "f" and stored.itemsize in (4, 8) else np.dtype(np.float32)
    return np.dtype(dtype)


def _array_of(image: SpatialImage) -> np.ndarray:
    """Real values in a type that JAX takes, spatial axes last."""
    import jax.numpy as jnp  # late: reading and writing files needs no JAX

    stored = np.dtype(image.get_data_dtype())
    wide = stored.itemsize >= (4 if stored.kind in "iu" else 8)
    real = np.float64 if wide and jnp.result_type(float) == np.float64 else np.float32
    values = np.asarray(image.dataobj).astype(real)
    return np.ascontiguousarray(np.moveaxis(values, range(SPATIAL_RANK), range(-SPATIAL_RANK, 0)))


def _image_like(image: SpatialImage, result: np.ndarray, dtype: np.dtype) -> SpatialImage:
    """An image with the affine and header of another."""
    values = np.moveaxis(result, range(-SPATIAL_RANK, 0), range(SPATIAL_RANK))
    if dtype.kind in "iu" and values.dtype.kind == "f":
        info = np.iinfo(dtype)
        if not np.isfinite(values).all():
            raise ValueError("the result holds NaN or infinity, which integers cannot; use dtype='float'.")
        values = np.clip(np.rint(values.astype(np.float64)), info.min, info.max)
        top = values >= float(info.max)  # which for 64 bits is no float64; the nearest one would wrap
        values = np.where(top, info.max, np.where(top, 0, values).astype(dtype))
    header = image.header.copy()
    header.set_data_dtype(dtype)
    if isinstance(header, nibabel.Nifti1Header):
        header["scl_slope"], header["scl_inter"] = np.nan, np.nan  # nibabel's "not scaled"
    return type(image)(values.astype(dtype), image.affine, header)
