"""Who is averaged over whom in the bilateral filter of points: numbers, tables and matrices in one form."""

import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from nitrix.backend import current_platform
from nitrix.semiring.ell_products import columns_of
from nitrix.semiring.stored import Stored, check_range, stored
from nitrix.smoothing._feature_average import Neighbourhood
from nitrix.smoothing._neighbour_sums import Slots
from nitrix.smoothing._point_arguments import NAME, Located
from nitrix.sparse import ELL, SectionedELL
from nitrix.sparse.points.nearest import nearest


def neighbourhood_of(
    given: Any, located: Located, alive: Array | None, kept: Array | None
) -> tuple[Neighbourhood, Array | None]:
    """The neighbourhood in one form, and which rows have an index that is out of range."""
    n = located.features.shape[0]
    if isinstance(given, ELL | SectionedELL):
        return _of_matrix(given, n, alive, kept)
    if not isinstance(given, int | np.integer) and np.ndim(given) > 0:
        return _of_table(given, n, alive, kept)
    try:
        k = operator.index(given)
    except TypeError:
        raise TypeError(
            f"{NAME}: neighbourhood is {type(given).__name__}; give a number of nearest neighbours, a table of indices "
            f"[n, k], an ELL or a SectionedELL."
        ) from None
    if kept is not None:
        raise ValueError(f"{NAME}: mask {kept.shape} is for a table of neighbours; with a number give [{n}].")
    if isinstance(given, bool) or not 1 <= k <= max(n, 1):
        raise ValueError(f"{NAME}: neighbourhood is {given}; give from 1 to {n}, the number of points.")
    indices, counted = nearest(lax.stop_gradient(located.features * located.scale), k, alive)
    return _one_group(indices, counted, alive), None


def _of_table(
    given: Any, n: int, alive: Array | None, kept: Array | None
) -> tuple[Neighbourhood, Array | None]:
    table = jnp.asarray(given)
    if not jnp.issubdtype(table.dtype, jnp.integer):
        raise TypeError(
            f"{NAME}: neighbourhood is of dtype {table.dtype}; a table of neighbours holds integers."
        )
    if table.ndim != 2 or table.shape[0] != n:
        raise ValueError(
            f"{NAME}: neighbourhood has shape {table.shape}; a table of neighbours is [{n}, k], a row for each point."
        )
    if kept is not None and kept.shape != table.shape:
        raise ValueError(f"{NAME}: mask has shape {kept.shape}, but the table of neighbours {table.shape}.")
    if isinstance(table, jax.core.Tracer) or isinstance(kept, jax.core.Tracer):
        outside = (table < 0) | (table >= n)
        outside = outside if kept is None else outside & kept
        return _one_group(table, kept, alive, checked=False), outside.any(1)
    if table.size == 0 or _in_range(table, n):
        return _one_group(table, kept, alive), None
    host = np.asarray(table)
    wrong = (host < 0) | (host >= n)
    if kept is not None:
        wrong &= np.asarray(kept)
    if wrong.any():
        row, slot = (int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"{NAME}: {int(wrong.sum())} indices of neighbourhood are out of range, the first at [{row}, {slot}]: "
            f"{host[row, slot]}; they must be from 0 to {n - 1}. Leave entries out by mask."
        )
    return _one_group(table, kept, alive, checked=False), None


def _in_range(table: Array, n: int) -> bool:
    """Whether all indices are; looked through where it is quickest, in one pass."""
    known: Any = np.asarray(table) if current_platform().name == "cpu" else table
    # As an unsigned number, a negative one is very large.
    return int(known.view(f"uint{8 * table.dtype.itemsize}").max()) < n


def _one_group(table: Array, kept: Array | None, alive: Array | None, checked: bool = True) -> Neighbourhood:
    rows = jnp.arange(table.shape[0], dtype=np.int32)
    slots = Slots(rows, table.astype(np.int32), None, kept, None if checked else ())
    return Neighbourhood((slots,), None, None, None, alive)


def _of_matrix(
    given: ELL | SectionedELL, n: int, alive: Array | None, kept: Array | None
) -> tuple[Neighbourhood, Array | None]:
    if kept is not None:
        raise ValueError(
            f"{NAME}: mask {kept.shape} is for a table of neighbours; with a sparse matrix give [{n}], and leave "
            f"entries out of the matrix."
        )
    matrix, checked = stored(given)
    if given.n_cols != n or sum(group.indices.shape[-2] for group in matrix.groups) != n:
        shape = (sum(group.indices.shape[-2] for group in matrix.groups), given.n_cols)
        raise ValueError(
            f"{NAME}: neighbourhood has shape {shape}, but ({n}, {n}) is needed, a row for each point."
        )
    if any(group.indices.ndim != 2 for group in matrix.groups):
        raise ValueError(
            f"{NAME}: neighbourhood has indices of shape {matrix.groups[0].indices.shape}; give one structure, a batch "
            f"by jax.vmap."
        )
    columns = columns_of(NAME, given, n)
    groups, outside = _slots(matrix, n, checked)
    order = matrix.order
    far = None
    if outside:
        far = outside[0] if order is None else jnp.concatenate(outside)[order]
    if columns is None:
        return Neighbourhood(groups, order, None, None, alive), far
    return Neighbourhood(groups, order, _slots(columns, n, True)[0], columns.order, alive), far


def _slots(matrix: Stored, n: int, checked: bool) -> tuple[tuple[Slots, ...], list[Array]]:
    """Groups of rows; for each, unless it was checked, which rows have an index out of range."""
    groups, outside = [], []
    rows = matrix.rows or (jnp.arange(matrix.groups[0].indices.shape[0], dtype=np.int32),)
    for group, own in zip(matrix.groups, rows):
        unchecked: tuple[()] | None = None
        if not (checked or check_range(NAME, group.indices, group.degree, n, "the number of points is")):
            far = (group.indices < 0) | (group.indices >= n)
            outside.append((group.valid() & far).any(1))
            unchecked = ()
        elif not checked:
            outside.append(jnp.zeros(own.shape, bool))
        indices = group.indices.astype(np.int32)
        groups.append(Slots(own.astype(np.int32), indices, group.degree, None, unchecked))
    return tuple(groups), outside
