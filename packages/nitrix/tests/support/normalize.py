"""Percentiles and normalisations from their definitions, in NumPy float64, of the samples along the last axis."""

import math
from fractions import Fraction

import numpy as np


def percentile(x, q, method="linear"):
    """Of sorted samples, at an exact rank."""
    ordered = np.sort(np.asarray(x, np.float64), axis=-1)
    rank = Fraction(float(q)) / 100 * (ordered.shape[-1] - 1)
    below = math.floor(rank)
    part = float(rank - below)
    weight = {
        "linear": part,
        "lower": 0.0,
        "higher": math.ceil(part),
        "midpoint": 0.5 * math.ceil(part),
        "nearest": float(part > 0.5 or (part == 0.5 and below % 2 == 1)),
    }[method]
    low, high = ordered[..., below], ordered[..., min(below + 1, ordered.shape[-1] - 1)]
    return low if weight == 0 else (1 - weight) * low + weight * high


def zscore(x, weights=None):
    x = np.asarray(x, np.longdouble)
    mean, square = moments(x, weights)
    return np.float64((x - mean) / np.sqrt(square))


def demean(x, weights=None):
    x = np.asarray(x, np.longdouble)
    return np.float64(x - moments(x, weights)[0])


def psc(x, weights=None):
    x = np.asarray(x, np.longdouble)
    mean = moments(x, weights)[0]
    return np.float64(100 * (x - mean) / mean)


def robust_zscore(x):
    middle = percentile(x, 50)[..., None]
    return (x - middle) / (1.4826 * percentile(np.abs(x - middle), 50)[..., None])


def rescaled(x, low=0.0, high=99.0, clip=True):
    shifted = x - percentile(x, low)[..., None]
    found = shifted / percentile(shifted, high)[..., None]
    return np.clip(found, 0, 1) if clip else found


def over_norm(x, p):
    x = np.asarray(x, np.longdouble)
    size = np.abs(x)
    norm = size.max(-1) if p == np.inf else (size**p).sum(-1) ** (1 / np.longdouble(p))
    return np.float64(x / norm[..., None])


def instance_norm(x, eps):
    x = np.asarray(x, np.longdouble)
    mean, square = moments(x, None)
    return np.float64((x - mean) / np.sqrt(square + eps))


def moments(x, weights):
    """Weighted mean and mean square of the differences from it."""
    w = np.ones(x.shape, np.longdouble) if weights is None else np.asarray(weights, np.longdouble)
    mean = (w * x).sum(-1, keepdims=True) / w.sum(-1, keepdims=True)
    return mean, (w * (x - mean) ** 2).sum(-1, keepdims=True) / w.sum(-1, keepdims=True)
