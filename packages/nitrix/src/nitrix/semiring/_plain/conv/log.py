"""The log-sum-exp convolution: an ordinary one of exponentials, and an exact streaming form where that underflows."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nitrix.semiring._plain import log
from nitrix.semiring._plain.conv import real, taps
from nitrix.semiring._plain.conv.nan import marked_nan
from nitrix.semiring._plain.conv.window import Window, channels_first, channels_last, flipped, pad, when
from nitrix.semiring._plain.log import Split, power, split

# In a step of the streaming form: it reads two images, with which XLA's CPU compiler vectorises no loop, and each term
# is long to compile.
TERMS = 8

# As for matrices (see `nitrix.semiring._plain.log`): with e^x = 16^p pm and e^k = 16^q qm,
#   out = 4 ln(2) E + log(s),   s[o, j] = sum_(t, c) 16^(p[o + t, c] + q[t, c, j] - E[o, j]) pm qm.
# With E = p0 + q0[j], the largest of the image and of a kernel, s is an ordinary convolution. Where an entry of that
# underflows, all are streamed, with E the largest p + q of each entry.


def conv(x: Array, k: Array, window: Window) -> Array:
    """[*spatial, c_in], [*taps, c_in, c_out] -> [*out, c_out]."""
    return marked_nan(log.value(*shift_and_sum(x, k, window)), x, k, window)


def definition(x: Array, k: Array, window: Window) -> Array:
    """The convolution in its streaming form: slower, differentiable to every order."""
    out = log.value(*_streamed(_split(x), _split(k), window))
    return marked_nan(out, *jax.lax.stop_gradient((x, k)), window)


def shift_and_sum(x: Array, k: Array, window: Window) -> tuple[Array, Array]:
    """E and s, [*out, c_out]."""
    a, b = _split(x), _split(k)
    p0, q0 = _largest(a, b)
    s = real.value(_scaled(a, p0), _scaled(b, q0), window)
    info = np.finfo(s.dtype)
    terms = int(np.prod(k.shape[:-1]))
    # Terms lost to underflow then weigh less than rounding, and w = g / s stays far from overflow.
    enough = s > terms * float(info.tiny) / float(info.eps) ** 2
    wide = jnp.any(~enough & (p0 > -jnp.inf) & (q0 > -jnp.inf))
    E = jnp.broadcast_to(_shift(p0, q0), s.shape)

    def again(operands: tuple[Array, Array], _: tuple[Array, Array]) -> tuple[Array, Array]:
        return _streamed(_split(operands[0]), _split(operands[1]), window)

    return when(wide, again, (x, k), (E, s))


def gradient(x: Array, k: Array, window: Window, E: Array, s: Array, g: Array) -> tuple[Array, Array]:
    """The cotangents of x and k. A NaN reaches only those whose cotangent it enters."""
    a, b = _split(x), _split(k)
    p0, q0 = _largest(a, b)
    w = jnp.where((s == 0) | (g == 0) | jnp.isinf(E), 0, g / jnp.where(s == 0, 1, s))
    wide = jnp.any(_shift(p0, q0) != E)
    ea, eb = _scaled(a, p0), _scaled(b, q0)
    # The convolution is linear in each operand: its pull gives both of these sums.
    _, pull = jax.vjp(lambda x, k: real.linear(x, k, window), ea, eb)
    dx, dk = pull(jnp.where(wide, 0, w))

    def again(operands: tuple[Array, Array, Array, Array], _: tuple[Array, Array]) -> tuple[Array, Array]:
        x, k, E, w = operands
        a, b = _split(x), _split(k)
        return _pulled_image(a, b, window, E, w), _pulled_kernel(a, b, window, E, w)

    return when(wide, again, (x, k, E, w), (ea * dx, eb * dk))


def _split(x: Array) -> Split:
    """NaN counts as 0 here: it is put back at the end."""
    return split(jnp.where(jnp.isnan(x), 0, x))


def _largest(a: Split, b: Split) -> tuple[Array, Array]:
    """The largest exponent of the image, and of each kernel [c_out]."""
    return a.exponent.max(), b.exponent.max(range(b.exponent.ndim - 1))


def _shift(p0: Array, q0: Array) -> Array:
    """The E of the ordinary form; 0 where the sum is empty or infinite."""
    return jnp.where(jnp.isfinite(p0 + q0), p0 + q0, 0)


def _scaled(x: Split, largest: Array) -> Array:
    return x.mantissa * power(x.exponent - largest)


def _streamed(a: Split, b: Split, window: Window) -> tuple[Array, Array]:
    """E and s by two passes over the terms."""
    out, c_out = window.out(a.exponent.shape[:-1], b.exponent.shape[:-2]), b.exponent.shape[-1]
    p = pad(channels_first(a.exponent), window, -np.inf)
    pm = pad(channels_first(a.mantissa), window, 1)

    def larger(E: Array, p: Array, q: Array, _: Array) -> Array:
        return jnp.where(p + q > E, p + q, E)

    def block(row: Any, rows: int) -> tuple[Array, Array]:
        shape = (rows, *out[1:])
        E = jnp.full((c_out, *shape), -jnp.inf, p.dtype)
        E = taps.fold(E, larger, p, b.exponent, shape, window, row)
        E = jax.lax.stop_gradient(jnp.where(-jnp.inf == E, 0, E))

        def add(s: Array, a: Split, b: Split, _: Array) -> Array:
            return s + power((a.exponent + b.exponent) - E) * (a.mantissa * b.mantissa)

        return E, taps.fold(jnp.zeros_like(E), add, Split(p, pm), b, shape, window, row, most=TERMS)

    E, s = taps.in_row_blocks(block, out, c_out)
    return channels_last(E), channels_last(s)


def _pulled_image(a: Split, b: Split, window: Window, E: Array, w: Array) -> Array:
    """dx[i, c] = pm sum_(t, j) 16^(p + q - E) qm w."""
    spatial, sizes, c_in = a.exponent.shape[:-1], b.exponent.shape[:-2], b.exponent.shape[-2]
    spread = window.backward(spatial, sizes)
    planes = (spread(channels_first(E), np.inf), spread(channels_first(w), 0))
    p, kernel = channels_first(a.exponent), jax.tree.map(flipped, b)

    def block(row: Any, rows: int) -> Array:
        mine = taps.rows_of(p, row, rows)

        def step(total: Array, plane: tuple[Array, Array], b: Split, _: Array) -> Array:
            shift, weight = plane
            return total + power((mine + b.exponent) - shift) * (b.mantissa * weight)

        shape, total = (rows, *spatial[1:]), jnp.zeros_like(mine)
        return taps.fold(total, step, planes, kernel, shape, spread.window, row, most=TERMS)

    return a.mantissa * channels_last(taps.in_row_blocks(block, spatial, c_in))


def _pulled_kernel(a: Split, b: Split, window: Window, E: Array, w: Array) -> Array:
    """dk[t, c, j] = qm sum_o 16^(p + q - E) pm w."""
    images = (pad(channels_first(a.exponent), window, -np.inf), pad(channels_first(a.mantissa), window, 1))
    planes = (channels_first(E), channels_first(w))

    def term(image: tuple[Array, Array], q: Array, plane: tuple[Array, Array]) -> Array:
        return power((image[0] + q) - plane[0]) * (image[1] * plane[1])

    return b.mantissa * taps.over_positions(term, images, planes, (np.inf, 0.0), b.exponent, window)
