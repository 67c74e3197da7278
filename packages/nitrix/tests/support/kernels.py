"""Kernels and distances of pairs of observations by their definitions, with all n m d differences, in float64."""

import numpy as np


def metric(theta, d):
    """The matrix that theta stands for."""
    if theta is None:
        return np.eye(d)
    theta = np.float64(theta)
    if theta.ndim == 1:
        return np.diag(theta)
    return theta if theta.shape[-2:] == (d, d) else theta[..., 0, :, None] * np.eye(d)


def linear(x, y, theta=None):
    x, y = np.float64(x), np.float64(y)
    return np.einsum("...ik,...kl,...jl->...ij", x, metric(theta, x.shape[-1]), y)


def distance(x, y, theta=None):
    """Squared."""
    difference = np.float64(x)[..., :, None, :] - np.float64(y)[..., None, :, :]
    weights = metric(theta, difference.shape[-1])[..., None, None, :, :]
    return np.einsum("...k,...kl,...l->...", difference, weights, difference)


def polynomial(x, y, theta=None, gamma=None, order=3, r=0.0):
    return (_gamma(gamma, x) * linear(x, y, theta) + r) ** order


def sigmoid(x, y, theta=None, gamma=None, r=0.0):
    return np.tanh(_gamma(gamma, x) * linear(x, y, theta) + r)


def rbf(x, y, theta=None, gamma=None):
    return np.exp(-_gamma(gamma, x) * distance(x, y, theta))


def gaussian(x, y, theta=None, sigma=None):
    return rbf(x, y, theta, None if sigma is None else 0.5 / sigma**2)


def laplace(x, y, theta=None, gamma=None):
    difference = np.abs(np.float64(x)[..., :, None, :] - np.float64(y)[..., None, :, :])
    if theta is not None:
        theta = np.float64(theta)
        difference = difference * (theta if theta.ndim == 1 else theta[..., None, :, :])
    return np.exp(-_gamma(gamma, x) * difference.sum(-1))


def normalised(x, theta=None, squared=False):
    """x / sqrt(x' theta x), and 0 for 0."""
    x = np.float64(x)
    square = np.einsum("...ik,...kl,...il->...i", x, metric(theta, x.shape[-1]), x)[..., None]
    length = np.where(square == 0, 1, square if squared else np.sqrt(square))
    return np.where(square == 0, 0, x / length)


def cosine(x, y, theta=None):
    return linear(normalised(x, theta), normalised(y, theta), theta)


def _gamma(gamma, x):
    return 1 / x.shape[-1] if gamma is None else gamma
