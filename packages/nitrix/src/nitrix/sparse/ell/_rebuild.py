"""A new matrix from some of the entries of another: the structure on the host, the values gathered."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitrix.sparse.ell._entries import flat_values
from nitrix.sparse.ell._pack import BucketRule, by_row, pack_flat, pack_sections, with_values
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL


def rebuilt(
    source: ELL | SectionedELL,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    slots: NDArray[np.int64],
    shape: tuple[int, int],
    *,
    function: str,
    sectioned: bool,
    bucket_by: BucketRule | None = None,
) -> Any:
    """The matrix whose entries stand in `rows` and `columns` and have the values of the source's `slots`."""
    degree, (columns, slots) = by_row(rows, shape[0], columns, slots.astype(np.int32))
    if sectioned:
        packed: Any = pack_sections(
            degree, columns, slots, n_cols=shape[1], function=function, bucket_by=bucket_by
        )
    else:
        packed = pack_flat(degree, columns, slots, n_cols=shape[1])
    return with_values(packed, flat_values(source), source.identity)
