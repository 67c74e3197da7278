"""Matrices of how series go together, in memory: nitrix's covariances, made ready for files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thrux.errors import ThruxError
from thrux.options import check_choice

Kind = Literal["correlation", "partial", "covariance", "tangent"]


class Connectivity(NamedTuple):
    """One matrix for each run."""

    matrices: Float[np.ndarray, "run region region"]
    reference: (
        Float[np.ndarray, "region region"] | None
    )  # of a tangent space: the geometric mean of the covariances


def connectivity(
    runs: Sequence[Float[np.ndarray, "region frame"]], *, kind: Kind = "correlation", l2: float | int = 0.0
) -> Connectivity:
    """How the series of the same regions go together in each of several runs, in float64.

    Args:
      runs: The series of each run; the numbers of frames may differ.
      kind: "correlation"; "partial": of two regions given all others; "covariance"; or "tangent": the logarithm of
        the run's covariance, seen from the geometric mean of the covariances of all runs (two at least).
      l2: Times the mean variance of the regions this is added to their variances, which makes the covariance of
        few frames invertible.
    Raises:
      ThruxError: If runs have different regions or too few frames, or if a covariance is singular where it is
        inverted.
    References:
      Varoquaux et al., MICCAI 2010. doi:10.1007/978-3-642-15705-9_25
    Example:
      >>> import numpy as np
      >>> wave = np.sin(np.arange(50))
      >>> (connectivity([np.stack([wave, -2 * wave, np.cos(np.arange(50))])]).matrices[0].round(1) + 0.0).tolist()
      [[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    check_choice("kind", kind, Kind)
    _check_runs(runs, kind, l2)
    with jax.enable_x64(True):
        if kind == "correlation":
            return Connectivity(np.stack([_correlation(run, l2) for run in runs]), None)
        if kind == "partial":
            return Connectivity(np.stack([_partial(run, l2) for run in runs]), None)
        covariances = np.stack([_covariance(run, l2) for run in runs])
        return Connectivity(covariances, None) if kind == "covariance" else _tangent(covariances)


def _scaled(run: Float[np.ndarray, "region frame"], l2: float | int) -> tuple[Array, float]:
    """The series, and what is added to the variances, in their unit."""
    series = jnp.asarray(run, jnp.float64)
    return series, float(l2 * jnp.var(series, axis=1, ddof=1).mean())


def _correlation(run: Float[np.ndarray, "region frame"], l2: float | int) -> Float[np.ndarray, "c c"]:
    from nitrix.stats import corr

    series, ridge = _scaled(run, l2)
    return np.asarray(corr(series, l2=ridge))


def _covariance(run: Float[np.ndarray, "region frame"], l2: float | int) -> Float[np.ndarray, "c c"]:
    from nitrix.stats import cov

    series, ridge = _scaled(run, l2)
    return np.asarray(cov(series, l2=ridge))


def _partial(run: Float[np.ndarray, "region frame"], l2: float | int) -> Float[np.ndarray, "c c"]:
    from nitrix.stats import partialcorr

    _check_regular(_covariance(run, l2), run.shape[1])
    series, ridge = _scaled(run, l2)
    return np.asarray(partialcorr(series, l2=ridge))


def _tangent(covariances: Float[np.ndarray, "run c c"]) -> Connectivity:
    from nitrix.linalg import tangent_project_spd
    from nitrix.linalg.spd import karcher_mean

    for covariance in covariances:
        _check_regular(covariance, None)
    found = karcher_mean(jnp.asarray(covariances))
    if not bool(found.converged):
        raise ThruxError(
            f"the geometric mean of the covariances was not found in {int(found.iterations)} steps",
            field="covariances",
            value=f"{len(covariances)} runs",
            remedy="Add to the variances with --l2, for instance 0.1, so that they are less extreme",
        )
    reference = found.mean
    return Connectivity(
        np.asarray(tangent_project_spd(jnp.asarray(covariances), reference)), np.asarray(reference)
    )


def _check_runs(runs: Sequence[Float[np.ndarray, "region frame"]], kind: Kind, l2: float | int) -> None:
    if not (math.isfinite(l2) and l2 >= 0):
        raise ThruxError("it must not be negative", field="l2", value=l2, remedy="Give for instance 0.1")
    if kind == "tangent" and len(runs) < 2:
        raise ThruxError(
            "a tangent space is seen from the mean of several runs, of which it shows the differences",
            field="kind",
            value=kind,
            remedy="Give two files or more, or choose --kind correlation or partial",
        )
    regions = sorted({len(run) for run in runs})
    if len(regions) > 1:
        raise ThruxError(
            "all runs must have the same regions",
            field="regions",
            value=" and ".join(map(str, regions)),
            remedy="Use the same labels for all of them",
        )
    fewest = min(run.shape[1] for run in runs)
    if fewest < 3:
        raise ThruxError(
            "there must be three at least", field="frames", value=fewest, remedy="Give longer series"
        )


def _check_regular(covariance: Float[np.ndarray, "c c"], frames: int | None) -> None:
    """Refuse a covariance that has no inverse, whatever the scale of each region."""
    scale = np.sqrt(np.diag(covariance))
    alike = covariance / np.outer(np.where(scale > 0, scale, 1), np.where(scale > 0, scale, 1))
    if np.linalg.eigvalsh(alike).min() > len(alike) * np.finfo(float).eps * len(alike):
        return
    constant = int((scale == 0).sum())
    reason = f"{constant} regions are constant" if constant else "some regions are sums of others"
    if frames is not None and frames <= len(covariance):
        reason = f"there are {frames} frames for {len(covariance)} regions"
    raise ThruxError(
        f"it has no inverse, which is needed here: {reason}",
        field="covariance",
        value="singular",
        remedy="Add to the variances with --l2, for instance 0.1, or take fewer regions or more frames",
    )
