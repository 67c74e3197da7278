"""Eigenmaps, diffusion maps, affinities of series and Procrustes alignment from their definitions, in NumPy float64."""

import numpy as np


def signed(maps):
    """Each column with its entry of largest modulus positive."""
    largest = np.argmax(np.abs(maps), axis=0)
    return maps * np.where(maps[largest, np.arange(maps.shape[1])] < 0, -1.0, 1.0)


def walk(weights):
    """Eigenvalues, descending, and right eigenvectors psi = D^-1/2 v of D^-1 W, with the sums D."""
    degree = weights.sum(1)
    values, vectors = np.linalg.eigh(weights / np.sqrt(np.outer(degree, degree)))
    return values[::-1], vectors[:, ::-1] / np.sqrt(degree)[:, None], degree


def eigenmaps(A, k):
    """The k maps beside the constant one, and the eigenvalues of the symmetric Laplacian."""
    A = np.float64(A)
    values, psi, _ = walk(A - np.diag(np.diag(A)))
    return signed(psi[:, 1 : k + 1]), 1 - values[1 : k + 1]


def diffusion(A, k, alpha=0.5, t=0.0):
    """The k maps beside the constant one, and the factors by which they are scaled."""
    A = np.float64(A)
    density = A.sum(1) ** -alpha
    values, psi, _ = walk(density[:, None] * A * density)
    m = values[1 : k + 1]
    factors = m / (1 - m) if t <= 0 else m**t
    return signed(psi[:, 1 : k + 1] / psi[:, :1] * factors), factors


def affinity(series, sparsity=0.9):
    """Cosine similarity of the rows of the correlation matrix, of each of which only the largest entries are left."""
    correlation = np.corrcoef(np.float64(series))
    kept = int((1 - sparsity) * len(correlation) + 1e-6)
    rows = np.zeros_like(correlation)
    for row, found in zip(rows, correlation):
        largest = np.argsort(-found, kind="stable")[:kept]
        row[largest] = np.maximum(found[largest], 0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows @ rows.T


def rotation(source, target):
    """The orthogonal matrix, reflections allowed, that brings source @ rotation closest to target."""
    left, _, right = np.linalg.svd(np.float64(source).T @ np.float64(target))
    return left @ right


def procrustes(maps, reference=None, n_iter=10):
    """Each set of maps turned to the reference, or to their mean after n_iter rounds that begin with the first."""
    maps = np.float64(maps)
    if reference is not None:
        return np.array([x @ rotation(x, reference) for x in maps]), np.float64(reference)
    reference = maps[0]
    for _ in range(n_iter):
        aligned = np.array([x @ rotation(x, reference) for x in maps])
        reference = aligned.mean(0)
    return aligned, reference


def weights(n, seed=0, diagonal=True, smallest=0.1):
    """Symmetric positive weights."""
    a = smallest + np.random.default_rng(seed).random((n, n)) ** 3
    a = a + a.T
    return a if diagonal else a - np.diag(np.diag(a))


def ring_of_triangles(rows, columns):
    """A torus of triangles, on which many eigenvalues are equal in fours and sixes; [n 6] neighbours."""
    r, c = np.divmod(np.arange(rows * columns), columns)
    steps = [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1)]
    return np.stack([(r + i) % rows * columns + (c + j) % columns for i, j in steps], axis=1)
