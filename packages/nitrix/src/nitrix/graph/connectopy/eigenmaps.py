"""Laplacian eigenmaps: the smoothest functions on a graph."""

from jax.typing import ArrayLike
from jaxtyping import Num, Real

from nitrix.graph._graph_arguments import read_graph
from nitrix.graph.connectopy._embedding import Embedding, signed, spectrum, written
from nitrix.graph.operator import GraphOperator
from nitrix.sparse import ELL, SectionedELL


def laplacian_eigenmap(
    A: Num[ArrayLike, "... n n"] | ELL | SectionedELL | GraphOperator,
    *,
    n_components: int,
    tol: Real[ArrayLike, ""] = 1e-5,
) -> Embedding:
    """Embed a graph's vertices by the smoothest functions on it: eigenvectors of the Laplacian beside the constant.

    With W the weights without self-loops and D their sums by rows, the maps are x_j = D^-1/2 v_j for the unit
    eigenvectors v_j of the symmetric Laplacian I - D^-1/2 W D^-1/2. They solve (D - W) x = l D x, minimise
    sum_ij W_ij (x_i - x_j)^2 / 2, and their normalisation is sum_i D_i x_ij^2 = 1.

    Up to 1,024 vertices, or where many maps are asked for, the whole matrix is decomposed. Beyond that nothing but
    products with blocks of vectors is computed, 16 columns for 10 maps, so that a mesh or a `TimeSeriesAffinity` is
    served in the memory of a few such blocks.

    Differentiable in the weights, in both directions and to any order. Where eigenvalues are equal their maps may be
    turned among each other; a loss that does not depend on the turn has its exact derivative, and the part of any
    other one that does is left out. Beyond 1,024 vertices the derivative solves one linear system for each map by
    conjugate gradients, to rounding: 100 to 1,000 further products, and no more memory. A derivative is along changes
    of a symmetric A: what a sparse matrix holds at (i, j) and (j, i) is to move together.

    Args:
      A: Weights of the edges, symmetric and not negative: a matrix, sparse or dense, or its products. Leading axes of a
        dense matrix are a batch. Integers are taken as the default float; short floats are computed in float32.
        Self-loops do not count, and the weights on the diagonal are not read.
      n_components: How many maps, k, from 1 to n - 1.
      tol: Norm of (S v - m v) to reach, for S = D^-1/2 W D^-1/2 of norm 1; the vectors then lie within tol / gap of
        the true ones, gap being the distance to the next eigenvalue. In float32 down to about 1e-6.
    Returns:
      The maps [... n k] by ascending eigenvalue, each with its entry of largest modulus positive (the first of
      several); the eigenvalues [... k] of the Laplacian, from 0 to 2; and a report: residuals [... k], products,
      and whether the tolerance was reached.
    Raises:
      ValueError: If A is not square, has negative or infinite weights, differs by direction, has a vertex without edges
        or falls into several parts, or if n_components does not fit. Where A is traced, the maps are NaN and
        `converged` is False instead; so they are where parts are too loosely joined to be told from several ones.
      TypeError: If A does not hold real numbers.

    Note:
      The eigenvalues of matrices are taken as sums of squared differences, so that small ones have all the digits of
      their dtype; those of a `GraphOperator` are 1 - m, good to 1e-6 in float32.
      Agrees with `brainspace.gradient.laplacian_eigenmaps`. `sklearn.manifold.spectral_embedding` and older versions
      differ where A has self-loops: the former divides by other degrees, the latter mixed two kinds of degree.

    References:
      Belkin and Niyogi, Laplacian eigenmaps for dimensionality reduction and data representation, Neural Computation
      15(6), 2003. doi:10.1162/089976603321780317

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.graph import laplacian_eigenmap
      >>> path = jnp.eye(4, k=1) + jnp.eye(4, k=-1)
      >>> found = laplacian_eigenmap(path, n_components=2)
      >>> found.eigenvalues.round(4).tolist()
      [0.5, 1.5]
      >>> (jnp.abs(found.maps[:, 0]) / found.maps[:, 0].max()).round(2).tolist()
      [1.0, 0.5, 0.5, 1.0]
    """
    graph, dtype = read_graph(A, "laplacian_eigenmap")
    found = spectrum("laplacian_eigenmap", graph, n_components, tol, loops=False)
    return written((signed(found.coordinates), found.distances), found, dtype)


laplacian_eigenmaps = laplacian_eigenmap
