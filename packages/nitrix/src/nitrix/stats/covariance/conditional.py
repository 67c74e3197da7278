"""Covariance and correlation of channels given other series: of what a regression on these leaves."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Inexact, Num, Real

from nitrix.linalg.residual import residualise
from nitrix.stats.covariance._estimates import covariance, standardised
from nitrix.stats.covariance._moments import centred, kept_matrix, kept_vector, symmetric
from nitrix.stats.covariance._observations import Given, Weighting, read, ridge


def conditionalcov(
    X: Num[ArrayLike, "... _c _obs"],
    Y: Num[ArrayLike, "... _d _obs"],
    *,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    weights: Real[ArrayLike, "... _obs"] | None = None,
    weight_matrix: Real[ArrayLike, "... _obs _obs"] | None = None,
    mask: Bool[ArrayLike, "..."] | None = None,
    l2: Real[ArrayLike, ""] = 0.0,
    residualise_l2: Real[ArrayLike, ""] = 0.0,
) -> Inexact[Array, "... c c"]:
    """Covariance of the channels of `X` given `Y`: of their residuals after regression on `Y` and an intercept.

    Equal to the Schur complement C_xx - C_xy C_yy^-1 C_yx of the covariance of all, but formed from the residuals, so
    that little variance left beside much explained keeps its digits. `Y` may be of any rank and scale.

    Args:
      X: Series, real, shape [... c obs], as `cov` takes them.
      Y: Series of the same observations, real, shape [... d obs]; leading axes broadcast with those of `X`.
      rowvar: Whether channels are the second last axis, of both; as `cov` reads it.
      bias: Divisor, as in `cov`: regressors take nothing off it.
      ddof: Divisor, as in `cov`; 1 + d makes the result unbiased.
      weights: Of the observations, in the regression and in the covariance; [... obs], as in `cov`.
      weight_matrix: Of pairs of observations, in both; [... obs obs], its symmetric part positive semidefinite.
      mask: True where observed, [obs] or [... 1 obs], for all channels of both.
      l2: Ridge on the variances of the result, as in `cov`.
      residualise_l2: Ridge of the regression, as `l2` of `residualise`: in the unit of `Y` squared, beside its sums of
        squares; the intercept is not penalised.
    Returns:
      Covariances [... c c] in the square of the unit of `X`.
    Raises:
      TypeError: As `cov`; or if a series is complex.
      ValueError: As `cov`; and if the numbers of observations differ, or the mask differs between channels.

    References:
      Lauritzen, Graphical Models, Oxford University Press, 1996, appendix C. ISBN 978-0-19-852219-5

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import conditionalcov
      >>> Y = jnp.array([[1.0, -1.0, 1.0, -1.0]])
      >>> X = jnp.array([[3.0, 1.0, -1.0, -3.0]])  # Y plus (2, 2, -2, -2)
      >>> conditionalcov(X, Y, bias=True).round(5).tolist()
      [[4.0]]
    """
    given = read(
        "conditionalcov",
        {"X": X, "Y": Y},
        rowvar=rowvar,
        bias=bias,
        ddof=ddof,
        weights=weights,
        weight_matrix=weight_matrix,
        mask=mask,
        l2=l2,
    )
    left = _left_by(given, residualise_l2, "conditionalcov")
    return covariance(left, given.weighting, given.l2, ddof=given.ddof).astype(given.dtype)


def conditionalcorr(
    X: Num[ArrayLike, "... _c _obs"],
    Y: Num[ArrayLike, "... _d _obs"],
    *,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    weights: Real[ArrayLike, "... _obs"] | None = None,
    weight_matrix: Real[ArrayLike, "... _obs _obs"] | None = None,
    mask: Bool[ArrayLike, "..."] | None = None,
    l2: Real[ArrayLike, ""] = 0.0,
    residualise_l2: Real[ArrayLike, ""] = 0.0,
) -> Inexact[Array, "... c c"]:
    """Correlation of the channels of `X` given `Y`: of their residuals after regression on `Y` and an intercept.

    Args:
      X: Series, real, shape [... c obs], as `cov` takes them.
      Y: Series of the same observations, real, shape [... d obs].
      rowvar: Whether channels are the second last axis, of both; as `cov` reads it.
      bias: Matters with `l2` only.
      ddof: Like `bias`.
      weights: Of the observations, as in `conditionalcov`.
      weight_matrix: Of pairs of observations, as in `conditionalcov`.
      mask: True where observed, [obs] or [... 1 obs], for all channels of both.
      l2: Ridge on the variances of the residuals, as in `cov`.
      residualise_l2: Ridge of the regression, as in `conditionalcov`.
    Returns:
      Correlations [... c c], exactly 1 on the diagonal; 0 for a channel that `Y` explains to rounding, on the diagonal
      too, unless `l2` gives it a variance.
    Raises:
      TypeError: As `conditionalcov`.
      ValueError: As `conditionalcov`.

    References:
      Lauritzen, Graphical Models, Oxford University Press, 1996, appendix C. ISBN 978-0-19-852219-5

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import conditionalcorr
      >>> Y = jnp.array([[1.0, -1.0, 1.0, -1.0]])
      >>> X = jnp.array([[3.0, 1.0, -1.0, -3.0], [1.0, 1.0, -1.0, -1.0]])
      >>> conditionalcorr(X, Y).round(3).tolist()
      [[1.0, 1.0], [1.0, 1.0]]
    """
    given = read(
        "conditionalcorr",
        {"X": X, "Y": Y},
        rowvar=rowvar,
        bias=bias,
        ddof=ddof,
        weights=weights,
        weight_matrix=weight_matrix,
        mask=mask,
        l2=l2,
    )
    left = _left_by(given, residualise_l2, "conditionalcorr")
    out, _ = standardised(left, given.weighting, given.l2, ddof=given.ddof)
    return out.astype(given.dtype)


ccov = conditionalcov
ccorr = conditionalcorr


def _left_by(given: Given, l2: Real[ArrayLike, ""], function: str) -> Float[Array, "... c obs"]:
    """What Y and an intercept leave of X."""
    if jnp.issubdtype(given.dtype, jnp.complexfloating):
        raise TypeError(f"{function}: X and Y have the common dtype {given.dtype}; give real series.")
    return _residual(
        *given.series, given.weighting, ridge(l2, given.series[1].dtype, function, "residualise_l2")
    )


@jax.jit
def _residual(
    x: Float[Array, "... c obs"],
    y: Float[Array, "... d obs"],
    weighting: Weighting,
    l2: Float[Array, ""] | None,
) -> Float[Array, "... c obs"]:
    """About the weighted means the intercept is fitted already; a channel explained to rounding is left 0."""
    weighting = symmetric(weighting)
    x, y = (centred(a, weighting) for a in (x, y))
    vector = None if weighting.vector is None else kept_vector(weighting)
    matrix = None if weighting.matrix is None else kept_matrix(weighting)
    left = residualise(x, y, weights=vector, weight_matrix=matrix, l2=0.0 if l2 is None else l2)
    rounding = (32 * float(np.finfo(x.dtype).eps)) ** 2
    before, after = (jnp.sum(a * a, -1, keepdims=True) for a in (x, left))
    return jnp.where(after > rounding * before, left, 0)
