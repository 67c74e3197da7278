"""Labels of one sphere at the points of another."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Integer

from nitrix._arguments import exact_array
from nitrix.sparse import ELL, SectionedELL

NAME = "resample_labels"


def resample_labels(
    operator: ELL | SectionedELL, labels: Integer[ArrayLike, "*batch n"]
) -> Integer[Array, "*batch m"]:
    """Carry labels by an operator of weights: of each row the label whose entries weigh most together.

    Labels are never averaged. A sum of weights decides, not the single largest: two corners of a triangle with one
    label outweigh a third of another.

    Args:
      operator: The matrix [m, n], such as of `sphere_barycentric` or `sphere_adaptive`, without leading axes.
      labels: Whole numbers, one for each column; leading axes are a batch.
    Returns:
      The labels, in their dtype; of labels that weigh alike, that of the entry that comes first in its row. 0 for a row
      without entries.
    Raises:
      ValueError: If there is not one label for each column, or the operator has leading axes.
      TypeError: If labels are not whole numbers, or the operator is neither `ELL` nor `SectionedELL`.
    Example:
      >>> from nitrix.geometry import icosphere, sphere_barycentric
      >>> coarse, fine = icosphere(2), icosphere(3)
      >>> north = (coarse.vertices[:, 2] > 0.3).astype(int)
      >>> resample_labels(sphere_barycentric(coarse, fine.vertices), north)[:3]
      Array([1, 1, 1], dtype=int32)
    """
    if not isinstance(operator, ELL | SectionedELL):
        raise TypeError(f"{NAME}: operator is {type(operator).__name__}; give an ELL or a SectionedELL.")
    array = exact_array(labels, NAME, "labels")
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(f"{NAME}: labels is of dtype {array.dtype}; give whole numbers.")
    if len(operator.shape) != 2 or array.ndim == 0 or array.shape[-1] != operator.n_cols:
        raise ValueError(
            f"{NAME}: labels has shape {array.shape}, the operator {operator.shape}; give [..., n] labels, one for "
            f"each column of a single matrix."
        )
    return _most(operator, array)


@jax.jit
def _most(operator: ELL | SectionedELL, labels: Array) -> Array:
    if isinstance(operator, ELL):
        return _of_section(operator, labels)
    return jnp.concatenate([_of_section(section, labels) for section in operator.sections], axis=-1)[
        ..., operator.order
    ]


def _of_section(section: ELL, labels: Array) -> Array:
    """One slot's weight at a time is added to all slots of the same label: nothing of k x k is made."""
    if section.k_max == 0 or section.n_rows == 0:
        return jnp.zeros((*labels.shape[:-1], section.n_rows), labels.dtype)
    own = labels[..., section.indices]
    weights = jnp.where(section.valid, section.values, 0)
    weights = weights.astype(np.float32) if weights.dtype.itemsize < 4 else weights

    def add(slot: Array, total: Array) -> Array:
        label = lax.dynamic_index_in_dim(own, slot, axis=-1)
        weight = lax.dynamic_index_in_dim(weights, slot, axis=-1)
        return total + jnp.where(own == label, weight, 0)

    total = lax.fori_loop(0, section.k_max, add, jnp.zeros(own.shape, weights.dtype))
    total = jnp.where(section.valid, total, -jnp.inf)
    best = jnp.argmax(total, axis=-1)[..., None]
    chosen = jnp.take_along_axis(own, best, axis=-1)[..., 0]
    return jnp.where(section.valid[..., 0], chosen, 0)
