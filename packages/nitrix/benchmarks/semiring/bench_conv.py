"""Convolutions of a 48^3 image of 8 channels with a 3^3 kernel to 8 channels, float32, and of one with 64 channels.

"Gradient" is value and gradient: of `REAL` against the rival's, of the others against the rival's value alone.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from harness import Case
from jax import lax
from nitrix import semiring
from nitrix.semiring import semiring_conv

SIZE, CHANNELS, TAPS = 48, 8, 3


@functools.cache
def _operands(size=SIZE, channels=CHANNELS):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(size,) * 3 + (channels,)).astype(np.float32)
    k = rng.normal(size=(TAPS,) * 3 + (channels, channels)).astype(np.float32)
    return x, k


@functools.cache
def _device_operands(*of):
    return tuple(jnp.asarray(x) for x in _operands(*of))


def _lax(x, k):
    layout = ("NDHWC", "DHWIO", "NDHWC")
    return lax.conv_general_dilated(
        x[None], k, (1, 1, 1), "SAME", dimension_numbers=layout, precision=lax.Precision.HIGHEST
    )[0]


def _gradient(conv):
    return jax.jit(jax.value_and_grad(lambda x, k: jnp.sum(jnp.square(conv(x, k))), (0, 1)))


@functools.cache
def _compiled(gradient):
    return _gradient(_lax) if gradient else jax.jit(_lax)


def _rows(x, k):
    from numba_products import conv_max_plus

    return conv_max_plus(x, k)


def _case(algebra, bar=None, *, gradient=False, of=(SIZE, CHANNELS)):
    def conv(x, k):
        return semiring_conv(x, k, semiring=algebra)

    compute = _gradient(conv) if gradient else conv
    if algebra is semiring.TROPICAL_MAX_PLUS:
        rival_name, rival = "numba loop over rows", lambda: _rows(*_operands(*of))
    else:
        own = gradient and algebra is semiring.REAL
        rival_name = "lax.conv_general_dilated" + (" value and gradient" if own else "")
        rival = lambda: _compiled(own)(*_device_operands(*of))
    size, channels = of
    return Case(
        name=f"conv {algebra.name} {size}^3, {channels} -> {channels}" + (" gradient" if gradient else ""),
        operation="semiring.semiring_conv" + (" (gradient)" if gradient else ""),
        ours=lambda: compute(*_device_operands(*of)),
        rival=rival,
        rival_name=rival_name,
        bar=bar,
        program=lambda: jax.jit(compute).lower(*_device_operands(*of)).compile(),
        volume_bytes=4 * size**3 * channels,
    )


CASES = [
    _case(semiring.REAL, 3),
    _case(semiring.REAL, 1, gradient=True),
    _case(semiring.TROPICAL_MAX_PLUS, 1.5),
    _case(semiring.TROPICAL_MAX_PLUS, 1 / 2, gradient=True),
    _case(semiring.LOG),
    _case(semiring.LOG, gradient=True),
    _case(semiring.EUCLIDEAN),
    _case(semiring.EUCLIDEAN, gradient=True),
    _case(semiring.BOOLEAN),
    _case(semiring.REAL, of=(24, 64)),
    _case(semiring.REAL, of=(24, 64), gradient=True),
]
