"""Definitions of least-squares residuals in float64, by a pseudo-inverse of columns of length 1."""

import numpy as np


def coefficients(y, x, *, weights=None, weight_matrix=None, l2=0.0, tolerance=1e-11):
    """B of [c, p] that minimises (Y - B X) W (Y - B X)' + l2 B B'; the shortest in units of the scaled regressors."""
    y, x = np.float64(y), np.float64(x)
    root = np.eye(x.shape[1])
    if weights is not None:
        root = np.diag(np.sqrt(np.float64(weights)))
    if weight_matrix is not None:
        values, vectors = np.linalg.eigh(np.float64(weight_matrix))
        root = vectors * np.sqrt(np.maximum(values, 0))
    columns = np.concatenate([root.T @ x.T, np.sqrt(l2) * np.eye(x.shape[0])])
    length = np.linalg.norm(columns, axis=0)
    length[length == 0] = 1
    target = np.concatenate([root.T @ y.T, np.zeros((x.shape[0], y.shape[0]))])
    u, s, vt = np.linalg.svd(columns / length, full_matrices=False)
    kept = s > tolerance
    return ((vt[kept].T / s[kept]) @ (u[:, kept].T @ target) / length[:, None]).T


def projection(y, x, **options):
    """B X at every observation."""
    return coefficients(y, x, **options) @ np.float64(x)


def residual(y, x, **options):
    """Y - B X at every observation."""
    return np.float64(y) - projection(y, x, **options)


def partial_residual(y, signal, noise, **options):
    """Y less the noise's part of the joint fit."""
    both = coefficients(y, np.concatenate([signal, noise]), **options)
    return np.float64(y) - both[:, len(signal) :] @ np.float64(noise)


def shrinkage_factor(y, x, weights=None):
    """James and Stein's factor of each row, positive part."""
    w = np.ones(x.shape[1]) if weights is None else np.float64(weights)
    fit = projection(y, x, weights=w)
    rank = np.linalg.matrix_rank(np.float64(x) * np.sqrt(w))
    variance = (w * (np.float64(y) - fit) ** 2).sum(1) / ((w > 0).sum() - rank)
    return np.maximum(0, 1 - max(rank - 2, 0) * variance / (w * fit**2).sum(1))


def regression(y, confounds, mask=None, intercept=True):
    """The residual at every frame of each row's fit on its kept frames."""
    x = np.concatenate([np.ones((1, y.shape[1])), confounds]) if intercept else confounds
    frames = np.broadcast_to(True if mask is None else mask, y.shape)
    return np.concatenate([residual(row[None], x, weights=m) for row, m in zip(y, frames)])


def detrended(y, degree, mask=None):
    """The same on the Legendre polynomials up to a degree."""
    time = np.linspace(-1, 1, y.shape[1])
    return regression(y, np.polynomial.legendre.legvander(time, degree).T, mask, intercept=False)
