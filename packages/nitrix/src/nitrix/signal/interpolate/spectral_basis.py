"""Sines and cosines below a frequency, as the few functions of time that they span on a series."""

import functools

import numpy as np

FAINT = 1e-13  # of the strongest function: beyond what float64 tells from nothing


def frequency_count(obs: int, *, oversampling: float | int, share: float | int) -> int:
    """How many multiples of 1 / (oversampling * duration) lie below a share of the Nyquist frequency."""
    return int(np.floor(oversampling * obs * min(share, 1.0) / 2 + 1e-9))


@functools.lru_cache(maxsize=16)
def band_functions(obs: int, count: int, oversampling: float) -> np.ndarray:
    """B [obs, r] with B B' = sum_k cos(w_k (t - t')) / count, the products of the unit sines and cosines.

    A combination of the columns of B has the length of the shortest combination of sines and cosines that equals it, so
    that B stands for all of them, at their number of degrees of freedom.
    """
    lag = np.arange(obs)
    turns = np.outer(lag, np.arange(1, count + 1)) / (oversampling * obs)
    row = np.cos(2 * np.pi * turns).mean(axis=1) if count else np.zeros(obs)
    values, vectors = np.linalg.eigh(row[np.abs(lag[:, None] - lag)])
    kept = values > FAINT * max(values[-1], 0.0) if count else np.zeros(obs, bool)
    return np.ascontiguousarray(vectors[:, kept] * np.sqrt(values[kept]))
