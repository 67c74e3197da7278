"""Arrays as a TPU kernel holds them: in words of 32 bits, padded to whole blocks."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.experimental import pallas as pl

from nitrix._kernels.rank_one import accumulator, carried
from nitrix._kernels.rules import State

__all__ = ["padded", "store", "unpacked", "up", "word"]


def word(dtype: Any) -> np.dtype:
    """The 32-bit dtype that stands for `dtype` in VMEM."""
    word = carried(accumulator(dtype))
    if word.itemsize > 4:
        raise TypeError(
            f"a TPU kernel holds {word} nowhere; use the 32-bit dtype in operands, state and outputs."
        )
    return word


def unpacked(words: State, dtypes: Sequence[Any]) -> State:
    """The state as the rule takes it, from the words that are kept between terms."""
    return tuple(w != 0 if d == np.dtype(bool) else w.astype(d) for w, d in zip(words, dtypes, strict=True))


def store(refs: Sequence[Any], values: State) -> None:
    for ref, value in zip(refs, values, strict=True):
        ref[...] = value.astype(ref.dtype)


def padded(x: Array, rows: int, columns: int) -> Array:
    """`x` in words, with zeros up to whole blocks; nothing that is made of them reaches a result."""
    return jnp.pad(x.astype(word(x.dtype)), ((0, rows - x.shape[0]), (0, columns - x.shape[1])))


def up(size: int, multiple: int) -> int:
    return pl.cdiv(size, multiple) * multiple
