"""Definitions on symmetric positive definite matrices in NumPy float64, for one matrix or one set at a time."""

import numpy as np


def spectral(x, function):
    """Q f(l) Q'."""
    values, vectors = np.linalg.eigh((x + x.T) / 2)
    return (vectors * function(values)) @ vectors.T


def tangent(x, reference):
    whitener = spectral(reference, lambda l: l**-0.5)
    return spectral(whitener @ x @ whitener, np.log)


def cone(v, reference):
    root = spectral(reference, np.sqrt)
    return root @ spectral(v, np.exp) @ root


def euclidean(xs):
    mean = np.mean(xs, axis=0)
    return (mean + mean.T) / 2


def log_euclidean(xs):
    return spectral(np.mean([spectral(x, np.log) for x in xs], axis=0), np.exp)


def harmonic(xs):
    inverse = lambda x: np.linalg.inv((x + x.T) / 2)
    return inverse(np.mean([inverse(x) for x in xs], axis=0))


def geodesic(a, b, share):
    """The point that lies the share of the way from a to b: a # b for a half."""
    return cone(share * tangent(b, a), a)


def kullback(xs, alpha):
    return geodesic(euclidean(xs), harmonic(xs), alpha)


def geometric(xs, weights=None, steps=300):
    """Short steps along the mean tangent vector until nothing changes."""
    weights = np.ones(len(xs)) if weights is None else np.asarray(weights)
    mean = np.mean(xs, axis=0)
    for _ in range(steps):
        v = np.average([tangent(x, mean) for x in xs], axis=0, weights=weights)
        mean = cone(0.5 * v, mean)
        if np.abs(v).max() < 1e-14:
            break
    return mean


def matrices(*shape, condition=20.0, seed=0):
    """Random positive definite matrices [*shape[:-1], d, d] of a given condition number."""
    rng = np.random.default_rng(seed)
    d = shape[-1]
    vectors = np.linalg.qr(rng.normal(size=(*shape[:-1], d, d)))[0]
    logs = np.sort(rng.uniform(size=(*shape[:-1], d)), axis=-1)
    if d > 1:
        logs[..., 0], logs[..., -1] = 0.0, 1.0
    x = (vectors * condition ** logs[..., None, :]) @ np.swapaxes(vectors, -2, -1)
    return (x + np.swapaxes(x, -2, -1)) / 2
