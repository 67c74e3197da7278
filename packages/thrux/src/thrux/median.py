"""The median filter on image files, which takes away impulse noise and keeps edges."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from thrux.atomic import refuse_existing
from thrux.errors import ThruxError
from thrux.limits import Limits
from thrux.neighbourhood import Neighbourhood
from thrux.nifti.reader import NiftiReader
from thrux.nifti.writer import check_name
from thrux.options import NanOrZero, check_choice
from thrux.room import check_spatial
from thrux.selection import Stored, sortable, without_holes
from thrux.volumewise import Progress, write_volumes

Window = Literal["ball", "box"]

_HELD = 24  # copies of a volume in 32 bits: raw, sortable, ranks (twice as wide), and what nitrix holds


@dataclass(frozen=True)
class MedianReport:
    """What `median_file` did."""

    input: str
    output: str
    shape: tuple[int, ...]
    spacing_mm: tuple[float, float, float]
    radius_mm: float | None  # None: the size was given in voxels
    window: str  # ball or box
    window_size: tuple[int, ...]  # voxels along each axis
    window_voxels: int  # in all
    dtype: str
    changed: int  # voxels over all volumes
    not_finite: int  # likewise

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`."""
        return asdict(self)


def median_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    size: int | None = None,
    radius: float | int | None = None,
    window: Window = "ball",
    nan: NanOrZero = "refuse",
    force: bool = False,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> MedianReport:
    """Replace every voxel of a NIfTI file by the median of those in a window around it, volume by volume.

    Past its border the image is reflected, its last voxel repeated (SciPy's "reflect").

    Args:
      source: The file to read, as untrusted input.
      target: The file to write, atomically, with the header of `source`: the type of the values and their scaling
        are kept, since a window has an odd number of voxels and its median is one of them.
      size: The width of a box in voxels, the same along x, y and z: odd, from 3; or
      radius: how far the window reaches, in mm by the voxel size in the header.
      window: With `radius`: "ball": the voxels whose centres are within it; "box": those within it along each axis.
      nan: What to do with voxels that are NaN or infinite: "refuse" the file, or take them as "zero".
      force: Replace `target` if it exists.
      limits: What `source` may ask for. Default: `Limits()`.
      progress: Called with (volumes done, volumes in all).
    Raises:
      ThruxError: If a file is refused, if the window is wider than the image or holds one voxel only, or if the
        target cannot be written; nothing is left behind then.
    Example:
      >>> import os, tempfile, nibabel, numpy
      >>> folder = tempfile.mkdtemp()
      >>> image = numpy.full((5, 5, 5), 7, "i2")
      >>> image[2, 2, 2] = 999
      >>> nibabel.save(nibabel.Nifti1Image(image, numpy.eye(4)), os.path.join(folder, "in.nii"))
      >>> report = median_file(os.path.join(folder, "in.nii"), os.path.join(folder, "out.nii"), size=3)
      >>> report.changed, report.window_voxels, report.dtype
      (1, 27, 'int16')
    """
    check_choice("nan", nan, NanOrZero)
    check_choice("window", window, Window)
    _check_width(size, radius)
    target = check_name(target)
    refuse_existing(target, force=force)
    with NiftiReader(source, limits=limits) as reader:
        header = reader.header
        held = _HELD * 4 * math.prod(reader.volume_shape)
        if size is not None:
            _check_room(reader, size)
            reader.check_memory(held)
            footprint = _Footprint("box", (size, size, size), size**3, {"size": size})
        else:
            footprint = _near(reader, Neighbourhood(radius=radius or 0, shape=window), held)
        run = _Run(footprint, nan, reader)
        write_volumes(
            reader, reader.raw_volumes(), run.filtered, target, dtype=None, force=force, progress=progress
        )
    return MedianReport(
        str(source),
        str(target),
        header.shape,
        header.spacing,
        None if radius is None else float(radius),
        footprint.name,
        footprint.size,
        footprint.voxels,
        header.dtype.newbyteorder("=").name,
        run.count,
        run.not_finite,
    )


class _Footprint(NamedTuple):
    """The window, as the report and as nitrix are told."""

    name: str
    size: tuple[int, ...]
    voxels: int
    options: dict[str, Any]


def _near(reader: NiftiReader, near: Neighbourhood, held: int) -> _Footprint:
    near.check(reader, held=held)
    voxels = near.voxels(reader.header.spacing)
    options = {"size": voxels.shape} if voxels.all() else {"structuring_element": voxels}
    return _Footprint(near.shape, voxels.shape, int(voxels.sum()), options)


def _check_width(size: int | None, radius: float | int | None) -> None:
    if (size is None) == (radius is None):
        raise ThruxError(
            "either size, in voxels, or radius, in mm, is needed, and not both",
            field="size",
            value="none" if size is None else size,
            remedy="Give one of them",
        )
    if size is not None and (size < 3 or size % 2 == 0):
        raise ThruxError(
            "it must be odd, so that the window has a middle, and at least 3",
            field="size",
            value=size,
            remedy="Give for instance 3 or 5",
        )


def _check_room(reader: NiftiReader, size: int) -> None:
    check_spatial(reader)
    longest = max(reader.volume_shape)
    if size > longest:
        raise ThruxError(
            f"it is wider than the image, whose longest axis has {longest} voxels",
            file=reader.header.path,
            field="size",
            value=size,
            remedy="Give a smaller width in voxels",
        )


class _Run:
    """The filter on one volume after the other, with what it counts."""

    def __init__(self, footprint: _Footprint, nan: NanOrZero, reader: NiftiReader) -> None:
        self._footprint, self._nan, self._header = footprint, nan, reader.header
        self.count = self.not_finite = 0

    def filtered(self, stored: Stored, where: str) -> Stored:
        """The medians, in stored values; an odd window knows no rise from fall."""
        from nitrix.morphology import median_filter

        kept, _, count = without_holes(stored, self._header, self._nan, where, omissible=False)
        self.not_finite += count
        given = sortable(kept)
        found = median_filter(given.values, mode="reflect", **self._footprint.options)
        result = given.restore(np.asarray(found))
        self.count += int((result != stored).sum())
        return result
