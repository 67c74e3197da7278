"""Morphology of image files: what is bright grows, shrinks, or loses its small parts."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from thrux.atomic import refuse_existing
from thrux.errors import ThruxError
from thrux.extrema import Extrema
from thrux.limits import Limits
from thrux.neighbourhood import Neighbourhood, Shape
from thrux.nifti.header import NiftiHeader
from thrux.nifti.reader import NiftiReader
from thrux.nifti.writer import check_name
from thrux.options import NanPolicy, check_choice
from thrux.room import check_spatial
from thrux.selection import Sortable, Stored, sortable, without_holes
from thrux.volumewise import Progress, write_volumes

Operation = Literal["erode", "dilate", "open", "close", "fill-holes"]

_STEPS: dict[str, list[Literal["erode", "dilate"]]] = {
    "erode": ["erode"],
    "dilate": ["dilate"],
    "open": ["erode", "dilate"],
    "close": ["dilate", "erode"],
}
_HELD = 16  # copies of a volume in 32 bits: raw, sortable, ranks (twice as wide), and what the steps hold


@dataclass(frozen=True)
class MorphReport:
    """What `morph_file` did."""

    input: str
    output: str
    shape: tuple[int, ...]
    spacing_mm: tuple[float, float, float]
    operation: str
    radius_mm: float | None
    neighbourhood: str | None  # ball, box or cross
    neighbourhood_size: tuple[int, ...] | None  # voxels along each axis
    neighbourhood_voxels: int | None  # in all
    dtype: str
    changed: int  # voxels over all volumes
    not_finite: int  # likewise

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`."""
        return asdict(self)


def morph_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    operation: Operation,
    *,
    radius: float | int | None = None,
    shape: Shape = "ball",
    nan: NanPolicy = "refuse",
    force: bool = False,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> MorphReport:
    """Change the shapes in a NIfTI file, a mask or grey values, one volume at a time.

    Every voxel becomes the least ("erode") or the greatest ("dilate") of those near it; "open" erodes and then
    dilates, which removes what is bright and small, "close" dilates and then erodes, which closes what is dark and
    small. "fill-holes" raises what is dark and enclosed by brighter voxels, those that share a face being connected.
    What lies beyond the border of the image takes no part.

    Args:
      source: The file to read, as untrusted input.
      target: The file to write, atomically, with the header of `source`: the type of the values and their scaling
        are kept, since every value is one of those read.
      operation: One of the five above.
      radius: In mm, by the voxel size in the header; needed by all but "fill-holes".
      shape: Which voxels are near: "ball": those whose centres are within the radius; "box": those within it along
        each axis; "cross": those of the ball that lie on an axis.
      nan: What to do with voxels that are NaN or infinite: "refuse" the file; take them as "zero"; or "ignore" them:
        they take no part and are NaN in the output (not with "fill-holes").
      force: Replace `target` if it exists.
      limits: What `source` may ask for. Default: `Limits()`.
      progress: Called with (volumes done, volumes in all).
    Raises:
      ThruxError: If a file is refused, if the radius reaches no other voxel or is wider than the image, or if the
        target cannot be written; nothing is left behind then.
    Example:
      >>> import os, tempfile, nibabel, numpy
      >>> folder = tempfile.mkdtemp()
      >>> mask = numpy.zeros((5, 5, 5), "u1")
      >>> mask[2, 2, 2] = 1
      >>> nibabel.save(nibabel.Nifti1Image(mask, numpy.diag([1, 1, 2, 1])), os.path.join(folder, "in.nii"))
      >>> report = morph_file(
      ...     os.path.join(folder, "in.nii"), os.path.join(folder, "out.nii"), "dilate", radius=1.5
      ... )
      >>> report.neighbourhood_size, report.changed, report.dtype
      ((3, 3, 1), 8, 'uint8')
    """
    check_choice("operation", operation, Operation)
    check_choice("nan", nan, NanPolicy)
    near = _neighbourhood(operation, radius, shape, nan)
    target = check_name(target)
    refuse_existing(target, force=force)
    with NiftiReader(source, limits=limits) as reader:
        header = reader.header
        extrema = None
        held = _HELD * 4 * math.prod(reader.volume_shape)
        if near is None:
            check_spatial(reader)
            reader.check_memory(held)
        else:
            near.check(reader, held=held, within=reader.volume_shape)
            extrema = Extrema(near, header.spacing, reader.volume_shape)
        run = _Run(operation, extrema, nan, header)
        write_volumes(
            reader, reader.raw_volumes(), run.changed, target, dtype=None, force=force, progress=progress
        )
    return MorphReport(
        str(source),
        str(target),
        header.shape,
        header.spacing,
        operation,
        None if radius is None else float(radius),
        None if near is None else near.shape,
        None if extrema is None else extrema.voxels.shape,
        None if extrema is None else int(extrema.voxels.sum()),
        header.dtype.newbyteorder("=").name,
        run.count,
        run.not_finite,
    )


def _neighbourhood(
    operation: Operation, radius: float | int | None, shape: Shape, nan: NanPolicy
) -> Neighbourhood | None:
    if operation != "fill-holes":
        if radius is None:
            raise ThruxError(f"{operation} needs one, in mm", field="radius", remedy="Give for instance 3")
        return Neighbourhood(radius=radius, shape=shape)
    if radius is not None:
        raise ThruxError(
            "fill-holes takes none: it fills holes of any size",
            field="radius",
            value=radius,
            remedy="Leave it out; close fills what is narrower than a radius",
        )
    if nan == "ignore":
        raise ThruxError(
            "fill-holes cannot tell whether a voxel without a value closes a hole",
            field="nan",
            value=nan,
            remedy="Take such voxels as 0 with --nan zero",
        )
    return None


class _Run:
    """An operation on one volume after the other, with what it counts."""

    def __init__(
        self, operation: Operation, extrema: Extrema | None, nan: NanPolicy, header: NiftiHeader
    ) -> None:
        self._operation, self._extrema, self._nan, self._header = operation, extrema, nan, header
        self.count = self.not_finite = 0

    def changed(self, stored: Stored, where: str) -> Stored:
        """The volume after the operation, in stored values."""
        omissible = self._operation != "fill-holes"
        kept, bad, count = without_holes(stored, self._header, self._nan, where, omissible=omissible)
        self.not_finite += count
        given = sortable(kept, falling=self._header.slope < 0)
        absent = bad if count and self._nan == "ignore" else None
        result = given.restore(self._apply(given, absent))
        if absent is not None:
            result = np.where(absent, result.dtype.type(np.nan), result)
        self.count += int(
            ((result != stored) & ~bad).sum() if absent is not None else (result != stored).sum()
        )
        return result

    def _apply(self, given: Sortable, absent: np.ndarray | None) -> np.ndarray:
        x = given.values
        if self._extrema is None:
            from nitrix.morphology import fill_holes

            return np.asarray(fill_holes(x))
        for step in _STEPS[self._operation]:
            if absent is not None:  # it neither lowers a minimum nor raises a maximum
                x = np.where(absent, x.dtype.type(given.highest if step == "erode" else given.lowest), x)
            x = self._extrema.of(x, step)
        return x
