"""The Laplacian of a graph, and its products with fields over the vertices."""

from functools import partial
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Num

from nitrix._arguments import known_numbers
from nitrix.graph._graph_arguments import read_field, read_graph
from nitrix.graph._products import Graph, as_dtype, out_degree, product, scaled, without_loops

# Also found here: what a graph has beyond a null model is the other matrix that its communities are read from.
from nitrix.graph.community import coaffiliation as coaffiliation
from nitrix.graph.community import girvan_newman_null as girvan_newman_null
from nitrix.graph.community import modularity_matrix as modularity_matrix
from nitrix.graph.community import modularity_matrix_matvec as modularity_matrix_matvec
from nitrix.graph.operator import GraphOperator
from nitrix.sparse import ELL, SectionedELL, ell_add_self_loops

Normalisation = Literal["symmetric", "random_walk", "combinatorial"]


def laplacian(
    A: Num[ArrayLike, "... n n"] | ELL | SectionedELL, *, normalisation: Normalisation = "symmetric"
) -> Float[Array, "... n n"] | ELL | SectionedELL:
    """The Laplacian of a graph, in the form that the graph has: dense, ELL or sectioned.

    With D the degrees, sums of the rows of A off the diagonal:

        symmetric       D^-1/2 (D - A) D^-1/2      eigenvalues from 0 to 2, where A is symmetric and not negative
        random_walk     D^-1 (D - A)               the same eigenvalues; rows sum to 0
        combinatorial   D - A                      rows sum to 0

    Self-loops take no part, so that NaN and infinity on the diagonal of A, as Fisher's z leaves there, are harmless. A
    vertex of degree 0 has 0 in place of 1 / d: its row is 0, of the symmetric form its column too, and no gradient
    passes through its edges in these forms. A directed graph has the degrees of its rows, out-degrees, on both sides.

    Args:
      A: Weights of the edges i to j, a matrix, dense or sparse. Integers are taken as the default float; float16 and
        bfloat16 are computed in float32.
      normalisation: "symmetric", "random_walk" or "combinatorial", as above; the same default as `laplacian_matvec`.
    Returns:
      The Laplacian in the dtype of A. A sparse one has one slot a row more than A, for the diagonal; the slots of
      self-loops stay, and hold 0; a list of slots by column is left behind.
    Raises:
      ValueError: If A is not square; if the normalisation is unknown; if it is "symmetric" and a degree is negative,
        which signed weights can bring about. A negative degree that is traced (under `jit`) makes its row and column
        NaN.
      TypeError: If A does not hold real numbers, or is a `GraphOperator`, which has no matrix.
    Note:
      From `scipy.sparse.csgraph.laplacian`: "symmetric" is its `normed=True`, "combinatorial" its default; degrees are
      those of `use_out_degree=True`, the same for undirected graphs. SciPy puts 1 in place of 1 / d for a vertex
      without out-edges, so that a directed edge into it stays.
    References:
      F. R. K. Chung, Spectral Graph Theory, AMS, 1997. doi:10.1090/cbms/092
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.graph import laplacian
      >>> path = jnp.asarray([[0.0, 4.0, 0.0], [4.0, 0.0, 12.0], [0.0, 12.0, 0.0]])
      >>> laplacian(path)
      Array([[ 1.       , -0.5      , -0.       ],
             [-0.5      ,  1.       , -0.8660254],
             [-0.       , -0.8660254,  1.       ]], dtype=float32)
    """
    function = "laplacian"
    graph, dtype = read_graph(A, function)
    if not isinstance(graph, Array | ELL | SectionedELL):
        raise TypeError(f"{function}: A is a {type(A).__name__}, without a matrix; use laplacian_matvec.")
    _check(function, graph, normalisation)
    out: Any = _assembled(graph, normalisation=normalisation)
    return as_dtype(out, dtype)


graph_laplacian = laplacian


def laplacian_matvec(
    A: Num[ArrayLike, "... n n"] | ELL | SectionedELL | GraphOperator,
    x: Num[ArrayLike, "... n k"],
    *,
    normalisation: Normalisation = "symmetric",
) -> Float[Array, "... n k"]:
    """The product of a graph's Laplacian with a field, L x, for sparse graphs and operators without making L.

    Everything is as in `laplacian`; batch axes of A and x broadcast. If a sparse A lists its slots by column
    (`nitrix.sparse.ell_with_transpose`), gradients gather and do not scatter, and JAX refuses forward mode of the first
    derivative.

    Args:
      A: Weights of the edges i to j: a matrix, sparse or dense, or its products.
      x: A field over the vertices.
      normalisation: "symmetric", "random_walk" or "combinatorial", as in `laplacian`, the same default.
    Returns:
      The field L x, in the dtype that holds A and x.
    Raises:
      ValueError: As `laplacian`, or if x has another number of rows than A.
      TypeError: If A or x does not hold real numbers, or A is an operator that JAX does not know as a pytree.
    Note:
      D x and A x nearly cancel where x is smooth: the error is a rounding of |D x|, not of the result. For the smallest
      eigenvalues take sums of A[i, j] (x[i] - x[j])^2 / 2, which is x' (D - A) x without that loss.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.graph import laplacian_matvec
      >>> from nitrix.sparse import ell_from_ragged
      >>> path = ell_from_ragged([[1.0], [1.0, 1.0], [1.0]], [[1], [0, 2], [1]], n_cols=3)
      >>> squares = jnp.asarray([[0.0], [1.0], [4.0]])
      >>> laplacian_matvec(path, squares, normalisation="combinatorial")[:, 0]
      Array([-1., -2.,  3.], dtype=float32)
    """
    function = "laplacian_matvec"
    graph, dtype = read_graph(A, function)
    field, dtype = read_field(x, graph, dtype, function)
    _check(function, graph, normalisation)
    out: Array = _applied(as_dtype(graph, field.dtype), field, normalisation=normalisation)
    return out.astype(dtype)


def _check(function: str, graph: Graph, normalisation: str) -> None:
    if normalisation not in get_args(Normalisation):
        names = ", ".join(map(repr, get_args(Normalisation)))
        raise ValueError(f"{function}: normalisation={normalisation!r} is unknown; give one of {names}.")
    if normalisation != "symmetric":
        return
    known = known_numbers(_degree(graph))
    if known is not None and (known < 0).any():
        raise ValueError(
            f"{function}: {int((known < 0).sum())} vertices have a negative degree, the least {known.min():g}, which "
            f"has no square root for normalisation='symmetric'; clip the weights at 0, or take another normalisation."
        )


@jax.jit
def _degree(graph: Graph) -> Array:
    return out_degree(without_loops(graph))


def _parts(graph: Graph, normalisation: str) -> tuple[Array, Graph]:
    """The diagonal [... n] and the off-diagonal part, a graph of its own."""
    graph = without_loops(graph)
    degree = out_degree(graph)
    if normalisation == "combinatorial":
        return degree, scaled(graph, -jnp.ones_like(degree))
    present = degree != 0
    safe = jnp.where(present, degree, 1)  # so that the derivative at 0 is 0, and not NaN
    if normalisation == "random_walk":
        return present.astype(degree.dtype), scaled(graph, jnp.where(present, -1 / safe, 0))
    root = jnp.where(present, 1 / jnp.sqrt(safe), 0)
    return present.astype(degree.dtype), scaled(graph, -root, root)


@partial(jax.jit, static_argnames="normalisation")
def _applied(graph: Graph, x: Array, *, normalisation: str) -> Array:
    diagonal, rest = _parts(graph, normalisation)
    return diagonal[..., None] * x + product(rest, x)


@partial(jax.jit, static_argnames="normalisation")
def _assembled(graph: Graph, *, normalisation: str) -> Any:
    diagonal, rest = _parts(graph, normalisation)
    if isinstance(rest, Array):
        return jnp.where(jnp.eye(rest.shape[-1], dtype=bool), diagonal[..., None], rest)
    assert isinstance(rest, ELL | SectionedELL)
    looped, _ = ell_add_self_loops(rest)
    if isinstance(looped, ELL):
        return _with_diagonal(looped, diagonal)
    pairs = zip(looped.sections, looped.row_groups, strict=True)
    return looped.replace(sections=tuple(_with_diagonal(s, diagonal[..., rows]) for s, rows in pairs))


def _with_diagonal(ell: ELL, diagonal: Array) -> ELL:
    """The last slot that counts of each row holds its diagonal entry."""
    last: Any = ell.k_max - 1 if ell.degree is None else ell.degree[..., None] - 1
    slot = jnp.arange(ell.k_max, dtype=jnp.int32)
    return ell.replace(values=jnp.where(slot == last, diagonal[..., None], ell.values))
