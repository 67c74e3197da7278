"""The Gaussian, which knows no edges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import numpy as np

from thrux.filters.scene import Fitted, Inside, Scene, Volume
from thrux.filters.width import Width
from thrux.options import check_choice

Mode = Literal["reflect", "mirror", "nearest", "constant", "wrap"]


@dataclass(frozen=True, kw_only=True)
class Gaussian(Width):
    """A mean over neighbours that are near.

    Attributes:
      fwhm: Full width at half maximum in mm; or
      sigma: standard deviation in mm.
      mode: How the image goes on past its border, under SciPy's names; "constant" means 0.
    """

    name: ClassVar[str] = "gaussian"
    volumes_held: ClassVar[int] = 12  # raw, scaled (twice as wide), padded, result...
    mode: Mode = "reflect"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("mode", self.mode, Mode)

    def fit(self, scene: Scene) -> Fitted:
        """Nothing depends on the image."""
        return Fitted({"mode": self.mode}, partial(self._apply, scene.spacing))

    def _apply(self, spacing: tuple[float, float, float], volume: Volume, inside: Inside) -> np.ndarray:
        from nitrix.smoothing import gaussian

        smooth = partial(gaussian, sigma=self.sigma_mm, spacing=spacing, mode=self.mode)
        if inside is None:
            return np.asarray(smooth(volume))
        weight = np.asarray(smooth(inside.astype(np.float32)))
        if self.mode == "constant":  # past the border there are zeros, which do count
            weight = weight + (1 - np.asarray(smooth(np.ones_like(volume))))
        kept = np.where(inside, volume, np.float32(0))
        return np.asarray(smooth(kept)) / np.where(inside, weight, np.float32(1))
