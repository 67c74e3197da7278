"""Matrices of low rank from their factors."""

from typing import Literal

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Inexact, Num

from nitrix._arguments import common_dtype, floating
from nitrix.linalg.matrix._symmetric import symmetric


def expand_outer(
    L: Num[ArrayLike, "..."],
    R: Num[ArrayLike, "..."] | None = None,
    C: Num[ArrayLike, "..."] | None = None,
    *,
    symmetry: Literal["cross", "skew"] | None = None,
) -> Inexact[Array, "*batch m n"]:
    """Multiply out a matrix of low rank, L C R', from its left and right factors and the coupling between them.

    Args:
      L: Left factor [... m rank]; a vector [m] is a factor of rank 1.
      R: Right factor [... n rank], or a vector [n]. None: `L`.
      C: The coupling: a matrix [... rank rank]; or the diagonal of one, as a vector [rank] or a batch of columns
        [... rank 1]. None: the identity.
      symmetry: "cross" takes the symmetric part (T + T') / 2 of the product, "skew" the skew-symmetric part
        (T - T') / 2, None the product as it is.
    Returns:
      Matrices of the dtype that holds all factors; leading axes broadcast. Factors of float16 and bfloat16 are
      multiplied in float32.
    Raises:
      ValueError: If ranks or leading axes do not fit, if a symmetry is asked of a product that is not square, or
        `symmetry` is unknown.
    Note:
      Factors are transposed and never conjugated: for a Hermitian product give `R = jnp.conj(L)`.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import expand_outer
      >>> expand_outer(jnp.asarray([1.0, 2.0]), C=jnp.asarray([10.0]))
      Array([[10., 20.],
             [20., 40.]], dtype=float32)
    """
    if symmetry not in (None, "cross", "skew"):
        raise ValueError(f"expand_outer: symmetry={symmetry!r} must be 'cross', 'skew' or None.")
    left = _factor(L, "L")
    right = left if R is None else _factor(R, "R")
    rank = left.shape[-1]
    if right.shape[-1] != rank:
        raise ValueError(f"expand_outer: L {left.shape} and R {right.shape} differ in rank, their last axis.")
    coupling = None if C is None else floating(C, "expand_outer", "C")
    batches = [x.shape[:-2] for x in (left, right, *(() if coupling is None else (coupling,)))]
    try:
        jnp.broadcast_shapes(*batches)
    except ValueError:
        raise ValueError(
            f"expand_outer: leading axes do not broadcast: those of L, R and C are {batches}."
        ) from None
    dtype = common_dtype(left, right, *(() if coupling is None else (coupling,)))
    working = np.dtype(np.float32) if dtype.itemsize <= 2 else dtype
    left, right = left.astype(working), right.astype(working)
    if coupling is not None:
        coupling = coupling.astype(working)
        if coupling.shape == (rank,):
            left = left * coupling
        elif coupling.ndim >= 2 and coupling.shape[-2:] == (rank, 1):
            left = left * jnp.swapaxes(coupling, -1, -2)
        elif coupling.ndim >= 2 and coupling.shape[-2:] == (rank, rank):
            left = jnp.matmul(left, coupling, precision=lax.Precision.HIGHEST)
        else:
            raise ValueError(
                f"expand_outer: C has shape {coupling.shape}, but the factors have rank {rank}; give a matrix "
                f"[... {rank} {rank}], a diagonal [{rank}], or a batch of diagonals [... {rank} 1]."
            )
    product = jnp.matmul(left, jnp.swapaxes(right, -1, -2), precision=lax.Precision.HIGHEST)
    if symmetry is not None:
        if product.shape[-1] != product.shape[-2]:
            raise ValueError(
                f"expand_outer: a product of shape {product.shape} is not square and has no symmetric or skew part; "
                f"leave symmetry={symmetry!r} out."
            )
        product = symmetric(product, skew=symmetry == "skew")
    return product.astype(dtype)


def _factor(x: ArrayLike, name: str) -> Inexact[Array, "..."]:
    """A factor of two axes or more."""
    factor = floating(x, "expand_outer", name)
    if factor.ndim == 0:
        raise ValueError(
            f"expand_outer: {name} is a single number; give a matrix [... m rank] or a vector [m]."
        )
    return factor[:, None] if factor.ndim == 1 else factor
