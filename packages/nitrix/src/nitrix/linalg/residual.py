"""Residuals of least squares: what regressors do not explain, for designs of any rank and scale."""

from typing import Literal

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Num, Real

from nitrix.linalg._residual_arguments import Fit, one_of, read_fit, read_rows
from nitrix.linalg._residual_basis import transposed
from nitrix.linalg._residual_fit import Method, Shrinkage, least_squares

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
    """What regressors leave of data, by least squares: Y - B X for the B that fits best.

    The regressors are scaled to length 1 and decomposed by QR, then by the singular values of R, in float64 also
    where x64 is off. So the residual is right for regressors of any scale, for duplicated, nearly equal and constant
    ones, and for as many regressors as observations or more; residual and projection add up to Y. No intercept is
    added: give a row of ones. The cost is that of two products with Y of as many columns as there are regressors.

    Args:
      Y: Data, [... c_y obs]: observations last. Integers are taken as the default float; float16 and bfloat16 are
        computed in float32.
      X: Regressors, [... c_x obs]. Batch axes of Y and X broadcast both ways.
      weights: Weights of the observations, [... obs], not negative: the fit minimises the sum of w (Y - B X)^2.
        An observation of weight 0 is left out of the fit (NaN and infinities in it do no harm to the others),
        and its residual is given all the same.
      weight_matrix: The same as a symmetric positive semidefinite matrix W, [... obs obs], such as the inverse
        of a noise covariance: (Y - B X) W (Y - B X)' is minimised. It may be singular. Give this or weights.
      l2: Ridge penalty on B in the regressors' own units: B = Y W X' (X W X' + l2 I)^-1.
      rowvar: If False, Y, X and the result have observations before channels, [... obs c]. Batch axes, weights and
        weight_matrix are as before.
      return_mode: "residual", or "projection", the fit B X itself.
      method: "qr"; or "svd", the singular values of the scaled regressors at once; or "cholesky", of their Gram
        matrix: the fastest for many small designs, but with the square of their condition. It needs regressors of full
        rank, and gives NaN where a direction of them, scaled to length 1, is shorter than 1e-6.
      shrinkage: "none", or "james-stein": each row of the fit is times `max(0, 1 - (k - 2) s^2 / |fit|^2)`, with
        k the rank of the regressors and s^2 the residual's sum of squares over the observations (of positive weight)
        less k; sums of squares are weighted. The residual is Y less the shrunken fit.
    Returns:
      The residual or the projection at every observation, in the shape of Y, batch axes broadcast, and its dtype.
    Raises:
      TypeError: If an operand holds no real numbers.
      ValueError: If Y or X has one axis; if observations or batch axes do not fit; if both forms of weights are given;
        if a weight or l2 is negative or not finite; if weight_matrix is not symmetric or has a negative eigenvalue; if
        return_mode, method or shrinkage is unknown; if method "cholesky" is asked for more regressors than
        observations. A value that is traced (under `jit`) gives NaN in place of an error.

    Note:
      A direction of the scaled regressors whose length is below 2.4e-7 for float32, or 2.2e-16 max(c_x, obs) of the
      longest one for float64, is no direction: this is what rounding leaves of equal regressors. Of all B that
      fit equally well the shortest one in units of the scaled regressors is taken, which matters for observations of
      weight 0 only. In float32 errors are roundings of Y, whatever the condition of X: 2e-7 of its largest
      entry for a few regressors, 8e-7 for 24 regressors of 400 observations on an offset of 100.

      Differentiable in Y, X, weights, weight_matrix and l2, in both modes and to any order, by the closed form of the
      projection's derivative, in which no difference of singular values occurs. Where X lacks rank, the derivative is
      that along the changes of X that keep its rank; others would make the fit jump. It is always finite.

      From `numpy.linalg.lstsq`: observations are columns; the residual instead of B; scaled columns, so that an
      intercept beside a regressor of scale 1e6 is not taken for rounding.

    References:
      Golub and Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems whose variables
      separate, SIAM J. Numer. Anal. 10, 1973. doi:10.1137/0710036
      James and Stein, Estimation with quadratic loss, Proc. 4th Berkeley Symp. 1, 1961.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import residualise
      >>> drift = jnp.arange(5.0)
      >>> series = jnp.array([[1.0, 3.0, 6.0, 7.0, 9.0]])
      >>> left = residualise(series, jnp.stack([jnp.ones(5), 1e6 * drift]))
      >>> [round(value, 4) for value in left[0].tolist()]
      [-0.2, -0.2, 0.8, -0.2, -0.2]
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
    """What noise regressors leave of data when signal regressors are fitted beside them.

    Signal and noise are fitted to Y jointly and only the noise's part of the fit is subtracted: what the two
    share stays in the data as far as the signal explains it. This is the non-aggressive regression of ICA-AROMA;
    `residualise(Y, noise)` is the aggressive one.

    Args:
      Y: Data, [... c_y obs], as for `residualise`, whose notes on accuracy, rank and derivatives hold here.
      signal: Regressors that stay, [... c_s obs], such as an intercept and components of interest.
      noise: Regressors that go, [... c_n obs]. Batch axes of all operands broadcast.
      weights: Weights of the observations, [... obs], not negative; 0 leaves one out of the fit.
      weight_matrix: The same as a symmetric positive semidefinite matrix, [... obs obs].
      l2: Ridge penalty on the coefficients of signal and noise, in their own units.
      rowvar: If False, Y, signal, noise and the result have observations before channels.
      method: "qr", "svd" or "cholesky", as for `residualise`.
      shrinkage: "none" or "james-stein": the factor is that of the joint fit.
    Returns:
      Y less the noise's part, at every observation, in the shape of Y, batch axes broadcast, and its dtype.
    Raises:
      TypeError: If an operand holds no real numbers.
      ValueError: As for `residualise`.

    Note:
      A regressor that stands in both sets, or a sum of the one that equals a sum of the other, is shared by the
      shortest coefficients in units of the scaled regressors: a regressor that stands in both is half signal and half
      noise. Derivatives take the shares as fixed.

    References:
      Pruim et al., ICA-AROMA: a robust ICA-based strategy for removing motion artifacts from fMRI data, NeuroImage
      112, 2015. doi:10.1016/j.neuroimage.2015.02.064

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import partial_residualise
      >>> signal, noise = jnp.array([[1.0, 1.0, 0.0, 0.0]]), jnp.array([[1.0, 0.0, 1.0, 0.0]])
      >>> cleaned = partial_residualise(3.0 * signal + 2.0 * noise, signal=signal, noise=noise)
      >>> [abs(round(value, 4)) for value in cleaned[0].tolist()]
      [3.0, 3.0, 0.0, 0.0]
    """
    function = "partial_residualise"
    _check_ways(method, shrinkage, function)
    rows = read_rows(Y, function, "Y", rowvar=rowvar)
    first, second = (
        read_rows(x, function, name, rowvar=rowvar) for x, name in ((signal, "signal"), (noise, "noise"))
    )
    X = _joined(first, second, function)
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
    out = least_squares(fit, first=first.shape[-2], method=method, shrinkage=shrinkage, residual=True)
    out = out.astype(rows.dtype)
    return out if rowvar else transposed(out)


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
