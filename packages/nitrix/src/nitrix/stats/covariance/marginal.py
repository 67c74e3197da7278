"""Covariance and correlation of the channels of one set of series."""

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Inexact, Num, Real

from nitrix.stats.covariance._estimates import correlation_of_pairs, covariance, standardised
from nitrix.stats.covariance._observations import read


def cov(
    X: Num[ArrayLike, "... _c _obs"] | Num[ArrayLike, " _obs"],
    *,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    weights: Real[ArrayLike, "... _obs"] | None = None,
    weight_matrix: Real[ArrayLike, "... _obs _obs"] | None = None,
    mask: Bool[ArrayLike, "..."] | None = None,
    l2: Real[ArrayLike, ""] = 0.0,
) -> Inexact[Array, "... c c"] | Inexact[Array, ""]:
    """Covariance of the channels of series, with weights, missing observations and a ridge.

    Sums of squares about the weighted mean, Xc W Xc^H / f. Differentiable in `X`, `weights`, `weight_matrix` and
    `l2`, to any order, and the same under `jit`, where all of these may be traced.

    Args:
      X: Series, shape [... c obs]; or one series, shape [obs], whose variance comes as an array without axes.
        Leading axes are a batch. Integers are taken as the default float; float16 and bfloat16 are summed in
        float32; of complex numbers the second factor is conjugated.
      rowvar: Whether channels are the second last axis and observations the last; False: the other way round.
      bias: Whether to divide by the number of observations, not by one less.
      ddof: What is taken off the number of observations, in place of `bias`: None means 1, or 0 if `bias`.
      weights: How much each observation counts, [... obs], not negative: `aweights` of NumPy. Only their ratios
        matter.
      weight_matrix: How much each pair of observations counts, W of shape [... obs obs]; not with `weights`. Of W
        only the symmetric part matters.
      mask: True where observed: [obs], or a shape that broadcasts to that of `X`. What lies under False is never
        read. If it differs between channels, each pair is taken over the observations that both have, about their
        means there, as `pandas.DataFrame.cov` does; such a matrix can have negative eigenvalues.
      l2: Ridge: this much is added to every variance, in the unit of `X` squared.
    Returns:
      Covariances [... c c] in the unit of `X` squared and the floating dtype of `X`.
    Raises:
      TypeError: If an array holds no numbers, weights are complex, a mask is not boolean or `ddof` no integer.
      ValueError: If shapes do not fit, both kinds of weights are given, weights are negative or not finite, `l2` is
        negative or not finite, a mask per channel comes with `weight_matrix`, or the observations are too few for
        `ddof`. Where weights or masks are traced, NaN says the same.

    Note:
      The divisor is f = tr W - ddof (W 1).(W 1) / (1' W 1), which makes the estimate unbiased for ddof = 1 and any W
      if observations are independent; it is n - ddof without weights and NumPy's for a diagonal W. If W is the
      inverse of the correlation between observations (generalised least squares), f should be n - 1: multiply by
      f / (n - 1). Where all rows of W sum to zero (the Laplacian of a graph), W takes the mean out itself, and
      f = tr W. The result is positive semidefinite if W is.

      Differences from `numpy.cov`: batches; float32 stays float32; a single row of a 2-D `X` gives shape (1, 1);
      too few observations raise an error.

    References:
      Chan, Golub and LeVeque, Algorithms for Computing the Sample Variance, American Statistician 37(3), 1983.
      doi:10.1080/00031305.1983.10483115

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import cov
      >>> X = jnp.array([[1.0, 2.0, 3.0, 9.0], [2.0, 4.0, 6.0, 0.0]])
      >>> cov(X, mask=jnp.array([True, True, True, False])).tolist()
      [[1.0, 2.0], [2.0, 4.0]]
    """
    single = jnp.ndim(X) == 1
    given = read(
        "cov",
        {"X": X},
        single=single,
        rowvar=rowvar,
        bias=bias,
        ddof=ddof,
        weights=weights,
        weight_matrix=weight_matrix,
        mask=mask,
        l2=l2,
    )
    out = covariance(given.series[0], given.weighting, given.l2, ddof=given.ddof).astype(given.dtype)
    return out[..., 0, 0] if single else out


def corr(
    X: Num[ArrayLike, "... _c _obs"] | Num[ArrayLike, " _obs"],
    *,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    weights: Real[ArrayLike, "... _obs"] | None = None,
    weight_matrix: Real[ArrayLike, "... _obs _obs"] | None = None,
    mask: Bool[ArrayLike, "..."] | None = None,
    l2: Real[ArrayLike, ""] = 0.0,
) -> Inexact[Array, "... c c"] | Inexact[Array, ""]:
    """Correlation of the channels of series: their covariance over their standard deviations.

    Does not depend on the scale of any channel: each is divided by its range before it is squared, so that float32
    serves channels from 1e-30 to 1e30 side by side. Differentiable as `cov` is.

    Args:
      X: Series, shape [... c obs], or one, shape [obs].
      rowvar: Whether channels are the second last axis; as `cov` reads it.
      bias: Matters with `l2` only: the correlation does not depend on the divisor.
      ddof: Like `bias`.
      weights: Of the observations, [... obs], as in `cov`.
      weight_matrix: Of pairs of observations, [... obs obs], as in `cov`.
      mask: True where observed, as in `cov`. If it differs between channels, the variances of a pair too are those
        over the observations that both have, as `pandas.DataFrame.corr` does.
      l2: Ridge on the variances, as in `cov`: it shrinks the correlations.
    Returns:
      Correlations [... c c] in the floating dtype of `X`: exactly 1 on the diagonal, and of modulus at most 1. A
      channel without variance has 0, on the diagonal too, with gradient 0.
    Raises:
      TypeError: As `cov`.
      ValueError: As `cov`.

    Note:
      Differences from `numpy.corrcoef`: batches, weights and missing data; float32 stays float32; 0, not NaN, for a
      constant channel. Where rounding takes a value beyond 1 it is set to 1, but keeps its gradient.

    References:
      Chan, Golub and LeVeque, Algorithms for Computing the Sample Variance, American Statistician 37(3), 1983.
      doi:10.1080/00031305.1983.10483115

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import corr
      >>> X = jnp.array([[1.0, 2.0, 3.0], [2e-20, 4e-20, 6e-20], [5.0, 5.0, 5.0]])
      >>> corr(X).round(5).tolist()
      [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    single = jnp.ndim(X) == 1
    given = read(
        "corr",
        {"X": X},
        single=single,
        rowvar=rowvar,
        bias=bias,
        ddof=ddof,
        weights=weights,
        weight_matrix=weight_matrix,
        mask=mask,
        l2=l2,
    )
    x, weighting = given.series[0], given.weighting
    if weighting.channels is None:
        out, _ = standardised(x, weighting, given.l2, ddof=given.ddof)
    else:
        out = correlation_of_pairs(x, weighting, given.l2, ddof=given.ddof)
    out = out.astype(given.dtype)
    return out[..., 0, 0] if single else out


corrcoef = corr
