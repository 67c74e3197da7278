"""Sums of ordinary products over a table of neighbours whose slots each have a matrix of their own."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from nitrix.backend import current_platform
from nitrix.semiring._plain.products import real

HELD = 1 << 16  # numbers in the rows that a block reads and writes: on a CPU they stay in its cache
UNROLLED = 8  # slots whose products one step of the loop makes


# Blocks of rows, and within them one slot after the other: no [m, k, c_in] table is made. With g the cotangent,
#   d kernel[p] = sum_i x[indices[i, p]] g[i],        d x[indices[i, p]] += kernel[p] g[i],
# over the slots that count.
@jax.custom_vjp
def slot_products(x: Array, kernel: Array, indices: Array, valid: Array | None) -> Array:
    """out[i] = sum_p x[indices[i, p]] @ kernel[p] over the valid slots."""
    return _sums(x, kernel, indices, valid)


def _sums(x: Array, kernel: Array, indices: Array, valid: Array | None) -> Array:
    blocks = _blocks(x, kernel, indices, valid)

    def block(slots: Array) -> Array:
        def add(out: Array, of: tuple[Array, Array]) -> tuple[Array, None]:
            slot, weights = of
            return out + jnp.where(_counts(slot), real(_gathered(x, slot), weights), 0), None

        out = jnp.zeros((slots.shape[1], kernel.shape[2]), x.dtype)
        return lax.scan(add, out, (slots, kernel), unroll=UNROLLED)[0]

    return lax.map(block, blocks).reshape(-1, kernel.shape[2])[: indices.shape[0]]


def _remember(
    x: Array, kernel: Array, indices: Array, valid: Array | None
) -> tuple[Array, tuple[Array | None, ...]]:
    return _sums(x, kernel, indices, valid), (x, kernel, indices, valid)


def _pull(kept: tuple[Array, Array, Array, Array | None], g: Array) -> tuple[Array, Array, None, None]:
    x, kernel, indices, valid = kept
    blocks = _blocks(x, kernel, indices, valid)
    count, _, each = blocks.shape
    g = jnp.pad(g, ((0, count * each - g.shape[0]), (0, 0))).reshape(count, each, g.shape[1])

    def block(sums: tuple[Array, Array], of_block: tuple[Array, Array]) -> tuple[tuple[Array, Array], None]:
        (d_x, d_kernel), (slots, g) = sums, of_block

        def pull(d_x: Array, of: tuple[Array, Array]) -> tuple[Array, Array]:
            slot, weights = of
            left, right = (jnp.where(_counts(slot), rows, 0) for rows in (_gathered(x, slot), g))
            to = jnp.where(slot < 0, x.shape[0], slot)  # past the end: dropped
            return d_x.at[to].add(real(g, weights.T), mode="drop"), real(left.T, right)

        d_x, of_kernel = lax.scan(pull, d_x, (slots, kernel))
        return (d_x, d_kernel + of_kernel), None

    (d_x, d_kernel), _ = lax.scan(block, (jnp.zeros_like(x), jnp.zeros_like(kernel)), (blocks, g))
    return d_x, d_kernel, None, None


slot_products.defvjp(_remember, _pull)


def _blocks(x: Array, kernel: Array, indices: Array, valid: Array | None) -> Array:
    """The slots of each block of rows, [blocks, k, rows]: -1 where they do not count, as in rows past the last."""
    m, k = indices.shape
    at_most = max(HELD // (x.shape[1] + kernel.shape[2]), 1) if current_platform().name == "cpu" else m
    rows = math.ceil(m / math.ceil(m / at_most))
    indices = indices.astype(np.int32)
    counted = indices if valid is None else jnp.where(valid, indices, -1)
    padded = jnp.pad(counted, ((0, -m % rows), (0, 0)), constant_values=-1)
    return jnp.swapaxes(padded.reshape(-1, rows, k), 1, 2)


def _counts(slot: Array) -> Array:
    return (slot >= 0)[:, None]


def _gathered(x: Array, slot: Array) -> Array:
    return x.at[slot].get(mode="clip")
