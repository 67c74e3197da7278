"""Reads and checks what the filters by rank are told of their window."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Shaped

from nitrix._arguments import known_numbers, known_value, per_axis, whole_number
from nitrix.morphology._element import Element, element_of
from nitrix.morphology._image import outside_value
from nitrix.morphology._steps import centre_of
from nitrix.sparse import ELL, SectionedELL


def is_mesh(neighbourhood: Any) -> bool:
    """Whether neighbours are listed; else a number is a window's width."""
    if isinstance(neighbourhood, ELL | SectionedELL):
        return True
    return neighbourhood is not None and np.ndim(neighbourhood) > 0


def element_for(
    size: Any, structuring_element: Any, neighbourhood: Any, origin: Any, rank: int, function: str
) -> Element:
    """The window as offsets, in SciPy's convention."""
    given = {"size": size, "structuring_element": structuring_element, "neighbourhood": neighbourhood}
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        raise ValueError(
            f"{function}: give one of size, structuring_element and neighbourhood; "
            f"{' and '.join(named) or 'none of them'} {'were' if len(named) > 1 else 'was'} given."
        )
    if structuring_element is not None:
        footprint = _footprint(structuring_element, rank, function)
    else:
        name, width = named[0], given[named[0]]
        widths = [whole_number(name, n, function, least=1) for n in per_axis(name, width, rank, function)]
        footprint = np.broadcast_to(np.ones((), bool), widths)
    return element_of(footprint, centre_of(footprint.shape, origin, function))


def border_of(border_value: Any, mode: str, dtype: Any, function: str) -> Shaped[Array, ""]:
    """What stands outside, which only one mode reads."""
    outside = outside_value(border_value, dtype, function)
    known = known_numbers(border_value)
    if mode != "constant" and known is not None and known.item() != 0:
        raise ValueError(
            f"{function}: border_value={border_value} is read in mode='constant' only, but mode is {mode!r}."
        )
    return outside


def check_listed(origin: Any, mode: str, border_value: Any, spatial_rank: Any, function: str) -> None:
    """Refuse what lists of neighbours have no use for."""
    plain = known_value(border_value) == 0 if np.shape(border_value) == () else False
    if mode != "reflect" or spatial_rank not in (None, 1) or not plain or np.any(np.asarray(origin) != 0):
        raise ValueError(
            f"{function}: mode, border_value, origin and spatial_rank say nothing of listed neighbours, which have no "
            f"border; leave them out."
        )


def _footprint(structuring_element: Any, rank: int, function: str) -> np.ndarray:
    if isinstance(structuring_element, jax.core.Tracer):
        raise TypeError(
            f"{function}: structuring_element is traced; give it as a NumPy array or outside jit, since the window's "
            f"shape decides what is compiled."
        )
    footprint = np.asarray(structuring_element) != 0
    if footprint.ndim != rank:
        raise ValueError(
            f"{function}: structuring_element has {footprint.ndim} axes but {rank} axes of x are spatial; give one "
            f"for each, or name fewer by spatial_rank."
        )
    if not footprint.any():
        raise ValueError(
            f"{function}: structuring_element {footprint.shape} is empty; a window needs a voxel that is not 0."
        )
    return footprint
