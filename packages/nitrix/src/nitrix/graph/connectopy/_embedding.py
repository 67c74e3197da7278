"""What Laplacian eigenmaps and diffusion maps share: arguments, the spectrum, and how a result is written."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Bool, Float, Int

from nitrix._arguments import check_width, known_numbers, whole_number
from nitrix.graph._graph_arguments import n_vertices
from nitrix.graph._products import Graph, out_degree, product, scaled, without_loops
from nitrix.graph.connectopy._eigenpairs import as_matrix, eigenpairs, is_dense
from nitrix.graph.connectopy._facts import Facts, facts_of, refuse
from nitrix.semiring import semiring_ell_edge_aggregate
from nitrix.sparse import ELL, SectionedELL


class Embedding(NamedTuple):
    """Maps of a graph's vertices, and how well the eigenproblem behind them was solved."""

    maps: Float[Array, "... n k"]  # one column for each map, the smoothest first
    eigenvalues: Float[Array, "... k"]  # what they are is said by the function that made them
    residuals: Float[Array, "... k"]  # norms of S v - m v of the unit eigenvectors v; S has norm 1
    products: Int[
        Array, "..."
    ]  # products of S with a block of vectors; 0 where a dense matrix was decomposed
    converged: Bool[Array, "..."]  # whether the residuals are as small as was asked for


class Spectrum(NamedTuple):
    """Eigenvectors v of S = D^-1/2 K D^-1/2 beside the trivial one."""

    coordinates: Array  # [... n k] D^-1/2 v, of which D takes the scalar product
    distances: Array  # [... k] 1 - m of the eigenvalues m, ascending, with all their digits
    volume: Array  # [...] sum of D
    report: tuple[Array, Array, Array]  # residuals, products, converged
    components: Array  # [...] of the graph, as far as the eigenvalues tell


def spectrum(
    function: str, graph: Graph, n_components: Any, tol: Any, *, alpha: Any = None, loops: bool
) -> Spectrum:
    """The k eigenvectors next to the trivial one, with K = D^-alpha W D^-alpha; bad graphs refused or made NaN."""
    k = whole_number("n_components", n_components, function, least=1)
    n = n_vertices(graph)
    if k > n - 1:
        raise ValueError(
            f"{function}: n_components={k}, but a graph of {n} vertices has {max(n - 1, 0)} maps and the trivial one."
        )
    check_width("tol", tol, function, at_least_zero=False)
    dense = is_dense(graph, k)
    if not dense and isinstance(graph, ELL | SectionedELL) and len(_batch(graph)):
        raise ValueError(
            f"{function}: A is a batch {_batch(graph)} of sparse graphs of {n} vertices; map over them by jax.vmap."
        )
    facts = facts_of(graph, loops=loops)
    refuse(function, facts)
    found = _solved(graph, facts, alpha, tol, k=k, dense=dense, loops=loops)
    components = known_numbers(found.components)
    if components is not None and (components > 1).any():
        raise ValueError(
            f"{function}: the graph falls into at least {components.max()} parts without edges between them (that many "
            f"eigenvalues are 1 to rounding); embed each part alone, or add edges."
        )
    return found


def _batch(graph: ELL | SectionedELL) -> tuple[int, ...]:
    parts = graph.sections if isinstance(graph, SectionedELL) else (graph,)
    return jnp.broadcast_shapes(*(part.shape[:-2] for part in parts))


def signed(maps: Array) -> Array:
    """Each map with the sign that makes its entry of largest modulus positive, the first one of several."""
    if maps.shape[-1] == 0:
        return maps
    largest = jnp.argmax(jnp.abs(maps), axis=-2, keepdims=True)
    return jnp.where(jnp.take_along_axis(maps, largest, axis=-2) < 0, -maps, maps)


def written(coordinates: tuple[Array, Array], found: Spectrum, dtype: Any) -> Embedding:
    """The result, in the dtype of the input."""
    maps, eigenvalues = coordinates
    residuals, products, converged = found.report
    return Embedding(
        maps.astype(dtype), eigenvalues.astype(dtype), residuals.astype(dtype), products, converged
    )


@partial(jax.jit, static_argnames=("k", "dense", "loops"))
def _solved(
    graph: Graph, facts: Facts, alpha: Any, tol: Any, *, k: int, dense: bool, loops: bool
) -> Spectrum:
    graph = graph if loops else without_loops(graph)
    if dense:
        graph = as_matrix(graph)
    if isinstance(graph, Array):
        graph = (graph + jnp.swapaxes(graph, -1, -2)) / 2
    density, degree = _degrees(graph, alpha)
    root = degree**-0.5
    kernel = scaled(graph, density, density) if alpha is not None else graph
    volume = degree.sum(-1)
    trivial = jnp.sqrt(degree / volume[..., None])
    pairs = eigenpairs(scaled(kernel, root, root), trivial, k, tol, dense=dense)
    wanted = slice(1, k + 1)
    coordinates = root[..., None] * pairs.vectors[..., wanted]
    near = 1 - pairs.values
    exact = _rayleigh(kernel, coordinates, near[..., wanted])
    # The value of the one with the derivative of the other.
    distances = near[..., wanted] + lax.stop_gradient(exact - near[..., wanted])
    residuals = pairs.residuals[..., wanted]
    rounding = float(np.finfo(near.dtype).eps) * (
        0.01 if isinstance(kernel, Array | ELL | SectionedELL) else 8
    )
    # A Rayleigh quotient is off by no more than the squared residual over the distance to what is not in the block.
    off = jnp.where(pairs.converged[..., None], residuals**2 / near[..., -1:], 0)
    zero = 4 * jnp.maximum(off, rounding)
    components = 1 + jnp.sum(exact <= zero, axis=-1)
    return Spectrum(
        jnp.where((facts.sound & (components == 1))[..., None, None], coordinates, jnp.nan),
        distances,
        volume,
        (residuals, pairs.products, pairs.converged & facts.sound),
        components,
    )


def _degrees(graph: Graph, alpha: Any) -> tuple[Array, Array]:
    """The factors D^-alpha of rows and columns, and the degrees after them; 1 where they are refused."""
    degree = out_degree(graph)
    degree = jnp.where(degree > 0, degree, 1)
    if alpha is None:
        return jnp.ones_like(degree), degree
    density = degree ** (-jnp.asarray(alpha).astype(degree.dtype))
    return density, density * product(graph, density[..., None])[..., 0]


# 1 - v' S v = sum_ij K_ij (x_i - x_j)^2 / 2 with x = D^-1/2 v. Where the eigenvalue m is close to 1, as the smooth maps
# of a fine mesh have it, 1 - m has few digits left in float32; the sum of squares has all of them.
def _rayleigh(kernel: Graph, x: Array, near: Array) -> Array:
    if isinstance(kernel, Array):
        columns = jnp.moveaxis(x, -1, 0)
        squares = lambda x: jnp.sum(kernel * (x[..., :, None] - x[..., None, :]) ** 2, axis=(-2, -1))  # noqa: E731
        return jnp.moveaxis(lax.map(squares, columns), 0, -1) / 2
    if isinstance(kernel, ELL | SectionedELL):
        return semiring_ell_edge_aggregate(_squared_difference, kernel, x).sum(-2) / 2
    return near


def _squared_difference(x: Array, y: Array, weight: Array, _: Any) -> Array:
    return weight * (x - y) ** 2
