"""Patterns that the host builds, sorted keys first, and how they become flat or sectioned adjacencies."""

from collections.abc import Callable
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from nitrix.sparse.ell._pack import WASTE, constant, pack_flat, pack_sections
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL

Format = Literal["ell", "sectioned", "auto"]
Adjacency = ELL | SectionedELL
Rows = NDArray[np.int64]


def packed(
    function: str,
    format: Format,
    degree: Rows,
    columns: Rows,
    values: Any,
    *,
    n_cols: int,
    identity: Any = 0.0,
) -> Adjacency:
    """Entries that are sorted by row as an adjacency of the wished form."""
    if format not in ("ell", "sectioned", "auto"):
        raise ValueError(f"{function}: format is {format!r}; choose 'ell', 'sectioned' or 'auto'.")
    slots = len(degree) * int(degree.max(initial=0))
    if format == "ell" or (format == "auto" and (slots == 0 or slots < WASTE * int(degree.sum()))):
        return pack_flat(degree, columns, values, n_cols=n_cols, identity=identity)
    return pack_sections(degree, columns, values, n_cols=n_cols, function=function, identity=identity)


def neighbours(edges: Rows, n_vertices: int) -> tuple[Any, Rows, Rows]:
    """Degree, neighbours in ascending order and number of the edge to each, from edges in ascending order."""
    low, high = edges[:, 0], edges[:, 1]
    by_low, by_high = np.bincount(low, minlength=n_vertices), np.bincount(high, minlength=n_vertices)
    degree = by_low + by_high
    # A row holds first its smaller neighbours (edges sorted by their larger end), then its larger ones.
    count = max(len(edges), 1)
    order = np.sort(high * count + np.arange(len(edges))) % count
    columns, edge = (np.empty(2 * len(edges), np.int64) for _ in range(2))
    starts = np.cumsum(degree) - degree
    rank = np.arange(len(edges))
    smaller = (starts - (np.cumsum(by_high) - by_high))[high[order]] + rank
    larger = (starts + by_high - (np.cumsum(by_low) - by_low))[low] + rank
    columns[smaller], edge[smaller] = low[order], order
    columns[larger], edge[larger] = high, rank
    return degree, columns, edge


def spread(first: Rows, count: Rows) -> Rows:
    """first[0], first[0] + 1, ... (count[0] of them), then first[1], ..."""
    run = np.repeat(first - (np.cumsum(count) - count), count)
    return run + np.arange(len(run))


def each_section(adjacency: Adjacency, make: Callable[[ELL, Array], ELL], **fields: Any) -> Adjacency:
    """`make(section, its row numbers)` for each section; a flat adjacency is its own."""
    if isinstance(adjacency, ELL):
        return make(adjacency, constant(np.arange(adjacency.n_rows, dtype=np.int32)))
    groups = zip(adjacency.sections, adjacency.row_groups, strict=True)
    return adjacency.replace(sections=tuple(make(section, rows) for section, rows in groups), **fields)


def with_diagonal(section: ELL, rows: Array, diagonal: Array, values: Array) -> ELL:
    """A section with one slot more in front of each row, which stands on the diagonal."""
    degree = None if section.degree is None else section.degree + 1
    return section.replace(
        values=jnp.concatenate([diagonal[:, None], values], axis=1),
        indices=jnp.concatenate([rows[:, None], section.indices], axis=1),
        degree=degree,
        identity=0.0,
        transposed=None,
    )


def row_sums(adjacency: Adjacency) -> Array:
    """The sum of the values of each row [n_rows], short floats in 32 bits."""

    def of(section: ELL) -> Array:
        dtype = jnp.promote_types(section.dtype, jnp.float32)
        return jnp.sum(jnp.where(section.valid, section.values, 0), axis=-1, dtype=dtype)

    if isinstance(adjacency, ELL):
        return of(adjacency)
    return jnp.concatenate([of(section) for section in adjacency.sections])[adjacency.order]
