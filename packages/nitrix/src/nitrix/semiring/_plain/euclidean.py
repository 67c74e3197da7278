"""The Euclidean product: distances between rows of A and columns of B, by differences and not by norms."""

import jax.numpy as jnp
from jax import Array, lax

from nitrix.semiring._plain.streaming import fold, in_row_blocks

# out[i, j] = sqrt(sum_k (a[i, k] - b[k, j])^2). With w = g / out, and w = 0 where out = 0 (the distance has a kink
# there, and 0 is the subgradient of least norm):
#   da[i, k] = sum_j w[i, j] (a[i, k] - b[k, j])        db[k, j] = -sum_i w[i, j] (a[i, k] - b[k, j])
# Expanding these brackets, or the square, would cancel.


def product(A: Array, B: Array) -> Array:
    """[m, k] x [k, n] -> [m, n]; differentiable to every order, with derivative 0 where the distance is 0."""
    scale = scale_of(A, B)
    A, B = A / scale, B / scale

    def rows(A: Array) -> Array:
        def step(total: Array, a: Array, b: Array, k: Array) -> Array:
            difference = a - b
            return total + difference * difference

        return fold(jnp.zeros((A.shape[0], B.shape[1]), A.dtype), step, A, B)

    return root(in_row_blocks(rows, A, n=B.shape[1])) * scale


def gradient(A: Array, B: Array, out: Array, g: Array) -> tuple[Array, Array]:
    """The cotangents of A and B, each streamed over the other operand's vectors."""
    w = jnp.where(out == 0, 0, g / jnp.where(out == 0, 1, out))

    return _pulled(A, w, B), _pulled(B.T, w.T, A.T).T


def _pulled(X: Array, W: Array, Y: Array) -> Array:
    """[r, k], [r, s], [k, s]: sum_s W[r, s] (X[r, k] - Y[k, s])."""

    def rows(X: Array, W: Array) -> Array:
        def step(total: Array, w: Array, y: Array, _: Array) -> Array:
            return total + w * (X - y)

        return fold(jnp.zeros_like(X), step, W, Y.T)

    return in_row_blocks(rows, X, W, n=X.shape[1])


def root(squares: Array) -> Array:
    """The square root, with derivative 0 at 0."""
    apart = squares != 0
    return jnp.where(apart, jnp.sqrt(jnp.where(apart, squares, 1)), 0)


def scale_of(A: Array, B: Array) -> Array:
    """A power of two near the largest magnitude, so that squares neither overflow nor underflow."""
    A, B = lax.stop_gradient((A, B))  # the product does not depend on it
    largest = jnp.maximum(jnp.max(jnp.abs(A), initial=0), jnp.max(jnp.abs(B), initial=0))
    usable = (largest > 0) & jnp.isfinite(largest)
    _, exponent = jnp.frexp(jnp.where(usable, largest, 1))
    return jnp.ldexp(jnp.ones((), A.dtype), exponent)
