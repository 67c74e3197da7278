"""Finds the key of a given rank by its bits, from the highest to the lowest, counting the keys below a candidate.

A bit is 1 if no more keys than the rank lie below the candidate that has it. Every pass reads all keys once and keeps
two arrays, the bits found and a count, however many keys there are.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Int, Shaped

from nitrix.morphology._order import keys, values


def signed_keys(x: Shaped[Array, "..."]) -> Int[Array, "..."]:
    """Signed integers in the order of the numbers, a NaN above all: processors compare signed ones quicker."""
    key = keys(x, smallest=False)
    if x.dtype == np.dtype(bool):
        return key.astype(np.int8)
    return _flipped(key, np.dtype(f"int{8 * x.dtype.itemsize}"))


def from_signed(key: Int[Array, "..."], dtype: Any) -> Shaped[Array, "..."]:
    """The numbers of signed keys."""
    if dtype == np.dtype(bool):
        return key != np.int8(0)
    if jnp.issubdtype(dtype, jnp.unsignedinteger):
        key = _flipped(key, np.dtype(dtype), back=True)
    return values(key, dtype, smallest=False)


def key_of_rank(
    count_below: Callable[[Int[Array, "..."], Int[Array, ""]], Int[Array, "..."]],
    rank: Any,
    shape: tuple[int, ...],
    dtype: Any,
) -> Int[Array, "..."]:
    """The signed key of that rank for numbers of `dtype`.

    `count_below` counts the keys below the candidates; it is also given a zero of which XLA does not know that it is
    the same in every pass.
    """
    truth = dtype == np.dtype(bool)
    kind = np.dtype(np.int8) if truth else np.dtype(f"int{8 * np.dtype(dtype).itemsize}")
    bits = 1 if truth else 8 * kind.itemsize
    lowest = np.asarray(0 if truth else np.iinfo(kind).min, kind)

    def add_bit(i: Any, found: Array) -> Array:
        # The sign bit is inverted in signed keys, the others are 0 so far: either way it is an exclusive or.
        bit = lax.shift_left(np.ones((), kind), (np.int32(bits - 1) - i).astype(kind))
        candidate = found ^ bit
        return jnp.where(count_below(candidate, jnp.minimum(i, np.int32(0))) <= rank, candidate, found)

    return lax.fori_loop(np.int32(0), np.int32(bits), add_bit, jnp.full(shape, lowest))


def _flipped(key: Array, dtype: np.dtype, *, back: bool = False) -> Array:
    if key.dtype == dtype:
        return key
    width = 8 * dtype.itemsize
    bits = lax.bitcast_convert_type(key, dtype)
    return bits ^ np.asarray(1 << (width - 1) if back else np.iinfo(dtype).min, dtype)
