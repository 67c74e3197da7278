"""Products of ELL matrices over any algebra on a TPU: Pallas on Mosaic, forward and backward.

The dense operand stays in HBM as [n, 1, c], so that a row is a leading index, and its rows come by asynchronous
copies, one for each row of a tile: those of the next slot while this one is reduced. The addresses are scalars in
SMEM; the same indices stand in vector memory too, to tell which slots count. Slots are taken in blocks of 128 lanes;
within a block the slots' arrays are rotated by a lane a trip, since Mosaic does not promise dynamic slices of lanes.

Operands: float32, bfloat16, float16, int32, bool; in the kernel's memory float32 or int32. No float64.
Checked in interpret mode and by lowering.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.custom_batching import sequential_vmap
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu
from jaxtyping import Integer, Shaped

from nitrix._kernels.gathered import Slots, fold_by, pull_dense_by, pull_values_by
from nitrix._kernels.rank_one import accumulator, like, loaded, split
from nitrix._kernels.rules import Fold, Rule, State, Weight
from nitrix._kernels.tpu.words import padded, store, unpacked, up, word

__all__ = ["fold", "pull_dense", "pull_values"]

LANES = 128
SUBLANES = 8
ROWS = 32  # of a tile: as many copies are on their way at once
WIDEST = 512  # columns of a tile

SEMANTICS = (pltpu.PARALLEL, pltpu.PARALLEL, pltpu.ARBITRARY)


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

    Arguments, results and errors as `nitrix._kernels.cuda.ell_matmul.fold`, without float64.
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

    Arguments, results and errors as `nitrix._kernels.cuda.ell_matmul.pull_dense`, without float64.
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

    Arguments, results and errors as `nitrix._kernels.cuda.ell_matmul.pull_values`, without float64.
    """
    reduce = partial(_reduce, interpret=interpret)
    return pull_values_by(reduce, values, indices, degree, B, planes, weight, first=first)


def _stream(slots: Slots, gathered: State, tiles: State, rule: Rule, *, interpret: bool) -> State:
    """The loop of `gathered` over Mosaic's tiles: grid of rows, columns, blocks of slots."""
    (p, r), q = slots.values.shape, gathered[0].shape[1]
    bp, bq = _tile(p, q)
    blocks = pl.cdiv(r, LANES)
    state_dtypes = [state.dtype for state in jax.eval_shape(lambda: rule.init((bp, bq)))]

    def body(refs: Sequence[Any], each_slot: Callable[..., Any]) -> None:
        tile_refs, outs, state_refs = split(refs, len(tiles), len(rule.dtypes), len(state_dtypes))
        block = pl.program_id(2)
        own = tuple(loaded(ref[...], x.dtype) for ref, x in zip(tile_refs, tiles, strict=True))

        @pl.when(block == 0)
        def _() -> None:
            store(state_refs, rule.init((bp, bq)))

        def term(words: State, t: Array, value: Array, number: Array, counts: Array, rows: State) -> State:
            new = rule.step(unpacked(words, state_dtypes), value, rows, own, number, number)
            return tuple(lax.select(counts, s.astype(w.dtype), w) for s, w in zip(new, words, strict=True))

        words = each_slot(term, block, pl.program_id(1), tuple(ref[...] for ref in state_refs))
        store(state_refs, words)

        @pl.when(block == blocks - 1)
        def _() -> None:
            store(outs, rule.finish(unpacked(words, state_dtypes)))

    tile = pl.BlockSpec((bp, bq), lambda i, j, k: (i, j))
    P, Q = up(p, bp), up(q, bq)
    outputs = _call(
        body,
        slots,
        gathered,
        (bp, bq),
        grid=(P // bp, Q // bq, blocks),
        slot_block=lambda i, j, k: (i, k),
        operands=[padded(x, P, Q) for x in tiles],
        specs=[tile for _ in tiles],
        out_specs=[tile for _ in rule.dtypes],
        out_shape=[like((P, Q), word(d)) for d in rule.dtypes],
        scratch=[pltpu.VMEM((bp, bq), word(d)) for d in state_dtypes],
        interpret=interpret,
    )
    return tuple(x[:p, :q].astype(d) for x, d in zip(outputs, rule.dtypes, strict=True))


def _reduce(slots: Slots, B: Array, planes: State, weight: Weight, *, interpret: bool) -> Array:
    """The weights of each slot, summed over the columns: grid of rows, blocks of slots, columns."""
    (p, r), q = slots.values.shape, B.shape[1]
    bp, bq = _tile(p, q)
    P, Q, R = up(p, bp), up(q, bq), up(r, LANES)

    def body(refs: Sequence[Any], each_slot: Callable[..., Any]) -> None:
        plane_refs, (out,) = split(refs, len(planes), 1)
        part = pl.program_id(2)
        own = tuple(loaded(ref[...], x.dtype) for ref, x in zip(plane_refs, planes, strict=True))
        held = part * bq + lax.broadcasted_iota(jnp.int32, (bp, bq), 1) < q
        lanes = lax.broadcasted_iota(jnp.int32, (bp, LANES), 1)

        @pl.when(part == 0)
        def _() -> None:
            out[...] = jnp.zeros(out.shape, out.dtype)

        def term(total: Array, t: Array, value: Array, number: Array, counts: Array, rows: State) -> Array:
            terms = jnp.broadcast_to(weight(value, rows[0], number, *own), (bp, bq)).astype(out.dtype)
            terms = jnp.where(held & counts, terms, jnp.zeros((), out.dtype))
            sums = jnp.broadcast_to(jnp.sum(terms, axis=1, keepdims=True), total.shape)
            return jnp.where(lanes == t, total + sums, total)

        out[...] = each_slot(term, pl.program_id(1), part, out[...])

    (out,) = _call(
        body,
        slots,
        (B,),
        (bp, bq),
        grid=(P // bp, R // LANES, Q // bq),
        slot_block=lambda i, j, k: (i, j),
        operands=[padded(x, P, Q) for x in planes],
        specs=[pl.BlockSpec((bp, bq), lambda i, j, k: (i, k)) for _ in planes],
        out_specs=[pl.BlockSpec((bp, LANES), lambda i, j, k: (i, j))],
        out_shape=[like((P, R), accumulator(B.dtype))],
        scratch=[],
        interpret=interpret,
    )
    return out[:p, :r].astype(B.dtype)


def _call(
    body: Callable[..., None],
    slots: Slots,
    gathered: State,
    tile: tuple[int, int],
    *,
    grid: tuple[int, int, int],
    slot_block: Callable[..., Any],
    operands: list[Array],
    specs: list[Any],
    out_specs: list[Any],
    out_shape: list[Any],
    scratch: list[Any],
    interpret: bool,
) -> State:
    """A kernel that is given its own refs, and a loop over the slots of one block that gathers their rows."""
    (p, r), (n, q), (bp, bq) = slots.values.shape, gathered[0].shape, tile
    P, R, Q = up(p, bp), up(r, LANES), up(q, bq)
    counting = jnp.where((slots.indices >= 0) & (slots.indices < n), slots.indices, -1)
    first = slots.numbers
    slot_arrays = [slots.values, counting, *([] if isinstance(first, int) else [first])]
    sizes = (
        1,
        len(slot_arrays),
        len(gathered),
        len(operands) + len(out_shape),
        len(gathered),
        len(gathered),
        1,
    )

    def kernel(*refs: Any) -> None:
        (address,), slot_refs, sources, own, buffers, tiles, (arrived,), rest = split(
            refs, *sizes, len(refs) - sum(sizes)
        )
        lines = pl.program_id(0) * bp + lax.broadcasted_iota(jnp.int32, (bp, bq), 0)

        def each_slot(term: Callable[..., Any], block: Array, column_block: Array, state: Any) -> Any:
            columns = pl.ds(pl.multiple_of(column_block * bq, LANES), bq)
            trips = jnp.minimum(LANES, r - block * LANES)

            def copies(t: Array, do: Callable[[Any], None]) -> None:
                half = lax.rem(t, jnp.int32(2))

                def row(i: Array, _: None) -> None:
                    for source, buffer in zip(sources, buffers, strict=True):
                        origin = source.at[address[i, t], :, columns]
                        do(pltpu.make_async_copy(origin, buffer.at[half, i], arrived.at[half]))

                lax.fori_loop(jnp.int32(0), jnp.int32(bp), row, None)

            def trip(t: Array, carry: Any) -> Any:
                arrays, state = carry

                @pl.when(t + 1 < trips)
                def _() -> None:
                    copies(t + 1, lambda copy: copy.start())

                copies(t, lambda copy: copy.wait())
                half = lax.rem(t, jnp.int32(2))
                for buffer, rows in zip(buffers, tiles, strict=True):
                    for i in range(bp):
                        rows[i : i + 1, :] = buffer[half, i]
                value, index, *number = (jnp.broadcast_to(x[:, :1], (bp, bq)) for x in arrays)
                state = term(
                    state,
                    t,
                    loaded(value, slots.values.dtype),
                    first + lines * r + block * LANES + t if isinstance(first, int) else number[0],
                    index >= 0,
                    tuple(loaded(rows[...], x.dtype) for rows, x in zip(tiles, gathered, strict=True)),
                )
                return [pltpu.roll(x, LANES - 1, 1) for x in arrays], state

            copies(jnp.int32(0), lambda copy: copy.start())
            arrays = [ref[...] for ref in slot_refs]
            return lax.fori_loop(jnp.int32(0), trips, trip, (arrays, state))[1]

        body((*own, *rest), each_slot)

    of_slots = pl.BlockSpec((bp, LANES), slot_block)
    words = [word(x.dtype) for x in gathered]
    call = pl.pallas_call(
        kernel,
        grid=grid,
        in_specs=[
            pl.BlockSpec((bp, LANES), slot_block, memory_space=pltpu.SMEM),
            *(of_slots for _ in slot_arrays),
            *(pl.BlockSpec(memory_space=pl.ANY) for _ in gathered),
            *specs,
        ],
        out_specs=out_specs,
        out_shape=out_shape,
        scratch_shapes=[
            *(pltpu.VMEM((2, bp, 1, bq), d) for d in words),
            *(pltpu.VMEM((bp, bq), d) for d in words),
            pltpu.SemaphoreType.DMA((2,)),
            *scratch,
        ],
        compiler_params=pltpu.CompilerParams(dimension_semantics=None if interpret else SEMANTICS),
        interpret=pltpu.InterpretParams() if interpret else False,
        name="ell_stream",
    )
    # Mosaic takes arrays in HBM whole, so that a batch of them is a loop of calls.
    outputs = sequential_vmap(lambda *arrays: tuple(call(*arrays)))(  # type: ignore[no-untyped-call]
        padded(jnp.maximum(counting, 0), P, R),
        *(padded(x, P, R) for x in slot_arrays),
        *(padded(x, n, Q)[:, None, :] for x in gathered),
        *operands,
    )
    return tuple(outputs)


def _tile(p: int, q: int) -> tuple[int, int]:
    return min(ROWS, up(p, SUBLANES)), min(WIDEST, up(q, LANES))
