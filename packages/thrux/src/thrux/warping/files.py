"""Images warped onto a grid."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thrux.atomic import refuse_existing
from thrux.errors import ThruxError
from thrux.limits import Limits
from thrux.nifti.header import NiftiHeader
from thrux.nifti.placing import on_grid_of
from thrux.nifti.reader import NiftiReader
from thrux.nifti.writer import check_name
from thrux.options import NanOrZero, check_choice
from thrux.resampling import header_of, to_mm
from thrux.room import check_spatial
from thrux.sampling import Method, Sampler, bytes_held, check_sampling, sample
from thrux.volumewise import Progress, write_volumes
from thrux.warping.affine import Convention, load_affine
from thrux.warping.field import DisplacementField, flow, folds, load_field


@dataclass(frozen=True)
class WarpReport:
    """What `warp_file` did."""

    input: str
    output: str
    grid: str  # the file on whose grid the output lies
    affine: list[list[float]] | None  # as it was applied: RAS, of the target's space to the image's
    field: str | None
    velocity: bool
    convention: str
    largest_displacement_mm: float | None  # of the field
    folds: int | None  # voxels of the field about which it turns space inside out
    method: str
    fill: float
    shape: tuple[int, ...]
    spacing_mm: tuple[float, float, float]
    outside: int  # voxels of the grid that are fetched from beyond the image
    dtype: str
    not_finite: int  # voxels over all volumes

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`."""
        return asdict(self)


def warp_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    like: str | os.PathLike[str] | None = None,
    affine: str | os.PathLike[str] | None = None,
    invert_affine: bool = False,
    field: str | os.PathLike[str] | None = None,
    velocity: bool = False,
    convention: Convention = "ras",
    method: Method = "linear",
    fill: float | int = 0.0,
    nan: NanOrZero = "refuse",
    force: bool = False,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> WarpReport:
    """Warp the volumes of a NIfTI file onto a grid: out(p) = in(A(p + u(p))) for each point p of the grid, in mm.

    A and u say from where in the image each point of the result is fetched. So they map the space of the target to
    that of the image, which is how registration programs write what they apply to images.

    Args:
      source: The image to read, as untrusted input; of a 4-D one each volume is warped alike.
      target: The file to write, atomically. Its header is that of `source` but for the place of the voxels.
      like: An image on whose grid the result shall lie. Default: that of `field`, else that of `source`.
      affine: A text file with A (`load_affine`): four lines of four numbers, mm to mm.
      invert_affine: Apply the inverse of A, for a file that maps the image's space to the target's.
      field: A NIfTI file with u (`load_field`), in mm, on any grid in the target's space: linear between its voxels,
        0 beyond them.
      velocity: The field holds velocities that are constant in time; u is where they lead in one unit of time.
      convention: In which coordinates A and u are written: "ras", x to the right and y to the front; or "lps", as ITK
        and ANTs have it, both the other way.
      method: As of `resample_file`; "nearest" and "labels" keep the type of the values.
      fill: The value of points that are fetched from beyond the image.
      nan: What to do with voxels that are NaN or infinite: "refuse" the file, or take them as "zero".
      force: Replace `target` if it exists.
      limits: What the files may ask for. Default: `Limits()`.
      progress: Called with (volumes done, volumes in all).
    Raises:
      ThruxError: If a file is refused, if neither A nor u is given, if no point of the grid is fetched from within the
        image, if `fill` has no value in the type of the image, or if the target cannot be written; nothing is left
        behind then.
    Example:
      >>> import os, pathlib, tempfile, nibabel, numpy
      >>> folder = pathlib.Path(tempfile.mkdtemp())
      >>> ramp = numpy.arange(4, dtype="f4").reshape(4, 1, 1)
      >>> nibabel.save(nibabel.Nifti1Image(ramp, numpy.diag([2, 2, 2, 1])), folder / "in.nii")
      >>> _ = (folder / "two_mm.txt").write_text("1 0 0 2\\n0 1 0 0\\n0 0 1 0\\n0 0 0 1\\n")
      >>> report = warp_file(folder / "in.nii", folder / "out.nii", affine=folder / "two_mm.txt", fill=-1)
      >>> nibabel.load(folder / "out.nii").get_fdata().ravel().tolist()
      [1.0, 2.0, 3.0, -1.0]
    """
    check_sampling(method, fill, nan)
    check_choice("convention", convention, Convention)
    _check_maps(affine, invert_affine, field, velocity)
    target = check_name(target)
    refuse_existing(target, force=force)
    world = np.eye(4) if affine is None else load_affine(affine, convention=convention, limits=limits)
    world = np.linalg.inv(world) if invert_affine else world
    with NiftiReader(source, limits=limits) as reader:
        check_spatial(reader)
        header = reader.header
        moves = None if field is None else load_field(field, convention=convention, limits=limits)
        if moves is not None and velocity:
            moves = flow(moves)
        grid = like if like is not None else field if field is not None else source
        placed = on_grid_of(header, header_of(grid, limits))
        reader.check_memory(
            bytes_held(header.shape, placed.shape, method) + (0 if moves is None else 4 * moves.values.nbytes)
        )
        sampler = Sampler(header, _places(placed, header, world, moves), method=method, fill=fill, nan=nan)
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
    return WarpReport(
        input=str(source),
        output=str(target),
        grid=str(grid),
        affine=None if affine is None else world.tolist(),
        field=None if field is None else str(field),
        velocity=velocity,
        convention=convention,
        largest_displacement_mm=None if moves is None else _longest(moves),
        folds=None if moves is None else folds(moves),
        method=method,
        fill=float(fill),
        shape=placed.shape,
        spacing_mm=placed.spacing,
        outside=int(sampler.outside.sum()),
        dtype=(sampler.dtype or header.dtype.newbyteorder("=")).name,
        not_finite=sampler.not_finite,
    )


def _places(
    placed: NiftiHeader,
    header: NiftiHeader,
    world: Float[np.ndarray, "4 4"],
    moves: DisplacementField | None,
) -> Float[Array, "x y z 3"]:
    """Where in the image, in its voxels, each voxel of the grid is fetched from.

    With T and S from the voxels v of grid and image to mm it is S^-1 A (T v + u) = S^-1 A T v + L u, L being the linear
    part of S^-1 A: no mm are computed, whose rounding would count.
    """
    from nitrix.geometry import affine_grid

    def grid(source: NiftiHeader, between: Float[np.ndarray, "4 4"]) -> Array:
        return affine_grid(
            placed.shape[:3], target_affine=to_mm(placed), source_affine=to_mm(source), world=between
        )

    places = grid(header, world)
    if moves is None:
        return places
    u = sample(jnp.asarray(moves.values), grid(moves.header, np.eye(4)), fill=0.0)
    linear = np.linalg.solve(to_mm(header), world)[:3, :3].astype(np.float32)
    return places + jnp.einsum("...j,ij->...i", u, linear, precision="highest")


def _longest(moves: DisplacementField) -> float:
    return float(np.sqrt(np.square(moves.values, dtype=np.float64).sum(axis=-1).max()))


def _check_maps(affine: object, invert_affine: bool, field: object, velocity: bool) -> None:
    if affine is None and field is None:
        raise ThruxError(
            "an affine or a displacement field is needed, or nothing is warped",
            field="affine",
            value="none",
            remedy="Give --affine or --field, or use thrux resample",
        )
    for name, given, of, value in (
        ("invert_affine", invert_affine, "affine", affine),
        ("velocity", velocity, "field", field),
    ):
        if given and value is None:
            raise ThruxError(
                f"it is about the {of}, of which there is none",
                field=name,
                value=given,
                remedy=f"Give --{of} too",
            )
