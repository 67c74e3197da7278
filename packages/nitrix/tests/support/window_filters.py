"""Filters over windows of voxels by their definitions, in NumPy float64."""

import itertools

import numpy as np


def shifted(x, offset, fill):
    """x[v + offset] over the last len(offset) axes, `fill` beyond the border."""
    out = np.full(x.shape, fill, x.dtype)
    leading = (slice(None),) * (x.ndim - len(offset))
    sizes = x.shape[x.ndim - len(offset) :]
    to = tuple(slice(max(-o, 0), max(n - max(o, 0), 0)) for o, n in zip(offset, sizes))
    source = tuple(slice(max(o, 0), max(n + min(o, 0), 0)) for o, n in zip(offset, sizes))
    out[(*leading, *to)] = x[(*leading, *source)]
    return out


def weighted_sums(values, guide, sigma_voxels, sigma_intensity, radius, mask=None, centre=True):
    """Sums of weighted values [c, *spatial] and of weights [*spatial], guided by [k, *spatial]."""
    values, guide = np.float64(values), np.float64(guide)
    inside = np.ones(guide.shape[1:], bool) if mask is None else np.asarray(mask)
    sigma_intensity = np.broadcast_to(sigma_intensity, guide.shape[:1]).reshape(-1, *[1] * inside.ndim)
    top, bottom = np.zeros(values.shape), np.zeros(inside.shape)
    for offset in itertools.product(*(range(-r, r + 1) for r in radius)):
        if not centre and not any(offset):
            continue
        there = shifted(inside, offset, False)
        space = sum((o / s) ** 2 for o, s in zip(offset, sigma_voxels) if o)
        d = np.where(there, (shifted(guide, offset, 0.0) - guide) / sigma_intensity, 0)
        weight = np.where(there, np.exp(-space / 2 - (d**2).sum(0) / 2), 0)
        top += weight * np.where(there, shifted(values, offset, 0.0), 0)
        bottom += weight
    return top, bottom


def bilateral(values, guide, sigma_voxels, sigma_intensity, radius, mask=None):
    top, bottom = weighted_sums(values, guide, sigma_voxels, sigma_intensity, radius, mask)
    inside = np.ones(bottom.shape, bool) if mask is None else mask
    return np.where(inside, top / np.where(inside, bottom, 1), values)


def susan(image, sigma_voxels, t, radius, mask=None, use_median=True):
    """One image, by equation 37 of Smith and Brady and the rule for impulse noise."""
    image = np.float64(image)
    inside = np.ones(image.shape, bool) if mask is None else mask
    top, bottom = weighted_sums(
        image[None], image[None], sigma_voxels, t / np.sqrt(2), radius, mask, centre=False
    )
    near = [range(-min(r, 1), min(r, 1) + 1) for r in radius]
    around = [shifted(np.where(inside, image, np.nan), o, np.nan) for o in itertools.product(*near) if any(o)]
    median = image.copy()
    for voxel in np.ndindex(image.shape):
        neighbours = [a[voxel] for a in around if not np.isnan(a[voxel])]
        if neighbours and use_median:
            median[voxel] = np.median(neighbours)
    impulse = bottom <= 0.01
    out = np.where(impulse, median, top[0] / np.where(impulse, 1, bottom))
    return np.where(inside, out, image)
