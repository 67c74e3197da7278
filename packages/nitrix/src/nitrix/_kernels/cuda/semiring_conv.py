"""Convolutions over any algebra on an NVIDIA GPU: Pallas on Triton, forward and backward, in implicit form.

A program computes where the taps of its outputs stand and loads from there: no array of patches exists, and nothing is
padded. It owns one tile of its output and runs the reduction in order, without atomics. The cotangent of the kernel,
which is small and sums over every output, is made in parts that are added at the end. A tap beyond the border leaves
the state as it was.

Operands: float32, float64, bfloat16 and float16 (which accumulate in float32), int32, bool (int32 in memory), of less
than 2**31 entries. Checked in interpret mode and by lowering.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu
from jaxtyping import Shaped

from nitrix._kernels.rank_one import OPERANDS, accumulator, carried, check_rule, like, loaded, split
from nitrix._kernels.rules import Fold, State, Weight

__all__ = ["Taps", "fold", "pull"]

UNROLL = 4  # terms per trip of the loop, so that the loads of one can overlap the arithmetic of another
TILE = 1024  # entries, about
WIDEST = 64  # columns of a tile
PARTS = 64  # into which the sum of a kernel's cotangent is cut, at most
PART = 256  # positions that each sums over, at least

Shape = tuple[int, ...]
# (lines int32 [bp], term int32) -> (flat index, whether there is one), each [bp]
Place = Callable[[Array, Array], tuple[Array, Array]]


class Taps(NamedTuple):
    """Tap p of the output at o reads the image at o * stride + p * dilation - low; one number for each spatial axis."""

    out: Shape
    stride: Shape
    dilation: Shape
    low: Shape


def fold(
    x: Shaped[Array, "*spatial c_in"],
    k: Shaped[Array, "*kspatial c_in c_out"],
    taps: Taps,
    rule: Fold,
    *,
    dtypes: Sequence[Any],
    interpret: bool = False,
) -> tuple[Shaped[Array, "*out c_out"], ...]:
    """Reduce over taps and channels, in order: `rule.finish` of the state that `rule.step` makes of all its terms.

    Args:
      x: Image.
      k: Kernel, of the dtype of x.
      taps: Where its taps stand.
      rule: The algebra. `init` is called with the dtype of accumulation; values come to `step` in that dtype, and the
        number of the term in the order of the kernel's axes.
      dtypes: One for each output of `rule.finish`.
      interpret: Run as plain JAX on any platform.
    Returns:
      The outputs; those of the initial state where there is no term.
    Raises:
      ValueError: If the shapes do not fit, or an array of the rule's state has not the tile's shape.
      TypeError: If the dtypes differ or are not among the operands of this module.
    """
    spatial, sizes, c_in, c_out = _check(x, k, taps, "fold")
    outputs = tuple(np.dtype(d) for d in dtypes)
    dtype = accumulator(x.dtype)
    check_rule(rule, dtype, len(outputs))
    shape, terms = (_size(taps.out), c_out), _size(sizes) * c_in
    if 0 in shape:
        return tuple(jnp.zeros((*taps.out, c_out), d) for d in outputs)
    if 0 in (x.size, terms):
        empty = rule.finish(rule.init(shape, dtype))
        return tuple(v.astype(d).reshape(*taps.out, c_out) for v, d in zip(empty, outputs, strict=True))

    def step(
        state: State, lefts: State, rows: State, tiles: State, term: Array, lines: Array, _: Array
    ) -> State:
        return rule.step(state, lefts[0], rows[0], term)

    def place(lines: Array, term: Array) -> tuple[Array, Array]:
        tap, channel = lax.div(term, jnp.int32(c_in)), lax.rem(term, jnp.int32(c_in))
        at, inside = _read(_unravel(lines, taps.out), _unravel(tap, sizes), spatial, taps)
        return at * c_in + channel, inside

    loop = _Loop(place, step, lambda shape: rule.init(shape, dtype), rule.finish, outputs)
    got = _stream(loop, (x.reshape(-1),), (k.reshape(terms, c_out),), (), shape, terms, 1, interpret)
    return tuple(v[0].reshape(*taps.out, c_out) for v in got)


def pull(
    x: Shaped[Array, "*spatial c_in"],
    k: Shaped[Array, "*kspatial c_in c_out"],
    planes: tuple[Shaped[Array, "*out c_out"], ...],
    taps: Taps,
    weight_x: Weight,
    weight_k: Weight,
    *,
    interpret: bool = False,
) -> tuple[Shaped[Array, "*spatial c_in"], Shaped[Array, "*kspatial c_in c_out"]]:
    """Sum weight_x over the terms that an entry of x enters, and weight_k over those of an entry of k.

    Each weight is a function of (x's entry, k's entry, the term's number, *planes at the output), elementwise in
    broadcasting operands. Other arguments and errors as of `fold`; TypeError also if x is not floating.
    """
    spatial, sizes, c_in, c_out = _check(x, k, taps, "pull")
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(f"pull: x and k are {x.dtype}, which has no gradient; give floating operands.")
    wanted = (*taps.out, c_out)
    if not planes or any(plane.shape != wanted for plane in planes):
        raise ValueError(
            f"pull: planes have shapes {[p.shape for p in planes]}, expected at least one, all {wanted}."
        )
    positions, terms = _size(taps.out), _size(sizes) * c_in
    if 0 in (x.size, k.size, positions):
        return jnp.zeros_like(x), jnp.zeros_like(k)
    dtype = accumulator(x.dtype)

    def zeros(shape: Shape) -> State:
        return (jnp.zeros(shape, dtype),)

    def add(state: State, term: Array) -> State:
        return (state[0] + jnp.broadcast_to(term, state[0].shape).astype(dtype),)

    def reach(lines: Array, term: Array) -> tuple[Array, Array]:
        """The output whose tap stands at an entry of x."""
        tap, column = lax.div(term, jnp.int32(c_out)), lax.rem(term, jnp.int32(c_out))
        at, inside = jnp.zeros_like(lines), lines >= 0
        for axis, (i, p) in enumerate(zip(_unravel(lines, spatial), _unravel(tap, sizes), strict=True)):
            steps = i + taps.low[axis] - p * taps.dilation[axis]
            o = lax.div(jnp.maximum(steps, 0), jnp.int32(taps.stride[axis]))
            inside = inside & (steps >= 0) & (o * taps.stride[axis] == steps) & (o < taps.out[axis])
            at = at * taps.out[axis] + o
        return at * c_out + column, inside

    def step_x(
        state: State, lefts: State, rows: State, tiles: State, term: Array, _: Array, columns: Array
    ) -> State:
        number = lax.div(term, jnp.int32(c_out)) * c_in + columns
        return add(state, weight_x(tiles[0], rows[0], number, *lefts))

    def read(lines: Array, term: Array) -> tuple[Array, Array]:
        tap, channel = lax.div(lines, jnp.int32(c_in)), lax.rem(lines, jnp.int32(c_in))
        at, inside = _read(_unravel(term, taps.out), _unravel(tap, sizes), spatial, taps)
        return at * c_in + channel, inside

    def step_k(
        state: State, lefts: State, rows: State, tiles: State, _: Array, lines: Array, columns: Array
    ) -> State:
        return add(state, weight_k(lefts[0], tiles[0], lines, *rows))

    turned = jnp.swapaxes(k, -1, -2).reshape(-1, c_in)
    flat = tuple(plane.reshape(-1) for plane in planes)
    tile, count = (x.reshape(-1, c_in),), _size(sizes) * c_out
    of_x = _Loop(reach, step_x, zeros, lambda state: state, (x.dtype,))
    (dx,) = _stream(of_x, flat, (turned,), tile, tile[0].shape, count, 1, interpret)
    rights, parts = tuple(plane.reshape(-1, c_out) for plane in planes), min(PARTS, pl.cdiv(positions, PART))
    of_k = _Loop(read, step_k, zeros, lambda state: state, (dtype,))
    shape = (terms, c_out)
    (dk,) = _stream(of_k, (x.reshape(-1),), rights, (k.reshape(shape),), shape, positions, parts, interpret)
    return dx[0].reshape(x.shape), dk.sum(0).astype(k.dtype).reshape(k.shape)


class _Loop(NamedTuple):
    """A reduction for the tile [bp, bq] of an output."""

    place: Place  # where the entries [bp, 1] of the gathered arrays stand
    # (state, gathered [bp, 1], rows [1, bq], tiles [bp, bq], term int32, lines [bp, 1], columns [1, bq]) -> state
    step: Callable[..., State]
    init: Callable[[Shape], State]
    finish: Callable[[State], State]
    dtypes: tuple[np.dtype, ...]


def _stream(
    loop: _Loop,
    gathered: State,
    rights: State,
    tiles: State,
    shape: Shape,
    terms: int,
    parts: int,
    interpret: bool,
) -> State:
    """Outputs [parts, p, q], each the reduction of its part of the terms: of `gathered` and the rows of `rights`."""
    p, q = shape
    bq = min(pl.next_power_of_2(q), WIDEST)
    bp = min(TILE // bq, 256, pl.next_power_of_2(p))
    part = pl.cdiv(terms, parts)

    def kernel(*refs: Any) -> None:
        sizes = (len(gathered), len(rights), len(tiles), len(loop.dtypes))
        gathered_refs, right_refs, tile_refs, outs = split(refs, *sizes)
        lines = pl.program_id(0) * bp + jnp.arange(bp, dtype=jnp.int32)
        columns = pl.program_id(1) * bq + jnp.arange(bq, dtype=jnp.int32)
        number = pl.program_id(2)
        inside = (lines < p)[:, None] & (columns < q)[None, :]

        def load(ref: Any, source: Array, at: Any, mask: Array) -> Array:
            return loaded(plgpu.load(ref.at[at], mask=mask, other=0), source.dtype)

        whole = (lines[:, None], columns[None, :])
        own = tuple(load(ref, x, whole, inside) for ref, x in zip(tile_refs, tiles, strict=True))

        def one(offset: Array, state: State) -> State:
            term = number * part + offset
            exists = (offset < part) & (term < terms)
            at, counts = loop.place(lines, jnp.where(exists, term, 0))
            counts = counts & (lines < p) & exists
            at = jnp.where(counts, at, 0)
            lefts = tuple(
                load(r, x, at, counts)[:, None] for r, x in zip(gathered_refs, gathered, strict=True)
            )
            row = (jnp.broadcast_to(jnp.where(exists, term, 0), columns.shape), columns)
            rows = tuple(
                load(r, x, row, columns < q)[None, :] for r, x in zip(right_refs, rights, strict=True)
            )
            new = loop.step(state, lefts, rows, own, term, lines[:, None], columns[None, :])
            return tuple(jnp.where(counts[:, None], n, old) for n, old in zip(new, state, strict=True))

        def trip(group: Array, state: State) -> State:
            for t in range(UNROLL):
                state = one(group * UNROLL + t, state)
            return state

        state = lax.fori_loop(jnp.int32(0), jnp.int32(pl.cdiv(part, UNROLL)), trip, loop.init((bp, bq)))
        for ref, value in zip(outs, loop.finish(state), strict=True):
            at = (jnp.broadcast_to(number, (bp, bq)), *whole)
            plgpu.store(ref.at[at], jnp.broadcast_to(value, (bp, bq)).astype(ref.dtype), mask=inside)

    outputs = pl.pallas_call(
        kernel,
        grid=(pl.cdiv(p, bp), pl.cdiv(q, bq), parts),
        out_shape=[like((parts, p, q), carried(d)) for d in loop.dtypes],
        compiler_params=plgpu.CompilerParams(num_warps=max(1, min(4, bp * bq // 256)), num_stages=1),
        interpret=interpret,
        name="conv_stream",
    )(*(x.astype(carried(x.dtype)) for x in (*gathered, *rights, *tiles)))
    return tuple(x.astype(d) for x, d in zip(outputs, loop.dtypes, strict=True))


def _read(at: Sequence[Array], tap: Sequence[Array], spatial: Shape, taps: Taps) -> tuple[Array, Array]:
    """The flat number of the voxel under a tap of the output at `at`, and whether it is one."""
    flat: Any = 0
    inside: Any = True
    for axis, (o, p, n) in enumerate(zip(at, tap, spatial, strict=True)):
        i = o * taps.stride[axis] + p * taps.dilation[axis] - taps.low[axis]
        inside = inside & (i >= 0) & (i < n)
        flat = flat * n + i
    return flat, inside


def _unravel(flat: Array, shape: Shape) -> list[Array]:
    """The indices of a flat number, which is not negative."""
    indices = []
    for size in reversed(shape):
        indices.append(lax.rem(flat, jnp.int32(size)))
        flat = lax.div(flat, jnp.int32(size))
    return indices[::-1]


def _size(shape: Shape) -> int:
    entries = 1
    for length in shape:
        entries *= length
    return entries


def _check(x: Array, k: Array, taps: Taps, function: str) -> tuple[Shape, Shape, int, int]:
    """Spatial shape, that of the taps, and channels; operands that do not fit or that no kernel loads are refused."""
    ranks = {len(part) for part in taps} | {x.ndim - 1, k.ndim - 2}
    if len(ranks) != 1 or x.shape[-1] != k.shape[-2]:
        raise ValueError(
            f"{function}: x{x.shape}, k{k.shape} and {taps} are not [*spatial, c_in], [*kspatial, c_in, c_out] and "
            f"numbers for each spatial axis."
        )
    if x.dtype != k.dtype or x.dtype.name not in OPERANDS:
        raise TypeError(
            f"{function}: x is {x.dtype} and k is {k.dtype}; convert both to one of {', '.join(OPERANDS)}."
        )
    return x.shape[:-1], k.shape[:-2], k.shape[-2], k.shape[-1]
