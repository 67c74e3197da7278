"""Rows of `nitrix.linalg`'s structured matrices."""

import numpy as np
from nitrix import linalg
from support import structured

from operation_rows.row import BATCH, Row, each, normal


def _positive():
    root = normal(BATCH, 3, 3, seed=12) / 2
    return (root @ root.swapaxes(-1, -2) + 2 * np.eye(3)).astype("bfloat16").astype(float)


def _inverse(x):
    return np.linalg.inv((x + x.T) / 2)


def rows():
    """Each maps a matrix or a vector; a batch is one more leading axis."""
    square, vector = normal(BATCH, 4, 4), normal(BATCH, 6)
    return [
        Row("linalg.symmetric", "", linalg.symmetric, lambda x: (x + x.T) / 2, (square,)),
        Row("linalg.sym2vec", "", linalg.sym2vec, structured.triangle, (square,)),
        Row("linalg.vec2sym", "", linalg.vec2sym, structured.filled, (vector,)),
        Row(
            "linalg.squareform",
            "",
            lambda x: linalg.squareform(x, direction="to_matrix"),
            structured.filled,
            (vector,),
            everyday=False,
        ),
        Row(
            "linalg.toeplitz",
            "",
            lambda c, r: linalg.toeplitz(c, r, shape=(4, 5)),
            lambda c, r: structured.toeplitz(c, r, (4, 5)),
            (normal(BATCH, 3), normal(BATCH, 4, seed=12)),
        ),
        Row(
            "linalg.toeplitz_2d",
            "",
            each(linalg.toeplitz_2d, 1),
            structured.toeplitz,
            (normal(BATCH, 3), normal(BATCH, 4, seed=12)),
            everyday=False,
        ),
        Row(
            "linalg.fill_diagonal",
            "",
            lambda x: linalg.fill_diagonal(x, fill=0.5, offset=1),
            lambda x: structured.with_diagonal(x, 0.5, 1),
            (square,),
        ),
        Row(
            "linalg.delete_diagonal",
            "",
            linalg.delete_diagonal,
            lambda x: structured.with_diagonal(x, 0),
            (square,),
            everyday=False,
        ),
        Row(
            "linalg.diag_embed",
            "",
            lambda v: linalg.diag_embed(v, 1),
            lambda v: np.diag(v, 1),
            (vector,),
            everyday=False,
        ),
        Row(
            "linalg.recondition_eigenspaces",
            "",
            lambda x: linalg.recondition_eigenspaces(x, psi=0.5),
            lambda x: x + 0.5 * np.eye(4),
            (square,),
            everyday=False,
        ),
        Row("linalg.cholesky_invert", "", linalg.cholesky_invert, _inverse, (_positive(),)),
        Row(
            "linalg.expand_outer",
            "",
            linalg.expand_outer,
            structured.expanded,
            (normal(BATCH, 4, 2), normal(BATCH, 3, 2, seed=12), normal(BATCH, 2, 2, seed=13)),
        ),
    ]
