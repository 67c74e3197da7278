"""Integer keys on the host: sorted with their order, and runs of consecutive positions."""

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def sorted_with_order(keys: Rows) -> tuple[Rows, Rows]:
    """Keys from 0 on in ascending order (stable), and where each came from."""
    # A key with its position in the lower bits is sorted several times as fast as positions are.
    bits = len(keys).bit_length()
    if int(keys.max(initial=0)).bit_length() + bits < 63:
        packed = keys << bits | np.arange(len(keys))
        packed.sort()
        return packed >> bits, packed & ((1 << bits) - 1)
    order = np.argsort(keys, kind="stable")
    return keys[order], order


def first_of_each(ordered: Rows) -> NDArray[np.bool_]:
    """Which of the sorted keys differ from the one before."""
    first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return first


def spread(first: Rows, count: Rows) -> Rows:
    """first[0], first[0] + 1, ... (count[0] of them), then first[1], ..."""
    run = np.repeat(first - (np.cumsum(count) - count), count)
    return run + np.arange(len(run))
