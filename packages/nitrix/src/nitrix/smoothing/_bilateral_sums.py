"""Weighted means over a window whose weights fall with distance in space and in a guide, and their derivatives.

With d_k(x, o) = G_k(x + o) - G_k(x), the guide given in units of sqrt(2) times its sigma, and p_i = 1 / (2 s_i^2),

  w(x, o) = exp(-sum_k d_k^2 - sum_i p_i o_i^2),   S(x) = sum_o w(x, o),   out_c(x) = sum_o w(x, o) V_c(x + o) / S(x).

For a cotangent g of out, with q = g / S and r = sum_c q_c out_c, a change of the exponent at (x, o) changes the loss by
w a, a(x, o) = sum_c q_c(x) V_c(x + o) - r(x). As w(x, o) = w(x + o, -o), what reaches a voxel is again a sum over its
own window, with a'(x, o) = sum_c q_c(x + o) V_c(x) - r(x + o) for the pair seen from its other end:

  dV_c(x) = sum_o w q_c(x + o),   dG_k(x) = 2 sum_o w d_k (a + a'),   dp_i = -sum_x sum_o w a o_i^2.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from nitrix.smoothing._shifts import Lines, Window, sweep

FAR = 1e18  # a guide beyond the border: its square is finite in float32, and exp(-FAR^2) is 0
ISOLATED = 0.01  # a sum of weights up to this is no mean of anything: the voxel resembles none in the window

Guide = tuple[Float[Array, "b k *spatial"], Float[Array, " axis"]]
_CHUNK, _LONG_CHUNK = 8, 16  # neighbours at a time
_FEW = 8  # channels


def weighted_means(
    window: Window,
    guide: Float[Array, "b k *spatial"],
    precision: Float[Array, " axis"],
    values: Float[Array, "b c *spatial"],
) -> tuple[Float[Array, "b c *spatial"], Float[Array, "b 1 *spatial"]]:
    """The means, 0 where the sum of weights is small, and these sums, through which nothing is differentiated."""
    out, total = _means(window, (guide, precision), values)
    return out, lax.stop_gradient(total)


def _biases(window: Window, precision: Float[Array, " axis"]) -> Float[Array, " neighbour_and_none"]:
    """The part of the exponent that is due to space; +inf for the neighbour that is none."""
    squares = jnp.asarray(window.offsets.astype(np.float64) ** 2, precision.dtype)
    return jnp.append((squares * precision).sum(axis=1), np.asarray(np.inf, precision.dtype))


def _weight(here: Lines, there: Lines, bias: Array) -> Array:
    """Of one neighbour, from lines that each hold one channel of the guide."""
    away = bias
    for one, other in zip(here, there, strict=True):
        away = away + (other - one) * (other - one)
    return negative_exponential(away)


def _over_channels(x: Array) -> Array:
    """The sum over the channels; of few, one after the other, since a reduction would end the fusion."""
    if x.shape[-2] > _FEW:
        return x.sum(axis=-2, keepdims=True)
    total = x[..., :1, :]
    for c in range(1, x.shape[-2]):
        total = total + x[..., c : c + 1, :]
    return total


def _apart(scaled: Array) -> list[tuple[Array, float]]:
    """The channels of the guide as images of their own."""
    return [(scaled[:, k : k + 1], FAR) for k in range(scaled.shape[1])]


def negative_exponential(u: Float[Array, "..."]) -> Float[Array, "..."]:
    """exp(-u) for u >= 0: in float32 as 2^n times a polynomial, where a CPU spends its time; errors up to 2e-7."""
    if u.dtype != np.float32:
        return jnp.exp(-u)
    t = u * np.float32(-1.4426950408889634)
    t = jnp.where(t < -127, np.float32(-127), t)  # 2^-127 comes out as 0; NaN stays
    n = jnp.floor(t)
    f = t - n
    p = jnp.full_like(f, 1.8775767e-3)
    for coefficient in (8.9893397e-3, 5.5826318e-2, 2.4015361e-1, 6.9315308e-1, 9.9999994e-1):
        p = p * f + np.float32(coefficient)
    return lax.bitcast_convert_type((n.astype(np.int32) + 127) << 23, jnp.float32) * p


def _divide(sums: Array, total: Array) -> Array:
    """sums / total, 0 where the total is too small; a total of NaN stays."""
    small = total <= ISOLATED
    return jnp.where(small, jnp.zeros_like(sums), sums / jnp.where(small, jnp.ones_like(total), total))


def _forward(window: Window, guide: Guide, values: Array) -> tuple[Array, Array]:
    scaled, precision = guide
    bias = _biases(window, precision)

    def weigh(here: Lines, there: Lines, j: Int[Array, ""]) -> Lines:
        return (_weight(here[1:], there[1:], bias[j]),)

    def term(weights: Lines, here: Lines, there: Lines, j: Int[Array, ""]) -> Lines:
        return weights[0] * there[0], weights[0]

    def finish(here: Lines, sums: Lines) -> tuple[Lines, Lines]:
        return (_divide(*sums), sums[1]), ()

    images = ((values, 0.0), *_apart(scaled))
    ahead = values.shape[1] > 2
    chunk = _CHUNK if ahead or scaled.shape[1] > 1 else _LONG_CHUNK
    (out, total), _ = sweep(window, images, weigh, term, finish, chunk=chunk, ahead=ahead)
    return out, total


def _backward(
    window: Window, guide: Guide, values: Array, statistics: tuple[Array, Array], g: Array
) -> tuple[Guide, Array]:
    scaled, precision = guide
    out, total = statistics
    bias = _biases(window, precision)
    squares = jnp.asarray(np.append(window.offsets, 0 * window.offsets[:1], axis=0) ** 2, precision.dtype)
    axis = len(window.shape) + 1
    q = _divide(g, total)
    r = (q * out).sum(axis=-axis, keepdims=True)

    def weigh(here: Lines, there: Lines, j: Int[Array, ""]) -> Lines:
        weight = _weight(here[3:], there[3:], bias[j])
        return weight, weight * (_over_channels(here[1] * there[0]) - here[2])

    def term(weights: Lines, here: Lines, there: Lines, j: Int[Array, ""]) -> Lines:
        weight, near = weights
        both = near + weight * (_over_channels(there[1] * here[0]) - there[2])
        pulled = (both * (other - one) for one, other in zip(here[3:], there[3:], strict=True))
        return weight * there[1], near * squares[j][:, None], *pulled

    def finish(here: Lines, sums: Lines) -> tuple[Lines, Lines]:
        leading = tuple(range(sums[1].ndim - 2))
        return (sums[0], *(2 * d for d in sums[2:])), (-sums[1].sum(axis=(*leading, -1)),)

    images = ((values, 0.0), (q, 0.0), (r, 0.0), *_apart(scaled))
    (d_values, *d_guide), (d_precision,) = sweep(
        window, images, weigh, term, finish, chunk=_CHUNK, ahead=False
    )
    return (jnp.concatenate(d_guide, axis=1), d_precision), d_values


def _definition(window: Window, guide: Guide, values: Array) -> tuple[Array, Array]:
    """The same, neighbour by neighbour in plain JAX, for second derivatives."""
    scaled, precision = guide
    covered = window.length
    G, V = window.lay_out(scaled, FAR, covered), window.lay_out(values, 0.0, covered)

    def at(line: Array, start: Any) -> Array:
        return lax.dynamic_slice_in_dim(line, start, covered, axis=-1)

    @partial(jax.checkpoint, prevent_cse=False)
    def one(sums: Lines, neighbour: tuple[Array, Array]) -> tuple[Lines, None]:
        shift, square = neighbour
        start = window.margin + shift
        d = at(G, start) - at(G, np.int32(window.margin))
        weight = jnp.exp(-(d * d).sum(axis=-2, keepdims=True) - (square * precision).sum())
        return (sums[0] + weight * at(V, start), sums[1] + weight), None

    squares = jnp.asarray(window.offsets**2, precision.dtype)
    zeros = (jnp.zeros_like(at(V, np.int32(0))), jnp.zeros_like(at(G, np.int32(0))[..., :1, :]))
    sums, _ = lax.scan(one, zeros, (jnp.asarray(window.shifts), squares))
    return window.take_back(_divide(*sums)), window.take_back(sums[1])


# Reverse mode streams as above. Its own derivatives, of both modes and any order, are those of the definition.
@jax.custom_jvp
def _remembered(window: Window, guide: Guide, values: Array) -> tuple[Array, Array]:
    return _forward(window, guide, values)


@_remembered.defjvp
def _(primals: Any, tangents: Any) -> Any:
    return jax.jvp(partial(_definition, primals[0]), primals[1:], tangents[1:])


@jax.custom_jvp
def _gradient(window: Window, guide: Guide, values: Array, kept: Any, g: Array) -> tuple[Guide, Array]:
    return _backward(window, guide, values, lax.stop_gradient(kept), g)


@_gradient.defjvp
def _(primals: Any, tangents: Any) -> Any:
    window, guide, values, _, g = primals

    def pulled(guide: Guide, values: Array, g: Array) -> tuple[Guide, Array]:
        (_, total), pull = jax.vjp(partial(_definition, window), guide, values)
        return pull((g, jnp.zeros_like(total)))

    moved = jax.jvp(pulled, (guide, values, g), (tangents[1], tangents[2], tangents[4]))[1]
    return _gradient(*primals), moved


@jax.custom_vjp
def _means(window: Window, guide: Guide, values: Array) -> tuple[Array, Array]:
    return _forward(window, guide, values)


def _remember(window: Window, guide: Guide, values: Array) -> tuple[tuple[Array, Array], Any]:
    kept = _remembered(window, guide, values)
    return kept, (window, guide, values, kept)


def _pull_back(kept: Any, cotangents: tuple[Array, Array]) -> tuple[Any, Guide, Array]:
    return None, *_gradient(*kept, cotangents[0])


_means.defvjp(_remember, _pull_back)
