"""Correlation of series with kernels, channels mixed: the processor's convolution, or shifted products."""

import functools
import operator
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

FEW = 8  # channels below which XLA's convolution on a CPU is slower than shifted products
TAPS = 16  # shifted products in one loop's body

PADDINGS = ("SAME", "VALID", "CAUSAL", "ANTICAUSAL", "initial", "final")


def pads(padding: Any, taps: int, function: str) -> tuple[int, int]:
    """Zeros before and after the series."""
    if isinstance(padding, str):
        known = {"SAME": ((taps - 1) // 2, taps // 2), "VALID": (0, 0)}
        known |= dict.fromkeys(("CAUSAL", "initial"), (taps - 1, 0))
        known |= dict.fromkeys(("ANTICAUSAL", "final"), (0, taps - 1))
        if padding in known:
            return known[padding]
    elif isinstance(padding, Sequence) and len(padding) == 2:
        before, after = (operator.index(p) for p in padding)
        if before >= 0 and after >= 0:
            return before, after
    raise ValueError(
        f"{function}: padding={padding!r} is unknown; give one of {', '.join(PADDINGS)}, or the numbers of zeros "
        "before and after, (int, int)."
    )


def correlate(
    x: Float[Array, "n c obs"], weight: Float[Array, "c_out c k"], around: tuple[int, int]
) -> Float[Array, "n c_out obs_out"]:
    """out[o, t] = sum over c and k of weight[o, c, k] x[c, t + k], x with zeros around it."""
    if 0 in x.shape or 0 in weight.shape:
        return jnp.zeros(
            (x.shape[0], weight.shape[0], x.shape[2] + sum(around) - weight.shape[2] + 1), x.dtype
        )
    if x.shape[1] < FEW:
        return _by_shifts(jnp.pad(x, [(0, 0), (0, 0), around]), weight)
    return lax.conv_general_dilated(
        x, weight, (1,), [around], dimension_numbers=("NCH", "OIH", "NCH"), precision=lax.Precision.HIGHEST
    )


def _by_shifts(x: Array, weight: Array) -> Array:
    taps = weight.shape[2]
    length = x.shape[2] - taps + 1
    kernels = weight.transpose(2, 1, 0)[..., None]  # [tap, channel, out, 1]

    def add(total: Array, first: Any, kernels: Array) -> Array:
        terms = (
            kernel[c] * lax.dynamic_slice_in_dim(x[:, c, None], first + k, length, axis=2)
            for k, kernel in enumerate(kernels)
            for c in range(x.shape[1])
        )
        return functools.reduce(jnp.add, terms, total)

    chunks, rest = divmod(taps, TAPS)
    out = jnp.zeros((x.shape[0], weight.shape[0], length), x.dtype)
    out = add(out, chunks * TAPS, kernels[chunks * TAPS :]) if rest else out
    if chunks == 0:
        return out
    # Recomputed when it is transposed, else it would keep the shifted series of each tap.
    body = jax.checkpoint(lambda total, part: (add(total, *part), None), prevent_cse=False)
    parts = TAPS * jnp.arange(chunks), kernels[: chunks * TAPS].reshape(chunks, TAPS, *kernels.shape[1:])
    return lax.scan(body, out, parts)[0]
