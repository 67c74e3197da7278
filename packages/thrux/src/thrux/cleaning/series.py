"""Cleaning of time series in memory: every step is a public function of nitrix, and all of them are one program."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from thrux.errors import ThruxError
from thrux.options import check_choice

BandType = Literal["bandpass", "lowpass", "highpass"]
Standardise = Literal["none", "zscore", "psc"]
_BLOCK = 1024  # series at a time: what they need stays in the cache, whatever their number
_WORKERS = min(4, os.cpu_count() or 1)  # blocks at a time: most of XLA's loops over one run on one core
_EXPLAINED = 1e-10  # what steps 2 and 3 may leave of a confound that they explain, of its length
_ROUNDING = 16  # what a step may leave of a series that it explains whole, in units of rounding


class Steps(NamedTuple):
    """What is done, in the order in which it is done."""

    detrend: int | None = 1  # degree of the polynomial
    high_pass: float | None = None  # Hz
    low_pass: float | None = None
    order: int = 5
    tr: float | None = None  # seconds
    standardise: Standardise = "none"

    @property
    def filters(self) -> bool:
        """Whether there is a filter."""
        return self.high_pass is not None or self.low_pass is not None


def clean_series(
    series: Float[np.ndarray, "series frame"],
    *,
    confounds: Float[np.ndarray, "frame confound"] | None = None,
    tr: float | int | None = None,
    kept: Bool[np.ndarray, " frame"] | None = None,
    detrend: int | None = 1,
    high_pass: float | int | None = None,
    low_pass: float | int | None = None,
    order: int = 5,
    standardise: Standardise = "none",
    keep_scrubbed: bool = False,
    progress: Callable[[int, int], None] | None = None,
    out: Float[np.ndarray, "series kept"] | None = None,
) -> Float[np.ndarray, "series kept"]:
    """Free series in time from drifts, frequencies and confounds, in this order:

    1. A polynomial is fitted to series and confounds and subtracted. Frames that are not kept enter no fit.
    2. Those frames are filled linearly from their neighbours in time.
    3. Both are filtered alike, forward and backward (Butterworth), so that the filter does not bring back what the
       regression takes away.
    4. The confounds are fitted to each series and subtracted, all but the series' mean.
    5. Frames that are not kept are dropped.
    6. Each series is standardised.

    Args:
      series: Values in float32 or in float64, in which the steps are then done; the frames evenly spaced.
      confounds: What is regressed out; collinear columns and columns of any scale are right. Default: nothing.
      tr: Seconds between two frames; needed for a filter.
      kept: False for frames to leave out ("scrubbing"); what is there is never read. Default: all are kept.
      detrend: Degree of the polynomial, 0 for the mean, None for no such step.
      high_pass: In Hz: what is slower is taken away.
      low_pass: In Hz: what is faster is taken away.
      order: Of the Butterworth filter; forward and backward it acts twice.
      standardise: "none"; "zscore": mean 0 and standard deviation 1 (of the sample, n - 1); "psc": per cent of the
        series' mean before step 2.
      keep_scrubbed: Return all frames; those left out hold what the steps made of the filled values.
      progress: Called with (series done, series in all), from (0, ...) on.
      out: Where to write the result; it may be (a part of) `series`.
    Returns:
      The series, of the type of `series`. A series that is constant over the kept frames, or that is explained
      whole, is 0 wherever it is standardised; one with NaN at a kept frame is NaN.
    Raises:
      ThruxError: If a step cannot be done: frequencies beyond half the sampling rate, no tr for a filter, more
        confounds than frames.
    Example:
      >>> import numpy as np
      >>> t = np.arange(200)
      >>> motion = np.sin(t)[:, None]
      >>> signal = np.sin(0.1 * t)
      >>> given = (1000 + 0.5 * t + signal + 3 * motion[:, 0])[None].astype("f4")
      >>> cleaned = clean_series(given, confounds=motion, standardise="zscore")
      >>> bool(np.corrcoef(cleaned[0], signal)[0, 1] > 0.98)  # of the sine, a little went with the line
      True
    """
    n, frames = series.shape
    steps = Steps(
        detrend,
        None if high_pass is None else float(high_pass),
        None if low_pass is None else float(low_pass),
        order,
        None if tr is None else float(tr),
        standardise,
    )
    kept = np.ones(frames, bool) if kept is None else kept
    check_steps(steps, kept, 0 if confounds is None else confounds.shape[1])
    mask = None if kept.all() else kept
    shown = slice(None) if keep_scrubbed or mask is None else np.flatnonzero(kept)
    result = np.empty((n, frames if keep_scrubbed else int(kept.sum())), series.dtype) if out is None else out
    basis = None if confounds is None else _prepared(confounds, mask, steps).astype(series.dtype)
    size = min(n, _BLOCK)

    def clean_from(start: int) -> None:
        given = series[start : start + size]
        block = np.zeros((size, frames), series.dtype)
        block[: len(given)] = given
        with jax.enable_x64(series.dtype == np.float64):
            cleaned = np.asarray(_cleaned(block, basis, mask, steps))
        result[start : start + size] = cleaned[: len(given), shown]

    starts = range(0, n, max(size, 1))
    if progress:
        progress(0, n)
    for start in starts[:1]:  # alone, since it compiles
        clean_from(start)
    with ThreadPoolExecutor(_WORKERS) as pool:
        for start, _ in zip(starts[1:], pool.map(clean_from, starts[1:]), strict=True):
            if progress:
                progress(start, n)
    if progress:
        progress(n, n)
    return result


def check_steps(steps: Steps, kept: Bool[np.ndarray, " frame"], n_confounds: int) -> None:
    """Refuse what cannot be done, before any series is read."""
    check_choice("standardise", steps.standardise, Standardise)
    if steps.filters:
        _check_filter(steps, len(kept))
    left, taken = int(kept.sum()), n_confounds + (0 if steps.detrend is None else steps.detrend + 1)
    if left < max(taken + 2, 3):
        raise ThruxError(
            f"{n_confounds} confounds and the trend would explain all of the {left} frames that are kept, of "
            f"{len(kept)}",
            field="frames",
            value=left,
            remedy="Take fewer confounds (--columns) or leave out fewer frames",
        )


def _check_filter(steps: Steps, frames: int) -> None:
    if steps.tr is None:
        raise ThruxError(
            "a filter needs the time between two frames, which nothing says",
            field="tr",
            value="missing",
            remedy="Give it in seconds: --tr 2",
        )
    if not (math.isfinite(steps.tr) and steps.tr > 0):
        raise ThruxError(
            "it must be a positive number of seconds",
            field="tr",
            value=steps.tr,
            remedy="Give for instance 2",
        )
    highest = 0.5 / steps.tr
    for name in ("high_pass", "low_pass"):
        value = getattr(steps, name)
        if value is not None and not 0 < value < highest:
            raise ThruxError(
                f"it must lie between 0 and {highest:.4g} Hz, half the sampling rate of a frame in {steps.tr:g} s",
                field=name,
                value=value,
                remedy="Give a frequency in Hz that such frames can show, or leave the option out",
            )
    if steps.high_pass is not None and steps.low_pass is not None and steps.high_pass >= steps.low_pass:
        raise ThruxError(
            f"it must be below low_pass, which is {steps.low_pass:g} Hz: what is faster than high_pass and slower "
            "than low_pass stays",
            field="high_pass",
            value=steps.high_pass,
            remedy="Exchange the two",
        )
    if not 1 <= steps.order <= 10:
        raise ThruxError(
            "the order of the filter must be 1 to 10", field="order", value=steps.order, remedy="5 is usual"
        )
    poles = steps.order * (2 if steps.high_pass is not None and steps.low_pass is not None else 1)
    if frames <= 3 * (poles + 1):  # as many are put before and behind, mirrored at the ends
        raise ThruxError(
            f"this filter needs {3 * (poles + 1) + 1} at least",
            field="frames",
            value=frames,
            remedy="Lower its order (--order), or leave it out",
        )


def _prepared(
    confounds: Float[np.ndarray, "frame confound"], mask: Any, steps: Steps
) -> Float[np.ndarray, "frame basis"]:
    """An orthonormal basis, over the kept frames, of the confounds after steps 1 to 3, without their means.

    In float64 whatever the series are in, since confounds are few and which of them are collinear must not depend
    on rounding.
    """
    with jax.enable_x64(True):
        columns = np.asarray(_evened(jnp.asarray(confounds.T, jnp.float64), mask, steps)).T
    kept = np.ones(len(columns), bool) if mask is None else mask
    columns = columns - columns[kept].mean(axis=0)
    lengths, before = np.linalg.norm(columns[kept], axis=0), np.linalg.norm(confounds[kept], axis=0)
    # A column that the trend explains is noise of rounding by now; scaled up it would be a confound.
    columns = columns / np.where(lengths > _EXPLAINED * before, lengths, np.inf)
    _, sizes, axes = np.linalg.svd(columns[kept], full_matrices=False)
    rank = int((sizes > len(columns) * np.finfo(float).eps * sizes.max(initial=0)).sum())
    return columns @ (axes[:rank].T / sizes[:rank])


@partial(jax.jit, static_argnames="steps")
def _evened(x: Array, mask: Any, steps: Steps) -> Array:
    """Steps 1 to 3: without trend, filled, filtered."""
    from nitrix.signal import iir_filter, linear_interpolate, polynomial_detrend

    if steps.detrend is not None:
        x = polynomial_detrend(x, degree=steps.detrend, mask=mask)
    if mask is not None:
        x = linear_interpolate(x, mask)
    if steps.filters and steps.tr is not None:
        both = steps.high_pass is not None and steps.low_pass is not None
        btype: BandType = "bandpass" if both else "lowpass" if steps.high_pass is None else "highpass"
        x = iir_filter(
            x, fs=1 / steps.tr, btype=btype, lo=steps.high_pass, hi=steps.low_pass, order=steps.order
        )
    return x


@partial(jax.jit, static_argnames="steps")
def _cleaned(block: Array, basis: Array | None, mask: Array | None, steps: Steps) -> Array:
    """All steps on some series."""
    from nitrix.linalg import residualise

    kept = jnp.ones(block.shape[1], bool) if mask is None else mask
    count = kept.sum().astype(block.dtype)
    values = jnp.where(kept, block, 0)
    # A series less its first value is exact, and exactly 0 where the series is constant.
    start = values[:, jnp.argmax(kept)][:, None]
    rises = jnp.where(kept, values - start, 0)
    x = _evened(rises, mask, steps)
    if basis is not None:
        x = residualise(x, basis.T, weights=None if mask is None else mask.astype(x.dtype))
    if steps.standardise == "none":
        return x + start if steps.detrend is None and steps.high_pass is None else x
    mean = jnp.where(kept, x, 0).sum(1, keepdims=True) / count
    x = x - mean
    if steps.standardise == "psc":
        before = start + rises.sum(1, keepdims=True) / count
        return jnp.where(before == 0, 0, 100 * x / jnp.where(before == 0, 1, before))
    deviation = jnp.sqrt(jnp.where(kept, x**2, 0).sum(1, keepdims=True) / (count - 1))
    spread = jnp.sqrt((rises**2).sum(1, keepdims=True) / count)
    explained = deviation <= _ROUNDING * float(np.finfo(x.dtype).eps) * spread
    return jnp.where(explained, 0, x / jnp.where(explained, 1, deviation))
