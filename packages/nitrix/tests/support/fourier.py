"""Spectra and analytic signals from the definition: sums over frequencies, in NumPy float64."""

import numpy as np


def frequencies(n):
    """Whole turns over n samples, negative beyond the middle; the Nyquist frequency is positive."""
    k = np.arange(n)
    return np.where(k > n // 2, k - n, k)


def transform(n):
    """exp(-2 pi i k t / n), [frequency, sample]."""
    return np.exp(-2j * np.pi * np.outer(frequencies(n), np.arange(n)) / n)


def resized(x, n):
    """Cropped, or padded with zeros, to n samples."""
    x = np.asarray(x, np.float64)[..., :n]
    return np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, n - x.shape[-1])])


def filtered(x, weight, n=None, squared=False):
    """Each frequency times its gain, negative ones by the conjugate: the result is real."""
    n = x.shape[-1] if n is None else n
    k, f = frequencies(n), transform(n)
    gain = np.asarray(weight)[..., np.abs(k)]
    gain = np.abs(gain) ** 2 if squared else np.where(k < 0, np.conj(gain), gain)
    return ((resized(x, n) @ f.T * gain) @ f.conj() / n).real


def analytic(x, n=None):
    """No negative frequencies, positive ones twice; mean and Nyquist once."""
    n = x.shape[-1] if n is None else n
    k, f = frequencies(n), transform(n)
    once = (k == 0) | (2 * k == n)
    return (resized(x, n) @ f.T * np.where(once, 1, np.where(k > 0, 2, 0))) @ f.conj() / n
