"""NaN for the convolutions whose comparisons lose it."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from nitrix.semiring._plain.conv import taps
from nitrix.semiring._plain.conv.window import Window, channels_first, channels_last, pad, present, when


def marked_nan(out: Array, x: Array, k: Array, window: Window) -> Array:
    """NaN wherever a term has one. Where there is none it costs a look at the operands."""
    some = jnp.isnan(x).any() | jnp.isnan(k).any()
    return marked(some, lambda a, b: jnp.isnan(a) | jnp.isnan(b), out, x, k, window)


def marked(
    some: Array, wrong: Callable[[Array, Array], Array], out: Array, x: Array, k: Array, window: Window
) -> Array:
    """NaN wherever a term is wrong(a, b), if there are some of these."""
    x, k = lax.stop_gradient((x, k))

    def mark(operands: tuple[Array, Array], _: Array) -> Array:
        x, k = operands
        images = (pad(channels_first(x), window, 0), present(x.shape[:-1], window, bool))

        def step(hit: Array, a: tuple[Array, Array | None], b: Array, _: Array) -> Array:
            image, counts = a
            return hit | (wrong(image, b) if counts is None else wrong(image, b) & counts)

        def block(row: Any, rows: int) -> Array:
            shape = (rows, *out.shape[1:-1])
            hit = jnp.zeros((out.shape[-1], *shape), bool)
            return taps.fold(hit, step, images, k, shape, window, row)

        return channels_last(taps.in_row_blocks(block, out.shape[:-1], out.shape[-1]))

    return jnp.where(when(some, mark, (x, k), jnp.zeros(out.shape, bool)), jnp.nan, out)
