"""What boxes and balls need of memory beyond the image and the result."""

import numpy as np
import pytest
from nitrix.morphology import dilate, erode
from nitrix.morphology import open as opened
from support.memory import compiled_memory, form


def images(function, *shape, dtype="float32"):
    x = form(*shape, dtype=dtype)
    return compiled_memory(function, x).temporaries / (np.prod(shape) * np.dtype(dtype).itemsize)


def test_a_box_of_99_needs_less_than_four_images():
    assert images(lambda v: dilate(v, size=99), 1024, 1024) < 3
    assert images(lambda v: erode(v, size=99, mode="reflect"), 1024, 1024) < 4
    assert images(lambda v: opened(v, size=99), 1024, 1024) < 4
    assert images(lambda v: dilate(v, size=99), 128, 128, 128) < 4


@pytest.mark.parametrize("size", [3, 15])
def test_boxes_of_a_volume(size):
    assert images(lambda v: dilate(v, size=size), 128, 128, 128) < 3


def test_a_ball_needs_no_image_for_each_of_its_rows():
    offsets = np.indices((11, 11, 11)) - 5
    ball = (offsets**2).sum(0) <= 25  # 81 rows of 515 voxels
    assert images(lambda v: dilate(v, structuring_element=ball), 64, 64, 64) < 10
