"""Convolutions on a sphere with learned kernels."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Inexact, Shaped

from nitrix._arguments import common_dtype, floating, known_numbers
from nitrix.geometry.sphere.directions import DirectionalNeighbourhood
from nitrix.semiring import semiring_ell_conv

NAME = "spherical_kernel_conv"


def spherical_kernel_conv(
    data: Shaped[ArrayLike, "*batch n c_in"],
    kernel: Shaped[ArrayLike, "k c_in c_out"],
    neighbourhood: DirectionalNeighbourhood,
) -> Inexact[Array, "*batch n c_out"]:
    """Convolve fields on a sphere with a kernel of its own weights for each direction.

    `out[i] = sum_p data[indices[i, p]] @ kernel[p]` over the slots p that have a neighbour: what a convolution of grids
    is to their voxels, as layers of spherical networks use it. It is `nitrix.semiring.semiring_ell_conv` over the REAL
    algebra with `mask=neighbourhood.valid`; call that one for other algebras. The (n, k, c_in) table of neighbours is
    never made, forward or backward.

    Differentiable in data and kernel; JAX refuses forward mode of the first derivative, forward over reverse is served.
    In reverse mode the cotangents of the data are scattered, in an order that is not fixed on a GPU.

    Args:
      data: Values at the vertices, channels last; leading axes are a batch. Integers and booleans are taken as the
        default float; 16-bit floats are summed in float32.
      kernel: Weights, those of slot p at `kernel[p]`.
      neighbourhood: Of the mesh, by `directional_neighbourhood`, whose docstring says how directions are numbered.
    Returns:
      The convolution, in the dtype of the data (complex if the kernel is). An empty slot adds nothing.
    Raises:
      ValueError: If shapes do not fit, or an index is out of range (under `jit`, its row is NaN).
      TypeError: If data or kernel are no numbers.
    References:
      F. Zhao et al., Spherical U-Net on cortical surfaces, IPMI 2019. doi:10.1007/978-3-030-20351-1_67
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import directional_neighbourhood, icosphere
      >>> sphere = icosphere(3)
      >>> around = directional_neighbourhood(sphere)
      >>> laplace = jnp.asarray([-6.0, 1, 1, 1, 1, 1, 1])[:, None, None]  # [7, 1, 1]
      >>> spherical_kernel_conv(sphere.vertices[:, :1], laplace, around).shape
      (642, 1)
    """
    values, weights = floating(data, NAME, "data"), floating(kernel, NAME, "kernel")
    n, k = neighbourhood.indices.shape
    if values.ndim < 2 or values.shape[-2] != n:
        raise ValueError(
            f"{NAME}: data has shape {values.shape}; give [..., {n}, c_in], a row for each vertex of the neighbourhood."
        )
    if weights.ndim != 3 or weights.shape[:2] != (k, values.shape[-1]):
        raise ValueError(
            f"{NAME}: kernel has shape {weights.shape}; give [{k}, {values.shape[-1]}, c_out]: {k} slots of the "
            f"neighbourhood, and the channels of data {values.shape}."
        )
    dtype = np.dtype(common_dtype(values, weights) if jnp.iscomplexobj(weights) else values.dtype)
    known = known_numbers(neighbourhood.indices), known_numbers(neighbourhood.valid)
    if known[0] is not None and known[1] is not None:
        outside = ((known[0] < 0) | (known[0] >= n)) & known[1]
        if outside.any():
            at = tuple(int(i) for i in np.argwhere(outside)[0])
            raise ValueError(
                f"{NAME}: the neighbourhood has indices out of range, the first at {list(at)}: {known[0][at]}; they "
                f"must be from 0 to {n - 1} where valid is True."
            )
    return _conv(values, weights, neighbourhood, dtype)


@functools.partial(jax.jit, static_argnames="dtype")
def _conv(data: Array, kernel: Array, neighbourhood: DirectionalNeighbourhood, dtype: np.dtype) -> Array:
    working = np.dtype(np.float32) if dtype.itemsize < 4 else dtype
    indices, valid = neighbourhood
    return semiring_ell_conv(indices, data.astype(working), kernel.astype(working), mask=valid).astype(dtype)
