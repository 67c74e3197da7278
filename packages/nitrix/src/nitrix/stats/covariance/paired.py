"""Covariance and correlation between the channels of two sets of series."""

import functools

import jax
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Inexact, Num, Real

from nitrix.stats.covariance._moments import (
    centred,
    centred_in_units,
    freedom,
    product,
    squares,
    symmetric,
    weighted,
)
from nitrix.stats.covariance._normalised import inverse_root, within_one
from nitrix.stats.covariance._observations import Weighting, read


def pairedcov(
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
) -> Inexact[Array, "... c d"]:
    """Covariance of each channel of `X` with each of `Y`: the block between them in `cov` of all.

    Args:
      X: Series, shape [... c obs], as `cov` takes them.
      Y: Series of the same observations, shape [... d obs]; leading axes broadcast with those of `X`.
      rowvar: Whether channels are the second last axis, of both; as `cov` reads it.
      bias: Divisor, as in `cov`.
      ddof: Divisor, as in `cov`.
      weights: Of the observations, [... obs], as in `cov`.
      weight_matrix: Of pairs of observations, W of shape [... obs obs], as in `cov`, but taken as it is: W_st counts
        `X` at s with `Y` at t.
      mask: True where observed, [obs] or [... 1 obs], for all channels of both.
      l2: Ridge on the variances of `X` and of `Y`. None of them stands in this block, also where it is square.
    Returns:
      Covariances [... c d] in the units of `X` times `Y` and their common floating dtype.
    Raises:
      TypeError: As `cov`.
      ValueError: As `cov`; and if the numbers of observations differ, or the mask differs between channels.

    Note:
      The divisor is tr W - ddof (W' 1).(W 1) / (1' W 1), unbiased for any W if observations are independent; NaN
      comes where it is not positive. A shifted diagonal is such a W: for lagged covariances shift the series.

    References:
      Chan, Golub and LeVeque, Algorithms for Computing the Sample Variance, American Statistician 37(3), 1983.
      doi:10.1080/00031305.1983.10483115

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import pairedcov
      >>> X = jnp.array([[1.0, 2.0, 3.0]])
      >>> Y = jnp.array([[1.0, 2.0, 3.0], [6.0, 4.0, 2.0]])
      >>> pairedcov(X, Y).tolist()
      [[1.0, -2.0]]
    """
    given = read(
        "pairedcov",
        {"X": X, "Y": Y},
        rowvar=rowvar,
        bias=bias,
        ddof=ddof,
        weights=weights,
        weight_matrix=weight_matrix,
        mask=mask,
        l2=l2,
    )
    return _covariance(*given.series, given.weighting, ddof=given.ddof).astype(given.dtype)


def pairedcorr(
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
) -> Inexact[Array, "... c d"]:
    """Correlation of each channel of `X` with each of `Y`; only their variances are formed besides.

    The variances are weighted as the covariance is, and no channel's scale matters, as in `corr`.

    Args:
      X: Series, shape [... c obs], as `cov` takes them.
      Y: Series of the same observations, shape [... d obs].
      rowvar: Whether channels are the second last axis, of both; as `cov` reads it.
      bias: Matters with `l2` only.
      ddof: Like `bias`.
      weights: Of the observations, [... obs], as in `cov`.
      weight_matrix: Of pairs of observations, [... obs obs], as in `pairedcov`; variances take its symmetric part.
      mask: True where observed, [obs] or [... 1 obs], for all channels of both.
      l2: Ridge on the variances, as in `cov`: it shrinks the correlations.
    Returns:
      Correlations [... c d], of modulus at most 1; 0 where a channel has no variance, with gradient 0.
    Raises:
      TypeError: As `cov`.
      ValueError: As `pairedcov`.

    References:
      Chan, Golub and LeVeque, Algorithms for Computing the Sample Variance, American Statistician 37(3), 1983.
      doi:10.1080/00031305.1983.10483115

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import pairedcorr
      >>> X = jnp.array([[1.0, 2.0, 3.0]])
      >>> Y = jnp.array([[1.0, 2.0, 3.0], [6.0, 4.0, 2.0]])
      >>> pairedcorr(X, Y).round(5).tolist()
      [[1.0, -1.0]]
    """
    given = read(
        "pairedcorr",
        {"X": X, "Y": Y},
        rowvar=rowvar,
        bias=bias,
        ddof=ddof,
        weights=weights,
        weight_matrix=weight_matrix,
        mask=mask,
        l2=l2,
    )
    return _correlation(*given.series, given.weighting, given.l2, ddof=given.ddof).astype(given.dtype)


@functools.partial(jax.jit, static_argnames=("ddof",))
def _covariance(
    x: Inexact[Array, "... c obs"], y: Inexact[Array, "... d obs"], weighting: Weighting, *, ddof: int
) -> Inexact[Array, "... c d"]:
    x, y = centred(x, weighting), centred(y, weighting, left=False)
    f = freedom(weighting, x.shape[-1], ddof, x.real.dtype)[..., None, None]
    if y.shape[-2] < x.shape[-2] and weighting.matrix is None:
        return product(x, weighted(y, weighting)) / f.astype(x.dtype)
    return product(weighted(x, weighting), y) / f.astype(x.dtype)


@functools.partial(jax.jit, static_argnames=("ddof",))
def _correlation(
    x: Inexact[Array, "... c obs"],
    y: Inexact[Array, "... d obs"],
    weighting: Weighting,
    l2: Float[Array, ""] | None,
    *,
    ddof: int,
) -> Inexact[Array, "... c d"]:
    zx, x_unit = centred_in_units(x, weighting, l2)
    zy, y_unit = centred_in_units(y, weighting, l2, left=False)
    f = freedom(weighting, x.shape[-1], ddof, zx.real.dtype)[..., None]
    x_scale, y_scale = (
        inverse_root(_variance(z, weighting, ddof) + (0.0 if l2 is None else l2 / unit / unit))
        for z, unit in ((zx, x_unit), (zy, y_unit))
    )
    left = weighted(zx, weighting) * (x_scale / f)[..., None].astype(zx.dtype)
    return within_one(product(left, zy * y_scale[..., None].astype(zy.dtype)))


def _variance(z: Inexact[Array, "... c obs"], weighting: Weighting, ddof: int) -> Float[Array, "... c"]:
    """Of near-centred series, by the symmetric part of W, which has a mean of its own."""
    even = symmetric(weighting)
    z = z if weighting.matrix is None else centred(z, even)
    f = freedom(even, z.shape[-1], ddof, z.real.dtype)[..., None]
    return squares(weighted(z, even), z) / f
