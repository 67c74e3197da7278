"""Rows of `nitrix.semiring`."""

import jax.numpy as jnp
import numpy as np
from nitrix import semiring
from nitrix.sparse import ELL
from support import oracles

from operation_rows.row import BATCH, NO_DERIVATIVE, NO_FORWARD_MODE, Row, each, normal

INDICES = np.array([[1, 0, 2], [3, 3, 1], [0, 2, 1], [2, 3, 0]], np.int32)
DEGREE = np.array([3, 2, 0, 1], np.int32)
COUNTED = np.arange(3) < DEGREE[:, None]


def rows():
    """Products, dense and sparse, and what is done on neighbourhoods."""
    names = oracles.ALGEBRAS
    return [
        *(_product("semiring.semiring_matmul", name, (3, 4), (4, 2)) for name in names),
        *(_product("semiring.semiring_ell_matmul", name, (4, 3), (5, 2)) for name in names),
        *(_product("semiring.semiring_ell_rmatvec", name, (4, 3), (4, 2)) for name in names),
        *(_aggregate(name) for name in names),
        *(_convolution(name) for name in names),
        Row("semiring.ell_row_softmax", "", _softmax, _softmax_oracle, (normal(BATCH, 4, 3),)),
    ]


def _product(operation, name, left, right):
    algebra = oracles.ALGEBRAS[name]
    sparse = {"indices": INDICES, "degree": DEGREE}

    def call(A, B):
        if operation == "semiring.semiring_matmul":
            return semiring.semiring_matmul(A, B, semiring=algebra)
        if operation == "semiring.semiring_ell_matmul":
            return semiring.semiring_ell_matmul(A, B=B, semiring=algebra, **sparse)
        return semiring.semiring_ell_rmatvec(A, X=B, n_cols=5, semiring=algebra, **sparse)

    def oracle(A, B):
        if name == "boolean":
            A, B = A.astype(bool), B.astype(bool)
        if operation == "semiring.semiring_matmul":
            return oracles.matmul(name, A, B)
        if operation == "semiring.semiring_ell_matmul":
            return oracles.ell_matmul(name, A, INDICES, B, DEGREE)
        return oracles.ell_rmatvec(name, A, INDICES, B, 5, DEGREE)

    operands = normal(BATCH, *left), normal(BATCH + 1, *right)[1:]
    refusals = {}
    if name == "boolean":
        operands = tuple((x > 0.3).astype(float) for x in operands)
        refusals = {"grad": NO_DERIVATIVE, "jvp": NO_DERIVATIVE}
    elif operation == "semiring.semiring_matmul" and name in ("log", "euclidean"):
        refusals = {"jvp": NO_FORWARD_MODE}
    rmatvec = operation == "semiring.semiring_ell_rmatvec"
    everyday = operation == "semiring.semiring_matmul" or name in (
        ("boolean",) if rmatvec else ("log", "boolean")
    )
    return Row(operation, name, call, oracle, operands, refusals, everyday)


def _aggregate(name):
    graph = ELL(np.zeros((4, 3), np.float32), INDICES, 4, degree=DEGREE)
    plus = oracles.DEFINITIONS[name][1]

    def message(x_i, x_j, value, ij):
        made = value * (x_j - x_i)
        return made > 0.3 if name == "boolean" else made

    def call(values, x):
        return semiring.semiring_ell_edge_aggregate(
            message, graph.replace(values=values), x, semiring=oracles.ALGEBRAS[name]
        )

    def oracle(values, x):
        out = []
        for i, count in enumerate(DEGREE):
            made = [message(x[i], x[INDICES[i, p]], values[i, p], None) for p in range(count)]
            terms = np.array(made).reshape(count, x.shape[1])
            out.append(plus(np.square(terms) if name == "euclidean" else terms, 0))
        return np.array(out)

    operands = normal(BATCH, 4, 3), normal(BATCH, 4, 2, seed=12)
    # A comparison of floating operands has the derivative 0, in either mode.
    refusals = {} if name == "boolean" else {"jvp": NO_FORWARD_MODE}
    operation = "semiring.semiring_ell_edge_aggregate"
    return Row(operation, name, call, oracle, operands, refusals, name in ("log", "tropical_max_plus"))


def _convolution(name):
    def conv(x, kernel):
        return semiring.semiring_ell_conv(
            INDICES, x, kernel, semiring=oracles.ALGEBRAS[name], mask=jnp.asarray(COUNTED)
        )

    def oracle(x, kernel):
        times, plus = oracles.DEFINITIONS[name]
        if name == "boolean":
            x, kernel = x.astype(bool), kernel.astype(bool)
        out = []
        for columns, counts in zip(INDICES, COUNTED, strict=True):
            terms = times(x[columns[counts]][:, :, None], kernel[counts])
            out.append(plus(terms.reshape(-1, kernel.shape[2]), 0))
        return np.array(out)

    operands = normal(BATCH, 4, 2), normal(BATCH, 3, 2, 2, seed=12)
    refusals = {"jvp": NO_FORWARD_MODE}
    if name == "boolean":
        operands = tuple((x > 0.3).astype(float) for x in operands)
        refusals = {"grad": NO_DERIVATIVE, "jvp": NO_DERIVATIVE}
    operation = "semiring.semiring_ell_conv"
    return Row(operation, name, each(conv, 2), oracle, operands, refusals, name == "real")


def _softmax(scores):
    return semiring.ell_row_softmax(scores, ELL(np.zeros((4, 3), np.float32), INDICES, 4, degree=DEGREE))


def _softmax_oracle(scores):
    share = np.where(COUNTED, np.exp(scores), 0)
    return share / np.maximum(share.sum(1, keepdims=True), 1e-300)
