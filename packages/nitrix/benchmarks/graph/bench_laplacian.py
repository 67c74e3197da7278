"""Laplacians of icospheres times fields of 32 columns; modularity of soft partitions and its gradient."""

import functools

import jax
import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
from harness import Case
from nitrix.graph import laplacian_matvec, relaxed_modularity
from nitrix.sparse import ell_with_transpose, icosphere, mesh_k_ring_adjacency

COLUMNS, COMMUNITIES = 32, 20
CSR = "scipy.sparse CSR"


@functools.cache
def _graph(level):
    """The adjacency of the mesh, every edge of weight 1."""
    return mesh_k_ring_adjacency(icosphere(level), k=1)


@functools.cache
def _csr(level):
    ell = _graph(level)
    valid = np.asarray(ell.valid)
    starts = np.concatenate([[0], np.cumsum(valid.sum(1))])
    values, columns = np.asarray(ell.values)[valid], np.asarray(ell.indices)[valid]
    return scipy.sparse.csr_array((values, columns, starts), shape=ell.shape)


@functools.cache
def _csr_laplacian(level):
    return scipy.sparse.csgraph.laplacian(_csr(level), normed=True).tocsr().astype(np.float32)


@functools.cache
def _field(level):
    return np.random.default_rng(0).normal(size=(_graph(level).n_rows, COLUMNS)).astype(np.float32)


@functools.cache
def _on_device(level):
    return jax.device_put(_field(level))


_product = jax.jit(laplacian_matvec)


def _laplacian(level):
    """Ours makes degrees and scales in each call, SciPy has its Laplacian made beforehand."""
    return Case(
        name=f"graph Laplacian of ico_{level}, {COLUMNS} columns",
        operation="graph.laplacian_matvec",
        ours=lambda: _product(_graph(level), _on_device(level)),
        rival=lambda: _csr_laplacian(level) @ _field(level),
        rival_name=f"{CSR}, Laplacian made before",
        program=lambda: _product.lower(_graph(level), _on_device(level)).compile(),
        volume_bytes=_field(level).nbytes,
    )


@functools.cache
def _partition(n):
    return np.random.default_rng(1).dirichlet(np.ones(COMMUNITIES), n).astype(np.float32)


@functools.cache
def _dense(n):
    A = np.random.default_rng(2).random((n, n), dtype=np.float32)
    return A + A.T


@functools.cache
def _put(n):
    return jax.device_put(_dense(n)), jax.device_put(_partition(n))


_both = jax.jit(jax.value_and_grad(relaxed_modularity, argnums=1))


def _by_matrix(A, C):
    """Q and dQ/dC of a symmetric graph by the modularity matrix."""
    degree, total = A.sum(1), A.sum()
    B = (A - np.outer(degree, degree / total)) / total
    product = B @ C
    return (C * product).sum(), 2 * product


def _modularity(n):
    return Case(
        name=f"relaxed modularity of {n} nodes, {COMMUNITIES} communities, value and gradient",
        operation="graph.relaxed_modularity",
        ours=lambda: _both(*_put(n)),
        rival=lambda: _by_matrix(_dense(n), _partition(n)),
        rival_name="NumPy, the modularity matrix",
        program=lambda: _both.lower(*_put(n)).compile(),
        volume_bytes=_dense(n).nbytes,
    )


def _by_products(A, C):
    """Q and dQ/dC of a symmetric sparse graph without its modularity matrix."""
    degree = A.sum(1)
    total = degree.sum()
    product = (A @ C - np.outer(degree, degree @ C) / total) / total
    return (C * product).sum(), 2 * product


def _sparse_modularity(level):
    n = _graph(level).n_rows
    graph = functools.cache(lambda: ell_with_transpose(_graph(level)))  # whose gradients gather
    partition = functools.cache(lambda: jax.device_put(_partition(n)))
    return Case(
        name=f"relaxed modularity of ico_{level}, {COMMUNITIES} communities, value and gradient",
        operation="graph.relaxed_modularity",
        ours=lambda: _both(graph(), partition()),
        rival=lambda: _by_products(_csr(level), _partition(n)),
        rival_name=f"{CSR}, by products",
        program=lambda: _both.lower(graph(), partition()).compile(),
        volume_bytes=_partition(n).nbytes,
    )


CASES = [_laplacian(6), _laplacian(7), _modularity(5000), _sparse_modularity(6)]
