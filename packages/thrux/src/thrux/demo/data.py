"""Real brain data that the installed nilearn package carries."""

from __future__ import annotations

from importlib import import_module, resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from thrux.errors import ThruxError
from thrux.nifti import NiftiReader
from thrux.surface import Surface, load_scalars, load_surface

T1 = "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
NEEDED = ("nilearn", "matplotlib", "scipy")


class Volume(NamedTuple):
    """A brain image."""

    values: Float[np.ndarray, "x y z"]
    spacing: tuple[float, float, float]  # mm


class Cortex(NamedTuple):
    """The left hemisphere of fsaverage5."""

    white: Surface  # the inner boundary of the cortex, on which distances are measured
    pial: Surface  # the outer boundary, for the pictures
    inflated: Surface  # the same without folds, likewise
    sulcal_depth: Float[np.ndarray, " vertex"]


def check_packages() -> None:
    """Refuse to start where a package is missing, naming the command that installs it."""
    for name in NEEDED:
        try:
            import_module(name)
        except ImportError:
            raise ThruxError(
                f"the demo needs the package {name}, which is not installed",
                field="package",
                value=name,
                remedy="Install it with: pip install 'thrux[demo]'",
            ) from None


def load_volume(*, every: int = 1) -> Volume:
    """The MNI152 T1 template at 1 mm; of every axis only each `every`-th slice."""
    with NiftiReader(_file(T1)) as reader:
        values = next(reader.volumes()).astype(np.float32)
        spacing = reader.header.spacing
    return Volume(
        np.ascontiguousarray(values[::every, ::every, ::every]),
        (spacing[0] * every, spacing[1] * every, spacing[2] * every),
    )


def load_brain_mask(*, every: int = 1) -> Bool[np.ndarray, "x y z"]:
    """The mask that nilearn itself makes of the same template, on the same voxels as `load_volume`."""
    from nilearn.datasets import load_mni152_brain_mask

    mask = np.asarray(load_mni152_brain_mask(resolution=1).dataobj) > 0
    return np.ascontiguousarray(mask[::every, ::every, ::every])


def load_cortex() -> Cortex:
    """The left fsaverage5 surfaces, 10,242 vertices, and the depth of the folds."""
    names = ("white", "pial", "infl")
    white, pial, inflated = (load_surface(_file(f"fsaverage5/{name}_left.gii.gz")) for name in names)
    return Cortex(white, pial, inflated, load_scalars(_file("fsaverage5/sulc_left.gii.gz")))


def load_inflated() -> tuple[Surface, Surface]:
    """Both hemispheres of fsaverage5 without folds, left and right."""
    left, right = (load_surface(_file(f"fsaverage5/infl_{side}.gii.gz")) for side in ("left", "right"))
    return left, right


def load_sphere() -> Surface:
    """The left hemisphere of fsaverage5 as a sphere, an icosahedron divided five times; both have these triangles."""
    return load_surface(_file("fsaverage5/sphere_left.gii.gz"))


def around(values: np.ndarray, margin: int = 14) -> tuple[slice, ...]:
    """The box that holds everything bright, and a margin."""
    bright = np.nonzero(values > 0.1 * values.max())
    return tuple(slice(max(0, int(at.min()) - margin), int(at.max()) + margin) for at in bright)


def _file(name: str) -> Path:
    """Where nilearn keeps a file."""
    path = Path(str(resources.files("nilearn.datasets").joinpath("data", *name.split("/"))))
    if not path.is_file():
        raise ThruxError(
            "the installed nilearn does not carry this file",
            file=path,
            field="package",
            value="nilearn",
            remedy="Install a version that does: pip install 'nilearn>=0.11'",
        )
    return path
