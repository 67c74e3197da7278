"""The whole clean of a run, 20,484 series of 652 frames with 29 confounds, as `thrux clean` composes it from nitrix.

Before a case is timed, z-scores are compared with nilearn's: within 5e-2 in float32, and within 1e-8 in float64 on
every 40th series. Of confounds that a linear trend explains, nilearn scales the rounding that is left to unit variance
and regresses it out; thrux drops them. So a trend is fitted only where the confounds hold none.
"""

import functools
import warnings
from pathlib import Path

import numpy as np
from harness import Case

FRAMES, VERTICES, TR, BAND = 652, 20_484, 1.4, (0.01, 0.1)
_RUN = "brainspace/datasets/preprocessing/sub-010188_ses-02_task-rest_acq-AP_run-01"


@functools.cache
def _recording() -> tuple[np.ndarray, np.ndarray]:
    """The run that the package brainspace carries, or one like it: series [vertex, frame], confounds [frame, 29]."""
    found = _installed()
    if found is not None:
        from thrux.tables import read_table
        from thrux.time_series import load_series

        series = [load_series(f"{found}.fsa5.{side}.mgz").values for side in ("lh", "rh")]
        return np.ascontiguousarray(np.concatenate(series)), read_table(f"{found}_confounds.txt").values
    rng = np.random.default_rng(0)
    series = np.cumsum(rng.normal(size=(VERTICES, FRAMES)), axis=1, dtype=np.float32)
    spikes = np.eye(FRAMES)[:, rng.choice(FRAMES, 11, replace=False)]
    drifts = np.linspace(-1, 1, FRAMES)[:, None] ** [0, 1, 2]
    return series, np.concatenate([1e-3 * rng.normal(size=(FRAMES, 15)), spikes, drifts], axis=1)


def _installed() -> Path | None:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        path = Path(str(distribution("brainspace").locate_file(_RUN)))
    except PackageNotFoundError:
        return None
    return path if Path(f"{path}_confounds.txt").is_file() else None


def _ours(series: np.ndarray, confounds: np.ndarray, detrend: bool) -> np.ndarray:
    from thrux.cleaning import clean_series

    return clean_series(
        series,
        confounds=confounds,
        tr=TR,
        detrend=1 if detrend else None,
        high_pass=BAND[0],
        low_pass=BAND[1],
        standardise="zscore",
    )


def _nilearn(series: np.ndarray, confounds: np.ndarray, detrend: bool) -> np.ndarray:
    """nilearn's layout is [frame, vertex]."""
    from nilearn.signal import clean

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clean(
            series,
            confounds=confounds,
            detrend=detrend,
            standardize="zscore_sample",
            high_pass=BAND[0],
            low_pass=BAND[1],
            t_r=TR,
        )


def _case(name: str, *, detrend: bool) -> Case:
    @functools.cache
    def given() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        series, confounds = _recording()
        # With a trend, drifts of degree 0 and 1 are the trend's; the confounds' places are filled by two like the rest.
        if detrend:
            confounds = confounds.copy()
            confounds[:, 26:28] = np.random.default_rng(1).normal(size=(FRAMES, 2))
        some = series[::40].astype(np.float64)
        apart = np.abs(_ours(some, confounds, detrend) - _nilearn(some.T, confounds, detrend).T).max()
        assert apart < 1e-8, f"z-scores differ by {apart} in float64"
        apart = np.abs(_ours(series[::40], confounds, detrend) - _nilearn(some.T, confounds, detrend).T).max()
        assert apart < 5e-2, f"z-scores differ by {apart} in float32"
        return series, np.ascontiguousarray(series.T), confounds

    return Case(
        name=name,
        operation="thrux.clean_series",
        ours=lambda: _ours(given()[0], given()[2], detrend),
        rival=lambda: _nilearn(given()[1], given()[2], detrend),
        rival_name="nilearn.signal.clean",
        bar=10.0,
        seconds=20.0,
    )


CASES = [
    _case("clean 20,484 x 652, 29 confounds", detrend=True),
    _case("clean 20,484 x 652, 29 with drifts", detrend=False),
]
