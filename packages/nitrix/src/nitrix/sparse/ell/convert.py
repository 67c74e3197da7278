"""The two forms of a sparse matrix turned into each other."""

from nitrix.sparse.ell._entries import entries_of
from nitrix.sparse.ell._pack import BucketRule
from nitrix.sparse.ell._rebuild import rebuilt
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL


def sectioned_ell_from_ell(ell: ELL, *, bucket_by: BucketRule | None = None) -> SectionedELL:
    """The same matrix in sections of rows of similar degree, fewer than 1.5 slots for each entry.

    The structure is worked out on the host (NumPy); values are gathered, may be traced and have leading axes.

    Args:
      ell: The matrix; its indices and degree without leading axes.
      bucket_by: As in `sectioned_ell_from_ragged`.
    Returns:
      The matrix; rows without entries stand in a section of no slots.
    Raises:
      ValueError: If indices or degree have leading axes, or `bucket_by` raises.
      TypeError: If indices or degree are traced, or `bucket_by` gives what is not hashable.
    Example:
      >>> from nitrix.sparse import ell_from_ragged
      >>> matrix = sectioned_ell_from_ell(ell_from_ragged([[1.0, 2.0], [], [3.0]], [[0, 2], [], [1]], n_cols=3))
      >>> [(rows.tolist(), section.k_max) for rows, section in zip(matrix.row_groups, matrix.sections)]
      [([1], 0), ([2], 1), ([0], 2)]
    """
    name = "sectioned_ell_from_ell"
    shape = (ell.n_rows, ell.n_cols)
    entries = entries_of(ell, name)
    out: SectionedELL = rebuilt(ell, *entries, shape, function=name, sectioned=True, bucket_by=bucket_by)
    return out


def ell_from_sectioned(sectioned: SectionedELL) -> ELL:
    """The same matrix in flat form: every row as wide as the fullest, which may take much more memory.

    The structure is worked out on the host (NumPy); values are gathered, may be traced and have leading axes.

    Args:
      sectioned: The matrix; its indices and degrees without leading axes.
    Returns:
      The matrix, with a degree for each row unless all are full.
    Raises:
      ValueError: If indices or degrees have leading axes.
      TypeError: If indices, degrees or row groups are traced.
    Example:
      >>> from nitrix.sparse import sectioned_ell_from_ragged
      >>> matrix = sectioned_ell_from_ragged([[1.0, 2.0], [], [3.0]], [[0, 2], [], [1]], n_cols=3)
      >>> ell_from_sectioned(matrix).values.tolist()
      [[1.0, 2.0], [0.0, 0.0], [3.0, 0.0]]
    """
    name = "ell_from_sectioned"
    entries = entries_of(sectioned, name)
    out: ELL = rebuilt(sectioned, *entries, sectioned.shape, function=name, sectioned=False)
    return out
