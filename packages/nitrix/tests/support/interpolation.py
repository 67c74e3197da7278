"""Definitions of the fills of censored frames and of the Lomb-Scargle periodogram, in float64, one series at a time."""

import numpy as np


def linear(x, mask):
    """Straight lines between observed neighbours."""
    frames = np.arange(len(x))
    if not mask.any():
        return np.zeros(len(x), np.asarray(x).dtype)
    return np.where(mask, x, np.interp(frames, frames[mask], np.asarray(x)[mask]))


def spectral(x, mask, *, oversampling=4.0, high_factor=1.0, rcond=1e-6, censoring_budget=0.4):
    """A constant and a process of flat spectrum below a frequency in white noise, by the likeliest noise level.

    Written in the covariance of the frames; the library works with the functions that span the band.
    """
    if not mask.any():
        return np.zeros(len(x))
    obs = len(x)
    count = int(np.floor(oversampling * obs * min(high_factor * (1 - censoring_budget) / 2, 1.0) / 2 + 1e-9))
    mean = x[mask].mean()
    if count == 0 or mask.sum() == 1:
        return np.where(mask, x, mean)
    turns = np.arange(1, count + 1) / (oversampling * obs)
    lag = np.arange(obs)[:, None] - np.arange(obs)
    cov = np.cos(2 * np.pi * lag[..., None] * turns).mean(-1)
    seen = np.flatnonzero(mask)
    centre = np.eye(len(seen)) - 1 / len(seen)
    values, vectors = np.linalg.eigh(centre @ cov[np.ix_(seen, seen)] @ centre)
    kept = values > rcond * values[-1]
    y = x[seen] - mean
    z = vectors[:, kept].T @ y
    values, rest = values[kept], max(y @ y - z @ z, 0.0)
    best = None
    for level in np.geomspace(rcond, 10.0, 12) * values[-1]:
        misfit = (z**2 / (values + level)).sum() + rest / level
        likelihood = (len(seen) - 1) * np.log(misfit) + np.log(values + level).sum()
        likelihood += (len(seen) - 1 - len(values)) * np.log(level)
        if best is None or likelihood < best[0]:
            best = (likelihood, level)
    dual = vectors[:, kept] @ (z / (values + best[1]))
    fit = cov[:, seen] @ dual
    return np.where(mask, x, mean + fit - fit[seen].mean())


def hybrid(x, mask, *, near=3, **options):
    """The spectral fill, with lines over the frames that are no further than `near` from an observed one."""
    filled = spectral(x, mask, **options)
    frames, seen = np.arange(len(x)), np.flatnonzero(mask)
    deep = (np.abs(frames[:, None] - seen) > near).all(1) & mask.any()
    return linear(filled, mask | deep)


def periodogram(x, mask, frequencies, dt):
    """Half of what a cosine and a sine explain, over the variance."""
    time = dt * np.flatnonzero(mask)
    y = np.float64(x)[mask] - np.mean(np.float64(x)[mask])
    power = []
    for f in frequencies:
        waves = np.stack([np.cos(2 * np.pi * f * time), np.sin(2 * np.pi * f * time)])
        power.append(np.sum((waves.T @ np.linalg.lstsq(waves.T, y, rcond=1e-9)[0]) ** 2) / 2)
    return np.array(power) / np.mean(y**2)
