"""Points with values and features, their neighbours in every form, and the bilateral filter by its definition."""

import functools

import jax
import numpy as np
from nitrix.smoothing import bilateral_gaussian
from nitrix.sparse import ell_from_ragged, ell_with_transpose, sectioned_ell_from_ragged

from support.gradients import QUICK_COMPILE

N = 23


def oracle(values, features, rows, factor):
    """Averages over the neighbours in `rows`, weighted by exp(-|(f_i - f_j) factor|^2 / 2), in float64."""
    values, features = np.float64(values), np.float64(features)
    out = values.copy()
    for i, near in enumerate(rows):
        if len(near):
            squared = np.square((features[i] - features[near]) @ factor).sum(1)
            weight = np.exp((squared.min() - squared) / 2)
            out[i] = np.tensordot(weight, values[near], 1) / weight.sum()
    return out


def smoothed(values, features, **options):
    """The filter, compiled in a fraction of the time."""
    smooth = lambda values, features: bilateral_gaussian(values, features, **options)
    return jax.jit(smooth, compiler_options=QUICK_COMPILE)(values, features)


@functools.cache
def problem(n_features=3, n_values=2, n=N, seed=0):
    """Values, features and sigmas; points 3 and 4 coincide."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, n_features))
    features[4] = features[3]
    return rng.normal(size=(n, n_values)), features, rng.uniform(0.7, 1.5, n_features)


@functools.cache
def ragged(n=N, most=7, seed=1):
    """Neighbours of each point: none of point 0, duplicates and absent own points among them."""
    rng = np.random.default_rng(seed)
    degree = rng.integers(1, most, n)
    degree[:3] = 0, most, 1
    return [rng.integers(0, n, d) for d in degree]


def matrix(rows, build=ell_from_ragged, n=None):
    """A sparse matrix of these neighbours whose stored values must not count."""
    return build([np.full(len(r), np.nan, np.float32) for r in rows], rows, n_cols=n or len(rows))


FORMS = {
    "flat": lambda rows: matrix(rows),
    "sectioned": lambda rows: matrix(rows, sectioned_ell_from_ragged),
    "flat, by columns": lambda rows: ell_with_transpose(matrix(rows)),
    "sectioned, by columns": lambda rows: ell_with_transpose(matrix(rows, sectioned_ell_from_ragged)),
}
