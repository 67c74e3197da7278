"""Displacement fields in NIfTI files."""

from __future__ import annotations

import os
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thrux.errors import ThruxError
from thrux.limits import Limits
from thrux.nifti.header import NiftiHeader
from thrux.nifti.reader import NiftiReader
from thrux.room import check_spatial
from thrux.warping.affine import Convention, signs


class DisplacementField(NamedTuple):
    """Where each point of a grid is fetched from: as far beside it as the field says."""

    header: NiftiHeader
    values: Float[np.ndarray, "x y z 3"]  # mm, to the right, to the front, up


def load_field(
    path: str | os.PathLike[str], *, convention: Convention = "ras", limits: Limits | None = None
) -> DisplacementField:
    """Read a displacement field, as untrusted input.

    Args:
      path: A NIfTI file of shape x, y, z, 3 or x, y, z, 1, 3 (as ITK and ANTs write it) with displacements in mm.
      convention: What its three components are: "ras": to the right, to the front, up; "lps", as of ITK and ANTs: to
        the left, to the back, up.
      limits: What the file may ask for. Default: `Limits()`.
    Raises:
      ThruxError: If the file is refused, or if a value is not finite.
    """
    with NiftiReader(path, limits=limits) as reader:
        check_spatial(reader)
        if reader.header.shape[3:] not in ((3,), (1, 3)):
            raise ThruxError(
                "a displacement field has three values for each voxel: shape x, y, z, 3 or x, y, z, 1, 3",
                file=path,
                field="dim",
                value=" x ".join(map(str, reader.header.shape)),
                remedy="Give a field of displacements in mm",
            )
        reader.check_memory(2 * 3 * 8 * int(np.prod(reader.volume_shape)))
        with np.errstate(over="ignore"):
            values = np.stack([volume.astype(np.float32) for volume in reader.volumes()], axis=-1)
        if not np.isfinite(values).all():
            raise ThruxError(
                f"{int((~np.isfinite(values)).any(axis=-1).sum())} displacements are NaN or infinite",
                file=path,
                field="data",
                remedy="Mend the field, for instance with 0 where it is not known",
            )
        return DisplacementField(reader.header, values * signs(convention).astype(np.float32))


def flow(field: DisplacementField) -> DisplacementField:
    """The displacements after unit time, of a field that holds velocities."""
    from nitrix.geometry import integrate_velocity_field

    moved = integrate_velocity_field(in_voxels(field), n_steps="auto")
    linear = jnp.asarray(_linear(field.header), jnp.float32)
    return field._replace(values=np.asarray(jnp.einsum("...j,ij->...i", moved, linear, precision="highest")))


def folds(field: DisplacementField) -> int:
    """Voxels about which the field turns space inside out."""
    from nitrix.geometry import jacobian_det_displacement

    return int((jacobian_det_displacement(in_voxels(field)) <= 0).sum())


def in_voxels(field: DisplacementField) -> Float[Array, "x y z 3"]:
    """The displacements along the axes of the field's own grid."""
    inverse = jnp.asarray(np.linalg.inv(_linear(field.header)), jnp.float32)
    return jnp.einsum("...j,ij->...i", field.values, inverse, precision="highest")


def _linear(header: NiftiHeader) -> Float[np.ndarray, "3 3"]:
    linear: Float[np.ndarray, "3 3"] = header.affine[:3, :3] * header.unit_mm
    return linear
