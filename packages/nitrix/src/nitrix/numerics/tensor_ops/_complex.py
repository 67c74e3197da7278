"""Complex numbers as amplitude and phase."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Complex, Float, Num

from nitrix._arguments import common_dtype, floating, real_array


def complex_decompose(complex: Num[ArrayLike, "..."]) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """The amplitude and the phase of complex numbers.

    Args:
      complex: The numbers. Real ones have phase 0 or pi.
    Returns:
      `|z|`, and the angle of z in radians, from -pi to pi. At z = 0 the gradients of both are 0.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import complex_decompose
      >>> amplitude, phase = complex_decompose(jnp.asarray([2j]))
      >>> float(amplitude[0]), round(float(phase[0]), 4)
      (2.0, 1.5708)
    """
    z = floating(complex, "complex_decompose", "complex")
    real, imaginary = jnp.real(z), jnp.imag(z)
    zero = z == 0
    angle = jnp.arctan2(jnp.where(zero, 0, imaginary), jnp.where(zero, 1, real))
    at_zero = lax.stop_gradient(jnp.arctan2(imaginary, real))  # pi for -0, as NumPy has it
    return jnp.abs(jnp.where(zero, 0, z)), jnp.where(zero, at_zero, angle)


def complex_recompose(ampl: Num[ArrayLike, "..."], phase: Num[ArrayLike, "..."]) -> Complex[Array, "..."]:
    """Complex numbers from amplitude and phase: ampl (cos phase + i sin phase).

    Args:
      ampl: Amplitudes.
      phase: Phases in radians; the two broadcast.
    Returns:
      complex64, or complex128 where either is float64.
    Raises:
      TypeError: If one of them is complex or holds no numbers.
      ValueError: If the two do not broadcast.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import complex_recompose
      >>> complex_recompose(jnp.asarray([2.0]), jnp.asarray([0.0]))
      Array([2.+0.j], dtype=complex64)
    """
    amplitude = real_array(ampl, "complex_recompose", "ampl")
    angle = real_array(phase, "complex_recompose", "phase")
    try:
        jnp.broadcast_shapes(amplitude.shape, angle.shape)
    except ValueError:
        raise ValueError(
            f"complex_recompose: ampl {amplitude.shape} and phase {angle.shape} do not broadcast."
        ) from None
    dtype = common_dtype(amplitude, angle, np.dtype(np.float32))
    amplitude, angle = amplitude.astype(dtype), angle.astype(dtype)
    return lax.complex(amplitude * jnp.cos(angle), amplitude * jnp.sin(angle))


def amplitude_apply(
    func: Callable[[Float[Array, "..."]], Float[Array, "..."]],
) -> Callable[[Num[ArrayLike, "..."]], Complex[Array, "..."]]:
    """Lift a function of real numbers to complex ones: it is applied to the amplitude, and the phase stays.

    Args:
      func: The function of amplitudes.
    Returns:
      The function of complex numbers.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import amplitude_apply
      >>> amplitude_apply(lambda amplitude: 3 * amplitude)(jnp.asarray([2.0 + 0j]))
      Array([6.+0.j], dtype=complex64)
    """

    def apply(complex: Num[ArrayLike, "..."]) -> Complex[Array, "..."]:
        amplitude, phase = complex_decompose(complex)
        return complex_recompose(func(amplitude), phase)

    return apply
