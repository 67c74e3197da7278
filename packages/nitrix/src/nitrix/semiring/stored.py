"""How a sparse matrix is handed to compiled code: groups of rows, each with its values, indices and degrees."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nitrix.semiring._plain.ell import Slots
from nitrix.semiring._plain.ell_gathered import Sections
from nitrix.semiring.adjacency import Adjacency, SectionedAdjacency


class Group(NamedTuple):
    """Some rows of a sparse matrix; leading axes broadcast."""

    values: Array  # [... m k_max]
    indices: Array  # [... m k_max]
    degree: Array | None  # [... m] slots per row that count; None: all

    def valid(self) -> Array:
        """The slots that count."""
        if self.degree is None:
            return jnp.ones(self.indices.shape, bool)
        return jnp.arange(self.indices.shape[-1]) < self.degree[..., None].astype(int)


class Stored(NamedTuple):
    """A sparse matrix; flat ones are one group without `rows` and `order`."""

    groups: tuple[Group, ...]
    rows: tuple[Array, ...] | None = None
    order: Array | None = None

    def sections(self) -> Sections:
        """As the plain path takes it, without batch."""
        slots = (Slots(*g[:2], None if g.degree is None else g.valid()) for g in self.groups)
        return Sections(tuple(slots), self.rows, self.order)


def stored(adjacency: Adjacency | SectionedAdjacency) -> tuple[Stored, bool]:
    """The arrays of a container, and whether its indices are known to be in range."""
    # Not isinstance: of a runtime protocol, that takes as long as a small product.
    parts: Any = getattr(adjacency, "sections", None)
    if parts is None:
        return Stored((_group(adjacency),)), getattr(adjacency, "checked", False)
    groups = tuple(_group(part) for part in parts)
    rows = tuple(_array(rows) for rows in adjacency.row_groups)  # type: ignore[union-attr]
    order = _array(adjacency.order)  # type: ignore[union-attr]
    return Stored(groups, rows, order), all(getattr(part, "checked", False) for part in parts)


def _group(part: Any) -> Group:
    degree = part.degree
    return Group(_array(part.values), _array(part.indices), None if degree is None else _array(degree))


def _array(x: Any) -> Array:
    return x if isinstance(x, Array) else jnp.asarray(x)


def full_slots(adjacency: Adjacency | SectionedAdjacency) -> tuple[int, ...]:
    """How many slots of each group are known to count in every row."""
    parts: Any = getattr(adjacency, "sections", None) or (adjacency,)
    return tuple(getattr(part, "full", 0) for part in parts)


def columns_from(
    function: str, transposed: Adjacency | SectionedAdjacency, n: int, *, batched: bool
) -> Stored:
    """The transposed slots of a matrix of n columns, checked."""
    columns, _ = stored(transposed)
    rows = sum(group.indices.shape[-2] for group in columns.groups)
    if rows != n:
        raise ValueError(
            f"{function}: the transposed slots have {rows} rows, but the matrix has {n} columns; make them from this "
            f"matrix by ell_with_transpose."
        )
    if batched or any(g.values.ndim > 2 or g.values.dtype.kind not in "iu" for g in columns.groups):
        raise ValueError(
            f"{function}: transposed slots serve one structure without batch axes and hold integers; batch the values "
            f"and not the indices, and make the slots by ell_with_transpose."
        )
    return columns


def over_batch(
    one: Callable[[Sections, Array], Array],
    matrix: Stored,
    dense: Array,
    n: int,
    checked: bool,
    full: tuple[int, ...] = (),
) -> tuple[Array, Array | None]:
    """Apply to matrices over broadcasting leading axes; also which rows have an index out of range.

    Indices and degrees that were checked on the host need no second look, and no mask the slots of each group that are
    known to be `full`.
    """
    groups, outside = [], []
    for number, group in enumerate(matrix.groups):
        valid = None if checked and group.degree is None else group.valid()
        values, indices = group.values, group.indices
        if not checked and valid is not None:
            wrong = valid & ((indices < 0) | (indices >= n))
            valid = valid & ~wrong
            outside.append(wrong.any(-1))
        if valid is not None:
            # Harmless values in the slots that do not count, whose gradient is then 0 whatever they held.
            values, indices = (
                jnp.where(valid, values, jnp.zeros((), values.dtype)),
                jnp.where(valid, indices, 0),
            )
            if checked and full:
                valid = valid[..., full[number] :]
        groups.append(Slots(values, indices, valid))
    leaves, structure = jax.tree.flatten(groups)

    def core(*arrays: Array) -> Array:
        return one(
            Sections(tuple(jax.tree.unflatten(structure, arrays[:-1])), matrix.rows, matrix.order), arrays[-1]
        )

    if all(x.ndim == 2 for x in (*leaves, dense)):
        out = core(*leaves, dense)
    else:
        each = ",".join(f"(r{i},k{i})" for i in range(len(leaves) + 1))
        out = jnp.vectorize(core, signature=f"{each}->(s,c)")(*leaves, dense)
    if not outside:
        return out, None
    if matrix.order is None:
        return out, outside[0]
    batch = jnp.broadcast_shapes(*(x.shape[:-1] for x in outside))
    joined = jnp.concatenate([jnp.broadcast_to(x, (*batch, x.shape[-1])) for x in outside], -1)
    return out, joined[..., matrix.order]


def marked(out: Array, outside: Array | None) -> Array:
    """NaN where an index was out of range, as far as the dtype has one."""
    if outside is None or not jnp.issubdtype(out.dtype, jnp.inexact):
        return out
    return jnp.where(outside, jnp.nan, out)


def check_range(name: str, indices: Array, degree: Array | None, n: int, because: str) -> bool:
    """Refuse indices and degrees out of range, where their values can be looked at; whether they could."""
    k_max = indices.shape[-1]
    if degree is not None:
        if isinstance(degree, jax.core.Tracer):
            return False
        host = np.asarray(degree)
        if host.size and (host.min() < 0 or host.max() > k_max):
            raise ValueError(
                f"{name}: degree ranges from {host.min()} to {host.max()}, but rows have 0 to {k_max} entries."
            )
    if isinstance(indices, jax.core.Tracer):
        return False
    columns = np.asarray(indices)
    if columns.size == 0 or (columns.min() >= 0 and columns.max() < n):
        return True
    wrong = (columns < 0) | (columns >= n)
    if degree is not None:
        wrong = wrong & (np.arange(k_max) < np.asarray(degree)[..., None])
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"{name}: {int(wrong.sum())} indices are out of range, the first at {at[-indices.ndim :]}; they must be "
            f"from 0 to {n - 1} ({because} {n}). Pads need an index in range, or a degree that leaves them out."
        )
    return True
