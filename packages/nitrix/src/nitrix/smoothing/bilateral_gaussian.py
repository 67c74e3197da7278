"""The bilateral filter of points: averages over neighbours that are near in a space of features."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Integer, Real

from nitrix.smoothing import _point_arguments as arguments
from nitrix.smoothing._feature_average import Neighbourhood, average
from nitrix.smoothing._point_neighbourhood import neighbourhood_of
from nitrix.smoothing.metric import FeatureMetric
from nitrix.sparse import ELL, SectionedELL


def bilateral_gaussian(
    values: Real[ArrayLike, "n d_v"] | Real[ArrayLike, " n"] | Bool[ArrayLike, "*_"],
    features: Real[ArrayLike, "n d_f"],
    *,
    neighbourhood: int | Integer[ArrayLike, "n k"] | ELL | SectionedELL,
    sigma_features: Real[ArrayLike, ""] | Real[ArrayLike, " d_f"] | None = None,
    metric: FeatureMetric | None = None,
    mask: Bool[ArrayLike, " n"] | Bool[ArrayLike, "n k"] | None = None,
) -> Float[Array, "n d_v"] | Float[Array, " n"]:
    """Average each point's neighbours, weighted by how near they are in feature space.

    `out[i] = sum_j w[i, j] values[j] / sum_j w[i, j]` over the neighbours j of point i, with
    `w[i, j] = exp(-|project(features[i] - features[j])|^2 / 2)`. Features are any numbers: coordinates in mm,
    intensities of several images, thickness. Weights are taken relative to the largest of a row where all of them
    would vanish, so that a row of far neighbours is their average and not 0 / 0. A point without neighbours keeps its
    value.

    Neighbours are worked on in blocks of rows: memory is that of inputs and outputs and a block, forward and backward.
    Derivatives in values, features, sigma_features and metric are exact, at coincident points too, to every order;
    second derivatives keep more. In reverse mode the cotangents of neighbours are scattered, in an order that is not
    fixed on a GPU; where the adjacency carries its transposed slots (`nitrix.sparse.ell_with_transpose`) a second sweep
    gathers them in a fixed order. JAX refuses forward mode of the first derivative; forward over reverse is served.
    For a batch take `jax.vmap`.

    Args:
      values: One or more numbers for each point. Integers and booleans are taken as the default float; bfloat16 and
        float16 are summed in float32.
      features: Where each point is in feature space.
      neighbourhood: Who is averaged over whom. A number k: the k nearest points in feature space, the point itself
        among them (searched for among all points, no derivative passes through the choice). A table: the neighbours of
        each point, each entry a term of its own. A sparse matrix, flat or sectioned: only its structure counts, the
        stored values do not; see `grid_neighbourhood`, `points_within`, `mesh_k_ring_adjacency`. A point is its own
        neighbour only where the table or the matrix says so.
      sigma_features: Standard deviation along each feature, in its own units, one for all or one for each; inf leaves a
        feature out. Give either this or `metric`.
      metric: Any `FeatureMetric`, such as `FactorMetric`, for features that are correlated.
      mask: One truth value for each point: those that are False take no part, keep their values, and may hold anything.
        Or one for each entry of a table: those that are False are left out, and may hold any index.
    Returns:
      The averages, of the shape and floating dtype of `values`.
    Raises:
      ValueError: If shapes do not fit; if both or none of sigma_features and metric are given; if a sigma is not
        positive; if an index is out of range (under `jit`, its row is NaN); if k is not from 1 to the number of points.
      TypeError: If values or features are not real numbers, or the neighbourhood is none of the above.

    Note:
      NaN in the features of a point, or in its values, makes NaN of itself and of all that have it for a neighbour.

    References:
      C. Tomasi and R. Manduchi, Bilateral filtering for gray and color images, ICCV 1998.
      doi:10.1109/ICCV.1998.710815

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.smoothing import bilateral_gaussian
      >>> position, intensity = jnp.arange(4.0), jnp.asarray([0.0, 0.1, 5.0, 5.1])  # an edge in the middle
      >>> features = jnp.stack([position, intensity], axis=1)
      >>> smooth = bilateral_gaussian(intensity, features, sigma_features=jnp.asarray([2.0, 0.5]), neighbourhood=3)
      >>> [round(value, 2) for value in smooth.tolist()]
      [0.05, 0.05, 5.05, 5.05]
    """
    given = arguments.fields(values, features)
    located = arguments.located(given, sigma_features, metric)
    alive, kept = arguments.masks(mask, given.points)
    located = arguments.without_dead(located, alive)
    among, outside = neighbourhood_of(neighbourhood, located, alive, kept)
    return _filter(given, located, among, outside)


@jax.jit
def _filter(
    given: arguments.Fields, located: arguments.Located, among: Neighbourhood, outside: Array | None
) -> Array:
    values = given.values if given.values.ndim == 2 else given.values[:, None]
    wide, alive = values.astype(located.features.dtype), among.alive
    living = wide if alive is None else jnp.where(alive[:, None], wide, 0)
    out = average(among, *located, living) if wide.size else wide
    if outside is not None:
        out = jnp.where(outside[:, None], jnp.nan, out)
    if alive is not None:
        out = jnp.where(alive[:, None], out, wide)
    return out.reshape(given.values.shape).astype(given.values.dtype)
