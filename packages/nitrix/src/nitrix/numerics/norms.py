"""Vectors divided by their norms: free of scale, and 0 where a vector is."""

from collections.abc import Sequence
from typing import Any

from jax.typing import ArrayLike
from jaxtyping import Array, Float, Shaped

from nitrix._arguments import real_array
from nitrix.numerics import _rescaling
from nitrix.numerics._normalize_arguments import check_eps
from nitrix.numerics._reals import named_axes


def l2_normalize(
    x: Shaped[ArrayLike, "..."], *, axis: int | Sequence[int] | None = -1, eps: int | float = 0.0
) -> Float[Array, "..."]:
    """Divide vectors by their length.

    Free of scale: entries of 1e-30 or 1e30 neither vanish nor overflow. A vector of zeros stays 0, with a derivative
    of 0.

    Args:
      x: The vectors. Integers and booleans give the default float; float16 and bfloat16 are computed in float32.
      axis: The axis or axes of one vector; None means all.
      eps: A length of at most this counts as 0.
    Returns:
      The unit vectors, of x's shape.
    Raises:
      TypeError: If `x` holds no real numbers.
      ValueError: If an axis is out of range or named twice, or if `eps` is negative.

    References:
      Blue, A portable Fortran program to find the Euclidean norm of a vector, ACM Trans. Math. Softw. 4(1), 1978.
      doi:10.1145/355769.355771

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics import l2_normalize
      >>> unit = l2_normalize(jnp.asarray([[3.0, 4.0], [0.0, 0.0]]))
      >>> [[round(value, 3) for value in row] for row in unit.tolist()]
      [[0.6, 0.8], [0.0, 0.0]]
    """
    return _normed(x, 2.0, axis, eps, "l2_normalize")


def lp_normalize(
    x: Shaped[ArrayLike, "..."],
    *,
    p: int | float = 2.0,
    axis: int | Sequence[int] | None = -1,
    eps: int | float = 0.0,
) -> Float[Array, "..."]:
    """Divide vectors by their p-norm, the p-th root of the sum of `|x|^p`.

    Free of scale: powers of entries of 1e-30 or 1e30 neither vanish nor overflow. A vector of zeros stays 0, with a
    derivative of 0; where an entry is 0 the derivative of its magnitude is taken as 0.

    Args:
      x: The vectors. Integers and booleans give the default float; float16 and bfloat16 are computed in float32.
      p: The norm, at least 1; inf divides by the largest magnitude.
      axis: The axis or axes of one vector; None means all.
      eps: A norm of at most this counts as 0.
    Returns:
      The vectors of norm 1, of x's shape.
    Raises:
      TypeError: If `x` holds no real numbers.
      ValueError: If `p` is below 1, if an axis is out of range or named twice, or if `eps` is negative.

    References:
      Blue, A portable Fortran program to find the Euclidean norm of a vector, ACM Trans. Math. Softw. 4(1), 1978.
      doi:10.1145/355769.355771

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics import lp_normalize
      >>> lp_normalize(jnp.asarray([1.0, -1.0, 2.0]), p=1).tolist()
      [0.25, -0.25, 0.5]
    """
    if not p >= 1:
        raise ValueError(f"lp_normalize: p={p} must be at least 1; below it there is no norm.")
    return _normed(x, float(p), axis, eps, "lp_normalize")


def _normed(x: Any, p: float, axis: Any, eps: int | float, function: str) -> Float[Array, "..."]:
    check_eps(eps, function)
    vectors = real_array(x, function, "x")
    return _rescaling.over_norm(vectors, float(eps), axes=named_axes(axis, vectors.ndim, function), p=p)
