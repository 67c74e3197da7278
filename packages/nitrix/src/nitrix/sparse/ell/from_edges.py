"""Sparse matrices from lists of edges: a row, a column and a value for each entry."""

from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Integer, Shaped
from numpy.typing import NDArray

from nitrix.sparse.ell._host import check_columns, check_identity, count, integers, numbers
from nitrix.sparse.ell._pack import BucketRule, by_row, pack_flat, pack_sections
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL

Duplicates = Literal["keep", "sum", "refuse"]


def ell_from_edges(
    rows: Integer[ArrayLike, " edges"],
    cols: Integer[ArrayLike, " edges"],
    values: Shaped[ArrayLike, "*batch edges"] | None = None,
    *,
    shape: tuple[int, int],
    duplicates: Duplicates = "keep",
    identity: Any = 0.0,
) -> ELL:
    """A sparse matrix from a list of its entries, in any order.

    The structure is worked out on the host (NumPy); `values` may be traced and have leading axes, and derivatives
    pass through them. A row keeps the order of its entries in the list.

    Args:
      rows: Row of each entry, from 0 to m - 1.
      cols: Column of each entry, from 0 to n - 1.
      values: Value of each entry. Default: 1 for each, float32.
      shape: (m, n).
      duplicates: What is made of several entries in one place: "keep" leaves them terms of their own, "sum" adds them
        (or, for truth values, takes their "or"), "refuse" raises. With "sum" rows are sorted by column.
      identity: What pads hold.
    Returns:
      The matrix, as wide as its fullest row, with a degree for each row unless all are full.
    Raises:
      ValueError: If numbers of rows, columns and values differ, a row or column is out of range, identity does not
        fit, or duplicates are there and refused.
      TypeError: If rows or columns are not integers, or are traced.
    Example:
      >>> import numpy as np
      >>> ell = ell_from_edges(np.array([2, 0, 2]), np.array([0, 1, 1]), np.array([5.0, 6.0, 7.0]), shape=(3, 2))
      >>> ell.values.tolist(), ell.degree.tolist()
      ([[6.0, 0.0], [0.0, 0.0], [5.0, 7.0]], [1, 0, 2])
    """
    name = "ell_from_edges"
    degree, columns, sorted_values, n_cols = _sorted(name, rows, cols, values, shape, duplicates, identity)
    return pack_flat(degree, columns, sorted_values, n_cols=n_cols, identity=identity)


def sectioned_ell_from_edges(
    rows: Integer[ArrayLike, " edges"],
    cols: Integer[ArrayLike, " edges"],
    values: Shaped[ArrayLike, "*batch edges"] | None = None,
    *,
    shape: tuple[int, int],
    duplicates: Duplicates = "keep",
    identity: Any = 0.0,
    bucket_by: BucketRule | None = None,
) -> SectionedELL:
    """A sectioned sparse matrix from a list of its entries, in any order.

    The structure is worked out on the host (NumPy); `values` may be traced and have leading axes, and derivatives
    pass through them. Sections are as in `sectioned_ell_from_ragged`: fewer than 1.5 slots for each entry.

    Args:
      rows: Row of each entry, from 0 to m - 1.
      cols: Column of each entry, from 0 to n - 1.
      values: Value of each entry. Default: 1 for each, float32.
      shape: (m, n).
      duplicates: As in `ell_from_edges`.
      identity: What pads hold.
      bucket_by: As in `sectioned_ell_from_ragged`.
    Returns:
      The matrix; rows without entries stand in a section of no slots.
    Raises:
      ValueError: As `ell_from_edges`, or if `bucket_by` raises.
      TypeError: As `ell_from_edges`, or if `bucket_by` gives what is not hashable.
    Example:
      >>> import numpy as np
      >>> matrix = sectioned_ell_from_edges(np.array([2, 0, 2]), np.array([0, 1, 1]), shape=(3, 2))
      >>> [(rows.tolist(), section.k_max) for rows, section in zip(matrix.row_groups, matrix.sections)]
      [([1], 0), ([0], 1), ([2], 2)]
    """
    name = "sectioned_ell_from_edges"
    degree, columns, sorted_values, n_cols = _sorted(name, rows, cols, values, shape, duplicates, identity)
    return pack_sections(
        degree,
        columns,
        sorted_values,
        n_cols=n_cols,
        function=name,
        bucket_by=bucket_by,
        identity=identity,
    )


def _sorted(
    function: str, rows: Any, cols: Any, values: Any, shape: Any, duplicates: str, identity: Any
) -> tuple[NDArray[np.int64], NDArray[np.int64], Any, int]:
    """Entries per row, and columns and values in the order of the rows."""
    if duplicates not in get_args(Duplicates):
        raise ValueError(f"{function}: duplicates is {duplicates!r}; give 'keep', 'sum' or 'refuse'.")
    if len(shape) != 2:
        raise ValueError(f"{function}: shape is {shape}; give (rows, columns).")
    m, n = (count(function, "shape", size) for size in shape)
    row, column = integers(function, "rows", rows), integers(function, "cols", cols)
    if row.ndim != 1 or row.shape != column.shape:
        raise ValueError(
            f"{function}: rows {row.shape} and cols {column.shape} must be lists of the same length."
        )
    if values is None:
        value: Any = np.ones(row.shape, np.float32)
    else:
        value = values if isinstance(values, jax.Array) else numbers(function, "values", values)
    if value.shape[-1:] != row.shape:
        raise ValueError(
            f"{function}: values {value.shape} must have one number for each of the {row.size} edges."
        )
    check_columns(function, "rows", row, m, "rows are")
    check_columns(function, "cols", column, n, "columns are")
    check_identity(function, identity, value.dtype)
    if duplicates != "keep":
        row, column, value = _merged(function, row, column, value, n, duplicates)
    degree, (column, value) = by_row(row, m, column, value)
    return degree, column, value, n


def _merged(
    function: str, rows: NDArray[np.int64], columns: NDArray[np.int64], values: Any, n: int, duplicates: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], Any]:
    """One entry for each place, sorted by row and column."""
    places, which, times = np.unique(rows * max(n, 1) + columns, return_inverse=True, return_counts=True)
    if len(places) == len(rows):
        return rows, columns, values
    rows, columns = places // max(n, 1), places % max(n, 1)
    if duplicates == "refuse":
        most = int(np.argmax(times > 1))
        raise ValueError(
            f"{function}: {int((times > 1).sum())} places have several entries, the first ({rows[most]}, "
            f"{columns[most]}) has {times[most]}; give duplicates='sum' or 'keep', or one entry for each place."
        )
    zeros = jnp.zeros((*values.shape[:-1], len(places)), values.dtype).at[..., which.reshape(-1)]
    return rows, columns, (zeros.max if values.dtype == bool else zeros.add)(values)
