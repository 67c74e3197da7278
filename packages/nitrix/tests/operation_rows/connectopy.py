"""Rows of the gradients of connectivity in `nitrix.graph`."""

import jax.numpy as jnp
import numpy as np
from nitrix.graph import (
    affinity_from_time_series,
    diffusion_embedding,
    laplacian_eigenmap,
    procrustes_align,
)
from support import connectopy as oracle

from operation_rows.row import BATCH, Row, each, normal

OTHERS = {
    "graph.laplacian_eigenmaps": "another name of `graph.laplacian_eigenmap`",
    "graph.diffusion_mapping": "another name of `graph.diffusion_embedding`",
}


def rows():
    """Maps of small graphs of two clusters, the affinity of series, and sets of maps turned to each other."""
    a = _clusters()
    return [
        Row(
            "graph.laplacian_eigenmap",
            "",
            lambda a: laplacian_eigenmap(_symmetric(a), n_components=1).maps,
            lambda a: oracle.eigenmaps(_symmetric(a), 1)[0],
            (a,),
        ),
        Row(
            "graph.diffusion_embedding",
            "",
            lambda a: diffusion_embedding(_symmetric(a), n_components=1, t=2.0).maps,
            lambda a: oracle.diffusion(_symmetric(a), 1, t=2.0)[0],
            (a,),
        ),
        Row(
            "graph.affinity_from_time_series",
            "",
            each(_affinity, 2),
            lambda x: oracle.affinity(x, 0.5),
            (normal(BATCH, 6, 9),),
            everyday=False,
        ),
        Row(
            "graph.procrustes_align",
            "",
            each(lambda x: procrustes_align(x, n_iter=2).maps, 3),
            lambda x: oracle.procrustes(x, n_iter=2)[0],
            (normal(BATCH, 3, 6, 2),),
            everyday=False,
        ),
    ]


def _symmetric(a):
    return (a + a.swapaxes(-2, -1)) / 2


def _affinity(x):
    found = affinity_from_time_series(x, sparsity=0.5)
    return found.matmul(jnp.eye(found.n, dtype=found.degree.dtype)).astype(x.dtype)


def _clusters():
    """Weights of which bfloat16 holds the symmetric part exactly."""
    within = np.kron(np.eye(2), np.ones((3, 3)))
    fine = np.random.default_rng(0).integers(1, 16, size=(BATCH, 6, 6)) / 32
    return within + _symmetric(np.round(fine * 16) / 16)
