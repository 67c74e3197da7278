"""Eigenmaps of icospheres against ARPACK with shift-invert; a diffusion map of time series against the whole matrix."""

import functools

import jax
import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from harness import Case
from nitrix.graph import affinity_from_time_series, diffusion_embedding, laplacian_eigenmap
from nitrix.sparse.mesh import icosphere, mesh_k_ring_adjacency

COMPONENTS = 10
RESIDUAL = 1e-5
VERTICES, OBSERVATIONS = 5_124, 652  # fsaverage4, a resting-state run


@functools.cache
def _graph(level: int):
    return mesh_k_ring_adjacency(icosphere(level), k=1)


@functools.cache
def _walk(level: int) -> scipy.sparse.csc_matrix:
    """S = D^-1/2 W D^-1/2, made before the clock starts."""
    graph = _graph(level)
    rows = np.broadcast_to(np.arange(graph.n_rows)[:, None], graph.indices.shape)
    kept = np.asarray(graph.valid)
    entries = np.asarray(graph.values)[kept], (rows[kept], np.asarray(graph.indices)[kept])
    weights = scipy.sparse.csr_matrix(entries, shape=graph.shape)
    root = scipy.sparse.diags(np.asarray(weights.sum(1)).ravel() ** -0.5)
    return (root @ weights @ root).tocsc().astype(np.float64)


def _arpack(level: int) -> np.ndarray:
    values, _ = scipy.sparse.linalg.eigsh(_walk(level), COMPONENTS + 1, sigma=1.0 + 1e-6, tol=RESIDUAL)
    return values


def _eigenmaps(level: int):
    found = laplacian_eigenmap(_graph(level), n_components=COMPONENTS, tol=RESIDUAL)
    assert bool(found.converged)
    return found


def _case(level: int) -> Case:
    return Case(
        name=f"eigenmaps icosphere {level}, 10 maps",
        operation="graph.laplacian_eigenmap",
        ours=lambda: _eigenmaps(level),
        rival=lambda: _arpack(level),
        rival_name="scipy.sparse.linalg.eigsh, shift-invert",
        bar=1.0,
        seconds=8.0,
    )


def _loss(values, graph):
    found = laplacian_eigenmap(graph.replace(values=values), n_components=3, tol=RESIDUAL)
    return ((found.maps @ found.maps[:50].T) ** 2).sum()


_loss_and_gradient = jax.jit(jax.value_and_grad(_loss))


def _gradient(level: int) -> Case:
    """Value and gradient in the weights, against the rival's value alone."""
    return Case(
        name=f"eigenmaps icosphere {level}, 3 maps, value and gradient",
        operation="graph.laplacian_eigenmap, gradient",
        ours=lambda: _loss_and_gradient(_graph(level).values, _graph(level)),
        rival=lambda: _arpack(level),
        rival_name="scipy.sparse.linalg.eigsh, shift-invert",
        seconds=8.0,
    )


@functools.cache
def _series() -> np.ndarray:
    """Forty networks and noise."""
    rng = np.random.default_rng(0)
    networks = rng.normal(size=(40, OBSERVATIONS))
    loadings = np.maximum(rng.normal(size=(VERTICES, 40)) - 1, 0)
    return (loadings @ networks + rng.normal(size=(VERTICES, OBSERVATIONS))).astype(np.float32)


def _diffusion():
    found = diffusion_embedding(affinity_from_time_series(_series()), n_components=COMPONENTS)
    assert bool(found.converged)
    return found


def _dense() -> np.ndarray:
    """The same by the matrix of all pairs."""
    unit = _series() - _series().mean(1, keepdims=True)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    rows = unit @ unit.T
    left_out = VERTICES - int(0.1 * VERTICES)
    rows[rows < np.partition(rows, left_out, axis=1)[:, left_out, None]] = 0
    rows = np.maximum(rows, 0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    affinity = rows @ rows.T
    for power in (-0.5, -0.5):  # alpha, and then the walk's own
        root = affinity.sum(1) ** power
        affinity = root[:, None] * affinity * root
    return scipy.sparse.linalg.eigsh(affinity, COMPONENTS + 1, tol=RESIDUAL)[0]


CASES = [
    _case(5),
    _case(6),
    _gradient(5),
    Case(
        name="diffusion map of series 5,124 x 652, 10 maps",
        operation="graph.diffusion_embedding",
        ours=_diffusion,
        rival=_dense,
        rival_name="NumPy, SciPy eigsh, whole matrix",
        seconds=1.0,
    ),
]
