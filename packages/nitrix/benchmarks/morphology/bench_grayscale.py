"""Dilations by boxes, balls and a parabola, an opening and holes, against SciPy's of the same image."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage as ndi
from harness import Case
from nitrix.morphology import dilate, fill_holes
from nitrix.morphology import open as opened

CUBE, SMALL, PLANE = (128, 128, 128), (64, 64, 64), (1024, 1024)


def ball(radius: int) -> np.ndarray:
    offsets = np.indices((2 * radius + 1,) * 3) - radius
    return (offsets**2).sum(0) <= radius**2


def parabola(radius: int) -> np.ndarray:
    """Heights that are exactly a sum of one profile per axis."""
    offsets = np.indices((2 * radius + 1,) * 3) - radius
    return -(offsets**2).sum(0) / 8.0


@functools.cache
def _image(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@functools.cache
def _tissue() -> np.ndarray:
    """Blobs with holes."""
    return ndi.gaussian_filter(_image(CUBE), 2) > 0.02


def _case(
    name: str,
    operation: str,
    image: Callable[[], np.ndarray],
    ours: Callable[[Any], Any],
    rival: Callable[[np.ndarray], Any],
    rival_name: str,
    bar: float | None = None,
) -> Case:
    @functools.cache
    def operand() -> jax.Array:
        return jnp.asarray(image())

    return Case(
        name=name,
        operation=f"morphology.{operation}",
        ours=lambda: ours(operand()),
        rival=lambda: rival(image()),
        rival_name=f"scipy.ndimage.{rival_name}",
        bar=bar,
        program=lambda: jax.jit(ours).lower(operand()).compile(),
        volume_bytes=image().nbytes,
    )


def _box(shape: tuple[int, ...], size: int, bar: float | None) -> Case:
    return _case(
        f"dilate box {size} at {_name(shape)}",
        "dilate",
        lambda: _image(shape),
        lambda x: dilate(x, size=size),
        lambda x: ndi.grey_dilation(x, size=size),
        "grey_dilation",
        bar,
    )


def _name(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}^{len(shape)}"


def _ball(radius: int, bar: float | None) -> Case:
    element = ball(radius)
    return _case(
        f"dilate ball {radius} at 64^3",
        "dilate",
        lambda: _image(SMALL),
        lambda x: dilate(x, structuring_element=element),
        lambda x: ndi.grey_dilation(x, footprint=element),
        "grey_dilation",
        bar,
    )


HEIGHTS = parabola(2)

CASES = [
    _box(CUBE, 3, 15.0),
    _box(CUBE, 15, 15.0),
    _box(CUBE, 99, None),
    _box(PLANE, 99, None),
    _ball(2, 5.0),
    _ball(5, None),
    _case(
        "dilate parabola 5 at 64^3",
        "dilate",
        lambda: _image(SMALL),
        lambda x: dilate(x, structuring_element=HEIGHTS),
        lambda x: ndi.grey_dilation(x, structure=HEIGHTS),
        "grey_dilation",
    ),
    _case(
        "open box 5 at 128^3",
        "open",
        lambda: _image(CUBE),
        lambda x: opened(x, size=5),
        lambda x: ndi.grey_opening(x, size=5),
        "grey_opening",
    ),
    _case(
        "fill_holes at 128^3",
        "fill_holes",
        _tissue,
        fill_holes,
        ndi.binary_fill_holes,
        "binary_fill_holes",
    ),
]
