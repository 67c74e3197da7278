"""The analytic signal of a real series: itself, and its Hilbert transform as imaginary part."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Complex, Float, Real

from nitrix.stats.fourier._series import narrow, read


def analytic_signal(
    X: Real[ArrayLike, "..."], *, axis: int = -1, n: int | None = None
) -> Complex[Array, "..."]:
    """The analytic signal of real series: no negative frequencies, and the series as real part.

    Args:
      X: Real series. Integers are taken as the default float; float16 and bfloat16 are computed in float32.
      axis: The axis of samples.
      n: Length of the transform and of the result: crops the series or pads it with zeros. None: that of `X`.
    Returns:
      The analytic signal, complex in the precision of the computation, of the shape of `X` but for `n`. The real part
      is the series exactly.
    Raises:
      TypeError: If `X` is complex or holds no numbers, or `n` is no integer.
      ValueError: If `X` has no samples or no such axis, or n is below 1.

    Note:
      Equal to `scipy.signal.hilbert` to rounding.

    References:
      Marple, Computing the discrete-time "analytic" signal via FFT, IEEE Trans. Signal Process. 47(9), 1999.
      doi:10.1109/78.782222

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import analytic_signal
      >>> analytic_signal(jnp.array([1.0, 0.0, -1.0, 0.0])).tolist()  # the cosine becomes a rotation
      [(1+0j), 1j, (-1+0j), -1j]
    """
    series, along, length = read(X, axis, n, "analytic_signal")
    return lax.complex(*parts(series, axis=along, n=length))


def hilbert_transform(
    X: Real[ArrayLike, "..."], *, axis: int = -1, n: int | None = None
) -> Float[Array, "..."]:
    """The Hilbert transform of real series: every oscillation turned back by a quarter of its period.

    Args:
      X: Real series, as `analytic_signal` takes them.
      axis: The axis of samples.
      n: Length of the transform and of the result. None: that of `X`.
    Returns:
      The transform in the floating dtype of `X`. Mean and Nyquist frequency have none.
    Raises:
      TypeError: As `analytic_signal`.
      ValueError: As `analytic_signal`.

    Note:
      It is the imaginary part of `scipy.signal.hilbert`, which returns the analytic signal.

    References:
      Marple, Computing the discrete-time "analytic" signal via FFT, IEEE Trans. Signal Process. 47(9), 1999.
      doi:10.1109/78.782222

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import hilbert_transform
      >>> hilbert_transform(jnp.array([1.0, 0.0, -1.0, 0.0])).tolist()  # from cosine to sine
      [0.0, 1.0, 0.0, -1.0]
    """
    series, along, length = read(X, axis, n, "hilbert_transform")
    return narrow(parts(series, axis=along, n=length)[1], X)


def envelope(X: Real[ArrayLike, "..."], *, axis: int = -1, n: int | None = None) -> Float[Array, "..."]:
    """The envelope of real series: the modulus of their analytic signal.

    Args:
      X: Real series, as `analytic_signal` takes them.
      axis: The axis of samples.
      n: Length of the transform and of the result. None: that of `X`.
    Returns:
      The envelope, in the unit and floating dtype of `X`; where it is 0, so is its gradient.
    Raises:
      TypeError: As `analytic_signal`.
      ValueError: As `analytic_signal`.

    Note:
      Equal to the modulus of `scipy.signal.hilbert`.

    References:
      Marple, Computing the discrete-time "analytic" signal via FFT, IEEE Trans. Signal Process. 47(9), 1999.
      doi:10.1109/78.782222

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.stats import envelope
      >>> envelope(jnp.array([3.0, 0.0, -3.0, 0.0])).tolist()
      [3.0, 3.0, 3.0, 3.0]
    """
    series, along, length = read(X, axis, n, "envelope")
    return narrow(_envelope(series, axis=along, n=length), X)


@functools.partial(jax.jit, static_argnames=("axis", "n"))
def _envelope(x: Float[Array, "..."], *, axis: int, n: int) -> Float[Array, "..."]:
    return modulus(*parts(x, axis=axis, n=n))


@functools.partial(jax.jit, static_argnames=("axis", "n"))
def parts(x: Float[Array, "..."], *, axis: int, n: int) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """The series at its new length, and its Hilbert transform: -i times the positive frequencies."""
    x = jnp.moveaxis(x, axis, -1)
    kept = x[..., :n]
    kept = jnp.pad(kept, [(0, 0)] * (x.ndim - 1) + [(0, n - kept.shape[-1])])
    turn = np.full(n // 2 + 1, -1j)
    turn[0] = 0
    turn[n // 2] *= n % 2  # for even n the Nyquist frequency, which has no sign
    spectrum = jnp.fft.rfft(kept)
    turned = jnp.fft.irfft(spectrum * turn.astype(spectrum.dtype), n)
    return jnp.moveaxis(kept, -1, axis), jnp.moveaxis(turned, -1, axis)


def modulus(x: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, "..."]:
    """(x^2 + y^2)^(1/2), with gradient 0 at 0."""
    zero = (x == 0) & (y == 0)
    return jnp.where(zero, 0, jnp.hypot(jnp.where(zero, 1, x), y))
