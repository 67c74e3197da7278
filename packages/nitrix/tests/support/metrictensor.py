"""Metrics and lengths under them, from their definitions in float64."""

import numpy as np


def quadratic(x, metric):
    """x' G x of one vector."""
    x, metric = np.float64(x), np.float64(metric)
    return np.array([sum(x[i] * metric[i, j] * x[j] for i in range(x.size) for j in range(x.size))])


def low_rank_plus_diag(low_rank, diag):
    """L L' + diag(d) of one point."""
    low_rank = np.float64(low_rank)
    return low_rank @ low_rank.T + np.diag(np.float64(diag))


def integral(a, b, field, quantity, steps=20001):
    """Length or energy of one segment by the trapezoidal rule on many points."""
    a, b = np.float64(a), np.float64(b)
    v = b - a
    forms = np.array([quadratic(v, field(a + t * v))[0] for t in np.linspace(0, 1, steps)])
    density = np.sqrt(forms) if quantity == "length" else forms
    return np.array([np.trapezoid(density, dx=1 / (steps - 1))])
