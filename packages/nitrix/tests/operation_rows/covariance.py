"""Rows of the covariances of `nitrix.stats`."""

import numpy as np
from nitrix.stats import (
    conditionalcorr,
    conditionalcov,
    corr,
    corrnorm,
    cov,
    pairedcorr,
    pairedcov,
    partialcorr,
    partialcov,
    precision,
)
from support import covariance as oracle

from operation_rows.row import BATCH, Row, normal

OTHERS = {
    "stats.corrcoef": "another name of `stats.corr`",
    "stats.pcorr": "another name of `stats.partialcorr`",
    "stats.ccov": "another name of `stats.conditionalcov`",
    "stats.ccorr": "another name of `stats.conditionalcorr`",
}


def rows():
    """One set of series with weights, two sets, and what others leave."""
    x, y, w = normal(BATCH, 3, 9), normal(BATCH, 2, 9, seed=12), np.abs(normal(BATCH, 9, seed=13)) + 0.5
    w = w.astype("bfloat16").astype(float)
    spd = np.stack([oracle.covariance(a) for a in x]).astype("bfloat16").astype(float)
    return [
        _row("cov", lambda x, w: cov(x, weights=w), lambda x, w: oracle.covariance(x, weights=w), x, w),
        _row("corr", lambda x, w: corr(x, weights=w), lambda x, w: oracle.correlation(x, weights=w), x, w),
        _row("corrnorm", corrnorm, lambda a: np.sqrt(np.outer(np.diag(a), np.diag(a))), spd),
        _row("pairedcov", pairedcov, oracle.covariance, x, y),
        _row("pairedcorr", pairedcorr, oracle.paired_correlation, x, y),
        _row("precision", precision, lambda x: np.linalg.inv(oracle.covariance(x)), x),
        _row("partialcov", partialcov, oracle.partial_covariance, x, everyday=False),
        _row("partialcorr", partialcorr, lambda x: oracle.partial_covariance(x, correlate=True), x),
        _row("conditionalcov", conditionalcov, oracle.conditional_covariance, x, y),
        _row(
            "conditionalcorr",
            conditionalcorr,
            lambda x, y: oracle.over_roots(oracle.conditional_covariance(x, y)),
            x,
            y,
            everyday=False,
        ),
    ]


def _row(name, call, definition, *operands, everyday=True):
    return Row(f"stats.{name}", "", call, definition, operands, everyday=everyday)
