"""Fields of metrics: a metric tensor at each point of space."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Shaped

from nitrix.geometry._operands import leading_shape, read_together


def metric_tensor_field_diag_plus_low_rank(
    coor: Shaped[ArrayLike, "... p"],
    low_rank_model: Callable[[Array], Any],
    diag_model: Callable[[Array], Any],
) -> Float[Array, "... p p"]:
    """Metrics of low rank plus a diagonal at points: G(x) = L(x) L(x)' + diag(d(x)).

    Positive semidefinite wherever d is not negative.

    Args:
      coor: Points, [... p]. Integers are taken as the default float.
      low_rank_model: The function from points [... p] to factors L, [... p r]. It is called once, with all points.
      diag_model: The function from points [... p] to diagonals d, [... p], likewise.
    Returns:
      The metrics, [... p p], of the floating dtype that holds both models' results.
    Raises:
      TypeError: If `coor` or a result is complex or holds no numbers.
      ValueError: If a model's result has another shape.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import metric_tensor_field_diag_plus_low_rank
      >>> metric_tensor_field_diag_plus_low_rank(
      ...     jnp.asarray([1.0, 2.0]), lambda x: x[..., None], lambda x: jnp.ones_like(x)
      ... ).tolist()
      [[2.0, 2.0], [2.0, 5.0]]
    """
    function = "metric_tensor_field_diag_plus_low_rank"
    (x,), given = read_together(function, coor=coor)
    points = x.astype(given)
    models = {"low_rank_model": low_rank_model(points), "diag_model": diag_model(points)}
    (L, d), dtype = read_together(function, **models)
    if L.ndim < 2 or L.shape[-2:-1] != x.shape[-1:] or d.shape[-1:] != x.shape[-1:]:
        raise ValueError(
            f"{function}: of points {x.shape} low_rank_model gives {L.shape} and diag_model {d.shape}; they must give "
            f"[... p r] and [... p] of [... p]."
        )
    leading_shape(function, coor=x.shape[:-1], low_rank_model=L.shape[:-2], diag_model=d.shape[:-1])
    return _sum(L, d).astype(dtype)


@jax.jit
def _sum(L: Float[Array, "... p r"], d: Float[Array, "... p"]) -> Float[Array, "... p p"]:
    low_rank = jnp.matmul(L, jnp.swapaxes(L, -1, -2), precision=lax.Precision.HIGHEST)
    return low_rank + jnp.eye(d.shape[-1], dtype=d.dtype) * d[..., None]
