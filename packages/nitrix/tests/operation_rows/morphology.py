"""Rows of grayscale morphology: erosion, dilation, what they make up, and reconstruction."""

import numpy as np
from nitrix.morphology import (
    black_tophat,
    close,
    dilate,
    erode,
    fill_holes,
    morphological_gradient,
    reconstruct,
    white_tophat,
)
from nitrix.morphology import open as opened
from support import grayscale

from operation_rows.row import BATCH, Row, each, normal

SPOTS = np.array([[1, 0, 1], [1, 1, 0]], bool)
BOX = np.ones((3, 3), bool)


def rows():
    """Heights as an operand, a footprint, boxes and the cross."""
    image, heights = normal(BATCH, 6, 5), normal(BATCH, 2, 3, seed=12)
    return [
        Row(
            "morphology.dilate",
            "",
            each(lambda x, s: dilate(x, structuring_element=s), 2),
            grayscale.dilate,
            (image, heights),
        ),
        Row(
            "morphology.erode",
            "",
            each(lambda x: erode(x, structuring_element=SPOTS), 2),
            lambda x: grayscale.erode(x, SPOTS),
            (image,),
        ),
        _of_a_box("open", opened, lambda x: grayscale.dilate(grayscale.erode(x, BOX), BOX)),
        _of_a_box("close", close, _closed),
        _of_a_box(
            "morphological_gradient",
            morphological_gradient,
            lambda x: grayscale.dilate(x, BOX) - grayscale.erode(x, BOX),
        ),
        _of_a_box("white_tophat", white_tophat, lambda x: x - grayscale.dilate(grayscale.erode(x, BOX), BOX)),
        _of_a_box("black_tophat", black_tophat, lambda x: _closed(x) - x),
        Row(
            "morphology.reconstruct",
            "",
            each(reconstruct, 2),
            lambda marker, mask: grayscale.reconstruct(marker, mask, grayscale.cross(2)),
            (normal(BATCH, 6, 5, seed=12) - 1, image),
        ),
        Row("morphology.fill_holes", "", each(fill_holes, 2), _filled, (image,)),
    ]


def _of_a_box(name, function, oracle):
    return Row(
        f"morphology.{name}", "", each(lambda x: function(x, size=3), 2), oracle, (normal(BATCH, 6, 5),)
    )


def _closed(x):
    return grayscale.erode(grayscale.dilate(x, BOX), BOX)


def _filled(x):
    """Shrunk onto the image from the greatest value, which the border does not have."""
    marker = np.full(x.shape, np.inf)
    for rim in np.s_[0, :], np.s_[-1, :], np.s_[:, 0], np.s_[:, -1]:
        marker[rim] = x[rim]
    return -grayscale.reconstruct(-marker, -x, grayscale.cross(2))
