"""Where the mass of an image lies on its grid."""

import operator
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real, Shaped

from nitrix._arguments import cast
from nitrix.geometry._operands import leading_shape, read_together


def center_of_mass_grid(
    weight: Shaped[ArrayLike, "..."],
    *,
    axes: Sequence[int] | None = None,
    na_value: Real[ArrayLike, ""] | None = None,
) -> Float[Array, "... ndim"]:
    """The centre of mass of an image, in voxels: along each axis the mean of the indices, weighted by the image.

    Args:
      weight: The image, or truth values. Negative weights count as such. Integers are taken as the default float;
        float16 and bfloat16 are computed in float32.
      axes: The axes of one image; the others are batch axes. None means all.
      na_value: What all coordinates are where the weights add up to 0. None: NaN.
    Returns:
      The centres, [*batch len(axes)], in the order of `axes`, of the floating dtype of `weight`.
    Raises:
      TypeError: If `weight` is complex or holds no numbers, or an axis is no integer.
      ValueError: If an axis is out of range or named twice, or na_value is not one number.

    Note:
      Equal to `scipy.ndimage.center_of_mass`, which has no batches. Indices are counted from the middle of the grid
      while they are summed, axis by axis, which keeps float32 exact on large images. The derivative in the weights is
      (index - centre) / mass; it is 0 where there is no mass.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import center_of_mass_grid
      >>> center_of_mass_grid(jnp.asarray([[0.0, 1.0, 3.0], [0.0, 0.0, 0.0]])).tolist()
      [0.0, 1.75]
    """
    (w,), dtype = read_together("center_of_mass_grid", weight=weight)
    return _centre("center_of_mass_grid", w, axes, na_value).astype(dtype)


def displacement_from_reference_grid(
    weight: Shaped[ArrayLike, "..."],
    reference: Shaped[ArrayLike, "... ndim"],
    *,
    axes: Sequence[int] | None = None,
    na_value: Real[ArrayLike, ""] | None = None,
) -> Float[Array, "... ndim"]:
    """How far centres of mass lie from their references, as vectors in voxels: `center_of_mass_grid` - reference.

    Args:
      weight: The image, as for `center_of_mass_grid`.
      reference: The references, [... len(axes)], in voxels and in the order of `axes`. Leading axes broadcast with the
        batch axes of `weight`.
      axes: The axes of one image; None means all.
      na_value: What all coordinates of the centre are where the weights add up to 0. None: NaN.
    Returns:
      The displacements, [... len(axes)], of the floating dtype that holds both operands.
    Raises:
      TypeError: If an operand is complex or holds no numbers, or an axis is no integer.
      ValueError: As `center_of_mass_grid`; if `reference` does not fit.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import displacement_from_reference_grid
      >>> displacement_from_reference_grid(jnp.ones((3, 5)), jnp.asarray([1.0, 1.0])).tolist()
      [0.0, 1.0]
    """
    function = "displacement_from_reference_grid"
    (w, start), dtype = read_together(function, weight=weight, reference=reference)
    centre = _centre(function, w, axes, na_value)
    if start.shape[-1:] != centre.shape[-1:]:
        raise ValueError(
            f"{function}: reference has shape {start.shape}; its last axis must be {centre.shape[-1]} long, one "
            f"coordinate for each of the axes."
        )
    leading_shape(function, weight=centre.shape[:-1], reference=start.shape[:-1])
    return (centre - start).astype(dtype)


cmass_regular_grid = center_of_mass_grid
cmass_reference_displacement_grid = displacement_from_reference_grid


def _centre(
    function: str, weight: Float[Array, "..."], axes: Sequence[int] | None, na_value: Any
) -> Float[Array, "... ndim"]:
    rank = weight.ndim
    named = tuple(range(rank)) if axes is None else tuple(operator.index(a) for a in axes)
    if not all(-rank <= a < rank for a in named) or len({a % rank for a in named}) < len(named):
        raise ValueError(
            f"{function}: axes={named} must name axes of weight, which has {rank}, and none of them twice."
        )
    nowhere = np.nan if na_value is None else na_value
    if np.shape(nowhere) != ():
        raise ValueError(f"{function}: na_value has shape {np.shape(nowhere)}; give one number.")
    found = tuple(a % rank for a in named)
    return _moments(weight, jnp.asarray(cast(nowhere, weight.dtype)), axes=found)


def _mean_indices(
    weight: Float[Array, "..."], nowhere: Float[Array, ""], *, axes: tuple[int, ...]
) -> Float[Array, "... ndim"]:
    """First moments about the middle over the mass, the last axis being summed first: its entries lie side by side."""
    mass = weight
    moments: dict[int, Array] = {}
    for axis in sorted(axes, reverse=True):
        size = weight.shape[axis]
        index = np.arange(size, dtype=weight.dtype) - weight.dtype.type((size - 1) / 2)
        index = index.reshape(-1, *[1] * (weight.ndim - 1 - axis))
        moments = {a: jnp.sum(m, axis, keepdims=True) for a, m in moments.items()}
        moments[axis] = jnp.sum(mass * index, axis, keepdims=True)
        mass = jnp.sum(mass, axis, keepdims=True)
    none = mass == 0
    safe = jnp.where(none, 1, mass)
    centre = [jnp.where(none, nowhere, moments[a] / safe + (weight.shape[a] - 1) / 2) for a in axes]
    if not centre:
        return jnp.zeros((*weight.shape, 0), weight.dtype)
    return jnp.stack([c.squeeze(axes) for c in centre], axis=-1)


_moments = jax.jit(_mean_indices, static_argnames="axes")
