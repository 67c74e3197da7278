"""The transpose of a sparse matrix, and the list of its slots by column that lets gradients gather."""

import jax
import numpy as np

from nitrix.sparse.ell._entries import MOST_SLOTS, entries_of, flat_values, sections_of
from nitrix.sparse.ell._pack import pack_tight, with_values
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL


def ell_with_transpose(adjacency: ELL | SectionedELL) -> ELL | SectionedELL:
    """The same matrix with its slots listed by column in `.transposed`, so that transposed products gather.

    Runs on the host (NumPy). The list is about structure only and stays right when values change; a function that
    changes the structure leaves it behind. It has one row for each column of the matrix: its `values` are the
    numbers of the column's slots, ascending, counted through the matrix's storage (`values.ravel()`, the sections
    of a sectioned matrix in turn), its `indices` the rows of the matrix in which they stand. It is flat where
    that takes less than 1.5 slots for each entry, else sectioned.

    Args:
      adjacency: The matrix; its indices and degree without leading axes.
    Returns:
      The matrix, with new `.transposed`.
    Raises:
      TypeError: If indices or degree are traced.
      ValueError: If indices or degree have leading axes, or there are more than 2^31 - 1 slots.
    Example:
      >>> from nitrix.sparse import ell_from_ragged
      >>> ell = ell_from_ragged([[5.0, 6.0], [7.0, 8.0], [9.0]], [[0, 1], [2, 1], [2]], n_cols=3)
      >>> listed = ell_with_transpose(ell).transposed
      >>> listed.values.tolist(), listed.indices.tolist(), listed.degree.tolist()
      ([[0, 0], [1, 3], [2, 4]], [[0, 0], [0, 1], [1, 2]], [1, 2, 2])
    """
    return adjacency.replace(transposed=_slots_by_column(adjacency, "ell_with_transpose"))


def ell_without_transpose(adjacency: ELL | SectionedELL) -> ELL | SectionedELL:
    """The same matrix without its list of slots by column.

    Args:
      adjacency: The matrix.
    Returns:
      The matrix, with `.transposed` None.
    Example:
      >>> from nitrix.sparse import ell_from_ragged
      >>> ell = ell_with_transpose(ell_from_ragged([[5.0]], [[0]], n_cols=1))
      >>> ell_without_transpose(ell).transposed is None
      True
    """
    return adjacency.replace(transposed=None)


def ell_transpose(adjacency: ELL | SectionedELL) -> ELL | SectionedELL:
    """The transposed matrix: row j has the entries of column j, in the order of their slots.

    The structure is worked out on the host (NumPy), or taken from `.transposed` where there is one, also under `jit`.
    The values are gathered, so that they may be traced and have leading axes, and derivatives of any order pass.

    Args:
      adjacency: The matrix; its indices and degree without leading axes.
    Returns:
      The transposed matrix: flat where that takes less than 1.5 slots for each entry, else sectioned, whatever
      `adjacency` was. If `adjacency` lists its slots by column, so does the result, unless it is traced.
    Raises:
      TypeError: If indices or degree are traced and there is no `.transposed`.
      ValueError: If indices or degree have leading axes, or there are more than 2^31 - 1 slots.
    Example:
      >>> from nitrix.sparse import ell_from_ragged
      >>> ell = ell_from_ragged([[5.0, 6.0], [7.0, 8.0], [9.0]], [[0, 1], [2, 1], [2]], n_cols=3)
      >>> across = ell_transpose(ell)
      >>> across.values[1].tolist(), across.indices[1].tolist()
      ([6.0, 8.0], [0, 1])
    """
    listed = adjacency.transposed
    slots = _slots_by_column(adjacency, "ell_transpose") if listed is None else listed
    out = with_values(slots, flat_values(adjacency), adjacency.identity)
    if listed is None or _traced(out):
        return out
    return ell_with_transpose(out)


def _slots_by_column(adjacency: ELL | SectionedELL, function: str) -> ELL | SectionedELL:
    rows, columns, slots = entries_of(adjacency, function)
    every = sum(section.n_rows * section.k_max for section in sections_of(adjacency))
    if every > MOST_SLOTS:
        raise ValueError(f"{function}: {every} slots are more than the {MOST_SLOTS} that int32 can number.")
    # Sorting one key of column and slot is several times as fast as sorting positions by column.
    key = np.sort(columns * max(every, 1) + slots)
    slots_by_column = key % max(every, 1)
    row_of_slot = np.zeros(every, np.int64)
    row_of_slot[slots] = rows
    degree = np.bincount(columns, minlength=adjacency.n_cols).astype(np.int64)
    n_rows = adjacency.n_rows
    return pack_tight(
        degree,
        row_of_slot[slots_by_column],
        slots_by_column.astype(np.int32),
        n_cols=n_rows,
        function=function,
    )


def _traced(adjacency: ELL | SectionedELL) -> bool:
    structure = [x for s in sections_of(adjacency) for x in (s.indices, s.degree) if x is not None]
    return any(isinstance(x, jax.core.Tracer) for x in structure)
