"""Rows of warps, samples at points and resampling."""

import numpy as np
from nitrix.geometry import CubicBSpline, resample, sample_at_points, spatial_transform
from support import sampling as oracles

from operation_rows.row import BATCH, Row, each, normal

SPLINE = {"kernel": oracles.cubic_spline, "half": 2, "splined": True}


def rows():
    """Linear and by splines; points keep away from whole coordinates, where derivatives jump."""
    rng = np.random.default_rng(3)
    deformation = rng.integers(-1, 5, size=(BATCH, 3, 2, 2)) + rng.choice(
        [0.25, 0.375, 0.625], size=(BATCH, 3, 2, 2)
    )
    points = deformation.reshape(BATCH, 6, 2)
    return [
        Row(
            "geometry.spatial_transform",
            "linear",
            lambda x, d: spatial_transform(x, d, mode="nearest"),
            lambda x, d: oracles.warped(x, d, mode="nearest"),
            (normal(BATCH, 4, 5, 2), deformation),
        ),
        Row(
            "geometry.spatial_transform",
            "cubic",
            lambda x, d: spatial_transform(x, d, mode="mirror", method=CubicBSpline()),
            lambda x, d: oracles.warped(x, np.clip(d, 0, 3), **SPLINE),
            (normal(BATCH, 4, 5, 2), np.clip(deformation, 0.25, 2.75)),
            everyday=False,
        ),
        Row(
            "geometry.sample_at_points",
            "",
            each(lambda x, p: sample_at_points(x, p, mode="mirror"), 2),
            lambda x, p: oracles.sampled(x, p, oracles.linear, 1),
            (normal(BATCH, 4, 5), points),
        ),
        Row(
            "geometry.resample",
            "",
            lambda x: resample(x, (6, 3)),
            lambda x: oracles.resampled(x, (6, 3)),
            (normal(BATCH, 4, 5, 2),),
        ),
    ]


OTHERS = {
    "geometry.identity_grid": "coordinates of a shape; takes no array",
    "geometry.rescale": "another name of `geometry.resample`",
}
