"""Distances in image files: how deep each voxel lies."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from thrux.atomic import refuse_existing
from thrux.errors import ThruxError
from thrux.limits import Limits
from thrux.nifti.header import NiftiHeader
from thrux.nifti.reader import NiftiReader
from thrux.nifti.writer import check_name
from thrux.options import NanOrZero, check_choice
from thrux.room import check_spatial
from thrux.volumewise import Progress, write_volumes
from thrux.voxels import check_finite

Metric = Literal["euclidean", "city-block", "chebyshev"]

_HELD = 16  # copies of a volume in 32 bits: raw and real (twice as wide), and what nitrix holds


@dataclass(frozen=True)
class VolumeDistanceReport:
    """What `distance_file` found."""

    input: str
    output: str
    shape: tuple[int, ...]
    spacing_mm: tuple[float, float, float]
    metric: str
    signed: bool
    threshold: float | None
    inside: int  # voxels over all volumes
    largest_mm: float
    smallest_mm: float  # below 0 if signed
    empty_volumes: int  # those with no voxel inside
    dtype: str
    not_finite: int  # voxels over all volumes

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`."""
        return asdict(self)


def distance_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    metric: Metric = "euclidean",
    signed: bool = False,
    threshold: float | int | None = None,
    nan: NanOrZero = "refuse",
    force: bool = False,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> VolumeDistanceReport:
    """Measure in a NIfTI file how far each voxel inside lies from the nearest one outside, in mm.

    Distances are between the centres of voxels, by the voxel size in the header, and 0 outside; each volume of a
    series is measured by itself.

    Args:
      source: The file to read, as untrusted input: a mask, or values to compare with a threshold.
      target: The file to write, atomically, in float32 with the affine and the header of `source`.
      metric: "euclidean": straight lines; "city-block": the sum of the ways along x, y and z; "chebyshev": the longest
        of them.
      signed: Outside, minus the distance to the nearest voxel inside, instead of 0.
      threshold: Inside is what is above it. Default: what is not 0.
      nan: What to do with voxels that are NaN or infinite: "refuse" the file, or take them as "zero".
      force: Replace `target` if it exists.
      limits: What `source` may ask for. Default: `Limits()`.
      progress: Called with (volumes done, volumes in all).
    Raises:
      ThruxError: If a file is refused; if in some volume every voxel is inside, or with `signed` none is, so that
        there is nothing to measure to; or if the target cannot be written. Nothing is left behind then.
    Example:
      >>> import os, tempfile, nibabel, numpy
      >>> folder = tempfile.mkdtemp()
      >>> mask = numpy.zeros((5, 5, 5), "u1")
      >>> mask[1:4, 1:4, 1:4] = 1
      >>> nibabel.save(nibabel.Nifti1Image(mask, numpy.diag([2, 2, 3, 1])), os.path.join(folder, "in.nii"))
      >>> report = distance_file(os.path.join(folder, "in.nii"), os.path.join(folder, "out.nii"))
      >>> report.inside, report.largest_mm
      (27, 4.0)
    """
    for name, value, choices in (("metric", metric, Metric), ("nan", nan, NanOrZero)):
        check_choice(name, value, choices)
    if threshold is not None and not math.isfinite(threshold):
        raise ThruxError(
            "it must be a number in the units of the image",
            field="threshold",
            value=threshold,
            remedy="Leave it out to take all that is not 0 as inside",
        )
    target = check_name(target)
    refuse_existing(target, force=force)
    with NiftiReader(source, limits=limits) as reader:
        header = reader.header
        check_spatial(reader)
        reader.check_memory(_HELD * 4 * math.prod(reader.volume_shape))
        run = _Run(metric, signed, threshold, nan, header)
        dtype = np.dtype(np.float32)
        write_volumes(
            reader, reader.volumes(), run.distances, target, dtype=dtype, force=force, progress=progress
        )
    return VolumeDistanceReport(
        str(source),
        str(target),
        header.shape,
        header.spacing,
        metric,
        signed,
        None if threshold is None else float(threshold),
        run.inside,
        run.largest,
        run.smallest,
        run.empty,
        dtype.name,
        run.not_finite,
    )


class _Run:
    """Distances in one volume after the other, with what is counted."""

    def __init__(
        self,
        metric: Metric,
        signed: bool,
        threshold: float | int | None,
        nan: NanOrZero,
        header: NiftiHeader,
    ) -> None:
        self._metric, self._signed, self._threshold = metric, signed, threshold
        self._nan, self._header = nan, header
        self.inside = self.empty = self.not_finite = 0
        self.largest, self.smallest = -math.inf, math.inf

    def distances(self, volume: np.ndarray, where: str) -> np.ndarray:
        """In mm, float32."""
        from nitrix.morphology import distance_transform, signed_distance_transform

        bad = ~np.isfinite(volume)
        self.not_finite += check_finite(bad, self._nan, self._header.path, where, omissible=False)
        values = np.ascontiguousarray(np.where(bad, 0, volume))
        mask = values != 0 if self._threshold is None else values > self._threshold
        self._check(mask, where)
        measure = signed_distance_transform if self._signed else distance_transform
        metric = self._metric.replace("-", "_")
        result = np.asarray(measure(mask, metric=metric, spacing=self._header.spacing), np.float32)
        self.inside += int(mask.sum())
        self.largest = max(self.largest, float(result.max()))
        self.smallest = min(self.smallest, float(result.min()))
        return result

    def _check(self, mask: np.ndarray, where: str) -> None:
        """Refuse a volume in which there is nothing to measure to."""
        rule = "not 0" if self._threshold is None else f"above {self._threshold:g}"
        if mask.all():
            raise ThruxError(
                f"every voxel{where} is {rule} and so inside, with none outside to measure to",
                file=self._header.path,
                field="data",
                remedy="Give a mask that is 0 somewhere, or another --threshold",
            )
        if not mask.any():
            self.empty += 1
            if self._signed:
                raise ThruxError(
                    f"no voxel{where} is {rule} and so inside, with none to measure to",
                    file=self._header.path,
                    field="data",
                    remedy="Give a mask that is not 0 somewhere, another --threshold, or leave out --signed",
                )
