"""Morphology of images and of fields on meshes; `susan_emulator` of `nitrix.smoothing` under this name too."""

from typing import TYPE_CHECKING, Any

from nitrix.morphology.distance import distance_transform as distance_transform
from nitrix.morphology.distance import distance_transform_edt as distance_transform_edt
from nitrix.morphology.distance import signed_distance_transform as signed_distance_transform
from nitrix.morphology.grayscale import dilate as dilate
from nitrix.morphology.grayscale import erode as erode
from nitrix.morphology.median import median_filter as median_filter
from nitrix.morphology.opening import close as close
from nitrix.morphology.opening import open as open
from nitrix.morphology.pooling import PooledMaxima as PooledMaxima
from nitrix.morphology.pooling import max_pool_with_indices_nd as max_pool_with_indices_nd
from nitrix.morphology.pooling import max_unpool_nd as max_unpool_nd
from nitrix.morphology.rank import percentile_filter as percentile_filter
from nitrix.morphology.rank import rank_filter as rank_filter
from nitrix.morphology.reconstruction import fill_holes as fill_holes
from nitrix.morphology.reconstruction import reconstruct as reconstruct
from nitrix.morphology.residues import black_tophat as black_tophat
from nitrix.morphology.residues import morphological_gradient as morphological_gradient
from nitrix.morphology.residues import white_tophat as white_tophat

if TYPE_CHECKING:
    from nitrix.smoothing import susan_emulator as susan_emulator


def __getattr__(name: str) -> Any:
    # Imported when it is asked for: smoothing stands on morphology, not the other way round.
    if name == "susan_emulator":
        from nitrix.smoothing import susan_emulator

        return susan_emulator
    here = [
        name for name, value in globals().items() if getattr(value, "__module__", "").startswith("nitrix.")
    ]
    names = ", ".join(sorted([*(name for name in here if not name.startswith("_")), "susan_emulator"]))
    raise AttributeError(f"module 'nitrix.morphology' has no attribute {name!r}; it holds {names}.")


def __dir__() -> list[str]:
    return sorted([*globals(), "susan_emulator"])
