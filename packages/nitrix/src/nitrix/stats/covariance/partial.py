"""What is left between two channels given all others: precision, partial covariance and correlation."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Inexact, Num, Real

from nitrix._arguments import known_numbers
from nitrix.stats.covariance._estimates import standardised
from nitrix.stats.covariance._inverse import inverse, pseudo_inverse
from nitrix.stats.covariance._normalised import inverse_root, with_unit_diagonal
from nitrix.stats.covariance._observations import Given, read


def precision(
    X: Num[ArrayLike, "... _c _obs"],
    *,
    require_nonsingular: bool = True,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    weights: Real[ArrayLike, "... _obs"] | None = None,
    weight_matrix: Real[ArrayLike, "... _obs _obs"] | None = None,
    mask: Bool[ArrayLike, "..."] | None = None,
    l2: Real[ArrayLike, ""] = 0.0,
) -> Inexact[Array, "... c c"]:
    """Precision of the channels of series: the inverse of their covariance.

    Inverted by Cholesky after each channel is scaled to variance 1, so that channels of different units cost no digits;
    differentiated in closed form, to any order.

    Args:
      X: Series, shape [... c obs], as `cov` takes them.
      require_nonsingular: True refuses a covariance that is singular to rounding; False gives its pseudo-inverse
        (Moore and Penrose), which leaves out eigenvalues below c eps times the largest.
      rowvar: Whether channels are the second last axis; as `cov` reads it.
      bias: Divisor, as in `cov`.
      ddof: Divisor, as in `cov`.
      weights: Of the observations, [... obs], as in `cov`.
      weight_matrix: Of pairs of observations, [... obs obs], as in `cov`.
      mask: True where observed, as in `cov`.
      l2: Ridge on the variances, as in `cov`; makes the covariance invertible.
    Returns:
      Precisions [... c c], in the inverse square of the unit of `X`. For a singular covariance that is traced
      (under `jit`, `vmap`): NaN, if `require_nonsingular`.
    Raises:
      TypeError: As `cov`.
      ValueError: As `cov`; and if the covariance is singular though `require_nonsingular`: fewer than c + 1
        observations and no ridge, a channel without variance, or one that others explain up to a share of c eps of
        its variance.

    Note:
      Gradients of the pseudo-inverse are those at constant rank; they are finite, and do not depend on ties between
      eigenvalues.

    References:
      Golub and Pereyra, SIAM J. Numer. Anal. 10(2), 1973. doi:10.1137/0710036

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import precision
      >>> X = jnp.array([[1.0, -1.0, 1.0, -1.0], [2.0, 2.0, -2.0, -2.0]])
      >>> precision(X, bias=True).tolist()
      [[1.0, 0.0], [0.0, 0.25]]
    """
    given = read(
        "precision",
        {"X": X},
        rowvar=rowvar,
        bias=bias,
        ddof=ddof,
        weights=weights,
        weight_matrix=weight_matrix,
        mask=mask,
        l2=l2,
    )
    q, unit = _inverted(given, require_nonsingular, "precision")
    return _outer_over(q, 1 / unit).astype(given.dtype)


def partialcov(
    X: Num[ArrayLike, "... _c _obs"],
    *,
    require_nonsingular: bool = True,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    weights: Real[ArrayLike, "... _obs"] | None = None,
    weight_matrix: Real[ArrayLike, "... _obs _obs"] | None = None,
    mask: Bool[ArrayLike, "..."] | None = None,
    l2: Real[ArrayLike, ""] = 0.0,
) -> Inexact[Array, "... c c"]:
    """Covariance of what all other channels leave of each pair of channels.

    Entry i, j is the covariance of the residuals of channels i and j, each regressed on all channels but i and j (with
    an intercept): -P_ij / (P_ii P_jj - P_ij^2) with the precision P. Entry i, i is the variance of the residual of
    channel i regressed on all others: 1 / P_ii.

    Args:
      X: Series, shape [... c obs], as `cov` takes them.
      require_nonsingular: As for `precision`.
      rowvar: Whether channels are the second last axis; as `cov` reads it.
      bias: Divisor, as in `cov`.
      ddof: Divisor, as in `cov`.
      weights: Of the observations, [... obs], as in `cov`.
      weight_matrix: Of pairs of observations, [... obs obs], as in `cov`.
      mask: True where observed, as in `cov`.
      l2: Ridge on the variances, as in `cov`.
    Returns:
      Covariances [... c c], in the square of the unit of `X`. From a pseudo-inverse: 0 for channels without
      variance, NaN for a pair whose partial correlation is 1 to rounding.
    Raises:
      TypeError: As `cov`.
      ValueError: As `precision`.

    Note:
      Other libraries call the precision with the signs of its off-diagonal flipped by this name; that is no
      covariance. Nor is `partialcorr` this matrix over the roots of its diagonal, since the variances of a pair are
      those given the others without the pair: partialcorr_ij = partialcov_ij (P_ii P_jj - P_ij^2) / sqrt(P_ii P_jj).

    References:
      Lauritzen, Graphical Models, Oxford University Press, 1996, section 5.1. ISBN 978-0-19-852219-5

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import partialcov
      >>> X = jnp.array([[1.0, -1.0, 1.0, -1.0], [3.0, 1.0, -1.0, -3.0]])
      >>> float(partialcov(X, bias=True)[0, 1].round(3))  # of two channels: no others, so their covariance
      1.0
    """
    given = read(
        "partialcov",
        {"X": X},
        rowvar=rowvar,
        bias=bias,
        ddof=ddof,
        weights=weights,
        weight_matrix=weight_matrix,
        mask=mask,
        l2=l2,
    )
    q, unit = _inverted(given, require_nonsingular, "partialcov")
    return _outer_over(_residual_covariance(q), unit).astype(given.dtype)


def partialcorr(
    X: Num[ArrayLike, "... _c _obs"],
    *,
    require_nonsingular: bool = True,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    weights: Real[ArrayLike, "... _obs"] | None = None,
    weight_matrix: Real[ArrayLike, "... _obs _obs"] | None = None,
    mask: Bool[ArrayLike, "..."] | None = None,
    l2: Real[ArrayLike, ""] = 0.0,
) -> Inexact[Array, "... c c"]:
    """Correlation of each pair of channels given all others: -P_ij / sqrt(P_ii P_jj) with the precision P.

    Does not depend on the scale of any channel, nor of the data.

    Args:
      X: Series, shape [... c obs], as `cov` takes them.
      require_nonsingular: As for `precision`.
      rowvar: Whether channels are the second last axis; as `cov` reads it.
      bias: Matters with `l2` only.
      ddof: Like `bias`.
      weights: Of the observations, [... obs], as in `cov`.
      weight_matrix: Of pairs of observations, [... obs obs], as in `cov`.
      mask: True where observed, as in `cov`.
      l2: Ridge on the variances, as in `cov`.
    Returns:
      Correlations [... c c]: exactly 1 on the diagonal, of modulus at most 1. From a pseudo-inverse, 0 for a channel
      without variance, on the diagonal too.
    Raises:
      TypeError: As `cov`.
      ValueError: As `precision`.

    Note:
      `nilearn.connectome.ConnectivityMeasure(kind="partial correlation")` gives the same from its covariance, which
      by default is shrunk (Ledoit and Wolf); with scikit-learn's `EmpiricalCovariance` the results agree.

    References:
      Marrelec et al., Partial correlation for functional brain interactivity investigation in functional MRI,
      NeuroImage 32(1), 2006. doi:10.1016/j.neuroimage.2005.12.057

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import partialcorr
      >>> X = jnp.array([[1.0, -1.0, 1.0, -1.0], [3.0, 1.0, -1.0, -3.0]])
      >>> round(float(partialcorr(X)[0, 1]), 4)  # of two channels: no others, so their correlation
      0.4472
    """
    given = read(
        "partialcorr",
        {"X": X},
        rowvar=rowvar,
        bias=bias,
        ddof=ddof,
        weights=weights,
        weight_matrix=weight_matrix,
        mask=mask,
        l2=l2,
    )
    q, _ = _inverted(given, require_nonsingular, "partialcorr")
    return _partial_correlation(q).astype(given.dtype)


pcorr = partialcorr


def _inverted(
    given: Given, require_nonsingular: bool, function: str
) -> tuple[Inexact[Array, "... c c"], Float[Array, "... c"]]:
    """Q and u, the precision being Q_ij / (u_i u_j)."""
    x, weighting = given.series[0], given.weighting
    channels, obs = x.shape[-2:]
    if require_nonsingular and given.l2 is None and weighting.channels is None and obs <= channels:
        raise ValueError(
            f"{function}: {obs} observations of {channels} channels have a singular covariance; give at least "
            f"{channels + 1}, or l2=, or require_nonsingular=False for the pseudo-inverse."
        )
    r, deviation = standardised(x, weighting, given.l2, ddof=given.ddof)
    if not require_nonsingular:
        return _pseudo_inverted(r, deviation)
    q, share = _nonsingular_inverse(r)
    _check_nonsingular(r, deviation, share, function)
    return q, deviation


def _check_nonsingular(
    r: Inexact[Array, "... c c"],
    deviation: Float[Array, "... c"],
    share: Float[Array, "... c"],
    function: str,
) -> None:
    """Say in words, where the numbers are known, which channels are to blame."""
    shares = known_numbers(share)
    if shares is None or (shares > 0).all():
        return
    item = tuple(np.argwhere(~(shares > 0))[0][:-1])
    correlations, deviations = known_numbers(r)[item], known_numbers(deviation)[item]
    if not np.isfinite(correlations).all():
        return  # NaN says it
    values, vectors = np.linalg.eigh(correlations)
    if (deviations == 0).any():
        reason = f"channel {np.argmin(deviations)} has no variance"
    elif values[0] < -10 * len(values) * np.finfo(values.dtype).eps:
        reason = f"the correlations have the eigenvalue {values[0]:.3g}"
    else:
        weights = np.abs(vectors[:, 0])
        involved = np.flatnonzero(weights > 0.1 * weights.max())
        listed = ", ".join(map(str, involved[:8])) + (", ..." if len(involved) > 8 else "")
        reason = f"channels {listed} are linearly dependent"
    raise ValueError(
        f"{function}: the covariance is not positive definite, to rounding: {reason}. Leave channels out, give more "
        f"observations or l2=, or require_nonsingular=False for the pseudo-inverse."
    )


@jax.jit
def _nonsingular_inverse(
    r: Inexact[Array, "... c c"],
) -> tuple[Inexact[Array, "... c c"], Float[Array, "... c"]]:
    """R^-1, NaN if R is singular, and each channel's share of variance that those before do not explain, 0 for none."""
    q, share = inverse(r)
    share = jnp.where(share <= r.shape[-1] * float(np.finfo(share.dtype).eps), 0, share)
    good = jnp.all(share > 0, -1)[..., None, None]
    return jnp.where(good, q, jnp.nan), share


@jax.jit
def _pseudo_inverted(
    r: Inexact[Array, "... c c"], deviation: Float[Array, "... c"]
) -> tuple[Inexact[Array, "... c c"], Float[Array, "... c"]]:
    """The pseudo-inverse depends on the channels' scales, but not on that of all of them."""
    largest = jax.lax.stop_gradient(jnp.max(deviation, -1, keepdims=True, initial=0))
    unit = jnp.where(largest == 0, 1, largest)
    return pseudo_inverse(_outer_over(r, deviation / unit)), jnp.broadcast_to(unit, deviation.shape)


def _outer_over(x: Inexact[Array, "... c c"], scale: Float[Array, "... c"]) -> Inexact[Array, "... c c"]:
    """D X D with a diagonal D."""
    return x * scale[..., :, None].astype(x.dtype) * scale[..., None, :].astype(x.dtype)


@jax.jit
def _partial_correlation(q: Inexact[Array, "... c c"]) -> Inexact[Array, "... c c"]:
    own = jnp.diagonal(q, axis1=-2, axis2=-1).real
    return with_unit_diagonal(-_outer_over(q, inverse_root(own)), own)


@jax.jit
def _residual_covariance(q: Inexact[Array, "... c c"]) -> Inexact[Array, "... c c"]:
    """-Q_ij / (Q_ii Q_jj - Q_ij^2) and 1 / Q_ii, by way of the correlation: the difference has few digits else."""
    own = jnp.diagonal(q, axis1=-2, axis2=-1).real
    root = inverse_root(own)
    r = _outer_over(q, root)
    eye = jnp.eye(q.shape[-1], dtype=bool)
    left = jnp.where(eye, -1, 1 - jnp.abs(r) ** 2)
    left = jnp.where(jnp.abs(left) > q.shape[-1] * float(np.finfo(left.dtype).eps), left, jnp.nan)
    return -_outer_over(r, root) / left.astype(q.dtype)
