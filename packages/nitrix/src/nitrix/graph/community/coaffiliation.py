"""How far vertices belong to the same communities."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Float, Num

from nitrix._arguments import common_dtype, real_array


def coaffiliation(
    C: Num[ArrayLike, "... n k"],
    C_other: Num[ArrayLike, "... m l"] | None = None,
    *,
    bridge: Num[ArrayLike, "... k l"] | None = None,
    exclude_diag: bool = True,
    normalise: bool = False,
) -> Float[Array, "... n m"]:
    """How far vertices belong together: H = C bridge C_other', for hard partitions 1 in and 0 across communities.

    Args:
      C: Affiliations of n vertices with k communities. Integers are taken as the default float; float16 and bfloat16
        are computed in float32. Batch axes of all operands broadcast.
      C_other: Affiliations at the other end of the edge, with l communities. Default: C.
      bridge: How far the communities of C go with those of C_other, [... k l]. Default: each with itself, k = l.
      exclude_diag: Whether a vertex counts as not belonging together with itself: the diagonal of H is 0. If C_other
        has another number of vertices they are others, and there is no diagonal.
      normalise: Whether to divide C and C_other, each, by its largest entry where that is above 1. The derivative of
        the largest entry is shared by ties.
    Returns:
      H, in the dtype that holds the operands.
    Raises:
      ValueError: If an operand is no matrix, or numbers of communities do not fit.
      TypeError: If an operand does not hold real numbers.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.graph import coaffiliation
      >>> coaffiliation(jnp.asarray([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5]]))
      Array([[0. , 1. , 0.5],
             [1. , 0. , 0.5],
             [0.5, 0.5, 0. ]], dtype=float32)
    """
    left, right, dtype = read_affiliations(C, C_other, bridge, normalise, "coaffiliation")
    return _product(left, right, exclude_diag=exclude_diag).astype(dtype)


def read_affiliations(
    C: Any, C_other: Any, bridge: Any, normalise: bool, function: str
) -> tuple[Array, Array, np.dtype]:
    """Two arrays [... n k] and [... m k] with H = left right', and the dtype of the result."""
    given = {"C": C, "C_other": C_other, "bridge": bridge}
    arrays = {name: real_array(x, function, name) for name, x in given.items() if x is not None}
    for name, array in arrays.items():
        if array.ndim < 2:
            raise ValueError(
                f"{function}: {name} has shape {array.shape}; give a matrix, or a batch of them."
            )
    k, other = arrays["C"].shape[-1], arrays.get("C_other", arrays["C"]).shape[-1]
    wanted = arrays["bridge"].shape[-2:] if bridge is not None else (k, k)
    if wanted != (k, other):
        there = "there is no bridge" if bridge is None else f"bridge has shape {arrays['bridge'].shape}"
        raise ValueError(
            f"{function}: C has {k} communities and C_other {other}, but {there}; a bridge [... {k} {other}] is needed."
        )
    dtype = np.dtype(common_dtype(*(array.dtype for array in arrays.values())))
    working = np.float32 if dtype.itemsize < 4 else dtype
    read = {name: array.astype(working) for name, array in arrays.items()}
    left, right = _sides(read["C"], read.get("C_other"), read.get("bridge"), normalise=normalise)
    return left, left if right is None else right, dtype


@partial(jax.jit, static_argnames="normalise")
def _sides(
    C: Array, C_other: Array | None, bridge: Array | None, *, normalise: bool
) -> tuple[Array, Array | None]:
    left = _at_most_one(C) if normalise else C
    right = None
    if C_other is not None:
        right = _at_most_one(C_other) if normalise else C_other
    if bridge is None:
        return left, right
    other = left if right is None else right
    return left, jnp.matmul(other, jnp.swapaxes(bridge, -1, -2), precision=lax.Precision.HIGHEST)


def _at_most_one(C: Array) -> Array:
    return C / jnp.max(C, axis=(-2, -1), keepdims=True, initial=1)


@partial(jax.jit, static_argnames="exclude_diag")
def _product(left: Array, right: Array, *, exclude_diag: bool) -> Array:
    H = jnp.matmul(left, jnp.swapaxes(right, -1, -2), precision=lax.Precision.HIGHEST)
    if exclude_diag and H.shape[-2] == H.shape[-1]:
        H = jnp.where(jnp.eye(H.shape[-1], dtype=bool), 0, H)
    return H
