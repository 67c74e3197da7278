"""The bilateral filter of images and SUSAN over windows of 5 voxels, d_f = 4: three axes and an intensity.

Rivals: a parallel numba loop over the same neighbours, and SimpleITK's Bilateral. Its window has ceil(2.5 sigma) voxels
to each side, ours int(2.5 sigma + 0.5): at the sigma of 0.8 voxels both are 2. It looks the Gaussian of the intensity
up in a table, here of 2,000 entries (100 by default), and its rule at the border is another. Each rival is compared
with us before it is timed: all but a thousandth of the voxels must agree, SimpleITK's away from the border.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numba
import numpy as np
from harness import Case
from nitrix.smoothing import bilateral, susan_emulator

SIGMA, RADIUS, INTENSITY, THRESHOLD = 0.8, 2, 1.0, 0.5
SHAPES = {"40^3": (40, 40, 40), "96^3": (96, 96, 96), "1024^2": (1024, 1024)}


@functools.cache
def _image(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@functools.cache
def _on_device(shape: tuple[int, ...]) -> jax.Array:
    return jnp.asarray(_image(shape))


def _ours(image):
    return bilateral(image, sigma_space=SIGMA, sigma_intensity=INTENSITY)


def _ours_susan(image):
    return susan_emulator(image, sigma_space=SIGMA, bthresh=THRESHOLD)


@numba.njit(parallel=True, fastmath=True, cache=False)
def _loop(image, near, precision, centre, out):
    """One voxel after the other; `near` holds the weights in space. Without centre the sum of weights may be 0."""
    nx, ny, nz = image.shape
    rx, ry, rz = near.shape[0] // 2, near.shape[1] // 2, near.shape[2] // 2
    for x in numba.prange(nx):
        for y in range(ny):
            for z in range(nz):
                here, total, weights = image[x, y, z], np.float32(0), np.float32(0)
                for i in range(max(0, x - rx), min(nx, x + rx + 1)):
                    for j in range(max(0, y - ry), min(ny, y + ry + 1)):
                        for k in range(max(0, z - rz), min(nz, z + rz + 1)):
                            d = image[i, j, k] - here
                            weight = near[i - x + rx, j - y + ry, k - z + rz] * np.exp(-d * d * precision)
                            total += weight * image[i, j, k]
                            weights += weight
                if not centre:
                    total -= here
                    weights -= np.float32(1)
                if centre or weights > np.float32(0.01):
                    out[x, y, z] = total / weights
                else:
                    out[x, y, z] = _median(image, x, y, z)


@numba.njit
def _median(image, x, y, z):
    nx, ny, nz = image.shape
    found, count = np.empty(26, np.float32), 0
    for i in range(max(0, x - 1), min(nx, x + 2)):
        for j in range(max(0, y - 1), min(ny, y + 2)):
            for k in range(max(0, z - 1), min(nz, z + 2)):
                if i != x or j != y or k != z:
                    found[count] = image[i, j, k]
                    count += 1
    return np.median(found[:count])


def _numba(shape: tuple[int, ...], *, susan: bool) -> Callable[[], np.ndarray]:
    volume = _image(shape).reshape((1,) * (3 - len(shape)) + shape)
    box = tuple(min(RADIUS, n - 1) for n in volume.shape)
    squares = sum(a**2 for a in np.meshgrid(*(np.arange(-r, r + 1) for r in box), indexing="ij"))
    near = np.exp(-squares / (2 * SIGMA**2)).astype(np.float32)
    precision = np.float32(1 / THRESHOLD**2 if susan else 1 / (2 * INTENSITY**2))
    out = np.empty_like(volume)

    def run() -> np.ndarray:
        _loop(volume, near, precision, not susan, out)
        return out.reshape(shape)

    return run


def _simpleitk(shape: tuple[int, ...]) -> Callable[[], np.ndarray]:
    import SimpleITK as sitk

    smooth = sitk.BilateralImageFilter()
    smooth.SetDomainSigma(SIGMA)
    smooth.SetRangeSigma(INTENSITY)
    smooth.SetNumberOfRangeGaussianSamples(2000)
    image = sitk.GetImageFromArray(_image(shape))
    return lambda: sitk.GetArrayFromImage(smooth.Execute(image))


def _compared(make: Callable, ours: Callable, shape: tuple[int, ...], tolerance: float, rim: int) -> Callable:
    """The rival, once its result has been seen to be ours."""

    @functools.cache
    def rival() -> Callable:
        run = make()
        inner = (slice(rim, -rim or None),) * len(shape)
        difference = np.abs(run() - np.asarray(ours(_on_device(shape))))[inner]
        worst = np.quantile(difference, 0.999)
        if not worst <= tolerance:
            raise AssertionError(f"differs from us by {worst:.3g}")
        return run

    return lambda: rival()()


def _case(name: str, rival: str, bar: float | None, *, susan: bool = False) -> Case:
    shape, ours = SHAPES[name], (_ours_susan if susan else _ours)
    if rival == "SimpleITK":
        other = _compared(lambda: _simpleitk(shape), ours, shape, 5e-3, RADIUS)
    else:
        other = _compared(lambda: _numba(shape, susan=susan), ours, shape, 1e-3 if susan else 1e-5, 0)
    what = "susan_emulator" if susan else "bilateral"
    return Case(
        name=f"{what} {name} window 5, {rival}",
        operation=f"smoothing.{what}",
        ours=lambda: ours(_on_device(shape)),
        rival=other,
        rival_name={"SimpleITK": "SimpleITK.Bilateral", "numba": "numba, parallel loop"}[rival],
        bar=bar,
        program=lambda: jax.jit(ours).lower(_on_device(shape)).compile(),
        volume_bytes=_image(shape).nbytes,
    )


def _gradient(name: str, *, susan: bool = False) -> Case:
    """Value and gradient in the image and both widths, together, against the rival's value alone."""
    shape = SHAPES[name]

    @jax.jit
    def both(x, s, t):
        def loss(x, s, t):
            if susan:
                return (susan_emulator(x, sigma_space=s, bthresh=t, radius=RADIUS) ** 2).sum()
            return (bilateral(x, sigma_space=s, sigma_intensity=t, radius=RADIUS) ** 2).sum()

        return jax.value_and_grad(loss, (0, 1, 2))(x, s, t)

    @functools.cache
    def operands() -> tuple[jax.Array, jax.Array, jax.Array]:
        return _on_device(shape), jnp.float32(SIGMA), jnp.float32(THRESHOLD if susan else INTENSITY)

    what = "susan_emulator" if susan else "bilateral"
    return Case(
        name=f"{what} {name} window 5, value and gradient",
        operation=f"smoothing.{what}, gradient",
        ours=lambda: both(*operands()),
        rival=_numba(shape, susan=susan),
        rival_name="the value alone, numba",
        program=lambda: both.lower(*operands()).compile(),
        volume_bytes=_image(shape).nbytes,
    )


CASES = [
    _case("40^3", "numba", 2.0),
    _case("96^3", "numba", 2.0),
    _case("1024^2", "numba", None),
    _case("40^3", "SimpleITK", 5.0),
    _case("96^3", "SimpleITK", 5.0),
    _case("1024^2", "SimpleITK", None),
    _gradient("96^3"),
    _case("96^3", "numba", None, susan=True),
    _gradient("96^3", susan=True),
]
