"""Squared lengths of vectors under a metric."""

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Shaped

from nitrix.geometry._operands import leading_shape, read_together


def quadratic_form(
    coor: Shaped[ArrayLike, "... p"], metric_tensor: Shaped[ArrayLike, "... p p"]
) -> Float[Array, "... 1"]:
    """Quadratic forms x' G x: the squared lengths of vectors under metrics.

    Args:
      coor: Vectors, [... p]. Integers are taken as the default float; float16 and bfloat16 are computed in float32.
      metric_tensor: Metrics, [... p p], of which the symmetric part counts. Leading axes broadcast with those of
        `coor`.
    Returns:
      The forms, [... 1], of the floating dtype that holds both operands.
    Raises:
      TypeError: If an operand is complex or holds no numbers.
      ValueError: If the shapes do not fit.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import quadratic_form
      >>> quadratic_form(jnp.asarray([3.0, 4.0]), jnp.diag(jnp.asarray([1.0, 2.0]))).tolist()
      [41.0]
    """
    function = "quadratic_form"
    (x, G), dtype = read_together(function, coor=coor, metric_tensor=metric_tensor)
    if x.ndim < 1 or G.shape[-2:] != (x.shape[-1], x.shape[-1]):
        raise ValueError(
            f"{function}: coor has shape {x.shape} and metric_tensor {G.shape}; give [... p] and [... p p]."
        )
    leading_shape(function, coor=x.shape[:-1], metric_tensor=G.shape[:-2])
    return _dense(x, G).astype(dtype)


def quadratic_form_low_rank_plus_diag(
    coor: Shaped[ArrayLike, "... p"],
    metric_tensor: tuple[Shaped[ArrayLike, "... p r"], Shaped[ArrayLike, "... p"]],
) -> Float[Array, "... 1"]:
    """Quadratic forms under metrics of low rank plus a diagonal: |L' x|^2 + sum_i d_i x_i^2.

    That is x' (L L' + diag(d)) x without a p x p matrix, and never below 0 by rounding where d is not.

    Args:
      coor: Vectors, [... p]. Integers are taken as the default float; float16 and bfloat16 are computed in float32.
      metric_tensor: (L, d): factors [... p r] and diagonals [... p]. Leading axes broadcast with those of `coor`.
    Returns:
      The forms, [... 1], of the floating dtype that holds all operands.
    Raises:
      TypeError: If an operand is complex or holds no numbers.
      ValueError: If the shapes do not fit.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import quadratic_form_low_rank_plus_diag
      >>> L, d = jnp.asarray([[1.0], [1.0]]), jnp.asarray([0.0, 2.0])
      >>> quadratic_form_low_rank_plus_diag(jnp.asarray([3.0, 4.0]), (L, d)).tolist()
      [81.0]
    """
    function = "quadratic_form_low_rank_plus_diag"
    (x, L, d), dtype = read_together(function, coor=coor, low_rank=metric_tensor[0], diag=metric_tensor[1])
    p = x.shape[-1:]
    if x.ndim < 1 or L.ndim < 2 or L.shape[-2:-1] != p or d.shape[-1:] != p:
        raise ValueError(
            f"{function}: coor has shape {x.shape}, L {L.shape} and d {d.shape}; give [... p], [... p r] and [... p]."
        )
    leading_shape(function, coor=x.shape[:-1], L=L.shape[:-2], d=d.shape[:-1])
    return _low_rank(x, L, d).astype(dtype)


@jax.jit
def _dense(x: Float[Array, "... p"], G: Float[Array, "... p p"]) -> Float[Array, "... 1"]:
    image = jnp.matmul(G, x[..., None], precision=lax.Precision.HIGHEST)[..., 0]
    return jnp.sum(x * image, axis=-1, keepdims=True)


@jax.jit
def _low_rank(
    x: Float[Array, "... p"], L: Float[Array, "... p r"], d: Float[Array, "... p"]
) -> Float[Array, "... 1"]:
    projected = jnp.matmul(x[..., None, :], L, precision=lax.Precision.HIGHEST)[..., 0, :]
    return jnp.sum(projected**2, axis=-1, keepdims=True) + jnp.sum(d * x**2, axis=-1, keepdims=True)
