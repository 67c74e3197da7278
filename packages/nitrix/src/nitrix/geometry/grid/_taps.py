"""Weighted sums of the samples round each position: what every interpolator comes down to."""

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Inexact, Int

Positions = tuple[Float[Array, "n"], ...]  # one array for each axis


class Kernel(NamedTuple):
    """A kernel of compact support, the same along each axis."""

    taps: int  # an even number of samples, half of them at or below the position
    reach: int  # voxels beyond the ends after which what repeats the last sample reads as that sample
    weights: Callable[
        [Float[Array, "n"]], tuple[Float[Array, "n"], ...]
    ]  # of the taps, by the position's fraction


class Axis(NamedTuple):
    """Where the taps are along one axis of an extended image."""

    pads: tuple[int, int]  # samples added before and behind
    first: int  # the lowest whole position that taps lie round
    last: int  # the highest one; a position beyond it has a fraction of 1


def axis_of(size: int, mode: str, kernel: Kernel) -> Axis:
    """How far an axis is to be extended, so that all taps of all positions are there."""
    end = size - 1
    least, most = {
        "nearest": (-kernel.reach, end + kernel.reach),
        "grid-constant": (-kernel.reach - 1, end + kernel.reach + 1),
        "reflect": (-1, end + 1),
        "grid-mirror": (-1, end + 1),
        "grid-wrap": (0, end + 1),
    }.get(mode, (0, end))
    first, last = least, max(most - 1, least)
    half = kernel.taps // 2
    return Axis((half - 1 - first, last + half - end), first, last)


# With taps of sample numbers i_a along each axis and weights w_a(fraction of the position p_a):
#   out = sum_i prod_a w_a[i_a] x[i]        d out / d p_a = the same with w_a' in place of w_a
# It is linear in x, and the derivative by x is the same sum of dx, read in windows along the last axis: that is what
# JAX transposes into a scatter, of as many windows as there are taps along the other axes.
@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def sample(
    kernel: Kernel, axes: tuple[Axis, ...], x: Inexact[Array, "*extended c"], positions: Positions
) -> Inexact[Array, "n c"]:
    """The weighted sums of the taps of an extended image round positions, which are those of the image itself."""
    flat, strides = x.reshape(math.prod(x.shape[:-1]), x.shape[-1]), _strides(x.shape[:-1])
    starts, fractions = _starts(axes, x.shape[:-1], positions)
    weights = [_weights(kernel, f, x.dtype)[0] for f in fractions]

    def along(axis: int, index: Array) -> Array:
        if axis == len(axes):
            return flat.at[index].get(mode="promise_in_bounds")
        terms = [
            w[:, None] * along(axis + 1, index + np.int32(t * strides[axis]))
            for t, w in enumerate(weights[axis])
        ]
        return functools.reduce(lambda a, b: a + b, terms)

    return along(0, starts)


@sample.defjvp
def _(kernel: Kernel, axes: tuple[Axis, ...], primals: Any, tangents: Any) -> tuple[Array, Array]:
    (x, positions), (dx, dp) = primals, tangents
    out = sample(kernel, axes, x, positions)
    (moved,) = _windowed(kernel, axes, dx, positions, False)
    for slope, d in zip(_windowed(kernel, axes, x, positions, True), dp):
        moved = moved + slope * d[:, None].astype(x.dtype)
    return out, moved


@functools.partial(jax.checkpoint, static_argnums=(0, 1, 4))  # else the weights of all taps are kept
def _windowed(
    kernel: Kernel, axes: tuple[Axis, ...], x: Array, positions: Positions, slopes: bool
) -> tuple[Inexact[Array, "n c"], ...]:
    """The sum, or its slopes along each axis, a window of all taps of the last axis at a time."""
    flat, strides = x.reshape(math.prod(x.shape[:-1]), x.shape[-1]), _strides(x.shape[:-1])
    starts, fractions = _starts(axes, x.shape[:-1], positions)
    pairs = [[jnp.stack(part) for part in _weights(kernel, f, x.dtype)] for f in fractions]
    chosen = [[w if a != b else s for a, (w, s) in enumerate(pairs)] for b in range(len(axes))]
    factors = chosen if slopes else [[w for w, _ in pairs]]
    window = lax.GatherDimensionNumbers(offset_dims=(1, 2), collapsed_slice_dims=(), start_index_map=(0,))

    def add(sums: list[Array], taps: Array) -> tuple[list[Array], None]:
        first = starts + sum(
            (taps[a] * np.int32(stride) for a, stride in enumerate(strides[:-1])), np.int32(0)
        )
        rows = lax.gather(
            flat, first[:, None], window, (kernel.taps, flat.shape[1]), mode="promise_in_bounds"
        )
        for k, (*outer, last) in enumerate(factors):
            line = sum(
                (last[t, :, None] * rows[:, t] for t in range(1, kernel.taps)), last[0, :, None] * rows[:, 0]
            )
            for a, w in enumerate(outer):
                line = w[taps[a], :, None] * line
            sums[k] = sums[k] + line
        return sums, None

    each = np.array(list(itertools.product(range(kernel.taps), repeat=len(axes) - 1)), np.int32)
    nothing = [jnp.zeros((len(starts), flat.shape[1]), x.dtype)] * len(factors)
    return tuple(lax.scan(jax.checkpoint(add), nothing, each.reshape(len(each), len(axes) - 1))[0])


def _starts(
    axes: tuple[Axis, ...], shape: tuple[int, ...], positions: Positions
) -> tuple[Int[Array, "n"], list[Float[Array, "n"]]]:
    """The number of the first tap of each position, and the position's fractions."""
    start, fractions = jnp.zeros((), np.int32), []
    for axis, p, stride in zip(axes, positions, _strides(shape)):
        low = lax.stop_gradient(jnp.floor(p).clip(axis.first, axis.last))
        fractions.append(p - low)
        start = start + (low.astype(np.int32) - np.int32(axis.first)) * np.int32(stride)
    return start, fractions


def _weights(kernel: Kernel, fraction: Float[Array, "n"], dtype: Any) -> tuple[list[Array], list[Array]]:
    """The weights of an axis's taps, and their slopes."""
    weights, slopes = jax.jvp(kernel.weights, (fraction,), (jnp.ones_like(fraction),))
    return [w.astype(dtype) for w in weights], [s.astype(dtype) for s in slopes]


def real_dtype(dtype: Any) -> np.dtype:
    """The dtype of a real part, of 32 bits or more."""
    return np.zeros((), dtype).real.dtype


def _strides(shape: tuple[int, ...]) -> list[int]:
    return [math.prod(shape[a + 1 :]) for a in range(len(shape))]
