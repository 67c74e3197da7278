"""Sparse matrices as lists of entries, in every form the library has, with their dense NumPy definition."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from nitrix.sparse import ELL, ell_from_ragged, sectioned_ell_from_ragged

from support import oracles

FORMS = {"flat": ell_from_ragged, "sectioned": sectioned_ell_from_ragged}
WITH_ANNIHILATOR = [name for name in oracles.ALGEBRAS if name != "euclidean"]


class Entries(NamedTuple):
    """One row number, column and value for each entry, sorted by row."""

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    shape: tuple[int, int]

    @property
    def dense(self):
        """Duplicates add."""
        out = np.zeros(self.shape, np.float64)
        np.add.at(out, (self.rows, self.columns), self.values)
        return out

    @property
    def degree(self):
        return np.bincount(self.rows, minlength=self.shape[0])

    def ragged(self):
        """Values and columns, row by row."""
        ends = np.cumsum(self.degree)[:-1]
        return np.split(self.values, ends), np.split(self.columns, ends)

    def ell(self, form="flat", **options):
        """The library's matrix."""
        values, columns = self.ragged()
        return FORMS[form](values, columns, n_cols=self.shape[1], **options)


def ragged_case(m=9, n=7, *, most=6, seed=0, dtype=np.float32):
    """Random entries: empty rows, a row of `most` entries and duplicates among them."""
    rng = np.random.default_rng(seed)
    degree = rng.integers(1, most, m)
    degree[:3] = 0, most, 1
    rows = np.repeat(np.arange(m), degree)
    columns = rng.integers(0, n, rows.size)
    columns[2] = columns[1]
    return Entries(rows, columns, rng.normal(size=rows.size).astype(dtype), (m, n))


def listed(case):
    """(row, column, value) of every entry."""
    return [(int(i), int(j), v.item()) for i, j, v in zip(*case[:3])]


def sections_of(matrix):
    """The sections of a sectioned matrix; a flat one is its only section."""
    return [matrix] if isinstance(matrix, ELL) else list(matrix.sections)


def entries_of(matrix) -> Any:
    """(row, column, value) of every entry that counts, in the order of rows and slots, looked up slot by slot."""
    groups = [np.arange(matrix.n_rows)] if isinstance(matrix, ELL) else matrix.row_groups
    found = []
    for section, group in zip(sections_of(matrix), groups):
        values, indices = np.asarray(section.values), np.asarray(section.indices)
        for i, row in enumerate(np.asarray(group)):
            count = section.k_max if section.degree is None else int(section.degree[i])
            found += [(int(row), int(indices[i, p]), values[i, p].item()) for p in range(count)]
    return sorted(found, key=lambda entry: entry[0])


def product_oracle(name, matrix, x):
    """The product over an algebra from its definition, section by section."""
    out = np.zeros((matrix.n_rows, x.shape[1]), bool if name == "boolean" else np.float64)
    groups = [np.arange(matrix.n_rows)] if isinstance(matrix, ELL) else matrix.row_groups
    for section, group in zip(sections_of(matrix), groups):
        if section.n_rows:
            part = oracles.ell_matmul(name, section.values, section.indices, x, section.degree)
            out[np.asarray(group)] = part
    return out


def normal(size, seed=5):
    """Random numbers; the same for the same size."""
    return np.random.default_rng(seed).normal(size=size)


def valid_of(section):
    """Which slots count, in NumPy."""
    if section.degree is None:
        return np.ones(section.indices.shape, bool)
    return np.arange(section.k_max) < np.asarray(section.degree)[..., None]


def slot_values(matrix):
    """The values of all slots in one vector, in NumPy where they are known (nothing is compiled then)."""
    sections = sections_of(matrix)
    traced = any(isinstance(section.values, jax.core.Tracer) for section in sections)
    xp = jnp if traced else np
    return xp.concatenate([xp.asarray(section.values).reshape(-1) for section in sections])


def with_slot_values(matrix, flat):
    """The matrix with the values of all slots taken from one vector, counted through the sections."""
    if isinstance(matrix, ELL):
        values = flat.reshape(matrix.indices.shape)
        return matrix.replace(values=values if isinstance(flat, jax.core.Tracer) else jax.device_put(values))
    flat = flat if isinstance(flat, jax.core.Tracer) else np.asarray(flat)
    sections, first = [], 0
    for section in matrix.sections:
        size = section.n_rows * section.k_max
        sections.append(with_slot_values(section, flat[first : first + size]))
        first += size
    return matrix.replace(sections=tuple(sections))
