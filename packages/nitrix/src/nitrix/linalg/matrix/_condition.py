"""Matrices made well-conditioned, and the inverse of those that are."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Inexact, Key, Num, Real, UInt32

from nitrix._arguments import floating, known_value
from nitrix.linalg.matrix._diagonal import diag_embed
from nitrix.linalg.matrix._symmetric import check_square


def recondition_eigenspaces(
    A: Num[ArrayLike, "*batch n n"],
    *,
    psi: Real[ArrayLike, ""],
    xi: Real[ArrayLike, ""] = 0.0,
    key: Key[Array, ""] | UInt32[Array, " 2"] | None = None,
) -> Inexact[Array, "*batch n n"]:
    """Lift the eigenvalues of a matrix, and set equal ones apart: A + (psi - xi) I + diag(x), x uniform in [0, xi).

    A symmetric positive semi-definite matrix becomes positive definite, its least eigenvalue at least psi - xi and its
    largest raised by less than psi; with xi > 0 repeated eigenvalues are split at random, so that the gradients of
    singular vectors exist. (The functions of `nitrix.linalg.spd` need no such noise.)

    Args:
      A: Matrices; complex ones get real numbers added.
      psi: The largest number that is added to the diagonal.
      xi: Width of the random part. 0 adds psi to all of the diagonal.
      key: Of `jax.random`; needed unless xi is known to be 0. Each diagonal entry of each matrix has its own number.
    Returns:
      Matrices of the floating dtype of `A`.
    Raises:
      ValueError: If the matrices are not square; if xi is negative, psi is below xi, one of them is not finite, or the
        key is absent. Traced numbers that would be refused give NaN.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import recondition_eigenspaces
      >>> recondition_eigenspaces(jnp.ones((2, 2)), psi=0.5)
      Array([[1.5, 1. ],
             [1. , 1.5]], dtype=float32)
    """
    name = "recondition_eigenspaces"
    matrix = floating(A, name, "A")
    check_square(matrix, name, "A")
    high, width = known_value(psi), known_value(xi)
    for what, value in (("psi", high), ("xi", width)):
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name}: {what}={value} must be finite and not negative.")
    if high is not None and width is not None and high < width:
        raise ValueError(
            f"{name}: psi={high} is below xi={width}, so that eigenvalues could fall; raise psi."
        )
    if key is None and width != 0:
        given = "is traced" if width is None else f"is {width}"
        raise ValueError(f"{name}: xi {given}, so that random numbers are needed; give key, of jax.random.")
    real = np.dtype(np.float32) if matrix.dtype.itemsize <= 2 else np.empty(0, matrix.dtype).real.dtype
    top, spread = (jnp.asarray(value).astype(real) for value in (psi, xi))
    return _lifted(matrix, top, spread, key)


def cholesky_invert(X: Num[ArrayLike, "*batch n n"]) -> Inexact[Array, "*batch n n"]:
    """The inverse of a symmetric (Hermitian) positive definite matrix, from its Cholesky factor.

    X = L L' and the inverse is L'^-1 L^-1. The mean of both triangles is read. In float32 the error relative to the
    inverse's largest entry is near 1e-7 times the condition number.

    Args:
      X: Matrices; float16 and bfloat16 are inverted in float32.
    Returns:
      The inverses, of the floating dtype of `X`. A matrix that is not positive definite gives NaN throughout, without
      an exception; so does one that is so close to singular that its factor breaks down.
    Raises:
      ValueError: If the matrices are not square.
    References:
      Golub and Van Loan, Matrix Computations, 4th ed., section 4.2, 2013. doi:10.56021/9781421407944
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import cholesky_invert
      >>> cholesky_invert(jnp.asarray([[4.0, 0.0], [0.0, 1.0]]))
      Array([[0.25, 0.  ],
             [0.  , 1.  ]], dtype=float32)
    """
    matrix = floating(X, "cholesky_invert", "X")
    check_square(matrix, "cholesky_invert", "X")
    if matrix.size == 0:
        return matrix
    wide = matrix.astype(np.float32) if matrix.dtype.itemsize <= 2 else matrix
    return _inverse(wide).astype(matrix.dtype)


@jax.jit
def _lifted(
    matrix: Inexact[Array, "*batch n n"], psi: Float[Array, ""], xi: Float[Array, ""], key: Any
) -> Inexact[Array, "*batch n n"]:
    """NaN on the diagonal where psi and xi are not allowed."""
    allowed = (psi >= xi) & (xi >= 0) & jnp.isfinite(psi)
    lift = jnp.broadcast_to(jnp.where(allowed, psi - xi, jnp.nan), matrix.shape[:-1])
    if key is not None:
        lift = lift + xi * jax.random.uniform(key, matrix.shape[:-1], psi.dtype)
    return matrix + diag_embed(lift.astype(matrix.dtype))


@jax.jit
def _inverse(matrix: Inexact[Array, "*batch n n"]) -> Inexact[Array, "*batch n n"]:
    factor = jnp.linalg.cholesky(matrix)
    identity = jnp.broadcast_to(jnp.eye(matrix.shape[-1], dtype=matrix.dtype), matrix.shape)
    root = lax.linalg.triangular_solve(factor, identity, left_side=True, lower=True)
    return jnp.matmul(jnp.conj(jnp.swapaxes(root, -1, -2)), root, precision=lax.Precision.HIGHEST)
