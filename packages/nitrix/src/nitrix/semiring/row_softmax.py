"""The softmax over each row of a sparse matrix: attention weights over neighbours."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nitrix.semiring.adjacency import Adjacency, SectionedAdjacency
from nitrix.semiring.operands import accumulator
from nitrix.semiring.stored import stored

NAME = "ell_row_softmax"


def ell_row_softmax(
    scores: Float[Any, "*batch n k_max"] | tuple[Any, ...], ell: Adjacency | SectionedAdjacency
) -> Float[Array, "*batch n k_max"] | tuple[Array, ...]:
    """Softmax of one score per slot over the slots of each row that count.

    Scores and their derivatives in slots that do not count have no influence, whatever they hold. bfloat16 and float16
    are summed in float32. Differentiable in both modes, to every order.

    Args:
      scores: One for each slot, leading axes being a batch; for a sectioned adjacency a tuple, one array per section.
      ell: The adjacency, flat or sectioned; its values are not looked at.
    Returns:
      Weights that sum to 1 over each row and are 0 in slots that do not count, in the form and dtype of `scores`. A row
      without slots, or whose scores are all minus infinity, is 0 throughout.
    Raises:
      ValueError: If the scores are not of the adjacency's shape.
      TypeError: If they are not floating point.
    Example:
      >>> from nitrix.sparse import ELL
      >>> path = ELL(jnp.ones((3, 2)), jnp.asarray([[1, 0], [0, 2], [1, 0]]), 3, degree=jnp.asarray([1, 2, 1]))
      >>> ell_row_softmax(jnp.zeros((3, 2)), path)
      Array([[1. , 0. ],
             [0.5, 0.5],
             [1. , 0. ]], dtype=float32)
    """
    matrix, _ = stored(ell)
    sectioned = isinstance(ell, SectionedAdjacency)
    if sectioned != isinstance(scores, tuple):
        wanted = "a tuple of one array for each section" if sectioned else "one array [..., n, k_max]"
        raise ValueError(
            f"{NAME}: scores is a {type(scores).__name__}, but for this adjacency {wanted} is needed."
        )
    given = scores if isinstance(scores, tuple) else (scores,)
    if len(given) != len(matrix.groups):
        raise ValueError(
            f"{NAME}: scores has {len(given)} arrays, but the adjacency has {len(matrix.groups)} sections."
        )
    weights = []
    for section, group in zip(map(jnp.asarray, given), matrix.groups):
        if section.shape[-2:] != group.indices.shape[-2:]:
            raise ValueError(
                f"{NAME}: scores has shape {section.shape}, but its last two axes must be those of the adjacency's "
                f"slots, {group.indices.shape[-2:]}."
            )
        if not jnp.issubdtype(section.dtype, jnp.floating):
            raise TypeError(f"{NAME}: scores is of dtype {section.dtype}, but floating point is needed.")
        weights.append(_softmax(section, group.valid()))
    return tuple(weights) if sectioned else weights[0]


@jax.jit
def _softmax(scores: Array, valid: Array) -> Array:
    wide = scores.astype(accumulator(scores.dtype))
    wide = jnp.where(valid, wide, -jnp.inf)
    largest = jax.lax.stop_gradient(jnp.max(wide, -1, keepdims=True, initial=-jnp.inf))
    some = largest > -jnp.inf
    share = jnp.exp(jnp.where(valid & some, wide - jnp.where(some, largest, 0), -jnp.inf))
    share = jnp.where(jnp.isnan(largest), largest, share)
    total = share.sum(-1, keepdims=True)
    out = share / jnp.where(some | jnp.isnan(largest), total, 1)
    return jnp.where(valid, out, 0).astype(scores.dtype)
