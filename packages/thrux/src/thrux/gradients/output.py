"""Files of gradients: tables and arrays, or maps on each surface."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped

from thrux.atomic import atomic_output, refuse_existing
from thrux.errors import ThruxError
from thrux.gifti import GiftiArray, GiftiFile, write_gifti
from thrux.gifti.writer import SUFFIXES as GIFTI_SUFFIXES
from thrux.gradients.places import Places
from thrux.maps.structure import LEFT, RIGHT
from thrux.tables import write_matrix

_PREFIX = {LEFT: "lh.", RIGHT: "rh."}


def outputs(target: Path, places: Places) -> list[Path]:
    """The files that will be written; refused where the name does not fit what is read.

    On surfaces it is one GIfTI file for each, of several lh.NAME and rh.NAME; or all in one .npy.
    """
    allowed = (".npy", *GIFTI_SUFFIXES) if places.hemispheres else (".npy", ".tsv")
    if not target.name.endswith(allowed) or target.name in allowed:
        raise ThruxError(
            f"the name must end in {', '.join(allowed)} for a {places.kind}",
            file=target,
            field="output",
            remedy="Write it as NAME.func.gii" if places.hemispheres else "Write it as NAME.tsv",
        )
    if target.name.endswith((".npy", ".tsv")) or len(places.hemispheres) == 1:
        return [target]
    structures = [part.structure for part in places.hemispheres]
    if len(set(structures)) < len(structures) or not set(structures) <= set(_PREFIX):
        raise ThruxError(
            "of several surfaces each must say by its metadata or its name which hemisphere it is",
            file=target,
            field="structure",
            value=" and ".join(name or "unknown" for name in structures),
            remedy="Name the files lh.* and rh.*, or write all maps into one .npy file",
        )
    return [target.with_name(_PREFIX[name] + target.name) for name in structures]


def check_outputs(targets: Sequence[Path], *, force: bool) -> None:
    """Refuse files that exist before any work is done."""
    for target in targets:
        refuse_existing(target, force=force)


def write(
    targets: Sequence[Path],
    places: Places,
    maps: Float[np.ndarray, "place k"],
    eigenvalues: Float[np.ndarray, " k"],
    *,
    force: bool,
) -> None:
    """Write each file atomically."""
    count = maps.shape[1]
    if targets[0].name.endswith(".npy"):
        stream = io.BytesIO()
        np.save(stream, maps)
        with atomic_output(targets[0], force=force) as output:
            output.write(stream.getvalue())
    elif targets[0].name.endswith(".tsv"):
        columns = [f"gradient_{n}" for n in range(1, count + 1)]
        write_matrix(targets[0], maps, places.names, columns=columns, force=force)
    else:
        for target, part, own in zip(targets, places.hemispheres, by_surface(places, maps), strict=True):
            arrays = [
                GiftiArray(
                    "NIFTI_INTENT_NONE",
                    {},
                    own[:, n].astype(np.float32),
                    {"Name": f"gradient {n + 1}", "Eigenvalue": f"{eigenvalues[n]:.9g}"},
                )
                for n in range(count)
            ]
            where = "".join(word.capitalize() for word in part.structure.split("_"))
            write_gifti(
                target, GiftiFile(arrays, {"AnatomicalStructurePrimary": where} if where else {}), force=force
            )


def by_surface(places: Places, maps: Shaped[np.ndarray, "place k"]) -> list[Shaped[np.ndarray, "vertex k"]]:
    """The maps on all vertices of each surface, 0 where a vertex has no series in its file."""
    found, start = [], 0
    for part in places.hemispheres:
        whole = np.zeros((part.n_vertices, maps.shape[1]), maps.dtype)
        whole[part.vertices] = maps[start : start + len(part.vertices)]
        start += len(part.vertices)
        found.append(whole)
    return found
