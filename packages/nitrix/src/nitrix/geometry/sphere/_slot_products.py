"""Sums over the slots of a table of neighbours, each with a matrix of its own, in blocks of rows."""

import jax
import jax.numpy as jnp
from jax import Array, lax

from nitrix.backend import current_platform

HELD = {"cpu": 1 << 18}  # numbers that a block gathers: they stay in the cache
HELD_ELSEWHERE = 1 << 26


# A block of rows gathers its neighbours as a matrix of k c_in columns, and one product with the kernel sums slots and
# channels. With h = g kernel' as blocks of the same form,
#   d kernel = sum over the blocks of gathered' g,       d x[indices[i, p]] += h[i, p],
# where neighbours are gathered once more and nothing of [m, k, c_in] is kept.
@jax.custom_vjp
def slot_products(x: Array, kernel: Array, indices: Array) -> Array:
    """out[i] = sum_p x[indices[i, p]] @ kernel[p], an index past the end adding nothing."""
    return _sums(x, kernel, indices)


def _sums(x: Array, kernel: Array, indices: Array) -> Array:
    matrix, blocks = _matrix(kernel), _blocks(indices, x)
    out = lax.map(lambda block: _product(_gathered(x, block), matrix), blocks)
    return out.reshape(-1, kernel.shape[2])[: indices.shape[0]]


def _remember(x: Array, kernel: Array, indices: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    return _sums(x, kernel, indices), (x, kernel, indices)


def _pull(kept: tuple[Array, Array, Array], g: Array) -> tuple[Array, Array, None]:
    x, kernel, indices = kept
    matrix, blocks = _matrix(kernel), _blocks(indices, x)
    rows = blocks.shape[1]
    g = jnp.pad(g, ((0, blocks.shape[0] * rows - g.shape[0]), (0, 0))).reshape(-1, rows, g.shape[1])

    def step(sums: tuple[Array, Array], of_block: tuple[Array, Array]) -> tuple[tuple[Array, Array], None]:
        (d_x, d_matrix), (block, g) = sums, of_block
        h = _product(g, matrix.T).reshape(*block.shape, x.shape[1])
        return (d_x.at[block].add(h, mode="drop"), d_matrix + _product(_gathered(x, block).T, g)), None

    (d_x, d_matrix), _ = lax.scan(step, (jnp.zeros_like(x), jnp.zeros_like(matrix)), (blocks, g))
    return d_x, d_matrix.reshape(kernel.shape), None


slot_products.defvjp(_remember, _pull)


def _matrix(kernel: Array) -> Array:
    return kernel.reshape(-1, kernel.shape[2])


def _blocks(indices: Array, x: Array) -> Array:
    """The table in blocks [blocks, rows, k]; rows past its end have empty slots."""
    m, k = indices.shape
    held = HELD.get(current_platform().name, HELD_ELSEWHERE)
    rows = min(max(held // (k * x.shape[1]), 1), m)
    padded = jnp.pad(indices, ((0, -m % rows), (0, 0)), constant_values=x.shape[0])
    return padded.reshape(-1, rows, k)


def _gathered(x: Array, block: Array) -> Array:
    rows = x.at[block].get(mode="fill", fill_value=0)
    return rows.reshape(block.shape[0], -1)


def _product(a: Array, b: Array) -> Array:
    return jnp.dot(a, b, precision=lax.Precision.HIGHEST)
