"""Image and surface files for nitrix: container-aware functions and a command line."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Series in time.
    from thrux.cleaning import clean_file as clean_file
    from thrux.cleaning import clean_series as clean_series
    from thrux.connectivity import connectivity_files as connectivity_files

    # Shapes in images.
    from thrux.distance import distance_file as distance_file

    # Errors and limits.
    from thrux.errors import ThruxError as ThruxError

    # Ways to smooth, for `smooth_file`.
    from thrux.filters import Bilateral as Bilateral
    from thrux.filters import Gaussian as Gaussian
    from thrux.filters import Permutohedral as Permutohedral
    from thrux.filters import Susan as Susan
    from thrux.gradients import gradients_file as gradients_file

    # Functions on nibabel images.
    from thrux.lifting import lift as lift
    from thrux.limits import Limits as Limits
    from thrux.maps import SurfaceMaps as SurfaceMaps
    from thrux.maps import load_maps as load_maps
    from thrux.median import median_file as median_file
    from thrux.morphology import morph_file as morph_file

    # Files in and out.
    from thrux.nifti import NiftiReader as NiftiReader
    from thrux.nifti import NiftiWriter as NiftiWriter
    from thrux.nifti import load as load
    from thrux.nifti import save as save

    # Images on other grids.
    from thrux.resampling import resample_file as resample_file
    from thrux.smoothing import smooth as smooth
    from thrux.smoothing import smooth_file as smooth_file
    from thrux.surface import Surface as Surface
    from thrux.surface import load_scalars as load_scalars
    from thrux.surface import load_surface as load_surface

    # Along surfaces.
    from thrux.surface_geodesic import surface_distance as surface_distance
    from thrux.surface_geodesic import surface_distance_file as surface_distance_file
    from thrux.surface_smoothing import smooth_surface_file as smooth_surface_file

    # Images warped.
    from thrux.warping import warp_file as warp_file

# Loaded when first asked for, so that `thrux --help` waits for neither JAX nor nibabel.
_HOMES = {
    "ThruxError": "errors",
    "Limits": "limits",
    "Bilateral": "filters",
    "Gaussian": "filters",
    "Permutohedral": "filters",
    "Susan": "filters",
    "lift": "lifting",
    "smooth": "smoothing",
    "smooth_file": "smoothing",
    "load": "nifti",
    "save": "nifti",
    "median_file": "median",
    "morph_file": "morphology",
    "distance_file": "distance",
    "resample_file": "resampling",
    "warp_file": "warping",
    "NiftiReader": "nifti",
    "NiftiWriter": "nifti",
    "Surface": "surface",
    "load_surface": "surface",
    "load_scalars": "surface",
    "SurfaceMaps": "maps",
    "load_maps": "maps",
    "smooth_surface_file": "surface_smoothing",
    "surface_distance": "surface_geodesic",
    "surface_distance_file": "surface_geodesic",
    "clean_file": "cleaning",
    "clean_series": "cleaning",
    "connectivity_files": "connectivity",
    "gradients_file": "gradients",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'thrux' has no attribute {name!r}")
    return getattr(import_module(f"thrux.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
