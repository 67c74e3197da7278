"""Products over any algebra on an NVIDIA GPU: Pallas on Triton, forward and backward.

One program owns one tile of the output, keeps the state in registers and runs the whole reduction in order,
so there are no atomics and the order of summation is fixed. Loads and stores at ragged edges are masked.

Operands: float32, float64, bfloat16 and float16 (which accumulate in float32), int32, bool (int32 in memory).
Checked in interpret mode and by lowering.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu
from jaxtyping import Shaped

from nitrix._kernels.rank_one import carried, fold_by, like, loaded, pull_by, split
from nitrix._kernels.rules import Fold, Rule, State, Weight

__all__ = ["fold", "pull"]

UNROLL = 4  # terms per trip of the loop, so that the loads of one can overlap the arithmetic of another


def fold(
    A: Shaped[Array, "m k"],
    B: Shaped[Array, "k n"],
    rule: Fold,
    *,
    dtypes: Sequence[Any],
    interpret: bool = False,
) -> tuple[Shaped[Array, "m n"], ...]:
    """Reduce over k, in order: `rule.finish` of the state that `rule.step` makes of all A[i, k], B[k, j].

    Args:
      A: Left operand.
      B: Right operand, of the dtype of A.
      rule: The algebra. `init` is called with the dtype of accumulation; values come to `step` in that dtype.
      dtypes: One for each output of `rule.finish`.
      interpret: Run as plain JAX on any platform.
    Returns:
      The outputs; those of the initial state where k is 0.
    Raises:
      ValueError: If the shapes do not fit, or an array of the rule's state has not the tile's shape.
      TypeError: If the dtypes differ or are not among the operands of this module.
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

    Args:
      A: Left operand, floating.
      B: Right operand, of the dtype of A.
      planes: What the weights need at [i, j]: statistics of the forward pass and the cotangent.
      weight_a: Elementwise in broadcasting operands of the dtype of accumulation; k is an int32 array.
      weight_b: The same.
      interpret: Run as plain JAX on any platform.
    Returns:
      Arrays like A and B.
    Raises:
      ValueError: If the shapes do not fit.
      TypeError: If the dtypes differ, are not floating, or are not among the operands of this module.
    """
    return pull_by(partial(_stream, interpret=interpret), A, B, planes, weight_a, weight_b)


def _stream(left: Array, rights: State, tiles: State, rule: Rule, *, interpret: bool) -> State:
    """The loop of `rank_one` over Triton's tiles."""
    (p, r), q = left.shape, rights[0].shape[1]
    bp, bq = _tile(p, q, rule)
    operands = (
        left.T,
        *rights,
        *tiles,
    )  # transposed, so that neighbouring threads load neighbouring elements

    def kernel(*refs: Any) -> None:
        (left_ref,), right_refs, tile_refs, outs = split(refs, 1, len(rights), len(tiles), len(rule.dtypes))
        lines = pl.program_id(0) * bp + jnp.arange(bp, dtype=jnp.int32)
        columns = pl.program_id(1) * bq + jnp.arange(bq, dtype=jnp.int32)
        inside = (lines < p)[:, None] & (columns < q)[None, :]

        def load(ref: Any, source: Array, mask: Array) -> Array:
            return loaded(plgpu.load(ref, mask=mask, other=0), source.dtype)

        own = tuple(load(ref, x, inside) for ref, x in zip(tile_refs, tiles, strict=True))

        def term(index: Array, state: State) -> State:
            column = load(left_ref.at[index, :], left, lines < p)[:, None]
            rows = tuple(
                load(ref.at[index, :], x, columns < q)[None, :]
                for ref, x in zip(right_refs, rights, strict=True)
            )
            return rule.step(state, column, rows, own, index, lines[:, None])

        def trip(number: Array, state: State) -> State:
            for t in range(UNROLL):
                state = term(number * UNROLL + t, state)
            return state

        state = lax.fori_loop(jnp.int32(0), jnp.int32(r // UNROLL), trip, rule.init((bp, bq)))
        for index in range(r - r % UNROLL, r):
            state = term(jnp.int32(index), state)
        for ref, value in zip(outs, rule.finish(state), strict=True):
            plgpu.store(ref, value.astype(ref.dtype), mask=inside)

    tile = pl.BlockSpec((bp, bq), lambda i, j: (i, j))
    outputs = pl.pallas_call(
        kernel,
        grid=(pl.cdiv(p, bp), pl.cdiv(q, bq)),
        in_specs=[
            pl.BlockSpec((r, bp), lambda i, j: (0, i)),
            *(pl.BlockSpec((r, bq), lambda i, j: (0, j)) for _ in rights),
            *(tile for _ in tiles),
        ],
        out_specs=[tile for _ in rule.dtypes],
        out_shape=[like((p, q), carried(d)) for d in rule.dtypes],
        compiler_params=plgpu.CompilerParams(num_warps=max(1, min(8, bp * bq // 256)), num_stages=1),
        interpret=interpret,
        name="rank_one_stream",
    )(*(x.astype(carried(x.dtype)) for x in operands))
    return tuple(x.astype(d) for x, d in zip(outputs, rule.dtypes, strict=True))


def _tile(p: int, q: int, rule: Rule) -> tuple[int, int]:
    """Edges of a tile, powers of two: small for small outputs and large states, long for thin outputs."""
    state = jax.eval_shape(lambda: rule.init((1, 1)))
    size = sum(np.dtype(s.dtype).itemsize for s in state)
    edge = 64 if size <= 8 and pl.cdiv(p, 64) * pl.cdiv(q, 64) >= 256 else 32
    p, q = pl.next_power_of_2(p), pl.next_power_of_2(q)
    bp = min(edge * edge // min(edge, q), 256, p)
    return bp, min(edge * edge // bp, 256, q)
