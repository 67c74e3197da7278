"""Two implementations of one job, timed in turns and compared."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import jax
import numpy as np


@dataclass(frozen=True)
class Race:
    """What came of it; times in seconds, medians over the rounds."""

    job: str
    size: str
    rival: str
    nitrix_s: float
    rival_s: float
    compile_s: float  # the first call of nitrix, beyond a usual one
    largest_difference: float
    unit: str
    largest_value: float
    rounds: int

    @property
    def ratio(self) -> float:
        """Rival's time over ours."""
        return self.rival_s / self.nitrix_s

    def as_dict(self) -> dict[str, Any]:
        """The fields and the ratio, for `--json`."""
        return {**asdict(self), "rival_over_nitrix": self.ratio}


def race(
    job: str,
    ours: Callable[[], Any],
    rival: str,
    theirs: Callable[[], Any],
    *,
    size: str,
    unit: str,
    rounds: int = 3,
) -> tuple[Race, np.ndarray]:
    """Run both in turns, so that a busy moment of the machine meets both; also return our result."""
    first, _ = _timed(ours)
    mine, yours = [], []
    for _ in range(rounds):
        seconds, result = _timed(ours)
        mine.append(seconds)
        seconds, expected = _timed(theirs)
        yours.append(seconds)
    result, expected = np.asarray(result), np.asarray(expected, np.float64)
    nitrix_s = statistics.median(mine)
    return Race(
        job=job,
        size=size,
        rival=rival,
        nitrix_s=nitrix_s,
        rival_s=statistics.median(yours),
        compile_s=max(first - nitrix_s, 0.0),
        largest_difference=float(np.abs(result.astype(np.float64) - expected).max()),
        unit=unit,
        largest_value=float(np.abs(expected).max()),
        rounds=rounds,
    ), result


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = jax.block_until_ready(run())  # type: ignore[no-untyped-call]
    return time.perf_counter() - start, result
