"""One view of the files that hold a series in time for each voxel or vertex: NIfTI, GIfTI and FreeSurfer's MGH."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from thrux import cifti
from thrux.errors import ThruxError
from thrux.limits import MIB, Limits
from thrux.maps import SurfaceMaps, load_maps
from thrux.nifti.reader import NiftiReader
from thrux.nifti.writer import SUFFIXES as NIFTI_SUFFIXES
from thrux.nifti.writer import NiftiWriter, check_name
from thrux.repetition import Step, step_of_nifti
from thrux.voxels import load_mask

Series = Float[np.ndarray, "series frame"]
Written = Float[np.ndarray, "series written"]  # of the frames that are kept
Frames = Bool[np.ndarray, " frame"]


@dataclass(frozen=True)
class TimeSeries:
    """The series of a file, and how to write others in their place.

    Attributes:
      path: The file.
      kind: "NIfTI", "GIfTI" or "MGH".
      values: The series within the mask, in float32.
      inside: Which of the voxels or vertices of the file these are.
      step: The time between two frames; None if the file does not say it.
      check_name: Refuses an output whose name says another kind of file.
    """

    path: Path
    kind: str
    values: Series
    inside: Bool[np.ndarray, " place"]
    step: Step | None
    check_name: Callable[[str | os.PathLike[str]], Path]
    _save: Callable[[Path, Written, Frames, bool], None]

    def save(
        self,
        target: str | os.PathLike[str],
        values: Written,
        *,
        kept: Frames,
        force: bool = False,
    ) -> None:
        """Write the series of the frames that are kept; 0 outside the mask, all else as in this file."""
        self._save(self.check_name(target), values, kept, force)


def load_series(
    path: str | os.PathLike[str],
    *,
    mask: str | os.PathLike[str] | None = None,
    limits: Limits | None = None,
) -> TimeSeries:
    """Read series in time, as untrusted input.

    Args:
      path: A 4-D NIfTI file, a GIfTI file of one or more arrays over the same vertices (.func.gii), or FreeSurfer's
        .mgh or .mgz with a series for each vertex.
      mask: A file on the same grid or with the same vertices; where it is 0 or NaN, series are left out.
      limits: What the files may ask for. Default: `Limits()`.
    Raises:
      ThruxError: If a file is refused, or if the mask does not fit; it names file, field, value and remedy.
    """
    limits = limits or Limits()
    if not Path(path).name.endswith(NIFTI_SUFFIXES):
        return _surface(path, mask, limits)
    if cifti.is_cifti(path):
        raise ThruxError(
            "this is a CIFTI file, whose series are not read here",
            file=path,
            field="intent_code",
            value="of CIFTI",
            remedy="Separate it into a GIfTI file for each hemisphere and a NIfTI file (wb_command -cifti-separate)",
        )
    return _volumes(path, mask, limits)


def _volumes(path: str | os.PathLike[str], mask: str | os.PathLike[str] | None, limits: Limits) -> TimeSeries:
    with NiftiReader(path, limits=limits) as reader:
        header = reader.header
        if len(header.shape) != 4:
            raise ThruxError(
                "series in time are an image with four axes, the last of which is time",
                file=path,
                field="dim[0]",
                value=len(header.shape),
                remedy="Give a 4-D image",
            )
        n_voxels = math.prod(reader.volume_shape)
        inside = np.ones(n_voxels, bool) if mask is None else load_mask(mask, reader).reshape(-1, order="F")
        reader.check_memory(4 * reader.n_volumes * int(inside.sum()) + 16 * n_voxels)
        values = np.empty((reader.n_volumes, int(inside.sum())), np.float32)
        with np.errstate(over="ignore"):
            for row, volume in zip(values, reader.volumes(), strict=True):
                row[:] = volume.reshape(-1, order="F")[inside]

    def save(target: Path, series: Written, kept: Frames, force: bool) -> None:
        raw = header.raw.copy()
        raw["dim"][4] = int(kept.sum())
        like = replace(header, raw=raw, shape=(*header.shape[:3], int(kept.sum())))
        with NiftiWriter(target, like, dtype=np.dtype(np.float32), force=force) as writer:
            volume = np.zeros(n_voxels, np.float32)
            for frame in series.T:
                volume[inside] = frame
                writer.write(volume.reshape(header.shape[:3], order="F"))

    return TimeSeries(Path(path), "NIfTI", values.T, inside, step_of_nifti(header.raw), check_name, save)


def _surface(path: str | os.PathLike[str], mask: str | os.PathLike[str] | None, limits: Limits) -> TimeSeries:
    maps = load_maps(path, limits=limits)
    (part,) = maps.parts
    inside = np.ones(part.n_vertices, bool) if mask is None else _vertices_inside(mask, maps, limits)
    values = part.values if mask is None else part.values[inside]
    if 2 * part.values.nbytes > limits.memory:
        raise ThruxError(
            f"it needs {2 * part.values.nbytes / MIB:.0f} MiB of memory, of which {limits.memory / MIB:.0f} MiB "
            "may be used",
            file=path,
            field="frames",
            value=maps.n_maps,
            remedy="Raise the limit (--max-memory, Limits(memory=...)) or use a larger machine",
        )

    def save(target: Path, series: Written, kept: Frames, force: bool) -> None:
        whole = np.zeros((part.n_vertices, series.shape[1]), np.float32)
        whole[inside] = series
        maps.save(target, [whole], kept=kept, force=force)

    return TimeSeries(Path(path), maps.kind, values, inside, maps.step, maps.check_name, save)


def _vertices_inside(
    mask: str | os.PathLike[str], maps: SurfaceMaps, limits: Limits
) -> Bool[np.ndarray, " vertex"]:
    """Where the only map of a file is neither 0 nor NaN."""
    given = load_maps(mask, limits=limits)
    shapes = [part.values.shape for part in given.parts]
    if shapes != [(maps.parts[0].n_vertices, 1)]:
        raise ThruxError(
            f"a mask is one map over the {maps.parts[0].n_vertices} vertices of the series",
            file=mask,
            field="mask",
            value=" and ".join(f"{n} vertices, {count} maps" for n, count in shapes),
            remedy="Give a file with a single map for the same surface",
        )
    inside: Bool[np.ndarray, " vertex"] = np.nan_to_num(given.parts[0].values[:, 0]) != 0
    if not inside.any():
        raise ThruxError(
            "it leaves out every vertex",
            file=mask,
            field="mask",
            value="empty",
            remedy="Give a map that is not 0 where series shall be cleaned",
        )
    return inside
