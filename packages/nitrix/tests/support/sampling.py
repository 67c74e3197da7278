"""Sampling of images from its definition, in NumPy float64: one sum over all samples near a point."""

import itertools

import numpy as np

MODES = ("constant", "grid-constant", "nearest", "mirror", "reflect", "grid-mirror", "wrap", "grid-wrap")


def linear(distance):
    return np.maximum(1 - abs(distance), 0)


def catmull_rom(distance):
    """Keys's cubic convolution with a = -1/2."""
    t = abs(distance)
    near, far = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    return np.where(t <= 1, near, np.where(t <= 2, far, 0))


def lanczos(order):
    return lambda t: np.where(abs(t) < order, np.sinc(t) * np.sinc(t / order), 0)


def cubic_spline(distance):
    t = abs(distance)
    return np.where(t <= 1, 2 / 3 - t**2 + t**3 / 2, np.where(t <= 2, (2 - t) ** 3 / 6, 0))


def sample_beyond(size, index, mode):
    """Which sample stands at an index, by walking; None where there is none."""
    if mode == "nearest":
        return min(max(index, 0), size - 1)
    if mode == "grid-wrap":
        return index % size
    if mode == "grid-constant":
        return index if 0 <= index < size else None
    if mode in ("reflect", "grid-mirror"):
        line = [*range(size), *range(size - 1, -1, -1)]
    else:  # within reach of the ends "constant" and "wrap" go on as "mirror" does
        line = [*range(size), *range(size - 2, 0, -1)]
    return line[index % len(line)]


def sampled(image, points, kernel, half, *, mode="mirror", cval=0.0, normalised=False, splined=False):
    """Values of image [*spatial] at points [n d] by a kernel that is 0 from `half` voxels on."""
    image, points = np.asarray(image), np.asarray(points, float)
    out = np.zeros(len(points), np.result_type(image, float))
    outside = 0 if splined else cval
    if splined and mode in ("grid-constant", "nearest"):  # whose coefficients go on beyond the ends
        out += cval if mode == "grid-constant" else 0
        image = np.pad(image - cval, 20) if mode == "grid-constant" else np.pad(image, 20, mode="edge")
        points = points + 20
    image = spline_coefficients(image, mode) if splined else image
    for n, point in enumerate(points):
        if mode == "constant" and any(c < 0 or c > s - 1 for c, s in zip(point, image.shape)):
            out[n] = cval
            continue
        if mode == "wrap":
            point = [c if 0 <= c <= s - 1 or s == 1 else c % (s - 1) for c, s in zip(point, image.shape)]
        lines = []
        for c in point:
            taps = np.arange(np.floor(c) - half + 1, np.floor(c) + half + 1)
            weights = kernel(c - taps)
            lines.append(list(zip(taps.astype(int), weights / weights.sum() if normalised else weights)))
        for taps in itertools.product(*lines):
            where = tuple(sample_beyond(size, i, mode) for size, (i, _) in zip(image.shape, taps))
            out[n] += np.prod([w for _, w in taps]) * (outside if None in where else image[where])
    return out


def spline_coefficients(image, mode):
    """Coefficients whose spline passes through the samples: one solve along each axis, of a signal that goes on."""
    margin = 40
    for axis, size in enumerate(image.shape):
        where = [sample_beyond(size, i, mode) for i in range(-margin, size + margin)]
        samples = np.stack([image.take(i, axis) if i is not None else 0 * image.take(0, axis) for i in where])
        system = sum(
            np.diag(np.full(len(where) - abs(k), w), k) for k, w in ((-1, 1 / 6), (0, 2 / 3), (1, 1 / 6))
        )
        solved = np.linalg.solve(system, samples.reshape(len(where), -1)).reshape(samples.shape)
        image = np.moveaxis(solved[margin : margin + size], 0, axis)
    return image


def nearest(image, points):
    """The nearest voxel of points within the image, of two the one of the higher number."""
    where = np.floor(np.asarray(points) + 0.5).astype(int)
    return np.asarray(image)[tuple(np.moveaxis(where, -1, 0))]


def warped(image, deformation, kernel=linear, half=1, **options):
    """`sampled` for an image [*spatial c] and a grid of points [*out d]."""
    points = deformation.reshape(-1, deformation.shape[-1])
    values = [sampled(image[..., k], points, kernel, half, **options) for k in range(image.shape[-1])]
    return np.stack(values, axis=-1).reshape(*deformation.shape[:-1], image.shape[-1])


def resampled(image, target):
    """Linear interpolation of image [*spatial c] with its corners kept, an axis at a time."""
    for axis, new in enumerate(target):
        size = image.shape[axis]
        at = np.linspace(0, size - 1, new) if new > 1 else np.zeros(1)
        image = np.apply_along_axis(lambda line: np.interp(at, np.arange(size), line), axis, image)
    return image
