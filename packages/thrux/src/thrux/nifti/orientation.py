"""Where a NIfTI image lies in space, and in which unit."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError

from thrux.errors import ThruxError
from thrux.nifti.rules import REWRITE


def affine_of(raw: nibabel.Nifti1Header, path: Path) -> np.ndarray:
    """The best affine, finite and of full rank."""
    for field in ("sform_code", "qform_code"):
        if not 0 <= int(raw[field]) <= 5:
            raise ThruxError(
                "the code of an orientation is 0 to 5",
                file=path,
                field=field,
                value=int(raw[field]),
                remedy=REWRITE,
            )
    fields: list[str] = []
    if int(raw["sform_code"]) > 0:
        fields += ["srow_x", "srow_y", "srow_z"]
    if int(raw["qform_code"]) > 0:
        fields += ["quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"]
    for field in fields:
        if not np.isfinite(raw[field]).all():
            raise ThruxError("it must be finite", file=path, field=field, value=raw[field], remedy=REWRITE)
    by_quaternion = int(raw["sform_code"]) <= 0 < int(raw["qform_code"])
    if by_quaternion and float(raw["pixdim"][0]) not in (-1.0, 0.0, 1.0):
        raise ThruxError(
            "the sign of the z axis must be 1 or -1",
            file=path,
            field="pixdim[0]",
            value=raw["pixdim"][0],
            remedy=REWRITE,
        )
    if float(raw["pixdim"][0]) == 0:  # to be taken as 1, which nibabel does only when it mends a header
        raw = raw.copy()
        raw["pixdim"][0] = 1
    try:
        with np.errstate(all="ignore"):  # what overflows is refused below
            affine = np.asarray(raw.get_best_affine(), np.float64)
            norms = np.linalg.norm(affine[:3, :3], axis=0)
    except (HeaderDataError, ValueError, np.linalg.LinAlgError) as error:
        raise ThruxError(
            f"the orientation cannot be computed ({error})",
            file=path,
            field="quatern",
            value=[float(raw[f"quatern_{axis}"]) for axis in "bcd"],
            remedy=REWRITE,
        ) from None
    if not np.isfinite([*affine.flat, *norms]).all() or not (norms > 0).all():
        raise ThruxError(
            "each axis must have a finite length above 0",
            file=path,
            field="affine",
            value=norms,
            remedy=REWRITE,
        )
    # Relative to the voxel size, so that tiny voxels in metres are not called flat.
    if abs(np.linalg.det(affine[:3, :3] / norms)) < 1e-6:
        raise ThruxError(
            "its axes lie in one plane", file=path, field="affine", value="singular", remedy=REWRITE
        )
    return affine


def unit_of(raw: nibabel.Nifti1Header, path: Path) -> float:
    """The spatial unit in mm; not naming one means mm."""
    code = int(raw["xyzt_units"]) & 0x07
    units = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
    if code not in units:
        raise ThruxError(
            "the spatial unit is not one of unknown, metre, mm, micrometre",
            file=path,
            field="xyzt_units",
            value=int(raw["xyzt_units"]),
            remedy=REWRITE,
        )
    return units[code]
