"""The factor that turns a covariance into a correlation."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Inexact, Num

from nitrix._arguments import floating
from nitrix.stats.covariance._normalised import root


def corrnorm(A: Num[ArrayLike, "... c c"]) -> Float[Array, "... c c"]:
    """The factor by which a covariance is divided to make a correlation: sqrt(A_ii A_jj).

    Args:
      A: Covariances [... c c]; of complex ones the real part of the diagonal counts.
    Returns:
      The factor [... c c] in the (real) floating dtype of `A`: sqrt(A_ii) sqrt(A_jj), so that the product does not
      overflow. Where a variance is 0 it is 0, with gradient 0; NaN where one is negative.
    Raises:
      TypeError: If `A` holds no numbers.
      ValueError: If `A` is not square.

    Note:
      A variance of 0 makes A / corrnorm(A) 0 / 0; `corr` has 0 there.

    References:
      Pearson, Proc. R. Soc. London 58, 1895. doi:10.1098/rspl.1895.0041

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import corrnorm
      >>> A = jnp.array([[4.0, 3.0], [3.0, 9.0]])
      >>> (A / corrnorm(A)).tolist()
      [[1.0, 0.5], [0.5, 1.0]]
    """
    array = floating(A, "corrnorm", "A")
    if array.ndim < 2 or array.shape[-1] != array.shape[-2]:
        raise ValueError(f"corrnorm: A has shape {array.shape}; its last two axes must be equal.")
    return _factor(array)


@jax.jit
def _factor(array: Inexact[Array, "... c c"]) -> Float[Array, "... c c"]:
    narrow = array.dtype.itemsize <= 2
    wide = array.astype(jnp.float32) if narrow else array
    deviation = root(jnp.diagonal(wide, axis1=-2, axis2=-1).real)
    factor = deviation[..., :, None] * deviation[..., None, :]
    return factor.astype(array.dtype) if narrow else factor
