"""Cleaning of the time series in a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from jaxtyping import Bool

from thrux.atomic import refuse_existing
from thrux.cleaning.confounds import Confounds, check_confounds, load_confounds
from thrux.cleaning.scrubbing import load_scrubbed, scrubbed_by_displacement
from thrux.cleaning.series import Standardise, Steps, check_steps, clean_series
from thrux.errors import ThruxError
from thrux.limits import Limits
from thrux.options import NanOrZero, check_choice
from thrux.tables import Table
from thrux.time_series import TimeSeries, load_series

_BLOCK = 4096  # series at a time, where they are looked through


@dataclass(frozen=True)
class CleanReport:
    """What `clean_file` did, in the order in which it did it."""

    input: str
    output: str
    kind: str  # NIfTI, GIfTI or MGH
    mask: str | None
    series: int  # within the mask
    constant: int  # of them, over the kept frames
    not_finite: int  # of them, which are 0 in the output
    frames: int
    frames_scrubbed: list[int]  # counted from 0
    frames_written: int
    tr_s: float | None
    tr_source: str | None
    confounds: str | None
    columns: list[str]
    columns_filled: list[str]  # whose first value was missing and is that of the second frame
    steps: list[dict[str, Any]]
    versions: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`."""
        return vars(self).copy()


def clean_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    confounds: str | os.PathLike[str] | None = None,
    columns: Sequence[str] = (),
    tr: float | int | None = None,
    detrend: int | None = 1,
    high_pass: float | int | None = None,
    low_pass: float | int | None = None,
    order: int = 5,
    scrub: str | os.PathLike[str] | None = None,
    fd_threshold: float | int | None = None,
    keep_scrubbed: bool = False,
    standardise: Standardise = "none",
    mask: str | os.PathLike[str] | None = None,
    nan: NanOrZero = "refuse",
    force: bool = False,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CleanReport:
    """Clean the time series of a NIfTI, GIfTI or MGH file, by the steps of `clean_series` in their order.

    Args:
      source: The series, as untrusted input; read into memory in float32.
      target: The file to write, atomically, of the kind of `source`: float32, header and metadata kept, and as
        many frames as are left.
      confounds: A table with a row for each frame (`read_table`), whose columns are regressed out. A value that
        is missing in the first row, as in derivatives, is taken from the second.
      columns: Names of columns, or patterns such as `trans_*`. Default: all.
      tr: Seconds between two frames. Default: what the file says.
      detrend: Degree of the polynomial, 0 for the mean, None for no such step.
      high_pass: In Hz: what is slower is taken away.
      low_pass: In Hz: what is faster is taken away.
      order: Of the Butterworth filter, which runs forward and backward.
      scrub: A text file that names the frames to leave out (`load_scrubbed`).
      fd_threshold: Leave out frames whose `framewise_displacement`, a column of the confounds, is larger, in mm.
      keep_scrubbed: Write all frames; those left out hold what the steps made of values that were filled linearly.
      standardise: "none", "zscore" or "psc".
      mask: A file on the same grid or with the same vertices; where it is 0 or NaN, the output is 0.
      nan: What to do with series that are NaN or infinite at a frame that is kept: "refuse" the file, or take
        them as "zero" at all frames.
      force: Replace `target` if it exists.
      limits: What the files may ask for. Default: `Limits()`.
      progress: Called with (series done, series in all).
    Raises:
      ThruxError: If a file is refused, if tables and series do not fit, if a step cannot be done, or if the target
        cannot be written; nothing is left behind then.
    Example:
      >>> import os, tempfile, nibabel, numpy
      >>> folder = tempfile.mkdtemp()
      >>> at = lambda name: os.path.join(folder, name)
      >>> ramp = numpy.arange(30) * numpy.ones((2, 2, 2, 1), "f4")
      >>> nibabel.save(nibabel.Nifti1Image(ramp, numpy.eye(4)), at("bold.nii"))
      >>> report = clean_file(at("bold.nii"), at("clean.nii"), detrend=1)
      >>> report.series, report.frames_written, [step["step"] for step in report.steps]
      (8, 30, ['detrend'])
    """
    limits = limits or Limits()
    check_choice("nan", nan, NanOrZero)
    check_choice("standardise", standardise, Standardise)
    given = load_series(source, mask=mask, limits=limits)
    target = given.check_name(target)
    refuse_existing(target, force=force)
    frames = given.values.shape[1]
    table, regressors = None, None
    if confounds is not None:
        table, regressors = load_confounds(confounds, columns=columns, n_frames=frames, limits=limits)
    elif columns:
        raise ThruxError(
            "it chooses columns of the confounds, of which there are none",
            field="columns",
            value=", ".join(columns),
            remedy="Give the table with --confounds",
        )
    kept = _kept_frames(scrub, fd_threshold, table, frames, limits)
    if table is not None and regressors is not None:
        check_confounds(table, regressors, kept)
    found = given.step
    seconds = float(tr) if tr is not None else None if found is None else found.seconds
    steps = Steps(detrend, high_pass, low_pass, order, seconds, standardise)
    check_steps(steps, kept, 0 if regressors is None else len(regressors.names))
    not_finite, constant = _look_through(given, kept, nan)
    written = frames if keep_scrubbed else int(kept.sum())
    # In place: the cleaned frames of some series take the room of the first ones that these series had.
    result = given.values[:, :written]
    clean_series(
        given.values,
        confounds=None if regressors is None else regressors.values,
        tr=seconds,
        kept=kept,
        detrend=detrend,
        high_pass=high_pass,
        low_pass=low_pass,
        order=order,
        standardise=standardise,
        keep_scrubbed=keep_scrubbed,
        progress=progress,
        out=result,
    )
    given.save(target, result, kept=np.ones(frames, bool) if keep_scrubbed else kept, force=force)
    return CleanReport(
        input=str(source),
        output=str(target),
        kind=given.kind,
        mask=None if mask is None else str(mask),
        series=len(given.values),
        constant=constant,
        not_finite=not_finite,
        frames=frames,
        frames_scrubbed=[int(frame) for frame in np.flatnonzero(~kept)],
        frames_written=written,
        tr_s=seconds,
        tr_source="--tr" if tr is not None else None if found is None else found.source,
        confounds=None if confounds is None else str(confounds),
        columns=[] if regressors is None else list(regressors.names),
        columns_filled=[] if regressors is None else list(regressors.filled),
        steps=_in_words(steps, kept, regressors, keep_scrubbed),
        versions={name: _version(name) for name in ("thrux", "nitrix", "jax", "numpy")},
    )


def _kept_frames(
    scrub: str | os.PathLike[str] | None,
    fd_threshold: float | int | None,
    table: Table | None,
    frames: int,
    limits: Limits,
) -> Bool[np.ndarray, " frame"]:
    kept = np.ones(frames, bool)
    if scrub is not None:
        kept &= ~load_scrubbed(scrub, n_frames=frames, limits=limits)
    if fd_threshold is not None:
        if table is None:
            raise ThruxError(
                "the displacement is a column of the confounds, of which there are none",
                field="fd_threshold",
                value=fd_threshold,
                remedy="Give the table with --confounds, or name the frames with --scrub",
            )
        kept &= ~scrubbed_by_displacement(table, fd_threshold)
    return kept


def _look_through(given: TimeSeries, kept: Bool[np.ndarray, " frame"], nan: NanOrZero) -> tuple[int, int]:
    """How many series are not finite, which become 0, and how many of the others are constant."""
    not_finite = constant = 0
    for start in range(0, len(given.values), _BLOCK):
        values = given.values[start : start + _BLOCK]
        seen = values[:, kept]
        bad = ~np.isfinite(seen).all(axis=1)
        values[bad] = 0
        not_finite += int(bad.sum())
        constant += int(((seen == seen[:, :1]).all(axis=1) & ~bad).sum())
    if not_finite and nan == "refuse":
        raise ThruxError(
            f"{not_finite} of {len(given.values)} series are NaN or infinite at frames that are kept",
            file=given.path,
            field="data",
            remedy="Take them as 0 with --nan zero, leave their frames out with --scrub, or them with --mask",
        )
    return not_finite, constant


def _in_words(
    steps: Steps, kept: Bool[np.ndarray, " frame"], confounds: Confounds | None, keep_scrubbed: bool
) -> list[dict[str, Any]]:
    """The steps that were done, in their order, with their parameters."""
    scrubbed = not kept.all()
    filtered = {
        "step": "filter",
        "kind": "Butterworth, forward and backward",
        "order": steps.order,
        "high_pass_hz": steps.high_pass,
        "low_pass_hz": steps.low_pass,
    }
    ends = [{"step": "keep scrubbed frames as filled"} if keep_scrubbed else {"step": "drop scrubbed frames"}]
    return [
        *([] if steps.detrend is None else [{"step": "detrend", "degree": steps.detrend}]),
        *([{"step": "fill scrubbed frames linearly"}] if scrubbed else []),
        *([filtered] if steps.filters else []),
        *([{"step": "regress out confounds", "columns": len(confounds.names)}] if confounds else []),
        *(ends if scrubbed else []),
        *([] if steps.standardise == "none" else [{"step": "standardise", "by": steps.standardise}]),
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
