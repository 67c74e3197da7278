"""The permutohedral filter from its definition in float64 (Adams, Baek and Davis, 2010), and exact Gaussian sums."""

import numpy as np


def elevated(features):
    """Points on the hyperplane of d + 1 coordinates whose sum is 0, scaled so that the filter's width is 1."""
    n, d = features.shape
    out = np.zeros((n, d + 1))
    for k in range(d):  # feature k: along (1, ..., 1, -(k + 1), 0, ..., 0), k + 1 ones
        axis = np.zeros(d + 1)
        axis[: k + 1], axis[k + 1] = 1, -(k + 1)
        axis *= (d + 1) * np.sqrt(2 / 3) / np.linalg.norm(axis)
        out += features[:, k : k + 1] * axis
    return out


def simplices(points):
    """The vertices [n, d + 1, d + 1] of every point's simplex and its barycentric weights [n, d + 1]."""
    n, m = points.shape
    d = m - 1
    nearest = m * np.round(points / m)
    excess = (nearest.sum(1) / m).round().astype(int)
    rest = points - nearest
    # Off by `excess`: take it from the coordinates that are nearest to the next multiple of d + 1.
    order = np.argsort(-rest, axis=1, kind="stable")
    rows = np.arange(n)[:, None]
    position = np.empty_like(order)
    position[rows, order] = np.arange(m)
    nearest = np.where(
        position >= m - excess[:, None], nearest - m, nearest
    )  # too much: the smallest rests go down
    nearest = np.where(position < -excess[:, None], nearest + m, nearest)
    assert (nearest.sum(1) == 0).all()
    rest = points - nearest
    order = np.argsort(-rest, axis=1, kind="stable")
    position[rows, order] = np.arange(m)
    vertices = np.stack([nearest + np.where(position <= d - k, k, k - m) for k in range(m)], axis=1)
    fallen = np.take_along_axis(rest, order, axis=1)
    weights = np.empty((n, m))
    for k in range(1, m):
        weights[:, k] = (fallen[:, d - k] - fallen[:, m - k]) / m
    weights[:, 0] = 1 - weights[:, 1:].sum(1)
    return vertices.astype(np.int64), weights


def permutohedral(values, features, sigma=1.0, *, normalise=True):
    """Splat, blur along the d + 1 directions, slice; a vertex that no point touches holds nothing."""
    values, features = np.asarray(values, np.float64), np.asarray(features, np.float64) / sigma
    d = features.shape[1]
    vertices, weights = simplices(elevated(features))
    unique, slots = np.unique(vertices.reshape(-1, d + 1), axis=0, return_inverse=True)
    slots = slots.reshape(vertices.shape[:2])
    index = {tuple(v): i for i, v in enumerate(unique.tolist())}
    homogeneous = np.concatenate([values, np.ones((len(values), 1))], axis=1)
    table = np.zeros((len(unique) + 1, homogeneous.shape[1]))
    for k in range(d + 1):
        np.add.at(table, slots[:, k], weights[:, k : k + 1] * homogeneous)
    for j in range(d + 1):
        step = np.ones(d + 1, np.int64)
        step[j] = -d
        after = [index.get(tuple(v), -1) for v in (unique + step).tolist()]
        before = [index.get(tuple(v), -1) for v in (unique - step).tolist()]
        table[:-1] = table[:-1] / 2 + (table[after] + table[before]) / 4
    out = (weights[:, :, None] * table[slots]).sum(1)
    if normalise:
        return out[:, :-1] / out[:, -1:]
    return (4 * np.pi / 3) ** (d / 2) * np.sqrt(d + 1) * out[:, :-1]


def exact(values, features, sigma=1.0, *, normalise=True):
    """The sums that the lattice approximates, over all pairs."""
    f = np.asarray(features, np.float64) / sigma
    weights = np.exp(-((f[:, None] - f[None]) ** 2).sum(-1) / 2)
    out = weights @ np.asarray(values, np.float64)
    return out / weights.sum(1, keepdims=True) if normalise else out
