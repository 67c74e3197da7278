"""What the filters by rank share: from checked arguments to the selection."""

from typing import Any

from jaxtyping import Array, Shaped

from nitrix._arguments import spatial_axes
from nitrix._boundary import plain_mode
from nitrix.morphology._image import image_of
from nitrix.morphology._mesh import sections_of
from nitrix.morphology._mesh_ranks import RankOf, check_counts, ranks_by_count, select_listed
from nitrix.morphology._rank_arguments import (
    border_of,
    check_listed,
    element_for,
    is_mesh,
)
from nitrix.morphology._rank_selection import select


def filter_by_rank(
    x: Any,
    rank_of: RankOf,
    what: str,
    function: str,
    *,
    size: Any,
    structuring_element: Any,
    neighbourhood: Any,
    mode: str,
    border_value: Any,
    origin: Any,
    spatial_rank: int | None,
) -> Shaped[Array, "..."]:
    """The value of rank `rank_of(count)` in each window of `count` voxels, or each row of neighbours."""
    image = image_of(x, function)
    plain = plain_mode(mode, function)
    if is_mesh(neighbourhood):
        if size is not None or structuring_element is not None:
            raise ValueError(
                f"{function}: give one of size, structuring_element and neighbourhood, not several."
            )
        check_listed(origin, plain, border_value, spatial_rank, function)
        if image.ndim == 0:
            raise ValueError(f"{function}: x is a single number; give [... n], the vertices last.")
        sections = sections_of(neighbourhood, image.shape[-1], function)
        check_counts(sections, rank_of, image.dtype, what, function)
        if image.size == 0:  # as many rows as vertices
            return image
        ranks = tuple(ranks_by_count(rank_of, indices.shape[1]) for indices, _ in sections[0])
        return select_listed(image, sections, ranks=ranks)
    axes = spatial_axes(image.ndim, spatial_rank, function)
    element = element_for(size, structuring_element, neighbourhood, origin, len(axes), function)
    outside = border_of(border_value, plain, image.dtype, function)
    count = len(element.entries)
    rank = rank_of(count)
    if not 0 <= rank < count:
        raise ValueError(
            f"{function}: {what} is not among the {count} values of a window, which are numbered from 0 to "
            f"{count - 1}, or from -{count} to -1."
        )
    if image.size == 0 or count == 1 == len(element.footprint.ravel()):
        return image
    return select(image, outside, element=element, mode=plain, rank=rank)
