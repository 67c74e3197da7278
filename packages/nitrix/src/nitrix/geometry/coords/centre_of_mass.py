"""Where regions of weighted points lie."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real, Shaped

from nitrix._arguments import cast, check_width
from nitrix.geometry._operands import leading_shape, read_together
from nitrix.sparse.mesh._vectors import unit_vectors


def center_of_mass_points(
    weight: Shaped[ArrayLike, "... n_regions n_points"],
    coords: Shaped[ArrayLike, "... n_points ndim"],
    *,
    radius: Real[ArrayLike, ""] | None = None,
) -> Float[Array, "... n_regions ndim"]:
    """Centres of mass of regions whose points carry weights: sum_l w_l x_l / sum_l w_l.

    Args:
      weight: Weight of each point in each region, [... n_regions n_points], such as the soft assignment of an atlas,
        or truth values. Negative weights count as such.
      coords: The points, [... n_points ndim], in any unit. Leading axes broadcast with those of `weight` and never
        mix. Integers are taken as the default float; float16 and bfloat16 are computed in float32.
      radius: Of the sphere about the origin onto which the centres are projected, in the unit of `coords`. None
        leaves them where they are, inside of it.
    Returns:
      The centres, [... n_regions ndim], of the floating dtype that holds both operands. NaN, with derivative 0, where
      the weights of a region add up to 0, and with `radius` where a centre lies in the origin.
    Raises:
      TypeError: If an operand is complex or holds no numbers.
      ValueError: If the shapes do not fit, or radius is not finite and positive (traced: NaN).

    Note:
      The points' layout is [points, axes], and regions are rows of the result; the older `cmass_coor`, of which this
      has the name too, had [axes, points] and [axes, regions], and could not take batches.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import center_of_mass_points
      >>> coords = jnp.asarray([[0.0, 0.0], [4.0, 0.0], [4.0, 8.0]])
      >>> center_of_mass_points(jnp.asarray([[1.0, 3.0, 0.0], [0.0, 1.0, 1.0]]), coords).tolist()
      [[3.0, 0.0], [4.0, 4.0]]
    """
    function = "center_of_mass_points"
    w, x, size, dtype = read_regions(function, weight, coords, radius)
    return _centres(w, x, size).astype(dtype)


def displacement_from_reference_points(
    weight: Shaped[ArrayLike, "... n_regions n_points"],
    reference: Shaped[ArrayLike, "... n_regions ndim"],
    coords: Shaped[ArrayLike, "... n_points ndim"],
    *,
    radius: Real[ArrayLike, ""] | None = None,
) -> Float[Array, "... n_regions ndim"]:
    """How far centres of mass lie from their references, as vectors: `center_of_mass_points` - reference.

    Args:
      weight: Weight of each point in each region, as for `center_of_mass_points`.
      reference: The place of each region's reference, [... n_regions ndim], in the unit of `coords`.
      coords: The points, [... n_points ndim].
      radius: Of the sphere onto which the centres (not the references) are projected; None for none.
    Returns:
      The displacements, [... n_regions ndim], in the unit of `coords`, of the floating dtype that holds all operands;
      NaN where `center_of_mass_points` is.
    Raises:
      TypeError: If an operand is complex or holds no numbers.
      ValueError: As `center_of_mass_points`; if `reference` does not fit.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import displacement_from_reference_points
      >>> coords = jnp.asarray([[0.0, 0.0], [4.0, 0.0]])
      >>> displacement_from_reference_points(jnp.ones((1, 2)), jnp.asarray([[2.0, 1.0]]), coords).tolist()
      [[0.0, -1.0]]
    """
    function = "displacement_from_reference_points"
    (w, x, start), dtype = read_together(function, weight=weight, coords=coords, reference=reference)
    w, x, size, _ = read_regions(function, w, x, radius)
    wanted = (w.shape[-2], x.shape[-1])
    if start.shape[-2:] != wanted:
        raise ValueError(
            f"{function}: reference has shape {start.shape}; its last two axes must be {wanted}."
        )
    leading_shape(function, weight=w.shape[:-2], coords=x.shape[:-2], reference=start.shape[:-2])
    return (_centres(w, x, size) - start).astype(dtype)


cmass_coor = center_of_mass_points
cmass_reference_displacement_coor = displacement_from_reference_points


def read_regions(
    function: str, weight: Any, coords: Any, radius: Any
) -> tuple[Float[Array, "... r l"], Float[Array, "... l d"], Any, np.dtype]:
    """Weights, points and the sphere's radius in a working dtype, and the dtype of the result."""
    (w, x), dtype = read_together(function, weight=weight, coords=coords)
    if w.ndim < 2 or x.ndim < 2 or w.shape[-1] != x.shape[-2]:
        raise ValueError(
            f"{function}: weight has shape {w.shape} and coords {x.shape}; give [... regions, points] and "
            f"[... points, axes] of the same points."
        )
    leading_shape(function, weight=w.shape[:-2], coords=x.shape[:-2])
    if radius is None:
        return w, x, None, dtype
    check_width("radius", radius, function, at_least_zero=False)
    return w, x, jnp.asarray(cast(radius, w.dtype)), dtype


def centres(
    weight: Float[Array, "... r l"], coords: Float[Array, "... l d"], radius: Float[Array, ""] | None
) -> Float[Array, "... r d"]:
    """The centres of mass, on the sphere where there is one."""
    mass = jnp.sum(weight, axis=-1)[..., None]
    none = mass == 0
    moment = jnp.matmul(weight, coords, precision=lax.Precision.HIGHEST)
    found = jnp.where(none, jnp.nan, moment / jnp.where(none, 1, mass))
    if radius is None:
        return found
    direction = unit_vectors(found)
    nowhere = jnp.all(direction == 0, axis=-1, keepdims=True) | ~(radius > 0)
    return jnp.where(nowhere, jnp.nan, radius * direction)


_centres = jax.jit(centres)
