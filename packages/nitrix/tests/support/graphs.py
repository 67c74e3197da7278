"""Laplacians, null models and modularity from their definitions, in NumPy float64: loops over pairs of vertices."""

import numpy as np


def degree(A):
    """Sums of rows off the diagonal."""
    A = np.float64(A)
    return np.array([sum(A[i, j] for j in range(len(A)) if j != i) for i in range(len(A))])


def laplacian(A, normalisation="symmetric"):
    """D - A without self-loops; scaled by D^-1/2 on both sides, or D^-1 on the left, with 0 for 1 / 0."""
    A, n, d = np.float64(A), len(A), degree(A)
    left, right = {
        "combinatorial": lambda: (np.ones(n), np.ones(n)),
        "random_walk": lambda: (inverse(d), np.ones(n)),
        "symmetric": lambda: (np.sqrt(inverse(d)), np.sqrt(inverse(d))),
    }[normalisation]()
    out = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            out[i, j] = left[i] * (d[i] if i == j else -A[i, j]) * right[j]
    return out


def inverse(d):
    """1 / d, and 0 where d is 0."""
    return np.array([1 / x if x else 0.0 for x in d])


def girvan_newman_null(A):
    """k_i k_j / 2m of row sums and column sums; 0 for a graph without weights."""
    A, n = np.float64(A), len(A)
    total = A.sum()
    out = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            out[i, j] = A[i].sum() * A[:, j].sum() / total if total else 0.0
    return out


def modularity_matrix(A, *, gamma=1.0, null=girvan_newman_null, normalise=True, sign="+", directed=True):
    """A - gamma null, of the positive part, of the absolute negative part, or of one less the other."""
    A = np.float64(A)
    positive, negative = np.where(A > 0, A, 0), np.where(A < 0, -A, 0)
    parts = {"+": [(1, positive)], "-": [(1, negative)], None: [(1, positive), (-1, negative)]}[sign]
    parts = [(s, part if directed else (part + part.T) / 2) for s, part in parts]
    B = sum(s * (part - gamma * null(part)) for s, part in parts)
    total = sum(part.sum() for _, part in parts)
    return (B / total if total else 0 * B) if normalise else B


def coaffiliation(C, C_other=None, *, bridge=None, exclude_diag=True, normalise=False):
    """C bridge C_other', community by community."""
    C, other = np.float64(C), np.float64(C if C_other is None else C_other)
    if normalise:
        C, other = C / max(1, C.max()), other / max(1, other.max())
    bridge = np.eye(C.shape[1]) if bridge is None else np.float64(bridge)
    out = np.zeros((len(C), len(other)))
    for a in range(C.shape[1]):
        for b in range(other.shape[1]):
            out += bridge[a, b] * np.outer(C[:, a], other[:, b])
    if exclude_diag and len(C) == len(other):
        out[np.arange(len(C)), np.arange(len(C))] = 0
    return out


def relaxed_modularity(
    A,
    C,
    *,
    C_other=None,
    bridge=None,
    gamma=1.0,
    null=girvan_newman_null,
    normalise_modularity=True,
    normalise_coaffiliation=True,
    exclude_diag=False,
    directed=False,
    sign="+",
):
    """The sum over pairs of the modularity matrix times the coaffiliation."""
    B = modularity_matrix(
        A, gamma=gamma, null=null, normalise=normalise_modularity, sign=sign, directed=directed
    )
    sides = {"bridge": bridge, "exclude_diag": exclude_diag, "normalise": normalise_coaffiliation}
    return np.sum(B * coaffiliation(C, C_other, **sides))


def modularity(A, labels, *, gamma=1.0):
    """Newman's Q of a hard partition, summed over all ordered pairs of vertices, each with itself among them."""
    A, total = np.float64(A), np.sum(A, dtype=float)
    Q = 0.0
    for i in range(len(A)):
        for j in range(len(A)):
            if labels[i] == labels[j]:
                Q += A[i, j] - gamma * A[i].sum() * A[:, j].sum() / total
    return Q / total


def weights(n, *, density=0.5, directed=False, signed=False, loops=True, isolated=(), seed=0):
    """A random graph."""
    rng = np.random.default_rng(seed)
    A = rng.uniform(0.5, 2, (n, n)) * (rng.random((n, n)) < density)
    A = A * rng.choice([-1, 1], (n, n)) if signed else A
    A = A if directed else np.triu(A) + np.triu(A, 1).T
    A[np.diag_indices(n)] *= loops
    A[list(isolated)] = A[:, list(isolated)] = 0
    return A
