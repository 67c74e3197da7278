"""ELL products over the one-ring of an icosphere of level 6 (40,962 vertices, 7 slots with their own), 64 columns.

The rival of every algebra is SciPy's ordinary product of a CSR matrix, which is the natural floor; numba's row loops
compute the same algebra. Products are called compiled, as inside a program; called by themselves they take up to
a millisecond more.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from harness import Case
from nitrix import semiring
from nitrix.semiring import semiring_ell_rmatvec
from nitrix.sparse import apply_operator, ell_with_transpose, icosphere, mesh_k_ring_adjacency

COLUMNS = 64
CSR = "scipy.sparse CSR"
RING = "ico_6 one-ring x 64"


@functools.cache
def _matrix():
    """The adjacency with random values, and its slots by column."""
    ring = mesh_k_ring_adjacency(icosphere(6), k=1, include_self=True)
    values = np.random.default_rng(0).normal(size=ring.indices.shape).astype(np.float32)
    return ell_with_transpose(ring.replace(values=jnp.asarray(values)))


@functools.cache
def _dense():
    rng = np.random.default_rng(1)
    shape = (_matrix().n_cols, COLUMNS)
    return tuple(jnp.asarray(rng.normal(size=shape).astype(np.float32)) for _ in range(2))


@functools.cache
def _csr():
    matrix = _matrix()
    valid = np.asarray(matrix.valid)
    starts = np.concatenate([[0], np.cumsum(valid.sum(1))])
    values, columns = np.asarray(matrix.values)[valid], np.asarray(matrix.indices)[valid]
    return scipy.sparse.csr_array((values, columns, starts), shape=matrix.shape)


@functools.cache
def _csr_transposed():
    return _csr().T.tocsr()


@functools.cache
def _host_dense():
    return np.asarray(_dense()[0])


def _numba(name):
    def rival():
        import numba_products

        matrix = _matrix()
        return getattr(numba_products, name)(
            np.asarray(matrix.values), np.asarray(matrix.indices), _host_dense()
        )

    return rival


@functools.cache
def _product(algebra):
    return jax.jit(lambda matrix, B: apply_operator(matrix, B, semiring=algebra))


@functools.cache
def _value_and_gradient(algebra):
    def both(values, B, g, matrix):
        product = lambda values, B: apply_operator(matrix.replace(values=values), B, semiring=algebra)
        out, pull = jax.vjp(product, values, B)
        return out, pull(g)

    return jax.jit(both)


def _value(algebra, bar, rival=None, rival_name=CSR):
    return Case(
        name=f"{algebra.name} {RING}" + ("" if rival is None else ", same algebra"),
        operation="semiring.semiring_ell_matmul" if rival is None else "semiring.semiring_ell_matmul (numba)",
        ours=lambda: _product(algebra)(_matrix(), _dense()[0]),
        rival=rival or (lambda: _csr() @ _host_dense()),
        rival_name=rival_name,
        bar=bar,
    )


def _gradient(algebra):
    return Case(
        name=f"{algebra.name} {RING}, value and gradient",
        operation="semiring.semiring_ell_matmul (gradient)",
        ours=lambda: _value_and_gradient(algebra)(_matrix().values, *_dense(), _matrix()),
        rival=lambda: _csr() @ _host_dense(),
        rival_name=f"{CSR}, value",
        bar=1 / 8,
    )


CASES = [
    _value(semiring.REAL, 2.5),
    _value(semiring.TROPICAL_MAX_PLUS, 1.5),
    _value(semiring.LOG, 1 / 2.5),
    _value(semiring.EUCLIDEAN, None),
    _gradient(semiring.REAL),
    _gradient(semiring.TROPICAL_MAX_PLUS),
    _gradient(semiring.LOG),
    _gradient(semiring.EUCLIDEAN),
    _value(semiring.TROPICAL_MAX_PLUS, None, _numba("ell_max_plus"), "numba row loop"),
    _value(semiring.LOG, None, _numba("ell_log_sum_exp"), "numba row loop"),
    Case(
        name=f"real transposed {RING}",
        operation="semiring.semiring_ell_rmatvec",
        ours=lambda: semiring_ell_rmatvec(
            _matrix().values,
            _matrix().indices,
            _dense()[0],
            n_cols=_matrix().n_cols,
            degree=_matrix().degree,
            transposed=_matrix().transposed,
        ),
        rival=lambda: _csr_transposed() @ _host_dense(),
        rival_name=f"{CSR}, transposed before",
    ),
]
