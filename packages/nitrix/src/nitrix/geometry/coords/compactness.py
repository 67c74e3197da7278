"""How far regions of weighted points spread about their centres."""

import functools
import math

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real, Shaped

from nitrix._arguments import cast, check_width
from nitrix.geometry._angles import angle_between
from nitrix.geometry.coords.centre_of_mass import centres, read_regions


def compactness_penalty(
    weight: Shaped[ArrayLike, "... n_regions n_points"],
    coords: Shaped[ArrayLike, "... n_points ndim"],
    *,
    norm: int | float = 2,
    floor: Real[ArrayLike, ""] = 0.0,
    radius: Real[ArrayLike, ""] | None = None,
) -> Float[Array, "... n_regions"]:
    """The weighted distance of a region's points from its centre of mass: mean over l of w_l max(d_l - floor, 0).

    A penalty on regions that are spread out, such as the parcels of a learned atlas. The mean is over all points, of
    weight 0 too, so that it is proportional to the weights; divided by `weight.mean(-1)` it is the mean distance of
    the region's mass from its centre.

    Args:
      weight: Weight of each point in each region, [... n_regions n_points], as for `center_of_mass_points`.
      coords: The points, [... n_points ndim], in any unit.
      norm: Of the distance d_l of a point from the centre: the p of the p-norm, at least 1; `math.inf` is the largest
        difference along an axis.
      floor: Distances up to this one cost nothing, in the unit of `coords`.
      radius: Of the sphere about the origin on which distances are geodesic ones, in the unit of `coords`: the centre
        is projected onto it, and of the points the direction counts. None takes distances by `norm`.
    Returns:
      The penalties, [... n_regions], in the unit of `coords` times that of `weight`. A region of zeros costs 0; NaN
      where other weights add up to 0, and with `radius` where the centre lies in the origin.
    Raises:
      TypeError: If an operand is complex or holds no numbers.
      ValueError: If the shapes do not fit, norm is below 1, floor is negative or not finite, radius is not finite and
        positive (traced: NaN), or if with a radius there is a norm, or coords are not in three dimensions.

    Note:
      Differentiable in weights and coordinates; where a point is the centre, and where d_l is `floor`, the derivative
      of max(d_l - floor, 0) is taken as 0. Memory is a few times [... n_regions n_points].

      Against the older `diffuse`, of which this has the name too: `norm` is honoured, points lie in rows, batches
      are served, and the derivative is finite.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import compactness_penalty
      >>> coords = jnp.asarray([[0.0, 0.0], [6.0, 8.0]])
      >>> compactness_penalty(jnp.ones((1, 2)), coords).tolist()
      [5.0]
      >>> compactness_penalty(jnp.ones((1, 2)), coords, norm=1, floor=4.0).tolist()
      [3.0]
    """
    function = "compactness_penalty"
    w, x, size, dtype = read_regions(function, weight, coords, radius)
    check_width("floor", floor, function, at_least_zero=True)
    if not norm >= 1:
        raise ValueError(
            f"{function}: norm={norm} must be at least 1; use math.inf for the largest difference."
        )
    if size is not None and norm != 2:
        raise ValueError(
            f"{function}: with a radius distances are geodesic, so norm={norm} has no meaning; omit it."
        )
    if size is not None and x.shape[-1] != 3:
        raise ValueError(f"{function}: coords has shape {x.shape}; a sphere's points have 3 coordinates.")
    return _penalty(w, x, jnp.asarray(cast(floor, w.dtype)), size, norm=float(norm)).astype(dtype)


diffuse = compactness_penalty


@functools.partial(jax.jit, static_argnames="norm")
def _penalty(
    weight: Float[Array, "... r l"],
    coords: Float[Array, "... l d"],
    floor: Float[Array, ""],
    radius: Float[Array, ""] | None,
    *,
    norm: float,
) -> Float[Array, "... r"]:
    empty = jnp.all(weight == 0, axis=-1)
    centre = jnp.where(empty[..., None], 1, centres(weight, coords, radius))
    pairs = coords[..., None, :, :], centre[..., :, None, :]
    distance = _p_norm(*pairs, norm) if radius is None else radius * angle_between(*pairs)
    excess = jnp.where(distance <= floor, 0, distance - jnp.where(floor >= 0, floor, jnp.nan))
    return jnp.sum(weight * excess, axis=-1) / max(weight.shape[-1], 1)


def _p_norm(x: Float[Array, "... d"], y: Float[Array, "... d"], p: float) -> Float[Array, "..."]:
    """Norms of differences, axis by axis, so that no array with a last axis of d is made; derivative 0 at 0."""
    size = [jnp.abs(x[..., i] - y[..., i]) for i in range(x.shape[-1])]
    if p == 1 or not size:
        return sum(size, start=jnp.zeros(()))
    largest = functools.reduce(jnp.maximum, size)
    if p == math.inf:
        return largest
    # In units of the largest component no power over- or underflows.
    unit = lax.stop_gradient(jnp.where(largest == 0, 1, largest))
    powers = sum(jnp.where(s == 0, 0, jnp.where(s == 0, 1, s / unit) ** p) for s in size)
    return jnp.where(largest == 0, 0, unit * jnp.where(largest == 0, 1, powers) ** (1 / p))
