"""SUSAN: the bilateral filter with a rule for impulse noise and a brightness threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from thrux.errors import ThruxError
from thrux.filters.intensity import robust_range
from thrux.filters.scene import Fitted, Inside, Scene, Volume, in_words
from thrux.filters.width import Width


@dataclass(frozen=True, kw_only=True)
class Susan(Width):
    """SUSAN noise reduction, `nitrix.smoothing.susan_emulator`.

    Attributes:
      fwhm: Full width at half maximum in mm of the Gaussian in space; or
      sigma: its standard deviation in mm.
      brightness_threshold: In units of the image: above the noise, below the contrast of edges that are to stay.
        Default: 0.75 times the median intensity of the first volume above its 2nd percentile, taken within the mask,
        or without one where the image is above a tenth of its range between the 2nd and the 98th percentile.
      median: Replace a voxel that is like none of its neighbours by their median.
    """

    name: ClassVar[str] = "susan"
    volumes_held: ClassVar[int] = 24
    brightness_threshold: float | int | None = None
    median: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        given = self.brightness_threshold
        if given is not None and not (math.isfinite(given) and given > 0):
            raise ThruxError(
                "it must be a positive number in the units of the image",
                field="brightness_threshold",
                value=given,
                remedy="Leave it out to have it estimated",
            )

    def fit(self, scene: Scene) -> Fitted:
        """Estimate the threshold if none is given."""
        threshold = self.brightness_threshold
        threshold = estimated_threshold(scene) if threshold is None else float(threshold)
        parameters = {
            "brightness_threshold": threshold,
            "brightness_threshold_estimated": self.brightness_threshold is None,
            "median": self.median,
        }
        return Fitted(parameters, partial(self._apply, threshold, scene.spacing))

    def _apply(
        self, threshold: float, spacing: tuple[float, float, float], volume: Volume, inside: Inside
    ) -> np.ndarray:
        from nitrix.smoothing import susan_emulator

        run = partial(
            susan_emulator,
            volume,
            sigma_space=self.sigma_mm,
            bthresh=threshold,
            use_median=self.median,
            spacing=spacing,
            mask=inside,
        )
        return in_words(self.name, run)


def estimated_threshold(scene: Scene) -> float:
    """By the rule of thumb of FSL's users, from the first volume."""
    from nitrix.smoothing import susan_brightness_threshold

    low, high = robust_range(scene.volume, None)
    inside = scene.volume > low + 0.1 * (high - low) if scene.inside is None else scene.inside
    threshold = math.nan
    if inside.any():
        threshold = float(susan_brightness_threshold(scene.volume, mask=inside, background=low))
    if not (math.isfinite(threshold) and threshold > 0):
        raise ThruxError(
            "no brightness threshold can be estimated: the image is not brighter than its background",
            field="brightness_threshold",
            value="estimated",
            remedy="Give one in the units of the image",
        )
    return threshold
