"""How convolutions are made of a platform's kernels, forward and backward, and which calls they cannot serve."""

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from jax import Array

from nitrix._kernels.rules import Fold
from nitrix.semiring import kernels
from nitrix.semiring._plain.conv import products
from nitrix.semiring._plain.conv.window import Window
from nitrix.semiring._plain.euclidean import scale_of
from nitrix.semiring.algebra import Semiring
from nitrix.semiring.algebras import BOOLEAN, EUCLIDEAN, builtin
from nitrix.semiring.paired import Product, paired


@cache
def product(kernel: ModuleType, semiring: Semiring[Any], window: Window) -> Product:
    """The convolution [*spatial, c_in], [*taps, c_in, c_out] -> [*out, c_out] by a platform's kernels."""
    fold, outputs = kernels.fold_of(semiring)
    algebra = builtin(semiring)

    def taps(x: Array, k: Array) -> Any:
        return kernel.Taps(window.out(x.shape[:-1], k.shape[:-2]), window.stride, window.dilation, window.low)

    def folded(x: Array, k: Array, rule: Fold, dtypes: tuple[Any, ...]) -> tuple[Array, ...]:
        if algebra is not EUCLIDEAN:
            return tuple(kernel.fold(x, k, taps(x, k), rule, dtypes=dtypes))
        scale = scale_of(x, k)  # as on the plain path
        return tuple(
            out * scale for out in kernel.fold(x / scale, k / scale, taps(x, k), rule, dtypes=dtypes)
        )

    def value(x: Array, k: Array) -> Array:
        return folded(x, k, fold, outputs(x.dtype))[0]

    definition = products.definition(semiring, window)
    if algebra is BOOLEAN:
        return value
    if algebra is None or definition is None:
        return products.users(value, semiring)
    keeping, kept_dtypes = kernels.statistics_of(algebra, fold)
    weight_x, weight_k = kernels.weights_of(algebra)

    def value_and_statistics(x: Array, k: Array) -> tuple[Array, tuple[Array, ...]]:
        out, *statistics = folded(x, k, keeping, (x.dtype, *kept_dtypes(x.dtype)))
        return out, tuple(statistics)

    def backward(x: Array, k: Array, statistics: tuple[Array, ...], g: Array) -> tuple[Array, Array]:
        dx, dk = kernel.pull(x, k, (*statistics, g), taps(x, k), weight_x, weight_k)
        return dx, dk

    return paired(value, value_and_statistics, backward, definition)


def cuda_refuses(semiring: Semiring[Any], dtype: np.dtype, entries: int) -> str | None:
    """Why the CUDA kernel cannot serve operands of this dtype, the largest of so many entries, or None."""
    if entries >= 2**31:
        return f"the kernel's offsets are of 32 bits and an image, a kernel or a result has {entries} entries"
    return kernels.cuda_refuses(semiring, dtype)


def tpu_refuses(semiring: Semiring[Any], dtype: np.dtype, entries: int) -> str | None:
    """Why there is no TPU kernel, for any call."""
    return (
        "taps read an image at offsets that are no multiples of a TPU's tiles of 8 x 128, which Mosaic promises only "
        "for copies"
    )
