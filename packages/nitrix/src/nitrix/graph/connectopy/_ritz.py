"""Ritz vectors: what a space of vectors holds of a symmetric operator's eigenvectors."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

Product = Callable[[Array], Array]


class Ritz(NamedTuple):
    """Ritz vectors in descending order of their values."""

    vectors: Array  # [n m], orthonormal and orthogonal to the trivial one
    images: Array  # [n m], of the vectors under the operator
    values: Array  # [m]
    residuals: Array  # [m]: norms of images - values * vectors


def ritz(product: Product, vectors: Array, trivial: Array) -> Ritz:
    """The Ritz vectors of the space that these span, less the trivial eigenvector."""
    vectors = vectors - trivial[:, None] * dot(trivial[None], vectors)
    # Of columns as dependent as a filter leaves them, one step makes others that are independent to rounding, and the
    # next makes these orthonormal: products of matrices, where LAPACK's QR of tall blocks takes several times as long.
    for _ in range(2):
        vectors = dot(vectors, _whitening(dot(vectors.T, vectors)))
    images = product(vectors)
    turn = _whitening(dot(vectors.T, vectors))
    projected = dot(turn.T, dot(dot(vectors.T, images), turn))
    values, inner = jnp.linalg.eigh((projected + projected.T) / 2)
    values, turn = values[::-1], dot(turn, inner[:, ::-1])
    vectors, images = dot(vectors, turn), dot(images, turn)
    return Ritz(vectors, images, values, jnp.sqrt(jnp.sum((images - values * vectors) ** 2, axis=0)))


def _whitening(gram: Array) -> Array:
    """Q with Q' G Q = 1, as far as rounding lets G tell."""
    lengths = jnp.sqrt(jnp.diagonal(gram))
    inverse = jnp.where(lengths > 0, 1 / jnp.where(lengths > 0, lengths, 1), 0)
    values, vectors = jnp.linalg.eigh(inverse[:, None] * gram * inverse)
    least = float(np.finfo(gram.dtype).eps) * values[-1]
    return inverse[:, None] * vectors / jnp.sqrt(jnp.maximum(values, least))


def dot(a: Array, b: Array) -> Array:
    """The matrix product, in full precision on every device."""
    return jnp.matmul(a, b, precision=lax.Precision.HIGHEST)
