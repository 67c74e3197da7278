"""Rows of what works on points: the bilateral filter over neighbours, its metrics, and neighbourhoods."""

import numpy as np
from nitrix import smoothing
from nitrix.sparse import ELL

from operation_rows.row import BATCH, NO_FORWARD_MODE, Row, each, normal

OTHERS = {
    "sparse.grid_neighbourhood": "the structure of a grid, worked out on the host; no operand to differentiate",
    "sparse.points_within": "searches on the host in float64; `bilateral_gaussian` differentiates in the points",
    "sparse.nearest_neighbours": "whole numbers chosen by comparing distances; no derivative passes through a choice",
}

# Five points; one without neighbours, one that is twice a neighbour.
ROWS = [[0, 1, 3], [1, 1, 4], [], [3, 0], [4, 2, 1]]
DEGREE = np.array([len(row) for row in ROWS])
TABLE = np.array([row + [0] * (3 - len(row)) for row in ROWS])
WIDTHS = np.stack([np.linspace(0.75, 1.625, BATCH), np.linspace(1.5, 1.0625, BATCH)], axis=1)
ROOTS = np.round(16 * normal(BATCH, 3, 3)) / 16
PRECISIONS = (ROOTS @ ROOTS.transpose(0, 2, 1) + 2 * np.eye(3)).astype("bfloat16").astype(float)


def rows():
    """The filter, and what metrics project."""
    return [
        Row(
            "smoothing.bilateral_gaussian",
            "",
            each(_filtered, 2),
            _averages,
            (normal(BATCH, 5, 2), normal(BATCH, 5, 2, seed=12), WIDTHS),
            {"jvp": NO_FORWARD_MODE},
        ),
        Row(
            "smoothing.block_diagonal_metric",
            "",
            each(lambda d, a, b: smoothing.block_diagonal_metric([a, b]).project(d), 2),
            lambda d, a, b: np.concatenate([d[:, :2] @ a, d[:, 2:] @ b], axis=1),
            (normal(BATCH, 4, 3), normal(BATCH, 2, 2, seed=12), normal(BATCH, 1, 1, seed=13)),
            everyday=False,
        ),
        Row(
            "smoothing.metric_from_spd",
            "",
            each(lambda d, spd: smoothing.metric_from_spd(spd).project(d), 2),
            lambda d, spd: d @ np.linalg.cholesky((spd + spd.T) / 2),
            (normal(BATCH, 4, 3), PRECISIONS),
            everyday=False,
        ),
    ]


def _filtered(values, features, sigma):
    matrix = ELL(np.ones((5, 3), np.float32), TABLE, 5, degree=DEGREE)
    return smoothing.bilateral_gaussian(values, features, sigma_features=sigma, neighbourhood=matrix)


def _averages(values, features, sigma):
    out = values.copy()
    for i, near in enumerate(ROWS):
        if near:
            weight = np.exp(-np.square((features[i] - features[near]) / sigma).sum(1) / 2)
            out[i] = weight @ values[near] / weight.sum()
    return out
