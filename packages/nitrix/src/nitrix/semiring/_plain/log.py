"""The log-sum-exp product: dots where nothing underflows, an exact streaming form for the rows where it does."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from nitrix.semiring._plain.streaming import fold, in_row_blocks, put_back_nan

T = TypeVar("T")

# Every operand is written e^x = 2^(4 p) m, with 4 p an integer (divided by 4 so that no finite x overflows it) and m
# within [0.7, 1.5]. For any shift E of that kind,
#   out = 4 ln(2) E + log(s),   s[i, j] = sum_k 2^(4 (p[i, k] + q[k, j] - E[i, j])) pm[i, k] qm[k, j],
# with exact exponents at any magnitude, where exp(a + b - out) would carry the rounding of out.
# With E = p0[i] + q0[j], the largest of the row and of the column, s is a dot. Where that underflows, E is the largest
# p + q over k, and s is streamed. The derivative has the same two forms: with w = g / s,
#   da[i, k] = pm[i, k] sum_j 2^(4 (p + q - E)) qm[k, j] w[i, j],   db[k, j] likewise.
# An empty sum (s = 0, E = 0) has derivative 0, and so has one that is plus infinity (E = inf).

ROWS = 256  # rows that underflow are recomputed this many at a time, and at most half of all: it bounds the memory

_LN16 = {  # 4 ln 2 in two parts: the product of the first with an exponent is exact
    "float32": (4 * 0.693359375, 4 * -2.12194440e-4),
    "float64": (4 * 6.93147180369123816490e-01, 4 * 1.90821492927058770002e-10),
}


class Split(NamedTuple):
    """e^x = 16^exponent mantissa."""

    exponent: Array
    mantissa: Array


def split(x: Array) -> Split:
    """Infinities have the exponent +-inf and mantissa 1; NaN has a NaN mantissa."""
    high, low = _LN16[str(x.dtype)]
    safe = jnp.where(jnp.isfinite(x), x, 0)
    quarters = safe * (1 / np.log(16))
    integral = jnp.abs(quarters) > 1e30  # far beyond where every number of the type is one
    p = jnp.where(integral, quarters, jnp.round(4 * jnp.where(integral, 0, quarters)) / 4)
    p = lax.stop_gradient(p)
    # For |x| so large that its rounding exceeds 1, that rounding is cut off.
    mantissa = jnp.exp(jnp.clip((safe - p * high) - p * low, -1, 1))
    return Split(jnp.where(jnp.isinf(x), x, p), jnp.where(jnp.isnan(x), x, mantissa))


def power(z: Array) -> Array:
    """16^z for 4 z a nonpositive integer; 0 where that is not a normal number, and for NaN (inf - inf)."""
    bits, bias, integer = {"float32": (23, 127, jnp.int32), "float64": (52, 1023, jnp.int64)}[str(z.dtype)]
    exponent_field = z * (4 * 2.0**bits) + bias * 2.0**bits
    normal = jnp.where(exponent_field > 0, exponent_field, 0)
    return lax.bitcast_convert_type(normal.astype(integer), z.dtype)


def value(E: Array, s: Array) -> Array:
    """The product: 4 ln(2) E + log(s)."""
    high, low = _LN16[str(s.dtype)]
    finite = jnp.where(jnp.isinf(E), 0, E)
    out = finite * high + (finite * low + jnp.log(jnp.where(s == 0, 1, s)))
    out = jnp.where(jnp.isinf(E), jnp.inf, jnp.where(s == 0, -jnp.inf, out))
    return jnp.where(jnp.isnan(s), jnp.nan, out)


def product(A: Array, B: Array) -> Array:
    """[m, k] x [k, n] -> [m, n]."""
    # For a single row or column, an exponential for every term costs less than splitting both operands.
    return _vector(A, B) if 1 in (A.shape[0], B.shape[1]) else value(*shift_and_sum(A, B))


def definition(A: Array, B: Array) -> Array:
    """The product in its streaming form throughout: slower, differentiable to every order."""
    return value(*_streamed(split(A), split(B)))


def _vector(A: Array, B: Array) -> Array:
    """The product by the textbook's two passes; a sum of opposed infinities is the annihilator -inf."""

    def term(a: Array, b: Array) -> Array:
        return jnp.where((a == -jnp.inf) | (b == -jnp.inf), -jnp.inf, a + b)

    def larger(largest: Array, a: Array, b: Array, _: Array) -> Array:
        return jnp.where(term(a, b) > largest, term(a, b), largest)

    shape = (A.shape[0], B.shape[1])
    largest = fold(jnp.full(shape, -jnp.inf, A.dtype), larger, A, B)
    shift = jnp.where(jnp.isinf(largest), 0, largest)

    def add(total: Array, a: Array, b: Array, _: Array) -> Array:
        return total + jnp.exp(term(a, b) - shift)

    return put_back_nan(shift + jnp.log(fold(jnp.zeros(shape, A.dtype), add, A, B)), A, B)


def shift_and_sum(A: Array, B: Array) -> tuple[Array, Array]:
    """E and s of the product."""
    a, b = split(A), split(B)
    p0, q0 = _largest(a.exponent, 1), _largest(b.exponent, 0)
    s = _dot(_scaled(a, p0), _scaled(b, q0))
    info = np.finfo(s.dtype)
    # Terms lost to underflow then weigh less than rounding, and w = g / s stays far from overflow.
    enough = A.shape[1] * float(info.tiny) / float(info.eps) ** 2
    wide = ~(s > enough) & ~jnp.isnan(s) & (p0 > -jnp.inf) & (q0 > -jnp.inf)

    def again(rows: Array, operands: tuple[Split, Split], state: tuple[Array, Array]) -> tuple[Array, Array]:
        a, b = operands
        new = _streamed(Split(a.exponent[rows], a.mantissa[rows]), b)
        E, s = (old.at[rows].set(jnp.where(wide[rows], x, old[rows])) for x, old in zip(new, state))
        return E, s

    return _over_rows(wide.any(1), again, (a, b), (_shift(p0, q0), s))


def gradient(A: Array, B: Array, E: Array, s: Array, g: Array) -> tuple[Array, Array]:
    """The cotangents of A and B. A NaN reaches only the rows and columns whose cotangent it enters."""
    a, b = (split(jnp.where(jnp.isnan(x), 0, x)) for x in (A, B))
    p0, q0 = _largest(a.exponent, 1), _largest(b.exponent, 0)
    EA, EB = _scaled(a, p0), _scaled(b, q0)
    w = jnp.where((s == 0) | (g == 0) | jnp.isinf(E), 0, g / jnp.where(s == 0, 1, s))
    wide = _shift(p0, q0) != E
    dot_w = jnp.where(wide, 0, w)

    def again(rows: Array, operands: tuple[Split, Split], state: tuple[Array, Array]) -> tuple[Array, Array]:
        (a, b), (dA, dB) = operands, state
        here = wide[rows] & (rows < A.shape[0])[:, None]
        mine = Split(a.exponent[rows], a.mantissa[rows])
        shift, weight = jnp.where(here, E[rows], jnp.inf), jnp.where(here, w[rows], 0)
        one = _pulled(mine.exponent, (shift, weight), Split(b.exponent.T, b.mantissa.T))
        two = _pulled(b.exponent.T, (shift.T, weight.T), mine)
        return dA.at[rows].add(mine.mantissa * one), dB + b.mantissa * two.T

    return _over_rows(wide.any(1), again, (a, b), (EA * _dot(dot_w, EB.T), EB * _dot(EA.T, dot_w)))


def _largest(exponent: Array, axis: int) -> Array:
    # As exponents are never NaN, a comparison will do, which XLA runs several times as fast as its maximum.
    larger = lambda x, y: lax.select(x > y, x, y)  # noqa: E731
    return lax.expand_dims(lax.reduce(exponent, np.array(-np.inf, exponent.dtype), larger, (axis,)), (axis,))


def _scaled(x: Split, largest: Array) -> Array:
    """e^x divided by the power of two of its row's or column's largest exponent."""
    return x.mantissa * power(x.exponent - largest)


def _shift(p0: Array, q0: Array) -> Array:
    """The E of the dot form; 0 where the sum is empty or infinite."""
    return jnp.where(jnp.isfinite(p0 + q0), p0 + q0, 0)


def _dot(x: Array, y: Array) -> Array:
    return jnp.matmul(x, y, precision=lax.Precision.HIGHEST)


def _streamed(a: Split, b: Split) -> tuple[Array, Array]:
    """E and s by two passes over k."""
    n = b.exponent.shape[1]

    def rows(p: Array, pm: Array) -> tuple[Array, Array]:
        def larger(E: Array, p: Array, q: Array, _: Array) -> Array:
            return jnp.where(p + q > E, p + q, E)

        E = fold(jnp.full((p.shape[0], n), -jnp.inf, p.dtype), larger, p, b.exponent)
        E = lax.stop_gradient(jnp.where(-jnp.inf == E, 0, E))

        def add(s: Array, a: Split, b: Split, _: Array) -> Array:
            return s + power((a.exponent + b.exponent) - E) * (a.mantissa * b.mantissa)

        return E, fold(jnp.zeros_like(E), add, Split(p, pm), b)

    return in_row_blocks(rows, *a, n=n)


def _pulled(p: Array, shift_and_weight: tuple[Array, Array], other: Split) -> Array:
    """[r, k] from p [r, k], [r, s], other [s, k]: the sum over s of 16^(p + q - E) qm w."""

    def add(total: Array, row: tuple[Array, Array], other: Split, _: Array) -> Array:
        shift, weight = row
        return total + power((p + other.exponent) - shift) * (other.mantissa * weight)

    return fold(jnp.zeros_like(p), add, shift_and_weight, other)


def _over_rows(flagged: Array, body: Callable[[Array, Any, T], T], operands: Any, state: T) -> T:
    """Run body(rows, operands, state) for the flagged rows, a tile of their numbers at a time.

    Numbers past the last row are no rows. A `while_loop` and not a `cond`, of which `vmap` would run both branches: no
    flagged row costs nothing.
    """
    m = flagged.shape[0]
    size = min(ROWS, -(-m // 2))
    count = jnp.sum(flagged, dtype=jnp.int32)
    order = jnp.argsort(~flagged, stable=True).astype(jnp.int32)

    def one(carry: tuple[Array, T]) -> tuple[Array, T]:
        first, state = carry
        slots = first + jnp.arange(size, dtype=jnp.int32)
        rows = jnp.where(slots < count, order[slots], m)
        return first + size, body(rows, _inside(first, operands), state)

    return lax.while_loop(lambda carry: carry[0] < count, one, (jnp.int32(0), state))[1]


def _inside(index: Array, operands: T) -> T:
    """The same operands; adding 0 x index keeps XLA from moving work on them out of a loop that may never run."""
    return jax.tree.map(lambda x: x + 0.0 * index.astype(x.dtype), operands)
