"""One view of the three kinds of file that hold maps on surfaces: GIfTI, CIFTI-2 and FreeSurfer's MGH."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from thrux import cifti, freesurfer
from thrux.errors import ThruxError
from thrux.freesurfer.mgh import SUFFIXES as MGH_SUFFIXES
from thrux.gifti import GiftiArray, GiftiFile, read_gifti, write_gifti
from thrux.gifti.writer import SUFFIXES as GIFTI_SUFFIXES
from thrux.limits import Limits
from thrux.maps.structure import structure_of
from thrux.repetition import Step, step_of_gifti, step_of_mgh

_OTHER_INTENTS = ("LABEL", "POINTSET", "TRIANGLE", "NODE_INDEX", "RGB_VECTOR", "RGBA_VECTOR")


class Part(NamedTuple):
    """The values on one surface."""

    structure: str  # by CIFTI's names, such as CORTEX_LEFT; "" if nothing says
    n_vertices: int  # of the whole surface
    vertices: Int[np.ndarray, " row"] | None  # of each row of values; None: all, in order
    values: Float[np.ndarray, "row map"]


Kept = Bool[np.ndarray, " map"] | None
Save = Callable[[Path, Sequence[Float[np.ndarray, "..."]], Kept, bool], None]


@dataclass(frozen=True)
class SurfaceMaps:
    """A file's maps, and how to write others in their place.

    Attributes:
      path: The file.
      kind: "GIfTI", "CIFTI" or "MGH".
      parts: The values, surface by surface.
      others: Structures in the file that are not surfaces.
      suffixes: How the name of a file of this kind ends.
      step: Seconds from one map to the next and where the file says so; None if it does not.
    """

    path: Path
    kind: str
    parts: tuple[Part, ...]
    others: tuple[str, ...]
    suffixes: tuple[str, ...]
    _save: Save
    step: Step | None = None

    @property
    def n_maps(self) -> int:
        """Maps, or time points."""
        return self.parts[0].values.shape[1]

    def check_name(self, target: str | os.PathLike[str]) -> Path:
        """Refuse an output whose name says another kind of file."""
        if not str(target).endswith(self.suffixes) or Path(target).name in self.suffixes:
            raise ThruxError(
                f"the output is a file of the kind of the input, {self.kind}, whose name ends in "
                + " or ".join(self.suffixes),
                file=target,
                field="output",
                remedy=f"Write it as NAME{self.suffixes[0]}",
            )
        return Path(target)

    def save(
        self,
        target: str | os.PathLike[str],
        values: Sequence[Float[np.ndarray, "..."]],
        *,
        kept: Kept = None,
        force: bool = False,
    ) -> None:
        """Write the values of each part, in float32, with everything else as in this file.

        kept: Of which maps there are values; None for all.
        """
        self._save(self.check_name(target), values, kept, force)


def load_maps(path: str | os.PathLike[str], *, limits: Limits | None = None) -> SurfaceMaps:
    """Read maps on surfaces, as untrusted input.

    Args:
      path: A GIfTI file with one or more maps (.func.gii, .shape.gii), a CIFTI-2 file of dense scalars or a
        dense series (.dscalar.nii, .dtseries.nii), or FreeSurfer's .mgh or .mgz with one value, or one
        series, for each vertex.
      limits: What the file may ask for. Default: `Limits()`.
    Returns:
      The values as float32; `save` writes others in the same form.
    Raises:
      ThruxError: If the file is refused; it names file, field, value and remedy.
    """
    name = Path(path).name
    if name.endswith(MGH_SUFFIXES):
        return _mgh(path, limits)
    if name.endswith((".nii", ".nii.gz")):
        if not cifti.is_cifti(path):
            raise ThruxError(
                "this is not a CIFTI-2 file, and an image of voxels has no values on a surface",
                file=path,
                field="intent_code",
                value="not of CIFTI",
                remedy="Give a .dscalar.nii or .dtseries.nii file, or use thrux smooth",
            )
        return _cifti(path, limits)
    return _gifti(path, limits)


def _mgh(path: str | os.PathLike[str], limits: Limits | None) -> SurfaceMaps:
    found = freesurfer.read_mgh(path, limits=limits)
    part = Part(structure_of(path), len(found.values), None, found.values)

    def save(target: Path, values: Sequence[np.ndarray], kept: Kept, force: bool) -> None:
        freesurfer.write_mgh(target, found, values[0], force=force)

    step = step_of_mgh(found.footer)
    return SurfaceMaps(Path(path), "MGH", (part,), (), MGH_SUFFIXES[::-1], save, step)


def _cifti(path: str | os.PathLike[str], limits: Limits | None) -> SurfaceMaps:
    found = cifti.read_cifti(path, limits=limits)
    models = [(model, model.n_vertices) for model in found.models]
    surfaces = [(model, n, slice(model.offset, model.offset + model.count)) for model, n in models if n]
    if not surfaces:
        raise ThruxError(
            "all its structures are volumes",
            file=path,
            field="BrainModel",
            value=", ".join(model.structure for model in found.models),
            remedy="Give a file with values on a surface",
        )
    parts = (Part(model.structure, n, model.vertices, found.values[:, at].T) for model, n, at in surfaces)

    def save(target: Path, values: Sequence[np.ndarray], kept: Kept, force: bool) -> None:
        if kept is not None:
            raise ThruxError(
                "maps cannot be left out of a CIFTI file, whose header lists them",
                file=target,
                field="maps",
                remedy="Keep all maps",
            )
        matrix = found.values.copy()
        for (_, _, at), part in zip(surfaces, values, strict=True):
            matrix[:, at] = part.T
        cifti.write_cifti(target, found, matrix, force=force)

    suffix = ".dtseries.nii" if found.series else ".dscalar.nii"
    others = tuple(model.structure for model, n in models if not n)
    return SurfaceMaps(Path(path), "CIFTI", tuple(parts), others, (suffix,), save)


def _gifti(path: str | os.PathLike[str], limits: Limits | None) -> SurfaceMaps:
    found = read_gifti(path, limits=limits)
    lengths = {len(array.values) for array in found.arrays}
    for array in found.arrays:
        if array.values.ndim > 2 or array.intent.removeprefix("NIFTI_INTENT_") in _OTHER_INTENTS:
            raise ThruxError(
                "maps are arrays of one value, or one series, for each vertex",
                file=path,
                field="DataArray",
                value=f"{array.intent} of shape {array.values.shape}",
                remedy="Give a file of values such as .func.gii or .shape.gii",
            )
    if len(lengths) != 1:
        raise ThruxError(
            "all maps of a file have a value for the same vertices",
            file=path,
            field="DataArray",
            value=f"{len(found.arrays)} arrays of {sorted(lengths)} vertices",
            remedy="Write one file for each surface",
        )
    columns = [array.values.reshape(len(array.values), -1) for array in found.arrays]
    with np.errstate(over="ignore"):
        values = np.concatenate(columns, axis=1).astype(np.float32)
    metadata = [found.metadata, *(array.metadata for array in found.arrays)]

    def save(target: Path, values: Sequence[np.ndarray], kept: Kept, force: bool) -> None:
        arrays, start, at = [], 0, 0
        for array, column in zip(found.arrays, columns, strict=True):
            width = column.shape[1]
            count = width if kept is None else int(kept[start : start + width].sum())
            new = values[0][:, at : at + count].astype(np.float32)
            if count:
                arrays.append(replace(array, values=new[:, 0] if array.values.ndim == 1 else new))
            start, at = start + width, at + count
        write_gifti(target, GiftiFile(arrays, found.metadata), force=force)

    part = Part(structure_of(path, metadata), len(values), None, values)
    step = step_of_gifti(metadata)
    return SurfaceMaps(Path(path), "GIfTI", (part,), (), GIFTI_SUFFIXES, save, step)


def new_map(values: Float[np.ndarray, " vertex"], *, name: str, structure: str) -> GiftiFile:
    """One map as the content of a GIfTI file, of the structure that CIFTI calls `structure`."""
    where = "".join(word.capitalize() for word in structure.split("_"))
    array = GiftiArray("NIFTI_INTENT_SHAPE", {}, values.astype(np.float32), {"Name": name})
    return GiftiFile([array], {"AnatomicalStructurePrimary": where} if where else {})
