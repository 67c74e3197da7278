"""Order statistics of windows and rows from their definitions, and who attains them."""

import numpy as np

_PADS = {
    "reflect": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "wrap": "wrap",
    "constant": "constant",
}


def windows(x, footprint, mode="reflect", border_value=0, origin=0):
    """[*spatial, entry]: the values at the footprint's entries, in raster order; the axes of `x` are spatial."""
    footprint = np.asarray(footprint) != 0
    origins = np.broadcast_to(origin, x.ndim)
    # Wide enough for any origin, so that the window at a voxel begins `n // 2 + origin` voxels before it.
    widths = [(n, n) for n in footprint.shape]
    padding = {"constant_values": border_value} if mode == "constant" else {}
    padded = np.pad(x, widths, mode=_PADS[mode], **padding)
    entries = []
    for entry in np.argwhere(footprint):
        starts = [n + e - (n // 2 + o) for n, e, o in zip(footprint.shape, entry, origins)]
        entries.append(padded[tuple(slice(a, a + n) for a, n in zip(starts, x.shape))])
    return np.stack(entries, axis=-1)


def by_rank(x, footprint, rank, **options):
    """The value of that rank in each window, NaN where one is."""
    values = windows(x, footprint, **options)
    found = np.sort(values, axis=-1)[..., rank]
    return np.where(np.isnan(values).any(-1), np.nan, found) if values.dtype.kind == "f" else found


def median(x, footprint, **options):
    return by_rank(x, footprint, int(np.count_nonzero(footprint)) // 2, **options)


def first_holders(x, footprint, rank, **options):
    """[*spatial]: the number of the first voxel of each window, in raster order, that holds the value of the rank."""
    border = {**options, "border_value": -1}
    numbers = windows(np.arange(x.size).reshape(x.shape), footprint, **border)
    holds = windows(x, footprint, **options) == by_rank(x, footprint, rank, **options)[..., None]
    return np.take_along_axis(numbers, holds.argmax(-1)[..., None], -1)[..., 0]


def rows_by_rank(x, rows, rank_of):
    """[..., row] of x [..., n]: the value of rank `rank_of(count)` among the listed columns, NaN of none."""
    out = np.full((*x.shape[:-1], len(rows)), np.nan)
    for i, row in enumerate(rows):
        if len(row):
            values = np.sort(x[..., list(row)], axis=-1)
            out[..., i] = values[..., rank_of(len(row))]
            if x.dtype.kind == "f":
                out[np.isnan(values).any(-1), i] = np.nan
    return out


def pooled(x, size, stride, padding, dilation):
    """Maxima and their numbers over the windows of one image, sample by sample."""
    shape = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(x.shape, size, stride, padding, dilation)
    ]
    values, numbers = np.empty(shape, x.dtype), np.empty(shape, np.int64)
    for window in np.ndindex(*shape):
        best = None
        for sample in np.ndindex(*size):
            at = tuple(w * s - p + e * d for w, s, p, e, d in zip(window, stride, padding, sample, dilation))
            if any(a < 0 or a >= n for a, n in zip(at, x.shape)):
                continue
            if best is None or x[at] > x[best] or x[at] != x[at]:
                best = at
        values[window], numbers[window] = x[best], np.ravel_multi_index(best, x.shape)
    return values, numbers
