"""Fields carried between the levels of a hierarchy of meshes."""

import math

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Shaped

from nitrix.semiring import TROPICAL_MAX_PLUS
from nitrix.sparse.ell.apply import apply_operator
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL
from nitrix.sparse.mesh._rows import each_section, row_sums


def mesh_bary_upsample(
    bary_ell: ELL | SectionedELL, coarse_coords: Shaped[ArrayLike, "*batch n_coarse d"]
) -> Shaped[Array, "*batch n_fine d"]:
    """Carry a field, or coordinates, from a coarse level to a fine one.

    Args:
      bary_ell: The operator that `icosphere_bary_upsampler` makes, or any other.
      coarse_coords: The field on the coarse level; leading axes are a batch.
    Returns:
      The field on the fine level.
    Raises:
      ValueError: If the field has another number of rows than the operator has columns.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.sparse.mesh import icosphere_bary_upsampler, icosphere_hierarchy
      >>> hierarchy = icosphere_hierarchy(2)
      >>> up = icosphere_bary_upsampler(hierarchy, 0, 2)
      >>> mesh_bary_upsample(up, jnp.ones((5, 12, 3))).shape
      (5, 162, 3)
    """
    return apply_operator(bary_ell, coarse_coords)


def mesh_coarsen_meanpool(
    coarsen_ell: ELL | SectionedELL, fine_features: Shaped[ArrayLike, "*batch n_fine d"]
) -> Shaped[Array, "*batch n_coarse d"]:
    """The weighted mean of the fine vertices of each coarse vertex: sum(values * features) / sum(values).

    Differentiable in the features and the values.

    Args:
      coarsen_ell: Weights [n_coarse, n_fine], such as `icosphere_cross_level_adjacency`.
      fine_features: The field on the fine level; leading axes are a batch.
    Returns:
      The field on the coarse level; 0 for a row without entries, or whose weights sum to 0.
    Raises:
      ValueError: If the field has another number of rows than the adjacency has columns.
    Example:
      >>> from nitrix.sparse import ell_from_ragged
      >>> weights = ell_from_ragged([[1.0, 3.0], []], [[0, 1], []], n_cols=2)
      >>> mesh_coarsen_meanpool(weights, jnp.asarray([[4.0], [8.0]]))
      Array([[7.],
             [0.]], dtype=float32)
    """
    total = apply_operator(coarsen_ell, fine_features)
    weight = row_sums(coarsen_ell)[:, None].astype(total.dtype)
    return jnp.where(weight == 0, 0, total / jnp.where(weight == 0, 1, weight))


def mesh_pool_max(
    cross_level_adjacency: ELL | SectionedELL, fine_features: Shaped[ArrayLike, "*batch n_fine d"]
) -> Shaped[Array, "*batch n_coarse d"]:
    """The largest value among the fine vertices of each coarse vertex.

    Differentiable: the gradient goes to the largest value, among equal ones to the first of the row.

    Args:
      cross_level_adjacency: [n_coarse, n_fine], such as `icosphere_cross_level_adjacency`; its values are ignored.
      fine_features: The field on the fine level; leading axes are a batch. Integers come back as float32.
    Returns:
      The field on the coarse level; -inf for a row without entries, the maximum of nothing.
    Raises:
      ValueError: If the field has another number of rows than the adjacency has columns.
    Example:
      >>> from nitrix.sparse import ell_from_ragged
      >>> below = ell_from_ragged([[1.0, 1.0], []], [[0, 1], []], n_cols=2)
      >>> mesh_pool_max(below, jnp.asarray([[4.0], [8.0]]))
      Array([[  8.],
             [-inf]], dtype=float32)
    """
    return _largest(cross_level_adjacency, fine_features)


def mesh_unpool_max(
    cross_level_adjacency: ELL | SectionedELL, coarse_features: Shaped[ArrayLike, "*batch n_coarse d"]
) -> Shaped[Array, "*batch n_fine d"]:
    """The largest value among the coarse vertices that each fine vertex hangs on.

    The same reduction as `mesh_pool_max`, the other way; its gradient likewise.

    Args:
      cross_level_adjacency: [n_fine, n_coarse], such as `icosphere_cross_level_adjacency(hierarchy, fine, coarse)`;
        its values are ignored.
      coarse_features: The field on the coarse level; leading axes are a batch. Integers come back as float32.
    Returns:
      The field on the fine level; -inf for a row without entries.
    Raises:
      ValueError: If the field has another number of rows than the adjacency has columns.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.sparse.mesh import icosphere_cross_level_adjacency, icosphere_hierarchy
      >>> back = icosphere_cross_level_adjacency(icosphere_hierarchy(1), 1, 0)
      >>> mesh_unpool_max(back, jnp.arange(12.0)[:, None]).shape
      (42, 1)
    """
    return _largest(cross_level_adjacency, coarse_features)


def _largest(adjacency: ELL | SectionedELL, features: Shaped[ArrayLike, "*batch n d"]) -> Array:
    x = jnp.asarray(features)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        x = x.astype(jnp.float32)

    def section(slots: ELL, _: Array) -> ELL:
        return slots.replace(values=jnp.zeros(slots.indices.shape, x.dtype), identity=-math.inf)

    return apply_operator(each_section(adjacency, section), x, semiring=TROPICAL_MAX_PLUS)
