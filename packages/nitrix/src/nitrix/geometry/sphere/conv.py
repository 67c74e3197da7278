"""Gaussian averages over neighbours on a sphere."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Inexact, Integer, Num, Real, Shaped

from nitrix._apart import apart
from nitrix._arguments import cast, check_width, floating, known_value, real_array
from nitrix.geometry._angles import angle_between
from nitrix.geometry.sphere._neighbours import NAME, neighbours_of
from nitrix.sparse import ELL, SectionedELL, apply_operator
from nitrix.sparse.mesh._rows import each_section, row_sums
from nitrix.sparse.mesh._vectors import unit_vectors


def spherical_conv(
    data: Shaped[ArrayLike, "*batch n c"] | Shaped[ArrayLike, " n"],
    coor: Num[ArrayLike, "n 3"],
    *,
    sigma: Real[ArrayLike, ""],
    neighbourhood: int | Integer[ArrayLike, "n k"] | ELL | SectionedELL,
    r: Real[ArrayLike, ""] = 1.0,
    truncate: Real[ArrayLike, ""] | None = None,
) -> Inexact[Array, "*batch n c"] | Inexact[Array, " n"]:
    """Average each point's neighbours on a sphere, weighted by a Gaussian of their distance along the great circle.

    `out[i] = sum_j w[i, j] data[j] / sum_j w[i, j]` over the neighbours j of point i, with `w[i, j] =
    exp(-d[i, j]^2 / (2 sigma^2))` and d their `spherical_geodesic_distance`: constants stay constants. Weights are
    taken relative to the largest of a row, so that a row of far neighbours is no 0 / 0. The sum is a sparse product:
    work and memory grow with the number of neighbours, and nothing n x n is made. Neighbours count alike however much
    area each stands for; where vertices lie unevenly, and on folded surfaces, see `nitrix.smoothing.surface_gaussian`.

    Differentiable in data, coor, sigma and r, in both directions; no derivative passes through the choice of neighbours
    or the cut at `truncate`. If the adjacency comes from `nitrix.sparse.ell_with_transpose`, gradients in the data
    gather instead of scatter, which is faster on a CPU; JAX then refuses forward mode of the first derivative, while
    forward over reverse is served.

    Args:
      data: Values at the points; the last axis holds channels that do not mix, leading axes are a batch. One number for
        each point may come without a last axis. Integers and booleans are taken as the default float; 16-bit floats are
        summed in float32.
      coor: Points from the centre of the sphere; only their directions count.
      sigma: Standard deviation, positive, in the unit of r (mm).
      neighbourhood: Who is averaged over whom. A number k: the k nearest points, the point itself among them. A table:
        the neighbours of each point, each entry a term of its own. A sparse matrix, flat or sectioned: only its
        structure counts; see `mesh_k_ring_adjacency` and `points_within`. A point is its own neighbour only where the
        table or the matrix says so.
      r: Radius of the sphere, positive.
      truncate: Neighbours further away than this have no weight, in the unit of r. Default: none is too far.
    Returns:
      The averages, of the shape and the real or complex floating dtype of the data. A point that has no neighbours, or
      none near enough, keeps its value.
    Raises:
      ValueError: If shapes do not fit, an index is out of range (under `jit`, its row is NaN), k is not from 1 to n, or
        sigma, r or truncate is out of range (traced: all is NaN).
      TypeError: If an argument is of the wrong kind.

    Note:
      A NaN or an infinity in the data makes NaN of all points that have it for a neighbour, however far: leave such
      points out of the neighbourhood. The older function of this name did not normalise its weights, and looked at all
      pairs.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import icosphere
      >>> vertices = icosphere(2).vertices
      >>> impulse = jnp.zeros(162).at[0].set(1.0)
      >>> smooth = spherical_conv(impulse, vertices, sigma=0.3, neighbourhood=19)
      >>> round(float(smooth[0]), 3), int((smooth > 0).sum())
      (0.147, 16)
    """
    values, points = floating(data, NAME, "data"), real_array(coor, NAME, "coor")
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"{NAME}: coor has shape {points.shape}; give [n, 3], x, y and z of each point.")
    n = points.shape[0]
    if values.ndim == 0 or values.shape[0 if values.ndim == 1 else -2] != n:
        raise ValueError(
            f"{NAME}: data has shape {values.shape}, but coor {n} points; give [..., {n}, c] or [{n}]."
        )
    check_width("sigma", sigma, NAME, at_least_zero=False)
    check_width("r", r, NAME, at_least_zero=False)
    if truncate is not None:
        check_width("truncate", truncate, NAME, at_least_zero=True)
    points = points.astype(np.float32) if points.dtype.itemsize < 4 else points
    among = neighbours_of(neighbourhood, points)
    scale = _known_or_nan(r, points.dtype) / _known_or_nan(sigma, points.dtype)
    reach = None if truncate is None else cast(truncate, points.dtype) / cast(r, points.dtype)
    return _average(values, points, scale, reach, among)


@jax.jit
def _average(data: Array, coor: Array, scale: Array, reach: Array | None, among: ELL | SectionedELL) -> Array:
    working = data.astype(np.float32) if data.dtype.itemsize < 4 else data
    columns = working[:, None] if data.ndim == 1 else working
    directions, real = unit_vectors(coor), working.real.dtype

    def weighted(section: ELL, rows: Array) -> ELL:
        angle = _angles(directions, rows, section.indices)
        counted = section.valid if reach is None else section.valid & (angle <= reach)
        weights = _weights((scale * angle).astype(real), counted)
        return section.replace(values=weights.astype(working.dtype), identity=0.0)

    operator = each_section(among, weighted, identity=0.0)
    alone = row_sums(operator)[:, None] == 0
    out = jnp.where(alone, columns, apply_operator(operator, columns))
    return (out[:, 0] if data.ndim == 1 else out).astype(data.dtype)


def _angles(directions: Array, rows: Array, indices: Array) -> Array:
    """Between the points of rows and their neighbours [rows, k]; made once, though they are used several times."""

    def made(directions: Array, rows: Array, indices: Array) -> Array:
        return angle_between(directions[rows][:, None], directions[indices])

    if not indices.size:
        return made(directions, rows, indices)
    # A traced index may be negative; of an absolute value XLA would know that the branch is always taken.
    not_negative = indices[:1, :1].astype(np.int32) & np.iinfo(np.int32).max
    return apart(made, not_negative, directions, rows, indices)


def _weights(distance: Array, counted: Array) -> Array:
    """Gaussians of distances in units of sigma, each row summing to 1, or to 0 where nothing counts."""
    exponent = -jnp.square(distance) / 2
    largest = jnp.max(exponent, axis=-1, keepdims=True, initial=-jnp.inf, where=counted)
    largest = lax.stop_gradient(jnp.where(largest == -jnp.inf, 0, largest))
    weight = jnp.where(counted, jnp.exp(jnp.where(counted, exponent - largest, 0)), 0)
    total = jnp.sum(weight, axis=-1, keepdims=True)
    return weight / jnp.where(total == 0, 1, total)


def _known_or_nan(value: Any, dtype: Any) -> Any:
    """A width; NaN for one that could not be refused."""
    number = cast(value, dtype)
    return number if known_value(value) is not None else jnp.where(number > 0, number, jnp.nan)
