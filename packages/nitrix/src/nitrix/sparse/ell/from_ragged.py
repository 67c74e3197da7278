"""Sparse matrices from ragged rows, and from rows that are padded already."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Integer, Shaped
from numpy.typing import NDArray

from nitrix.sparse.ell._host import check_columns, check_identity, count, integers, numbers
from nitrix.sparse.ell._pack import BucketRule, pack_flat, pack_sections
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL


def ell_from_ragged(
    values_per_row: Sequence[Shaped[ArrayLike, "_"] | Sequence[Any]],
    indices_per_row: Sequence[Integer[ArrayLike, "_"] | Sequence[int]],
    *,
    n_cols: int,
    identity: Any = 0.0,
    pad_index: int = 0,
) -> ELL:
    """A sparse matrix from the entries of each row; runs on the host (NumPy).

    Rows may be empty. Duplicate entries stay terms of their own.

    Args:
      values_per_row: The values of each row.
      indices_per_row: The column of each value, from 0 to n_cols - 1.
      n_cols: Columns of the matrix.
      identity: What pads hold.
      pad_index: The column of pads.
    Returns:
      The matrix, as wide as its fullest row, with a degree for each row unless all are full.
    Raises:
      ValueError: If numbers of rows or of entries differ, or a column, `pad_index` or `identity` does not fit.
      TypeError: If columns are not integers, or an argument is traced.
    Example:
      >>> ell = ell_from_ragged([[1.0, 2.0], [], [3.0]], [[0, 2], [], [1]], n_cols=3)
      >>> ell.values.tolist(), ell.degree.tolist()
      ([[1.0, 2.0], [0.0, 0.0], [3.0, 0.0]], [2, 0, 1])
    """
    name = "ell_from_ragged"
    degree, columns, values = _joined(name, values_per_row, indices_per_row, n_cols)
    pads = _pads(name, values, identity, pad_index, n_cols)
    return pack_flat(degree, columns, values, n_cols=n_cols, **pads)


def sectioned_ell_from_ragged(
    values_per_row: Sequence[Shaped[ArrayLike, "_"] | Sequence[Any]],
    indices_per_row: Sequence[Integer[ArrayLike, "_"] | Sequence[int]],
    *,
    n_cols: int,
    identity: Any = 0.0,
    pad_index: int = 0,
    bucket_by: BucketRule | None = None,
) -> SectionedELL:
    """A sectioned sparse matrix from the entries of each row; runs on the host (NumPy).

    Rows are grouped by `ceil(log2(degree))`, the degree being the number of entries, and each group is as wide as the
    fullest row in it. A group whose slots would reach 1.5 times its entries is split, so that the slots of the
    matrix stay under 1.5 times its entries, whatever the degrees and the rule.

    Args:
      values_per_row: The values of each row.
      indices_per_row: The column of each value, from 0 to n_cols - 1.
      n_cols: Columns of the matrix.
      identity: What pads hold.
      pad_index: The column of pads.
      bucket_by: A rule of your own: from the degree of a row, 1 or more, to the name of its group, anything
        hashable. It names groups and never widths.
    Returns:
      The matrix; rows without entries stand in a section of no slots.
    Raises:
      ValueError: If numbers of rows or of entries differ, if a column, `pad_index` or `identity` does not fit, or if
        `bucket_by` raises.
      TypeError: If columns are not integers, an argument is traced, or `bucket_by` gives what is not hashable.
    Example:
      >>> matrix = sectioned_ell_from_ragged([[1.0, 2.0, 3.0], [], [4.0]], [[0, 1, 2], [], [1]], n_cols=3)
      >>> [(rows.tolist(), section.k_max) for rows, section in zip(matrix.row_groups, matrix.sections)]
      [([1], 0), ([2], 1), ([0], 3)]
    """
    name = "sectioned_ell_from_ragged"
    degree, columns, values = _joined(name, values_per_row, indices_per_row, n_cols)
    pads = _pads(name, values, identity, pad_index, n_cols)
    return pack_sections(degree, columns, values, n_cols=n_cols, function=name, bucket_by=bucket_by, **pads)


def ell_pad(
    values: Shaped[ArrayLike, "m k_actual"],
    indices: Integer[ArrayLike, "m k_actual"],
    *,
    k_max: int,
    n_cols: int,
    identity: Any = 0.0,
    pad_index: int = 0,
) -> ELL:
    """Rows of slots made wider: a sparse matrix of k_max slots for each row, the new ones pads; runs on the host.

    Args:
      values: Entries, all of which count.
      indices: Column of each entry, from 0 to n_cols - 1.
      k_max: Slots of each row afterwards, k_actual or more.
      n_cols: Columns of the matrix.
      identity: What pads hold.
      pad_index: The column of pads.
    Returns:
      The matrix, with a degree of k_actual for each row unless there are no pads.
    Raises:
      ValueError: If k_max is too small, shapes do not fit, or a column, `pad_index` or `identity` does not fit.
      TypeError: If indices are not integers, or an argument is traced.
    Example:
      >>> import numpy as np
      >>> ell = ell_pad(np.asarray([[1.0], [2.0]]), np.asarray([[0], [1]]), k_max=2, n_cols=2)
      >>> ell.values.tolist(), ell.degree.tolist()
      ([[1.0, 0.0], [2.0, 0.0]], [1, 1])
    """
    name = "ell_pad"
    values, columns = numbers(name, "values", values), integers(name, "indices", indices)
    if values.ndim != 2 or values.shape != columns.shape:
        raise ValueError(
            f"{name}: values {values.shape} and indices {columns.shape} must both be [m, k_actual]."
        )
    n_cols = count(name, "n_cols", n_cols)
    check_columns(name, "indices", columns, n_cols)
    m, k_actual = values.shape
    if count(name, "k_max", k_max) < k_actual:
        raise ValueError(f"{name}: k_max is {k_max}, but rows have {k_actual} entries already.")
    pads = _pads(name, values, identity, pad_index, n_cols, needed=k_max > k_actual and m > 0)
    degree = np.full(m, k_actual, np.int64)
    return pack_flat(degree, columns.ravel(), values.ravel(), n_cols=n_cols, k_max=int(k_max), **pads)


def _joined(
    function: str, values_per_row: Any, indices_per_row: Any, n_cols: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """Entries per row, and columns and values of all rows in turn."""
    if len(values_per_row) != len(indices_per_row):
        raise ValueError(
            f"{function}: values_per_row has {len(values_per_row)} rows but indices_per_row has "
            f"{len(indices_per_row)}; give the same rows in both."
        )
    rows = [numbers(function, f"values_per_row[{i}]", row) for i, row in enumerate(values_per_row)]
    columns = [integers(function, f"indices_per_row[{i}]", row) for i, row in enumerate(indices_per_row)]
    for i, (value, column) in enumerate(zip(rows, columns)):
        if value.ndim != 1 or value.shape != column.shape:
            raise ValueError(
                f"{function}: row {i} has values of shape {value.shape} and indices of shape {column.shape}; both must "
                f"be lists of the same length."
            )
    # An empty list says nothing of a dtype.
    filled = [value for value in rows if value.size] or rows[:1] or [np.zeros(0, np.float32)]
    columns_joined = np.concatenate([np.zeros(0, np.int64), *columns])
    check_columns(function, "indices_per_row", columns_joined, count(function, "n_cols", n_cols))
    return np.array([value.size for value in rows], np.int64), columns_joined, np.concatenate(filled)


def _pads(
    function: str, values: Any, identity: Any, pad_index: int, n_cols: int, *, needed: bool = False
) -> dict[str, Any]:
    check_identity(function, identity, values.dtype)
    index = int(integers(function, "pad_index", pad_index))
    if (needed or n_cols or index) and not 0 <= index < n_cols:
        raise ValueError(
            f"{function}: pad_index is {index}, but pads need a column in range, from 0 to {n_cols - 1} (n_cols is "
            f"{n_cols})."
        )
    return {"identity": identity, "pad_index": index}
