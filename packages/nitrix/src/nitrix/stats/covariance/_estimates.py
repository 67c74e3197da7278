"""The estimates that the public functions are made of, compiled."""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Inexact

from nitrix.stats.covariance._moments import (
    centred,
    centred_in_units,
    freedom,
    gram,
    product,
    squares,
    symmetric,
    weighted,
)
from nitrix.stats.covariance._normalised import inverse_root, root, symmetrised, with_unit_diagonal
from nitrix.stats.covariance._observations import Weighting
from nitrix.stats.covariance._pairwise import pairwise


@functools.partial(jax.jit, static_argnames=("ddof",))
def covariance(
    x: Inexact[Array, "... c obs"], weighting: Weighting, l2: Float[Array, ""] | None, *, ddof: int
) -> Inexact[Array, "... c c"]:
    weighting = symmetric(weighting)
    x = centred(x, weighting)
    if weighting.channels is not None:
        pairs = pairwise(x, weighting, ddof)
        out = jnp.where(pairs.enough, pairs.covariance, jnp.nan)
    else:
        left = weighted(x, weighting)
        f = freedom(weighting, x.shape[-1], ddof, x.real.dtype)[..., None, None]
        out = (gram(x) if left is x else symmetrised(product(left, x))) / f.astype(x.dtype)
    return out if l2 is None else out + (l2 * jnp.eye(x.shape[-2], dtype=l2.dtype)).astype(x.dtype)


@functools.partial(jax.jit, static_argnames=("ddof",))
def correlation_of_pairs(
    x: Inexact[Array, "... c obs"], weighting: Weighting, l2: Float[Array, ""] | None, *, ddof: int
) -> Inexact[Array, "... c c"]:
    """Each pair with the variances over the observations that both have."""
    z, unit = centred_in_units(x, weighting, l2)
    pairs = pairwise(z, weighting, ddof)
    variance = pairs.variance + (0.0 if l2 is None else (l2 / unit / unit)[..., None])
    scale = inverse_root(variance)
    r = pairs.covariance * (scale * jnp.swapaxes(scale, -1, -2)).astype(z.dtype)
    own = jnp.diagonal(variance, axis1=-2, axis2=-1)
    return jnp.where(pairs.enough, with_unit_diagonal(r, own), jnp.nan)


@functools.partial(jax.jit, static_argnames=("ddof",))
def standardised(
    x: Inexact[Array, "... c obs"], weighting: Weighting, l2: Float[Array, ""] | None, *, ddof: int
) -> tuple[Inexact[Array, "... c c"], Float[Array, "... c"]]:
    """R and d, the covariance being d_i R_ij d_j: R has a unit diagonal, or 0 where there is no variance."""
    weighting = symmetric(weighting)
    z, unit = centred_in_units(x, weighting, l2)
    ridge = 0.0 if l2 is None else l2 / unit / unit
    if weighting.channels is not None:
        pairs = pairwise(z, weighting, ddof)
        r = jnp.where(pairs.enough, pairs.covariance, jnp.nan)
        variance = jnp.diagonal(r, axis1=-2, axis2=-1).real + ridge
        scale = inverse_root(variance).astype(z.dtype)
        r = r * scale[..., :, None] * scale[..., None, :]
    else:
        left = weighted(z, weighting)
        f = freedom(weighting, x.shape[-1], ddof, z.real.dtype)[..., None]
        variance = squares(left, z) / f + ridge
        scale = (inverse_root(variance) * lax.rsqrt(f))[..., None].astype(z.dtype)
        r = gram(z * scale) if left is z else symmetrised(product(left * scale, z * scale))
    return with_unit_diagonal(r, variance), root(variance) * unit
