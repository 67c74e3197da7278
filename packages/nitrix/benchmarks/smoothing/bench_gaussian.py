"""The Gaussian filter against SciPy's: cubes, the grids of the MNI152 template at 2 and 1 mm, and series."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage as ndi
from harness import Case
from nitrix.smoothing import gaussian

WORKLOADS = {  # name: (shape, sigma in voxels, required ratio)
    "gaussian 128^3 sigma 2": ((128, 128, 128), 2.0, 6.0),
    "gaussian 128^3 sigma 6": ((128, 128, 128), 6.0, 10.0),
    "gaussian 256^3 sigma 2": ((256, 256, 256), 2.0, 4.0),
    "gaussian 256^3 sigma 6": ((256, 256, 256), 6.0, 4.0),
    "gaussian MNI 2 mm sigma 2": ((99, 117, 95), 2.0, 4.0),
    "gaussian MNI 2 mm sigma 6": ((99, 117, 95), 6.0, 4.0),
    "gaussian MNI 1 mm fwhm 6 mm": ((197, 233, 189), 6 / 2.354820045030949, None),
    "gaussian 4000 series of 1200 samples": ((4000, 1200), 3.0, None),
}


@functools.cache
def _image(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _case(name: str, shape: tuple[int, ...], sigma: float, bar: float | None) -> Case:
    rank = 1 if len(shape) == 2 else 3
    axes = tuple(range(len(shape) - rank, len(shape)))

    @functools.cache
    def operand() -> jax.Array:
        return jnp.asarray(_image(shape))

    smooth = functools.partial(gaussian, sigma=sigma, spatial_rank=rank)
    return Case(
        name=name,
        operation="smoothing.gaussian",
        ours=lambda: smooth(operand()),
        rival=lambda: ndi.gaussian_filter(_image(shape), sigma, axes=axes),
        rival_name="scipy.ndimage.gaussian_filter",
        bar=bar,
        program=lambda: jax.jit(smooth).lower(operand()).compile(),
        volume_bytes=4 * int(np.prod(shape)),
    )


def _gradient(name: str, shape: tuple[int, ...], sigma: float) -> Case:
    """Value and gradient, in the image and in sigma, together, against the rival's value alone."""

    @jax.jit
    def both(x, s):
        return jax.value_and_grad(lambda x, s: (gaussian(x, sigma=s) ** 2).sum(), (0, 1))(x, s)

    @functools.cache
    def operands() -> tuple[jax.Array, jax.Array]:
        return jnp.asarray(_image(shape)), jnp.float32(sigma)

    return Case(
        name=name,
        operation="smoothing.gaussian, gradient",
        ours=lambda: both(*operands()),
        rival=lambda: ndi.gaussian_filter(_image(shape), sigma),
        rival_name="scipy.ndimage.gaussian_filter",
    )


CASES = [
    *(_case(name, *workload) for name, workload in WORKLOADS.items()),
    _gradient("gaussian 128^3 sigma 2, value and gradient", (128, 128, 128), 2.0),
]
