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
    return _value_and_slopes(kernel, axes, x, positions)[0]


@sample.defjvp
def _(kernel: Kernel, axes: tuple[Axis, ...], primals: Any, tangents: Any) -> tuple[Array, Array]:
    (x, positions), (dx, dp) = primals, tangents
    slopes = _value_and_slopes(kernel, axes, x, positions)[1]
    moved = sum(slope * d[:, None].astype(x.dtype) for slope, d in zip(slopes, dp))
    return sample(kernel, axes, x, positions), _by_windows(kernel, axes, dx, positions) + moved


def _value_and_slopes(
    kernel: Kernel, axes: tuple[Axis, ...], x: Array, positions: Positions
) -> tuple[Array, list[Array]]:
    flat = x.reshape(-1, x.shape[-1])
    starts, fractions = _starts(axes, kernel, x.shape[:-1], positions)
    weights, slopes = _weights(kernel, fractions, flat.dtype)
    strides = _strides(x.shape[:-1])

    def along(axis: int, index: Array) -> tuple[Array, list[Array]]:
        if axis == len(axes):
            return flat.at[index].get(mode="promise_in_bounds"), []
        parts = [along(axis + 1, index + np.int32(t * strides[axis])) for t in range(kernel.taps)]
        values = [part[0] for part in parts]
        later = [_dot(weights[axis], column) for column in zip(*(part[1] for part in parts))]
        return _dot(weights[axis], values), [_dot(slopes[axis], values), *later]

    return along(0, starts)


def _by_windows(kernel: Kernel, axes: tuple[Axis, ...], x: Array, positions: Positions) -> Array:
    flat = x.reshape(-1, x.shape[-1])
    starts, fractions = _starts(axes, kernel, x.shape[:-1], positions)
    weights, _ = _weights(kernel, fractions, flat.dtype)
    strides = _strides(x.shape[:-1])
    window = lax.GatherDimensionNumbers(offset_dims=(1, 2), collapsed_slice_dims=(), start_index_map=(0,))
    last = jnp.stack(weights[-1], axis=-1)
    out = jnp.zeros((), flat.dtype)
    for taps in itertools.product(range(kernel.taps), repeat=len(axes) - 1):
        offset = sum(t * stride for t, stride in zip(taps, strides))
        weight = functools.reduce(lambda a, b: a * b, [weights[a][t] for a, t in enumerate(taps)], last.T).T
        index = (starts + np.int32(offset))[:, None]
        rows = lax.gather(flat, index, window, (kernel.taps, flat.shape[1]), mode="promise_in_bounds")
        out = out + (rows * weight[..., None]).sum(axis=1)
    return out


def _starts(
    axes: tuple[Axis, ...], kernel: Kernel, shape: tuple[int, ...], positions: Positions
) -> tuple[Int[Array, "n"], list[Float[Array, "n"]]]:
    """The number of the first tap of each position, and the position's fractions."""
    start, fractions = jnp.zeros((), np.int32), []
    for axis, p, stride in zip(axes, positions, _strides(shape)):
        low = lax.stop_gradient(jnp.floor(p).clip(axis.first, axis.last))
        fractions.append(p - low)
        start = start + (low.astype(np.int32) - np.int32(axis.first)) * np.int32(stride)
    return start, fractions


def _weights(
    kernel: Kernel, fractions: list[Array], dtype: Any
) -> tuple[list[list[Array]], list[list[Array]]]:
    real = real_dtype(dtype)
    pairs = [jax.jvp(kernel.weights, (f,), (jnp.ones_like(f),)) for f in fractions]
    cast = lambda ws: [w.astype(real) for w in ws]  # noqa: E731
    return [cast(w) for w, _ in pairs], [cast(s) for _, s in pairs]


def real_dtype(dtype: Any) -> np.dtype:
    """The dtype of a real part, of 32 bits or more."""
    return np.zeros((), dtype).real.dtype


def _dot(weights: list[Array], values: Any) -> Array:
    return functools.reduce(lambda a, b: a + b, [w[:, None] * v for w, v in zip(weights, values)])


def _strides(shape: tuple[int, ...]) -> list[int]:
    return [math.prod(shape[a + 1 :]) for a in range(len(shape))]
