"""From covariances to correlations: a unit diagonal, at any scale of the data."""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Inexact

from nitrix.stats.covariance._moments import centred_in_units, freedom, product, squares, symmetric, weighted
from nitrix.stats.covariance._observations import Weighting
from nitrix.stats.covariance._pairwise import pairwise


def inverse_root(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """x^(-1/2); 0 at 0, with gradient 0, and NaN below."""
    return jnp.where(x == 0, 0, lax.rsqrt(jnp.where(x == 0, 1, x)))


def root(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """x^(1/2), with gradient 0 at 0."""
    return jnp.where(x == 0, 0, jnp.sqrt(jnp.where(x == 0, 1, x)))


def symmetrised(x: Inexact[Array, "... c c"]) -> Inexact[Array, "... c c"]:
    """The Hermitian part: weights stand on one side of a product, and so do their roundings."""
    return (x + jnp.conj(jnp.swapaxes(x, -1, -2))) / 2


def with_unit_diagonal(
    r: Inexact[Array, "... c c"], variance: Float[Array, "... c"]
) -> Inexact[Array, "... c c"]:
    """Correlations with exactly 1 on the diagonal, 0 where there is no variance, and none beyond 1."""
    ones = jnp.where(variance == 0, 0, jnp.where(variance > 0, 1, jnp.nan)).astype(r.dtype)
    return jnp.where(jnp.eye(r.shape[-1], dtype=bool), ones[..., None, :], within_one(r))


def within_one(r: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
    """Rounds a modulus above 1 back to 1, and keeps the gradient."""
    return r / lax.stop_gradient(jnp.maximum(jnp.abs(r), 1)).astype(r.dtype)


@functools.partial(jax.jit, static_argnames=("ddof",))
def standardised(
    x: Inexact[Array, "... c obs"], weighting: Weighting, l2: Float[Array, ""] | None, *, ddof: int
) -> tuple[Inexact[Array, "... c c"], Float[Array, "... c"]]:
    """R and d, the covariance being d_i R_ij d_j: R has a unit diagonal, or 0 where there is no variance."""
    weighting = symmetric(weighting)
    z, unit = centred_in_units(x, weighting, l2)
    ridge = 0.0 if l2 is None else l2 / unit / unit
    if weighting.channels is not None:
        products, f, _ = pairwise(z, weighting, ddof)
        r = products / f.astype(z.dtype)
        variance = jnp.diagonal(r, axis1=-2, axis2=-1).real + ridge
        scale = inverse_root(variance).astype(z.dtype)
        r = r * scale[..., :, None] * scale[..., None, :]
    else:
        left = weighted(z, weighting)
        f = freedom(weighting, x.shape[-1], ddof, z.real.dtype)[..., None]
        variance = squares(left, z) / f + ridge
        scale = (inverse_root(variance) * lax.rsqrt(f))[..., None].astype(z.dtype)
        r = product(left * scale, z * scale)
        r = r if left is z else symmetrised(r)
    return with_unit_diagonal(r, variance), root(variance) * unit
