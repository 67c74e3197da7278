"""What a streaming kernel is told about an algebra: small elementwise functions and their types."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jax import Array

__all__ = ["WIDEST_LAYER", "Fold", "Rule", "State", "Weight"]

State = tuple[Array, ...]  # arrays of the tile's shape, of any dtypes

WIDEST_LAYER = 128  # of a perceptron on edges: its weights and a tile of rows have to stay on chip

Weight = Callable[..., Array]  # (a, b, k, *planes) -> array: elementwise in broadcasting operands, k is int32


class Fold(NamedTuple):
    """A reduction over k of terms made of a[i, k] and b[k, j], for one tile of the product at a time."""

    init: Callable[[tuple[int, ...], Any], State]  # (shape, dtype of accumulation) -> state of no term at all
    # (state, a [bm, 1], b [1, bn], k scalar int32) -> state; where rows are gathered, b is [bm, bn], and k [bm, 1].
    step: Callable[[State, Array, Array, Array], State]
    finish: Callable[[State], State]  # state -> outputs of the tile's shape: (value, *statistics)


class Rule(NamedTuple):
    """What the rank-1 loop of a platform runs on each tile of its output."""

    init: Callable[[tuple[int, ...]], State]  # shape -> state
    # (state, column [bp, 1], rows [1, bq], tiles [bp, bq], index, lines) -> state, for one term: `index` is
    # its scalar int32 position in the reduction, `lines` the tile's int32 row numbers, broadcasting.
    step: Callable[[State, Array, State, State, Array, Array], State]
    finish: Callable[[State], State]  # state -> outputs
    dtypes: tuple[np.dtype, ...]  # of the outputs
