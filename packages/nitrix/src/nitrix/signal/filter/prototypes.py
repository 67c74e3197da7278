"""Poles and zeros of the classic analogue low-pass filters with their edge at 1 rad/s, in NumPy float64.

Each returns (zeros, poles, gain). The edge is where Butterworth's gain is 1 / sqrt(2), where the pass band of a
Chebyshev I and an elliptic filter ends, and where the stop band of a Chebyshev II filter begins.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class PolesZeros(NamedTuple):
    """A rational response: gain * prod(s - zeros) / prod(s - poles)."""

    zeros: NDArray[np.complex128]
    poles: NDArray[np.complex128]
    gain: float


NO_ZEROS = np.zeros(0, complex)


def butterworth(order: int) -> PolesZeros:
    """Poles spread evenly over the left half of the unit circle."""
    return PolesZeros(NO_ZEROS, -np.exp(0.5j * np.pi * _places(order) / order), 1.0)


def chebyshev1(order: int, ripple: float) -> PolesZeros:
    """Equal ripples of `ripple` dB in the pass band: poles on an ellipse."""
    depth = _deviation(ripple)
    radius = math.asinh(1 / depth) / order
    poles = -np.sinh(radius + 0.5j * np.pi * _places(order) / order)
    # An even order has its ripple's lowest point at zero frequency.
    return PolesZeros(NO_ZEROS, poles, _unit_gain(poles) / (math.hypot(1, depth) if order % 2 == 0 else 1.0))


def chebyshev2(order: int, attenuation: float) -> PolesZeros:
    """Equal ripples in the stop band, `attenuation` dB down: the poles of type I inverted, zeros on the axis."""
    radius = math.asinh(_deviation(attenuation)) / order
    poles = 1 / -np.sinh(radius + 0.5j * np.pi * _places(order) / order)
    places = _places(order)
    zeros = 1j / np.sin(0.5 * np.pi * places[places != 0] / order)
    return PolesZeros(zeros, poles, _unit_gain(poles, zeros))


def elliptic(order: int, ripple: float, attenuation: float) -> PolesZeros:
    """Equal ripples in both bands, by Jacobi's elliptic functions, evaluated by Landen's transformation [1].

    [1] Orfanidis, Lecture Notes on Elliptic Filter Design, 2006.
    """
    if order == 1:
        return chebyshev1(1, ripple)
    depth, floor = _deviation(ripple), _deviation(attenuation)
    inner = (
        depth / floor
    )  # the modulus k1; the modulus k, and its complement, follow from the degree equation
    places = np.arange(1, order // 2 + 1) * 2 - 1
    complement = math.sqrt((1 - inner) * (1 + inner))
    other = float(complement**order * np.prod(_sine(places / order, _moduli(complement, inner)).real) ** 4)
    modulus = math.sqrt((1 - other) * (1 + other))
    moduli = _moduli(modulus, other)
    zeros = 1j / (modulus * _cosine(places / order, moduli))
    shift = -1j * _inverse_sine(1j / depth, inner) / order
    poles = 1j * _cosine(places / order - 1j * shift, moduli)
    zeros, poles = (np.concatenate([half, half.conj()]) for half in (zeros, poles))
    if order % 2:
        poles = np.append(poles, (1j * _sine(1j * shift, moduli)).real)
    lowest = 1.0 if order % 2 else 1 / math.hypot(1, depth)
    return PolesZeros(zeros, poles, lowest * _unit_gain(poles, zeros))


def bessel(order: int, norm: str) -> PolesZeros:
    """Flattest group delay. `norm` says what is 1 rad/s: 'phase', 'delay' or 'mag'.

    The Bessel polynomials obey x y[n-1] = (y[n] - y[n-2]) / (2 n - 1), so their roots are the eigenvalues of a
    tridiagonal matrix; balanced, it is skew-symmetric but for one entry, and its eigenvalues are well conditioned.
    Poles are 1 / roots.
    """
    n = np.arange(1, order)
    side = 1 / np.sqrt((2.0 * n - 1) * (2 * n + 1))
    matrix = np.diag(side, 1) - np.diag(side, -1)
    matrix[0, 0] = -1
    poles: NDArray[np.complex128] = 1 / np.linalg.eigvals(matrix).astype(
        np.complex128
    )  # a delay of 1 s at zero frequency
    if norm == "phase":  # of the same asymptotic response as Butterworth's
        poles /= abs(np.prod(poles)) ** (1 / order)
    if norm == "mag":
        poles /= _half_power(poles)
    return PolesZeros(NO_ZEROS, poles, _unit_gain(poles))


def _half_power(poles: NDArray[np.complex128]) -> float:
    """The frequency at which an all-pole response is 1 / sqrt(2) of that at zero; its gain falls steadily."""
    low, high = 0.0, float(2 * np.abs(poles).max())
    while (middle := (low + high) / 2) not in (low, high):
        falls = np.prod(np.abs(1j * middle - poles) / np.abs(poles)) > math.sqrt(2)
        low, high = (low, middle) if falls else (middle, high)
    return low


def _places(order: int) -> NDArray[np.int64]:
    """-order + 1, -order + 3, ..., order - 1."""
    return np.arange(-order + 1, order, 2)


def _deviation(decibels: float) -> float:
    """The eps with 1 / sqrt(1 + eps^2) so many dB below 1."""
    return math.sqrt(math.expm1(decibels * math.log(10) / 10))


def _unit_gain(poles: NDArray[np.complex128], zeros: NDArray[np.complex128] = NO_ZEROS) -> float:
    """The gain that makes the response 1 at zero frequency."""
    return float((np.prod(-poles) / np.prod(-zeros)).real)


def _moduli(modulus: float, complement: float) -> list[float]:
    """Landen's descending moduli, until they are negligible."""
    moduli = []
    while modulus > 1e-17:
        modulus = (modulus / (1 + complement)) ** 2
        complement = math.sqrt((1 - modulus) * (1 + modulus))
        moduli.append(modulus)
    return moduli


def _ascend(value: Any, moduli: list[float]) -> Any:
    for modulus in reversed(moduli):
        value = (1 + modulus) * value / (1 + modulus * value**2)
    return value


def _sine(u: ArrayLike, moduli: list[float]) -> Any:
    """sn(u K), K being the quarter period."""
    return _ascend(np.sin(np.asarray(u, complex) * np.pi / 2), moduli)


def _cosine(u: ArrayLike, moduli: list[float]) -> Any:
    """cd(u K)."""
    return _ascend(np.cos(np.asarray(u, complex) * np.pi / 2), moduli)


def _inverse_sine(value: complex, modulus: float) -> complex:
    """The u with sn(u K) = value."""
    w = np.complex128(value)
    previous = modulus
    for following in _moduli(modulus, math.sqrt((1 - modulus) * (1 + modulus))):
        w = 2 * w / ((1 + following) * (1 + np.sqrt(1 - (previous * w) ** 2)))
        previous = following
    return complex(2 / np.pi * np.arcsin(w))
