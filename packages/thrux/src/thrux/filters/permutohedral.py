"""The bilateral filter by a lattice: an approximation whose cost does not grow with the width."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from thrux.filters.bilateral import Guided
from thrux.filters.scene import Fitted, Inside, Scene, Volume, in_words


@dataclass(frozen=True, kw_only=True)
class Permutohedral(Guided):
    """The bilateral filter on the permutohedral lattice, `nitrix.smoothing.permutohedral_lattice`.

    Attributes:
      fwhm: Full width at half maximum in mm of the Gaussian in space; or
      sigma: its standard deviation in mm.
      sigma_intensity: As of `Bilateral`.
      guides: As of `Bilateral`.
    """

    name: ClassVar[str] = "permutohedral"

    @property
    def volumes_held(self) -> int:
        """Every voxel meets one vertex more than it has features, and each meeting takes a few numbers."""
        return 16 * (5 + len(self.guides))

    def fit(self, scene: Scene) -> Fitted:
        """Percentages become numbers."""
        sigmas = self.sigmas(scene)
        parameters = {"sigma_intensity": sigmas, "guides": [str(path) for path in self.guides]}
        return Fitted(parameters, partial(self._apply, sigmas, scene))

    def _apply(self, sigmas: list[float], scene: Scene, volume: Volume, inside: Inside) -> np.ndarray:
        from nitrix.smoothing import permutohedral_lattice

        part = np.ones(volume.shape, bool) if inside is None else inside
        place = np.argwhere(part).astype(np.float32) * np.asarray(scene.spacing, np.float32)
        channels = [channel[part] for channel in (volume, *scene.guides)]
        features = np.column_stack([place, *channels])
        sigma = np.asarray([self.sigma_mm] * 3 + sigmas, np.float32)
        run = partial(permutohedral_lattice, volume[part], features, sigma_features=sigma)
        result = volume.copy()
        result[part] = in_words(self.name, run)
        return result
