"""Inverses of symmetric matrices, with closed-form derivatives: none goes through a factor or an eigenvector."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float, Inexact


@jax.custom_jvp
def inverse(s: Inexact[Array, "... c c"]) -> tuple[Inexact[Array, "... c c"], Float[Array, "... c"]]:
    """S^-1 by Cholesky, and the squared pivots; NaN if S is not positive definite.

    A pivot is what of a diagonal entry is left by the rows before it.
    """
    lower = jnp.linalg.cholesky(s)
    eye = jnp.broadcast_to(jnp.eye(s.shape[-1], dtype=s.dtype), s.shape)
    half = solve_triangular(lower, eye, lower=True)
    pivots = jnp.diagonal(lower, axis1=-2, axis2=-1).real ** 2
    return _product(_transposed(half), half), pivots


# d(S^-1) = -S^-1 dS S^-1
@inverse.defjvp
def _inverse_jvp(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    out, pivots = inverse(*primals)
    return (out, pivots), (-_product(out, tangents[0], out), jnp.zeros_like(pivots))


@jax.custom_jvp
def pseudo_inverse(s: Inexact[Array, "... c c"]) -> Inexact[Array, "... c c"]:
    """The inverse on the eigenvectors of positive eigenvalues above rounding, 0 on the others."""
    values, vectors = jnp.linalg.eigh(s)
    largest = jnp.max(jnp.abs(values), -1, keepdims=True, initial=0)
    seen = values > s.shape[-1] * float(np.finfo(values.dtype).eps) * largest
    inverted = jnp.where(seen, 1 / jnp.where(seen, values, 1), 0)
    return _product(vectors * inverted[..., None, :].astype(s.dtype), _transposed(vectors))


# Golub and Pereyra, doi:10.1137/0710036, at constant rank, for a symmetric S with pseudo-inverse P and N = 1 - S P:
#   dP = -P dS P + P P dS N + N dS P P
@pseudo_inverse.defjvp
def _pseudo_inverse_jvp(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    (s,), (ds,) = primals, tangents
    p = pseudo_inverse(s)
    off = jnp.eye(s.shape[-1], dtype=s.dtype) - _product(s, p)
    turned = _product(p, _product(p, ds, off))
    return p, turned + _transposed(turned) - _product(p, ds, p)


def _transposed(x: Inexact[Array, "... m n"]) -> Inexact[Array, "... n m"]:
    return jnp.conj(jnp.swapaxes(x, -1, -2))


def _product(*factors: Inexact[Array, "... m n"]) -> Inexact[Array, "... m n"]:
    out = factors[0]
    for factor in factors[1:]:
        out = jnp.matmul(out, factor, precision=lax.Precision.HIGHEST)
    return out
