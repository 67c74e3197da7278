"""Rows of the distance transforms: functions of the size of a voxel, of a mask that is given."""

import numpy as np
from nitrix.morphology import distance_transform, distance_transform_edt, signed_distance_transform
from support import distances

from operation_rows.row import BATCH, Row, each

MASK = np.random.default_rng(4).random((5, 6)) < 0.8


def rows():
    """The distance transforms."""
    spacings = np.linspace(0.5, 2.25, 2 * BATCH).reshape(BATCH, 2)[:, ::-1].copy()

    def inside(metric):
        return lambda s: distances.pairwise(MASK, metric, s)

    def signed(s):
        within, without = (distances.pairwise(m, "euclidean", s) for m in (MASK, ~MASK))
        return np.where(MASK, within, -without)

    return [
        Row(
            "morphology.distance_transform",
            "city_block",
            each(lambda s: distance_transform(MASK, metric="city_block", spacing=s).astype(s.dtype), 1),
            inside("city_block"),
            (spacings,),
        ),
        Row(
            "morphology.distance_transform_edt",
            "",
            each(lambda s: distance_transform_edt(MASK, spacing=s).astype(s.dtype), 1),
            inside("euclidean"),
            (spacings,),
        ),
        Row(
            "morphology.signed_distance_transform",
            "",
            each(lambda s: signed_distance_transform(MASK, spacing=s).astype(s.dtype), 1),
            signed,
            (spacings,),
            everyday=False,
        ),
    ]
