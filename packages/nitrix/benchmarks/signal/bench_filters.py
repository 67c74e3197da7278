"""Filters of time series against SciPy's: sections forwards and backwards, FIR filters."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.signal as ss
from harness import Case
from nitrix.signal import butterworth_sos, fir_filter, firwin, sosfilt, sosfiltfilt

BAND = {"btype": "bandpass", "lo": 0.01, "hi": 0.1, "fs": 1 / 2}  # Hz, at a TR of 2 s
WORKLOADS = {  # name: (series, frames, order, required ratio)
    "sosfiltfilt 1000 x 1000": (1000, 1000, 2, 2.5),
    "sosfiltfilt 20,000 x 652": (20_000, 652, 2, 2.5),
    "sosfiltfilt 20,000 x 652, order 8": (20_000, 652, 8, None),
}


@functools.cache
def _series(count: int, obs: int) -> np.ndarray:
    return (1000 + np.random.default_rng(0).normal(size=(count, obs))).astype(np.float32)


def _checked(ours, rival):
    """The rival's call, once it has been seen to agree."""

    @functools.cache
    def agree():
        # The rival's own figures end where its dtype does: with the offset of these series about 1e-4.
        np.testing.assert_allclose(ours(), rival(), 0, 1e-3)

    def call():
        agree()
        return rival()

    return call


def _zero_phase(name: str, count: int, obs: int, order: int, bar: float | None) -> Case:
    sos = butterworth_sos(order=order, **BAND)
    operand = functools.cache(lambda: jnp.asarray(_series(count, obs)))
    ours = lambda: sosfiltfilt(operand(), sos)
    return Case(
        name=name,
        operation="signal.sosfiltfilt",
        ours=ours,
        rival=_checked(ours, lambda: ss.sosfiltfilt(sos, _series(count, obs))),
        rival_name="scipy.signal.sosfiltfilt",
        bar=bar,
        program=lambda: jax.jit(lambda x: sosfiltfilt(x, sos)).lower(operand()).compile(),
        volume_bytes=4 * count * obs,
    )


def _gradient(count: int, obs: int, *, in_sections: bool) -> Case:
    """Value and gradient together, against the rival's value alone."""
    sos = jnp.asarray(butterworth_sos(order=2, **BAND), jnp.float32)
    known = butterworth_sos(order=2, **BAND)
    operand = functools.cache(lambda: jnp.asarray(_series(count, obs)))
    if in_sections:
        both = jax.jit(jax.value_and_grad(lambda x, s: (sosfiltfilt(x, s, padlen=15) ** 2).sum(), (0, 1)))
    else:
        both = jax.jit(jax.value_and_grad(lambda x, _: (sosfiltfilt(x, known, padlen=15) ** 2).sum()))
    said = "series and sections" if in_sections else "series"
    return Case(
        name=f"sosfiltfilt {count:,} x {obs}, value and gradient in {said}",
        operation="signal.sosfiltfilt, gradient",
        ours=lambda: both(operand(), sos),
        rival=lambda: ss.sosfiltfilt(known, _series(count, obs), padlen=15),
        rival_name="scipy.signal.sosfiltfilt",
        program=lambda: both.lower(operand(), sos).compile(),
        volume_bytes=4 * count * obs,
    )


def _causal() -> Case:
    sos = butterworth_sos(order=2, **BAND)
    operand = functools.cache(lambda: jnp.asarray(_series(20_000, 652)))
    ours = lambda: sosfilt(operand(), sos)
    rival = lambda: ss.sosfilt(sos, _series(20_000, 652))
    return Case("sosfilt 20,000 x 652", "signal.sosfilt", ours, _checked(ours, rival), "scipy.signal.sosfilt")


def _fir(taps_count: int, method: str) -> Case:
    taps = firwin(taps_count, **BAND)
    narrow = taps.astype(np.float32)
    operand = functools.cache(lambda: jnp.asarray(_series(20_000, 652)))
    ours = lambda: fir_filter(operand(), taps, zero_phase=False, method=method)
    by_transform = lambda: ss.fftconvolve(_series(20_000, 652), narrow[None], axes=1)[:, :652]
    directly = lambda: ss.lfilter(narrow, np.float32(1), _series(20_000, 652))
    return Case(
        name=f"fir_filter {taps_count} taps 20,000 x 652, {method}",
        operation="signal.fir_filter",
        ours=ours,
        rival=_checked(ours, by_transform if method == "fft" else directly),
        rival_name=f"scipy.signal.{'fftconvolve' if method == 'fft' else 'lfilter'}",
    )


CASES = [
    *(_zero_phase(name, *workload) for name, workload in WORKLOADS.items()),
    _gradient(1000, 1000, in_sections=False),
    _gradient(1000, 1000, in_sections=True),
    _causal(),
    *(_fir(count, method) for count in (31, 127, 301) for method in ("direct", "fft")),
]
