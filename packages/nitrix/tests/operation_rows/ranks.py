"""Rows of medians, ranks and pooling."""

import numpy as np
from nitrix.morphology import (
    max_pool_with_indices_nd,
    max_unpool_nd,
    median_filter,
    percentile_filter,
    rank_filter,
)
from support import ranks as oracles

from operation_rows.row import BATCH, Row, each, normal

BOX = np.ones((3, 3))
PLACES = np.array([[3, 11], [16, 29]])


def rows():
    """The filters over a window, and pooling there and back."""
    return [
        Row(
            "morphology.median_filter",
            "",
            each(lambda x: median_filter(x, size=3), 2),
            lambda x: oracles.median(x, BOX),
            (_distinct(5, 6),),
        ),
        Row(
            "morphology.rank_filter",
            "",
            each(lambda x: rank_filter(x, rank=-2, size=3, mode="wrap"), 2),
            lambda x: oracles.by_rank(x, BOX, -2, mode="wrap"),
            (_distinct(5, 6),),
        ),
        Row(
            "morphology.percentile_filter",
            "",
            each(lambda x: percentile_filter(x, percentile=30, size=3, mode="mirror"), 2),
            lambda x: oracles.by_rank(x, BOX, 2, mode="mirror"),
            (_distinct(5, 6),),
        ),
        Row(
            "morphology.max_pool_with_indices_nd",
            "",
            each(
                lambda x: (
                    max_pool_with_indices_nd(x, pool_size=3, stride=2, padding=1, spatial_rank=2).pooled
                ),
                2,
            ),
            lambda x: oracles.pooled(x, (3, 3), (2, 2), (1, 1), (1, 1))[0],
            (_distinct(5, 6),),
        ),
        Row(
            "morphology.max_unpool_nd",
            "",
            each(lambda x: max_unpool_nd(x, PLACES, output_shape=(5, 6), spatial_rank=2), 2),
            _unpooled,
            (normal(BATCH, 2, 2),),
        ),
    ]


def _distinct(*shape):
    """Numbers that every dtype holds, of which no two are equal: a derivative at equal ones is a choice."""
    count = BATCH * int(np.prod(shape))
    assert count <= 256
    return (np.random.default_rng(17).permutation(count) / 32 - 4).reshape(BATCH, *shape)


def _unpooled(x):
    out = np.zeros(30)
    out[PLACES] = x
    return out.reshape(5, 6)
