"""Residuals of least squares: what regressors do not explain, for designs of any rank and scale."""

import functools
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Num, Real

from nitrix.linalg._residual_arguments import Fit, one_of, read_fit, read_rows
from nitrix.linalg._residual_basis import Basis, design_basis, product, transposed, weighted

Method = Literal["qr", "svd", "cholesky"]
Shrinkage = Literal["none", "james-stein"]
ReturnMode = Literal["residual", "projection"]


def residualise(
    Y: Num[ArrayLike, "... _ _"],
    X: Num[ArrayLike, "... _ _"],
    *,
    weights: Real[ArrayLike, "... obs"] | None = None,
    weight_matrix: Real[ArrayLike, "... obs obs"] | None = None,
    l2: Real[ArrayLike, ""] = 0.0,
    rowvar: bool = True,
    return_mode: ReturnMode = "residual",
    method: Method = "qr",
    shrinkage: Shrinkage = "none",
) -> Float[Array, "... _ _"]:
    """TODO

    Args:
      weights: x
      weight_matrix: x
      l2: x
      rowvar: x
      return_mode: x
      method: x
      shrinkage: x

    Example:
      >>> 1
      1
    """
    function = "residualise"
    one_of("return_mode", return_mode, ("residual", "projection"), function)
    _check_ways(method, shrinkage, function)
    rows = read_rows(Y, function, "Y", rowvar=rowvar)
    fit = read_fit(
        rows,
        read_rows(X, function, "X", rowvar=rowvar),
        weights=weights,
        weight_matrix=weight_matrix,
        l2=l2,
        function=function,
    )
    _check_cholesky(fit, method, function)
    out = least_squares(fit, first=0, method=method, shrinkage=shrinkage, residual=return_mode == "residual")
    out = out.astype(rows.dtype)
    return out if rowvar else transposed(out)


def partial_residualise(
    Y: Num[ArrayLike, "... _ _"],
    *,
    signal: Num[ArrayLike, "... _ _"],
    noise: Num[ArrayLike, "... _ _"],
    weights: Real[ArrayLike, "... obs"] | None = None,
    weight_matrix: Real[ArrayLike, "... obs obs"] | None = None,
    l2: Real[ArrayLike, ""] = 0.0,
    rowvar: bool = True,
    method: Method = "qr",
    shrinkage: Shrinkage = "none",
) -> Float[Array, "... _ _"]:
    """TODO"""
    function = "partial_residualise"
    _check_ways(method, shrinkage, function)
    rows = read_rows(Y, function, "Y", rowvar=rowvar)
    parts = [
        read_rows(x, function, name, rowvar=rowvar) for x, name in ((signal, "signal"), (noise, "noise"))
    ]
    X = _joined(*parts, function)
    fit = read_fit(
        rows,
        X,
        weights=weights,
        weight_matrix=weight_matrix,
        l2=l2,
        function=function,
        name="[signal, noise]",
    )
    _check_cholesky(fit, method, function)
    out = least_squares(fit, first=parts[0].shape[-2], method=method, shrinkage=shrinkage, residual=True)
    out = out.astype(rows.dtype)
    return out if rowvar else transposed(out)


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
    ranks = {"X": X.ndim - 2}
    if weights is not None:
        ranks["w"] = weights.ndim - 1
    if weight_matrix is not None:
        ranks["W"] = weight_matrix.ndim - 2
    batch = max(ranks.values())
    X, weights, weight_matrix, l2 = (
        None if x is None else x.reshape((1,) * (batch - x.ndim + core) + x.shape)
        for x, core in ((X, 2), (weights, 1), (weight_matrix, 2), (l2, 0))
    )
    assert X is not None
    return design_basis(X, weights, weight_matrix, l2, method)


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


def _check_ways(method: str, shrinkage: str, function: str) -> None:
    one_of("method", method, ("qr", "svd", "cholesky"), function)
    one_of("shrinkage", shrinkage, ("none", "james-stein"), function)


def _check_cholesky(fit: Fit, method: str, function: str) -> None:
    p, obs = fit.X.shape[-2:]
    if method == "cholesky" and p > obs and fit.l2 is None:
        raise ValueError(
            f"{function}: method='cholesky' needs regressors of full rank, but there are {p} of them for {obs} "
            f"observations; take method='qr', or l2 > 0."
        )


def _joined(signal: Array, noise: Array, function: str) -> Array:
    """Both sets of regressors, signal first."""
    if signal.shape[-1] != noise.shape[-1]:
        raise ValueError(
            f"{function}: signal has {signal.shape[-1]} observations but noise has {noise.shape[-1]} "
            f"(rows of shapes {signal.shape} and {noise.shape})."
        )
    try:
        batch = np.broadcast_shapes(signal.shape[:-2], noise.shape[:-2])
    except ValueError:
        raise ValueError(
            f"{function}: the batch axes {signal.shape[:-2]} of signal and {noise.shape[:-2]} of noise "
            f"do not broadcast."
        ) from None
    dtype = jnp.promote_types(signal.dtype, noise.dtype)
    parts = [jnp.broadcast_to(x.astype(dtype), (*batch, *x.shape[-2:])) for x in (signal, noise)]
    return jnp.concatenate(parts, axis=-2)
