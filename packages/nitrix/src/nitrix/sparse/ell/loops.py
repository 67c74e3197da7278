"""Self loops: each row's own column as one more entry."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Shaped

from nitrix.sparse.ell._entries import sections_of
from nitrix.sparse.ell._host import check_identity
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL

Fill = Literal["mean", "zero", "add"]


def ell_add_self_loops(
    ell: ELL | SectionedELL,
    edge_attr: Shaped[ArrayLike, "*#batch m k_max f"] | Sequence[Shaped[ArrayLike, "..."]] | None = None,
    *,
    fill: Fill = "mean",
    self_value: Shaped[ArrayLike, ""] | float | int | complex = 1.0,
) -> tuple[
    ELL | SectionedELL,
    Shaped[Array, "*batch m k_max_plus_1 f"] | tuple[Shaped[Array, "..."], ...] | None,
]:
    """Add the entry (i, i) to each row i of a square matrix, after the row's other entries.

    A row that has a loop already gets a second one, a term of its own. Differentiable in the values, `edge_attr` and
    `self_value`; works under `jit`. The list of slots by column (`transposed`) is left behind.

    Args:
      ell: The matrix.
      edge_attr: Features of each slot. For a sectioned matrix one such array for each section.
      fill: Features of the new entries: the mean of those of the row's other entries ("mean"; 0 if there are none), 0
        ("zero"), or their sum ("add").
      self_value: Value of the new entries.
    Returns:
      The matrix with one more slot for each row, and its features, None if none were given.
    Raises:
      ValueError: If the matrix is not square, `edge_attr` has another shape than the matrix's slots, the dtype of the
        values cannot hold `self_value`, or `fill` is unknown.
    Example:
      >>> from nitrix.sparse import ell_from_ragged
      >>> loops, _ = ell_add_self_loops(ell_from_ragged([[5.0], [6.0, 7.0]], [[1], [0, 1]], n_cols=2))
      >>> loops.values.tolist(), loops.indices.tolist(), loops.degree.tolist()
      ([[5.0, 1.0, 0.0], [6.0, 7.0, 1.0]], [[1, 0, 0], [0, 1, 1]], [2, 3])
    """
    name = "ell_add_self_loops"
    if ell.n_rows != ell.n_cols:
        raise ValueError(
            f"{name}: the matrix is {ell.n_rows} x {ell.n_cols}; only a square one has self loops."
        )
    if fill not in get_args(Fill):
        raise ValueError(f"{name}: fill is {fill!r}; give 'mean', 'zero' or 'add'.")
    if not isinstance(self_value, jax.Array):
        check_identity(name, self_value, ell.dtype, what="self_value")
    sections = sections_of(ell)
    given: Any = edge_attr
    attributes: Any = [None] * len(sections)
    if edge_attr is not None:
        attributes = [given] if isinstance(ell, ELL) else list(given)
        if len(attributes) != len(sections):
            raise ValueError(
                f"{name}: the matrix has {len(sections)} sections, but edge_attr holds {len(attributes)} arrays."
            )
    groups: Any = [np.arange(ell.n_rows, dtype=np.int32)] if isinstance(ell, ELL) else ell.row_groups
    value = jnp.asarray(self_value).astype(ell.dtype)
    for section, attribute in zip(sections, attributes):
        _check_attribute(name, section, attribute)
    done = _with_loops(sections, groups, attributes, value, fill=fill)
    if isinstance(ell, ELL):
        return done[0]
    out = ell.replace(sections=tuple(section for section, _ in done), transposed=None)
    return out, None if edge_attr is None else tuple(attribute for _, attribute in done)


def _check_attribute(function: str, ell: ELL, edge_attr: Any) -> None:
    shape = np.shape(edge_attr)
    if edge_attr is not None and (len(shape) < 3 or shape[-3:-1] != (ell.n_rows, ell.k_max)):
        raise ValueError(
            f"{function}: edge_attr has shape {shape}, but [... {ell.n_rows} {ell.k_max} f] is needed, features "
            f"for each slot."
        )


@partial(jax.jit, static_argnames="fill")
def _with_loops(
    sections: tuple[ELL, ...], groups: Any, attributes: list[Any], value: Array, *, fill: str
) -> list[tuple[ELL, Any]]:
    return [_section(*each, fill, value) for each in zip(sections, groups, attributes)]


def _section(ell: ELL, rows: Any, edge_attr: Any, fill: str, value: Array) -> tuple[ELL, Any]:
    k_max, degree = ell.k_max, ell.degree
    own: Any = k_max if degree is None else degree[..., None].astype(np.int32)
    loop = jnp.broadcast_to(
        jnp.arange(k_max + 1, dtype=np.int32) == own, (*_lead(ell), ell.n_rows, k_max + 1)
    )
    padding = 0 if ell.identity is None else ell.identity
    out = ell.replace(
        values=jnp.where(loop, value, _wider(ell.values, padding, -1)),
        indices=jnp.where(
            loop, jnp.asarray(rows)[:, None].astype(ell.indices.dtype), _wider(ell.indices, 0, -1)
        ),
        degree=None if degree is None else degree + np.asarray(1, degree.dtype),
        transposed=None,
    )
    if edge_attr is None:
        return out, None
    attribute = jnp.asarray(edge_attr)
    new = _filled(attribute, ell, fill)
    attribute = _wider(attribute.astype(new.dtype), 0, -2)
    return out, jnp.where(loop[..., None], new[..., None, :], attribute)


def _filled(attribute: Array, ell: ELL, fill: str) -> Array:
    """Features of the loops, [... m f]."""
    if fill == "zero":
        return jnp.zeros((*attribute.shape[:-2], attribute.shape[-1]), attribute.dtype)
    if attribute.dtype == bool or (fill == "mean" and not jnp.issubdtype(attribute.dtype, jnp.inexact)):
        attribute = attribute.astype(jax.dtypes.canonicalize_dtype(np.float64))
    counted = jnp.where(ell.valid[..., None], attribute, jnp.zeros((), attribute.dtype))
    total = counted.sum(-2)
    if fill == "add":
        return total
    degree = jnp.asarray(ell.k_max) if ell.degree is None else ell.degree[..., None]
    return total / jnp.maximum(degree, 1).astype(total.dtype)


def _wider(array: Array, value: Any, axis: int) -> Array:
    """One more slot at the end of an axis."""
    shape = list(array.shape)
    shape[axis] = 1
    return jnp.concatenate([array, jnp.full(shape, value, array.dtype)], axis=axis)


def _lead(ell: ELL) -> tuple[int, ...]:
    return () if ell.degree is None else tuple(ell.degree.shape[:-1])
