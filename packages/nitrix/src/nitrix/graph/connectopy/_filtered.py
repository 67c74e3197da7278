"""The largest eigenvalues of a symmetric operator with spectrum in [-1, 1], by Chebyshev-filtered subspace iteration.

A polynomial that is small on [floor, cut] and grows beyond it is applied to a block of vectors, which is then rotated
to its Ritz vectors. Nothing is known of the spectrum beforehand: the floor, below which there is no eigenvalue, comes
from a few Lanczos steps, and the cut is read off the Ritz values of the pass before.
Y. Zhou and Y. Saad, A Chebyshev-Davidson algorithm, SIAM J. Matrix Anal. Appl. 29(3), 2007. doi:10.1137/050630404
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from nitrix.graph.connectopy._ritz import Product, Ritz, ritz

# Of the filter, from the cut to the largest eigenvalue: as far as columns in float32 may drift towards the same vector
# before they are made orthogonal again.
GROWTH = 3e4
SHRINK = 16.0  # at most, of the distance from the cut to 1 in one pass
DEGREE = 4000.0  # at most
PASSES = 100
PATIENCE = 6  # passes in which the residual must at least halve
SAFETY = 3.0  # of the residual that a filter is expected to leave
STEPS = 12  # of Lanczos
POLISH = 0.7  # distance from the cut to 1 of a filter against rounding errors


class Leading(NamedTuple):
    """What was found, and at what cost."""

    ritz: Ritz
    products: Array  # of blocks with the operator
    converged: Array  # bool


class _State(NamedTuple):
    block: Array  # [n m] of which the next Ritz vectors are made
    ritz: Ritz
    products: Array
    passes: Array
    best: Array  # the least residual so far that was half of an earlier one
    since: Array  # passes since then
    done: Array  # bool


def block_width(k: int) -> int:
    """Columns for k wanted vectors: the others make the filter steep; whole vectors of 8 lanes."""
    return -(-(k + max(5, k // 2)) // 8) * 8


def leading_block(product: Product, trivial: Array, k: int, tol: Any) -> Leading:
    """Ritz vectors beside the trivial eigenvector (of eigenvalue 1), of which the first k are to converge."""
    (n,), m, dtype = trivial.shape, block_width(k), trivial.dtype
    start = jax.random.normal(jax.random.key(0), (n, m), dtype)
    floor = _floor(product, start[:, :1])

    def step(state: _State) -> _State:
        found = ritz(product, state.block, trivial)
        residual = found.residuals[:k].max()
        halved = residual <= state.best / 2
        since = jnp.where(halved, 0, state.since + 1)
        # A residual that is NaN ends the loop, too.
        going = (residual > _wanted(found, k, tol)) & (since < PATIENCE) & (state.passes < PASSES)
        cut, degree = _cut_and_degree(found, floor, k, tol, since > 0)
        degree = jnp.where(going, degree, 1)
        return _State(
            _filter(product, found, floor, cut, degree),
            found,
            state.products + degree,  # the first of them is that of the Ritz vectors
            state.passes + 1,
            jnp.where(halved, residual, state.best),
            since,
            ~going,
        )

    none, zero = jnp.zeros(m, dtype), jnp.zeros((), jnp.int32)
    nothing = Ritz(start, start, none, none)
    state = _State(start, nothing, zero, zero, jnp.full((), jnp.inf, dtype), zero, jnp.zeros((), bool))
    state = lax.while_loop(lambda state: ~state.done, step, state)
    converged = state.ritz.residuals[:k].max() <= _wanted(state.ritz, k, tol)
    return Leading(state.ritz, state.products, converged)


def _floor(product: Product, start: Array) -> Array:
    """A number below the least eigenvalue, from the tridiagonal matrix of Lanczos and the norm that it leaves out."""

    def step(
        state: tuple[Array, Array, Array], _: None
    ) -> tuple[tuple[Array, Array, Array], tuple[Array, Array]]:
        before, current, off = state
        image = product(current) - off * before
        on = jnp.sum(current * image)
        image = image - on * current
        off = jnp.sqrt(jnp.sum(image**2))
        return (current, image / jnp.where(off > 0, off, 1), off), (on, off)

    first = (jnp.zeros_like(start), start / jnp.sqrt(jnp.sum(start**2)), jnp.zeros((), start.dtype))
    _, (on, off) = lax.scan(step, first, None, length=STEPS)
    least = jnp.linalg.eigvalsh(jnp.diag(on) + jnp.diag(off[:-1], 1) + jnp.diag(off[:-1], -1))[0]
    return jnp.maximum(least - off[-1], -1)


def _wanted(found: Ritz, k: int, tol: Any) -> Array:
    """The residual to reach: below the tolerance, and so small that eigenvalues near 1 are told apart at all."""
    return jnp.minimum(jnp.asarray(tol).astype(found.values.dtype), (1 - found.values[k - 1]) / 20)


def _cut_and_degree(found: Ritz, floor: Array, k: int, tol: Any, stalled: Array) -> tuple[Array, Array]:
    """Where the filter begins to grow, and a degree for which it grows neither too far nor further than needed."""
    values, residuals = found.values, found.residuals
    # A Ritz value is below the eigenvalue that it stands for, by up to its residual.
    distance = 1 - values[-1]
    distance = jnp.maximum(distance - 0.9 * residuals[-1], distance / SHRINK)
    widest = 1 - floor - jnp.maximum(0.1 * (values[0] - floor), 1e-6)
    distance = jnp.minimum(jnp.maximum(distance, 1e-7), widest)
    # A filter of high degree leaves rounding errors all over the spectrum, which a short one takes away again.
    distance = jnp.where(stalled, jnp.maximum(distance, jnp.minimum(widest, POLISH)), distance)
    cut = 1 - distance
    # Rounding brings the trivial vector back, which then grows faster than all others.
    wanted, trivial = _rate(values[:k], floor, cut), _rate(jnp.ones((), values.dtype), floor, cut)
    fastest = jnp.maximum(_rate(values[0] + residuals[0], floor, cut), trivial - wanted[-1])
    most = np.log(2 * GROWTH) / jnp.maximum(fastest, 1e-6)
    reduction = SAFETY * residuals[:k] / _wanted(found, k, tol)
    needed = jnp.arccosh(jnp.maximum(reduction, 1)) / jnp.maximum(wanted, 1e-6)
    degree = jnp.minimum(jnp.minimum(most, jnp.where(stalled, most, needed.max())), DEGREE)
    pairs = jnp.ceil((degree - 1) / 2).astype(jnp.int32)
    return cut, 2 * jnp.maximum(pairs, 1) + 1


def _rate(value: Array, floor: Array, cut: Array) -> Array:
    """By how much the logarithm of the filter grows with each degree, at an eigenvalue above the cut."""
    # With [floor, cut] scaled to [-1, 1], the value is 1 + excess; arccosh(1 + e) = log1p(e + sqrt(e (2 + e))).
    excess = jnp.maximum(2 * (value - cut) / (cut - floor), 0)
    return jnp.log1p(excess + jnp.sqrt(excess * (2 + excess)))


# With x = (S - middle) / half, which takes [floor, cut] to [-1, 1] and the eigenvalue 1 to 1 / s, the polynomials
# p_j = T_j(x) / T_j(1 / s) never grow beyond 1, however far off the cut is. From T_{j+1} = 2 x T_j - T_{j-1}, with
# r_j = T_{j-1}(1 / s) / T_j(1 / s):
#   r_1 = s,   r_{j+1} = 1 / (2 / s - r_j),   p_{j+1} = 2 r_{j+1} x p_j - r_j r_{j+1} p_{j-1}.
def _filter(product: Product, found: Ritz, floor: Array, cut: Array, degree: Array) -> Array:
    """p_degree(S) times the Ritz vectors, for an odd degree."""
    half, middle = (cut - floor) / 2, (cut + floor) / 2
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

    first = (s / half) * (found.images - middle * found.vectors)
    return lax.fori_loop(0, (degree - 1) // 2, two_terms, (found.vectors, first, s))[1]
