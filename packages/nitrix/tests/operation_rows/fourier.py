"""Rows of the spectra and analytic signals of `nitrix.stats`, which `nitrix.signal` exports too."""

import numpy as np
from nitrix.stats import (
    analytic_signal,
    env_inst,
    envelope,
    hilbert_transform,
    instantaneous_frequency,
    instantaneous_phase,
    product_filter,
    product_filtfilt,
    unwrap,
)
from support import fourier as oracle

from operation_rows.row import BATCH, Row, normal

NAMES = (
    "analytic_signal",
    "env_inst",
    "envelope",
    "hilbert_transform",
    "instantaneous_frequency",
    "instantaneous_phase",
    "product_filter",
    "product_filtfilt",
    "unwrap",
)
OTHERS = {f"signal.{name}": f"`stats.{name}` under its other name" for name in NAMES}


def rows():
    """Filters of noise; the analytic signal of an oscillation, whose phase is far from a jump."""
    t = np.arange(10) / 10
    slow = 2 * np.cos(2 * np.pi * t + np.linspace(0, 1, BATCH)[:, None]) + 0.25 * normal(BATCH, 10)
    slow = slow.astype("bfloat16").astype(float)
    gain = normal(BATCH, 6, seed=12)
    turns = lambda x: np.unwrap(np.angle(oracle.analytic(x))) / (2 * np.pi)
    return [
        Row("stats.product_filter", "", product_filter, oracle.filtered, (normal(BATCH, 10), gain)),
        Row(
            "stats.product_filtfilt",
            "",
            product_filtfilt,
            lambda x, w: oracle.filtered(x, w, squared=True),
            (normal(BATCH, 10), gain),
            everyday=False,
        ),
        _row("unwrap", lambda x: unwrap(x, period=1.0), lambda x: np.unwrap(x, period=1.0), slow),
        _row("analytic_signal", _parts, lambda x: _joined(oracle.analytic(x)), slow),
        _row("hilbert_transform", hilbert_transform, lambda x: oracle.analytic(x).imag, slow, everyday=False),
        _row("envelope", envelope, lambda x: np.abs(oracle.analytic(x)), slow),
        _row("instantaneous_phase", lambda x: instantaneous_phase(x, period=1.0), turns, slow),
        _row(
            "instantaneous_frequency",
            instantaneous_frequency,
            lambda x: np.diff(turns(x)),
            slow,
            everyday=False,
        ),
        _row("env_inst", lambda x: env_inst(x, period=1.0).phase, turns, slow, everyday=False),
    ]


def _row(name, call, definition, *operands, everyday=True):
    return Row(f"stats.{name}", "", call, definition, operands, everyday=everyday)


def _parts(x):
    """The complex result as real numbers, which the table compares."""
    return _joined(analytic_signal(x)).astype(x.dtype)


def _joined(z):
    return z.real + 2 * z.imag
