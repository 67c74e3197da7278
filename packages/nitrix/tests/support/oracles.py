"""The algebras from their definitions, in NumPy float64, with nothing of the library in them."""

import numpy as np
from nitrix import semiring


def _plus(annihilator):
    def times(a, b):
        with np.errstate(invalid="ignore"):
            total = a + b
        opposed = np.isnan(total) & ~np.isnan(a) & ~np.isnan(b)
        return np.where(opposed, annihilator, total)

    return times


def _log_sum_exp(terms, axis):
    peak = np.max(terms, axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isinf(peak), 0, peak)
    with np.errstate(divide="ignore", over="ignore"):
        total = np.log(np.sum(np.exp(terms - shift), axis)) + np.squeeze(shift, axis)
    return np.where(np.isposinf(np.squeeze(peak, axis)), np.inf, total)


# name: (times, sum over an axis)
DEFINITIONS = {
    "real": (np.multiply, np.sum),
    "log": (_plus(-np.inf), _log_sum_exp),
    "tropical_max_plus": (_plus(-np.inf), lambda t, axis: np.max(t, axis, initial=-np.inf)),
    "tropical_min_plus": (_plus(np.inf), lambda t, axis: np.min(t, axis, initial=np.inf)),
    "boolean": (np.logical_and, np.any),
    "euclidean": (lambda a, b: np.square(a - b), lambda t, axis: np.sqrt(np.sum(t, axis))),
}

ALGEBRAS = {
    algebra.name: algebra
    for algebra in (
        semiring.REAL,
        semiring.LOG,
        semiring.TROPICAL_MAX_PLUS,
        semiring.TROPICAL_MIN_PLUS,
        semiring.BOOLEAN,
        semiring.EUCLIDEAN,
    )
}
REAL_VALUED = [name for name in ALGEBRAS if name != "boolean"]


def wide(x):
    """An array as float64, or as it is if boolean."""
    x = np.asarray(x)
    return x if x.dtype == bool else x.astype(np.float64)


def matmul(name, A, B):
    """out[..., i, j] = (+)_k A[..., i, k] (*) B[..., k, j]."""
    times, plus = DEFINITIONS[name]
    return plus(times(wide(A)[..., :, :, None], wide(B)[..., None, :, :]), -2)


def ell_matmul(name, values, indices, B, degree=None):
    """out[i, c] = (+)_p values[i, p] (*) B[indices[i, p], c], row by row."""
    times, plus = DEFINITIONS[name]
    values, B = wide(values), wide(B)
    rows = []
    for i, columns in enumerate(np.asarray(indices)):
        count = len(columns) if degree is None else int(degree[i])
        rows.append(plus(times(values[i, :count, None], B[columns[:count]]), 0))
    return np.stack(rows) if rows else np.zeros((0, B.shape[1]))


def ell_rmatvec(name, values, indices, X, n_cols, degree=None):
    """out[j, c] = (+) values[i, p] (*) X[i, c] over the entries in column j, column by column."""
    times, plus = DEFINITIONS[name]
    values, X, indices = wide(values), wide(X), np.asarray(indices)
    counted = np.arange(indices.shape[1]) < (
        indices.shape[1] if degree is None else np.asarray(degree)[:, None]
    )
    out = []
    for j in range(n_cols):
        i, p = np.nonzero((indices == j) & counted)
        out.append(plus(times(values[i, p][:, None], X[i]), 0))
    return np.stack(out) if out else np.zeros((0, X.shape[1]))
