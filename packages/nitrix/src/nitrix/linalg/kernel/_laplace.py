"""The Laplace kernel, of sums of absolute differences."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num, Real

from nitrix.linalg.kernel._distances import falling
from nitrix.linalg.kernel._metric import Metric
from nitrix.linalg.kernel._pairwise import pairwise, per_feature
from nitrix.semiring import Semiring, semiring_matmul
from nitrix.semiring.adjacency import Adjacency, SectionedAdjacency
from nitrix.semiring.algebras import Sum

CHUNK = 16  # vectors that a derivative visits in one step of its loop


@dataclass(frozen=True)
class AbsoluteDifference:
    """(*) is the absolute difference, which is not associative."""

    def combine(self, a: Array, b: Array) -> Array:
        """`|a - b|`."""
        return jnp.abs(a - b)


MANHATTAN: Semiring[Array] = Semiring(Sum(), AbsoluteDifference(), "manhattan", identity=0.0)


def laplace_kernel(
    X0: Num[ArrayLike, "... n d"] | Adjacency | SectionedAdjacency,
    X1: Num[ArrayLike, "... m d"] | Adjacency | SectionedAdjacency | None = None,
    *,
    theta: Num[ArrayLike, " d"] | Num[ArrayLike, "... k d"] | None = None,
    gamma: Real[ArrayLike, ""] | None = None,
) -> Float[Array, "... n m"]:
    """Exponentials of city-block distances: `exp(-gamma sum_k theta_k |x_k - y_k|)`.

    The sums are streamed over the features, and their derivatives over the observations: no array of n m d
    differences is made, forward or backward. Differentiable in both modes and to every order; where x_k = y_k the
    derivative of `|x_k - y_k|` is taken as 0.

    Args:
      X0: Observations by features, dense or sparse, as for `linear_kernel`.
      X1: Other observations. None: `X0`.
      theta: Weights of the features, none of them negative: a vector [d], or a batch of them as [... 1 d]. The
        city-block distance has no matrix form.
      gamma: How fast the kernel falls off, 0 or more. None: 1 / d.
    Returns:
      The kernel, dense, of the floating dtype that holds the operands; scikit-learn's `laplacian_kernel`.
    Raises:
      TypeError: As `linear_kernel`.
      ValueError: As `linear_kernel`; if theta is a matrix or has a negative entry (traced: NaN), or gamma is not one
        finite number of 0 or more (traced: NaN).
    References:
      Rahimi and Recht, Random features for large-scale kernel machines, NIPS 20, 2007.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import laplace_kernel
      >>> round(float(laplace_kernel(jnp.asarray([[0.0, 1.0]]), jnp.asarray([[2.0, 1.0]]))[0, 0]), 4)
      0.3679
    """
    name = "laplace_kernel"
    numbers = lambda d: (per_feature(gamma, d, name, at_least_zero=True),)  # noqa: E731
    return pairwise(_city_block, falling, X0, X1, theta, numbers, function=name, squares=False, weighs=True)


def _city_block(x: Array, y: Array, metric: Metric) -> Array:
    """Batches of `_distances`, whose weights are 1 by default."""
    if metric.diagonal is None:
        return jnp.vectorize(partial(_distances, None), signature="(n,d),(m,d)->(n,m)")(x, y)
    return jnp.vectorize(_distances, signature="(d),(n,d),(m,d)->(n,m)")(metric.diagonal[..., 0, :], x, y)


@jax.custom_jvp
def _distances(weights: Any, x: Array, y: Array) -> Array:
    """[n, m] of [n, d] and [m, d]."""
    if weights is not None:
        weights = jnp.where(weights < 0, jnp.nan, weights)
        x, y = x * weights, y * weights
    return semiring_matmul(x, y.T, semiring=MANHATTAN)


# With s = sign(x_ik - y_jk), and w = 1 without weights, the derivative of the distance (i, j) is
#   sum_k w_k s dx_ik  +  sum_k w_k (-s) dy_jk  +  sum_k |x_ik - y_jk| dw_k
# Each sum is a loop over the vectors of one side. Its transpose adds up what each of them gives to all others, which is
# the loop that reverse mode runs.
def _distances_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (weights, x, y), (d_weights, dx, dy) = primals, tangents
    out = _distances(weights, x, y)
    slope = jnp.zeros_like(out)
    w = 1 if weights is None else weights
    if not isinstance(dx, SymbolicZero):
        slope += _swept(lambda x, y, d: jnp.sign(x - y) * d, dx * w, x, y)
    if not isinstance(dy, SymbolicZero):
        slope += _swept(lambda y, x, d: jnp.sign(y - x) * d, dy * w, y, x).T
    if weights is not None and not isinstance(d_weights, SymbolicZero):
        slope += _swept(lambda x, y, d: jnp.abs(x - y) * d, d_weights, x, y)
    return out, slope


_distances.defjvp(_distances_jvp, symbolic_zeros=True)


def _swept(term: Any, d: Array, x: Array, y: Array) -> Array:
    """[n, m]: sum_k term(x_ik, y_jk, d), linear in d, by a loop over j."""
    m = y.shape[0]
    chunks = jnp.concatenate([y, jnp.zeros((-m % CHUNK, y.shape[1]), y.dtype)]).reshape(-1, CHUNK, y.shape[1])

    @jax.checkpoint  # keeps no array of n d signs for each vector
    def several(_: None, vectors: Array) -> tuple[None, Array]:
        return None, jnp.stack([term(x, vectors[t], d).sum(-1) for t in range(CHUNK)])

    columns = lax.scan(several, None, chunks)[1]
    return columns.reshape(-1, x.shape[0])[:m].T
