"""Rows of percentiles and medians."""

import numpy as np
from nitrix.numerics import median, percentile
from support import normalize as oracles

from operation_rows.row import BATCH, Row, each


def rows():
    """Exact order statistics."""
    return [
        Row(
            "numerics.percentile",
            "",
            each(lambda x: percentile(x, 30, axis=-1), 2),
            lambda x: oracles.percentile(x, 30),
            (_distinct(5, 6),),
        ),
        Row(
            "numerics.median",
            "",
            each(lambda x: median(x, axis=-1), 2),
            lambda x: oracles.percentile(x, 50),
            (_distinct(5, 6),),
        ),
    ]


def _distinct(*shape):
    """Numbers that every dtype holds, of which no two are equal: a derivative at equal ones is a choice."""
    count = BATCH * int(np.prod(shape))
    assert count <= 256
    return (np.random.default_rng(17).permutation(count) / 32 - 4).reshape(BATCH, *shape)
