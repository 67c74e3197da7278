"""What an adjacency must offer to be taken by a sparse operation; the containers themselves live in `nitrix.sparse`."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Adjacency(Protocol):
    """A sparse matrix as rows of slots, such as `nitrix.sparse.ELL`."""

    values: Any  # [... m k_max]
    indices: Any  # [... m k_max], the column of each slot
    n_cols: int
    degree: Any  # [... m] slots per row that count, or None: all of them
    transposed: Any  # an adjacency of the slots by column (see `nitrix.sparse.ell_with_transpose`), or None


@runtime_checkable
class SectionedAdjacency(Protocol):
    """A sparse matrix whose rows are grouped by degree, such as `nitrix.sparse.SectionedELL`."""

    sections: Sequence[Any]  # adjacencies, each of one group of rows
    row_groups: Sequence[Any]  # the row number of each row of each section
    order: Any  # [n_rows]: where each row stands in the concatenated sections
    n_rows: int
    n_cols: int
    transposed: Any
