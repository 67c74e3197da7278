"""Smoothing of images and of image files in space."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from nibabel.spatialimages import SpatialImage

from thrux.atomic import refuse_existing
from thrux.errors import ThruxError
from thrux.filters.gaussian import Gaussian, Mode
from thrux.filters.scene import Filter, Fitted, Scene, Volume
from thrux.lifting import lift
from thrux.limits import Limits
from thrux.nifti.reader import NiftiReader
from thrux.nifti.writer import NiftiWriter, check_name
from thrux.options import NanPolicy, check_choice
from thrux.room import check_room
from thrux.voxels import Voxels, check_finite, finite_values, load_guide, load_mask, taking_part


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
    method: str
    fwhm_mm: float
    sigma_mm: float
    parameters: dict[str, Any]  # further ones of the method, with what was estimated
    mask: str | None
    inside: int  # voxels of a volume that the mask leaves in
    dtype: str
    not_finite: int  # voxels within the mask, over all volumes, that held NaN or infinity

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`, the method's parameters among the rest."""
        fields = {name: value for name, value in vars(self).items() if name != "parameters"}
        return {**fields, **self.parameters}


def smooth_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    fwhm: float | None = None,
    mode: Mode = "reflect",
    method: Filter | None = None,
    mask: str | os.PathLike[str] | None = None,
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
      fwhm: Full width at half maximum of a Gaussian in mm, a short form of `method=Gaussian(fwhm=..., mode=...)`.
      mode: How the image goes on past its border, under SciPy's names; with `fwhm`.
      method: A `Gaussian`, `Bilateral`, `Susan` or `Permutohedral` of thrux, instead of `fwhm`.
      mask: A file with one volume on the same grid. Where it is 0 or NaN, voxels take no part and keep their values.
      nan: What to do with voxels that are NaN or infinite, in the image or in a guide: "refuse" the file; take
        them as "zero"; or "ignore" them, that is leave them out of the mean of their neighbours and in the output
        as NaN.
      force: Replace `target` if it exists.
      limits: What `source` may ask for. Default: `Limits()`.
      progress: Called with (volumes done, volumes in all).
    Raises:
      ThruxError: If a file is refused, if the images do not lie on one grid, if the method cannot serve it, or if
        the target cannot be written; nothing is left behind then.
    Example:
      >>> import os, tempfile, nibabel, numpy
      >>> from thrux import Bilateral
      >>> folder = tempfile.mkdtemp()
      >>> step = numpy.repeat([0, 100], 32).reshape(4, 4, 4).astype("f4")
      >>> nibabel.save(nibabel.Nifti1Image(step, numpy.eye(4)), os.path.join(folder, "step.nii"))
      >>> by = Bilateral(fwhm=3.0, sigma_intensity=10)
      >>> report = smooth_file(os.path.join(folder, "step.nii"), os.path.join(folder, "out.nii"), method=by)
      >>> report.method, report.parameters["sigma_intensity"]
      ('bilateral', [10.0])
    """
    if (fwhm is None) == (method is None):
        raise ThruxError(
            "either fwhm or a method is needed, and not both",
            field="fwhm",
            value="none" if fwhm is None else fwhm,
            remedy="Give fwhm for a Gaussian, or method=Bilateral(fwhm=..., ...)",
        )
    by = method if method is not None else Gaussian(fwhm=fwhm, mode=mode)
    check_choice("nan", nan, NanPolicy)
    target = check_name(target)
    refuse_existing(target, force=force)
    with NiftiReader(source, limits=limits) as reader:
        header = reader.header
        check_room(reader, *by.stated)
        reader.check_memory((by.volumes_held + len(by.guide_files)) * 4 * math.prod(reader.volume_shape))
        inside = None if mask is None else load_mask(mask, reader)
        guides = [load_guide(path, reader, inside, nan) for path in by.guide_files]
        run = _Run(by, inside, guides, nan, reader)
        dtype = np.dtype(np.float64 if header.dtype.newbyteorder("=") == np.float64 else np.float32)
        if progress:
            progress(0, reader.n_volumes)
        with NiftiWriter(target, header, dtype=dtype, force=force) as writer:
            for done, volume in enumerate(reader.volumes(), start=1):
                writer.write(run.smoothed(volume, done))
                if progress:
                    progress(done, reader.n_volumes)
    return SmoothReport(
        str(source),
        str(target),
        header.shape,
        header.spacing,
        by.name,
        by.fwhm_mm,
        by.sigma_mm,
        run.parameters,
        None if mask is None else str(mask),
        math.prod(reader.volume_shape) if inside is None else int(inside.sum()),
        dtype.name,
        run.not_finite,
    )


class _Run:
    """A filter on one volume after the other, with what it has learned from the first."""

    def __init__(
        self,
        by: Filter,
        inside: Voxels | None,
        guides: list[tuple[Volume, Voxels]],
        nan: NanPolicy,
        reader: NiftiReader,
    ) -> None:
        self._by, self._inside, self._nan, self._reader = by, inside, nan, reader
        self._guides = [volume for volume, _ in guides]
        self._absent = np.zeros(reader.volume_shape, bool)
        for _, unknown in guides:
            self._absent |= unknown
        self._fitted: Fitted | None = None
        self.not_finite = 0

    @property
    def parameters(self) -> dict[str, Any]:
        return {} if self._fitted is None else self._fitted.parameters

    def smoothed(self, volume: Volume, number: int) -> Volume:
        """NaN where a voxel is left out for want of a number, the same value outside the mask."""
        values, bad = finite_values(volume, self._inside)
        total = self._reader.n_volumes
        where = f" of volume {number} of {total}" if total > 1 else ""
        self.not_finite += check_finite(bad, self._nan, self._reader.header.path, where)
        absent = self._absent | bad if self._nan == "ignore" else self._absent
        present = taking_part(self._inside, absent)
        if self._fitted is None:
            scene = Scene(values, present, self._guides, self._reader.header.spacing)
            self._fitted = self._by.fit(scene)
        result = np.where(absent, np.float32(np.nan), self._fitted.apply(values, present))
        return result if self._inside is None else np.where(self._inside, result, volume)
