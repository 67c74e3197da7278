"""The Euclidean convolution: distances between the image's patches and the kernels, by differences and not by norms."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from nitrix.semiring._plain.conv import taps
from nitrix.semiring._plain.conv.nan import marked
from nitrix.semiring._plain.conv.window import (
    Window,
    channels_first,
    channels_last,
    flipped,
    pad,
)
from nitrix.semiring._plain.euclidean import root, scale_of

# out[o, j] = sqrt(sum_(p, c) (x[o + p, c] - k[p, c, j])^2) over the taps within the image. With w = g / out, and w = 0
# where out = 0:
#   dx[i, c] = sum_(p, j) w[i - p, j] (x[i, c] - k[p, c, j])
#   dk[p, c, j] = -sum_o w[o, j] (x[o + p, c] - k[p, c, j])


def conv(x: Array, k: Array, window: Window) -> Array:
    """[*spatial, c_in], [*taps, c_in, c_out] -> [*out, c_out]; differentiable to every order."""
    scale = scale_of(x, k)
    x, k = x / scale, k / scale
    out, c_out = window.out(x.shape[:-1], k.shape[:-2]), k.shape[-1]
    image = pad(channels_first(x), window, np.nan)

    def step(total: Array, a: Array, b: Array, _: Array) -> Array:
        difference = _within(a - b)
        return total + difference * difference

    def block(row: Any, rows: int) -> Array:
        shape = (rows, *out[1:])
        return taps.fold(jnp.zeros((c_out, *shape), x.dtype), step, image, k, shape, window, row)

    distance = channels_last(root(taps.in_row_blocks(block, out, c_out))) * scale
    wild = ~(jnp.isfinite(x).all() & jnp.isfinite(k).all())
    return marked(wild, lambda a, b: jnp.isnan(a - b), distance, x, k, window)


def _within(difference: Array) -> Array:
    """0 for NaN, which the image is beyond its border: XLA's CPU compiler does not vectorise with a mask."""
    return jnp.where(jnp.isnan(difference), 0, difference)


def gradient(x: Array, k: Array, window: Window, out: Array, g: Array) -> tuple[Array, Array]:
    """The cotangents of x and k."""
    spatial, sizes, c_in = x.shape[:-1], k.shape[:-2], k.shape[-2]
    w = channels_first(jnp.where(out == 0, 0, g / jnp.where(out == 0, 1, out)))
    own = channels_first(x)
    spread = window.backward(spatial, sizes)
    plane = spread(w, 0)

    def block(row: Any, rows: int) -> Array:
        mine = taps.rows_of(own, row, rows)

        def step(total: Array, a: Array, b: Array, _: Array) -> Array:
            return total + a * (mine - b)

        shape = (rows, *spatial[1:])
        return taps.fold(jnp.zeros_like(mine), step, plane, flipped(k), shape, spread.window, row)

    dx = taps.in_row_blocks(block, spatial, c_in)
    image = pad(own, window, np.nan)

    def term(a: Array, b: Array, g: Array) -> Array:
        return g * _within(b - a)

    return channels_last(dx), taps.over_positions(term, image, w, 0, k, window)
