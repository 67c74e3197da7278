"""Kernels of inner products: linear, polynomial, sigmoid."""

import functools
from collections.abc import Callable

import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num, Real

from nitrix._arguments import whole_number
from nitrix.linalg.kernel._metric import Metric, inner
from nitrix.linalg.kernel._pairwise import pairwise, per_feature, scalar
from nitrix.semiring.adjacency import Adjacency, SectionedAdjacency


def linear_kernel(
    X0: Num[ArrayLike, "... n d"] | Adjacency | SectionedAdjacency,
    X1: Num[ArrayLike, "... m d"] | Adjacency | SectionedAdjacency | None = None,
    *,
    theta: Num[ArrayLike, " d"] | Num[ArrayLike, "... k d"] | None = None,
) -> Float[Array, "... n m"]:
    """Inner products of observations: x' theta y.

    Differentiable in all operands, in both modes and to every order. Every kernel of this module takes operands alike.

    Args:
      X0: Observations by features; leading axes broadcast. Or a `nitrix.sparse.ELL` or `SectionedELL` whose rows are
        observations and whose `n_cols` are the features. Integers are taken as the default float; float16 and
        bfloat16 are multiplied and summed in float32.
      X1: Other observations of the same features, dense or sparse. None: `X0`.
      theta: Weights of the features: None for none, a vector [d] as the diagonal of a metric, [... d d] as a matrix
        (always: a square theta is never a batch of diagonals), [... 1 d] as a batch of diagonals.
    Returns:
      The kernel, dense, of the floating dtype that holds the operands.
    Raises:
      TypeError: If an operand is complex or holds no numbers.
      ValueError: If the features differ in number, theta is of another shape, leading axes do not broadcast, or a
        sparse operand has an index out of range (traced ones give NaN in their rows) or pads that are not zeros.
    Note:
      The result equals that of the sparse operands made dense. Of those no more than 2^20 entries are dense at a
      time, and products are dense within such a block: memory is saved and not multiplications.
    References:
      Hofmann, Schoelkopf and Smola, Kernel methods in machine learning, Annals of Statistics 36(3), 2008.
      doi:10.1214/009053607000000677
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import linear_kernel
      >>> X = jnp.asarray([[1.0, 0.0], [1.0, 2.0]])
      >>> linear_kernel(X, theta=jnp.asarray([1.0, 10.0]))
      Array([[ 1.,  1.],
             [ 1., 41.]], dtype=float32)
    """
    return pairwise(_product, as_it_is, X0, X1, theta, lambda d: (), function="linear_kernel")


def polynomial_kernel(
    X0: Num[ArrayLike, "... n d"] | Adjacency | SectionedAdjacency,
    X1: Num[ArrayLike, "... m d"] | Adjacency | SectionedAdjacency | None = None,
    *,
    theta: Num[ArrayLike, " d"] | Num[ArrayLike, "... k d"] | None = None,
    gamma: Real[ArrayLike, ""] | None = None,
    order: int = 3,
    r: Real[ArrayLike, ""] = 0.0,
) -> Float[Array, "... n m"]:
    """Polynomials of inner products: (gamma x' theta y + r)^order.

    Args:
      X0: Observations by features, dense or sparse, as for `linear_kernel`.
      X1: Other observations. None: `X0`.
      theta: Weights of the features, as for `linear_kernel`.
      gamma: Factor of the inner product. None: 1 / d.
      order: Degree of the polynomial, 0 or more.
      r: What is added. scikit-learn's `coef0`, which is 1 there by default.
    Returns:
      The kernel, dense, of the floating dtype that holds the operands.
    Raises:
      TypeError: As `linear_kernel`; if order is no integer.
      ValueError: As `linear_kernel`; if order is negative, or gamma or r is not one finite number (traced: NaN).
    References:
      Hofmann, Schoelkopf and Smola, 2008. doi:10.1214/009053607000000677
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import polynomial_kernel
      >>> polynomial_kernel(jnp.asarray([[1.0, 3.0]]), order=2, r=1.0)
      Array([[36.]], dtype=float32)
    """
    name = "polynomial_kernel"
    power = _to_the(whole_number("order", order, name))
    numbers = lambda d: (per_feature(gamma, d, name, at_least_zero=False), scalar("r", r, name))  # noqa: E731
    return pairwise(_product, power, X0, X1, theta, numbers, function=name)


def sigmoid_kernel(
    X0: Num[ArrayLike, "... n d"] | Adjacency | SectionedAdjacency,
    X1: Num[ArrayLike, "... m d"] | Adjacency | SectionedAdjacency | None = None,
    *,
    theta: Num[ArrayLike, " d"] | Num[ArrayLike, "... k d"] | None = None,
    gamma: Real[ArrayLike, ""] | None = None,
    r: Real[ArrayLike, ""] = 0.0,
) -> Float[Array, "... n m"]:
    """Hyperbolic tangents of inner products: tanh(gamma x' theta y + r).

    Args:
      X0: Observations by features, dense or sparse, as for `linear_kernel`.
      X1: Other observations. None: `X0`.
      theta: Weights of the features, as for `linear_kernel`.
      gamma: Factor of the inner product. None: 1 / d.
      r: What is added. scikit-learn's `coef0`, which is 1 there by default.
    Returns:
      The kernel, dense, of the floating dtype that holds the operands.
    Raises:
      TypeError: As `linear_kernel`.
      ValueError: As `linear_kernel`; if gamma or r is not one finite number (traced: NaN).
    References:
      Hofmann, Schoelkopf and Smola, 2008. doi:10.1214/009053607000000677
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import sigmoid_kernel
      >>> sigmoid_kernel(jnp.asarray([[0.0, 0.0]]), jnp.asarray([[1.0, 2.0]]))
      Array([[0.]], dtype=float32)
    """
    name = "sigmoid_kernel"
    numbers = lambda d: (per_feature(gamma, d, name, at_least_zero=False), scalar("r", r, name))  # noqa: E731
    return pairwise(_product, _tanh, X0, X1, theta, numbers, function=name)


def _product(x: Array, y: Array, metric: Metric) -> Array:
    return inner(metric.times(x), y)


def as_it_is(inner_products: Array) -> Array:
    return inner_products


def _tanh(inner_products: Array, gamma: Array, r: Array) -> Array:
    return jnp.tanh(gamma * inner_products + r)


@functools.cache
def _to_the(order: int) -> Callable[[Array, Array, Array], Array]:
    """One function object for each order, so that equal calls share a compilation."""
    return lambda inner_products, gamma, r: lax.integer_pow(gamma * inner_products + r, order)
