"""What stands beyond the ends of an axis, under SciPy's names; one reading for every subpackage."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

BoundaryMode = Literal[
    "reflect", "mirror", "nearest", "constant", "wrap", "grid-mirror", "grid-constant", "grid-wrap"
]

_SYNONYMS = {"grid-mirror": "reflect", "grid-constant": "constant", "grid-wrap": "wrap"}


def plain_mode(mode: str, function: str) -> str:
    """One of the five modes, with the 'grid-' synonyms resolved, or a ValueError that lists the names."""
    if mode not in get_args(BoundaryMode):
        names = ", ".join(repr(name) for name in get_args(BoundaryMode))
        raise ValueError(f"{function}: mode={mode!r} is not known; give one of {names}.")
    return _SYNONYMS.get(mode, mode)


def source_index(positions: NDArray[np.int64], size: int, mode: str) -> NDArray[np.int64]:
    """Which sample of an axis of `size` stands at each position; `size` itself means none ('constant')."""
    if mode == "nearest":
        return positions.clip(0, size - 1)
    if mode == "wrap":
        return positions % size
    if mode == "reflect":  # d c b a | a b c d | d c b a
        folded = positions % (2 * size)
        return np.minimum(folded, 2 * size - 1 - folded)
    if mode == "mirror":  # d c b | a b c d | c b a
        period = max(2 * size - 2, 1)
        folded = positions % period
        return np.minimum(folded, period - folded) if size > 1 else folded
    return np.where((positions < 0) | (positions >= size), size, positions)
