"""Masking of entries by a value that makes them count for nothing, and batches of one structure."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Shaped

from nitrix.semiring import Semiring
from nitrix.sparse.ell._entries import sections_of
from nitrix.sparse.ell._host import check_identity
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL


class _Unset:
    def __repr__(self) -> str:
        return "<not given>"


_UNSET = _Unset()


def ell_mask(
    adjacency: ELL | SectionedELL,
    valid: Shaped[ArrayLike, "..."] | Sequence[Shaped[ArrayLike, "..."]],
    *,
    semiring: Semiring[Any] | None = None,
    identity: Any = _UNSET,
) -> ELL | SectionedELL:
    """Write into each entry that is not valid the value that makes it count for nothing; the structure stays.

    Give exactly one of `semiring`, whose annihilator is written, and `identity`, a value of your own. Differentiable in
    the values: a masked entry has gradient 0.

    Args:
      adjacency: The matrix.
      valid: What stays, as truth values: one for each column, [n_cols] (a medial wall, a brain mask), or one for each
        slot, of the shape of the indices; for a sectioned matrix then one such array for each section.
      semiring: The algebra that the matrix will be used with.
      identity: The value to write, a Python scalar.
    Returns:
      The matrix, in the form of `adjacency`.
    Raises:
      ValueError: If the algebra has no annihilator (EUCLIDEAN), if both or none of semiring and identity are given, if
        the dtype of the values cannot hold the value, or `valid` has another shape.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.semiring import TROPICAL_MAX_PLUS
      >>> from nitrix.sparse import ell_from_ragged
      >>> ell = ell_from_ragged([[1.0, 2.0], [3.0, 4.0]], [[0, 1], [1, 2]], n_cols=3)
      >>> ell_mask(ell, jnp.asarray([True, False, True]), semiring=TROPICAL_MAX_PLUS).values.tolist()
      [[1.0, -inf], [-inf, 4.0]]
    """
    name = "ell_mask"
    value = _value(name, semiring, identity)
    sections = sections_of(adjacency)
    check_identity(name, value, adjacency.dtype, what="the value written")
    masks = _masks(name, adjacency, valid)
    done = [
        section.replace(values=jnp.where(mask, section.values, jnp.asarray(value, section.dtype)))
        for section, mask in zip(sections, masks)
    ]
    return done[0] if isinstance(adjacency, ELL) else adjacency.replace(sections=tuple(done))


def _value(function: str, semiring: Semiring[Any] | None, identity: Any) -> Any:
    if (semiring is None) == (identity is _UNSET):
        given = "none" if semiring is None else "both"
        raise ValueError(f"{function}: give either semiring or identity; {given} of them was given.")
    if semiring is None:
        if identity is None:
            raise ValueError(f"{function}: identity is None; give the value to write, a number.")
        return identity
    if semiring.annihilator is None:
        raise ValueError(
            f"{function}: the algebra {semiring.name!r} has no annihilator, no value that makes an entry count for "
            f"nothing. Give identity= with the value to write, or build the matrix anew without these entries."
        )
    return semiring.annihilator


def _masks(function: str, adjacency: ELL | SectionedELL, valid: Any) -> list[Array]:
    """Truth values for the slots of each section."""
    sections = sections_of(adjacency)
    several = isinstance(adjacency, SectionedELL) and isinstance(valid, list | tuple)
    if several and len(valid) != len(sections):
        raise ValueError(
            f"{function}: the matrix has {len(sections)} sections, but valid holds {len(valid)} arrays."
        )
    masks = []
    for s, section in enumerate(sections):
        given = jnp.asarray(valid[s] if several else valid).astype(bool)
        if given.shape == section.indices.shape and (several or isinstance(adjacency, ELL)):
            masks.append(given)
        elif given.shape == (adjacency.n_cols,):
            masks.append(given[section.indices] if given.size else jnp.ones(section.indices.shape, bool))
        else:
            raise ValueError(
                f"{function}: valid has shape {given.shape}; give ({adjacency.n_cols},), one for each column, or "
                f"{section.indices.shape}, one for each slot{' of each section' if section is not adjacency else ''}."
            )
    return masks


def ell_broadcast(adjacency: ELL | SectionedELL, batch: int | Sequence[int]) -> ELL | SectionedELL:
    """A batch of matrices of one structure: the values with leading axes, the indices and degree shared.

    Args:
      adjacency: The matrix.
      batch: The leading axes of the values afterwards; those that they have already must broadcast to them.
    Returns:
      The matrix, in the form of `adjacency`.
    Raises:
      ValueError: If the leading axes of the values do not broadcast to `batch`.
    Example:
      >>> from nitrix.sparse import ell_from_ragged
      >>> ell_broadcast(ell_from_ragged([[1.0], [2.0]], [[1], [0]], n_cols=2), 3).values.shape
      (3, 2, 1)
    """
    lead = (batch,) if isinstance(batch, int) else tuple(batch)

    def of(section: ELL) -> ELL:
        shape = section.values.shape
        try:
            fits = jnp.broadcast_shapes(shape[:-2], lead) == lead
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                f"ell_broadcast: values {shape} have leading axes that do not broadcast to batch {lead}."
            )
        return section.replace(values=jnp.broadcast_to(section.values, (*lead, *shape[-2:])))

    if isinstance(adjacency, ELL):
        return of(adjacency)
    return adjacency.replace(sections=tuple(of(section) for section in adjacency.sections))
