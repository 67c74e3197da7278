"""Rows of the normalisations."""

import functools

from nitrix.numerics import (
    demean,
    instance_norm,
    intensity_normalize,
    l2_normalize,
    lp_normalize,
    percentile_rescale,
    psc_normalize,
    robust_zscore_normalize,
    zscore_normalize,
)
from support import normalize as oracles

from operation_rows.row import BATCH, Row, each, normal

CALLS = {  # name: (ours of the last axis, definition)
    "demean": (demean, oracles.demean),
    "zscore_normalize": (zscore_normalize, oracles.zscore),
    "robust_zscore_normalize": (robust_zscore_normalize, oracles.robust_zscore),
    "psc_normalize": (psc_normalize, oracles.psc),
    "percentile_rescale": (
        functools.partial(percentile_rescale, axis=-1, lo=10, hi=90, clip=False),
        functools.partial(oracles.rescaled, low=10, high=90, clip=False),
    ),
    "intensity_normalize": (functools.partial(intensity_normalize, axis=-1), oracles.rescaled),
    "l2_normalize": (l2_normalize, functools.partial(oracles.over_norm, p=2)),
    "lp_normalize": (functools.partial(lp_normalize, p=3), functools.partial(oracles.over_norm, p=3)),
    "instance_norm": (
        functools.partial(instance_norm, axes=-1, eps=0.5),
        functools.partial(oracles.instance_norm, eps=0.5),
    ),
}


def rows():
    """Of series along the last axis, round a mean of 2."""
    operand = (normal(BATCH, 3, 7) / 4 + 2).astype("bfloat16").astype(float)
    return [
        Row(f"numerics.{name}", "", each(ours, 2), definition, (operand,))
        for name, (ours, definition) in CALLS.items()
    ]
