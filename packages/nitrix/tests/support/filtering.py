"""Filters of time series from their definitions, in NumPy float64, time last."""

import numpy as np


def sosfilt(x, sos, zi=None):
    """The recursion of each section, frame by frame; zi and the last state are [section ... 2]."""
    y, last = np.array(x, float), []
    for i, (b0, b1, b2, a0, a1, a2) in enumerate(sos):
        v0, v1 = (np.zeros(y.shape[:-1]),) * 2 if zi is None else (zi[i, ..., 0], zi[i, ..., 1])
        out = np.empty_like(y)
        for t in range(y.shape[-1]):
            now = y[..., t]
            out[..., t] = (b0 * now + v0) / a0
            v0, v1 = b1 * now - a1 * out[..., t] + v1, b2 * now - a2 * out[..., t]
        y = out
        last.append(np.stack([v0, v1], axis=-1) / a0)
    return y, np.stack(last)


def steady_state(sos):
    """The state of each section that a constant input of 1 to the first one keeps: from what a section says."""
    level, states = 1.0, []
    for b0, b1, b2, a0, a1, a2 in sos:
        out = level * (b0 + b1 + b2) / (a0 + a1 + a2)
        states.append([a0 * out - b0 * level, b2 * level - a2 * out])
        level = out
    return np.array(states)


def extended(x, padtype, length):
    """The series with `length` frames before its first and after its last."""
    first, last = x[..., :1], x[..., -1:]
    before, after = x[..., length:0:-1], x[..., -2 : -length - 2 : -1]
    if padtype is None or length == 0:
        return x
    if padtype == "odd":
        before, after = 2 * first - before, 2 * last - after
    if padtype == "constant":
        before, after = first + 0 * before, last + 0 * after
    return np.concatenate([before, x, after], axis=-1)


def sosfiltfilt(x, sos, *, length, padtype="odd"):
    """Forwards and backwards, each from the state that belongs to its first frame."""
    y, rest = extended(np.array(x, float), padtype, length), steady_state(sos)
    for _ in range(2):
        y = sosfilt(y, sos, zi=np.multiply.outer(rest, y[..., 0]).swapaxes(1, -1))[0][..., ::-1]
    length = 0 if padtype is None else length
    return y[..., length : y.shape[-1] - length]


def fir_filter(x, taps, *, padtype="odd", zero_phase=True):
    """Sums of earlier frames, or of those around."""
    reach, obs = len(taps) - 1, x.shape[-1]
    ahead = reach // 2 if zero_phase else 0
    whole = extended(x, padtype if zero_phase else None, ahead)
    if padtype is None or not zero_phase:
        zeros = [np.zeros((*x.shape[:-1], count)) for count in (reach - ahead, ahead)]
        whole = np.concatenate([zeros[0], x, zeros[1]], axis=-1)
    return sum(tap * whole[..., reach - k : reach - k + obs] for k, tap in enumerate(taps))


def gain(f, btype, *, lo=None, hi=None, ftype="maxflat", order=2, transition=None):
    """The gain at one frequency, in the unit of the edges."""
    if btype == "bandstop":
        return 1 - gain(f, "bandpass", lo=lo, hi=hi, ftype=ftype, order=order, transition=transition)
    if f == 0 and btype != "lowpass":
        return 0.0
    low, high = (-np.inf if lo is None else lo), (np.inf if hi is None else hi)
    if ftype == "ideal":
        return float(low <= f <= high)
    if ftype == "cosine":
        rise, fall = ((f - low) / transition, (high - f) / transition)
        return float(np.prod([0.5 * (1 - np.cos(np.pi * min(max(u + 0.5, 0), 1))) for u in (rise, fall)]))
    u = {"lowpass": f / high, "highpass": low / max(f, 1e-300)}.get(btype)
    u = (f * f - low * high) / (f * (high - low)) if u is None else u
    return 1 / np.sqrt(1 + u ** (2 * order))


def band_filter(x, btype, *, fs=1.0, padding=0, **options):
    """Each frequency of the discrete Fourier transform, times its gain."""
    whole = extended(np.array(x, float), "even", padding)
    n = whole.shape[-1]
    f = np.minimum(np.arange(n), n - np.arange(n)) * fs / n
    gains = np.array([gain(value, btype, **options) for value in f])
    turns = np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n)
    out = ((whole @ turns) * gains @ turns.conj() / n).real
    return out[..., padding : n - padding]


def response(sos, bins):
    """Of sections, at frequencies from 0 to half the sampling frequency."""
    z = np.exp(1j * np.linspace(0, np.pi, bins))
    return np.prod([np.polyval(row[:3], z) / np.polyval(row[3:], z) for row in sos], axis=0)
