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
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from nitrix.sparse import ELL, SectionedELL, apply_operator

MOST = 10_000  # products; beyond, the width is mistaken or the mesh degenerate
_ROUNDS = 8
_MARGIN = 1 + 1e-4  # for rounding, on the bound of the eigenvalues


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

    def closer(_: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
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
    """exp(-t M^-1 L) x for x of [..., n, d], by about `degree` products."""
    widest = lax.stop_gradient(jnp.where(found.widest > 0, found.widest, 1))
    weights = _weights(
        t * widest / 2, ~(found.asymmetric | found.negative), degree=degree, tolerance=tolerance
    )
    return _expanded(x, operator, 2 / widest * _inverse(area, found.detached), weights)


@partial(jax.jit, static_argnames=("degree", "tolerance"))
def _weights(r: Array, usable: Array, *, degree: int, tolerance: float) -> tuple[Array, Array]:
    """The first two coefficients, and the others in rows of blocks; NaN if they do not serve."""
    c = coefficients(r, degree + 1, jnp)
    # Where r is traced, a degree that is too small shows in what its coefficients lack to a sum of 1.
    allowed = max(1.001 * tolerance / 2, 32 * float(np.finfo(c.dtype).eps))
    served = usable & (1 - jnp.abs(c).sum() <= allowed)
    at_zero = (c * np.asarray((-1.0) ** np.arange(degree + 1), c.dtype)).sum()
    blocks, size = _layout(degree - 1)
    c = jnp.pad(c / jnp.where(served, at_zero, jnp.nan), (0, blocks * size + 1 - degree))
    return c[:2], c[2:].reshape(blocks, size)


def _layout(steps: int) -> tuple[int, int]:
    """Blocks of an even number of steps, near its square root, that waste few."""
    if steps <= 0:
        return 0, 2
    sizes = range(2, 2 + int(1.5 * math.sqrt(steps)), 2)
    size = max((s for s in sizes if -steps % s <= max(1, steps // 16)), default=2)
    return -(-steps // size), size


@jax.jit
def _expanded(x: Array, operator: ELL | SectionedELL, inverse: Array, weights: tuple[Array, Array]) -> Array:
    """sum_k c_k T_k(Y) x, with Y + 1 the product with `operator` and then with `inverse`."""
    n, dtype = inverse.shape[0], inverse.dtype
    columns = jnp.moveaxis(x.astype(dtype), -2, 0)
    shape = columns.shape
    columns = columns.reshape(n, math.prod(shape[1:]))
    if 0 in columns.shape:
        return x

    def shifted(y: Array) -> Array:
        return inverse[:, None] * apply_operator(operator, y) - y

    def step(state: tuple[Array, Array, Array], weight: Array) -> tuple[tuple[Array, Array, Array], None]:
        before, now, total = state
        after = 2 * shifted(now) - before
        return (now, after, total + weight * after), None

    @jax.checkpoint
    def block(state: Any, weights: Array) -> tuple[Any, None]:
        # Two steps at a time change the roles of the two latest fields back again, which saves copies.
        return lax.scan(step, state, weights, unroll=2)[0], None

    (c0, c1), later = weights
    first = shifted(columns)
    state = (columns, first, c0 * columns + c1 * first)
    # For its derivative the scan keeps the fields at the starts of the blocks, about sqrt(degree) times.
    _, _, total = lax.scan(block, state, later)[0]
    return jnp.moveaxis(total.reshape(shape), 0, -2).astype(x.dtype)


def _inverse(area: Array, detached: Array) -> Array:
    """1 / area; 0 for a vertex that is no part of the surface, NaN for what is no area."""
    outside = jnp.where(detached, jnp.nan, jnp.zeros_like(area))
    usable = jnp.where(area > 0, area, jnp.ones_like(area))
    return jnp.where(area > 0, 1 / usable, jnp.where(area == 0, outside, jnp.nan))
