"""Coefficients of the cubic B-spline that passes through the samples of an image."""

import functools
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Inexact
from numpy.typing import NDArray

from nitrix._boundary import source_index
from nitrix.geometry.grid._extension import extended
from nitrix.geometry.grid._position import EXTENSION
from nitrix.geometry.grid._taps import Axis, real_dtype

# Samples are (c[k - 1] + 4 c[k] + c[k + 1]) / 6 of the coefficients. The inverse of that filter has the impulse
# response sqrt(3) z^|k| with z = sqrt(3) - 2 = -0.268, which is below the rounding error of float64 from k = 28 on.
# Applied to the samples as they go on beyond the ends, it gives the coefficients there as well.
POLE = np.sqrt(3.0) - 2.0
LENGTH = {4: 14, 8: 28}  # by bytes of a real number
LONGEST_DENSE = 512  # samples of an axis up to which a matrix is the fastest form


def coefficients(
    x: Inexact[Array, "*spatial c"], axes: tuple[Axis, ...], mode: str, cval: Any
) -> Inexact[Array, "*extended c"]:
    """The coefficients of the extended image, `pads` more than samples along each axis."""
    constant = mode == "grid-constant"
    x = x - cval if constant else x  # a constant has itself for coefficients
    for number, axis in enumerate(axes):
        along = _by_matrix if x.shape[number] <= LONGEST_DENSE else _by_shifts
        x = along(x, number, axis.pads, mode)
    return x + cval if constant else x


def _by_matrix(x: Array, axis: int, pads: tuple[int, int], mode: str) -> Array:
    matrix = jnp.asarray(_matrix(x.shape[axis], pads, EXTENSION[mode]), real_dtype(x.dtype))
    product = jnp.tensordot(matrix.astype(x.dtype), x, axes=(1, axis), precision=lax.Precision.HIGHEST)
    return jnp.moveaxis(product, 0, axis)


@functools.lru_cache(maxsize=32)
def _matrix(size: int, pads: tuple[int, int], extension: str) -> NDArray[np.float64]:
    rows = np.arange(-pads[0], size + pads[1])
    matrix = np.zeros((len(rows), size + 1))  # the last column is what stands at no sample, 0
    for k in range(-LENGTH[8], LENGTH[8] + 1):
        np.add.at(
            matrix,
            (np.arange(len(rows)), source_index(rows + k, size, extension)),
            np.sqrt(3) * POLE ** abs(k),
        )
    return matrix[:, :-1]


def _by_shifts(x: Array, axis: int, pads: tuple[int, int], mode: str) -> Array:
    length, rows = LENGTH[real_dtype(x.dtype).itemsize], x.shape[axis] + sum(pads)
    still = Axis((0, 0), 0, 0)
    wider = [still] * (x.ndim - 1)
    wider[axis] = Axis((pads[0] + length, pads[1] + length), 0, 0)
    samples = extended(x, tuple(wider), mode, np.zeros((), x.dtype))
    terms = []
    for k in range(-length, length + 1):
        part = lax.slice_in_dim(samples, length + k, length + k + rows, axis=axis)
        terms.append(part * x.dtype.type(np.sqrt(3) * POLE ** abs(k)))
    return functools.reduce(lambda a, b: a + b, terms)
