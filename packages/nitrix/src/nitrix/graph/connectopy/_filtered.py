"""The largest eigenvalues of a symmetric operator with spectrum in [-1, 1], by Chebyshev-filtered subspace iteration.

A polynomial that is small on [-1, cut] and grows beyond it is applied to a block of vectors, which is then rotated to
its Ritz vectors. Nothing is known of the spectrum beforehand: the cut is read off the Ritz values of the pass before.
Y. Zhou and Y. Saad, A Chebyshev-Davidson algorithm, SIAM J. Matrix Anal. Appl. 29(3), 2007. doi:10.1137/050630404
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

Product = Callable[[Array], Array]

# Of the filter, from the cut to the eigenvalue 1: as far as columns in float32 may drift towards the same vector before
# they are made orthogonal again.
GROWTH = 3e4
SHRINK = 16.0  # at most, of the distance from the cut to 1 in one pass
DEGREE = 4000.0  # at most
PASSES = 100
PATIENCE = 6  # passes in which the residual must at least halve
SAFETY = 3.0


class Block(NamedTuple):
    """Ritz vectors of the operator in descending order of their values, and how good they are."""

    vectors: Array  # [n m], orthonormal and orthogonal to the trivial one
    images: Array  # [n m], of the vectors under the operator
    values: Array  # [m]
    residuals: Array  # [m]: norms of images - values * vectors
    products: Array  # of blocks with the operator, so far
    converged: Array  # bool


class _State(NamedTuple):
    block: Block
    passes: Array
    best: Array  # the least residual so far that was half of an earlier one
    since: Array  # passes since then


def block_width(k: int) -> int:
    """Columns for k wanted vectors: the others make the filter steep; whole vectors of 8 lanes."""
    return -(-(k + max(5, k // 2)) // 8) * 8


def leading_block(product: Product, trivial: Array, k: int, tol: Any) -> Block:
    """Ritz vectors beside the trivial eigenvector (of eigenvalue 1), of which the first k are to converge."""
    n, dtype = trivial.shape[0], trivial.dtype
    start = jax.random.normal(jax.random.key(0), (n, block_width(k)), dtype)

    def settled(block: Block) -> Block:
        return block._replace(converged=_largest(block, k) <= _wanted(block, tol))

    def unfinished(state: _State) -> Array:
        block = state.block
        going = (_largest(block, k) > _wanted(block, tol)) & (state.since < PATIENCE)
        return going & (state.passes < PASSES)

    def step(state: _State) -> _State:
        block = state.block
        cut, degree = _cut_and_degree(block, k, tol)
        filtered = _filter(product, block, cut, degree)
        block = _rotated(product, filtered, trivial, block.products + degree)
        halved = _largest(block, k) <= state.best / 2
        return _State(
            block,
            state.passes + 1,
            jnp.where(halved, _largest(block, k), state.best),
            jnp.where(halved, 0, state.since + 1),
        )

    first = _rotated(product, start, trivial, jnp.zeros((), jnp.int32))
    zero = jnp.zeros((), jnp.int32)
    return settled(lax.while_loop(unfinished, step, _State(first, zero, _largest(first, k), zero)).block)


def _largest(block: Block, k: int) -> Array:
    return block.residuals[:k].max()


def _wanted(block: Block, tol: Any) -> Array:
    """The residual to reach: below the tolerance, and well below the distance of the block to the trivial vector."""
    return jnp.minimum(jnp.asarray(tol).astype(block.values.dtype), (1 - block.values[-1]) / 100)


def _cut_and_degree(block: Block, k: int, tol: Any) -> tuple[Array, Array]:
    """Where the filter begins to grow, and a degree for which it grows neither too far nor further than needed."""
    values, residuals = block.values, block.residuals
    # A Ritz value is below the eigenvalue that it stands for, by up to its residual.
    distance = 1 - values[-1]
    distance = jnp.clip(jnp.maximum(distance - 0.9 * residuals[-1], distance / SHRINK), 1e-7, 1.5)
    most = np.log(2 * GROWTH) / _rate(jnp.ones((), values.dtype), distance)
    reduction = SAFETY * residuals[:k] / _wanted(block, tol)
    needed = jnp.arccosh(jnp.maximum(reduction, 1)) / jnp.maximum(_rate(values[:k], distance), 1e-6)
    degree = jnp.minimum(jnp.minimum(most, needed.max()), DEGREE)
    pairs = jnp.ceil((degree - 1) / 2).astype(jnp.int32)
    return 1 - distance, 2 * jnp.maximum(pairs, 1) + 1


def _rate(value: Array, distance: Array) -> Array:
    """By how much the logarithm of the filter grows with each degree, at an eigenvalue above the cut 1 - distance."""
    # On [-1, cut] scaled to [-1, 1], the value is 1 + excess; arccosh(1 + e) = log1p(e + sqrt(e (2 + e))) keeps digits.
    excess = jnp.maximum(2 * (value - (1 - distance)) / (2 - distance), 0)
    return jnp.log1p(excess + jnp.sqrt(excess * (2 + excess)))


# With x = (S - middle) / half, which takes [-1, cut] to [-1, 1] and the eigenvalue 1 to 1 / s, the polynomials
# p_j = T_j(x) / T_j(1 / s) never grow beyond 1, however far off the cut is. From T_{j+1} = 2 x T_j - T_{j-1}, with
# r_j = T_{j-1}(1 / s) / T_j(1 / s):
#   r_1 = s,   r_{j+1} = 1 / (2 / s - r_j),   p_{j+1} = 2 r_{j+1} x p_j - r_j r_{j+1} p_{j-1}.
def _filter(product: Product, block: Block, cut: Array, degree: Array) -> Array:
    half, middle = (1 + cut) / 2, (cut - 1) / 2
    s = half / (1 - middle)

    def next_term(before: Array, current: Array, r: Array) -> tuple[Array, Array]:
        after = 1 / (2 / s - r)
        return 2 * after / half * (product(current) - middle * current) - r * after * before, after

    def two_terms(_: Any, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        # Two at a time, so that each takes the place of the one before the last and nothing is copied.
        before, current, r = state
        before, r = next_term(before, current, r)
        current, r = next_term(current, before, r)
        return before, current, r

    first = (s / half) * (block.images - middle * block.vectors)
    return lax.fori_loop(0, (degree - 1) // 2, two_terms, (block.vectors, first, s))[1]


def _rotated(product: Product, vectors: Array, trivial: Array, products: Array) -> Block:
    """The Ritz vectors of the space that these span."""
    vectors = vectors - trivial[:, None] * dot(trivial[None], vectors)
    for _ in range(2):
        vectors = dot(vectors, _whitening(dot(vectors.T, vectors)))
    images = product(vectors)
    turn = _whitening(dot(vectors.T, vectors))
    projected = dot(turn.T, dot(dot(vectors.T, images), turn))
    values, inner = jnp.linalg.eigh((projected + projected.T) / 2)
    values, turn = values[::-1], dot(turn, inner[:, ::-1])
    vectors, images = dot(vectors, turn), dot(images, turn)
    residuals = jnp.sqrt(jnp.sum((images - values * vectors) ** 2, axis=0))
    return Block(vectors, images, values, residuals, products + 1, jnp.zeros((), bool))


# Of columns as dependent as the filter leaves them, one step makes others that are independent to rounding, and the
# next makes these orthonormal. All of it is products of matrices: LAPACK's QR of tall blocks takes several times as long.
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
