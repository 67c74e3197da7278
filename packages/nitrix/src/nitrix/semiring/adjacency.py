"""What an adjacency must offer to be taken by a sparse operation; the containers themselves live in `nitrix.sparse`."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Adjacency(Protocol):
    """A sparse matrix as rows of slots, such as `nitrix.sparse.ELL`."""

    @property
    def values(self) -> Any:
        """[... m k_max]."""

    @property
    def indices(self) -> Any:
        """[... m k_max], the column of each slot."""

    @property
    def n_cols(self) -> int:
        """Columns of the matrix."""

    @property
    def degree(self) -> Any:
        """[... m] slots per row that count, or None: all of them."""

    @property
    def transposed(self) -> Any:
        """An adjacency of the slots by column, as `nitrix.sparse.ell_with_transpose` makes it, or None."""


@runtime_checkable
class SectionedAdjacency(Protocol):
    """A sparse matrix whose rows are grouped by degree, such as `nitrix.sparse.SectionedELL`."""

    @property
    def sections(self) -> Sequence[Any]:
        """Adjacencies, each of one group of rows."""

    @property
    def row_groups(self) -> Sequence[Any]:
        """The row number of each row of each section."""

    @property
    def order(self) -> Any:
        """[n_rows]: where each row stands in the concatenated sections."""

    @property
    def n_rows(self) -> int:
        """Rows of the matrix."""

    @property
    def n_cols(self) -> int:
        """Columns of the matrix."""

    @property
    def transposed(self) -> Any:
        """As in `Adjacency`; slots are counted through the sections in turn."""
