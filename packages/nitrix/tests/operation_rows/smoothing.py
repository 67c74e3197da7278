"""Rows of `nitrix.smoothing`."""

from functools import partial

import numpy as np
import scipy.linalg
from golden import definitions
from nitrix.smoothing import gaussian, surface_gaussian
from nitrix.sparse import ELL

from operation_rows.row import BATCH, Row, each, normal

OTHERS = {
    "smoothing.surface_gaussian_degree": "counts the products that a width needs, on the host; a Python integer"
}

# A chain of four vertices of uneven weights and areas: each row has its vertex, the one before and the one after.
WEIGHTS, AREAS = np.array([0.75, 1.25, 0.5]), np.array([0.75, 1.25, 1.0, 1.5])
BEFORE, AFTER, AT = np.append(0, WEIGHTS), np.append(WEIGHTS, 0), np.arange(4)
VALUES = np.stack([BEFORE + AFTER, -BEFORE, -AFTER], axis=1).astype(np.float32)
INDICES = np.stack([AT, np.maximum(AT - 1, 0), np.minimum(AT + 1, 3)], axis=1)
DENSE = np.diag(BEFORE + AFTER) - np.diag(WEIGHTS, 1) - np.diag(WEIGHTS, -1)


def rows():
    """Gaussians of images and of fields on surfaces."""
    widths = np.linspace(0.5, 1.375, BATCH)
    return [
        Row(
            "smoothing.gaussian",
            "",
            partial(gaussian, sigma=(0.8, 1.2), spatial_rank=2),
            lambda x: definitions.gaussian(x, (0.8, 1.2), "reflect", 0, 0, x)[0],
            (normal(BATCH, 6, 5),),
        ),
        Row(
            "smoothing.surface_gaussian",
            "",
            each(_surface_gaussian, 2),
            lambda x, sigma: scipy.linalg.expm(-(sigma**2) / 2 * DENSE / AREAS[:, None]) @ x,
            (normal(BATCH, 4, 2), widths),
            everyday=False,
        ),
    ]


def _surface_gaussian(x, sigma):
    chain = ELL(VALUES, INDICES, 4)
    return surface_gaussian(x, chain, AREAS.astype(np.float32), sigma=sigma, degree=40, tolerance=1e-12)
