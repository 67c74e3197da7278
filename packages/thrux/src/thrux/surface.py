"""Surface meshes: vertices and triangles."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from thrux.errors import ThruxError
from thrux.freesurfer import is_geometry, read_geometry
from thrux.gifti import GiftiArray, read_gifti
from thrux.limits import Limits
from thrux.maps.structure import structure_of

_REMEDY = "Write the surface again as plain GIfTI"


class Surface(NamedTuple):
    """A triangle mesh."""

    vertices: Float[np.ndarray, "vertex 3"]  # mm
    faces: Int[np.ndarray, "face 3"]  # indices of vertices, counter-clockwise seen from outside


def load_surface(path: str | os.PathLike[str], *, limits: Limits | None = None) -> Surface:
    """Read the mesh of a GIfTI or FreeSurfer surface file, as untrusted input.

    Args:
      path: A `.gii` or `.gii.gz` file with one point set and one list of triangles, or a surface of triangles
        in FreeSurfer's own format, such as lh.white.
      limits: What the file may ask for. Default: `Limits()`.
    Returns:
      Vertices as float32 in mm, as stored (coordinate transforms in the file are not applied); triangles as
      int32.
    Raises:
      ThruxError: If the file is refused: damaged, not a surface, a coordinate that is not finite, or a
        triangle that names a vertex that is not there.
    """
    return load_named_surface(path, limits=limits)[0]


def load_named_surface(path: str | os.PathLike[str], *, limits: Limits | None = None) -> tuple[Surface, str]:
    """The mesh, and the structure that the file or its name says it is, such as CORTEX_LEFT, or ""."""
    if is_geometry(path):
        vertices, faces = read_geometry(path, limits=limits)
        structure = structure_of(path)
    else:
        found = read_gifti(path, limits=limits)
        vertices = _only(found.arrays, "NIFTI_INTENT_POINTSET", path)
        faces = _only(found.arrays, "NIFTI_INTENT_TRIANGLE", path)
        structure = structure_of(path, [found.metadata, *(array.metadata for array in found.arrays)])
    _check(vertices, faces, path)
    return Surface(vertices.astype(np.float32), faces.astype(np.int32)), structure


def load_scalars(
    path: str | os.PathLike[str], *, limits: Limits | None = None
) -> Float[np.ndarray, " vertex"]:
    """Read a GIfTI file with one value per vertex, such as sulcal depth, as float32."""
    arrays = read_gifti(path, limits=limits).arrays
    if len(arrays) != 1 or arrays[0].values.ndim != 1:
        raise ThruxError(
            "one array with one value per vertex is expected",
            file=path,
            field="DataArray",
            value=[a.values.shape for a in arrays],
            remedy=_REMEDY,
        )
    return arrays[0].values.astype(np.float32)


def _check(vertices: np.ndarray, faces: np.ndarray, path: str | os.PathLike[str]) -> None:
    """Finite coordinates, and triangles of vertices that are there."""
    if not np.isfinite(vertices).all():
        bad = int(np.argmax(~np.isfinite(vertices).all(axis=1)))
        raise ThruxError(
            f"the coordinates of vertex {bad} are not finite",
            file=path,
            field="NIFTI_INTENT_POINTSET",
            value=vertices[bad],
            remedy=_REMEDY,
        )
    if faces.dtype.kind not in "iu":
        raise ThruxError(
            "the indices of a triangle must be integers",
            file=path,
            field="NIFTI_INTENT_TRIANGLE",
            value=faces.dtype,
            remedy=_REMEDY,
        )
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise ThruxError(
            f"a triangle names a vertex outside 0 to {len(vertices) - 1}",
            file=path,
            field="NIFTI_INTENT_TRIANGLE",
            value=faces.min() if faces.min() < 0 else faces.max(),
            remedy=_REMEDY,
        )


def _only(arrays: list[GiftiArray], intent: str, path: str | os.PathLike[str]) -> np.ndarray:
    """The one array of this intent, which has three columns."""
    found = [a.values for a in arrays if a.intent == intent]
    if len(found) != 1 or found[0].ndim != 2 or found[0].shape[1] != 3:
        raise ThruxError(
            "a surface has exactly one array of this kind, with three columns",
            file=path,
            field=intent,
            value=[a.shape for a in found],
            remedy="Give a surface file (.surf.gii), not a map of values",
        )
    return found[0]
