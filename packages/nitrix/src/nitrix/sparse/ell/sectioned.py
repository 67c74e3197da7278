"""The sectioned ELL container: rows in groups of similar degree, each with its own k_max: a hub costs no other row."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Union

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Integer
from numpy.typing import NDArray

from nitrix.sparse.ell.container import ELL


@jax.tree_util.register_pytree_with_keys_class
@dataclass(frozen=True, eq=False)
class SectionedELL:
    """A sparse matrix of `n_rows` rows in sections: `sections[s]` holds the rows `row_groups[s]`.

    A pytree of its arrays. Every row is in exactly one section, rows without entries in one of no slots. Made by
    `sectioned_ell_from_ragged`, `sectioned_ell_from_edges` and `sectioned_ell_from_ell`.

    Args:
      sections: One `ELL` for each group of rows, at least one, all with the same `n_cols` and dtype.
      row_groups: The row number of each row of each section, int32.
      n_rows: Rows of the matrix.
      n_cols: Columns of the matrix.
      identity: What pads hold, as in `ELL`.
      order: Where each row stands in the concatenated sections, int32 [n_rows]. Default: worked out from `row_groups`.
      transposed: The slots by column, counted through the sections in turn, as `ell_with_transpose` makes it.
    Raises:
      ValueError: If there is no section, sections do not fit together or, outside `jit`, a row is missing from the
        groups, stands in two of them or is out of range, or `order` is not theirs.
      TypeError: If a section is no `ELL`, or row groups are not integers or, without `order`, traced.
    Example:
      >>> hub = ELL(jnp.asarray([[1.0, 2.0, 3.0]]), jnp.asarray([[0, 1, 2]]), 3)
      >>> leaves = ELL(jnp.asarray([[4.0], [5.0]]), jnp.asarray([[0], [2]]), 3)
      >>> matrix = SectionedELL((hub, leaves), ([1], [0, 2]), 3, 3)
      >>> matrix.shape, matrix.total_storage, matrix.order.tolist()
      ((3, 3), 5, [1, 0, 2])
    """

    sections: tuple[ELL, ...]
    row_groups: tuple[Integer[Array, "_"], ...]
    n_rows: int
    n_cols: int
    identity: Any = None
    _: KW_ONLY
    order: Integer[Array, "_"]
    transposed: Union[ELL, "SectionedELL", None] = None

    def __init__(
        self,
        sections: Sequence[ELL],
        row_groups: Sequence[Integer[ArrayLike, "_"] | Sequence[int]],
        n_rows: int,
        n_cols: int,
        identity: Any = None,
        *,
        order: Integer[ArrayLike, "_"] | None = None,
        transposed: Union[ELL, "SectionedELL", None] = None,
    ) -> None:
        groups = tuple(_rows(group) for group in row_groups)
        _check_sections(tuple(sections), groups, n_cols)
        if not any(isinstance(group, jax.core.Tracer) for group in groups):
            order = _order(groups, n_rows, order)
        elif order is None:
            raise TypeError(
                "SectionedELL: row_groups are traced, and the order of the rows is worked out from them on the host; "
                "build the matrix outside jit and pass it in, or give order."
            )
        values = (tuple(sections), groups, jnp.asarray(order), transposed, int(n_rows), int(n_cols), identity)
        for name, value in zip((*_ARRAYS, *_STATIC), values, strict=True):
            object.__setattr__(self, name, value)

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


def _rows(group: Any) -> Any:
    """A group of rows as a JAX array of integers; an empty list is one too."""
    if isinstance(group, list | tuple):
        group = np.asarray(group, None if len(group) else np.int32)
    if not jnp.issubdtype(group.dtype, jnp.integer):
        raise TypeError(f"SectionedELL: row_groups are of dtype {group.dtype}, but integers are needed.")
    if isinstance(group, np.ndarray):
        return _known(group)
    return group


def _known(rows: NDArray[Any]) -> Array:
    # Known even while something else is traced; and, unlike jnp.asarray, nothing is compiled for a new shape.
    with jax.ensure_compile_time_eval():
        return jax.device_put(rows.astype(np.int32))


def _check_sections(sections: tuple[ELL, ...], groups: tuple[Any, ...], n_cols: int) -> None:
    if not sections:
        raise ValueError("SectionedELL: there is no section; a matrix of no rows has one ELL of no rows.")
    if len(sections) != len(groups):
        raise ValueError(
            f"SectionedELL: there are {len(sections)} sections but {len(groups)} row_groups; give one group for each."
        )
    for s, (section, group) in enumerate(zip(sections, groups)):
        if not isinstance(section, ELL):
            raise TypeError(f"SectionedELL: section {s} is {type(section).__name__}, but an ELL is needed.")
        if section.n_cols != n_cols:
            raise ValueError(
                f"SectionedELL: section {s} has n_cols {section.n_cols}, but the matrix has {n_cols}."
            )
        if section.dtype != sections[0].dtype:
            raise ValueError(
                f"SectionedELL: section {s} is of dtype {section.dtype} but section 0 of {sections[0].dtype}; convert "
                f"their values to one dtype."
            )
        if group.shape != (section.n_rows,):
            raise ValueError(
                f"SectionedELL: section {s} has {section.n_rows} rows but its row group has shape {group.shape}; name "
                f"one row of the matrix for each."
            )


def _order(groups: tuple[Any, ...], n_rows: int, given: Any) -> Any:
    """Where each row stands in the concatenated groups, which must hold each row once."""
    rows = np.concatenate([np.asarray(group) for group in groups]).astype(np.int64)
    if rows.min(initial=0) < 0 or rows.max(initial=-1) >= n_rows:
        wrong = rows[(rows < 0) | (rows >= n_rows)]
        raise ValueError(
            f"SectionedELL: row_groups name row {wrong[0]}, but rows are from 0 to {n_rows - 1} (n_rows is {n_rows})."
        )
    times: NDArray[np.int64] = np.bincount(rows, minlength=n_rows)
    if (times != 1).any():
        row = int(np.argmax(times != 1))
        raise ValueError(
            f"SectionedELL: row {row} stands in {times[row]} places of row_groups; every row must stand in exactly one "
            f"section (rows without entries in one of no slots)."
        )
    if given is None:
        order = np.zeros(n_rows, np.int32)
        order[rows] = np.arange(n_rows, dtype=np.int32)
        return _known(order)
    if not isinstance(given, jax.core.Tracer):
        host = np.asarray(given)
        if host.shape != (n_rows,) or not np.array_equal(rows[host], np.arange(n_rows)):
            raise ValueError(
                "SectionedELL: order does not bring row_groups into the order of the rows; leave it out."
            )
    return given
