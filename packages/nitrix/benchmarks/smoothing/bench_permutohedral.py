"""The permutohedral lattice on a volume with two intensities, d_f = 5: three axes and both of them.

The yardstick of the specification is SciPy's separable Gaussian of the same sigma in space on the same volume: the bar
is a tenth of its speed, everything included, from the features to the filtered volume. pydensecrf2's lattice, where
it is installed, takes the same features, and one step of its inference with two
labels filters two channels, as ours filters the volume and a volume of ones.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage as ndi
from harness import Case
from nitrix.smoothing import permutohedral_filter, permutohedral_lattice, permutohedral_structure

INTENSITY = 0.1  # sigma, of intensities that range over about 2
NOISE = 0.05


@functools.cache
def _volumes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two contrasts of the same smooth regions, with noise."""
    rng = np.random.default_rng(0)

    def smooth() -> np.ndarray:
        return ndi.zoom(rng.normal(size=(n // 16,) * 3).astype(np.float32), 16, order=1)

    tissue = (smooth() > 0).astype(np.float32) + (smooth() > 0.3)
    first = tissue / 2 + 0.1 * smooth() + NOISE * rng.normal(size=tissue.shape)
    second = 1 - tissue / 2 + 0.1 * smooth() + NOISE * rng.normal(size=tissue.shape)
    return first.astype(np.float32), second.astype(np.float32)


@functools.cache
def _features(n: int) -> jax.Array:
    axes = np.meshgrid(*[np.arange(n, dtype=np.float32)] * 3, indexing="ij")
    return jax.device_put(np.stack([x.ravel() for x in (*axes, *_volumes(n))], axis=1))


@functools.cache
def _values(n: int) -> jax.Array:
    return jax.device_put(_volumes(n)[0].ravel())


def _widths(sigma: float) -> np.ndarray:
    return np.asarray([sigma] * 3 + [INTENSITY] * 2, np.float32)


def _against_scipy(n: int, sigma: float, bar: float | None) -> Case:
    return Case(
        name=f"permutohedral {n}^3, d_f 5, sigma {sigma:g}",
        operation="smoothing.permutohedral_lattice",
        ours=lambda: permutohedral_lattice(_values(n), _features(n), sigma_features=_widths(sigma)),
        rival=lambda: ndi.gaussian_filter(_volumes(n)[0], sigma),
        rival_name="scipy.ndimage.gaussian_filter",
        bar=bar,
    )


def _built_before(n: int, sigma: float) -> Case:
    @functools.cache
    def lattice():
        return permutohedral_structure(_features(n), sigma_features=_widths(sigma))

    return Case(
        name=f"permutohedral {n}^3, d_f 5, sigma {sigma:g}, lattice built before",
        operation="smoothing.permutohedral_filter",
        ours=lambda: permutohedral_filter(lattice(), _values(n)),
        rival=lambda: ndi.gaussian_filter(_volumes(n)[0], sigma),
        rival_name="scipy.ndimage.gaussian_filter",
        program=lambda: jax.jit(permutohedral_filter).lower(lattice(), _values(n)).compile(),
        volume_bytes=4 * n**3,
    )


def _gradient(n: int, sigma: float) -> Case:
    """Value and gradient in values, features and widths, against the rival's value alone."""

    def loss(values, features, widths):
        return (permutohedral_lattice(values, features, sigma_features=widths) ** 2).sum()

    return Case(
        name=f"permutohedral {n}^3, d_f 5, sigma {sigma:g}, value and gradient",
        operation="smoothing.permutohedral_lattice, gradient",
        ours=lambda: jax.value_and_grad(loss, (0, 1, 2))(
            _values(n), _features(n), jnp.asarray(_widths(sigma))
        ),
        rival=lambda: ndi.gaussian_filter(_volumes(n)[0], sigma),
        rival_name="scipy.ndimage.gaussian_filter",
    )


def _densecrf_step(n: int, sigma: float) -> Callable[[], object]:
    """Build the lattice and filter two channels, by pydensecrf2."""
    from pydensecrf import densecrf  # late: it is there only where somebody built it

    scaled = np.ascontiguousarray((np.asarray(_features(n)) / _widths(sigma)).T)
    unary = np.zeros((2, n**3), np.float32)
    unary[0] = _volumes(n)[0].ravel()

    def run() -> object:
        field = densecrf.DenseCRF(n**3, 2)
        field.setUnaryEnergy(unary)
        field.addPairwiseEnergy(
            scaled, compat=1, kernel=densecrf.DIAG_KERNEL, normalization=densecrf.NO_NORMALIZATION
        )
        q, first, second = field.startInference()
        field.stepInference(q, first, second)
        return np.asarray(q)

    return run


def _against_densecrf(n: int, sigma: float) -> Case:
    run = functools.cache(lambda: _densecrf_step(n, sigma))
    return Case(
        name=f"permutohedral {n}^3, d_f 5, sigma {sigma:g}, against C++",
        operation="smoothing.permutohedral_lattice",
        ours=lambda: permutohedral_lattice(_values(n), _features(n), sigma_features=_widths(sigma)),
        rival=lambda: run()(),
        rival_name="pydensecrf2",
    )


CASES = [
    _against_scipy(128, 4.0, 0.1),
    _against_scipy(128, 6.0, None),
    _against_scipy(256, 2.0, None),
    _against_scipy(256, 3.0, None),
    _against_scipy(256, 4.0, 0.1),
    _against_scipy(256, 6.0, None),
    _built_before(256, 4.0),
    _gradient(128, 4.0),
    _against_densecrf(128, 4.0),
]
