"""ELL products over the one-ring of a mesh of 40,962 vertices (an icosphere of level 6 has as many), 64 columns.

The graph is a ring lattice with the degree and the locality of a mesh, so that no mesh code is measured.
"""

import functools

import jax.numpy as jnp
import numpy as np
import scipy.sparse
from harness import Case
from nitrix import semiring
from nitrix.semiring import semiring_ell_matmul, semiring_ell_rmatvec

VERTICES, SLOTS, COLUMNS = 40_962, 7, 64


@functools.cache
def _operands():
    rng = np.random.default_rng(0)
    offsets = np.array([0, -1, 1, -200, 200, -201, 201])
    indices = (np.arange(VERTICES)[:, None] + offsets) % VERTICES
    values = rng.normal(size=(VERTICES, SLOTS)).astype(np.float32)
    return values, indices.astype(np.int32), rng.normal(size=(VERTICES, COLUMNS)).astype(np.float32)


@functools.cache
def _device_operands():
    return tuple(jnp.asarray(x) for x in _operands())


@functools.cache
def _csr():
    values, indices, _ = _operands()
    starts = np.arange(0, VERTICES * SLOTS + 1, SLOTS)
    return scipy.sparse.csr_array((values.ravel(), indices.ravel(), starts), shape=(VERTICES, VERTICES))


@functools.cache
def _csr_transposed():
    return _csr().T.tocsr()


def _numba(name):
    def rival():
        import numba_products

        return getattr(numba_products, name)(*_operands())

    return rival


def _case(algebra, rival, rival_name):
    return Case(
        name=f"{algebra.name} ELL {VERTICES} x {SLOTS} x {COLUMNS}",
        operation="semiring.semiring_ell_matmul",
        ours=lambda: semiring_ell_matmul(*_device_operands(), semiring=algebra),
        rival=rival,
        rival_name=rival_name,
    )


CASES = [
    _case(semiring.REAL, lambda: _csr() @ _operands()[2], "scipy.sparse CSR"),
    _case(semiring.TROPICAL_MAX_PLUS, _numba("ell_max_plus"), "numba row loop"),
    _case(semiring.LOG, _numba("ell_log_sum_exp"), "numba row loop"),
    Case(
        name=f"{semiring.REAL.name} transposed ELL {VERTICES} x {SLOTS} x {COLUMNS}",
        operation="semiring.semiring_ell_rmatvec",
        ours=lambda: semiring_ell_rmatvec(*_device_operands(), n_cols=VERTICES),
        rival=lambda: _csr_transposed() @ _operands()[2],
        rival_name="scipy.sparse CSR, transposed before",
    ),
]
