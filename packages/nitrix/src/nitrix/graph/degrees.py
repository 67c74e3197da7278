"""Degrees of a graph's vertices: sums of the weights that leave, enter, or touch them."""

import jax
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Num

from nitrix.graph import _products
from nitrix.graph._graph_arguments import read_graph
from nitrix.graph._products import Graph
from nitrix.graph.operator import GraphOperator
from nitrix.sparse import ELL, SectionedELL


def degree_vector(A: Num[ArrayLike, "... n n"] | ELL | SectionedELL | GraphOperator) -> Float[Array, "... n"]:
    """Sums of rows: the weight of the edges that leave each vertex, self-loops counted once.

    Args:
      A: Weights of the edges i to j: a matrix, sparse or dense, or its products. Integers are taken as the default
        float; float16 and bfloat16 are summed in float32.
    Returns:
      The degrees, in the dtype of A.
    Raises:
      ValueError: If A is not square.
      TypeError: If A does not hold real numbers, or is an operator that JAX does not know as a pytree.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.graph import degree_vector
      >>> degree_vector(jnp.asarray([[0.0, 2.0], [1.0, 5.0]]))
      Array([2., 6.], dtype=float32)
    """
    graph, dtype = read_graph(A, "degree_vector")
    return _out(graph).astype(dtype)


def in_degree_vector(
    A: Num[ArrayLike, "... n n"] | ELL | SectionedELL | GraphOperator,
) -> Float[Array, "... n"]:
    """Sums of columns: the weight of the edges that enter each vertex, self-loops counted once.

    Nothing is transposed. A sparse matrix scatters, or gathers if it lists its slots by column
    (`nitrix.sparse.ell_with_transpose`).

    Args:
      A: Weights of the edges i to j, as in `degree_vector`.
    Returns:
      The degrees, in the dtype of A.
    Raises:
      ValueError: If A is not square.
      TypeError: As `degree_vector`.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.graph import in_degree_vector
      >>> in_degree_vector(jnp.asarray([[0.0, 2.0], [1.0, 5.0]]))
      Array([1., 7.], dtype=float32)
    """
    graph, dtype = read_graph(A, "in_degree_vector")
    return _in(graph).astype(dtype)


def symmetric_degree_vector(
    A: Num[ArrayLike, "... n n"] | ELL | SectionedELL | GraphOperator,
) -> Float[Array, "... n"]:
    """Means of the sums of rows and columns: the degrees of (A + A') / 2, which is not made.

    Args:
      A: Weights of the edges i to j, as in `degree_vector`.
    Returns:
      The degrees, in the dtype of A.
    Raises:
      ValueError: If A is not square.
      TypeError: As `degree_vector`.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.graph import symmetric_degree_vector
      >>> symmetric_degree_vector(jnp.asarray([[0.0, 2.0], [1.0, 5.0]]))
      Array([1.5, 6.5], dtype=float32)
    """
    graph, dtype = read_graph(A, "symmetric_degree_vector")
    return _symmetric(graph).astype(dtype)


_out = jax.jit(_products.out_degree)
_in = jax.jit(_products.in_degree)


@jax.jit
def _symmetric(graph: Graph) -> Array:
    return (_products.out_degree(graph) + _products.in_degree(graph)) / 2
