"""Rows of `nitrix.graph`'s degrees, Laplacians and communities."""

import numpy as np
from nitrix import graph
from nitrix.sparse import ell_from_dense
from support import graphs

from operation_rows.row import BATCH, Row, normal

OTHERS = {"graph.graph_laplacian": "another name of `laplacian`"}

N = 5
PATTERN = ell_from_dense(graphs.weights(N, density=0.6, seed=3), threshold=0.1)


def rows():
    """Directed graphs with self-loops; signed ones for modularity, with weights off the kink at 0."""
    A, x, C = _weights(), normal(BATCH, N, 2, seed=12), np.abs(normal(BATCH, N, 3, seed=13)) / 4
    signed = A * np.sign(normal(BATCH, N, N, seed=14))
    values = np.abs(normal(BATCH, *PATTERN.values.shape, seed=15)) + 0.5
    return [
        *(
            Row(f"graph.{name}", "", getattr(graph, name), oracle, (A,), everyday=name == "in_degree_vector")
            for name, oracle in {
                "degree_vector": lambda A: A.sum(1),
                "in_degree_vector": lambda A: A.sum(0),
                "symmetric_degree_vector": lambda A: (A.sum(0) + A.sum(1)) / 2,
            }.items()
        ),
        Row("graph.laplacian", "", graph.laplacian, graphs.laplacian, (A,), everyday=False),
        Row(
            "graph.laplacian_matvec",
            "",
            lambda values, x: graph.laplacian_matvec(PATTERN.replace(values=values), x),
            lambda values, x: graphs.laplacian(_dense(values)) @ x,
            (values, x),
        ),
        Row("graph.girvan_newman_null", "", graph.girvan_newman_null, graphs.girvan_newman_null, (A,)),
        Row(
            "graph.modularity_matrix",
            "",
            lambda A: graph.modularity_matrix(A, sign=None),
            lambda A: graphs.modularity_matrix(A, sign=None),
            (signed,),
            everyday=False,
        ),
        Row(
            "graph.modularity_matrix_matvec",
            "",
            graph.modularity_matrix_matvec,
            lambda A, x: graphs.modularity_matrix(A) @ x,
            (signed, x),
            everyday=False,
        ),
        Row("graph.coaffiliation", "", graph.coaffiliation, graphs.coaffiliation, (C,), everyday=False),
        Row("graph.relaxed_modularity", "", graph.relaxed_modularity, graphs.relaxed_modularity, (signed, C)),
    ]


def _weights():
    return np.abs(normal(BATCH, N, N)) + 0.5


def _dense(values):
    out = np.zeros((N, N))
    degree = np.full(N, PATTERN.k_max) if PATTERN.degree is None else np.asarray(PATTERN.degree)
    for i in range(N):
        for p in range(degree[i]):
            out[i, PATTERN.indices[i, p]] += values[i, p]
    return out
