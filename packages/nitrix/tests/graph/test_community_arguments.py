"""What null models, modularity and coaffiliation refuse, in words."""

import numpy as np
import pytest
from nitrix.graph import (
    coaffiliation,
    girvan_newman_null,
    modularity_matrix,
    modularity_matrix_matvec,
    relaxed_modularity,
)
from nitrix.sparse import ell_from_dense
from support import graphs
from support.graph_forms import products

UNDIRECTED = graphs.weights(8, loops=False, seed=2)
C, OTHER, BRIDGE, X = np.ones((8, 3)), np.ones((8, 2)), np.ones((3, 2)), np.ones((8, 2))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: girvan_newman_null(np.ones((2, 3))),
            ValueError,
            r"girvan_newman_null: A has shape \(2, 3\); give a",
        ),
        (
            lambda: modularity_matrix(np.ones((2, 2), complex)),
            TypeError,
            "modularity_matrix: A has dtype complex",
        ),
        (
            lambda: modularity_matrix(ell_from_dense(UNDIRECTED)),
            TypeError,
            "A is a ELL, but the result has no zeros to leave out; use modularity_matrix_matvec, or make A dense",
        ),
        (
            lambda: girvan_newman_null(products(UNDIRECTED)),
            TypeError,
            "A is a Products, but the result has no zeros",
        ),
        (
            lambda: modularity_matrix(np.eye(2), sign="plus"),
            ValueError,
            r"sign='plus' is unknown; give '\+', '-' or",
        ),
        (
            lambda: relaxed_modularity(products(UNDIRECTED), C, sign="-"),
            ValueError,
            "sign='-', but A is a Products, a graph by its products, whose weights are not negative",
        ),
        (
            lambda: modularity_matrix(np.eye(2), null=lambda part: part[0]),
            ValueError,
            r"modularity_matrix: null gave shape \(2,\) for weights of shape \(2, 2\); it gives the expected weight",
        ),
        (
            lambda: relaxed_modularity(ell_from_dense(UNDIRECTED), C, null=lambda part: part),
            ValueError,
            "null is not girvan_newman_null and makes a matrix of 8 x 8, but A is a ELL; give a dense A",
        ),
        (
            lambda: relaxed_modularity(UNDIRECTED, C[:5]),
            ValueError,
            "relaxed_modularity: C has 5 rows but A has 8 vertices; give one row for each vertex",
        ),
        (
            lambda: relaxed_modularity(UNDIRECTED, C, C_other=C[:5]),
            ValueError,
            "C_other has 5 rows but A has 8 vert",
        ),
        (
            lambda: coaffiliation(C, OTHER),
            ValueError,
            r"coaffiliation: C has 3 communities and C_other 2, but there is no bridge; a bridge \[... 3 2\] is needed",
        ),
        (
            lambda: relaxed_modularity(UNDIRECTED, C, bridge=BRIDGE),
            ValueError,
            r"C has 3 communities and C_other 3, but bridge has shape \(3, 2\); a bridge \[... 3 3\] is needed",
        ),
        (
            lambda: coaffiliation(C[0]),
            ValueError,
            r"coaffiliation: C has shape \(3,\); give a matrix, or a batch",
        ),
        (lambda: coaffiliation(1j * C), TypeError, "coaffiliation: C has dtype complex"),
        (
            lambda: modularity_matrix_matvec(UNDIRECTED, X[:3]),
            ValueError,
            r"x has shape \(3, 2\); \[... 8 k\] is",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words, unchecked):
    with pytest.raises(error, match=words):
        call()
