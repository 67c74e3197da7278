"""Distances along a surface."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from thrux.atomic import refuse_existing
from thrux.errors import ThruxError
from thrux.gifti import write_gifti
from thrux.gifti.writer import check_gifti_name
from thrux.limits import Limits
from thrux.maps.files import new_map
from thrux.surface import Surface, load_named_surface


@dataclass(frozen=True)
class DistanceReport:
    """What `surface_distance_file` found; None stands for a vertex that no path leads to."""

    surface: str
    output: str | None
    vertices: int
    sources: list[int]
    reached: int  # vertices that a path leads to
    farthest: int  # of those, the vertex
    farthest_mm: float
    to: list[dict[str, float | int | None]]  # vertex, distance_mm
    radius_mm: float | None
    within: int | None  # vertices not farther than the radius

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`."""
        return asdict(self)


def surface_distance(surface: Surface, sources: Sequence[int]) -> Float[np.ndarray, " vertex"]:
    """Length in mm of the shortest path along edges to the nearest source; inf where none leads.

    Args:
      surface: The mesh.
      sources: Vertex numbers, counted from 0.
    Returns:
      float32; exact for paths along edges (`nitrix.sparse.geodesic_distance`), which are a little longer than
      the shortest lines on the surface.
    Raises:
      ThruxError: If a vertex is not there.
    """
    from nitrix.sparse import Mesh, geodesic_distance, mesh_edge_lengths, mesh_k_ring_adjacency

    _check_vertices("--from", sources, len(surface.vertices))
    mesh = Mesh(surface.vertices, surface.faces)
    lengths = mesh_edge_lengths(mesh, mesh_k_ring_adjacency(mesh))
    return np.asarray(geodesic_distance(lengths, np.asarray(sources, np.int32), min_only=True))


def surface_distance_file(
    source: str | os.PathLike[str],
    *,
    sources: Sequence[int],
    to: Sequence[int] = (),
    target: str | os.PathLike[str] | None = None,
    radius: float | None = None,
    force: bool = False,
    limits: Limits | None = None,
) -> DistanceReport:
    """Measure distances along the edges of a surface file, from the nearest of some vertices.

    Args:
      source: The surface, GIfTI or FreeSurfer's, as untrusted input.
      sources: Vertices to start from, counted from 0.
      to: Vertices whose distances the report shall name.
      target: A GIfTI file to write the distances to, atomically; NaN where no path leads, or beyond `radius`.
      radius: In mm: leave out of the output what is farther, and count what is not.
      force: Replace `target` if it exists.
      limits: What the file may ask for. Default: `Limits()`.
    Raises:
      ThruxError: If the file is refused, a vertex is not there, or the target cannot be written.
    """
    if radius is not None and not (math.isfinite(radius) and radius > 0):
        raise ThruxError(
            "it must be a positive number of mm", field="radius", value=radius, remedy="Give for instance 20"
        )
    if target is not None:
        refuse_existing(check_gifti_name(target), force=force)
    surface, structure = load_named_surface(source, limits=limits)
    n = len(surface.vertices)
    _check_vertices("--from", sources, n, source)
    _check_vertices("--to", to, n, source)
    distance = surface_distance(surface, sources)
    reached = np.isfinite(distance)
    shown = reached if radius is None else reached & (distance <= radius)
    if target is not None:
        values = np.where(shown, distance, np.float32(np.nan))
        name = "Distance from vertex " + ", ".join(map(str, sources))
        write_gifti(target, new_map(values, name=name, structure=structure), force=force)
    farthest = int(np.argmax(np.where(reached, distance, -1)))
    return DistanceReport(
        surface=str(source),
        output=None if target is None else str(target),
        vertices=n,
        sources=list(sources),
        reached=int(reached.sum()),
        farthest=farthest,
        farthest_mm=float(distance[farthest]),
        to=[{"vertex": v, "distance_mm": float(distance[v]) if reached[v] else None} for v in to],
        radius_mm=radius,
        within=None if radius is None else int(shown.sum()),
    )


def _check_vertices(option: str, vertices: Sequence[int], n: int, path: str | os.PathLike[str] = "") -> None:
    for vertex in vertices:
        if not 0 <= vertex < n:
            raise ThruxError(
                f"the surface has the vertices 0 to {n - 1}",
                file=path,
                field=option,
                value=vertex,
                remedy="Count vertices from 0",
            )
    if option == "--from" and not vertices:
        raise ThruxError("at least one vertex is needed", file=path, field=option, remedy="Give its number")
