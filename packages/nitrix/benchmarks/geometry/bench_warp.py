"""Warps of a volume by a smooth field against SciPy's: every order, several channels, gradients; resampling."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage as ndi
from harness import Case
from nitrix.geometry import CubicBSpline, Linear, NearestNeighbour, resample, spatial_transform

SHAPE = (128, 128, 128)
METHODS = {  # name: (interpolator, SciPy's order, required ratio)
    "linear": (Linear(), 1, 6.0),
    "cubic": (CubicBSpline(), 3, 5.0),
    "nearest": (NearestNeighbour(), 0, None),
}


@functools.cache
def _image(channels: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(*SHAPE, channels)).astype(np.float32)


@functools.cache
def _deformation() -> np.ndarray:
    """A field that is smooth over some 8 voxels and moves by some 3 of them."""
    coarse = np.random.default_rng(1).normal(size=(16, 16, 16, 3))
    steps = np.stack([ndi.zoom(coarse[..., a], 8, order=1) for a in range(3)], axis=-1)
    return (np.stack(np.indices(SHAPE), axis=-1) + 3 * steps).astype(np.float32)


@functools.cache
def _planes() -> np.ndarray:
    """The deformation as SciPy wants it."""
    return np.ascontiguousarray(np.moveaxis(_deformation(), -1, 0))


def _scipy(channels: int, order: int) -> list[np.ndarray]:
    volumes = np.ascontiguousarray(np.moveaxis(_image(channels), -1, 0))
    return [ndi.map_coordinates(volume, _planes(), order=order) for volume in volumes]


def _warp(name: str, channels: int = 1, *, bar: bool = True) -> Case:
    method, order, ratio = METHODS[name]
    warp = functools.partial(spatial_transform, method=method)
    operands = functools.cache(lambda: (jnp.asarray(_image(channels)), jnp.asarray(_deformation())))
    return Case(
        name=f"warp {name} 128^3" + (f", {channels} channels" if channels > 1 else ""),
        operation="geometry.spatial_transform",
        ours=lambda: warp(*operands()),
        rival=lambda: _scipy(channels, order),
        rival_name="scipy.ndimage.map_coordinates",
        bar=ratio if bar else None,
        program=lambda: jax.jit(warp).lower(*operands()).compile(),
        volume_bytes=4 * math.prod(SHAPE) * channels,
    )


def _gradients(name: str, bar: float | None) -> Case:
    """The value of a loss and its gradients in image and coordinates, against the rival's warp alone."""
    method, order, _ = METHODS[name]

    @jax.jit
    def both(image, deformation, fixed):
        loss = lambda x, d: ((spatial_transform(x, d, method=method) - fixed) ** 2).sum()
        return jax.value_and_grad(loss, (0, 1))(image, deformation)

    operands = functools.cache(
        lambda: (jnp.asarray(_image(1)), jnp.asarray(_deformation()), jnp.asarray(_image(1)[::-1]))
    )
    return Case(
        name=f"warp {name} 128^3, value and both gradients",
        operation="geometry.spatial_transform, gradient",
        ours=lambda: both(*operands()),
        rival=lambda: _scipy(1, order),
        rival_name="scipy.ndimage.map_coordinates",
        bar=bar,
        program=lambda: both.lower(*operands()).compile(),
        volume_bytes=4 * math.prod(SHAPE),
    )


def _resample(name: str) -> Case:
    method, order, _ = METHODS[name]
    target = (160, 96, 128)
    operand = functools.cache(lambda: jnp.asarray(_image(1)))
    ours = lambda x: resample(x, target, mode="mirror", method=method)
    factors = [new / old for new, old in zip(target, SHAPE)]
    return Case(
        name=f"resample {name} 128^3 to 160 x 96 x 128",
        operation="geometry.resample",
        ours=lambda: ours(operand()),
        rival=lambda: ndi.zoom(_image(1)[..., 0], factors, order=order, mode="mirror"),
        rival_name="scipy.ndimage.zoom",
        program=lambda: jax.jit(ours).lower(operand()).compile(),
        volume_bytes=4 * math.prod(SHAPE),
    )


CASES = [
    _warp("linear"),
    _gradients("linear", 1 / 1.5),
    _warp("cubic"),
    _gradients("cubic", None),
    _warp("nearest"),
    _warp("linear", 3, bar=False),
    _resample("linear"),
    _resample("cubic"),
]
