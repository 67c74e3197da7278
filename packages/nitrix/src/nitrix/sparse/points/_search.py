"""The nearest points of each point by looking at all of them, some rows at a time, on the device."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from nitrix.backend import current_platform

DISTANCES = {"cpu": 1 << 20}  # that are held at a time
DISTANCES_ELSEWHERE = 1 << 26


def search(points: Array, k: int, alive: Array | None) -> tuple[Array, Array | None]:
    """Int32 [n, k], each point itself first, then by ascending distance; and which count, if some take no part."""
    n = points.shape[0]
    held = DISTANCES.get(current_platform().name, DISTANCES_ELSEWHERE)
    return _search(points, alive, k=k, block=min(max(held // n, 1), n))


@functools.partial(jax.jit, static_argnames=("k", "block"))
def _search(points: Array, alive: Array | None, *, k: int, block: int) -> tuple[Array, Array | None]:
    n = points.shape[0]
    usable = jnp.isfinite(points).all(1)
    if alive is not None:
        usable = usable & alive
    points = jnp.where(usable[:, None], points, 0)
    beyond = jnp.where(usable, jnp.zeros((), points.dtype), jnp.inf)

    def one(first: Array) -> tuple[Array, Array | None]:
        start = jnp.minimum(first, n - block)  # the last block overlaps the one before it
        mine = lax.dynamic_slice_in_dim(points, start, block)
        squared = jnp.broadcast_to(beyond, (block, n))
        for f in range(points.shape[1]):
            squared = squared + jnp.square(mine[:, f, None] - points[:, f])
        # The point itself comes before all that coincide with it.
        each = jnp.arange(block, dtype=np.int32)
        closeness, at = lax.top_k(-squared.at[each, start + each].set(-1), k)
        return at.astype(np.int32), None if alive is None else closeness > -jnp.inf

    blocks = -(-n // block)
    found = lax.map(one, jnp.arange(blocks, dtype=np.int32) * block)

    def joined(x: Array) -> Array:
        whole = x[:-1].reshape((blocks - 1) * block, k)
        return jnp.concatenate([whole, x[-1, blocks * block - n :]])

    return jax.tree.map(joined, found)
