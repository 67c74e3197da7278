"""Symmetric, structured and low-rank matrices by their definitions, entry by entry, in NumPy."""

import numpy as np


def toeplitz(c, r=None, shape=None, fill=0):
    """T[i, j] is c[i - j] from the diagonal down, r[j - i] above it, `fill` beyond both."""
    c = np.asarray(c)
    r = np.conj(c) if r is None else np.asarray(r)
    m, n = shape or (len(c), len(r))
    out = np.full((m, n), fill, np.result_type(c, r, fill))
    for i in range(m):
        for j in range(n):
            if 0 <= i - j < len(c):
                out[i, j] = c[i - j]
            elif 0 < j - i < len(r):
                out[i, j] = r[j - i]
    return out


def triangle(matrix, offset=1):
    """The entries (i, j) with j - i >= offset, row by row."""
    n = matrix.shape[-1]
    places = [(i, j) for i in range(n) for j in range(n) if j - i >= offset]
    return np.stack([matrix[..., i, j] for i, j in places], -1) if places else matrix[..., 0, :0]


def filled(vectors, offset=1):
    """The symmetric matrix with these entries at the same places."""
    m = next(m for m in range(vectors.shape[-1] + 2) if m * (m + 1) // 2 == vectors.shape[-1])
    n = m + offset
    out = np.zeros((*vectors.shape[:-1], n, n), vectors.dtype)
    places = [(i, j) for i in range(n) for j in range(n) if j - i >= offset]
    for entry, (i, j) in enumerate(places):
        out[..., i, j] = out[..., j, i] = vectors[..., entry]
    return out


def with_diagonal(matrix, fill, offset=0):
    out = np.array(matrix, np.result_type(matrix, fill))
    for i in range(out.shape[-2]):
        if 0 <= i + offset < out.shape[-1]:
            out[..., i, i + offset] = fill
    return out


def expanded(left, right=None, coupling=None, symmetry=None):
    """L C R' of matrices, and its symmetric or skew part."""
    right = left if right is None else right
    coupling = np.eye(left.shape[-1]) if coupling is None else coupling
    out = np.einsum("...ir,...rs,...js->...ij", left, coupling, right)
    if symmetry is None:
        return out
    turned = np.swapaxes(out, -1, -2)
    return (out + turned) / 2 if symmetry == "cross" else (out - turned) / 2
