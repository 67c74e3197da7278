"""What degrees and Laplacians refuse, in words."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.graph import degree_vector, in_degree_vector, laplacian, laplacian_matvec
from nitrix.sparse import ELL, ell_from_ragged
from support import graphs
from support.graph_forms import FORMS, dense, jitted, products

NORMALISATIONS = ("symmetric", "random_walk", "combinatorial")


@pytest.mark.parametrize("of", ["dense", "flat"])
def test_a_negative_degree_is_refused_or_nan(of):
    signed = np.array([[0, -2, 1], [-2, 0, 1], [1, 1, 0.0]], np.float32)
    graph = FORMS[of](signed)
    with pytest.raises(
        ValueError, match=r"laplacian: 2 vertices have a negative degree, the least -1, which has no"
    ):
        laplacian(graph)
    with pytest.raises(
        ValueError, match="laplacian_matvec: 2 vertices .* clip the weights at 0, or take another"
    ):
        jax.grad(lambda x: laplacian_matvec(graph, x).sum())(jnp.ones((3, 1)))
    made = jitted(lambda graph: [dense(laplacian(graph, normalisation=name)) for name in NORMALISATIONS])(
        graph
    )
    got = np.asarray(made[0])
    assert np.isnan(got[0, 1:]).all()
    assert np.isnan(got[1, [0, 2]]).all()
    assert got[2, 2] == 1
    for name, L in zip(NORMALISATIONS[1:], made[1:], strict=True):
        np.testing.assert_allclose(L, graphs.laplacian(signed, name), 1e-6)


class Plain:
    """Not a pytree."""

    n, degree = 3, jnp.ones(3)

    def matmul(self, x):
        return x


class Nameless(NamedTuple):
    matrix: jax.Array

    def matmul(self, x):
        return x


class Misfit(NamedTuple):
    degree: jax.Array
    n: int = 3

    def matmul(self, x):
        return x


NARROW = ell_from_ragged([[1.0], [1.0]], [[0], [2]], n_cols=3)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: laplacian(np.ones(3)), ValueError, r"laplacian: A has shape \(3,\); give a square matrix"),
        (
            lambda: laplacian(np.ones((2, 3))),
            ValueError,
            r"A has shape \(2, 3\); give a square matrix \[... n n\]",
        ),
        (lambda: laplacian(NARROW), ValueError, "laplacian: A is 2 x 3; a graph has as many rows as columns"),
        (lambda: degree_vector(np.ones((2, 2), complex)), TypeError, "degree_vector: A has dtype complex"),
        (
            lambda: in_degree_vector(ELL(jnp.ones((1, 1), "complex64"), jnp.zeros((1, 1), int), 1)),
            TypeError,
            "in_degree_vector: A has dtype complex64; weights are real numbers",
        ),
        (
            lambda: degree_vector(np.array([["a"]])),
            TypeError,
            "degree_vector: A has dtype <U1; give an array of",
        ),
        (
            lambda: laplacian(np.eye(2), normalisation="normed"),
            ValueError,
            "normalisation='normed' is unknown; give one of 'symmetric', 'random_walk', 'combinatorial'",
        ),
        (
            lambda: laplacian_matvec(np.eye(2), np.ones((3, 1))),
            ValueError,
            r"laplacian_matvec: x has shape \(3, 1\); \[... 2 k\] is needed, a row for each vertex of A",
        ),
        (
            lambda: laplacian_matvec(np.eye(2), np.ones(2)),
            ValueError,
            r"x has shape \(2,\); \[... 2 k\] is needed",
        ),
        (lambda: laplacian_matvec(np.eye(2), 1j * np.ones((2, 1))), TypeError, "x has dtype complex"),
        (
            lambda: laplacian(products(np.eye(2))),
            TypeError,
            "A is a Products, without a matrix; use laplacian_matvec",
        ),
        (
            lambda: degree_vector(Plain()),
            TypeError,
            "A is a Plain, which JAX does not know as a pytree; make it",
        ),
        (
            lambda: degree_vector(Nameless(jnp.eye(2))),
            TypeError,
            "A is a Nameless with matmul but without n; a Gra",
        ),
        (
            lambda: degree_vector(Misfit(jnp.ones(2))),
            ValueError,
            r"A has n = 3 but its degree has shape \(2,\); \[... n\] is needed",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words, unchecked):
    with pytest.raises(error, match=words):
        call()
