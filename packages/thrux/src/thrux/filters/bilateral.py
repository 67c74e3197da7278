"""The bilateral filter: neighbours that are near and alike."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from thrux.filters.intensity import Intensity, check_intensities, resolve
from thrux.filters.scene import Fitted, Inside, Scene, Volume, in_words
from thrux.filters.width import Width


@dataclass(frozen=True, kw_only=True)
class Guided(Width):
    """What filters share that look at intensities, of the image itself and of others on its grid."""

    sigma_intensity: Intensity | Sequence[Intensity]
    guides: Sequence[str | os.PathLike[str]] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_intensities(self.sigma_intensity, 1 + len(self.guides))

    @property
    def guide_files(self) -> tuple[str | os.PathLike[str], ...]:
        """The guides."""
        return tuple(self.guides)

    def sigmas(self, scene: Scene) -> list[float]:
        """Widths in the units of the image and of each guide."""
        return resolve(check_intensities(self.sigma_intensity, 1 + len(self.guides)), scene)


@dataclass(frozen=True, kw_only=True)
class Bilateral(Guided):
    """A mean over neighbours that are near and alike, `nitrix.smoothing.bilateral`.

    Attributes:
      fwhm: Full width at half maximum in mm of the Gaussian in space; or
      sigma: its standard deviation in mm.
      sigma_intensity: How far intensities may differ, as a standard deviation: one for the image, then one for each
        guide. A number in the units of that image; or a string such as "10%", of its range between the 2nd and the
        98th percentile (of the first volume, within the mask). A single percentage holds for all.
      guides: Files with one volume on the same grid, such as a T2 or FLAIR of the same head. Their intensities decide
        together with those of the image itself.
    """

    name: ClassVar[str] = "bilateral"

    @property
    def volumes_held(self) -> int:
        """The Gaussian's, and sums and shifts of every channel."""
        return 16 + 6 * len(self.guides)

    def fit(self, scene: Scene) -> Fitted:
        """Percentages become numbers."""
        sigmas = self.sigmas(scene)
        parameters = {"sigma_intensity": sigmas, "guides": [str(path) for path in self.guides]}
        return Fitted(parameters, partial(self._apply, sigmas, scene))

    def _apply(self, sigmas: list[float], scene: Scene, volume: Volume, inside: Inside) -> np.ndarray:
        from nitrix.smoothing import bilateral

        run = partial(
            bilateral,
            volume,
            sigma_space=self.sigma_mm,
            sigma_intensity=sigmas if scene.guides else sigmas[0],
            guide=np.stack([volume, *scene.guides]) if scene.guides else None,
            spacing=scene.spacing,
            mask=inside,
        )
        return in_words(self.name, run)
