"""Rows of the fills of censored frames and of the Lomb-Scargle periodogram."""

import numpy as np
from nitrix.signal import (
    hybrid_interpolate,
    linear_interpolate,
    lomb_scargle_interpolate,
    lomb_scargle_periodogram,
)
from support import interpolation

from operation_rows.row import BATCH, Row, normal

MASK = np.ones(24, bool)
MASK[[3, 4, 11]] = MASK[14:22] = False
FREQUENCIES = np.arange(1, 25) / 48


def rows():
    """The fills under a shared mask, and the power."""
    x = normal(BATCH, 2, 24)
    # A fit of few functions, that the definition in float64 has to the last digit.
    fills = [
        ("linear_interpolate", linear_interpolate, interpolation.linear, {}, True),
        ("lomb_scargle_interpolate", lomb_scargle_interpolate, interpolation.spectral, {"rcond": 1e-2}, True),
        ("hybrid_interpolate", hybrid_interpolate, interpolation.hybrid, {"rcond": 1e-2}, False),
    ]
    return [
        *(
            Row(
                f"signal.{name}",
                "",
                lambda x, fill=fill, options=options: fill(x, MASK, **options),
                lambda x, oracle=oracle, options=options: np.stack(
                    [oracle(row, MASK, **options) for row in x]
                ),
                (x,),
                everyday=everyday,
            )
            for name, fill, oracle, options, everyday in fills
        ),
        Row(
            "signal.lomb_scargle_periodogram",
            "",
            lambda x: lomb_scargle_periodogram(x, MASK, oversampling=2)[1],
            lambda x: np.stack([interpolation.periodogram(row, MASK, FREQUENCIES, 1.0) for row in x]),
            (x,),
            everyday=False,
        ),
    ]
