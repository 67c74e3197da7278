"""Rows of least-squares residuals, of trends and of confounds."""

import numpy as np
from nitrix.linalg import partial_residualise, residualise
from nitrix.signal import confound_regression, polynomial_detrend
from support import least_squares

from operation_rows.row import BATCH, Row, normal

WEIGHTS = np.array([1.0, 0.5, 0.0, 2.0, 1.0, 0.25, 1.0, 1.5, 1.0])
MASK = WEIGHTS > 0


def rows():
    """The residuals, weighted and with a mask."""
    y, x, noise = normal(BATCH, 3, 9), normal(BATCH, 2, 9, seed=12), normal(BATCH, 2, 9, seed=13)
    return [
        Row(
            "linalg.residualise",
            "",
            lambda y, x: residualise(y, x, weights=WEIGHTS.astype(y.dtype)),
            lambda y, x: least_squares.residual(y, x, weights=WEIGHTS),
            (y, x),
        ),
        Row(
            "linalg.partial_residualise",
            "",
            lambda y, s, n: partial_residualise(y, signal=s, noise=n),
            least_squares.partial_residual,
            (y, x, noise),
            everyday=False,
        ),
        Row(
            "signal.polynomial_detrend",
            "",
            lambda x: polynomial_detrend(x, degree=2),
            lambda x: least_squares.detrended(x, 2),
            (y,),
            everyday=False,
        ),
        Row(
            "signal.confound_regression",
            "",
            lambda y, x: confound_regression(y, x, mask=MASK),
            lambda y, x: least_squares.regression(y, x, MASK),
            (y, x),
            everyday=False,
        ),
    ]
