"""Packs entries that are sorted by row into rows of slots, flat or in sections of rows of similar degree."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL

WASTE = 1.5  # slots over entries that no group of rows reaches
BucketRule = Callable[[int], Hashable]
Rows = NDArray[np.int64]


def pack_flat(
    degree: Rows, columns: Rows, values: Any, *, n_cols: int, k_max: int | None = None, **pads: Any
) -> ELL:
    """One ELL of all rows, as wide as the largest degree or `k_max`."""
    k_max = int(degree.max(initial=0)) if k_max is None else k_max
    return _packed(np.arange(len(degree)), k_max, degree, columns, values, n_cols=n_cols, **pads)


def pack_sections(
    degree: Rows,
    columns: Rows,
    values: Any,
    *,
    n_cols: int,
    function: str,
    bucket_by: BucketRule | None = None,
    identity: Any = None,
    pad_index: int = 0,
) -> SectionedELL:
    """Sections of rows, each as wide as the largest degree in it."""
    groups = row_groups(degree, function=function, bucket_by=bucket_by)
    pads = {"n_cols": n_cols, "identity": identity, "pad_index": pad_index}
    sections = tuple(
        _packed(rows, int(degree[rows].max(initial=0)), degree, columns, values, **pads) for rows in groups
    )
    return SectionedELL(
        sections, tuple(constant(rows.astype(np.int32)) for rows in groups), len(degree), n_cols, identity
    )


def pack_tight(degree: Rows, columns: Rows, values: Any, *, n_cols: int, function: str) -> ELL | SectionedELL:
    """Flat where that wastes little, else in sections."""
    slots = len(degree) * int(degree.max(initial=0))
    if slots == 0 or slots < WASTE * int(degree.sum()):
        return pack_flat(degree, columns, values, n_cols=n_cols)
    return pack_sections(degree, columns, values, n_cols=n_cols, function=function)


# A group of rows is kept only if its slots stay under WASTE x its entries. What does not is split by
# ceil(2 log2 degree): the degrees of one part lie in (2^((t-1)/2), 2^(t/2)], so that their ratio is under sqrt 2, and
# so is that of the part's slots and entries. Slots < 1.5 x entries holds in every group, hence in sum, whatever the
# degrees and the rule.


def row_groups(degree: Rows, *, function: str, bucket_by: BucketRule | None = None) -> list[Rows]:
    """The rows of each section, by ascending smallest degree; rows without entries make one of their own."""
    degrees, which, counts = np.unique(degree, return_inverse=True, return_counts=True)
    which = which.reshape(-1)
    names: dict[Hashable, list[int]] = {}
    for d in range(len(degrees)):
        names.setdefault(_name(int(degrees[d]), bucket_by, function), []).append(d)
    group_of = np.zeros(len(degrees), np.int64)
    groups = 0
    for members in names.values():
        own, many = degrees[members], counts[members]
        fine = len(members) == 1 or own.max() * many.sum() < WASTE * (own * many).sum()
        part = np.zeros(len(members), np.int64) if fine else ceil_log2(own * own)
        _, part = np.unique(part, return_inverse=True)
        group_of[members] = groups + part.reshape(-1)
        groups += int(part.max()) + 1
    group = group_of[which]
    by_group = np.argsort(group, kind="stable")
    return np.split(by_group, np.cumsum(np.bincount(group, minlength=max(groups, 1)))[:-1])


def ceil_log2(numbers: Rows) -> Rows:
    """The smallest t with 2^t >= number, for numbers from 1 on."""
    return np.frexp(numbers - 1)[1].astype(np.int64)


def _name(degree: int, bucket_by: BucketRule | None, function: str) -> Hashable:
    if degree == 0:
        return ("without entries",)
    if bucket_by is None:
        return (degree - 1).bit_length()
    try:
        name = bucket_by(degree)
    except Exception as error:
        raise ValueError(
            f"{function}: bucket_by({degree}) raised {type(error).__name__}: {error}; it is given the number of "
            f"entries of a row, 1 or more, and names the group of such rows."
        ) from error
    try:
        hash(name)
    except TypeError:
        raise TypeError(
            f"{function}: bucket_by({degree}) is {name!r}, which is not hashable; name a group by a number, a string "
            f"or a tuple."
        ) from None
    return "rule", name


def _packed(
    rows: Rows,
    k_max: int,
    degree: Rows,
    columns: Rows,
    values: Any,
    *,
    n_cols: int,
    identity: Any = None,
    pad_index: int = 0,
) -> ELL:
    """Some of the rows as one ELL; `columns` and `values` [... entries] are sorted by row."""
    own = degree[rows]
    full = bool((own == k_max).all())
    valid = np.arange(k_max) < own[:, None]
    take = np.where(valid, (np.cumsum(degree) - degree)[rows][:, None] + np.arange(k_max), 0)
    if len(columns):
        in_columns, taken = columns[take], values[..., take]
    else:
        in_columns, taken = take, np.zeros((*values.shape[:-1], *take.shape), values.dtype)
    if not full:
        in_columns = np.where(valid, in_columns, pad_index)
        where: Any = np.where if isinstance(taken, np.ndarray) else jnp.where
        taken = where(valid, taken, np.asarray(0 if identity is None else identity, values.dtype))
    return ELL(
        constant(taken) if isinstance(taken, np.ndarray) else taken,
        constant(in_columns.astype(np.int32)),
        n_cols,
        identity,
        degree=None if full else constant(own.astype(np.int32)),
    )


def constant(array: NDArray[Any]) -> jax.Array:
    """A JAX array of known values, known even while something else is traced."""
    # jnp.asarray compiles a program for every new shape, which a matrix of many sections feels.
    with jax.ensure_compile_time_eval():
        return jax.device_put(array)


def with_values(slots: ELL | SectionedELL, values: Any, identity: Any) -> ELL | SectionedELL:
    """The matrix of the values [... slots] that an int32 matrix names by number; pads hold the identity, or 0."""
    if isinstance(slots, SectionedELL):
        sections = tuple(_gathered(section, values, identity) for section in slots.sections)
        return slots.replace(sections=sections, identity=identity)
    return _gathered(slots, values, identity)


def _gathered(slots: ELL, values: Any, identity: Any) -> ELL:
    known = isinstance(values, np.ndarray) and not isinstance(slots.values, jax.core.Tracer)
    numbers: Any = np.asarray(slots.values) if known else slots.values
    xp: Any = np if known else jnp
    if values.shape[-1] == 0:
        taken = xp.zeros((*values.shape[:-1], *numbers.shape), values.dtype)
    else:
        taken = (values if known else jnp.asarray(values))[..., numbers]
    if slots.degree is not None:
        pad = np.asarray(0 if identity is None else identity, values.dtype)
        valid = np.arange(slots.k_max) < np.asarray(slots.degree)[:, None] if known else slots.valid
        taken = xp.where(valid, taken, pad)
    return slots.replace(values=constant(taken) if known else taken, identity=identity)


def by_row(rows: Rows, n_rows: int, *arrays: Any) -> tuple[Rows, Sequence[Any]]:
    """The entries per row, and arrays [... entries] brought into the order of the rows (stable)."""
    degree = np.bincount(rows, minlength=n_rows).astype(np.int64)
    if bool((rows[1:] >= rows[:-1]).all()):
        return degree, arrays
    order = np.argsort(rows, kind="stable")
    return degree, tuple(array[..., order] for array in arrays)
