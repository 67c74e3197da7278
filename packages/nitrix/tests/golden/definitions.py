"""The operations and their gradients from their definitions, in NumPy long doubles, with nothing of the library."""

import numpy as np

WIDE = np.longdouble
ZERO = {
    "real": 0,
    "log": -np.inf,
    "tropical_max_plus": -np.inf,
    "tropical_min_plus": np.inf,
    "boolean": 0,
    "euclidean": 0,
}


def dense_entries(m, k):
    """For each row of the result its terms: (position in the left operand, row of the right one)."""
    return [[(i * k + t, t) for t in range(k)] for i in range(m)]


def ell_entries(indices, degree):
    """The same for a sparse matrix of rows of slots."""
    k_max = indices.shape[1]
    return [[(i * k_max + p, indices[i, p]) for p in range(degree[i])] for i in range(len(indices))]


def transposed_entries(indices, degree, n_cols):
    """The same for its transpose, in the order of the rows."""
    rows = [[] for _ in range(n_cols)]
    for i, columns in enumerate(indices):
        for p in range(degree[i]):
            rows[columns[p]].append((i * indices.shape[1] + p, i))
    return rows


def convolution_entries(indices, degree, channels):
    """The same for a convolution on neighbourhoods of x [n, channels] with a kernel [slots, channels, out]."""
    return [
        [(indices[i, p] * channels + c, p * channels + c) for p in range(degree[i]) for c in range(channels)]
        for i in range(len(indices))
    ]


def grid_entries(image, taps, channels, axes):
    """The same for a convolution of an image [*image, channels] with a kernel [*taps, channels, out].

    `axes` has for each spatial axis the size of the output, the stride, the dilation and the padding before the image.
    """
    found = []
    for o in np.ndindex(*(axis[0] for axis in axes)):
        found.append([])
        for number, p in enumerate(np.ndindex(*taps)):
            at = [i * s + t * d - low for i, t, (_, s, d, low) in zip(o, p, axes, strict=True)]
            if all(0 <= i < n for i, n in zip(at, image, strict=True)):
                flat = int(np.ravel_multi_index(at, image))
                found[-1] += [(flat * channels + c, number * channels + c) for c in range(channels)]
    return found


def contract(name, left, right, entries, g):
    """out[r] = (+) left[l] (*) right[t] over the entries (l, t) of r; with the cotangents of left and right for g."""
    flat, right, g = (np.asarray(x, WIDE) for x in (np.ravel(left), right, g))
    out = np.full((len(entries), right.shape[1]), ZERO[name], WIDE)
    d_left, d_right = np.zeros_like(flat), np.zeros_like(right)
    for r, terms in enumerate(entries):
        if not terms:
            continue
        l, t = np.transpose(terms)
        a, b = np.broadcast_arrays(flat[l][:, None], right[t])
        out[r], weight_a, weight_b = DEFINITIONS[name](a, b)
        np.add.at(d_left, l, (weight_a * g[r]).sum(1))
        np.add.at(d_right, t, weight_b * g[r])
    return tuple(np.float64(x) for x in (out, d_left.reshape(np.shape(left)), d_right))


def _real(a, b):
    return (a * b).sum(0), b, a


def _plus(a, b, annihilator):
    with np.errstate(invalid="ignore"):
        total = a + b
    return np.where(np.isnan(total) & ~np.isnan(a) & ~np.isnan(b), annihilator, total)


def _log(a, b):
    terms = _plus(a, b, -np.inf)
    peak = terms.max(0)
    shift = np.where(np.isinf(peak), 0, peak)
    with np.errstate(divide="ignore"):
        total = np.log(np.exp(np.where(np.isposinf(terms), 0, terms - shift)).sum(0)) + shift
    out = np.where(np.isposinf(peak), np.inf, total)
    finite = np.isfinite(out)
    share = np.where(finite, np.exp(np.where(finite, terms, 0) - np.where(finite, out, 0)), 0)
    return out, share, share


def _tropical(sign):
    def define(a, b):
        terms = sign * _plus(a, b, -sign * np.inf)
        first = np.argmax(terms, 0)[None, :] == np.arange(len(a))[:, None]
        chosen = np.where(first & (terms > -np.inf), WIDE(1), WIDE(0))
        return sign * terms.max(0), chosen, chosen

    return define


def _boolean(a, b):
    nothing = np.zeros_like(a)
    return ((a != 0) & (b != 0)).any(0), nothing, nothing


def _euclidean(a, b):
    out = np.sqrt(np.square(a - b).sum(0))
    direction = np.where(out == 0, 0, (a - b) / np.where(out == 0, 1, out))
    return out, direction, -direction


# (a [k, n], b [k, n]) -> the sum [n], and its derivatives in a and b
DEFINITIONS = {
    "real": _real,
    "log": _log,
    "tropical_max_plus": _tropical(1),
    "tropical_min_plus": _tropical(-1),
    "boolean": _boolean,
    "euclidean": _euclidean,
}


def gaussian(x, sigmas, mode, cval, order, g):
    """The separable Gaussian of a 2-D image and the cotangent of the image; sigmas in voxels, radius 4 sigma."""
    rows, columns = (_line_matrix(n, sigma, mode, order) for n, sigma in zip(x.shape, sigmas, strict=True))
    (R, r), (C, c) = rows, columns
    x, g = WIDE(x), WIDE(g)
    inner = R @ x + cval * r[:, None]
    return np.float64(inner @ C.T + cval * c[None, :]), np.float64(R.T @ g @ C)


def _line_matrix(n, sigma, mode, order):
    """What one line of n samples is multiplied by, and the weight that falls outside."""
    radius = int(4 * sigma + 0.5)
    t = np.arange(-radius, radius + 1).astype(WIDE)
    weights = np.exp(-(t**2) / (2 * WIDE(sigma) ** 2))
    weights = weights / weights.sum() * (-t / WIDE(sigma) ** 2 if order else 1)
    matrix, outside = np.zeros((n, n), WIDE), np.zeros(n, WIDE)
    for i in range(n):
        for step, weight in zip(range(-radius, radius + 1), weights, strict=True):
            source = _source(i - step, n, mode)  # a convolution
            if source is None:
                outside[i] += weight
            else:
                matrix[i, source] += weight
    return matrix, outside


def _source(i, n, mode):
    """The sample that stands at position i of an endless line."""
    if mode == "constant":
        return i if 0 <= i < n else None
    if mode == "nearest":
        return min(max(i, 0), n - 1)
    if mode == "wrap":
        return i % n
    period = 2 * n if mode == "reflect" else 2 * (n - 1)
    i %= period
    return i if i < n else period - i - (1 if mode == "reflect" else 0)


def averages(features, sigma, table):
    """The matrix of weighted means over the points that each row of the table names, by Gaussians of their features."""
    matrix = np.zeros((len(features), len(features)))
    for i, row in enumerate(table):
        for j in row:
            matrix[i, j] += np.exp(-(((features[i] - features[j]) / sigma) ** 2).sum() / 2)
    return matrix / matrix.sum(1, keepdims=True)


def finite_elements(vertices, faces):
    """Stiffness and consistent mass of linear elements: gradients of the hat functions, integrals of products."""
    n = len(vertices)
    stiffness, mass = np.zeros((n, n), WIDE), np.zeros((n, n), WIDE)
    for face in faces:
        a, b, c = WIDE(vertices[face])
        normal = np.cross(b - a, c - a)
        area = np.sqrt((normal**2).sum()) / 2
        hats = np.stack([np.cross(normal, edge) for edge in (c - b, a - c, b - a)]) / (2 * area) ** 2
        stiffness[np.ix_(face, face)] += area * hats @ hats.T
        mass[np.ix_(face, face)] += area / 12 * (1 + np.eye(3))
    return np.float64(stiffness), np.float64(mass)


def heat(stiffness, areas, sigma, x, g):
    """The field exp(-sigma^2 / 2 M^-1 L) x and its cotangent, the exponential by its series, squared."""
    small = -(WIDE(sigma) ** 2) / 2 * WIDE(stiffness) / WIDE(areas)[:, None] / 2**8
    term = total = np.eye(len(areas), dtype=WIDE)
    for k in range(1, 24):
        term = term @ small / k
        total = total + term
    for _ in range(8):
        total = total @ total
    return np.float64(total @ WIDE(x)), np.float64(total.T @ WIDE(g))
