"""How values between the voxels of an image are made; each way is a value that `spatial_transform` takes."""

import dataclasses
from typing import Any, ClassVar, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, Shaped

from nitrix._arguments import whole_number
from nitrix._boundary import BoundaryMode
from nitrix.geometry.grid._sampling import weighted
from nitrix.geometry.grid._spline import coefficients
from nitrix.geometry.grid._taps import Kernel


@runtime_checkable
class Interpolator(Protocol):
    """A way to make values between voxels: a hashable value, such as a frozen dataclass.

    `selects` says that results are values of the image: it is then given as it is, with its dtype. Else integers and
    booleans come as floats.
    """

    selects: ClassVar[bool]

    def sample(
        self,
        image: Shaped[Array, "*spatial c"],
        coordinates: Float[Array, "n ndim"],
        *,
        mode: BoundaryMode,
        cval: Shaped[Array, ""],
    ) -> Shaped[Array, "n c"]:
        """The image at coordinates in voxels; NaN where a coordinate is not finite."""
        ...


class Separable:
    """Sums of samples by weights that are products of weights along the axes."""

    selects: ClassVar[bool] = False

    def _kernel(self) -> Kernel:
        raise NotImplementedError

    def sample(self, image: Any, coordinates: Any, *, mode: str, cval: Any) -> Inexact[Array, "n c"]:
        """The image at coordinates in voxels."""
        return weighted(self._kernel(), image, coordinates, mode, cval)


@dataclasses.dataclass(frozen=True)
class Linear(Separable):
    """Between the 2^ndim nearest voxels, linearly along each axis: SciPy's order 1.

    Continuous; its derivative jumps at the voxels, where it is taken towards higher coordinates (at the last voxel of
    an axis, towards lower ones).
    """

    def _kernel(self) -> Kernel:
        return _LINEAR


@dataclasses.dataclass(frozen=True)
class CubicBSpline(Separable):
    """The cubic B-spline through the samples: SciPy's order 3, in each of its modes; twice differentiable.

    The coefficients depend on all samples of a line: a NaN in the image makes a cross of NaN.

    References:
      Unser, Aldroubi and Eden, B-spline signal processing: part I, IEEE Trans. Signal Processing 41(2), 1993.
      doi:10.1109/78.193220
    """

    def _kernel(self) -> Kernel:
        return _SPLINE

    def sample(self, image: Any, coordinates: Any, *, mode: str, cval: Any) -> Inexact[Array, "n c"]:
        """The image at coordinates in voxels."""
        return weighted(_SPLINE, image, coordinates, mode, cval, extend=coefficients)


@dataclasses.dataclass(frozen=True)
class CatmullRomCubic(Separable):
    """Keys's cubic convolution with a = -1/2: through the samples, from the 4^ndim nearest; once differentiable.

    References:
      Keys, Cubic convolution interpolation for digital image processing, IEEE Trans. ASSP 29(6), 1981.
      doi:10.1109/TASSP.1981.1163711
    """

    def _kernel(self) -> Kernel:
        return _CATMULL_ROM


@dataclasses.dataclass(frozen=True)
class Lanczos(Separable):
    """The sinc function in a window of sinc, from the (2 order)^ndim nearest voxels; weights are made to sum to 1.

    Args:
      order: Half the number of voxels along each axis, at least 1.

    References:
      Duchon, Lanczos filtering in one and two dimensions, J. Applied Meteorology 18(8), 1979.
      doi:10.1175/1520-0450(1979)018<1016:LFIOAT>2.0.CO;2
    """

    order: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", whole_number("order", self.order, "Lanczos", least=1))

    def _kernel(self) -> Kernel:
        return Kernel(2 * self.order, self.order - 1, lambda f: _lanczos(self.order, f))


def _linear(f: Float[Array, "n"]) -> tuple[Array, ...]:
    return 1 - f, f


def _spline(f: Float[Array, "n"]) -> tuple[Array, ...]:
    g = 1 - f
    return g * g * g / 6, (4 - 3 * f * f * (1 + g)) / 6, (4 - 3 * g * g * (1 + f)) / 6, f * f * f / 6


def _catmull_rom(f: Float[Array, "n"]) -> tuple[Array, ...]:
    g = 1 - f
    return -f * g * g / 2, (2 + f * f * (3 * f - 5)) / 2, (2 + g * g * (3 * g - 5)) / 2, -g * f * f / 2


def _lanczos(order: int, f: Float[Array, "n"]) -> tuple[Array, ...]:
    distances = [f + (order - 1 - tap) for tap in range(2 * order)]
    weights = [jnp.sinc(d) * jnp.sinc(d / order) for d in distances]
    total = sum(weights[1:], weights[0])
    return tuple(w / total for w in weights)


SCIPY_REACH = 12  # voxels beyond which SciPy takes a spline's constant surroundings for constant
_LINEAR = Kernel(2, 0, _linear)
_SPLINE = Kernel(4, SCIPY_REACH, _spline)
_CATMULL_ROM = Kernel(4, 1, _catmull_rom)
