"""Operators between two levels of a hierarchy of meshes: upsampling, and who belongs to whom."""

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitrix.sparse.ell._entries import on_host
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL
from nitrix.sparse.ell.transpose import ell_with_transpose
from nitrix.sparse.mesh._keys import Rows
from nitrix.sparse.mesh._rows import Format, packed
from nitrix.sparse.mesh.icospheres import IcosphereHierarchy

Shares = tuple[Rows, Rows, NDArray[np.float64]]  # fine vertex, coarse vertex, weight; sorted


def icosphere_bary_upsampler(
    hierarchy: IcosphereHierarchy, coarse_level: int, fine_level: int, *, format: Format = "ell"
) -> ELL | SectionedELL:
    """The operator that carries a field from a coarse level to a fine one, linearly on each coarse triangle.

    Runs on the host (NumPy). A kept vertex takes its own value, the midpoint of an edge the mean of the two ends; over
    several levels these steps follow each other, and a vertex has up to three terms.

    Args:
      hierarchy: The levels.
      coarse_level: The level of the given field.
      fine_level: The level of the result, not coarser; any number of levels may lie between.
      format: "ell", "sectioned", or "auto": flat where that takes less than 1.5 slots for each entry, else sectioned.
    Returns:
      The matrix [n_fine, n_coarse], whose rows sum to 1, in the dtype of the vertices; its slots are listed by column,
      so that gradients gather.
    Raises:
      ValueError: If there is no such level, or the second is coarser than the first.
      TypeError: If a level is no integer, or the hierarchy is traced.
    Example:
      >>> from nitrix.sparse.mesh import icosphere_hierarchy
      >>> icosphere_bary_upsampler(icosphere_hierarchy(2), 0, 2).shape
      (162, 12)
    """
    name = "icosphere_bary_upsampler"
    coarse, fine = _level(name, hierarchy, coarse_level), _level(name, hierarchy, fine_level)
    if fine < coarse:
        raise ValueError(
            f"{name}: fine_level {fine} is coarser than coarse_level {coarse}; exchange them, or pool with "
            f"icosphere_cross_level_adjacency and mesh_coarsen_meanpool."
        )
    rows, columns, weights = _shares(name, hierarchy, coarse, fine)
    return _matrix(name, hierarchy, (fine, coarse), format, rows, columns, weights)


def icosphere_cross_level_adjacency(
    hierarchy: IcosphereHierarchy, coarse_level: int, fine_level: int, *, format: Format = "ell"
) -> ELL | SectionedELL:
    """Which vertices of a fine level hang on each vertex of a coarse one.

    Runs on the host (NumPy). Between neighbouring levels these are the kept vertex itself and the midpoints of its
    edges; over several levels all those to which `icosphere_bary_upsampler` carries anything from it. Inside a patch
    vertices hang on up to three coarse ones, so patches overlap.

    Args:
      hierarchy: The levels.
      coarse_level: The level of the rows. If it is the finer one, the matrix is the transpose: of each fine vertex the
        coarse ones that it hangs on, as `mesh_unpool_max` wants it.
      fine_level: The level of the columns.
      format: "ell", "sectioned", or "auto": flat where that takes less than 1.5 slots for each entry, else sectioned.
    Returns:
      The adjacency [n_coarse, n_fine], of value 1 and ascending columns, in the dtype of the vertices; its slots are
      listed by column, so that gradients gather.
    Raises:
      ValueError: If there is no such level.
      TypeError: If a level is no integer, or the hierarchy is traced.
    Example:
      >>> from nitrix.sparse.mesh import icosphere_hierarchy
      >>> pool = icosphere_cross_level_adjacency(icosphere_hierarchy(1), 0, 1)
      >>> pool.shape, pool.indices[0].tolist()
      ((12, 42), [0, 12, 13, 14, 15, 16])
    """
    name = "icosphere_cross_level_adjacency"
    coarse, fine = _level(name, hierarchy, coarse_level), _level(name, hierarchy, fine_level)
    columns, rows, _ = _shares(name, hierarchy, min(coarse, fine), max(coarse, fine))
    if fine < coarse:
        rows, columns = columns, rows
    else:
        order = np.argsort(rows, kind="stable")
        rows, columns = rows[order], columns[order]
    return _matrix(name, hierarchy, (coarse, fine), format, rows, columns, np.ones(len(rows)))


def _shares(function: str, hierarchy: IcosphereHierarchy, coarse: int, fine: int) -> Shares:
    """The upsampler as entries, composed from level to level."""
    n = hierarchy.meshes[coarse].n_vertices
    rows = columns = np.arange(n)
    weights = np.ones(n)
    for level in range(coarse + 1, fine + 1):
        parents = on_host(function, "the table of parents", hierarchy.parents[level]).astype(np.int64)
        degree = np.bincount(rows, minlength=hierarchy.meshes[level - 1].n_vertices)
        starts = np.cumsum(degree) - degree
        # Every entry of both parents at half its weight, and entries in one place added: halves add without rounding.
        width = int(degree.max(initial=0))
        valid = np.arange(width) < degree[parents][..., None]
        take = np.where(valid, starts[parents][..., None] + np.arange(width), 0)
        child = np.broadcast_to(np.arange(len(parents))[:, None, None], take.shape)[valid]
        keys, which = np.unique(child * n + columns[take][valid], return_inverse=True)
        halves = weights[take][valid] / 2
        weights = np.bincount(which.reshape(-1), weights=halves, minlength=len(keys)).astype(np.float64)
        rows, columns = keys // n, keys % n
    return rows, columns, weights


def _matrix(
    function: str,
    hierarchy: IcosphereHierarchy,
    levels: tuple[int, int],
    format: Format,
    rows: Rows,
    columns: Rows,
    values: Any,
) -> ELL | SectionedELL:
    to, of = (hierarchy.meshes[level] for level in levels)
    degree = np.bincount(rows, minlength=to.n_vertices)
    values = values.astype(to.vertices.dtype)
    return ell_with_transpose(packed(function, format, degree, columns, values, n_cols=of.n_vertices))


def _level(function: str, hierarchy: IcosphereHierarchy, level: Any) -> int:
    try:
        number = operator.index(level)
    except TypeError:
        raise TypeError(f"{function}: a level is {level!r}, but an integer is needed.") from None
    if not 0 <= number <= hierarchy.max_level:
        raise ValueError(
            f"{function}: there is no level {number}; the hierarchy has 0 to {hierarchy.max_level}."
        )
    return number
