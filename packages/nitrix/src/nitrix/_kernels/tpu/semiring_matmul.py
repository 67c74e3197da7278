"""Products over any algebra on a TPU: Pallas on Mosaic, forward and backward.

The reduction is the innermost axis of the grid, in blocks of 128 lanes; between them the state stays in VMEM.
Within a block eight terms are unrolled with static lane and sublane slices, and the block is rotated by eight
lanes between trips, since Mosaic does not promise dynamic slices of single lanes. Terms beyond the end are
computed and dropped.

Operands: float32, bfloat16, float16, int32, bool; in the kernel's memory float32 or int32. No float64.
Checked in interpret mode and by lowering.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu
from jaxtyping import Shaped

from nitrix._kernels.rank_one import fold_by, like, loaded, pull_by, split
from nitrix._kernels.rules import Fold, Rule, State, Weight
from nitrix._kernels.tpu.words import padded, store, unpacked, up, word

__all__ = ["fold", "pull"]

LANES = 128
SUBLANES = 8

SEMANTICS = (pltpu.PARALLEL, pltpu.PARALLEL, pltpu.ARBITRARY)  # the interpreter takes none under `vmap`


def fold(
    A: Shaped[Array, "m k"],
    B: Shaped[Array, "k n"],
    rule: Fold,
    *,
    dtypes: Sequence[Any],
    interpret: bool = False,
) -> tuple[Shaped[Array, "m n"], ...]:
    """Reduce over k, in order: `rule.finish` of the state that `rule.step` makes of all A[i, k], B[k, j].

    Arguments, results and errors as `nitrix._kernels.cuda.semiring_matmul.fold`, without float64.
    """
    return fold_by(partial(_stream, interpret=interpret), A, B, rule, dtypes=dtypes)


def pull(
    A: Shaped[Array, "m k"],
    B: Shaped[Array, "k n"],
    planes: tuple[Shaped[Array, "m n"], ...],
    weight_a: Weight,
    weight_b: Weight,
    *,
    interpret: bool = False,
) -> tuple[Shaped[Array, "m k"], Shaped[Array, "k n"]]:
    """Sum over j of weight_a(A[i, k], B[k, j], k, *planes[i, j]), and over i of weight_b of the same.

    Arguments, results and errors as `nitrix._kernels.cuda.semiring_matmul.pull`, without float64.
    """
    return pull_by(partial(_stream, interpret=interpret), A, B, planes, weight_a, weight_b)


def _stream(left: Array, rights: State, tiles: State, rule: Rule, *, interpret: bool) -> State:
    """The loop of `rank_one` over Mosaic's tiles."""
    (p, r), q = left.shape, rights[0].shape[1]
    bp, bq = min(64, up(p, SUBLANES)), LANES
    P, Q, R = up(p, bp), up(q, bq), up(r, LANES)
    blocks = R // LANES
    state_dtypes = [state.dtype for state in jax.eval_shape(lambda: rule.init((bp, bq)))]
    operands = [
        padded(left, P, R),
        *(padded(x, R, Q) for x in rights),
        *(padded(x, P, Q) for x in tiles),
    ]

    def kernel(*refs: Any) -> None:
        sizes = (1, len(rights), len(tiles), len(rule.dtypes), len(state_dtypes))
        (left_ref,), right_refs, tile_refs, outs, state_refs = split(refs, *sizes)
        block = pl.program_id(2)
        lines = pl.program_id(0) * bp + lax.broadcasted_iota(jnp.int32, (bp, bq), 0)
        own = tuple(loaded(ref[...], x.dtype) for ref, x in zip(tile_refs, tiles, strict=True))

        @pl.when(block == 0)
        def _() -> None:
            store(state_refs, rule.init((bp, bq)))

        # Over the tile while it is a word: a narrow mask, as comparisons make, has no layout to rely on.
        def spread(words: Array, source: Array) -> Array:
            return loaded(jnp.broadcast_to(words, (bp, bq)), source.dtype)

        def term(t: int, first: Array, columns: Array, eights: list[Array], words: State) -> State:
            index = block * LANES + first + t
            column = spread(columns[:, t : t + 1], left)
            rows = tuple(spread(e[t : t + 1, :], x) for e, x in zip(eights, rights, strict=True))
            new = rule.step(unpacked(words, state_dtypes), column, rows, own, index, lines)
            new = tuple(s.astype(w.dtype) for s, w in zip(new, words, strict=True))
            if r % SUBLANES == 0:
                return new
            return tuple(lax.select(index < r, n, w) for n, w in zip(new, words, strict=True))

        def trip(number: Array, carry: tuple[Array, State]) -> tuple[Array, State]:
            columns, words = carry
            first = pl.multiple_of(number * SUBLANES, SUBLANES)
            eights = [ref[pl.ds(first, SUBLANES), :] for ref in right_refs]
            for t in range(SUBLANES):
                words = term(t, first, columns, eights, words)
            return pltpu.roll(columns, LANES - SUBLANES, 1), words

        trips = jnp.minimum(LANES, r - block * LANES + SUBLANES - 1)
        carry = (left_ref[...], tuple(ref[...] for ref in state_refs))
        _, words = lax.fori_loop(jnp.int32(0), lax.div(trips, jnp.int32(SUBLANES)), trip, carry)
        store(state_refs, words)

        @pl.when(block == blocks - 1)
        def _() -> None:
            store(outs, rule.finish(unpacked(words, state_dtypes)))

    tile = pl.BlockSpec((bp, bq), lambda i, j, k: (i, j))
    outputs = pl.pallas_call(
        kernel,
        grid=(P // bp, Q // bq, blocks),
        in_specs=[
            pl.BlockSpec((bp, LANES), lambda i, j, k: (i, k)),
            *(pl.BlockSpec((LANES, bq), lambda i, j, k: (k, j)) for _ in rights),
            *(tile for _ in tiles),
        ],
        out_specs=[tile for _ in rule.dtypes],
        out_shape=[like((P, Q), word(d)) for d in rule.dtypes],
        scratch_shapes=[pltpu.VMEM((bp, bq), word(d)) for d in state_dtypes],
        compiler_params=pltpu.CompilerParams(dimension_semantics=None if interpret else SEMANTICS),
        interpret=pltpu.InterpretParams() if interpret else False,
        name="rank_one_stream",
    )(*operands)
    return tuple(x[:p, :q].astype(d) for x, d in zip(outputs, rule.dtypes, strict=True))
