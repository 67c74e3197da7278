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
    """Remove the best-fitting polynomial in time from each series.

    Least squares on Legendre polynomials made orthonormal over the frames, so that any degree is exact to rounding;
    monomials lose the fit from degree 3 on.

    Args:
      X: Series, [... obs]: time last, frames equally spaced. Integers are taken as the default float.
      degree: Of the polynomial: 0 removes the mean, 1 a line as well. One that the frames cannot tell from a
        lower one is lowered.
      rowvar: If False, time is the axis before the last one, [... obs c].
      mask: True where a frame is kept: [obs] for all series, or any shape that broadcasts to [... c obs], such as
        one row for each series. The polynomial is fitted to the kept frames and removed at all frames. What stands
        under a False is not read by the fit; the result holds it less the polynomial there.
    Returns:
      The residual, of the shape and floating dtype of X.
    Raises:
      TypeError: If X holds no real numbers, degree is no integer, or mask no truth values.
      ValueError: If degree is negative; if mask does not fit X, or (where it is known) keeps no frame of a series.

    Note:
      Equal to `scipy.signal.detrend` for degree 0 and 1. With a mask for each series, each has a design of its own to
      decompose, some 64 at a time.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import polynomial_detrend
      >>> series = jnp.array([1.0, 2.0, 50.0, 4.0, 5.0])
      >>> [round(value, 3) + 0.0 for value in polynomial_detrend(series, mask=series < 10).tolist()]
      [0.0, 0.0, 47.0, 0.0, 0.0]
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
    # Cast by NumPy: JAX may give back what it made of one and the same array in the other precision.
    wide = np.promote_types(rows.dtype, np.float32)
    basis = jnp.asarray(_polynomials(degree, rows.shape[-1]).astype(wide))
    out = _regress(rows, basis, kept)
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
    """Remove from time series what confounds explain.

    The residual of least squares on a constant and the confounds, `nitrix.linalg.residualise`, fitted to the frames
    that are kept and given at all of them. Confounds may be of any scale, constant, duplicated, or more than frames.

    Args:
      X: Series, [... c obs]: time last. Integers are taken as the default float.
      confounds: Their regressors, [... p obs]: motion, its derivatives, tissue signals, cosines of a high-pass filter;
        batch axes broadcast with those of X.
      mask: True where a frame is kept: [obs] for all series, or any shape that broadcasts to X's, such as one row
        for each series. What stands under a False, in X and in the confounds, takes no part in the fit: NaN and
        infinities do no harm there. The result at such a frame is X less the fit, in which a confound that is not
        finite counts 0.
      intercept: Whether a constant is a regressor too, so that the residual's mean over the kept frames is 0 and
        the confounds' means do not matter. If False, center series and confounds first, or give a row of ones.
      rowvar: If False, X, confounds and the result have time before channels, [... obs c], as nilearn has it.
    Returns:
      The residual, of the shape and floating dtype of X.
    Raises:
      TypeError: If X or confounds hold no real numbers, or mask no truth values.
      ValueError: If X or confounds have one axis, their frames or batch axes differ; if mask does not fit X,
        or (where it is known) keeps no frame of a series.

    Note:
      `nilearn.signal.clean` with neither detrending nor standardisation leaves the series' mean in; otherwise the
      results agree. It drops censored frames, which here come back. Ridge penalties and weights: `residualise`.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import confound_regression
      >>> motion = jnp.array([[0.0, 1.0, 0.0, 2.0, 9.0, 1.0]])
      >>> series = 100.0 + 5.0 * motion + jnp.array([[1.0, 0.0, -1.0, 0.0, jnp.nan, 0.0]])
      >>> kept = jnp.isfinite(series[0])
      >>> [round(x, 3) + 0.0 for x in confound_regression(series, motion, mask=kept)[0, kept].tolist()]
      [1.0, 0.0, -1.0, 0.0, 0.0]
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
