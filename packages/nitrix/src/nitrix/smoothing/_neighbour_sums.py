"""Weights of neighbours in feature space and the sums over them, some rows of a neighbourhood at a time.

The slots of a block of rows are worked on together, [rows, slots], so that each index is read once, in the order in
which it is stored, and nothing of the size of all slots is kept but the indices themselves.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from nitrix.backend import current_platform

SLOTS = {"cpu": 1 << 16}  # slots worked on at a time: their weights stay in a core's cache
SLOTS_ELSEWHERE = 1 << 22
MOST_CHANNELS = 16  # features that are gathered one by one, and not as rows
FEW_SLOTS = 64  # of a row: what is summed over so few is gathered as rows


class Slots(NamedTuple):
    """Some rows of a neighbourhood."""

    rows: Array  # [r], the point of each row
    indices: Array  # [r, k]
    degree: Array | None  # [r], how many of the first slots count; None: all
    kept: Array | None  # bool [r, k], which of them count; None: all
    # Whether indices may be out of range, in which case they do not count: () if so, else None. Part of the structure,
    # so that it is known while the arrays are traced.
    unchecked: tuple[()] | None = None

    def at(self, start: Array, count: int) -> "Slots":
        """The rows from `start` on."""
        return jax.tree.map(lambda x: lax.dynamic_slice_in_dim(x, start, count), self)


class Points(NamedTuple):
    """What is known of each point, and of one more, of zeros, to which slots lead that do not count."""

    features: Array  # [n + 1, d_f]
    scale: Array  # [d_f], what differences of features are multiplied with
    alive: Array | None  # bool [n + 1], the points that take part; None: all

    @property
    def last(self) -> int:
        """The number of the point of zeros."""
        return self.features.shape[0] - 1


def one_more(x: Array) -> Array:
    """[n, ...] -> [n + 1, ...], the last one zero."""
    return jnp.pad(x, ((0, 1), *[(0, 0)] * (x.ndim - 1)))


def take(x: Array, at: Array) -> Array:
    """Rows of an array by numbers that are in range."""
    return x.at[at].get(mode="promise_in_bounds")


def neighbours(slots: Slots, alive: Array | None, last: int) -> tuple[Array, Array | None]:
    """Where the slots lead, and which count; those that do not lead to the point of zeros."""
    conditions = []
    if slots.degree is not None:
        conditions.append(jnp.arange(slots.indices.shape[1]) < slots.degree[:, None].astype(int))
    if slots.kept is not None:
        conditions.append(slots.kept)
    indices = slots.indices
    if slots.unchecked is not None:
        inside = (indices >= 0) & (indices < last)
        conditions.append(inside)
        indices = jnp.where(inside, indices, last)
    if alive is not None:
        conditions.append(alive.at[indices].get(mode="clip"))
    if not conditions:
        return slots.indices, None
    valid = conditions[0]
    for condition in conditions[1:]:
        valid = valid & condition
    return jnp.where(valid, slots.indices, last), valid


class Differences:
    """Scaled differences of features, own minus the neighbour's."""

    def __init__(self, points: Points, own: Array, at: Array) -> None:
        self._mine, self._at, self._points = take(points.features, own), at, points
        n_features = points.features.shape[1]
        self._each = [self._channel(f) for f in range(n_features)] if n_features <= MOST_CHANNELS else None

    def _channel(self, f: int) -> Array:
        theirs = take(self._points.features[:, f], self._at)
        return (self._mine[:, f, None] - theirs) * self._points.scale[f]

    def rows(self) -> Array:
        """[r, k, d_f]."""
        return (self._mine[:, None] - take(self._points.features, self._at)) * self._points.scale

    def squared(self) -> Array:
        """Squared distances, [r, k]."""
        if self._each is None:
            return jnp.square(self.rows()).sum(-1)
        return sum((jnp.square(x) for x in self._each), jnp.zeros(self._at.shape, self._mine.dtype))

    def summed(self, weight: Array) -> Array:
        """The weighted sum over slots, [r, d_f]."""
        if not self._each or self._at.shape[1] < FEW_SLOTS:
            return weighted_sums(weight, self.rows())
        return jnp.stack([row_sums(weight * x) for x in self._each], -1)


def row_sums(x: Array) -> Array:
    """[r, k] -> [r]; a product is several times as fast as XLA's own sum over the last axis."""
    return jnp.dot(x, jnp.ones(x.shape[1], x.dtype), precision=lax.Precision.HIGHEST)


def weighted_sums(weight: Array, x: Array) -> Array:
    """[r, k] and [r, k, d] -> [r, d]."""
    if x.shape[2] == 1:
        return row_sums(weight * x[..., 0])[:, None]
    return jnp.einsum("rk,rkd->rd", weight, x, precision=lax.Precision.HIGHEST)


def inner_products(x: Array, own: Array) -> Array:
    """[r, k, d] and [r, d] -> [r, k]."""
    if x.shape[2] == 1:
        return x[..., 0] * own
    return jnp.einsum("rkd,rd->rk", x, own, precision=lax.Precision.HIGHEST)


def in_blocks(
    slots: Slots,
    width: int,
    function: Callable[[Any, Slots, Array], tuple[Any, Any]],
    carry: Any = None,
    *,
    recompute: bool = False,
) -> tuple[Any, Any]:
    """Apply `function(carry, some rows, which of them are new)` to all rows; its results [rows, ...] in one.

    `width` is the number of channels that a slot's largest array has. With `recompute`, a derivative keeps nothing of
    the blocks.
    """
    count, k = slots.indices.shape
    at_once = SLOTS.get(current_platform().name, SLOTS_ELSEWHERE) // (k * max(width // 8, 1))
    block = max(at_once, 8)
    if block >= count:
        return function(carry, slots, jnp.ones(count, bool))
    blocks = -(-count // block)

    def one(carry: Any, number: Array) -> tuple[Any, Any]:
        first = number * block
        start = jnp.minimum(first, count - block)  # the last block overlaps the one before it
        new = start + jnp.arange(block, dtype=number.dtype) >= first
        return function(carry, slots.at(start, block), new)

    if recompute:
        one = jax.checkpoint(one)
    carry, out = lax.scan(one, carry, jnp.arange(blocks, dtype=jnp.int32))

    def joined(x: Array) -> Array:
        whole = x[:-1].reshape((blocks - 1) * block, *x.shape[2:])
        return jnp.concatenate([whole, x[-1, blocks * block - count :]])

    return carry, jax.tree.map(joined, out)
