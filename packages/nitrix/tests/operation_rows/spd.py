"""Rows of symmetric positive definite matrices: functions of them, projections and means."""

import jax.numpy as jnp
import numpy as np
from nitrix import linalg
from support import spd

from operation_rows.row import BATCH, Row, each

SIZE = 3


def rows():
    """Functions of the eigenvalues, the tangent space, and the means."""
    x, reference = _matrices(SIZE), _matrices(SIZE, seed=1)
    sets = _matrices(4, SIZE, seed=2)
    inertia = np.linspace(0.125, 1.0, BATCH)
    roots = [
        _row("symexp", linalg.symexp, lambda a: spd.spectral(a, np.exp), x, everyday=False),
        _row("symlog", linalg.symlog, lambda a: spd.spectral(a, np.log), x),
        _row(
            "symmap",
            lambda a: linalg.symmap(a, fn=jnp.sin),
            lambda a: spd.spectral(a, np.sin),
            x,
            everyday=False,
        ),
        _row(
            "sympower",
            lambda a: linalg.sympower(a, power=1.5),
            lambda a: spd.spectral(a, lambda l: l**1.5),
            x,
            everyday=False,
        ),
        _row("symsqrt", linalg.symsqrt, lambda a: spd.spectral(a, np.sqrt), x, everyday=False),
    ]
    spaces = [
        _row("tangent_project_spd", linalg.tangent_project_spd, spd.tangent, x, reference),
        _row("cone_project_spd", linalg.cone_project_spd, spd.cone, x / 2, reference, everyday=False),
        _row(
            "update_tangent_reference",
            lambda r, a, s: linalg.update_tangent_reference(r, a, inertia=s),
            lambda r, a, s: s * (r + r.T) / 2 + (1 - s) * spd.euclidean(a),
            reference,
            sets,
            inertia,
            everyday=False,
        ),
    ]
    means = [
        _row("mean_euclidean", linalg.mean_euclidean, spd.euclidean, sets, everyday=False),
        _row("mean_log_euclidean", linalg.mean_log_euclidean, spd.log_euclidean, sets, everyday=False),
        _row("mean_harmonic", linalg.mean_harmonic, spd.harmonic, sets, everyday=False),
        _row(
            "mean_kullback",
            linalg.mean_kullback,
            spd.kullback,
            sets,
            np.linspace(0.0, 0.875, BATCH),
            everyday=False,
        ),
        _row("mean_geometric", linalg.mean_geometric, spd.geometric, sets, everyday=False),
        _row("karcher_mean", lambda a: linalg.karcher_mean(a).mean, spd.geometric, sets, everyday=False),
    ]
    return [*roots, *spaces, *means]


def _row(name, call, oracle, *operands, everyday=True):
    axes = operands[0].ndim - 1
    return Row(f"linalg.{name}", "", each(call, axes), oracle, operands, everyday=everyday)


def _matrices(*shape, seed=0):
    """Well-conditioned matrices that every dtype holds exactly."""
    return spd.matrices(BATCH, *shape, condition=3.0, seed=seed).astype("bfloat16").astype(float)
