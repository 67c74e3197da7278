"""Patterns that the host builds, sorted keys first, and how they become flat or sectioned adjacencies."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nitrix.sparse.ell._pack import WASTE, constant, pack_sections
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL
from nitrix.sparse.mesh._keys import Rows, sorted_with_order, spread

Format = Literal["ell", "sectioned", "auto"]
Adjacency = ELL | SectionedELL


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
        return _flat(degree, columns, values, n_cols, identity)
    return pack_sections(degree, columns, values, n_cols=n_cols, function=function, identity=identity)


def _flat(degree: Rows, columns: Rows, values: Any, n_cols: int, identity: Any) -> ELL:
    """Rows of one width; a mask takes half the time of positions."""
    shape = len(degree), int(degree.max(initial=0))
    if (degree == shape[1]).all():
        indices, table, count = columns.astype(np.int32).reshape(shape), values.reshape(shape), None
    else:
        valid = np.arange(shape[1]) < degree[:, None]
        indices, table = np.zeros(shape, np.int32), np.full(shape, identity, values.dtype)
        indices[valid], table[valid] = columns, values
        count = constant(degree.astype(np.int32))
    return ELL(constant(table), constant(indices), n_cols, identity, degree=count)


def neighbours(edges: Rows, n_vertices: int) -> tuple[Any, Rows, Rows]:
    """Degree, neighbours in ascending order and number of the edge to each, from edges in ascending order."""
    low, high = np.ascontiguousarray(edges.T)
    by_low, by_high = np.bincount(low, minlength=n_vertices), np.bincount(high, minlength=n_vertices)
    degree = by_low + by_high
    starts = np.cumsum(degree) - degree
    # A row holds first its smaller neighbours (edges sorted by their larger end), then its larger ones.
    order = sorted_with_order(high)[1]
    smaller = spread(starts, by_high)
    larger = spread(starts + by_high, by_low)
    columns, edge = (np.empty(2 * len(edges), np.int64) for _ in range(2))
    columns[smaller], edge[smaller] = low[order], order
    columns[larger], edge[larger] = high, np.arange(len(edges))
    return degree, columns, edge


def self_first(degree: Rows, entries: Rows, own: Any) -> tuple[Rows, Rows]:
    """Rows with one entry more in front, `own`."""
    return degree + 1, np.insert(entries, np.cumsum(degree) - degree, own)


def each_section(adjacency: Adjacency, make: Callable[[ELL, Array], ELL], **fields: Any) -> Adjacency:
    """`make(section, its row numbers)` for each section; a flat adjacency is its own."""
    if isinstance(adjacency, ELL):
        return make(adjacency, constant(np.arange(adjacency.n_rows, dtype=np.int32)))
    groups = zip(adjacency.sections, adjacency.row_groups, strict=True)
    return adjacency.replace(sections=tuple(make(section, rows) for section, rows in groups), **fields)


def with_values(adjacency: Adjacency, values: Sequence[Array], **fields: Any) -> Adjacency:
    """The same structure with the values of each section, and `fields`, replaced."""
    if isinstance(adjacency, ELL):
        return adjacency.replace(values=values[0], **fields)
    sections = zip(adjacency.sections, values, strict=True)
    return adjacency.replace(sections=tuple(s.replace(values=v, **fields) for s, v in sections), **fields)


def row_sums(adjacency: Adjacency) -> Array:
    """The sum of the values of each row [n_rows], short floats in 32 bits."""

    if isinstance(adjacency, ELL):
        return _sums(adjacency)
    return jnp.concatenate([_sums(section) for section in adjacency.sections])[adjacency.order]


@jax.jit
def _sums(section: ELL) -> Array:
    values = section.values
    if not (jnp.issubdtype(values.dtype, jnp.inexact) and values.dtype.itemsize >= 4):
        values = values.astype(jnp.float32)
    return jnp.sum(jnp.where(section.valid, values, 0), axis=-1)
