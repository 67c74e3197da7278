"""How a case is measured: compiled first, then both sides in interleaved rounds of one process, medians."""

import dataclasses
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import scipy


@dataclasses.dataclass(frozen=True)
class Case:
    """One operation on one workload, against its natural rival on the same input."""

    name: str
    operation: str  # the public function, as the operation table names it
    ours: Callable[[], Any]
    rival: Callable[[], Any]
    rival_name: str
    bar: float | None = None  # required rival time / our time: 6.0, or 1 / 1.2 for "at most 1.2 x its time"
    seconds: float = 4.0  # of measuring, about
    program: Callable[[], Any] | None = None  # a compiled `ours`, whose memory analysis is reported
    volume_bytes: int | None = None  # what one volume is, for the memory column


@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured; `reason` says in words why something was not."""

    name: str
    operation: str
    rival_name: str
    bar: float | None
    ours_ms: float | None = None
    rival_ms: float | None = None
    ratio: float | None = None  # rival / ours
    rounds: int = 0
    compile_s: float | None = None
    temporaries: float | None = None  # volumes, if the case says what a volume is; else MiB
    reason: str | None = None

    @property
    def verdict(self) -> str:
        """'ok' or 'short' of the bar, '-' where there is none to reach."""
        if self.bar is None or self.ratio is None:
            return "-"
        return "ok" if self.ratio >= self.bar else "short"


def measure(case: Case) -> Row:
    """Warm both sides up, then time them in turn."""
    row = Row(case.name, case.operation, case.rival_name, case.bar)
    first = _seconds(case.ours)
    second = _seconds(case.ours)
    row = dataclasses.replace(row, compile_s=max(first - second, 0.0), temporaries=_temporaries(case))
    try:
        _seconds(case.rival)
        rival = _seconds(case.rival)
    except Exception as error:  # a rival that is absent or cannot compile here says so itself
        row = dataclasses.replace(
            row, reason=f"{case.rival_name}: {type(error).__name__}: {_first_line(error)}"
        )
        times = [_seconds(case.ours) for _ in range(5)]
        return dataclasses.replace(row, ours_ms=1e3 * statistics.median(times), rounds=len(times))
    rounds = int(min(max(case.seconds / max(second + rival, 1e-6), 5), 200))
    ours_times, rival_times = [], []
    for _ in range(rounds):
        ours_times.append(_seconds(case.ours))
        rival_times.append(_seconds(case.rival))
    ours, other = statistics.median(ours_times), statistics.median(rival_times)
    return dataclasses.replace(
        row, ours_ms=1e3 * ours, rival_ms=1e3 * other, ratio=other / ours, rounds=rounds
    )


def environment() -> dict[str, Any]:
    """The hardware and the versions that the numbers belong to."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "device": jax.devices()[0].device_kind,
        "python": platform.python_version(),
        "jax": jax.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "load": round(os.getloadavg()[0], 1),  # of others, at the start: medians suffer beyond a few tenths
        "date": time.strftime("%Y-%m-%d"),
    }


REST = 0.2  # s before each call: OpenBLAS's threads spin on after one, on the cores of what is measured next


def _seconds(call: Callable[[], Any]) -> float:
    time.sleep(REST)
    start = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - start


def _temporaries(case: Case) -> float | None:
    """Temporaries of the compiled program, in volumes or in MiB."""
    if case.program is None:
        return None
    analysis = case.program().memory_analysis()
    if analysis is None:
        return None
    return analysis.temp_size_in_bytes / (case.volume_bytes or 2**20)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0][:160]


def _cpu_model() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
