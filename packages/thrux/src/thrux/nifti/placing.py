"""The header of an image whose voxels lie elsewhere than those it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
from jaxtyping import Float

from thrux.errors import ThruxError
from thrux.nifti.header import NiftiHeader
from thrux.nifti.orientation import affine_of, unit_of

_ORIENTATION = ("sform_code", "qform_code", "srow_x", "srow_y", "srow_z")
_QUATERNION = ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")
_SLICES = ("dim_info", "slice_start", "slice_end", "slice_code", "slice_duration")
_ALIGNED = 2  # NIfTI's code of a space that is no scanner's
_WHOLE = 0.01  # voxels by which rounding may make a field of view too long


def on_grid_of(header: NiftiHeader, like: NiftiHeader) -> NiftiHeader:
    """All but the place of the voxels from `header`, that from `like`, with its codes and its unit."""
    raw = _resized(header, like.shape[:3])
    for field in (*_ORIENTATION, *_QUATERNION):
        raw[field] = like.raw[field]
    raw["pixdim"][:4] = like.raw["pixdim"][:4]
    raw["xyzt_units"] = int(raw["xyzt_units"]) & ~0x07 | int(like.raw["xyzt_units"]) & 0x07
    return _placed(header, raw)


def with_spacing(header: NiftiHeader, spacing: Sequence[float]) -> NiftiHeader:
    """Voxels of another size in mm along the same axes.

    The outer corner of the first voxel stays where it is, and as many voxels follow as cover the field of view: the
    last ones may reach beyond it.
    """
    factor = np.asarray(spacing) / header.spacing
    fits = np.ceil(np.asarray(header.shape[:3]) / factor - _WHOLE).astype(int)
    raw = _resized(header, [max(1, int(n)) for n in fits])
    raw["pixdim"][1:4] = np.asarray(spacing) / header.unit_mm
    codes = {name: int(header.raw[f"{name}_code"]) for name in ("qform", "sform")}
    if codes["qform"]:  # before the sform, since it also sets the voxel sizes
        raw.set_qform(_rescaled(_qform(header.raw), factor), codes["qform"])
    if codes["sform"] or not codes["qform"]:
        sform = header.raw.get_sform() if codes["sform"] else header.affine
        raw.set_sform(_rescaled(sform, factor), codes["sform"] or _ALIGNED)
    return _placed(header, raw)


def _qform(raw: nibabel.Nifti1Header) -> Float[np.ndarray, "4 4"]:
    if float(raw["pixdim"][0]) not in (-1.0, 1.0):  # 0 is to be taken as 1
        raw = raw.copy()
        raw["pixdim"][0] = 1
    return np.asarray(raw.get_qform(), np.float64)


def _rescaled(affine: Float[np.ndarray, "4 4"], factor: Float[np.ndarray, "3"]) -> Float[np.ndarray, "4 4"]:
    """Axes longer by `factor` about the corner that is half a voxel before the first centre."""
    scaled = np.asarray(affine, np.float64).copy()
    scaled[:3, 3] += scaled[:3, :3] @ (factor - 1) / 2
    scaled[:3, :3] *= factor
    return scaled


def _resized(header: NiftiHeader, shape: Sequence[int]) -> nibabel.Nifti1Header:
    largest = np.iinfo(header.raw["dim"].dtype).max
    if max(shape) > largest:
        raise ThruxError(
            f"a header of this kind holds at most {largest} voxels along an axis",
            file=header.path,
            field="dim",
            value=" x ".join(map(str, shape)),
            remedy="Ask for fewer voxels, or convert the image to NIfTI-2",
        )
    raw = header.raw.copy()
    raw["dim"][0] = len(header.shape)
    raw["dim"][1:4] = shape
    for field in _SLICES:  # the slices of the scanner are gone
        raw[field] = 0
    return raw


def _placed(header: NiftiHeader, raw: nibabel.Nifti1Header) -> NiftiHeader:
    """The header that `raw` is read as."""
    path = Path(header.path)
    shape = (*(int(n) for n in raw["dim"][1:4]), *header.shape[3:])
    return replace(header, raw=raw, shape=shape, affine=affine_of(raw, path), unit_mm=unit_of(raw, path))
