"""Gradients of connectivity from files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from thrux.atomic import atomic_output, refuse_existing
from thrux.connectivity.picture import check_picture
from thrux.errors import ThruxError
from thrux.gradients.embedding import Approach, Gradients, gradients
from thrux.gradients.output import by_surface, check_outputs, outputs, write
from thrux.gradients.places import Hemisphere, Places, load_places
from thrux.limits import MIB, Limits
from thrux.maps.matching import NamedSurface, load_surfaces


@dataclass(frozen=True)
class GradientsReport:
    """What `gradients_file` did."""

    inputs: list[str]
    outputs: list[str]
    picture: str | None
    kind: str  # of what was read
    places: int
    left_out: int  # of them, which are 0 in the output
    frames: int | None
    approach: str
    components: int
    sparsity: float
    alpha: float | None
    eigenvalues: list[float]
    residuals: list[float]

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`."""
        return asdict(self)


def gradients_file(
    sources: Sequence[str | os.PathLike[str]],
    target: str | os.PathLike[str],
    *,
    approach: Approach = "diffusion",
    components: int = 10,
    sparsity: float | int = 0.9,
    alpha: float | int = 0.5,
    picture: str | os.PathLike[str] | None = None,
    surfaces: Sequence[str | os.PathLike[str]] = (),
    force: bool = False,
    limits: Limits | None = None,
) -> GradientsReport:
    """Write the gradients of connectivity of regions or of the cortex, as `gradients` finds them.

    Args:
      sources: One table (.tsv, .csv, .txt, .npy): if it is symmetric, connectivity, as `connectivity_files` writes it,
        else series with a row for each frame and a column for each region. Or series on surfaces (.func.gii, .mgh,
        .mgz, .dtseries.nii), a file for each hemisphere, whose vertices are embedded together.
      target: The file to write, atomically. Of regions .tsv with names, or .npy, [region, gradient]. Of surfaces a
        GIfTI file, of two lh.NAME and rh.NAME, with a map for each gradient, or one .npy of all vertices in the order
        of the files.
      approach: "diffusion" maps or Laplacian "eigenmaps".
      components: How many.
      sparsity: The share of each row of the connectivity that is left out.
      alpha: Of diffusion maps: how far the density of places is taken out, from 0 to 1.
      picture: A .png file to write; of series on surfaces it needs `surfaces`.
      surfaces: The surfaces on which to draw, one for each hemisphere.
      force: Replace files that exist.
      limits: What the files may ask for. Default: `Limits()`.
    Raises:
      ThruxError: If a file is refused, if there are no gradients, if the eigenvectors are not found to their accuracy,
        or if an output cannot be written.
    Example:
      >>> import pathlib, tempfile
      >>> import numpy as np
      >>> folder = pathlib.Path(tempfile.mkdtemp())
      >>> place = np.linspace(0, 1, 30)
      >>> np.save(folder / "matrix.npy", np.exp(-4 * (place[:, None] - place) ** 2))
      >>> report = gradients_file([folder / "matrix.npy"], folder / "gradients.tsv", components=2)
      >>> report.kind, report.places, len(report.eigenvalues)
      ('matrix', 30, 2)
    """
    limits = limits or Limits()
    target = Path(target)
    if picture is not None:
        check_picture(picture)
        refuse_existing(Path(picture), force=force)
    places = load_places(sources, limits=limits)
    targets = outputs(target, places)
    check_outputs(targets, force=force)
    _check_memory(places, sparsity, limits, sources[0])
    meshes = _meshes(places, surfaces, picture, limits)
    found = gradients(
        places.values,
        series=places.series,
        approach=approach,
        components=components,
        sparsity=sparsity,
        alpha=alpha,
    )
    write(targets, places, found.maps, found.eigenvalues, force=force)
    if picture is not None:
        with atomic_output(Path(picture), force=force) as stream:
            stream.write(_drawn(places, found, meshes))
    return GradientsReport(
        inputs=[str(source) for source in sources],
        outputs=[str(path) for path in targets],
        picture=None if picture is None else str(picture),
        kind=places.kind,
        places=len(places.values),
        left_out=int(found.left_out.sum()),
        frames=places.values.shape[1] if places.series else None,
        approach=approach,
        components=components,
        sparsity=float(sparsity),
        alpha=float(alpha) if approach == "diffusion" else None,
        eigenvalues=[float(value) for value in found.eigenvalues],
        residuals=[float(value) for value in found.residuals],
    )


def _meshes(
    places: Places,
    surfaces: Sequence[str | os.PathLike[str]],
    picture: str | os.PathLike[str] | None,
    limits: Limits,
) -> list[NamedSurface]:
    """The surface of each hemisphere, in their order."""
    if picture is None or not places.hemispheres:
        return []
    if len(surfaces) != len(places.hemispheres):
        raise ThruxError(
            f"maps on {len(places.hemispheres)} surfaces are drawn on as many, of which {len(surfaces)} are given",
            file=picture,
            field="surfaces",
            value=len(surfaces),
            remedy="Give --surface for each hemisphere",
        )
    given = load_surfaces(surfaces, limits=limits)
    return [_on(part, given) for part in places.hemispheres]


def _on(part: Hemisphere, given: list[NamedSurface]) -> NamedSurface:
    fitting = [s for s in given if len(given) == 1 or s.structure == part.structure]
    if len(fitting) != 1 or len(fitting[0].mesh.vertices) != part.n_vertices:
        raise ThruxError(
            f"none of the surfaces is {part.structure or 'the one of the series'} with {part.n_vertices} vertices",
            file=given[0].path,
            field="surfaces",
            value=", ".join(f"{s.structure or 'unknown'}: {len(s.mesh.vertices)}" for s in given),
            remedy="Give the surfaces that the series are on",
        )
    return fitting[0]


def _drawn(places: Places, found: Gradients, meshes: list[NamedSurface]) -> bytes:
    from thrux.gradients.picture import picture_of_regions, picture_on_surfaces

    if not places.hemispheres:
        return picture_of_regions(found.maps, found.eigenvalues, found.left_out, places.names)
    present = by_surface(places, (~found.left_out)[:, None])
    return picture_on_surfaces(
        [(part.structure, mesh.mesh) for part, mesh in zip(places.hemispheres, meshes, strict=True)],
        by_surface(places, found.maps),
        [~one[:, 0] for one in present],
        found.eigenvalues,
    )


def _check_memory(
    places: Places, sparsity: float | int, limits: Limits, path: str | os.PathLike[str]
) -> None:
    n, frames = places.values.shape
    held = 8 * 4 * n * n
    if places.series:  # the kept entries of each row, twice, and some thousand rows while they are looked for
        held = int(2 * 8 * n * max(1.0, (1 - sparsity) * n)) + 4 * 4 * n * (frames + 1024)
    if held > limits.memory:
        raise ThruxError(
            f"it needs {held / MIB:.0f} MiB of memory, of which {limits.memory / MIB:.0f} MiB may be used",
            file=path,
            field="places",
            value=n,
            remedy="Raise the limit (--max-memory, Limits(memory=...)), leave out more by a larger --sparsity, or use "
            "a coarser surface",
        )
