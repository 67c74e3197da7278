"""A graph of 20,000 vertices with log-normal degrees (median 12, maximum 240) times 64 columns, in every storage.

The sectioned form against the flat one, against SciPy, against the dense matrix, and against the ideal of a graph of as
many edges whose rows are all equally long.
"""

import functools

import jax.numpy as jnp
import numpy as np
import scipy.sparse
from harness import Case
from nitrix import semiring
from nitrix.sparse import (
    apply_operator,
    ell_from_edges,
    ell_to_dense,
    sectioned_ell_from_edges,
    sectioned_semiring_ell_matmul,
    sectioned_semiring_ell_rmatvec,
)

VERTICES, COLUMNS, MEDIAN, LARGEST = 20_000, 64, 12, 240


@functools.cache
def _edges():
    rng = np.random.default_rng(0)
    degree = np.round(MEDIAN * np.exp(0.7 * rng.normal(size=VERTICES))).astype(int).clip(1, LARGEST)
    degree[7] = LARGEST
    rows = np.repeat(np.arange(VERTICES), degree)
    cols = (rows + rng.integers(-500, 500, rows.size)) % VERTICES  # neighbours are near, as on a surface
    return rows, cols, rng.normal(size=rows.size).astype(np.float32)


@functools.cache
def _field():
    return np.random.default_rng(1).normal(size=(VERTICES, COLUMNS)).astype(np.float32)


@functools.cache
def _device_field():
    return jnp.asarray(_field())


@functools.cache
def _sectioned():
    rows, cols, values = _edges()
    return sectioned_ell_from_edges(rows, cols, values, shape=(VERTICES, VERTICES))


@functools.cache
def _flat():
    rows, cols, values = _edges()
    return ell_from_edges(rows, cols, values, shape=(VERTICES, VERTICES))


@functools.cache
def _even():
    """As many edges, spread evenly."""
    _, cols, values = _edges()
    each = -(-len(cols) // VERTICES)
    spread = np.resize(np.arange(len(cols)), VERTICES * each)
    rows = np.repeat(np.arange(VERTICES), each)
    near = (rows + cols[spread] - _edges()[0][spread]) % VERTICES
    return ell_from_edges(rows, near, values[spread], shape=(VERTICES, VERTICES))


@functools.cache
def _dense():
    return ell_to_dense(_flat())


@functools.cache
def _csr():
    rows, cols, values = _edges()
    return scipy.sparse.coo_array((values, (rows, cols)), shape=(VERTICES, VERTICES)).tocsr()


@functools.cache
def _csr_transposed():
    return _csr().T.tocsr()


def _case(algebra, rival_name, rival):
    return Case(
        name=f"{algebra.name} sectioned {VERTICES} x {COLUMNS}, {rival_name}",
        operation="sparse.sectioned_semiring_ell_matmul",
        ours=lambda: sectioned_semiring_ell_matmul(_sectioned(), _device_field(), semiring=algebra),
        rival=rival,
        rival_name=rival_name,
    )


CASES = [
    _case(semiring.REAL, "flat ELL", lambda: apply_operator(_flat(), _device_field())),
    _case(semiring.REAL, "rows of equal length", lambda: apply_operator(_even(), _device_field())),
    _case(semiring.REAL, "dense product", lambda: jnp.matmul(_dense(), _device_field(), precision="highest")),
    _case(semiring.REAL, "scipy.sparse CSR", lambda: _csr() @ _field()),
    _case(
        semiring.LOG,
        "flat ELL",
        lambda: apply_operator(_flat(), _device_field(), semiring=semiring.LOG),
    ),
    Case(
        name=f"{semiring.REAL.name} sectioned transposed {VERTICES} x {COLUMNS}",
        operation="sparse.sectioned_semiring_ell_rmatvec",
        ours=lambda: sectioned_semiring_ell_rmatvec(_sectioned(), _device_field()),
        rival=lambda: _csr_transposed() @ _field(),
        rival_name="scipy.sparse CSR, transposed before",
    ),
]
