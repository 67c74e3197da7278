"""The tropical products: the largest (or smallest) sum, and its derivative through the term that attains it."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nitrix.semiring._plain.streaming import fold, in_row_blocks, put_back_nan

# out[i, j] = a[i, p] + b[p, j] with p[i, j] the first k that attains the extremum. Where no term is better than the
# identity there is no such k (p = -1) and the derivative is 0. Else
#   dout[i, j] = da[i, p] + db[p, j],
# a gather, whose transpose scatters the cotangent to the same two places.


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def product(A: Array, B: Array, largest: bool) -> Array:
    """[m, k] x [k, n] -> [m, n] over (max, +) or (min, +)."""

    def rows(A: Array) -> Array:
        better = _comparison(largest)

        def step(best: Array, a: Array, b: Array, k: Array) -> Array:
            term = a + b
            # `where` and not `maximum`, which must carry NaN: -inf + inf = NaN never wins, so that an annihilator does.
            return jnp.where(better(term, best), term, best)

        return fold(_identity(A, B, largest), step, A, B)

    return put_back_nan(in_row_blocks(rows, A, n=B.shape[1]), A, B)


@product.defjvp
def _(largest: bool, primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    out, attained = _recorded(*primals, largest)
    return out, _through(attained, *tangents)


# Opaque to the partial evaluation of reverse mode, which would keep the broadcast k of every term.
@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _recorded(A: Array, B: Array, largest: bool) -> tuple[Array, Array]:
    return with_index(A, B, largest)


@_recorded.defjvp
def _(largest: bool, primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> Any:
    out, attained = _recorded(*primals, largest)
    return (out, attained), (_through(attained, *tangents), np.zeros(attained.shape, jax.dtypes.float0))


def _through(attained: Array, dA: Array, dB: Array) -> Array:
    p = jnp.maximum(attained, 0)
    dout = jnp.take_along_axis(dA, p, axis=1) + jnp.take_along_axis(dB, p, axis=0)
    return jnp.where(attained >= 0, dout, 0)


def with_index(A: Array, B: Array, largest: bool) -> tuple[Array, Array]:
    """The product, and the first index k that attains each entry (-1 where there is none)."""

    def rows(A: Array) -> tuple[Array, Array]:
        better = _comparison(largest)

        def step(state: tuple[Array, Array], a: Array, b: Array, k: Array) -> tuple[Array, Array]:
            best, attained = state
            term = a + b
            wins = better(term, best)
            return jnp.where(wins, term, best), jnp.where(wins, k, attained)

        best = _identity(A, B, largest)
        return fold((best, jnp.full(best.shape, -1, jnp.int32)), step, A, B)

    out, attained = in_row_blocks(rows, A, n=B.shape[1])
    return put_back_nan(out, A, B), attained


def _comparison(largest: bool) -> Callable[[Array, Array], Array]:
    return jnp.greater if largest else jnp.less


def _identity(A: Array, B: Array, largest: bool) -> Array:
    return jnp.full((A.shape[0], B.shape[1]), -math.inf if largest else math.inf, A.dtype)
