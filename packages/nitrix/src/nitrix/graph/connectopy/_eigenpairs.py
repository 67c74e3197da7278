"""Leading eigenpairs of a normalised graph, S = D^-1/2 W D^-1/2, with exact derivatives.

With S v_j = m_j v_j, a change dS moves
  m_j by v_j' dS v_j,
  v_j by sum_i v_i (v_i' dS v_j) / (m_j - m_i) over all other i.
Where two eigenvalues are equal the vectors may be turned among each other, and a change of S says nothing of the turn:
that part is left out, so that what depends on the space alone has its exact derivative.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from nitrix.graph._graph_arguments import n_vertices
from nitrix.graph._products import Graph, out_degree, product
from nitrix.graph.connectopy._conjugate_gradients import solve_columns
from nitrix.graph.connectopy._filtered import block_width, leading_block
from nitrix.graph.connectopy._ritz import dot
from nitrix.sparse import ELL, SectionedELL

DENSE = 1024  # vertices up to which the matrix is made and all its eigenvectors are computed


class Eigenpairs(NamedTuple):
    """The trivial eigenvector and the ones next to it, in descending order of their eigenvalues."""

    vectors: Array  # [... n 1 + m]
    values: Array  # [... 1 + m]
    residuals: Array  # [... 1 + m]
    products: Array  # [...] with the operator; 0 where all eigenvectors were computed
    converged: Array  # [...] bool


def is_dense(graph: Graph, k: int) -> bool:
    """Whether all eigenvectors are computed."""
    n = n_vertices(graph)
    return n <= max(DENSE, 4 * block_width(k))


def eigenpairs(graph: Graph, trivial: Array, k: int, tol: Any, *, dense: bool) -> Eigenpairs:
    """At least k eigenpairs beside the trivial one, of which `trivial` is a unit vector."""
    if dense:
        return _all_of(as_matrix(graph))
    constant = partial(_leading, k=k, tol=tol)
    if isinstance(graph, Array) and graph.ndim > 2:
        run = jnp.vectorize(lambda s, t: tuple(constant(s, t)), signature="(n,n),(n)->(n,m),(m),(m),(),()")
        return Eigenpairs(*run(graph, trivial))
    return constant(graph, trivial)


def as_matrix(graph: Graph) -> Array:
    """The matrix of a graph."""
    if isinstance(graph, Array):
        return graph
    n = n_vertices(graph)
    return product(graph, jnp.eye(n, dtype=out_degree(graph).dtype))


def _all_of(matrix: Array) -> Eigenpairs:
    vectors, values = _spectrum((matrix + jnp.swapaxes(matrix, -1, -2)) / 2)
    residuals = jnp.linalg.norm(dot(matrix, vectors) - values[..., None, :] * vectors, axis=-2)
    batch = values.shape[:-1]
    return Eigenpairs(
        vectors,
        values,
        lax.stop_gradient(residuals),
        jnp.zeros(batch, jnp.int32),
        jnp.isfinite(values).all(-1),
    )


@jax.custom_jvp
def _spectrum(matrix: Array) -> tuple[Array, Array]:
    """All eigenvectors and eigenvalues, descending."""
    vectors, values = lax.linalg.eigh(matrix, symmetrize_input=False)
    return vectors[..., ::-1], values[..., ::-1]


@_spectrum.defjvp
def _(primals: Any, tangents: Any) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    vectors, values = _spectrum(*primals)
    moved = dot(jnp.swapaxes(vectors, -1, -2), dot(tangents[0], vectors))
    turn = moved * _inverse_gaps(values, values, _noise(values))
    change = jnp.diagonal(moved, axis1=-2, axis2=-1)
    return (vectors, values), (dot(vectors, turn), change)


def _inverse_gaps(others: Array, values: Array, noise: Array) -> Array:
    """[i j] 1 / (values[j] - others[i]), and 0 where these are equal but for noise."""
    gap = values[..., None, :] - others[..., :, None]
    equal = jnp.abs(gap) <= noise[..., None, None]
    return jnp.where(equal, 0, 1 / jnp.where(equal, 1, gap))


def _noise(values: Array) -> Array:
    """Eigenvalues closer than this count as equal: rounding errors over a smaller gap would drown the derivative."""
    return jnp.full(values.shape[:-1], max(100 * float(np.finfo(values.dtype).eps), 1e-8), values.dtype)


# Of a large graph only a block of m vectors is at hand, U = [trivial, v_1 ... v_k] exact and some guards G beyond. The
# part of dv_j outside of U is the solution x_j in the complement of
#   (m_j - S) x_j = dS v_j - U U' dS v_j,
# which is definite there, since m_j is above all eigenvalues that are left. With 1 put for its eigenvalues in U the
# operator is definite everywhere. A guard whose eigenvalue equals m_j is treated as U is, without its part in dv_j.
def _leading(graph: Graph, trivial: Array, *, k: int, tol: Any) -> Eigenpairs:
    return Eigenpairs(*_differentiable(_bare(graph), trivial, jnp.asarray(tol), k))


def _bare(graph: Graph) -> Graph:
    """A sparse graph with zeros in its pads, which need no mask then, and without its columns, which forbid jvp."""
    if isinstance(graph, SectionedELL):
        return graph.replace(sections=tuple(map(_bare, graph.sections)), transposed=None)
    if isinstance(graph, ELL):
        values = graph.values if graph.degree is None else jnp.where(graph.valid, graph.values, 0)
        return graph.replace(values=values, degree=None, full=graph.k_max, transposed=None)
    return graph


@partial(jax.custom_jvp, nondiff_argnums=(3,))
def _differentiable(graph: Graph, trivial: Array, tol: Array, k: int) -> tuple[Array, ...]:
    found, products, converged = leading_block(partial(product, graph), trivial, k, tol)
    one = jnp.ones(1, trivial.dtype)
    return (
        jnp.concatenate([trivial[:, None], found.vectors], axis=1),
        jnp.concatenate([one, found.values]),
        jnp.concatenate([0 * one, found.residuals]),
        products,
        converged,
    )


@_differentiable.defjvp
def _(k: int, primals: Any, tangents: Any) -> tuple[Any, Any]:
    graph, trivial, tol = primals
    out = _differentiable(graph, trivial, tol, k)
    vectors, values, residuals = out[:3]
    basis = jnp.concatenate([vectors[:, : k + 1], lax.stop_gradient(vectors[:, k + 1 :])], axis=1)
    known = jnp.concatenate([values[: k + 1], lax.stop_gradient(values[k + 1 :])])
    wanted = slice(1, k + 1)
    v, m = vectors[:, wanted], values[wanted]
    moved = jax.jvp(lambda s: product(s, v), (graph,), (tangents[0],))[1]
    shares = dot(basis.T, moved)  # [1 + all k]

    noise = jnp.maximum(_noise(values), residuals[wanted].max())
    inverse = _inverse_gaps(known, m, noise)
    exact = (jnp.arange(known.size) <= k)[:, None]
    removed = exact | (inverse == 0)
    inside = dot(basis, jnp.where(exact, inverse * shares, 0))
    put_to_one = jnp.where(removed, 1 - m + known[:, None], 0)

    def shifted(x: Array) -> Array:
        return m * x - product(graph, x) + dot(basis, put_to_one * dot(basis.T, x))

    outside = moved - dot(basis, jnp.where(removed, shares, 0))
    outside = lax.custom_linear_solve(shifted, outside, solve_columns, symmetric=True)
    change = jnp.zeros_like(vectors).at[:, 0].set(tangents[1]).at[:, wanted].set(inside + outside)
    slopes = jnp.zeros_like(values).at[wanted].set(jnp.sum(v * moved, axis=0))
    return out, (change, slopes, jnp.zeros_like(residuals), *map(_no_tangent, out[3:]))


def _no_tangent(x: Array) -> Any:
    return np.zeros(x.shape, jax.dtypes.float0)
