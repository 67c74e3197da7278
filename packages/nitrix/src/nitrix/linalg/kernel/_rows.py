"""Observations as the kernels take them: dense rows, or sparse ones that are made dense a block at a time."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Integer

from nitrix._arguments import real_array
from nitrix.semiring.adjacency import Adjacency
from nitrix.semiring.stored import check_range

BLOCK_ENTRIES = 1 << 20  # of sparse rows made dense at a time

Dense = Float[Array, "... n d"]


class SparseRows(NamedTuple):
    """Groups of sparse rows; pads are zeros in column 0."""

    groups: tuple[tuple[Float[Array, "... n k_max"], Integer[Array, "... n k_max"]], ...]
    order: (
        Integer[Array, " n"] | None
    )  # where each row stands in the concatenated groups; None: one group, in place

    @property
    def n(self) -> int:
        return sum(values.shape[-2] for values, _ in self.groups)

    @property
    def dtype(self) -> Any:
        return self.groups[0][0].dtype


def rows_of(x: Any, function: str, name: str) -> tuple[Dense | SparseRows, int]:
    """The rows behind an operand, and the number of features."""
    if not (hasattr(x, "n_cols") and (hasattr(x, "sections") or hasattr(x, "indices"))):
        rows = real_array(x, function, name)
        if rows.ndim < 2:
            raise ValueError(
                f"{function}: {name} has shape {rows.shape}; give observations by features [... n d]."
            )
        return rows, rows.shape[-1]
    parts = getattr(x, "sections", None)
    d = int(x.n_cols)
    groups = tuple(_group(part, d, function, name) for part in ((x,) if parts is None else parts))
    return SparseRows(groups, None if parts is None else jnp.asarray(x.order)), d


def _group(part: Adjacency, d: int, function: str, name: str) -> Any:
    """Values and indices of slots, of which those that do not count are zeros."""
    values = real_array(part.values, function, f"the values of {name}")
    indices = jnp.asarray(part.indices)
    degree = None if part.degree is None else jnp.asarray(part.degree)
    if degree is None and getattr(part, "identity", None) not in (None, 0):
        raise ValueError(
            f"{function}: {name} has pads that hold {part.identity!r}, its identity, and not 0; give it a degree."  # type: ignore[attr-defined]
        )
    checked = getattr(part, "checked", False) or check_range(
        function, indices, degree, d, f"{name} has columns"
    )
    if degree is not None:
        counts = jnp.arange(indices.shape[-1]) < degree[..., None].astype(int)
        values, indices = jnp.where(counts, values, 0), jnp.where(counts, indices, 0)
    if not checked:
        outside = (indices < 0) | (indices >= d)
        values, indices = jnp.where(outside, jnp.nan, values), jnp.where(outside, 0, indices)
    batch = jnp.broadcast_shapes(values.shape, indices.shape)
    return jnp.broadcast_to(values, batch), jnp.broadcast_to(indices, batch)


def over_tiles(measure: Callable[[Dense, Dense], Array], X: Any, Y: Any, d: int) -> Float[Array, "... n m"]:
    """`measure` of all rows of X with all rows of Y; of sparse operands no more than a block is dense at a time."""
    if isinstance(X, SparseRows):
        return _over_blocks(lambda rows: over_tiles(measure, rows, Y, d), X, d)
    if isinstance(Y, SparseRows):
        turned = lambda rows: jnp.swapaxes(measure(X, rows), -1, -2)  # noqa: E731
        return jnp.swapaxes(_over_blocks(turned, Y, d), -1, -2)
    return measure(X, Y)


def column_sums(X: Any, d: int) -> Float[Array, "... 1 d"]:
    """The sum over all rows, leaving out what is not finite."""
    if isinstance(X, SparseRows):
        flat = [(v.reshape(*v.shape[:-2], 1, -1), i.reshape(*i.shape[:-2], 1, -1)) for v, i in X.groups]
        return sum((_dense(jnp.where(jnp.isfinite(v), v, 0), i, d) for v, i in flat), jnp.zeros((), X.dtype))
    return jnp.sum(jnp.where(jnp.isfinite(X), X, 0), axis=-2, keepdims=True)


def _over_blocks(function: Callable[[Dense], Array], X: SparseRows, d: int) -> Float[Array, "... n m"]:
    """`function` of blocks of rows, and its results stacked in the order of the rows."""
    parts = [_over_group(function, *group, d=d) for group in X.groups]
    if X.order is None:
        return parts[0]
    batch = jnp.broadcast_shapes(*(part.shape[:-2] for part in parts))
    whole = [jnp.broadcast_to(part, (*batch, *part.shape[-2:])) for part in parts]
    return jnp.take(jnp.concatenate(whole, axis=-2), X.order, axis=-2)


def _over_group(function: Callable[[Dense], Array], values: Array, indices: Array, *, d: int) -> Array:
    *batch, n, k_max = values.shape
    size = max(1, BLOCK_ENTRIES // max(1, d * int(np.prod(batch))))

    @jax.checkpoint  # so that a derivative makes the block again, and keeps none
    def block(slots: tuple[Array, Array]) -> Array:
        return function(_dense(*slots, d))

    if n <= size:
        return block((values, indices))
    blocks = -(-n // size)

    def split(x: Array) -> Array:
        padded = jnp.concatenate([x, jnp.zeros((*batch, blocks * size - n, k_max), x.dtype)], axis=-2)
        return jnp.moveaxis(padded.reshape(*batch, blocks, size, k_max), -3, 0)

    out = jnp.moveaxis(lax.map(block, (split(values), split(indices))), 0, -3)
    return out.reshape(*out.shape[:-3], -1, out.shape[-1])[..., :n, :]


def _dense(values: Array, indices: Array, d: int) -> Dense:
    """Sparse rows as dense ones; entries in one place add."""
    *batch, n, k_max = values.shape
    if d == 0 or k_max == 0:
        return jnp.zeros((*batch, n, d), values.dtype)
    scatter = functools.partial(_scattered, d=d)
    return jax.vmap(scatter)(values.reshape(-1, k_max), indices.reshape(-1, k_max)).reshape(*batch, n, d)


def _scattered(values: Float[Array, " k_max"], indices: Integer[Array, " k_max"], *, d: int) -> Array:
    return jnp.zeros((d,), values.dtype).at[indices].add(values)
