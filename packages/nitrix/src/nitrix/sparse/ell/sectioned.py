"""The sectioned ELL container: rows grouped by degree, each group with its own k_max, so that a hub costs no other row."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, Union

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Integer

from nitrix.sparse.ell.container import ELL


@jax.tree_util.register_pytree_with_keys_class
@dataclass(frozen=True, eq=False)
class SectionedELL:
    """A sparse matrix of `n_rows` rows in sections: `sections[s]` holds the rows `row_groups[s]`.

    A pytree of its arrays. Every row is in exactly one section, rows without entries in one of no slots.

    Args:
      sections: One `ELL` for each group of rows, all with the same `n_cols`.
      row_groups: The row number of each row of each section, int32.
      n_rows: Rows of the matrix.
      n_cols: Columns of the matrix.
      identity: What pads hold, as in `ELL`.
      order: Where each row stands in the concatenated sections, int32 [n_rows]. Default: worked out from `row_groups`.
      transposed: The slots by column, counted through the sections in turn, as `ell_with_transpose` makes it.
    """

    sections: tuple[ELL, ...]
    row_groups: tuple[Integer[Array, "group"], ...]
    n_rows: int
    n_cols: int
    identity: Any = None
    _: KW_ONLY
    order: Integer[Array, "n_rows"] = None  # type: ignore[assignment]
    transposed: Union[ELL, "SectionedELL", None] = None

    def __post_init__(self) -> None:
        if self.order is None:
            rows = np.concatenate([np.zeros(0, np.int64), *(np.asarray(group) for group in self.row_groups)])
            order = np.zeros(self.n_rows, np.int32)
            order[rows] = np.arange(len(rows), dtype=np.int32)
            object.__setattr__(self, "order", jnp.asarray(order))

    @property
    def shape(self) -> tuple[int, int]:
        """(n_rows, n_cols)."""
        return self.n_rows, self.n_cols

    @property
    def dtype(self) -> np.dtype:
        """Of the values."""
        return self.sections[0].dtype

    @property
    def n_buckets(self) -> int:
        """How many sections there are."""
        return len(self.sections)

    @property
    def total_storage(self) -> int:
        """Slots of all sections, pads included."""
        return sum(section.n_rows * section.k_max for section in self.sections)

    def replace(self, **fields: Any) -> "SectionedELL":
        """The same matrix with some fields replaced, unchecked."""
        new = object.__new__(type(self))
        for name in (*_ARRAYS, *_STATIC):
            object.__setattr__(new, name, fields.get(name, getattr(self, name)))
        return new

    def tree_flatten_with_keys(self) -> tuple[Any, Any]:
        children = [(jax.tree_util.GetAttrKey(name), getattr(self, name)) for name in _ARRAYS]
        return children, tuple(getattr(self, name) for name in _STATIC)

    @classmethod
    def tree_unflatten(cls, static: Any, arrays: Any) -> "SectionedELL":
        new = object.__new__(cls)
        for name, value in (*zip(_ARRAYS, arrays), *zip(_STATIC, static)):
            object.__setattr__(new, name, value)
        return new


_ARRAYS = ("sections", "row_groups", "order", "transposed")
_STATIC = ("n_rows", "n_cols", "identity")
