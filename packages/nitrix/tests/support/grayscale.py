"""Erosion and dilation by their definitions, in NumPy float64: one entry of the element after the other."""

import numpy as np

PADS = {
    "reflect": "symmetric",
    "grid-mirror": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "wrap": "wrap",
    "grid-wrap": "wrap",
}


def heights_of(element):
    """Truth values as heights: 0 where an entry takes part."""
    element = np.asarray(element)
    return np.where(element, 0.0, -np.inf) if element.dtype == bool else np.float64(element)


def dilate(x, element, *, mode="neutral", border_value=0.0, origin=0):
    """max over p of x(i - p) + s(p), over all axes."""
    x, heights = np.float64(x), heights_of(element)
    centre = np.array(heights.shape) // 2 + np.broadcast_to(origin, heights.ndim)
    reach = [(n - 1 - c, c) for n, c in zip(heights.shape, centre)]  # x(i - p) looks back for what lies ahead
    if mode in PADS:
        padded = np.pad(x, reach, mode=PADS[mode])
    else:
        padded = np.pad(x, reach, constant_values=-np.inf if mode == "neutral" else border_value)
    out = np.full(x.shape, -np.inf)
    for p in np.argwhere(heights > -np.inf):
        first = np.array(heights.shape) - 1 - p
        there = padded[tuple(slice(f, f + n) for f, n in zip(first, x.shape))]
        out = np.maximum(out, there + heights[tuple(p)])
    return out


def erode(x, element, *, mode="neutral", border_value=0.0, origin=0):
    """min over p of x(i + p) - s(p): the dilation of -x by the reflected element, whose centre is reflected too."""
    heights = heights_of(element)
    even = 1 - np.array(heights.shape) % 2
    reflected = tuple(-np.broadcast_to(origin, heights.ndim) - even)
    return -dilate(-np.float64(x), np.flip(heights), mode=mode, border_value=-border_value, origin=reflected)


def cross(rank):
    """The voxel and its neighbours along the axes."""
    return sum(abs(axis - 1) for axis in np.indices((3,) * rank)) <= 1


def reconstruct(marker, mask, element):
    """By dilation, step by step until nothing changes."""
    found = np.minimum(np.float64(marker), mask)
    while True:
        step = np.minimum(mask, np.maximum(found, dilate(found, element)))
        if (step == found).all():
            return found
        found = step
