"""A whole resting-state run freed of drifts and confounds, where the installed brainspace package carries one."""

from __future__ import annotations

from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from thrux.cleaning import clean_series
from thrux.connectivity import connectivity, mean_by_label
from thrux.demo.data import load_sphere
from thrux.demo.race import Race, race
from thrux.tables import read_table
from thrux.time_series import load_series

TR = 1.4  # seconds, by the description of the study; the files say 1
HIGH_PASS, LOW_PASS = 0.01, 0.1  # Hz
L2 = 0.1  # of the mean variance, for the partial correlation: few of the frames are independent after the filter
_PARCELS = 42  # of a hemisphere: the vertices of the icosahedron that fsaverage5 begins with, divided once
_NAME = "brainspace/datasets/preprocessing/sub-010188_ses-02_task-rest_acq-AP_run-01"


class Recording(NamedTuple):
    """The files of the run."""

    hemispheres: tuple[Path, Path]
    confounds: Path


class CleanedRun(NamedTuple):
    """Both hemispheres, one after the other, before and after; and how their parcels go together."""

    race: Race
    raw: Float[np.ndarray, "vertex frame"]
    cleaned: Float[np.ndarray, "vertex frame"]  # z-scores
    n_confounds: int
    order: np.ndarray  # the vertices of the cortex, parcel by parcel
    matrices: dict[str, Float[np.ndarray, "parcel parcel"]]


def find() -> Recording | None:
    """The files, if they are there."""
    try:
        package = distribution("brainspace")
    except PackageNotFoundError:
        return None
    left, right, table = (
        Path(str(package.locate_file(f"{_NAME}{end}")))
        for end in (".fsa5.lh.mgz", ".fsa5.rh.mgz", "_confounds.txt")
    )
    return Recording((left, right), table) if all(path.is_file() for path in (left, right, table)) else None


def run(recording: Recording, *, rounds: int, every: int = 1) -> CleanedRun:
    """Clean every vertex, beside nilearn on each `every`-th."""
    series = np.concatenate([load_series(path).values for path in recording.hemispheres])
    confounds = read_table(recording.confounds).values
    # The confounds hold the drifts, up to a parabola: no trend is fitted beside them.
    clean = partial(
        clean_series,
        confounds=confounds,
        tr=TR,
        detrend=None,
        high_pass=HIGH_PASS,
        low_pass=LOW_PASS,
        standardise="zscore",
    )
    some = np.ascontiguousarray(series[::every])
    outcome, cleaned = race(
        "Clean a resting-state run",
        partial(clean, some),
        "nilearn.signal.clean",
        partial(_by_nilearn, np.ascontiguousarray(some.T), confounds),
        size=f"{len(some)} series of {series.shape[1]} frames, {confounds.shape[1]} confounds",
        unit="standard deviations",
        rounds=rounds,
    )
    if every > 1:
        cleaned = clean(series)
    labels = _parcels((series != 0).any(axis=1))
    numbers, before = mean_by_label(series, labels)
    _, after = mean_by_label(cleaned, labels)
    rank = _by_likeness(after, numbers > _PARCELS)
    place = np.full(labels.max() + 1, -1)
    place[numbers[rank]] = np.arange(len(rank))
    order = np.argsort(place[labels], kind="stable")
    return CleanedRun(
        race=outcome,
        raw=series,
        cleaned=cleaned,
        n_confounds=confounds.shape[1],
        order=order[place[labels[order]] >= 0],
        matrices={
            "correlation, before": connectivity([before[rank]]).matrices[0],
            "correlation, after": connectivity([after[rank]]).matrices[0],
            "partial correlation, after": connectivity([after[rank]], kind="partial", l2=L2).matrices[0],
        },
    )


def facts(result: CleanedRun) -> list[str]:
    """In words."""
    mean = {name: _beside(matrix) for name, matrix in result.matrices.items()}
    return [
        f"{result.n_confounds} confounds, drifts among them, and what is slower than {HIGH_PASS:g} Hz or faster than "
        f"{LOW_PASS:g} Hz were taken away from {len(result.raw)} series of {result.raw.shape[1]} frames. The largest "
        f"difference of a z-score from nilearn's, in float32, is {result.race.largest_difference:.1g}.",
        f"Between parcels the mean size of a correlation was {mean['correlation, before']:.2f} before and is "
        f"{mean['correlation, after']:.2f} after; of a partial correlation, {mean['partial correlation, after']:.2f}.",
    ]


def numbers(result: CleanedRun) -> dict[str, float | int]:
    """For results.json."""
    before, after, partially = (_beside(matrix) for matrix in result.matrices.values())
    return {
        "cleaned_series": len(result.raw),
        "cleaned_frames": result.raw.shape[1],
        "cleaned_confounds": result.n_confounds,
        "parcels": len(result.matrices["correlation, after"]),
        "correlation_before": before,
        "correlation_after": after,
        "partial_correlation_after": partially,
    }


def _beside(matrix: Float[np.ndarray, "parcel parcel"]) -> float:
    """The mean size of the entries beside the diagonal."""
    return float(np.abs(matrix[~np.eye(len(matrix), dtype=bool)]).mean())


def _parcels(cortex: Bool[np.ndarray, " vertex"]) -> Int[np.ndarray, " vertex"]:
    """For both hemispheres the nearest of their first vertices on the sphere, counted from 1; 0 off the cortex."""
    sphere = load_sphere().vertices
    sphere = sphere / np.linalg.norm(sphere, axis=1, keepdims=True)
    nearest = 1 + np.argmax(sphere @ sphere[:_PARCELS].T, axis=1)
    return np.where(cortex, np.concatenate([nearest, _PARCELS + nearest]), 0)


def _by_likeness(
    series: Float[np.ndarray, "parcel frame"], right: Bool[np.ndarray, " parcel"]
) -> Int[np.ndarray, " parcel"]:
    """An order in which parcels of a hemisphere that go together are neighbours: along their first component."""
    (correlation,) = connectivity([series]).matrices
    first = np.linalg.eigh(correlation)[1][:, -2]
    return np.lexsort([first, right])


def _by_nilearn(
    series: Float[np.ndarray, "frame vertex"], confounds: Float[np.ndarray, "frame confound"]
) -> Float[np.ndarray, "vertex frame"]:
    from nilearn.signal import clean

    return clean(
        series,
        confounds=confounds,
        detrend=False,
        standardize="zscore_sample",
        high_pass=HIGH_PASS,
        low_pass=LOW_PASS,
        t_r=TR,
    ).T
