"""Spheres by definition: NumPy and SciPy in float64 or more, loops, nothing of the library."""

import numpy as np
from scipy.linalg import expm


def geodesic(x, y, r=1.0):
    """Great-circle distances of all pairs, [n, m]."""
    x, y = np.longdouble(x), np.longdouble(y)
    crosses = np.cross(x[:, None], y[None])
    sine, cosine = np.sqrt(np.sum(crosses**2, -1)), x @ y.T
    return np.float64(np.longdouble(r) * np.arctan2(sine, cosine))


def rotation(axis, angle):
    """The exponential of the matrix of `angle * unit axis cross`."""
    x, y, z = np.float64(axis) / np.linalg.norm(np.float64(axis))
    return expm(np.float64(angle) * np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]))


def gaussian_conv(data, coor, rows, sigma, r=1.0, truncate=np.inf):
    """Averages of data [n, c] over the neighbours in `rows`, those of no weight kept."""
    data, distance = np.asarray(data, np.result_type(data, np.float64)), geodesic(coor, coor, r)
    out = data.copy()
    for i, near in enumerate(rows):
        near = [j for j in near if distance[i, j] <= truncate]
        if near:
            squares = distance[i, near] ** 2
            weight = np.exp(-(squares - squares.min()) / (2 * sigma**2))
            out[i] = weight @ data[near] / weight.sum()
    return out


def kernel_conv(data, kernel, indices, valid):
    """Sums over the slots of data [n, c_in] by kernel [k, c_in, c_out]."""
    out = np.zeros((len(indices), kernel.shape[2]), np.result_type(data, kernel))
    for i, row in enumerate(indices):
        for p, j in enumerate(row):
            if valid[i, p]:
                out[i] += data[j] @ kernel[p]
    return out


def _unit(points):
    return np.float64(points) / np.linalg.norm(np.float64(points), axis=1, keepdims=True)


def barycentric(vertices, faces, targets):
    """The dense matrix [m, n]: of all faces the one in which the ray meets the triangle at its deepest."""
    vertices, targets = _unit(vertices), _unit(targets)
    matrix = np.zeros((len(targets), len(vertices)))
    for i, target in enumerate(targets):
        weights = np.linalg.solve(vertices[faces].transpose(0, 2, 1), target[:, None])[..., 0]
        weights /= weights.sum(1, keepdims=True) * np.where(weights.sum(1, keepdims=True) > 0, 1, np.nan)
        best = np.nanargmax(weights.min(1))
        np.add.at(matrix[i], faces[best], np.clip(weights[best], 0, None))
    return matrix / matrix.sum(1, keepdims=True)


def adaptive(source, target, source_area, target_area):
    """The dense matrix [m, n] of adaptive barycentric resampling; source and target are (vertices, faces)."""
    forward = barycentric(*source, target[0])
    reverse = barycentric(*target, source[0]).T
    for weights in (forward, reverse):
        weights[weights < 1e-9] = 0
    matrix = np.zeros_like(forward)
    for i in range(len(forward)):
        reaches = all(reverse[i, j] > 0 for j in np.flatnonzero(forward[i]))
        matrix[i] = reverse[i] if reaches else forward[i]
    shared = target_area @ matrix
    matrix = matrix * np.where(shared > 0, source_area / np.where(shared > 0, shared, 1), 0)
    return matrix / matrix.sum(1, keepdims=True)


def most(matrix, labels):
    """Of each row [n] the label of the greatest weight."""
    found = []
    for row in matrix:
        weight = {}
        for j in np.flatnonzero(row):
            weight[int(labels[j])] = weight.get(int(labels[j]), 0) + row[j]
        found.append(max(weight, key=weight.get))
    return np.array(found)
