"""Covariances from the definition, in NumPy float64 (or complex128): loops over observations and over pairs."""

import numpy as np


def covariance(x, y=None, *, ddof=1, weights=None, weight_matrix=None, mask=None, l2=0.0):
    """Sums of W_st (x_s - mean)(y_t - mean)^* over what its expectation is for independent observations."""
    own = y is None
    x, y = wide(x), wide(x if own else y)
    n = x.shape[-1]
    w = np.eye(n) if weights is None else np.diag(np.float64(weights))
    w = w if weight_matrix is None else np.float64(weight_matrix)
    kept = np.ones(n, bool) if mask is None else np.asarray(mask)
    x, y, w = x[:, kept], y[:, kept], w[np.ix_(kept, kept)]
    w = (w + w.T) / 2 if own else w
    total = w.sum()
    none = laplacian(w)
    x_mean, y_mean = (0 if none else (a @ r / total)[:, None] for a, r in ((x, w.sum(1)), (y, w.sum(0))))
    out = np.zeros((len(x), len(y)), np.result_type(x, y))
    for s, left in enumerate((x - x_mean).T):
        for t, right in enumerate((y - y_mean).T):
            out += w[s, t] * np.outer(left, right.conj())
    lost = 0.0 if none else (w @ w).sum() / total
    out = out / (np.trace(w) - ddof * lost)
    return out + l2 * np.eye(len(x)) if own else out


def laplacian(w):
    """Whether all rows and columns sum to 0."""
    return max(abs(w.sum(0)).max(), abs(w.sum(1)).max()) < 1e-9 * abs(w).max()


def wide(x):
    return np.asarray(x, np.complex128 if np.iscomplexobj(x) else np.float64)


def over_roots(c, variance=None, other=None):
    """A covariance over the roots of its diagonal, or of the variances given; 0 / 0 is 0."""
    left = np.diag(c).real if variance is None else variance
    right = left if other is None else other
    scale = np.sqrt(np.outer(left, right))
    return np.where(scale > 0, c / np.where(scale > 0, scale, 1), 0)


def correlation(x, **options):
    """The covariance over standard deviations."""
    return over_roots(covariance(x, **options))


def paired_correlation(x, y, *, l2=0.0, **options):
    """The covariance between two sets over the standard deviations, which are weighted alike."""
    variances = [np.diag(covariance(a, l2=l2, **options)).real for a in (x, y)]
    return over_roots(covariance(x, y, **options), *variances)


def pairwise(x, mask, *, ddof=1, weights=None, correlate=False):
    """Each pair over the observations that both have; NaN where these are too few."""
    x, mask = wide(x), np.asarray(mask)
    out = np.full((len(x), len(x)), np.nan, x.dtype)
    for i, left in enumerate(x):
        for j, right in enumerate(x):
            common = mask[i] & mask[j]
            if common.sum() > ddof:
                w = None if weights is None else np.asarray(weights)[common]
                pair = covariance(np.stack([left, right])[:, common], ddof=ddof, weights=w)
                out[i, j] = (over_roots(pair) if correlate else pair)[0, 1]
    return out


def residual(x, y, *, weights=None, l2=0.0):
    """What y and an intercept leave of x, by least squares; l2 penalises the coefficients of y."""
    x, y = wide(x), wide(y)
    root = np.ones(x.shape[-1]) if weights is None else np.sqrt(np.float64(weights))
    design = np.concatenate([np.ones((1, y.shape[-1])), y])
    ridge = np.sqrt(l2) * np.eye(len(design))[:, 1:]
    b = np.linalg.lstsq(
        np.concatenate([root * design, ridge], 1).T, np.pad(root * x, ((0, 0), (0, len(y)))).T, rcond=None
    )[0]
    return x - b.T @ design


def conditional_covariance(x, y, *, weights=None, ddof=1, l2=0.0, residualise_l2=0.0):
    """The covariance of the residuals."""
    left = residual(x, y, weights=weights, l2=residualise_l2)
    return covariance(left, weights=weights, ddof=ddof, l2=l2)


def partial_covariance(x, *, correlate=False, **options):
    """Of each pair of channels, the covariance of what all others leave; on the diagonal, of what all others leave."""
    x = wide(x)
    out = np.zeros((len(x), len(x)))
    for i in range(len(x)):
        for j in range(len(x)):
            others = np.delete(x, [i, j], 0)
            pair = conditional_covariance(x[[i, j]], others, **options)
            out[i, j] = over_roots(pair)[0, 1] if correlate else pair[0, 1]
        if correlate:
            out[i, i] = 1
    return out
