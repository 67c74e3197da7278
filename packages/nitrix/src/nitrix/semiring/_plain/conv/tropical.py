"""The tropical convolutions: the largest (or smallest) sum, and its derivative through the term that attains it."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from nitrix.semiring._plain.conv import taps
from nitrix.semiring._plain.conv.nan import marked_nan
from nitrix.semiring._plain.conv.window import Window, channels_first, channels_last, pad


@partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def conv(x: Array, k: Array, window: Window, largest: bool) -> Array:
    """[*spatial, c_in], [*taps, c_in, c_out] -> [*out, c_out] over (max, +) or (min, +)."""
    better = jnp.greater if largest else jnp.less

    def step(best: Array, a: Array, b: Array, _: Array) -> Array:
        term = a + b
        # `where` and not `maximum`, which must carry NaN: -inf + inf = NaN never wins, so that an annihilator does.
        return jnp.where(better(term, best), term, best)

    out, c_out = window.out(x.shape[:-1], k.shape[:-2]), k.shape[-1]
    identity = -math.inf if largest else math.inf
    image = pad(channels_first(x), window, identity)

    def block(row: Any, rows: int) -> Array:
        shape = (rows, *out[1:])
        best = jnp.full((c_out, *shape), identity, x.dtype)
        return taps.fold(best, step, image, k, shape, window, row)

    return marked_nan(channels_last(taps.in_row_blocks(block, out, c_out)), x, k, window)


@conv.defjvp
def _(window: Window, largest: bool, primals: Any, tangents: Any) -> tuple[Array, Array]:
    (dx, dk), (out, attained) = tangents, _recorded(*primals, window, largest)
    return out, _through(attained, dx, dk, window)


# Opaque to the partial evaluation of reverse mode, which would keep the number of every term.
@partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def _recorded(x: Array, k: Array, window: Window, largest: bool) -> tuple[Array, Array]:
    return with_number(x, k, window, largest)


@_recorded.defjvp
def _(window: Window, largest: bool, primals: Any, tangents: Any) -> Any:
    (dx, dk), (out, attained) = tangents, _recorded(*primals, window, largest)
    none = np.zeros(attained.shape, jax.dtypes.float0)
    return (out, attained), (_through(attained, dx, dk, window), none)


def with_number(x: Array, k: Array, window: Window, largest: bool) -> tuple[Array, Array]:
    """The convolution, and [c_out, *out] the number of the first term that attains each entry (-1: there is none)."""
    better = jnp.greater if largest else jnp.less

    def step(state: tuple[Array, Array], a: Array, b: Array, number: Array) -> tuple[Array, Array]:
        best, attained = state
        term = a + b
        wins = better(term, best)
        return jnp.where(wins, term, best), jnp.where(wins, number, attained)

    out, c_out = window.out(x.shape[:-1], k.shape[:-2]), k.shape[-1]
    identity = -math.inf if largest else math.inf
    image = pad(channels_first(x), window, identity)

    def block(row: Any, rows: int) -> tuple[Array, Array]:
        shape = (rows, *out[1:])
        best = jnp.full((c_out, *shape), identity, x.dtype)
        return taps.fold((best, jnp.full(best.shape, -1, jnp.int32)), step, image, k, shape, window, row)

    best, attained = taps.in_row_blocks(block, out, c_out)
    return marked_nan(channels_last(best), x, k, window), attained


def _through(attained: Array, dx: Array, dk: Array, window: Window) -> Array:
    """The tangent [*out, c_out] of each entry: those of the two operands that meet in its term."""
    (*sizes, c_in, c_out), spatial = dk.shape, dx.shape[:-1]
    none = attained < 0
    term = jnp.where(none, 0, attained)
    tap, channel = jnp.divmod(term, c_in)
    place = jnp.zeros_like(tap)
    for axis, p in enumerate(jnp.unravel_index(tap, tuple(sizes))):
        at = lax.broadcasted_iota(jnp.int32, attained.shape, axis + 1) * window.stride[axis]
        place = place * spatial[axis] + at + p * window.dilation[axis] - window.low[axis]
    # An entry without a term reads what it drops.
    from_x = jnp.take(dx.reshape(-1), jnp.where(none, 0, place * c_in + channel))
    column = lax.broadcasted_iota(jnp.int32, attained.shape, 0)
    from_k = jnp.take(dk.reshape(-1), term * c_out + column)
    return channels_last(jnp.where(none, 0, from_x + from_k))
