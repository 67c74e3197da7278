"""Which surface belongs to which maps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from thrux.errors import ThruxError
from thrux.limits import Limits
from thrux.maps.files import SurfaceMaps
from thrux.surface import Surface, load_named_surface


@dataclass
class NamedSurface:
    """A surface, where it came from, and what it is, "" if nothing says."""

    path: Path
    mesh: Surface
    structure: str
    _latest: tuple[bytes, Any] | None = field(default=None, repr=False)

    def operators(self, present: Bool[np.ndarray, " vertex"]) -> tuple[Any, Any]:
        """The cotangent Laplacian and the areas of the triangles whose corners are all present."""
        from nitrix.sparse import Mesh, mesh_cotangent_laplacian, vertex_areas

        key = np.packbits(present).tobytes()
        if self._latest is None or self._latest[0] != key:
            faces = self.mesh.faces[present[self.mesh.faces].all(axis=1)]
            if not len(faces):
                raise ThruxError(
                    "no triangle of the surface is left: values are missing all over it",
                    file=self.path,
                    field="triangles",
                    value="all left out",
                    remedy="Check the mask, and which values are NaN or zero",
                )
            mesh = Mesh(self.mesh.vertices, faces)
            self._latest = key, (mesh_cotangent_laplacian(mesh), vertex_areas(mesh))
        return self._latest[1]


def load_surfaces(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    structure: str | None = None,
    limits: Limits | None = None,
) -> list[NamedSurface]:
    """Read one surface or several; of several it must be known which is which."""
    several = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found = []
    for path in several:
        mesh, named = load_named_surface(path, limits=limits)
        found.append(NamedSurface(Path(path), mesh, structure or named))
    names = [surface.structure for surface in found]
    if len(found) > 1 and (structure or "" in names or len(set(names)) < len(names)):
        wrong = found[names.index("")] if "" in names else found[-1]
        raise ThruxError(
            "of several surfaces each must say by its metadata or its name which one it is",
            file=wrong.path,
            field="structure",
            value=wrong.structure or "unknown",
            remedy="Name the files lh.* and rh.*, or smooth one hemisphere after the other with --structure",
        )
    return found


def pair(maps: SurfaceMaps, surfaces: list[NamedSurface]) -> list[tuple[int, NamedSurface]]:
    """For each surface the number of the part of the maps that lies on it.

    Raises:
      ThruxError: If the maps lie on another structure, if it is not known on which, or if the numbers of
        vertices differ.
    """
    return [(_part_on(surface, maps), surface) for surface in surfaces]


def _part_on(surface: NamedSurface, maps: SurfaceMaps) -> int:
    known = [part.structure for part in maps.parts]
    if len(known) == 1 and ("" in (surface.structure, known[0])):
        number = 0
    elif surface.structure in known:
        number = known.index(surface.structure)
    else:
        raise ThruxError(
            f"the surface is {surface.structure or 'not known'}, but there are maps on "
            f"{', '.join(name or 'an unknown structure' for name in known)}",
            file=maps.path,
            field="structure",
            value=surface.structure or "unknown",
            remedy="Give the surface of the same hemisphere, or say what it is with --structure",
        )
    expected, actual = len(surface.mesh.vertices), maps.parts[number].n_vertices
    if expected != actual:
        raise ThruxError(
            f"the maps have {actual} vertices but the surface {surface.path} has {expected}",
            file=maps.path,
            field="vertices",
            value=actual,
            remedy="Give the surface that the maps were made on",
        )
    return number
