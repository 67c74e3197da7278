"""Gradients of cortical connectivity: of a group, whose matrix the brainspace package carries, and of one person."""

from __future__ import annotations

import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from thrux.demo.cleaning import CleanedRun
from thrux.demo.data import load_sphere
from thrux.gradients import gradients
from thrux.surface import Surface, load_surface
from thrux.tables import read_table

COMPONENTS = 3
_PARCELS = 400
_COARSE = 2562  # of the vertices of fsaverage5 the first ones, which are those of fsaverage4
_FOLDER = "brainspace/datasets"
_NAMES = {
    "matrix": f"matrices/main_group/schaefer_{_PARCELS}_mean_connectivity_matrix.csv",
    "parcels": f"parcellations/schaefer_{_PARCELS}_conte69.csv",
    "published": "matrices/main_group/conte69_32k_fc_gradient0.csv",
    "left": "surfaces/conte69_32k_lh.gii",
    "right": "surfaces/conte69_32k_rh.gii",
}


class Maps(NamedTuple):
    """Gradients on both hemispheres, NaN where there are none."""

    values: Float[np.ndarray, "vertex k"]
    eigenvalues: Float[np.ndarray, " k"]
    residual: float  # the largest
    places: int  # that were embedded
    seconds: float


class Connectopy(NamedTuple):
    """Of the group by parcels, and of one person by vertices."""

    surfaces: tuple[Surface, Surface]  # of the group, left and right
    group: Maps
    published: float  # correlation of the first one of the group with that which BrainSpace carries
    person: Maps


def find() -> dict[str, Path] | None:
    """The files of the group, if they are there."""
    try:
        package = distribution("brainspace")
    except PackageNotFoundError:
        return None
    files = {name: Path(str(package.locate_file(f"{_FOLDER}/{end}"))) for name, end in _NAMES.items()}
    return files if all(path.is_file() for path in files.values()) else None


def run(files: dict[str, Path], recording: CleanedRun) -> Connectopy:
    """Embed the parcels of the group, and vertices of a cleaned run."""
    surfaces = load_surface(files["left"]), load_surface(files["right"])
    matrix = read_table(files["matrix"]).values
    parcels = read_table(files["parcels"]).values[:, 0].astype(int)
    began = time.perf_counter()
    found = gradients(matrix, series=False, components=COMPONENTS)
    seconds = time.perf_counter() - began
    within = parcels > 0
    whole = np.full((len(parcels), COMPONENTS), np.nan)
    whole[within] = found.maps[parcels[within] - 1]
    group = Maps(whole, found.eigenvalues, float(found.residuals.max()), len(matrix), seconds)
    published = read_table(files["published"]).values[:, 0]
    return Connectopy(surfaces, group, _alike(whole[:, 0], published, within), _of(recording.cleaned))


def facts(found: Connectopy) -> list[str]:
    """In words."""
    group, person = found.group, found.person
    return [
        f"The {group.places} parcels of the group took {group.seconds:.1f} s, compiling among them; their first "
        f"gradient and the one by vertices that BrainSpace carries correlate at {abs(found.published):.2f}.",
        f"The run above was taken at the {person.places} vertices of fsaverage4 that have a series, in "
        f"{person.seconds:.1f} s, compiling among them, without the matrix of their correlations; the largest residual "
        f"of an eigenvector is {person.residual:.1g}.",
    ]


def numbers(found: Connectopy) -> dict[str, float | int]:
    """For results.json."""
    return {
        "gradients_parcels": found.group.places,
        "gradients_published_correlation": abs(found.published),
        "gradients_vertices": found.person.places,
        "gradients_vertices_seconds": found.person.seconds,
        "gradients_largest_residual": max(found.group.residual, found.person.residual),
    }


def _of(series: Float[np.ndarray, "vertex frame"]) -> Maps:
    """Of the vertices of fsaverage4 that have a series; those between have what the nearest of them has."""
    sphere = load_sphere().vertices
    number = np.tile(np.arange(len(sphere)), 2)
    chosen = np.flatnonzero((series != series[:, :1]).any(axis=1) & (number < _COARSE))
    began = time.perf_counter()
    found = gradients(np.ascontiguousarray(series[chosen]), series=True, components=COMPONENTS)
    seconds = time.perf_counter() - began
    coarse = np.full((len(series), COMPONENTS), np.nan)
    coarse[chosen] = found.maps
    nearest = np.argmax(sphere @ sphere[:_COARSE].T, axis=1)
    whole = coarse[np.concatenate([nearest, len(sphere) + nearest])]
    return Maps(whole, found.eigenvalues, float(found.residuals.max()), len(chosen), seconds)


def _alike(ours: np.ndarray, theirs: np.ndarray, within: Bool[np.ndarray, " vertex"]) -> float:
    both = within & np.isfinite(ours) & np.isfinite(theirs)
    return float(np.corrcoef(ours[both], theirs[both])[0, 1])
