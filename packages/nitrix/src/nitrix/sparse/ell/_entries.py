"""The entries of an adjacency as the host sees them: row, column and slot number of each, pads left out."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL

MOST_SLOTS = 2**31 - 1  # slot numbers are int32


class Entries(NamedTuple):
    """The entries of a matrix by slot number; each array is [entries]."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    slots: NDArray[np.int64]


def on_host(function: str, what: str, array: Any) -> NDArray[Any]:
    """The array in NumPy; TypeError while it is traced."""
    if isinstance(array, jax.core.Tracer):
        raise TypeError(
            f"{function}: {what} is traced, but the structure of a sparse matrix is worked out on the host; call "
            f"{function} outside jit, vmap and scan, and pass what it returns in."
        )
    return np.asarray(array)


def sections_of(adjacency: ELL | SectionedELL) -> tuple[ELL, ...]:
    """The sections of a matrix; a flat one is its own."""
    return (adjacency,) if isinstance(adjacency, ELL) else tuple(adjacency.sections)


def entries_of(adjacency: ELL | SectionedELL, function: str) -> Entries:
    """Where the slots that count stand."""
    if isinstance(adjacency, ELL):
        return _of_section(adjacency, function)
    parts, first = [], 0
    for section, group in zip(adjacency.sections, adjacency.row_groups, strict=True):
        part = _of_section(section, function)
        rows = on_host(function, "row_groups", group).astype(np.int64)
        parts.append(Entries(rows[part.rows], part.columns, part.slots + first))
        first += section.n_rows * section.k_max
    return Entries(*(np.concatenate(arrays) for arrays in zip(*parts)))


def _of_section(ell: ELL, function: str) -> Entries:
    for what, array, axes in (("indices", ell.indices, 2), ("degree", ell.degree, 1)):
        if array is not None and array.ndim != axes:
            raise ValueError(
                f"{function}: {what} has shape {array.shape}, with leading axes; matrices that differ in structure are "
                f"worked on one at a time (leading axes of values are welcome)."
            )
    m, k_max = ell.n_rows, ell.k_max
    if m * k_max > MOST_SLOTS:
        raise ValueError(
            f"{function}: {m} x {k_max} slots are more than the {MOST_SLOTS} that int32 can number."
        )
    columns = on_host(function, "indices", ell.indices).ravel()
    slots = np.arange(m * k_max)
    if ell.degree is not None:
        degree = on_host(function, "degree", ell.degree).astype(np.int64)
        slots = np.flatnonzero(np.arange(k_max) < degree[:, None])
        columns = columns[slots]
    return Entries(slots // max(k_max, 1), columns.astype(np.int64), slots)


def flat_values(adjacency: ELL | SectionedELL) -> Any:
    """The values by slot number, [... slots]; in NumPy, which compiles nothing, where they are known."""
    sections = sections_of(adjacency)
    if not any(isinstance(section.values, jax.core.Tracer) for section in sections):
        values = [np.asarray(section.values) for section in sections]
        batch = np.broadcast_shapes(*(v.shape[:-2] for v in values))
        return np.concatenate(
            [
                np.broadcast_to(v, (*batch, *v.shape[-2:])).reshape(*batch, v.shape[-2] * v.shape[-1])
                for v in values
            ],
            axis=-1,
        )
    batch = jnp.broadcast_shapes(*(section.values.shape[:-2] for section in sections))
    flat = [
        jnp.broadcast_to(s.values, (*batch, *s.values.shape[-2:])).reshape(*batch, s.n_rows * s.k_max)
        for s in sections
    ]
    return jnp.concatenate(flat, axis=-1)
