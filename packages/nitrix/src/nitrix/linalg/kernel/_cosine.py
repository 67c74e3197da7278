"""Cosines of angles between observations, and the normalisation behind them."""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from nitrix._arguments import common_dtype
from nitrix.linalg.kernel._metric import Metric, inner, metric_of
from nitrix.linalg.kernel._pairwise import pairwise
from nitrix.linalg.kernel._products import as_it_is
from nitrix.linalg.kernel._rows import SparseRows, rows_of
from nitrix.semiring.adjacency import Adjacency, SectionedAdjacency


def cosine_kernel(
    X0: Num[ArrayLike, "... n d"] | Adjacency | SectionedAdjacency,
    X1: Num[ArrayLike, "... m d"] | Adjacency | SectionedAdjacency | None = None,
    *,
    theta: Num[ArrayLike, " d"] | Num[ArrayLike, "... k d"] | None = None,
) -> Float[Array, "... n m"]:
    """Cosines of the angles between observations: `x' theta y / (|x| |y|)`, with `|x|^2 = x' theta x`.

    Args:
      X0: Observations by features, dense or sparse, as for `linear_kernel`.
      X1: Other observations. None: `X0`.
      theta: Weights of the features, as for `linear_kernel`.
    Returns:
      The kernel, dense, of the floating dtype that holds the operands. A row of zeros has cosine 0 with everything,
      as in scikit-learn, and gets a gradient of 0.
    Raises:
      TypeError: As `linear_kernel`.
      ValueError: As `linear_kernel`.
    Note:
      Rows are normalised as by `parameterised_norm`, so that tiny and huge ones are no singular cases; where theta
      makes a norm negative its row is NaN.
    References:
      Hofmann, Schoelkopf and Smola, 2008. doi:10.1214/009053607000000677
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import cosine_kernel
      >>> cosine_kernel(jnp.asarray([[3.0, 0.0], [0.0, 0.0]]), jnp.asarray([[2.0, 0.0]]))
      Array([[1.],
             [0.]], dtype=float32)
    """
    return pairwise(_cosine, as_it_is, X0, X1, theta, lambda d: (), function="cosine_kernel")


def parameterised_norm(
    X: Num[ArrayLike, "... n d"],
    *,
    theta: Num[ArrayLike, " d"] | Num[ArrayLike, "... k d"] | None = None,
    squared: bool = False,
) -> Float[Array, "... n d"]:
    """Normalise observations by a metric: x / sqrt(x' theta x). Despite its name this does not return the norm.

    Args:
      X: Observations by features, dense.
      theta: Weights of the features, as for `linear_kernel`.
      squared: Whether to divide by the squared norm, x' theta x.
    Returns:
      The normalised rows, of the floating dtype that holds the operands. Rows of norm 0 come back as 0, with a gradient
      of 0; where theta makes x' theta x negative the row is NaN.
    Raises:
      TypeError: If an operand is complex or holds no numbers.
      ValueError: If theta has another number of features, leading axes do not broadcast, or X is sparse or no matrix.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import parameterised_norm
      >>> parameterised_norm(jnp.asarray([[3.0, 4.0], [0.0, 0.0]]), squared=True)
      Array([[0.12, 0.16],
             [0.  , 0.  ]], dtype=float32)
    """
    rows, d = rows_of(X, "parameterised_norm", "X")
    if isinstance(rows, SparseRows):
        raise ValueError(
            "parameterised_norm: X is sparse; give dense rows, or call cosine_kernel, which takes both."
        )
    metric = metric_of(theta, d, "parameterised_norm")
    given = common_dtype(rows.dtype, *(x.dtype for x in metric if x is not None))
    dtype = np.dtype(np.float32) if given.itemsize <= 2 else given
    return normalised(rows.astype(dtype), metric.as_dtype(dtype), squared=squared).astype(given)


def normalised(X: Array, metric: Metric, *, squared: bool = False) -> Array:
    """x / sqrt(x' theta x), or x / x' theta x."""
    # The result is homogeneous in x: its largest entry can be divided out, held constant, so that no square of a tiny
    # or huge number is taken.
    largest = lax.stop_gradient(jnp.max(jnp.abs(X), axis=-1, keepdims=True, initial=0))
    scale = jnp.where(largest == 0, 1, largest)
    unit = X / scale
    square = jnp.sum(metric.times(unit) * unit, axis=-1, keepdims=True)
    none = square == 0
    safe = jnp.where(none, 1, square)
    length = safe * scale if squared else jnp.sqrt(safe)
    length = jnp.where(square < 0, jnp.nan, length)
    return jnp.where(none, 0, unit / length)


def _cosine(x: Array, y: Array, metric: Metric) -> Array:
    return inner(metric.times(normalised(x, metric)), normalised(y, metric))
