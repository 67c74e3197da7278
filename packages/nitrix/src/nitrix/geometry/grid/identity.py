"""The coordinates of a grid's own voxels."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from nitrix.geometry.grid._shapes import shape_of


def identity_grid(spatial_shape: Sequence[int], *, dtype: Any = None) -> Float[Array, "... ndim"]:
    """The voxel coordinates of every voxel of a grid: sampling an image there gives the image.

    Args:
      spatial_shape: The sizes of the grid's axes.
      dtype: A floating dtype for the coordinates; None is the default float, float32 or, in 64-bit mode, float64.
    Returns:
      The coordinates, [*spatial_shape ndim], in voxels: the entry at (i, j, k) is (i, j, k), as that of
      `numpy.indices` with the axis of coordinates moved to the end.
    Raises:
      TypeError: If a size is no integer, or the dtype is not floating.
      ValueError: If there is no axis, or a size is negative.

    Example:
      >>> from nitrix.geometry import identity_grid
      >>> identity_grid((2, 3))[1].tolist()
      [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]
    """
    shape = shape_of("identity_grid", "spatial_shape", spatial_shape, least=0)
    wanted = jax.dtypes.canonicalize_dtype(np.float64) if dtype is None else np.dtype(dtype)
    if not jnp.issubdtype(wanted, jnp.floating):
        raise TypeError(f"identity_grid: dtype={wanted} is not floating; coordinates are real numbers.")
    axes = [jax.lax.broadcasted_iota(wanted, (*shape, 1), axis) for axis in range(len(shape))]
    return jnp.concatenate(axes, axis=-1)
