"""Regression of trends and of confounds out of time series, fitted on the frames that are kept."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Bool, Float, Num
from numpy.polynomial.legendre import legvander

from nitrix._arguments import real_array, whole_number
from nitrix.linalg import residualise
from nitrix.signal._censoring import read_mask, shared_frames

EACH = 64  # series whose designs are decomposed together, where each has its own mask


def polynomial_detrend(
    X: Num[ArrayLike, "..."],
    *,
    degree: int = 1,
    rowvar: bool = True,
    mask: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "..."]:
    """Remove the least-squares polynomial in time from each series.

    Args:
      degree: x
      rowvar: x
      mask: x
    """
    function = "polynomial_detrend"
    series = real_array(X, function, "X")
    least = 1 if rowvar else 2
    if series.ndim < least:
        raise ValueError(
            f"{function}: X has shape {series.shape}; give series, {'[... obs]' if rowvar else '[... obs channels]'}."
        )
    degree = whole_number("degree", degree, function)
    if not rowvar:
        series = jnp.swapaxes(series, -1, -2)
    rows = series if series.ndim > 1 else series[None]
    kept = None
    if mask is not None:
        kept = read_mask(mask, series.shape, function, least=1)
        kept = kept if series.ndim > 1 else kept.reshape(-1, kept.shape[-1])
    out = _regress(rows, jnp.asarray(_polynomials(degree, rows.shape[-1])), kept)
    out = out.reshape(series.shape)
    return out if rowvar else jnp.swapaxes(out, -1, -2)


def confound_regression(
    X: Num[ArrayLike, "... _ _"],
    confounds: Num[ArrayLike, "... _ _"],
    *,
    mask: Bool[ArrayLike, "..."] | None = None,
    intercept: bool = True,
    rowvar: bool = True,
) -> Float[Array, "... _ _"]:
    """Remove what confounds explain from time series.

    Args:
      mask: x
      intercept: x
      rowvar: x
    """
    function = "confound_regression"
    rows, regressors = (real_array(x, function, name) for x, name in ((X, "X"), (confounds, "confounds")))
    for x, name in ((rows, "X"), (regressors, "confounds")):
        if x.ndim < 2:
            layout = "[... series, frames]" if rowvar else "[... frames, series]"
            raise ValueError(
                f"{function}: {name} has shape {x.shape}; give at least two axes, {layout}; "
                f"a single series is {name}[{'None' if rowvar else ':, None'}]."
            )
    if not rowvar:
        rows, regressors = (jnp.swapaxes(x, -1, -2) for x in (rows, regressors))
    obs = rows.shape[-1]
    if regressors.shape[-1] != obs:
        raise ValueError(
            f"{function}: X has {obs} frames but confounds has {regressors.shape[-1]} (rows of shapes {rows.shape} "
            f"and {regressors.shape}); frames are the last axis, or with rowvar=False the one before."
        )
    kept = None if mask is None else read_mask(mask, rows.shape, function, least=1)
    if intercept:
        ones = jnp.ones((*regressors.shape[:-2], 1, obs), regressors.dtype)
        regressors = jnp.concatenate([ones, regressors], axis=-2)
    out = _regress(rows, regressors, kept)
    return out if rowvar else jnp.swapaxes(out, -1, -2)


def _regress(rows: Array, regressors: Array, kept: Array | None) -> Array:
    """Residuals of a fit on the frames that are kept."""
    if kept is None:
        return residualise(rows, regressors)
    kept = shared_frames(kept)
    if kept.ndim == 1 or kept.shape[-2] == 1:  # one mask for all series of a batch
        weights = kept if kept.ndim == 1 else kept[..., 0, :]
        return residualise(rows, regressors, weights=weights.astype(rows.dtype))
    return _regress_each(rows, regressors, kept)


@jax.jit
def _regress_each(rows: Array, regressors: Array, kept: Array) -> Array:
    """The same where every series has frames of its own: in blocks, since each then has a design of its own."""
    batch = np.broadcast_shapes(rows.shape[:-2], regressors.shape[:-2])
    shape = (*batch, *rows.shape[-2:])
    designs = jnp.broadcast_to(regressors, (*batch, *regressors.shape[-2:]))

    def block(rows: Array, kept: Array, design: Array) -> Array:
        def one(series: tuple[Array, Array]) -> Array:
            row, frames = series
            return residualise(row[None], design, weights=frames.astype(row.dtype))[0]

        return lax.map(one, (rows, kept), batch_size=min(EACH, rows.shape[0]))

    operands = jnp.broadcast_to(rows, shape), jnp.broadcast_to(kept, shape), designs
    for _ in batch:
        block = jax.vmap(block)
    return block(*operands)


@functools.lru_cache(maxsize=16)
def _polynomials(degree: int, obs: int) -> np.ndarray:
    """Orthonormal polynomials in time up to a degree, one per row."""
    time = np.linspace(-1.0, 1.0, obs) if obs > 1 else np.zeros(obs)
    columns = legvander(time, min(degree, max(obs - 1, 0)))
    return np.ascontiguousarray(np.linalg.qr(columns)[0].T)
