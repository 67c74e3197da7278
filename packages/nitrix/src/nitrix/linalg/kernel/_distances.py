"""Squared distances, and the kernels that fall off with them."""

import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num, Real

from nitrix.linalg.kernel._metric import Metric, inner
from nitrix.linalg.kernel._pairwise import pairwise, per_feature, scalar
from nitrix.linalg.kernel._products import as_it_is
from nitrix.semiring.adjacency import Adjacency, SectionedAdjacency


def linear_distance(
    X0: Num[ArrayLike, "... n d"] | Adjacency | SectionedAdjacency,
    X1: Num[ArrayLike, "... m d"] | Adjacency | SectionedAdjacency | None = None,
    *,
    theta: Num[ArrayLike, " d"] | Num[ArrayLike, "... k d"] | None = None,
) -> Float[Array, "... n m"]:
    """SQUARED distances between observations: (x - y)' theta (x - y), Euclidean or Mahalanobis.

    By `|x|^2 + |y|^2 - 2 x' y`, measured from the mean c of all observations: one matrix product, and no array of n m d
    differences. The gradient 2 theta (x - y) is right where observations coincide, in both modes and to every order.

    Args:
      X0: Observations by features, dense or sparse, as for `linear_kernel`.
      X1: Other observations. None: `X0`; the diagonal is then exactly 0, and so is its gradient.
      theta: Weights of the features, as for `linear_kernel`; a matrix is used as it is (the inverse covariance gives
        the Mahalanobis distance) and needs to be positive semi-definite: where it makes a square negative, 0 comes
        back.
    Returns:
      The squared distances, dense, of the floating dtype that holds the operands.
    Raises:
      TypeError: As `linear_kernel`.
      ValueError: As `linear_kernel`; if a diagonal theta has a negative entry (traced: as a matrix that is not
        positive semi-definite).
    Note:
      The error is a few roundings of `|x - c|^2 + |y - c|^2`, in the metric, that is near 1e-6 of it in float32: small
      beside the spread of the observations, wherever their origin lies, but not beside the distance of two that nearly
      coincide far from the mean. For those, sum the differences: `nitrix.semiring.semiring_matmul` over EUCLIDEAN.
    References:
      Golub and Van Loan, Matrix Computations, 4th ed., 2013. doi:10.56021/9781421407944
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import linear_distance
      >>> linear_distance(jnp.asarray([[0.0, 0.0], [3.0, 4.0]]))
      Array([[ 0., 25.],
             [25.,  0.]], dtype=float32)
    """
    return pairwise(
        _squared_distance,
        as_it_is,
        X0,
        X1,
        theta,
        lambda d: (),
        function="linear_distance",
        centred=True,
        weighs=True,
    )


def rbf_kernel(
    X0: Num[ArrayLike, "... n d"] | Adjacency | SectionedAdjacency,
    X1: Num[ArrayLike, "... m d"] | Adjacency | SectionedAdjacency | None = None,
    *,
    theta: Num[ArrayLike, " d"] | Num[ArrayLike, "... k d"] | None = None,
    gamma: Real[ArrayLike, ""] | None = None,
) -> Float[Array, "... n m"]:
    """Radial basis functions: exp(-gamma (x - y)' theta (x - y)).

    Args:
      X0: Observations by features, dense or sparse, as for `linear_kernel`.
      X1: Other observations. None: `X0`.
      theta: Weights of the features, as for `linear_distance`.
      gamma: How fast the kernel falls off, 0 or more. None: 1 / d.
    Returns:
      The kernel, dense, of the floating dtype that holds the operands.
    Raises:
      TypeError: As `linear_kernel`.
      ValueError: As `linear_distance`; if gamma is not one finite number of 0 or more (traced: NaN).
    References:
      Hofmann, Schoelkopf and Smola, 2008. doi:10.1214/009053607000000677
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import rbf_kernel
      >>> rbf_kernel(jnp.asarray([[1.0], [1.0]]))
      Array([[1., 1.],
             [1., 1.]], dtype=float32)
    """
    numbers = lambda d: (per_feature(gamma, d, "rbf_kernel", at_least_zero=True),)  # noqa: E731
    return pairwise(
        _squared_distance, falling, X0, X1, theta, numbers, function="rbf_kernel", centred=True, weighs=True
    )


def gaussian_kernel(
    X0: Num[ArrayLike, "... n d"] | Adjacency | SectionedAdjacency,
    X1: Num[ArrayLike, "... m d"] | Adjacency | SectionedAdjacency | None = None,
    *,
    theta: Num[ArrayLike, " d"] | Num[ArrayLike, "... k d"] | None = None,
    sigma: Real[ArrayLike, ""] | None = None,
) -> Float[Array, "... n m"]:
    """Gaussians of distances: exp(-(x - y)' theta (x - y) / (2 sigma^2)).

    Args:
      X0: Observations by features, dense or sparse, as for `linear_kernel`.
      X1: Other observations. None: `X0`.
      theta: Weights of the features, as for `linear_distance`.
      sigma: Standard deviation, in the units of the distance. None: exp(-d^2 / d), as `rbf_kernel` by default, that is
        sqrt(d / 2) for d features.
    Returns:
      The kernel, dense, of the floating dtype that holds the operands.
    Raises:
      TypeError: As `linear_kernel`.
      ValueError: As `linear_distance`; if sigma is not one finite positive number (traced: NaN).
    References:
      Hofmann, Schoelkopf and Smola, 2008. doi:10.1214/009053607000000677
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import gaussian_kernel
      >>> round(float(gaussian_kernel(jnp.asarray([[0.0]]), jnp.asarray([[2.0]]), sigma=2.0)[0, 0]), 4)
      0.6065
    """

    def numbers(d: int) -> tuple[Real[ArrayLike, ""]]:
        if sigma is None:
            return (1 / max(d, 1),)
        width = scalar("sigma", sigma, "gaussian_kernel", positive=True)
        return (0.5 / width**2,)

    return pairwise(
        _squared_distance,
        falling,
        X0,
        X1,
        theta,
        numbers,
        function="gaussian_kernel",
        centred=True,
        weighs=True,
    )


def falling(distances: Array, gamma: Array) -> Array:
    return jnp.exp(-gamma * distances)


def _squared_distance(x: Array, y: Array, metric: Metric) -> Array:
    """[... n d], [... m d]: the expanded square, clipped at 0."""
    metric = metric.symmetric()
    weighed = metric.times(x)
    squares_x = jnp.sum(weighed * x, axis=-1)[..., :, None]
    squares_y = jnp.sum(metric.times(y) * y, axis=-1)[..., None, :]
    square = squares_x + squares_y + inner(-2 * weighed, y)
    # Where rounding makes the square negative the value is 0, but its derivative, of the unclipped form, is right.
    return square + lax.stop_gradient(jnp.maximum(-square, 0))
