"""The places of the largest entries of rows, exactly and without sorting."""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from nitrix.numerics._selection import neighbouring_ranks

LANES = 128


def largest_of_rows(x: Array, kept: int) -> Array:
    """[n kept] columns of the largest entries of each row of x [n m], ascending; of equal ones the first."""
    n, m = x.shape
    rank, count = jnp.full((1, n), m - kept, np.int32), jnp.full(n, m, np.int32)
    least = neighbouring_ranks(x, None, rank, count)[0][0][:, None]
    above, equal = ~(x <= least), x == least  # a NaN is above all
    missing = kept - above.sum(axis=1, dtype=np.int32, keepdims=True)
    chosen = above | (equal & (_running_count(equal) <= missing))
    slot = jnp.where(chosen, _running_count(chosen) - 1, kept)
    columns = lax.broadcasted_iota(np.int32, x.shape, 1)
    rows = jnp.arange(n, dtype=np.int32)[:, None]
    return jnp.zeros((n, kept), np.int32).at[rows, slot].set(columns, mode="drop")


# XLA's cumsum takes longer on a CPU than all else here. Counts of 128 columns and less are exact as sums of float32.
def _running_count(x: Array) -> Array:
    """cumsum along the rows of booleans [n m]."""
    n, m = x.shape
    parts = jnp.pad(x, ((0, 0), (0, -m % LANES))).astype(np.float32).reshape(n, -1, LANES)
    upper = jnp.triu(jnp.ones((LANES, LANES), np.float32))
    within = jnp.matmul(parts, upper, precision=lax.Precision.HIGHEST).astype(np.int32)
    before = jnp.cumsum(within[..., -1], axis=1) - within[..., -1]
    return (within + before[..., None]).reshape(n, -1)[:, :m]
