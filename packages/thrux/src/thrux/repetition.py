"""How long it takes from one frame of a series to the next, as files say it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import nibabel
import numpy as np

_LONGEST = 50.0  # seconds; a larger number without a unit is milliseconds
_NIFTI_UNITS = {8: 1.0, 16: 1e-3, 24: 1e-6}


class Step(NamedTuple):
    """The time between two frames, and where it stands."""

    seconds: float
    source: str


def step_of_nifti(raw: nibabel.Nifti1Header) -> Step | None:
    """By the fourth voxel size and its unit; without a unit it is taken as seconds."""
    unit = int(raw["xyzt_units"]) & 0x38
    value = float(raw["pixdim"][4])
    if unit:
        return _step(value * _NIFTI_UNITS[unit], "pixdim[4]") if unit in _NIFTI_UNITS else None
    return _step(value, "pixdim[4]") if value < _LONGEST else None


def step_of_mgh(footer: bytes) -> Step | None:
    """By the first number after the data, in milliseconds."""
    if len(footer) < 4:
        return None
    return _step(1e-3 * float(np.frombuffer(footer[:4], ">f4")[0]), "repetition time after the data")


def step_of_gifti(metadata: Iterable[dict[str, str]]) -> Step | None:
    """By the first TimeStep; programs write it in seconds or in milliseconds, which do not overlap."""
    for entries in metadata:
        try:
            value = float(entries.get("TimeStep", ""))
        except ValueError:
            continue
        return _step(value if value < _LONGEST else 1e-3 * value, "TimeStep")
    return None


def _step(seconds: float, source: str) -> Step | None:
    return Step(seconds, source) if math.isfinite(seconds) and 0 < seconds < 1e4 else None
