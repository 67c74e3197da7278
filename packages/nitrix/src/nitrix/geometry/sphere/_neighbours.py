"""Neighbours on a sphere in one form, from a number, a table or a matrix."""

import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nitrix._arguments import exact_array
from nitrix.sparse import ELL, SectionedELL, nearest_neighbours
from nitrix.sparse.mesh._vectors import unit_vectors

NAME = "spherical_conv"


def neighbours_of(given: Any, points: Array) -> ELL | SectionedELL:
    """An adjacency [n, n] of the neighbours, whatever its values are."""
    n = points.shape[0]
    if isinstance(given, ELL | SectionedELL):
        if given.shape != (n, n):
            raise ValueError(
                f"{NAME}: neighbourhood has shape {given.shape}, but ({n}, {n}) is needed, a row for each point."
            )
        return given
    table = _table(given, points, n)
    # The container looks through what is known, so that the product need not.
    return ELL(jnp.zeros(table.shape, points.dtype), table, n)


def _table(given: Any, points: Array, n: int) -> Array:
    if not isinstance(given, int | np.integer) and np.ndim(given) > 0:
        return _checked(exact_array(given, NAME, "neighbourhood"), n)
    try:
        k = operator.index(given)
    except TypeError:
        raise TypeError(
            f"{NAME}: neighbourhood is {type(given).__name__}; give a number of nearest neighbours, a table of indices "
            f"[n, k], an ELL or a SectionedELL, such as mesh_k_ring_adjacency(mesh, include_self=True)."
        ) from None
    if isinstance(given, bool) or not 1 <= k <= max(n, 1):
        raise ValueError(f"{NAME}: neighbourhood is {given}; give from 1 to {n}, the number of points.")
    return nearest_neighbours(unit_vectors(points), k) if n else jnp.zeros((0, k), np.int32)


def _checked(table: Array, n: int) -> Array:
    if not jnp.issubdtype(table.dtype, jnp.integer):
        raise TypeError(
            f"{NAME}: neighbourhood is of dtype {table.dtype}; a table of neighbours holds integers."
        )
    if table.ndim != 2 or table.shape[0] != n:
        raise ValueError(
            f"{NAME}: neighbourhood has shape {table.shape}; a table of neighbours is [{n}, k], a row for each point."
        )
    if isinstance(table, jax.core.Tracer):
        return table
    known = np.asarray(table)
    wrong = (known < 0) | (known >= n)
    if wrong.any():
        row, slot = (int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"{NAME}: {int(wrong.sum())} indices of neighbourhood are out of range, the first at [{row}, {slot}]: "
            f"{known[row, slot]}; they must be from 0 to {n - 1}."
        )
    return table
