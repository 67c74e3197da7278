"""Gaussian smoothing of images and of image files."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from nibabel.spatialimages import SpatialImage

from thrux.atomic import refuse_existing
from thrux.errors import ThruxError
from thrux.lifting import lift
from thrux.limits import Limits
from thrux.nifti.reader import NiftiReader
from thrux.nifti.writer import NiftiWriter, check_name
from thrux.options import NanPolicy, check_choice, check_millimetres

Mode = Literal["reflect", "mirror", "nearest", "constant", "wrap"]
# Copies of one volume that are alive at a time, in float32: raw, scaled (twice as wide), padded, result...
_VOLUMES_HELD = 12
_WIDEST = 4000  # voxels; a kernel of that size means a wrong header


def smooth(
    image: SpatialImage, *, fwhm: float | tuple[float, float, float], mode: Mode = "reflect"
) -> SpatialImage:
    """Smooth an image in space by a Gaussian; every volume of a series by itself.

    Args:
      image: A nibabel image with at least three axes.
      fwhm: Full width at half maximum in mm: one number, or one each for x, y, z.
      mode: How the image goes on past its border, under SciPy's names.
    Returns:
      An image of the same class, affine and header; float32, or float64 where the image has float64.
    Raises:
      TypeError, ValueError: As `lift` and `nitrix.smoothing.gaussian`. A NaN spreads as far as the
        Gaussian reaches; `smooth_file` offers to leave such voxels out.
    Example:
      >>> import nibabel, numpy
      >>> image = nibabel.Nifti1Image(numpy.ones((4, 4, 4), "i2"), numpy.eye(4))
      >>> smooth(image, fwhm=2.0).get_data_dtype().name
      'float32'
    """
    from nitrix.smoothing import gaussian

    return lift(gaussian)(image, fwhm=fwhm, mode=mode)


@dataclass(frozen=True)
class SmoothReport:
    """What `smooth_file` did."""

    input: str
    output: str
    shape: tuple[int, ...]
    spacing_mm: tuple[float, float, float]
    fwhm_mm: float
    mode: str
    dtype: str
    not_finite: int  # voxels, over all volumes, that held NaN or infinity

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`."""
        return asdict(self)


def smooth_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    fwhm: float,
    mode: Mode = "reflect",
    nan: NanPolicy = "refuse",
    force: bool = False,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SmoothReport:
    """Smooth a NIfTI file in space, one volume at a time, so that a few volumes are in memory.

    Args:
      source: The file to read, as untrusted input.
      target: The file to write, atomically. Affine, header and extensions are those of `source`; the
        values are float32 (float64 if `source` has float64), unscaled.
      fwhm: Full width at half maximum in mm.
      mode: How the image goes on past its border, under SciPy's names.
      nan: What to do with voxels that are NaN or infinite: "refuse" the file; take them as "zero"; or
        "ignore" them, that is leave them out of the mean of their neighbours and in the output as NaN.
      force: Replace `target` if it exists.
      limits: What `source` may ask for. Default: `Limits()`.
      progress: Called with (volumes done, volumes in all).
    Raises:
      ThruxError: If the source is refused, or the target cannot be written; nothing is left behind then.
    """
    check_millimetres("fwhm", fwhm)
    check_choice("mode", mode, Mode)
    check_choice("nan", nan, NanPolicy)
    target = check_name(target)
    refuse_existing(target, force=force)
    missing = 0
    with NiftiReader(source, limits=limits) as reader:
        header = reader.header
        _check_image(reader, fwhm)
        dtype = np.dtype(np.float64 if header.dtype.newbyteorder("=") == np.float64 else np.float32)
        if progress:
            progress(0, reader.n_volumes)
        with NiftiWriter(target, header, dtype=dtype, force=force) as writer:
            for done, volume in enumerate(reader.volumes(), start=1):
                smoothed, count = _smooth_volume(volume, header.spacing, fwhm, mode, nan)
                if count and nan == "refuse":
                    where = f" of volume {done} of {reader.n_volumes}" if reader.n_volumes > 1 else ""
                    raise ThruxError(
                        f"{count} voxels{where} are NaN or infinite and would spoil their neighbours",
                        file=source,
                        field="data",
                        remedy="Take them as 0 with --nan zero, or leave them out with --nan ignore",
                    )
                missing += count
                writer.write(smoothed)
                if progress:
                    progress(done, reader.n_volumes)
    return SmoothReport(
        str(source), str(target), header.shape, header.spacing, fwhm, mode, dtype.name, missing
    )


def _smooth_volume(
    volume: np.ndarray, spacing: tuple[float, float, float], fwhm: float, mode: Mode, nan: NanPolicy
) -> tuple[np.ndarray, int]:
    """The smoothed volume and the number of voxels that are not finite in float32."""
    from nitrix.smoothing import gaussian

    with np.errstate(over="ignore"):
        values = volume.astype(np.float32, order="C")
    bad = ~np.isfinite(values)
    count = int(bad.sum())
    if count and nan == "refuse":
        return values, count
    values[bad] = 0
    result = np.asarray(gaussian(values, fwhm=fwhm, spacing=spacing, mode=mode))
    if count and nan == "ignore":
        weight = np.asarray(gaussian((~bad).astype(np.float32), fwhm=fwhm, spacing=spacing, mode=mode))
        if mode == "constant":  # past the border there are zeros, which do count
            inside = gaussian(np.ones_like(values), fwhm=fwhm, spacing=spacing, mode=mode)
            weight = weight + (1 - np.asarray(inside))
        result = np.where(bad, np.float32(np.nan), result / np.where(bad, np.float32(1), weight))
    return result, count


def _check_image(reader: NiftiReader, fwhm: float) -> None:
    """What only smoothing asks of an image."""
    header = reader.header
    path = Path(header.path)
    if len(header.shape) < 3:
        raise ThruxError(
            "smoothing needs three spatial axes",
            file=path,
            field="dim[0]",
            value=len(header.shape),
            remedy="Give a 3-D or 4-D image",
        )
    if 3000 <= int(header.raw["intent_code"]) < 3100:
        raise ThruxError(
            "this is a CIFTI file, whose axes are not x, y, z",
            file=path,
            field="intent_code",
            value=int(header.raw["intent_code"]),
            remedy="Smooth it along its surfaces with a tool for CIFTI",
        )
    extent = max(n * mm for n, mm in zip(header.shape, header.spacing, strict=False))
    if fwhm > extent:
        raise ThruxError(
            f"it is wider than the image, which spans {extent:.4g} mm",
            file=path,
            field="fwhm",
            value=fwhm,
            remedy="Give a smaller width in mm, and check the voxel size in the header",
        )
    if fwhm > _WIDEST * min(header.spacing):
        raise ThruxError(
            f"it is more than {_WIDEST} voxels of {min(header.spacing):.4g} mm",
            file=path,
            field="fwhm",
            value=fwhm,
            remedy="Check the voxel size and its unit in the header",
        )
    reader.check_memory(_VOLUMES_HELD * 4 * math.prod(reader.volume_shape))
