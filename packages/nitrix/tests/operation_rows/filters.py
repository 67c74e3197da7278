"""Rows of the filters of `nitrix.smoothing` that work over a window of voxels."""

import numpy as np
from nitrix.smoothing import bilateral, susan_brightness_threshold, susan_emulator
from support import window_filters

from operation_rows.row import BATCH, NO_FORWARD_MODE, Row, each, normal

RADIUS = (2, 1)


def rows():
    """The bilateral filter, SUSAN and its threshold."""
    widths, intensities = np.linspace(0.5, 1.375, BATCH), np.linspace(0.75, 2.5, BATCH)
    return [
        Row(
            "smoothing.bilateral",
            "",
            each(lambda x, s, t: bilateral(x, sigma_space=s, sigma_intensity=t, radius=RADIUS), 2),
            lambda x, s, t: window_filters.bilateral(x[None], x[None], (s, s), t, RADIUS)[0],
            (normal(BATCH, 6, 5), widths, intensities),
            {"jvp": NO_FORWARD_MODE},
        ),
        Row(
            "smoothing.susan_emulator",
            "",
            each(lambda x, s, t: susan_emulator(x, sigma_space=s, bthresh=t, radius=RADIUS), 2),
            lambda x, s, t: window_filters.susan(x, (s, s), t, RADIUS),
            (_spotted(), widths, intensities),
            {"jvp": NO_FORWARD_MODE},
            everyday=False,
        ),
        Row(
            "smoothing.susan_brightness_threshold",
            "",
            each(lambda x, f: susan_brightness_threshold(x, fraction=f, background=0.25), 2),
            lambda x, f: np.asarray(f * (np.median(x) - 0.25)),
            (normal(BATCH, 6, 5), widths),
        ),
    ]


def _spotted():
    """Noise with a voxel in each image that only a median can serve."""
    x = normal(BATCH, 6, 5, seed=12)
    x[:, 2, 3] = 64.0
    return x
