"""Rows of the convolutions of time series."""

import numpy as np
from nitrix.signal import basischan, basisconv2d, polychan, polyconv2d, tsconv, tsconv2d
from support import tsconv as oracles

from operation_rows.row import BATCH, Row, each, normal


def rows():
    """Series of two variables, kernels of three frames."""
    series, bias = normal(BATCH, 2, 9), normal(BATCH, 2, seed=13)
    kernel = normal(BATCH, 2, 1, 1, 3, seed=12)
    pair = normal(BATCH, 2, 2, 1, 3, seed=14)
    return [
        Row("signal.tsconv", "", each(tsconv, 2), oracles.tsconv, (series, normal(BATCH, 3, 2, 3, seed=15))),
        Row(
            "signal.tsconv2d",
            "",
            each(lambda x, w, b: tsconv2d(x, w, bias=b), 2),
            lambda x, w, b: oracles.tsconv2d(x[None], w, b),
            (series, kernel, bias),
        ),
        Row(
            "signal.basischan",
            "",
            each(lambda x: basischan(x, [lambda x: x * x, lambda x: x / 2]), 2),
            lambda x: np.stack([x * x, x / 2]),
            (series,),
        ),
        Row(
            "signal.polychan",
            "",
            each(polychan, 2),
            lambda x: np.stack([x, x * x]),
            (series,),
        ),
        Row(
            "signal.basisconv2d",
            "",
            each(lambda x, w: basisconv2d(x, w, [lambda x: x * x, lambda x: x / 2]), 2),
            lambda x, w: oracles.tsconv2d(np.stack([x * x, x / 2]), w),
            (series, pair),
        ),
        Row(
            "signal.polyconv2d",
            "",
            each(polyconv2d, 2),
            lambda x, w: oracles.tsconv2d(np.stack([x, x * x]), w),
            (series, pair),
        ),
    ]
