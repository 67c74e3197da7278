"""Products with the positive or the negative part of a dense matrix, which is never made."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.custom_derivatives import SymbolicZero

ROWS = 256  # of a block, which stays in the cache

# With P = max(s A, 0),  d(P x) = P dx + [s A > 0] s dA x. A loop over blocks of rows makes P x and P'g; written by
# itself, the second term keeps its derivative, a matrix as large as A, out of the loop.


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def clipped_product(A: Array, x: Array, sign: int) -> Array:
    """max(sign * A, 0) x, for A [... n n] and x [... n k]."""
    n = A.shape[-1]
    if n <= ROWS:
        return _clipped_rows(A, x, sign)

    @jax.checkpoint  # else a derivative would keep the clipped blocks, all of them
    def block(first: Array, x: Array) -> Array:
        return _clipped_rows(lax.dynamic_slice_in_dim(A, first, ROWS, axis=-2), x, sign)

    whole = n // ROWS * ROWS
    blocks = lax.map(lambda first: block(first, x), jnp.arange(0, whole, ROWS))
    done = jnp.moveaxis(blocks, 0, -3)
    done = done.reshape(*done.shape[:-3], whole, done.shape[-1])
    if whole == n:
        return done
    return jnp.concatenate([done, _clipped_rows(A[..., whole:, :], x, sign)], axis=-2)


def _derivative(sign: int, primals: Any, tangents: Any) -> tuple[Array, Array]:
    (A, x), (dA, dx) = primals, tangents
    out = clipped_product(A, x, sign)
    d_out = jnp.zeros_like(out)
    if not isinstance(dx, SymbolicZero):
        d_out = d_out + clipped_product(A, dx, sign)
    if not isinstance(dA, SymbolicZero):
        d_out = d_out + _product(jnp.where(sign * A > 0, sign * dA, 0), x)
    return out, d_out


clipped_product.defjvp(_derivative, symbolic_zeros=True)


def _clipped_rows(rows: Array, x: Array, sign: int) -> Array:
    return _product(jnp.maximum(sign * rows, 0), x)


def _product(A: Array, x: Array) -> Array:
    return jnp.matmul(A, x, precision=lax.Precision.HIGHEST)
