"""Rows of a sparse matrix, and the same entries under another shape."""

import math
from typing import Any

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Integer

from nitrix.sparse.ell._entries import entries_of
from nitrix.sparse.ell._host import check_columns, integers
from nitrix.sparse.ell._rebuild import rebuilt
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL


def ell_rows(adjacency: ELL | SectionedELL, rows: Integer[ArrayLike, " chosen"]) -> ELL | SectionedELL:
    """Some rows of a matrix, in the order given; a row may be named several times.

    The structure is worked out on the host (NumPy); values are gathered, may be traced and have leading axes.

    Args:
      adjacency: The matrix.
      rows: Row numbers, from 0 to m - 1.
    Returns:
      The matrix of these rows, in the form of `adjacency`; a flat one keeps its k_max, also under `jit`, a sectioned
      one is sectioned anew.
    Raises:
      ValueError: If a row is out of range, or a sectioned matrix's indices or degrees have leading axes.
      TypeError: If rows are not integers or are traced, or a sectioned matrix's structure is traced.
    Example:
      >>> import numpy as np
      >>> from nitrix.sparse import ell_from_ragged
      >>> ell = ell_from_ragged([[1.0, 2.0], [], [3.0]], [[0, 2], [], [1]], n_cols=3)
      >>> ell_rows(ell, np.array([2, 0])).values.tolist()
      [[3.0, 0.0], [1.0, 2.0]]
    """
    name = "ell_rows"
    chosen = integers(name, "rows", rows)
    if chosen.ndim != 1:
        raise ValueError(f"{name}: rows has shape {chosen.shape}; give a list of row numbers.")
    check_columns(name, "rows", chosen, adjacency.n_rows, "rows are")
    if isinstance(adjacency, ELL):
        return adjacency.replace(
            values=adjacency.values[..., chosen, :],
            indices=adjacency.indices[..., chosen, :],
            degree=None if adjacency.degree is None else adjacency.degree[..., chosen],
            transposed=None,
        )
    entries = entries_of(adjacency, name)
    by_row = np.argsort(entries.rows, kind="stable")
    degree = np.bincount(entries.rows, minlength=adjacency.n_rows)
    own = degree[chosen]
    # The place of each entry among those of its row, and where that row begins.
    place = np.arange(own.sum()) - np.repeat(np.cumsum(own) - own, own)
    take = by_row[np.repeat((np.cumsum(degree) - degree)[chosen], own) + place]
    new_rows = np.repeat(np.arange(len(chosen)), own)
    out: SectionedELL = rebuilt(
        adjacency,
        new_rows,
        entries.columns[take],
        entries.slots[take],
        (len(chosen), adjacency.n_cols),
        function=name,
        sectioned=True,
    )
    return out


def ell_reshape(adjacency: ELL | SectionedELL, shape: tuple[int, int]) -> ELL | SectionedELL:
    """The same entries in C order under another shape, as `scipy.sparse` reshapes.

    The structure is worked out on the host (NumPy); values are gathered, may be traced and have leading axes. Unlike
    SciPy's, duplicate entries stay terms of their own.

    Args:
      adjacency: The matrix; its indices and degree without leading axes.
      shape: Rows and columns afterwards, one of which may be -1.
    Returns:
      The matrix, in the form of `adjacency`.
    Raises:
      ValueError: If the shapes hold different numbers of places, or indices or degree have leading axes.
      TypeError: If indices or degree are traced, or the shape is not of integers.
    Example:
      >>> from nitrix.sparse import ell_from_ragged
      >>> ell = ell_from_ragged([[1.0, 2.0], [], [3.0]], [[0, 3], [], [1]], n_cols=4)
      >>> reshaped = ell_reshape(ell, (2, 6))
      >>> reshaped.values.tolist(), reshaped.indices.tolist(), reshaped.degree.tolist()
      ([[1.0, 2.0], [3.0, 0.0]], [[0, 3], [3, 0]], [2, 1])
    """
    name = "ell_reshape"
    m, n = adjacency.n_rows, adjacency.n_cols
    new_m, new_n = _new_shape(name, shape, (m, n))
    rows, columns, slots = entries_of(adjacency, name)
    place = rows * n + columns
    width = max(new_n, 1)
    out: ELL | SectionedELL = rebuilt(
        adjacency,
        place // width,
        place % width,
        slots,
        (new_m, new_n),
        function=name,
        sectioned=isinstance(adjacency, SectionedELL),
    )
    return out


def _new_shape(function: str, shape: Any, old: tuple[int, int]) -> tuple[int, int]:
    sizes = [int(integers(function, "shape", size)) for size in shape]
    total = math.prod(old)
    if len(sizes) == 2 and sizes.count(-1) == 1:
        known = max(sizes)
        if known > 0 and total % known == 0:
            sizes[sizes.index(-1)] = total // known
    if len(sizes) != 2 or min(sizes) < 0 or math.prod(sizes) != total:
        raise ValueError(
            f"{function}: a matrix of shape {old} has {total} places and cannot be given the shape {tuple(shape)}; "
            f"give two numbers of that product, or -1 for one of them."
        )
    return sizes[0], sizes[1]
