"""Displacement fields on finer and coarser grids."""

import math
from fractions import Fraction

from jax.typing import ArrayLike
from jaxtyping import Array, Float, Shaped

from nitrix.geometry.grid._fields import read_fields, spatial_shape
from nitrix.geometry.grid.resample import resample


def rescale_displacement(field: Shaped[ArrayLike, "... d"], factor: int | float) -> Float[Array, "... d"]:
    """A displacement field on a grid of `factor` times as many voxels: resampled, and multiplied by `factor`.

    Args:
      field: Displacements, [*leading *spatial d], in voxels. Integers are taken as the default float; float16 and
        bfloat16 are computed in float32.
      factor: 2 for a grid twice as fine. An axis of n voxels gets floor(n factor), at least 1.
    Returns:
      The displacements, [*leading *spatial d], in voxels of the new grid, in the floating dtype of `field`.
    Raises:
      TypeError: If `field` is complex or holds no numbers.
      ValueError: If `field` has fewer than d axes beside the last, or factor is not finite and positive.

    Note:
      `resample` aligns the corners of both grids: n voxels span n - 1 voxel lengths, and m as many as before. Their
      length therefore changes by (m - 1) / (n - 1), from which `factor` differs by up to 1 / n of it. This is how
      VoxelMorph rescales its fields. For grids that shall agree exactly take `resample` and multiply each component
      by (m - 1) / (n - 1).

    References:
      Balakrishnan, Zhao, Sabuncu, Guttag and Dalca, VoxelMorph: a learning framework for deformable medical image
      registration, IEEE Trans. Med. Imaging 38, 2019. doi:10.1109/TMI.2019.2897538

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import rescale_displacement
      >>> rescale_displacement(jnp.asarray([[1.0], [4.0]]), 2)[:, 0].tolist()
      [2.0, 4.0, 6.0, 8.0]
    """
    function = "rescale_displacement"
    (u,), dtype = read_fields(function, field=field)
    if not (math.isfinite(factor) and factor > 0):
        raise ValueError(f"{function}: factor={factor} must be finite and positive.")
    ratio = Fraction(factor).limit_denominator(10**6)  # 0.29 of 100 voxels are 29, also in binary
    shape = [max(1, math.floor(n * ratio)) if n else 0 for n in spatial_shape(u)]
    return (resample(u, shape) * u.dtype.type(factor)).astype(dtype)
