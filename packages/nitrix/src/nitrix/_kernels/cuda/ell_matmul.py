"""Products of ELL matrices over any algebra on an NVIDIA GPU: Pallas on Triton, forward and backward.

One program owns one tile of the output, keeps the state in registers and takes the slots of its rows in turn; the rows
of the dense operand are gathered by loads through computed pointers inside the kernel. There are no atomics and the
order of summation is fixed, backward too: the cotangent of the dense operand gathers through the transposed slots.

Operands: float32, float64, bfloat16 and float16 (which accumulate in float32), int32, bool (int32 in memory).
Checked in interpret mode and by lowering.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
from jax import Array, lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu
from jaxtyping import Integer, Shaped

from nitrix._kernels.gathered import Slots, fold_by, pull_dense_by, pull_values_by
from nitrix._kernels.rank_one import accumulator, carried, like, loaded, split
from nitrix._kernels.rules import Fold, Rule, State, Weight

__all__ = ["fold", "pull_dense", "pull_values"]

UNROLL = 2  # slots per trip of the loop, so that the gathers of one can overlap the arithmetic of another
TILE = 1024  # entries of a tile: 8 for each of 128 threads
WIDEST = 128  # columns of a tile
SLOTS = 8  # that one program of `pull_values` serves


def fold(
    values: Shaped[Array, "m k_max"],
    indices: Integer[Array, "m k_max"],
    degree: Integer[Array, " m"] | None,
    B: Shaped[Array, "n c"],
    rule: Fold,
    *,
    dtypes: Sequence[Any],
    first: int = 0,
    interpret: bool = False,
) -> tuple[Shaped[Array, "m c"], ...]:
    """Reduce over slots, in order: `rule.finish` of what `rule.step` makes of all values[i, p], B[indices[i, p], j].

    Args:
      values: Entries.
      indices: Row of B for each slot; one out of range marks a slot that does not count.
      degree: Slots of each row that count at most; None: all.
      B: Dense operand, of the dtype of values.
      rule: The algebra. `init` is called with the dtype of accumulation; values come to `step` in that dtype, and with
        them the slot's number, `first + i * k_max + p`.
      dtypes: One for each output of `rule.finish`.
      first: Number of the first slot.
      interpret: Run as plain JAX on any platform.
    Returns:
      The outputs; those of the initial state in rows without a slot that counts.
    Raises:
      ValueError: If the shapes do not fit, or an array of the rule's state has not the tile's shape.
      TypeError: If the dtypes differ or are not among the operands of this module.
    """
    stream = partial(_stream, interpret=interpret)
    return fold_by(stream, values, indices, degree, B, rule, dtypes=dtypes, first=first)


def pull_dense(
    values: Shaped[Array, "n k_t"],
    numbers: Integer[Array, "n k_t"],
    indices: Integer[Array, "n k_t"],
    degree: Integer[Array, " n"] | None,
    B: Shaped[Array, "n c"],
    planes: tuple[Shaped[Array, "m c"], ...],
    weight: Weight,
    *,
    interpret: bool = False,
) -> Shaped[Array, "n c"]:
    """Sum over the slots q of row j of weight(values[j, q], B[j, c], numbers[j, q], *planes[indices[j, q], c]).

    Args:
      values: Entries of the transposed matrix.
      numbers: Number of each of its slots in the matrix itself.
      indices: Row of the matrix for each slot; one out of range marks a slot that does not count.
      degree: Slots of each row that count at most; None: all.
      B: Dense operand, floating, of the dtype of values.
      planes: What the weight needs of the rows of the matrix: statistics of the forward pass and the cotangent.
      weight: Elementwise in broadcasting operands of the dtype of accumulation.
      interpret: Run as plain JAX on any platform.
    Returns:
      An array like B.
    Raises:
      ValueError: If the shapes do not fit.
      TypeError: If B is not floating, or indices are no integers.
    """
    stream = partial(_stream, interpret=interpret)
    return pull_dense_by(stream, values, numbers, indices, degree, B, planes, weight)


def pull_values(
    values: Shaped[Array, "m k_max"],
    indices: Integer[Array, "m k_max"],
    degree: Integer[Array, " m"] | None,
    B: Shaped[Array, "n c"],
    planes: tuple[Shaped[Array, "m c"], ...],
    weight: Weight,
    *,
    first: int = 0,
    interpret: bool = False,
) -> Shaped[Array, "m k_max"]:
    """Sum over c of weight(values[i, p], B[indices[i, p], c], number, *planes[i, c]); 0 where a slot does not count.

    Arguments and errors as of `fold` and `pull_dense`; the result is an array like values.
    """
    reduce = partial(_reduce, interpret=interpret)
    return pull_values_by(reduce, values, indices, degree, B, planes, weight, first=first)


def _stream(slots: Slots, gathered: State, tiles: State, rule: Rule, *, interpret: bool) -> State:
    """The loop of `gathered` over Triton's tiles."""
    (p, r), (n, q) = slots.values.shape, gathered[0].shape
    bp, bq = _tile(p, q)
    arrays, read = _slot_reader(slots, n)

    def kernel(*refs: Any) -> None:
        slot_refs, gathered_refs, tile_refs, outs = split(
            refs, len(arrays), len(gathered), len(tiles), len(rule.dtypes)
        )
        lines = pl.program_id(0) * bp + jnp.arange(bp, dtype=jnp.int32)
        columns = pl.program_id(1) * bq + jnp.arange(bq, dtype=jnp.int32)
        inside = (lines < p)[:, None] & (columns < q)[None, :]
        own = tuple(_loaded(ref, x, lines, columns, inside) for ref, x in zip(tile_refs, tiles, strict=True))

        def term(slot: Array, state: State) -> State:
            value, index, number, counts = read(slot_refs, lines, slot, (lines < p) & (slot < r))
            mask = counts[:, None] & inside
            rows = tuple(
                _loaded(ref, x, index, columns, mask) for ref, x in zip(gathered_refs, gathered, strict=True)
            )
            new = rule.step(state, value[:, None], rows, own, number[:, None], lines[:, None])
            return tuple(jnp.where(counts[:, None], s, old) for s, old in zip(new, state, strict=True))

        def trip(group: Array, state: State) -> State:
            for t in range(UNROLL):
                state = term(group * UNROLL + t, state)
            return state

        state = lax.fori_loop(jnp.int32(0), jnp.int32(pl.cdiv(r, UNROLL)), trip, rule.init((bp, bq)))
        for ref, value in zip(outs, rule.finish(state), strict=True):
            plgpu.store(
                ref.at[lines[:, None], columns[None, :]],
                jnp.broadcast_to(value, (bp, bq)).astype(ref.dtype),
                mask=inside,
            )

    operands = (*arrays, *gathered, *tiles)
    outputs = pl.pallas_call(
        kernel,
        grid=(pl.cdiv(p, bp), pl.cdiv(q, bq)),
        out_shape=[like((p, q), carried(d)) for d in rule.dtypes],
        compiler_params=_parameters(bp * bq),
        interpret=interpret,
        name="ell_stream",
    )(*(x.astype(carried(x.dtype)) for x in operands))
    return tuple(x.astype(d) for x, d in zip(outputs, rule.dtypes, strict=True))


def _reduce(slots: Slots, B: Array, planes: State, weight: Weight, *, interpret: bool) -> Array:
    """The weights of each slot, summed over the columns: a program serves a few slots of a tile of rows."""
    (p, r), (n, c) = slots.values.shape, B.shape
    bp, bc = _tile(p, c)
    arrays, read = _slot_reader(slots, n)
    total_dtype = accumulator(B.dtype)

    def kernel(*refs: Any) -> None:
        slot_refs, (B_ref,), plane_refs, (out,) = split(refs, len(arrays), 1, len(planes), 1)
        lines = pl.program_id(0) * bp + jnp.arange(bp, dtype=jnp.int32)
        first = pl.program_id(1) * SLOTS

        def serve(t: Array, _: None) -> None:
            slot = first + t
            value, index, number, counts = read(slot_refs, lines, slot, (lines < p) & (slot < r))

            def part(block: Array, total: Array) -> Array:
                columns = block * bc + jnp.arange(bc, dtype=jnp.int32)
                inside = counts[:, None] & (columns < c)[None, :]
                row = _loaded(B_ref, B, index, columns, inside)
                own = tuple(
                    _loaded(ref, x, lines, columns, inside) for ref, x in zip(plane_refs, planes, strict=True)
                )
                term = weight(value[:, None], row, number[:, None], *own)
                return total + jnp.where(inside, term, jnp.zeros((), term.dtype)).astype(total.dtype)

            total = jnp.zeros((bp, bc), total_dtype)
            total = lax.fori_loop(jnp.int32(0), jnp.int32(pl.cdiv(c, bc)), part, total)
            mask = (lines < p) & (slot < r)
            plgpu.store(
                out.at[lines, jnp.broadcast_to(slot, lines.shape)], total.sum(1).astype(out.dtype), mask=mask
            )

        lax.fori_loop(jnp.int32(0), jnp.int32(min(SLOTS, r)), serve, None)

    operands = (*arrays, B, *planes)
    return pl.pallas_call(
        kernel,
        grid=(pl.cdiv(p, bp), pl.cdiv(r, SLOTS)),
        out_shape=like((p, r), B.dtype),
        compiler_params=_parameters(bp * bc),
        interpret=interpret,
        name="ell_reduce",
    )(*(x.astype(carried(x.dtype)) for x in operands))


def _slot_reader(slots: Slots, n: int) -> tuple[State, Callable[..., tuple[Array, Array, Array, Array]]]:
    """The arrays of the slots, and how one slot of each row is read from their refs.

    The reader gives the values, the indices (0 where a slot does not count), the numbers, and which slots count.
    """
    first = slots.numbers
    r = slots.values.shape[1]
    arrays: State = (slots.values, slots.indices)
    if not isinstance(first, int):
        arrays = (*arrays, first)

    def read(
        refs: Sequence[Any], lines: Array, slot: Array, mask: Array
    ) -> tuple[Array, Array, Array, Array]:
        at = (lines, jnp.broadcast_to(slot, lines.shape))
        value = loaded(plgpu.load(refs[0].at[at], mask=mask, other=0), slots.values.dtype)
        index = plgpu.load(refs[1].at[at], mask=mask, other=-1)
        counts = mask & (index >= 0) & (index < n)
        if isinstance(first, int):
            number = lines * r + slot + jnp.int32(first)
        else:
            number = plgpu.load(refs[2].at[at], mask=mask, other=-1)
        return value, jnp.where(counts, index, 0), number, counts

    return arrays, read


def _loaded(ref: Any, source: Array, lines: Array, columns: Array, mask: Array) -> Array:
    """Entries of an array, as the rules take them."""
    part = plgpu.load(ref.at[lines[:, None], columns[None, :]], mask=mask, other=0)
    return loaded(part, source.dtype)


def _tile(p: int, q: int) -> tuple[int, int]:
    """Edges of a tile, powers of two: as wide as the dense operand if that is not wide, so that it reads slots once."""
    bq = min(pl.next_power_of_2(q), WIDEST)
    return min(TILE // bq, 256, pl.next_power_of_2(p)), bq


def _parameters(entries: int) -> Any:
    return plgpu.CompilerParams(num_warps=max(1, min(4, entries // 256)), num_stages=1)
