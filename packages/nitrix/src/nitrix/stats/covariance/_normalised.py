"""From covariances to correlations: a unit diagonal, at any scale of the data."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Inexact


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
