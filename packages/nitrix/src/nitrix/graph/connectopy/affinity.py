"""Affinity of vertices by their time series, as products alone: the matrix of all pairs is never made."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Num

from nitrix._arguments import known_numbers, real_array
from nitrix.graph.connectopy._largest import largest_of_rows
from nitrix.graph.connectopy._ritz import dot

BLOCK = 1 << 23  # correlations that are made at a time


class TimeSeriesAffinity(NamedTuple):
    """Cosine similarity N N' of sparse rows N of length 1: a `GraphOperator`, made by `affinity_from_time_series`.

    A product takes one row of N after the other, twice, and needs no memory beside its result. Self-loops weigh 1.
    """

    values: Float[Array, "n kept"]  # of N
    indices: Int[Array, "n kept"]  # their columns, each once in a row
    degree: Float[Array, " n"]  # sums of the rows of N N'

    @property
    def n(self) -> int:
        """Vertices."""
        return int(self.degree.shape[0])

    @property
    def diagonal(self) -> Float[Array, " n"]:
        """Weights of the self-loops."""
        return jnp.ones_like(self.degree)

    def matmul(self, x: Float[ArrayLike, "n c"]) -> Float[Array, "n c"]:
        """N N' x."""
        return _product(self.values, self.indices, jnp.asarray(x).astype(self.values.dtype))


def affinity_from_time_series(
    series: Num[ArrayLike, "n obs"], *, sparsity: float = 0.9
) -> TimeSeriesAffinity:
    """The affinity of gradient analyses: how alike the strongest correlations of two vertices are.

    Of each row of the correlation matrix the largest entries are kept, among them the vertex's own, and negative ones
    set to zero; the affinity of two vertices is the cosine of the angle between their rows. The matrix of correlations
    is made a block of rows at a time, and what is kept takes 8 bytes for each entry: 340 MB for 20,484 vertices and
    0.9. Which entries are kept is exact; of equal ones the first are.

    Differentiable in the series, in both directions, where the choice of entries does not change; a derivative makes
    the blocks of correlations again.

    Args:
      series: One series for each vertex, along the last axis. Integers are taken as the default float; short floats are
        computed in float32.
      sparsity: Share of each row that is left out, from 0 to below 1: floor((1 - sparsity) n) entries are kept.
    Returns:
      The affinity, for `diffusion_embedding` and `laplacian_eigenmap`.
    Raises:
      ValueError: If a series is constant, such as that of a vertex without signal, or not finite: leave such vertices
        out. If sparsity is out of range, or leaves fewer than two entries of a row. Where the series are traced, such
        vertices make the affinity NaN.
      TypeError: If series does not hold real numbers.

    Note:
      Equal to `brainspace.gradient.compute_affinity(corr, kernel="cosine", sparsity=sparsity)` of the correlation
      matrix, save that (1 - sparsity) n is not rounded down where it is whole but for rounding, and that equal
      entries at the threshold are chosen by their order.

    References:
      Vos de Wael et al., BrainSpace: a toolbox for the analysis of macroscale gradients, Communications Biology 3,
      2020. doi:10.1038/s42003-020-0794-7

    Example:
      >>> import jax
      >>> from nitrix.graph import affinity_from_time_series, diffusion_embedding
      >>> series = jax.random.normal(jax.random.key(0), (50, 200)).cumsum(axis=0)
      >>> affinity = affinity_from_time_series(series, sparsity=0.8)
      >>> affinity.n, affinity.values.shape
      (50, (50, 10))
      >>> diffusion_embedding(affinity, n_components=3).maps.shape
      (50, 3)
    """
    name = "affinity_from_time_series"
    x = real_array(series, name, "series")
    if x.ndim != 2 or x.shape[1] < 2:
        raise ValueError(f"{name}: series has shape {x.shape}; give [n obs] with two observations or more.")
    if not 0 <= sparsity < 1:
        raise ValueError(f"{name}: sparsity={sparsity} must be from 0 to below 1.")
    n = x.shape[0]
    kept = math.floor((1 - sparsity) * n + 1e-6)
    if kept < 2:
        raise ValueError(
            f"{name}: sparsity={sparsity} keeps {kept} of {n} entries of a row, its own at most; keep two or more."
        )
    x = x.astype(np.float32 if x.dtype.itemsize < 4 else x.dtype)
    constant = known_numbers(_unfit(x))
    if constant is not None and constant.any():
        raise ValueError(
            f"{name}: the series of vertex {int(constant.argmax())} is constant or not finite, as are "
            f"{int(constant.sum())} of {n}, and has no correlations; leave such vertices out."
        )
    return _affinity(x, kept)


@jax.jit
def _unfit(x: Array) -> Array:
    return ~(x.max(axis=1) > x.min(axis=1)) | ~jnp.isfinite(x).all(axis=1)


@partial(jax.jit, static_argnames=("kept",))
def _affinity(x: Array, kept: int) -> TimeSeriesAffinity:
    n = x.shape[0]
    x = x / jnp.max(jnp.abs(x), axis=1, keepdims=True)
    centred = x - x.mean(axis=1, keepdims=True)
    unit = centred / jnp.linalg.norm(centred, axis=1, keepdims=True)
    unit = jnp.where(_unfit(x)[:, None], jnp.nan, unit)

    @jax.checkpoint
    def block(rows: Array) -> tuple[Array, Array]:
        correlations = dot(rows, unit.T)
        indices = largest_of_rows(lax.stop_gradient(correlations), kept)
        values = jnp.maximum(jnp.take_along_axis(correlations, indices, axis=1), 0)
        length = jnp.sqrt(jnp.sum(values**2, axis=1, keepdims=True))
        return values / jnp.where(length > 0, length, 1), indices

    values, indices = _by_blocks(block, unit, max(1, min(n, BLOCK // n)))
    degree = _product(values, indices, jnp.ones((n, 1), x.dtype))[:, 0]
    return TimeSeriesAffinity(values, indices, degree)


def _by_blocks(function: Callable[[Array], Any], x: Array, rows: int) -> Any:
    """The function of so many rows at a time, the last of which are filled up with zeros."""
    blocks = jnp.pad(x, ((0, -len(x) % rows), (0, 0))).reshape(-1, rows, x.shape[1])
    return jax.tree.map(lambda y: y.reshape(-1, *y.shape[2:])[: len(x)], lax.map(function, blocks))


# Row by row, scattered and then gathered: with 2,000 entries of a row the loop costs nothing, and nothing is made.
@jax.jit
def _product(values: Array, indices: Array, x: Array) -> Array:
    def scatter(total: Array, row: tuple[Array, Array, Array]) -> tuple[Array, None]:
        values, indices, entry = row
        terms = values[:, None] * entry
        return total.at[indices].add(terms, unique_indices=True, mode="promise_in_bounds"), None

    inner, _ = lax.scan(scatter, jnp.zeros_like(x), (values, indices, x))
    return lax.map(lambda row: dot(row[0][None], inner[row[1]])[0], (values, indices))
