"""The least-squares fit of rows of data by a basis of their regressors."""

import functools
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nitrix.linalg._residual_arguments import Fit
from nitrix.linalg._residual_basis import Basis, design_basis, product, transposed, weighted

Method = Literal["qr", "svd", "cholesky"]
Shrinkage = Literal["none", "james-stein"]


@functools.partial(jax.jit, static_argnames=("first", "method", "shrinkage", "residual"))
def least_squares(
    fit: Fit, *, first: int, method: Method, shrinkage: Shrinkage, residual: bool
) -> Float[Array, "... c obs"]:
    """What the regressors from number `first` on explain of Y when all are fitted together, or what this leaves."""
    Y, X, weights, weight_matrix, l2 = fit
    data = Y
    if weights is not None:  # what the fit leaves out does no harm to it, even where it is not finite
        out = (weights == 0)[..., None, :]
        X, data = (jnp.where(out & ~jnp.isfinite(x), 0.0, x) for x in (X, Y))
    Z, S, rank = _basis(X, weights, weight_matrix, l2, method)
    coefficients = product(data, transposed(weighted(S, weights, weight_matrix)))
    whole = product(coefficients, S)
    part = whole if first == 0 else product(coefficients, product(Z[..., first:], X[..., first:, :]))
    if shrinkage == "james-stein":
        factor = _james_stein(whole, data - whole, rank, weights, weight_matrix)
        part = factor[..., None] * part
    return Y - part if residual else part


def _basis(
    X: Array, weights: Array | None, weight_matrix: Array | None, l2: Array | None, method: str
) -> Basis:
    """The basis, for operands whose batch axes broadcast."""
    shapes = ((X, 2), (weights, 1), (weight_matrix, 2), (l2, 0))
    batch = max(x.ndim - core for x, core in shapes if x is not None)

    def aligned(x: Array | None, core: int) -> Array | None:
        return None if x is None else x.reshape((1,) * (batch - x.ndim + core) + x.shape)

    return design_basis(aligned(X, 2), aligned(weights, 1), aligned(weight_matrix, 2), aligned(l2, 0), method)


def _james_stein(
    fit: Array, residual: Array, rank: Array, weights: Array | None, weight_matrix: Array | None
) -> Array:
    """The positive-part factor (1 - (k - 2) s^2 / |fit|^2)_+ of each row."""
    energy, noise = (jnp.sum(x * weighted(x, weights, weight_matrix), axis=-1) for x in (fit, residual))
    count = fit.shape[-1] if weights is None else jnp.sum(weights > 0, axis=-1).astype(fit.dtype)
    freedom = (count - rank)[..., None]
    variance = jnp.where(freedom > 0, noise / jnp.where(freedom > 0, freedom, 1.0), 0.0)
    loss = jnp.maximum(rank - 2, 0.0)[..., None] * variance
    return jnp.where(energy > 0, jnp.maximum(1.0 - loss / jnp.where(energy > 0, energy, 1.0), 0.0), 1.0)
