"""The modularity of soft and hard partitions, by products alone."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Num, Real

from nitrix._arguments import common_dtype, real_array
from nitrix.graph._graph_arguments import n_vertices, read_graph
from nitrix.graph._products import Graph, as_dtype, diagonal, in_degree, product
from nitrix.graph.community._signed_parts import Part, Sign, check_sign, over, signed_parts
from nitrix.graph.community.coaffiliation import read_affiliations
from nitrix.graph.community.modularity_matrix import NullModel, checked_null, girvan_newman_null
from nitrix.graph.operator import GraphOperator
from nitrix.sparse import ELL, SectionedELL


def relaxed_modularity(
    A: Num[ArrayLike, "... n n"] | ELL | SectionedELL | GraphOperator,
    C: Num[ArrayLike, "... n k"],
    *,
    C_other: Num[ArrayLike, "... n l"] | None = None,
    bridge: Num[ArrayLike, "... k l"] | None = None,
    gamma: Real[ArrayLike, ""] = 1.0,
    null: NullModel = girvan_newman_null,
    normalise_modularity: bool = True,
    normalise_coaffiliation: bool = True,
    exclude_diag: bool = False,
    directed: bool = False,
    sign: Sign = "+",
) -> Float[Array, "..."]:
    """The modularity of a partition, soft or hard: Q = sum over i, j of B[i, j] H[i, j].

    B is the modularity matrix of A, H the coaffiliation of C. With the defaults and a hard partition (C is 1 where a
    vertex is in a community, else 0) this is Newman's modularity, with both orders of every pair and the diagonal.
    With the null model of this library neither B nor H is made: Q comes from the products A C, whatever the form of A.
    If a sparse A lists its slots by column (`nitrix.sparse.ell_with_transpose`), gradients gather and do not scatter,
    and JAX refuses forward mode of the first derivative.

    Args:
      A: Weights of the edges i to j: a matrix, sparse or dense, or its products. Sparse entries that share a place are
        clipped one by one. Integers are taken as the default float; float16 and bfloat16 are computed in float32.
      C: Affiliations of the vertices with k communities. Batch axes of all operands broadcast.
      C_other: Affiliations of the vertex at the other end of the edge, as in `coaffiliation`. Default: C.
      bridge: How far the communities of C go with those of C_other. Default: each with itself.
      gamma: Resolution: the larger, the smaller the communities that have a large Q.
      null: The null model. Another one than `girvan_newman_null` makes an n x n matrix and needs a dense A.
      normalise_modularity: Whether B is divided by the sum of the weights, as in `modularity_matrix`.
      normalise_coaffiliation: Whether affiliations above 1 are scaled down, as `normalise` of `coaffiliation`.
      exclude_diag: Whether to leave out the pairs of a vertex with itself.
      directed: Whether i to j is another edge than j to i, and the null model a product of out- and in-degrees. If
        not, A counts as (A + A') / 2, which makes no difference where it is symmetric.
      sign: "+", the positive weights; "-", the negative ones as a graph of their own; None, both:
        Q = (2m+ Q+ - 2m- Q-) / (2m+ + 2m-), as in `modularity_matrix`.
    Returns:
      Q of each graph, in the dtype that holds the operands; 0 for a graph without weights.
    Raises:
      ValueError: If A is not square, C or C_other has not one row for each vertex, numbers of communities do not fit,
        sign is unknown or "-" for an operator, or there is another null model and A is not dense.
      TypeError: If an operand does not hold real numbers, or A is an operator that JAX does not know as a pytree.
    Note:
      Equal to `networkx.community.modularity`, of a `DiGraph` with directed=True, for weights that are not negative;
      for signed ones networkx takes degrees that cancel. For an undirected graph networkx counts a self-loop of weight
      w twice: that is 2 w on the diagonal of A.
    References:
      M. E. J. Newman, Physical Review E 70, 2004. doi:10.1103/PhysRevE.70.056131
      S. Gomez, P. Jensen and A. Arenas (signed), Physical Review E 80, 2009. doi:10.1103/PhysRevE.80.016114
    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from nitrix.graph import relaxed_modularity
      >>> pairs = jnp.asarray([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]])
      >>> relaxed_modularity(pairs, jax.nn.one_hot(jnp.asarray([0, 0, 1, 1]), 2))
      Array(0.5, dtype=float32)
    """
    function = "relaxed_modularity"
    graph, dtype = read_graph(A, function)
    check_sign(graph, sign, function)
    left, right, other_dtype = read_affiliations(C, C_other, bridge, normalise_coaffiliation, function)
    n = n_vertices(graph)
    for name, rows in (("C", left.shape[-2]), ("C_other", right.shape[-2])):
        if rows != n:
            raise ValueError(
                f"{function}: {name} has {rows} rows but A has {n} vertices; give one row for each vertex."
            )
    if isinstance(graph, Array | ELL | SectionedELL):
        dtype = np.dtype(common_dtype(dtype, other_dtype))
    working = np.dtype(np.float32) if dtype.itemsize < 4 else dtype
    graph, same = as_dtype(graph, working), C_other is None and bridge is None
    left, right = left.astype(working), right.astype(working)
    resolution = real_array(gamma, function, "gamma").astype(working)
    pairs = _Pairs(sign, normalise_modularity, exclude_diag, directed)
    if null is girvan_newman_null:
        Q: Array = _by_products(graph, left, None if same else right, resolution, pairs)
    elif isinstance(graph, Array):
        Q = _by_matrices(graph, left, right, resolution, checked_null(null, function), pairs)
    else:
        raise ValueError(
            f"{function}: null is not girvan_newman_null and makes a matrix of {n} x {n}, but A is a "
            f"{type(graph).__name__}; give a dense A (nitrix.sparse.ell_to_dense)."
        )
    return Q.astype(dtype)


class _Pairs(NamedTuple):
    """Which pairs count, and how."""

    sign: Sign
    normalise: bool
    exclude_diag: bool
    directed: bool


# With L and R the two sides of H = L R', k the sums of rows and 1'A R those of columns weighted by R,
#   sum_ij A_ij H_ij = <L, A R>        sum_ij k_i (1'A)_j H_ij / 2m = <L'k, 1'A R> / 2m,
# so that one product says all; of (A + A') / 2 the same with L and R exchanged is the other half.


@partial(jax.jit, static_argnames="pairs")
def _by_products(graph: Graph, left: Array, right: Array | None, gamma: Array, pairs: _Pairs) -> Array:
    Q, every = jnp.zeros((), left.dtype), jnp.zeros((), left.dtype)
    for part in signed_parts(graph, pairs.sign):
        inside, expected, total = _sums(part, left, right, pairs)
        Q, every = Q + part.sign * (inside - gamma * over(expected, total)), every + total
    return over(Q, every) if pairs.normalise else Q


def _sums(part: Part, left: Array, right: Array | None, pairs: _Pairs) -> tuple[Array, Array, Array]:
    """The weight within communities, 2m times what is expected of it, and 2m."""
    other = left if right is None else right
    y, k = part.times(other)
    inside, out, into = _inner(left, y), _weighted(k, left), y.sum(-2)
    if not pairs.directed:
        y = y if right is None else part.times(left)[0]
        inside = (inside + _inner(other, y)) / 2
        out, into = (out + y.sum(-2)) / 2, (into + _weighted(k, other)) / 2
    expected = (out * into).sum(-1)
    if pairs.exclude_diag:
        k_in, H = in_degree(part.graph), (left * other).sum(-1)
        squares = k * k_in if pairs.directed else ((k + k_in) / 2) ** 2
        inside = inside - (diagonal(part.graph) * H).sum(-1)
        expected = expected - (squares * H).sum(-1)
    return inside, expected, k.sum(-1)


def _by_matrices(
    matrix: Array,
    left: Array,
    right: Array,
    gamma: Array,
    null: NullModel,
    pairs: _Pairs,
) -> Array:
    Q, every = jnp.zeros((), left.dtype), jnp.zeros((), left.dtype)
    for s, part, _ in signed_parts(matrix, pairs.sign):
        part = part if pairs.directed else (part + jnp.swapaxes(part, -1, -2)) / 2
        B = part - gamma * null(part)
        B = jnp.where(jnp.eye(B.shape[-1], dtype=bool), 0, B) if pairs.exclude_diag else B
        Q, every = Q + s * _inner(left, product(B, right)), every + part.sum((-2, -1))
    return over(Q, every) if pairs.normalise else Q


def _inner(a: Array, b: Array) -> Array:
    return (a * b).sum((-2, -1))


def _weighted(weights: Array, side: Array) -> Array:
    return (weights[..., None] * side).sum(-2)
