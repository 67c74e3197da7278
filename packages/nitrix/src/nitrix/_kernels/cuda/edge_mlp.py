"""Reduction over neighbours of what a multilayer perceptron makes of each edge, on an NVIDIA GPU: Pallas on Triton.

One program owns a tile of rows and takes their slots in turn: it gathers the neighbours' first pre-activations, runs
the further layers as dots, in full float32, and reduces the message at once, so that no array of all edges exists.
Widths are padded to powers of two inside; what is beyond a width is 0 and stays out.

Forward only: its derivative is the caller's. Checked in interpret mode and by lowering.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu
from jaxtyping import Float, Integer, Shaped

from nitrix._kernels.gathered import counting
from nitrix._kernels.rank_one import accumulator, carried, check_rule, like
from nitrix._kernels.rules import WIDEST_LAYER, Fold, State

__all__ = ["fold"]

NARROWEST = 16  # that a dot takes
ENTRIES = 4096  # of a tile of rows in its widest layer

Layer = tuple[Float[Array, "_ _"], Float[Array, " _"]]  # weights [h_in, h_out] and biases [h_out]


def fold(
    own: Float[Array, "m h"],
    neighbour: Float[Array, "n h"],
    layers: tuple[Layer, ...],
    indices: Integer[Array, "m k_max"],
    degree: Integer[Array, " m"] | None,
    rule: Fold,
    activation: Callable[[Array], Array],
    *,
    final_activation: bool,
    dtypes: Sequence[Any],
    interpret: bool = False,
) -> tuple[Shaped[Array, "m d_out"], ...]:
    """Reduce over slots, in order, the messages `x(L)` of the edges from i to j = indices[i, p].

    `x(0) = own[i] + neighbour[j]`, then `x(l + 1) = activation(x(l)) @ W(l) + b(l)`.

    Args:
      own: First pre-activations, the part that a row gives.
      neighbour: The part that its neighbour gives, of the dtype of own.
      layers: Weights and biases of the further layers, of the dtype of own, each at most `WIDEST_LAYER` wide.
      indices: Row of neighbour for each slot; one out of range marks a slot that does not count.
      degree: Slots of each row that count at most; None: all.
      rule: The reduction. Its `step` gets the message as `b`, zeros as `a`, and the number of the slot, i * k_max + p.
      activation: Elementwise.
      final_activation: Whether the message is activated too.
      dtypes: One for each output of `rule.finish`.
      interpret: Run as plain JAX on any platform.
    Returns:
      The outputs; those of the initial state in rows without a slot that counts.
    Raises:
      ValueError: If the shapes do not fit, a width is 0, or a layer is too wide.
      TypeError: If the dtypes differ or are neither float32, bfloat16 nor float16, or indices are no integers.
    """
    _check(own, neighbour, layers, indices)
    indices = counting("fold", indices, degree)
    outputs = tuple(np.dtype(d) for d in dtypes)
    dtype = accumulator(own.dtype)
    check_rule(rule, dtype, len(outputs), gathered=True)
    m, d_out = own.shape[0], _widths(own, layers)[-1]
    if m == 0:
        return tuple(jnp.zeros((m, d_out), d) for d in outputs)
    if 0 in (indices.shape[1], neighbour.shape[0]):
        empty = rule.finish(rule.init((m, d_out), dtype))
        return tuple(v.astype(d) for v, d in zip(empty, outputs, strict=True))
    own, neighbour, layers = (_widened(x, dtype) for x in (own, neighbour, layers))
    return _run(own, neighbour, layers, indices, rule, activation, final_activation, outputs, interpret)


def _run(
    own: Array,
    neighbour: Array,
    layers: tuple[Layer, ...],
    indices: Array,
    rule: Fold,
    activation: Callable[[Array], Array],
    final_activation: bool,
    outputs: tuple[np.dtype, ...],
    interpret: bool,
) -> State:
    widths = _widths(own, layers)
    (m, k_max), n = indices.shape, neighbour.shape[0]
    rows, padded = _tile(m, widths)
    columns_of_grid = 1 if layers else pl.cdiv(widths[0], padded[0])

    def kernel(own_ref: Any, neighbour_ref: Any, index_ref: Any, *refs: Any) -> None:
        layer_refs, outs = refs[: 2 * len(layers)], refs[2 * len(layers) :]
        lines = pl.program_id(0) * rows + jnp.arange(rows, dtype=jnp.int32)
        inside = lines < m
        columns = [jnp.arange(width, dtype=jnp.int32) for width in padded]
        columns[0] = pl.program_id(1) * padded[0] + columns[0]
        held = [c < width for c, width in zip(columns, widths, strict=True)]

        def load(ref: Any, at: Array, layer: int, mask: Array) -> Array:
            where = ref.at[at[:, None], columns[layer][None, :]]
            return plgpu.load(where, mask=mask[:, None] & held[layer][None, :], other=0)

        mine = load(own_ref, lines, 0, inside)
        weights = [
            load(ref, columns[layer], layer + 1, held[layer]) for layer, ref in enumerate(layer_refs[::2])
        ]
        biases = [
            plgpu.load(ref.at[columns[layer]], mask=held[layer], other=0)
            for layer, ref in enumerate(layer_refs[1::2], 1)
        ]

        def message(index: Array, counts: Array) -> Array:
            x = mine + load(neighbour_ref, index, 0, counts)
            for weight, bias, real in zip(weights, biases, held, strict=False):
                x = jnp.where(real[None, :], activation(x), 0)  # an activation of 0 may be anything
                x = jnp.dot(x, weight, precision=lax.Precision.HIGHEST) + bias[None, :]
            return activation(x) if final_activation else x

        def take(slot: Array, state: State) -> State:
            at = (lines, jnp.broadcast_to(slot, lines.shape))
            index = plgpu.load(index_ref.at[at], mask=inside, other=-1)
            counts = inside & (index >= 0) & (index < n)
            x = message(jnp.where(counts, index, 0), counts)
            number = lines * k_max + slot
            new = rule.step(state, jnp.zeros((rows, 1), x.dtype), x, number[:, None])
            return tuple(jnp.where(counts[:, None], s, old) for s, old in zip(new, state, strict=True))

        state = rule.init((rows, padded[-1]), own.dtype)
        state = lax.fori_loop(jnp.int32(0), jnp.int32(k_max), take, state)
        for ref, value in zip(outs, rule.finish(state), strict=True):
            plgpu.store(
                ref.at[lines[:, None], columns[-1][None, :]],
                value.astype(ref.dtype),
                mask=inside[:, None] & held[-1][None, :],
            )

    outs = pl.pallas_call(
        kernel,
        grid=(pl.cdiv(m, rows), columns_of_grid),
        out_shape=[like((m, widths[-1]), carried(d)) for d in outputs],
        compiler_params=plgpu.CompilerParams(
            num_warps=max(1, min(8, rows * max(padded) // 512)), num_stages=1
        ),
        interpret=interpret,
        name="edge_mlp",
    )(own, neighbour, indices, *(x for layer in layers for x in layer))
    return tuple(x.astype(d) for x, d in zip(outs, outputs, strict=True))


def _tile(m: int, widths: list[int]) -> tuple[int, list[int]]:
    """Rows of a tile, and the widths as they are padded; a lone first layer is cut into columns."""
    if len(widths) == 1:
        width = min(pl.next_power_of_2(widths[0]), WIDEST_LAYER)
        return min(1024 // width, 256, pl.next_power_of_2(m)), [width]
    padded = [max(NARROWEST, pl.next_power_of_2(width)) for width in widths]
    return max(NARROWEST, min(64, ENTRIES // max(padded))), padded


def _widths(own: Array, layers: tuple[Layer, ...]) -> list[int]:
    return [own.shape[1], *(weight.shape[1] for weight, _ in layers)]


def _widened(x: Any, dtype: np.dtype) -> Any:
    return tuple(_widened(part, dtype) for part in x) if isinstance(x, tuple) else x.astype(dtype)


def _check(own: Array, neighbour: Array, layers: tuple[Layer, ...], indices: Array) -> None:
    """Refuse operands that do not fit together or that the kernel cannot hold."""
    if own.ndim != 2 or neighbour.ndim != 2 or own.shape[1] != neighbour.shape[1]:
        raise ValueError(f"fold: own{own.shape} and neighbour{neighbour.shape} are not [m, h] and [n, h].")
    if indices.ndim != 2 or indices.shape[0] != own.shape[0]:
        raise ValueError(
            f"fold: indices{indices.shape} are not [{own.shape[0]}, k_max], one row for each row of own."
        )
    width = own.shape[1]
    for number, (weight, bias) in enumerate(layers):
        if weight.ndim != 2 or weight.shape[0] != width or bias.shape != weight.shape[1:]:
            raise ValueError(
                f"fold: layer {number} has weights {weight.shape} and biases {bias.shape}; they must be "
                f"[{width}, h_out] and [h_out]."
            )
        width = weight.shape[1]
    widths = _widths(own, layers)
    if 0 in widths or (layers and max(widths) > WIDEST_LAYER):
        raise ValueError(
            f"fold: the layers are {widths} wide; give widths from 1, and to {WIDEST_LAYER} if there are several."
        )
    dtypes = {x.dtype.name for x in (own, neighbour, *(x for layer in layers for x in layer))}
    if len(dtypes) > 1 or not dtypes <= {"float32", "bfloat16", "float16"}:
        raise TypeError(
            f"fold: the operands are {', '.join(sorted(dtypes))}; convert all of them to one of float32, bfloat16, "
            f"float16."
        )
