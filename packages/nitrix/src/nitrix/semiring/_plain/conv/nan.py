"""NaN for the convolutions whose comparisons lose it."""

from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from nitrix.semiring._plain.conv import taps
from nitrix.semiring._plain.conv.window import Window, channels_first, channels_last, pad, present, when


def marked_nan(out: Array, x: Array, k: Array, window: Window) -> Array:
    """NaN wherever a term has one. Where there is none it costs a look at the operands."""
    x, k = lax.stop_gradient((x, k))

    def mark(operands: tuple[Array, Array], _: Array) -> Array:
        x, k = (jnp.isnan(operand) for operand in operands)
        images = (pad(channels_first(x), window, False), present(x.shape[:-1], window, bool))

        def step(hit: Array, a: tuple[Array, Array | None], b: Array, _: Array) -> Array:
            image, counts = a
            return hit | image | (b if counts is None else b & counts)

        def block(row: Any, rows: int) -> Array:
            shape = (rows, *out.shape[1:-1])
            hit = jnp.zeros((out.shape[-1], *shape), bool)
            return taps.fold(hit, step, images, k, shape, window, row)

        return channels_last(taps.in_row_blocks(block, out.shape[:-1], out.shape[-1]))

    some = jnp.isnan(x).any() | jnp.isnan(k).any()
    return jnp.where(when(some, mark, (x, k), jnp.zeros(out.shape, bool)), jnp.nan, out)
