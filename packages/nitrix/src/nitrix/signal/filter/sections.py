"""From an analogue low-pass filter to second-order sections of a digital filter, in NumPy float64."""

import math

import numpy as np
from numpy.typing import NDArray

from nitrix.signal.filter.prototypes import PolesZeros


def digital(prototype: PolesZeros, btype: str, edges: tuple[float, ...]) -> PolesZeros:
    """The low-pass moved to its band and mapped to the unit circle; `edges` in units of the Nyquist frequency.

    s = 2 (z - 1) / (z + 1), with the edges bent beforehand so that they come out where they were asked for.
    """
    bent = [2 * math.tan(math.pi * edge / 2) for edge in edges]
    analogue = _moved(prototype, btype, bent)
    degree = len(analogue.poles) - len(analogue.zeros)
    zeros = np.append((2 + analogue.zeros) / (2 - analogue.zeros), np.full(degree, -1 + 0j))
    poles = (2 + analogue.poles) / (2 - analogue.poles)
    gain = analogue.gain * (np.prod(2 - analogue.zeros) / np.prod(2 - analogue.poles)).real
    return PolesZeros(zeros, poles, float(gain))


def _moved(prototype: PolesZeros, btype: str, edges: list[float]) -> PolesZeros:
    """The edge of 1 rad/s moved to those of a band."""
    zeros, poles, gain = prototype
    degree = len(poles) - len(zeros)
    if btype == "lowpass":
        return PolesZeros(zeros * edges[0], poles * edges[0], gain * edges[0] ** degree)
    inverted = gain * float((np.prod(-zeros) / np.prod(-poles)).real)
    if btype == "highpass":  # s -> edge / s
        return PolesZeros(np.append(edges[0] / zeros, np.zeros(degree)), edges[0] / poles, inverted)
    width, centre = edges[1] - edges[0], math.sqrt(edges[0] * edges[1])
    if btype == "bandpass":  # s -> (s^2 + centre^2) / (width s)
        split = [_pair(roots * width / 2, centre) for roots in (zeros, poles)]
        return PolesZeros(np.append(split[0], np.zeros(degree)), split[1], gain * width**degree)
    split = [_pair(width / 2 / roots, centre) for roots in (zeros, poles)]  # and its inverse
    middle = np.tile([1j * centre, -1j * centre], degree)
    return PolesZeros(np.append(split[0], middle), split[1], inverted)


def _pair(half: NDArray[np.complex128], centre: float) -> NDArray[np.complex128]:
    """Both solutions of s^2 - 2 half s + centre^2 = 0."""
    root = np.sqrt(half**2 - centre**2)
    return np.concatenate([half + root, half - root])


def second_order_sections(digital_filter: PolesZeros) -> NDArray[np.float64]:
    """Rows (b0, b1, b2, 1, a1, a2): poles with their nearest zeros, those nearest the unit circle in the last row.

    A pole beside a zero keeps the section's peak low; the sharpest section last sees a signal that is already filtered.
    """
    zeros, poles = _halved(digital_filter.zeros), _halved(digital_filter.poles)
    if _count(poles) % 2:  # a root at zero on either side makes the number even
        zeros, poles = [*zeros, 0j], [*poles, 0j]
    rows = []
    while poles:
        pole = poles.pop(min(range(len(poles)), key=lambda i: abs(1 - abs(poles[i]))))
        zero = _nearest(zeros, pole)
        if _real(pole):
            reals = [i for i, p in enumerate(poles) if _real(p)]
            second_pole = poles.pop(min(reals, key=lambda i: abs(1 - abs(poles[i]))))
        else:
            second_pole = pole.conjugate()
        second_zero = _nearest(zeros, pole, real=True) if _real(zero) else zero.conjugate()
        rows.append([*_quadratic(zero, second_zero), *_quadratic(pole, second_pole)])
    sections = np.array(rows[::-1])
    sections[0, :3] *= digital_filter.gain
    return sections + 0.0  # no -0


def _real(root: complex) -> bool:
    return root.imag == 0


def _count(roots: list[complex]) -> int:
    return sum(1 if _real(root) else 2 for root in roots)


def _halved(roots: NDArray[np.complex128]) -> list[complex]:
    """Real roots, and of each conjugate pair the one above the axis."""
    tiny = 100 * np.finfo(np.float64).eps
    out = []
    for root in sorted(roots.tolist(), key=lambda r: (r.real, abs(r.imag))):
        if abs(root.imag) <= tiny * abs(root):
            out.append(complex(root.real))
        elif root.imag > 0:
            out.append(root)
    return out


def _nearest(roots: list[complex], to: complex, *, real: bool = False) -> complex:
    """The root nearest to another, taken out; only among real ones where it must be."""
    allowed = [i for i, root in enumerate(roots) if _real(root) or not real]
    return roots.pop(min(allowed, key=lambda i: abs(roots[i] - to)))


def _quadratic(first: complex, second: complex) -> list[float]:
    """Coefficients of (z - first) (z - second)."""
    return [1.0, -(first + second).real, (first * second).real]
