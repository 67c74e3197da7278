"""Erosion and dilation over one neighbourhood."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from jaxtyping import Bool

from thrux.neighbourhood import Neighbourhood
from thrux.selection import Stored

_MANY = 500  # voxels of a ball, beyond which a mask is better compared with the radius by its distances


class Extrema:
    """The least or the greatest value near each voxel.

    Attributes:
      voxels: The neighbourhood as a structuring element.
    """

    def __init__(
        self, near: Neighbourhood, spacing: tuple[float, float, float], volume_shape: tuple[int, ...]
    ) -> None:
        self.voxels = near.voxels(spacing, within=volume_shape)
        self._spacing = spacing
        many = near.shape == "ball" and self.voxels.sum() > _MANY
        self._cut = near.cut(spacing, within=volume_shape) if many else None

    def of(self, values: Stored, step: Literal["erode", "dilate"]) -> Stored:
        """The values after an erosion or a dilation; what lies past the border takes no part."""
        from nitrix import morphology

        if self._cut is not None:
            low, high = values.min(), values.max()
            mask = values == high
            if np.array_equal(mask, values != low):
                return np.where(self._by_distance(mask, step, self._cut), high, low)
        flat: dict[str, Any] = {"structuring_element": self.voxels}
        if self.voxels.all():
            flat = {"size": self.voxels.shape}
        change = morphology.erode if step == "erode" else morphology.dilate
        return np.asarray(change(values, **flat))

    def _by_distance(
        self, mask: Bool[np.ndarray, "x y z"], step: Literal["erode", "dilate"], cut: float
    ) -> Bool[np.ndarray, "x y z"]:
        """What stays is farther than the ball reaches from the outside; what is added is nearer to the inside."""
        from nitrix.morphology import distance_transform

        if step == "erode":
            return np.asarray(distance_transform(mask, spacing=self._spacing)) > cut
        return np.asarray(distance_transform(~mask, spacing=self._spacing)) <= cut
