"""The heat kernel exp(-t M^-1 L) of a sparse symmetric L, by Chebyshev polynomials.

On the interval [0, w] that holds the eigenvalues of P = M^-1 L, with Y = (2 / w) P - 1 and r = t w / 2,

  exp(-t P) = c_0 + sum_k>0 c_k T_k(Y),     c_k = (2 - [k = 0]) (-1)^k exp(-r) I_k(r),

I_k being modified Bessel functions. All |c_k| sum to 1 and |T_k| <= 1 there, so what is cut off after c_m changes the
result by no more than the sum s of the |c_k| that were left out. The rest is divided by its value at the eigenvalue 0,
which is 1 - s: constants are kept, at the price of another s.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from nitrix.sparse import ELL, SectionedELL, apply_operator

MOST = 10_000  # products; beyond, the width is mistaken or the mesh degenerate
_ROUNDS = 8
_MARGIN = 1 + 1e-4  # for rounding, on the bound of the eigenvalues
T = TypeVar("T")


class Spectrum(NamedTuple):
    """What is found out about the operator before it is used."""

    widest: Array  # no eigenvalue of M^-1 L is larger
    asymmetric: Array  # bool: L differs from its transpose
    negative: Array  # bool: some v' L v is below 0
    detached: Array  # bool: there are entries in a row without mass


def map_values(operator: ELL | SectionedELL, function: Callable[[Array], Array]) -> Any:
    """The operator with other values in the same places."""
    if isinstance(operator, SectionedELL):
        return operator.replace(sections=tuple(map_values(s, function) for s in operator.sections))
    return operator.replace(values=function(operator.values))


@jax.jit
def spectrum(operator: ELL | SectionedELL, area: Array) -> Spectrum:
    """A bound of the eigenvalues, and tests of the operator with a few vectors.

    For a matrix of no negative entries and any v > 0, no eigenvalue exceeds max_i (A v)_i / v_i (Collatz, Wielandt);
    v = 1 gives Gershgorin's bound, a few steps of the power method a closer one.
    """
    operator = jax.tree.map(lax.stop_gradient, operator)
    inverse = _inverse(area, jnp.zeros_like(area, bool))[:, None]
    positive = map_values(operator, jnp.abs)

    def closer(_: int, state: tuple[Array, Array]) -> tuple[Array, Array]:
        v, widest = state
        image = inverse * apply_operator(positive, v)
        widest = jnp.minimum(widest, jnp.max(image / v, initial=0))
        return image / jnp.where(image.max(initial=0) > 0, image.max(initial=0), 1) + 1e-2, widest

    ones = jnp.ones((area.shape[0], 1), area.dtype)
    _, widest = lax.fori_loop(0, _ROUNDS, closer, (ones, jnp.asarray(jnp.inf, area.dtype)))
    signs = jnp.asarray(np.random.default_rng(0).choice([-1.0, 1.0], (area.shape[0], 2)), area.dtype)
    image, size = apply_operator(operator, signs), apply_operator(positive, ones)
    largest = size.sum()
    crossed = signs.T @ image
    return Spectrum(
        widest * _MARGIN,
        jnp.abs(crossed[0, 1] - crossed[1, 0]) > 1e-4 * largest,
        jnp.diagonal(crossed).min() < -1e-4 * largest,
        jnp.any((size[:, 0] > 0) & (area == 0)),
    )


def coefficients(r: Any, count: int, xp: Any) -> Any:
    """The first `count` of c_k, as the cosine transform of exp(-r (1 + cos)), in NumPy or in JAX."""
    n = max(2 * count, 16)  # aliases are of order 2 n - count
    angle = np.pi * np.arange(2 * n) / n
    samples = xp.exp(-r * np.asarray(2 * np.cos(angle / 2) ** 2, r.dtype))
    transformed = xp.fft.rfft(samples).real[:count] / np.asarray(n, r.dtype)
    return transformed * np.asarray([0.5] + [1.0] * (count - 1), r.dtype)


def degree_for(r: float, tolerance: float) -> int | None:
    """The fewest products that leave out no more than half the tolerance; None if they are too many."""
    wanted = math.log(4 / tolerance)
    count = (
        math.ceil(math.sqrt(2 * r * wanted) + wanted) + 8
    )  # I_k(r) exp(-r) is about exp(-k^2 / (2 (r + k / 3)))
    while count < 4 * MOST:
        left_out = 1 - np.cumsum(np.abs(coefficients(np.float64(r), count, np)))
        if left_out[-1] <= tolerance / 2:
            degree = int(np.argmax(left_out <= tolerance / 2))
            return degree if degree <= MOST else None
        count *= 2
    return None


@partial(jax.jit, static_argnames=("degree", "tolerance"))
def heat(
    x: Array,
    operator: ELL | SectionedELL,
    area: Array,
    t: Array,
    found: Spectrum,
    *,
    degree: int,
    tolerance: float,
) -> Array:
    """exp(-t M^-1 L) x for x of [..., n, d], by `degree` products."""
    n, dtype = area.shape[0], area.dtype
    columns = jnp.moveaxis(x.astype(dtype), -2, 0)
    shape = columns.shape
    columns = columns.reshape(n, -1)
    widest = lax.stop_gradient(jnp.where(found.widest > 0, found.widest, jnp.ones_like(found.widest)))
    inverse = (2 / widest * _inverse(area, found.detached))[:, None]
    r = t * widest / 2
    # Where r is traced, a degree that is too small shows in what its coefficients lack to a sum of 1.
    c = coefficients(r, degree + 1, jnp)
    allowed = max(1.001 * tolerance / 2, 32 * float(jnp.finfo(dtype).eps))
    served = (1 - jnp.abs(c).sum() <= allowed) & ~(found.asymmetric | found.negative)
    c = c / jnp.where(served, (c * np.asarray((-1.0) ** np.arange(degree + 1), dtype)).sum(), jnp.nan)

    def step(state: tuple[Array, Array, Array], weight: Array) -> tuple[tuple[Array, Array, Array], None]:
        before, now, total = state
        after = 2 * (inverse * _symmetric(operator, now) - now) - before
        return (now, after, total + weight * after), None

    total = c[0] * columns
    if degree > 0:
        first = inverse * _symmetric(operator, columns) - columns
        state = (columns, first, total + c[1] * first)
        _, _, total = _folded(step, state, c[2:])
    return jnp.moveaxis(total.reshape(shape), 0, -2).astype(x.dtype)


def _folded(step: Callable[..., tuple[T, None]], state: T, weights: Array) -> T:
    """A scan that keeps, for its derivative, the states of about every sqrt(steps)-th step."""
    size = 2 * max(1, math.isqrt(weights.shape[0]) // 2)
    blocks = weights.shape[0] // size

    @jax.checkpoint
    def block(state: T, weights: Array) -> tuple[T, None]:
        # Two steps at a time change the roles of the two latest fields back again, which saves copies.
        return lax.scan(step, state, weights, unroll=2)[0], None

    if blocks:
        state, _ = lax.scan(block, state, weights[: blocks * size].reshape(blocks, size))
    return block(state, weights[blocks * size :])[0]


# L is symmetric, so its product is its own transpose: reverse mode gathers where a transposed product would scatter.
# The solver of a linear system is what JAX lets one declare symmetric; here "solving" is multiplying.
@jax.custom_jvp
def _symmetric(operator: Any, x: Array) -> Array:
    fixed = jax.tree.map(lax.stop_gradient, operator)
    product: Array = lax.custom_linear_solve(
        lambda y: y, x, lambda _, y: apply_operator(fixed, y), symmetric=True
    )
    return product


@_symmetric.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (operator, x), (d_operator, dx) = primals, tangents
    moved = operator
    if isinstance(operator, SectionedELL):
        pairs = zip(operator.sections, d_operator.sections, strict=True)
        moved = operator.replace(sections=tuple(o.replace(values=d.values) for o, d in pairs))
    else:
        moved = operator.replace(values=d_operator.values)
    return _symmetric(operator, x), _symmetric(operator, dx) + apply_operator(moved, x)


def _inverse(area: Array, detached: Array) -> Array:
    """1 / area; 0 for a vertex that is no part of the surface, NaN for what is no area."""
    outside = jnp.where(detached, jnp.nan, jnp.zeros_like(area))
    usable = jnp.where(area > 0, area, jnp.ones_like(area))
    return jnp.where(area > 0, 1 / usable, jnp.where(area == 0, outside, jnp.nan))
