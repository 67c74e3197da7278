"""The modularity matrix of a graph, the null model in it, and its products with fields over the vertices."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Num, Real

from nitrix._arguments import real_array
from nitrix.graph._graph_arguments import read_field, read_graph
from nitrix.graph._products import Graph, as_dtype, in_degree, out_degree
from nitrix.graph.community._signed_parts import Sign, check_sign, over, signed_parts, total_weight
from nitrix.graph.operator import GraphOperator
from nitrix.sparse import ELL, SectionedELL

NullModel = Callable[[Array], Array]


def girvan_newman_null(A: Num[ArrayLike, "... n n"]) -> Float[Array, "... n n"]:
    """The weights expected if edges met at random with the degrees kept: k_i k_j / 2m.

    k_i is the sum of row i, k_j the sum of column j, self-loops counted, and 2m the sum of all weights.

    Args:
      A: Weights, not negative. Integers are taken as the default float; float16 and bfloat16 are computed in float32.
    Returns:
      The expected weights, in the dtype of A; 0 for a graph of total weight 0.
    Raises:
      ValueError: If A is not square.
      TypeError: If A does not hold real numbers, or is sparse: the null model is not.
    References:
      M. E. J. Newman and M. Girvan, Physical Review E 69, 2004. doi:10.1103/PhysRevE.69.026113
      E. A. Leicht and M. E. J. Newman (directed graphs), Physical Review Letters 100, 2008.
      doi:10.1103/PhysRevLett.100.118703
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.graph import girvan_newman_null
      >>> girvan_newman_null(jnp.asarray([[0.0, 1.0], [1.0, 2.0]]))
      Array([[0.25, 0.75],
             [0.75, 2.25]], dtype=float32)
    """
    matrix, dtype = _read_matrix(A, "girvan_newman_null")
    return _null(matrix).astype(dtype)


def modularity_matrix(
    A: Num[ArrayLike, "... n n"],
    *,
    gamma: Real[ArrayLike, ""] = 1.0,
    null: NullModel = girvan_newman_null,
    normalise: bool = True,
    sign: Sign = "+",
) -> Float[Array, "... n n"]:
    """The modularity matrix B = (A - gamma null(A)) / 2m: what a graph has beyond its null model.

    Null models know no negative weights. With A = A+ - A-, both not negative, `sign` says which of them B is of:

        "+"    A+ alone: B = (A+ - gamma null(A+)) / 2m+
        "-"    A- alone, as a graph of its own: B = (A- - gamma null(A-)) / 2m-
        None   both [2]: B = (A - gamma (null(A+) - null(A-))) / (2m+ + 2m-)

    For weights that are not negative "+" and None are the same. m+ and m- are sums of absolute values, so B of "-" is
    large where weights are strongly negative, normalised or not.

    Args:
      A: Weights of the edges i to j. Integers are taken as the default float; float16 and bfloat16 are computed in
        float32.
      gamma: Resolution: the larger, the smaller the communities that B favours.
      null: The null model: from weights [... n n], not negative, to expected weights of that shape.
      normalise: Whether to divide by the sum of the weights, as above; a graph without weights gives 0.
      sign: "+", "-" or None, as above.
    Returns:
      The matrix, in the dtype of A.
    Raises:
      ValueError: If A is not square, sign is unknown, or `null` gives another shape.
      TypeError: If A does not hold real numbers, or is sparse: B is not; `modularity_matrix_matvec` does not make it.
    Note:
      With normalise=False this is `networkx.directed_modularity_matrix`, and for undirected graphs
      `networkx.modularity_matrix`.
    References:
      [1] M. E. J. Newman, PNAS 103, 2006. doi:10.1073/pnas.0601602103
      [2] S. Gomez, P. Jensen and A. Arenas, Physical Review E 80, 2009. doi:10.1103/PhysRevE.80.016114
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.graph import modularity_matrix
      >>> modularity_matrix(jnp.asarray([[0.0, 1.0], [1.0, 2.0]]), normalise=False)
      Array([[-0.25,  0.25],
             [ 0.25, -0.25]], dtype=float32)
    """
    function = "modularity_matrix"
    matrix, dtype = _read_matrix(A, function)
    check_sign(matrix, sign, function)
    resolution = real_array(gamma, function, "gamma").astype(matrix.dtype)
    if null is girvan_newman_null:
        return _matrix(matrix, resolution, normalise=normalise, sign=sign).astype(dtype)
    return _matrix_of(matrix, resolution, checked_null(null, function), normalise, sign).astype(dtype)


def modularity_matrix_matvec(
    A: Num[ArrayLike, "... n n"] | ELL | SectionedELL | GraphOperator,
    x: Num[ArrayLike, "... n k"],
    *,
    gamma: Real[ArrayLike, ""] = 1.0,
    normalise: bool = True,
    sign: Sign = "+",
) -> Float[Array, "... n k"]:
    """The product of a graph's modularity matrix with a field, B x, without making B.

    Everything is as in `modularity_matrix` with its own null model, which is of rank one:
    B x = (A x - gamma k (1' A x) / 2m) / 2m. Batch axes of A and x broadcast.

    Args:
      A: Weights of the edges i to j: a matrix, sparse or dense, or its products. Sparse entries that share a place are
        clipped one by one. An operator has no negative weights, so that "+" and None are the same.
      x: A field over the vertices.
      gamma: Resolution.
      normalise: Whether to divide by the sum of the weights.
      sign: "+", "-" or None, as in `modularity_matrix`.
    Returns:
      The field B x, in the dtype that holds A and x.
    Raises:
      ValueError: If A is not square, x has another number of rows, or sign is unknown, or "-" for an operator.
      TypeError: If A or x does not hold real numbers, or A is an operator that JAX does not know as a pytree.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.graph import modularity_matrix_matvec
      >>> A = jnp.asarray([[0.0, 1.0], [1.0, 2.0]])
      >>> modularity_matrix_matvec(A, jnp.asarray([[1.0], [-1.0]]), normalise=False)
      Array([[-0.5],
             [ 0.5]], dtype=float32)
    """
    function = "modularity_matrix_matvec"
    graph, dtype = read_graph(A, function)
    check_sign(graph, sign, function)
    field, dtype = read_field(x, graph, dtype, function)
    resolution = real_array(gamma, function, "gamma").astype(field.dtype)
    out: Array = _applied(as_dtype(graph, field.dtype), field, resolution, normalise=normalise, sign=sign)
    return out.astype(dtype)


def checked_null(null: NullModel, function: str) -> NullModel:
    """A user's null model, whose result is looked at."""

    def expected(part: Array) -> Array:
        weights = real_array(null(part), function, "the result of null")
        if weights.shape != part.shape:
            raise ValueError(
                f"{function}: null gave shape {weights.shape} for weights of shape {part.shape}; it gives the expected "
                f"weight of every edge."
            )
        return weights.astype(part.dtype)

    return expected


def _read_matrix(A: Any, function: str) -> tuple[Array, Any]:
    if isinstance(A, ELL | SectionedELL | GraphOperator):
        raise TypeError(
            f"{function}: A is a {type(A).__name__}, but the result has no zeros to leave out; use "
            f"modularity_matrix_matvec, or make A dense by nitrix.sparse.ell_to_dense."
        )
    graph, dtype = read_graph(A, function)
    assert isinstance(graph, Array)
    return graph, dtype


@jax.jit
def _null(matrix: Array) -> Array:
    shares = over(in_degree(matrix), total_weight(matrix)[..., None])
    return out_degree(matrix)[..., :, None] * shares[..., None, :]


def _matrix_of(matrix: Array, gamma: Array, null: NullModel, normalise: bool, sign: Sign) -> Array:
    B, total = jnp.zeros((), matrix.dtype), jnp.zeros((), matrix.dtype)
    for s, part, _ in signed_parts(matrix, sign):
        B, total = B + s * (part - gamma * null(part)), total + total_weight(part)
    return over(B, total[..., None, None]) if normalise else B


@partial(jax.jit, static_argnames=("normalise", "sign"))
def _matrix(matrix: Array, gamma: Array, *, normalise: bool, sign: Sign) -> Array:
    return _matrix_of(matrix, gamma, _null, normalise, sign)


@partial(jax.jit, static_argnames=("normalise", "sign"))
def _applied(graph: Graph, x: Array, gamma: Array, *, normalise: bool, sign: Sign) -> Array:
    out, total = jnp.zeros((), x.dtype), jnp.zeros((), x.dtype)
    for s, _, times in signed_parts(graph, sign):
        y, degree = times(x)
        weight = degree.sum(-1)
        expected = degree[..., None] * over(y.sum(-2), weight[..., None])[..., None, :]
        out, total = out + s * (y - gamma * expected), total + weight
    return over(out, total[..., None, None]) if normalise else out
