"""Images brought onto another grid."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from thrux.atomic import refuse_existing
from thrux.errors import ThruxError
from thrux.limits import Limits
from thrux.nifti.header import NiftiHeader
from thrux.nifti.placing import on_grid_of, with_spacing
from thrux.nifti.reader import NiftiReader
from thrux.nifti.writer import check_name
from thrux.options import NanOrZero
from thrux.room import check_spatial
from thrux.sampling import Method, Sampler, bytes_held, check_sampling
from thrux.volumewise import Progress, write_volumes


@dataclass(frozen=True)
class ResampleReport:
    """What `resample_file` did."""

    input: str
    output: str
    like: str | None
    method: str
    fill: float
    shape_before: tuple[int, ...]
    spacing_before_mm: tuple[float, float, float]
    shape: tuple[int, ...]
    spacing_mm: tuple[float, float, float]
    outside: int  # voxels of the grid that are not in the image
    dtype: str
    not_finite: int  # voxels over all volumes

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`."""
        return asdict(self)


def resample_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    like: str | os.PathLike[str] | None = None,
    spacing: float | int | Sequence[float | int] | None = None,
    method: Method = "linear",
    fill: float | int = 0.0,
    nan: NanOrZero = "refuse",
    force: bool = False,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> ResampleReport:
    """Bring the volumes of a NIfTI file onto another grid, through the space in mm that the affines lead to.

    Args:
      source: The image to read, as untrusted input; where it is 4-D, time stays as it is.
      target: The file to write, atomically. Its header is that of `source` but for the place of the voxels.
      like: An image on whose grid the result shall lie, with its orientation (both sform and qform) and unit; or
      spacing: the voxel size in mm along the axes of `source`, one or three: the outer corner of the first voxel
        stays, and the number of voxels is rounded up so that they cover the field of view.
      method: "linear"; "cubic": splines through the values; "lanczos": a sinc in a window of six voxels; "nearest";
        or "labels": of the labels around a place the one with the largest share by linear interpolation. The last two
        keep the type of the values and their scaling, the others give float32.
      fill: The value outside the field of view of `source`. A voxel's own extent belongs to it: up to half a voxel
        past the outermost centres they count as inside, with the values of the border.
      nan: What to do with voxels that are NaN or infinite: "refuse" the file, or take them as "zero".
      force: Replace `target` if it exists.
      limits: What the files may ask for. Default: `Limits()`.
      progress: Called with (volumes done, volumes in all).
    Raises:
      ThruxError: If a file is refused, if the grid does not meet the image anywhere, if `fill` has no value in the
        type of the image, or if the target cannot be written; nothing is left behind then.
    Note:
      Values are taken at points. Towards voxels that are much larger, smooth the image first, or fine detail turns
      into noise (`smooth_file`, with about their width).
    Example:
      >>> import os, tempfile, nibabel, numpy
      >>> folder = tempfile.mkdtemp()
      >>> at = lambda name: os.path.join(folder, name)
      >>> ramp = numpy.arange(6, dtype="f4").reshape(6, 1, 1)
      >>> nibabel.save(nibabel.Nifti1Image(ramp, numpy.eye(4)), at("in.nii"))
      >>> resample_file(at("in.nii"), at("out.nii"), spacing=(2, 1, 1)).shape
      (3, 1, 1)
      >>> nibabel.load(at("out.nii")).get_fdata().ravel().tolist()
      [0.5, 2.5, 4.5]
    """
    from nitrix.geometry import affine_grid

    check_sampling(method, fill, nan)
    sizes = _sizes(like, spacing)
    target = check_name(target)
    refuse_existing(target, force=force)
    with NiftiReader(source, limits=limits) as reader:
        check_spatial(reader)
        header = reader.header
        placed = with_spacing(header, sizes) if like is None else on_grid_of(header, header_of(like, limits))
        reader.check_memory(bytes_held(header.shape, placed.shape, method))
        places = affine_grid(placed.shape[:3], target_affine=to_mm(placed), source_affine=to_mm(header))
        sampler = Sampler(header, places, method=method, fill=fill, nan=nan)
        write_volumes(
            reader,
            reader.raw_volumes(),
            sampler.sampled,
            target,
            like=placed,
            dtype=sampler.dtype,
            force=force,
            progress=progress,
        )
    return ResampleReport(
        input=str(source),
        output=str(target),
        like=None if like is None else str(like),
        method=method,
        fill=float(fill),
        shape_before=header.shape,
        spacing_before_mm=header.spacing,
        shape=placed.shape,
        spacing_mm=placed.spacing,
        outside=int(sampler.outside.sum()),
        dtype=(sampler.dtype or header.dtype.newbyteorder("=")).name,
        not_finite=sampler.not_finite,
    )


def header_of(path: str | os.PathLike[str], limits: Limits | None) -> NiftiHeader:
    """The header of an image whose grid is asked for."""
    with NiftiReader(path, limits=limits) as reader:
        check_spatial(reader)
        return reader.header


def to_mm(header: NiftiHeader) -> np.ndarray:
    """From voxels to mm."""
    return np.diag([header.unit_mm] * 3 + [1.0]) @ header.affine


def _sizes(like: object, spacing: float | int | Sequence[float | int] | None) -> tuple[float, ...]:
    """The voxel size along each axis, () for that of another image."""
    if (like is None) == (spacing is None):
        raise ThruxError(
            "either the image whose grid is wanted or a voxel size is needed, and not both",
            field="like",
            value="none" if like is None else like,
            remedy="Give --like GRID.nii.gz, or --spacing 2",
        )
    if spacing is None:
        return ()
    sizes = tuple(map(float, spacing)) if isinstance(spacing, Sequence) else (float(spacing),) * 3
    if len(sizes) != 3 or not all(math.isfinite(mm) and mm > 0 for mm in sizes):
        raise ThruxError(
            "a voxel size is one positive number of mm, or three",
            field="spacing",
            value=spacing,
            remedy="Give for instance 2, or 2,2,3",
        )
    return sizes
