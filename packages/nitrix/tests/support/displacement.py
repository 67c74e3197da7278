"""Displacement fields and affine grids, from their definitions in float64."""

import itertools

import numpy as np


def neighbour(position, size, mode):
    """Which sample of an axis stands at a position beyond its ends."""
    if mode == "nearest":
        return min(max(position, 0), size - 1)
    if mode == "wrap":
        return position % size
    assert mode == "mirror"
    while size > 1 and not 0 <= position < size:
        position = -position if position < 0 else 2 * (size - 1) - position
    return position if size > 1 else 0


def jacobian(u, mode="nearest", spacing=1.0):
    """delta_ij + du_i / dx_j of one field [*spatial d], by central differences."""
    u = np.float64(u)
    d = u.shape[-1]
    spacing = np.broadcast_to(np.float64(spacing), (d,))
    out = np.zeros((*u.shape, d))
    for p in np.ndindex(*u.shape[:-1]):
        for j in range(d):
            ends = []
            for shift in (1, -1):
                q = list(p)
                q[j] = neighbour(p[j] + shift, u.shape[j], mode)
                ends.append(u[tuple(q)])
            out[(*p, slice(None), j)] = (ends[0] - ends[1]) / (2 * spacing[j])
        out[p] += np.eye(d)
    return out


def affine_coordinates(shape, target, source, world):
    """inv(source) world target (p, 1) at every voxel p."""
    matrix = np.linalg.inv(np.float64(source)) @ np.float64(world) @ np.float64(target)
    out = np.zeros((*shape, len(shape)))
    for p in np.ndindex(*shape):
        out[p] = (matrix @ [*p, 1.0])[:-1]
    return out


def sampled(field, points):
    """A field [*spatial c] at points [*out d], multilinear; beyond its ends that of the nearest point within."""
    field, points = np.float64(field), np.float64(points)
    spatial = field.shape[:-1]
    inside = np.clip(points, 0, np.array(spatial) - 1.0)
    low = np.minimum(np.floor(inside).astype(int), np.maximum(np.array(spatial) - 2, 0))
    share = inside - low
    out = np.zeros((*points.shape[:-1], field.shape[-1]))
    for corner in itertools.product((0, 1), repeat=len(spatial)):
        index = tuple(np.minimum(low[..., i] + c, spatial[i] - 1) for i, c in enumerate(corner))
        weight = np.prod([share[..., i] if c else 1 - share[..., i] for i, c in enumerate(corner)], axis=0)
        out += weight[..., None] * field[index]
    return out


def grid(shape):
    """The voxels' own coordinates."""
    return np.stack(np.indices(shape), axis=-1).astype(float)


def composed(first, then):
    """then + first o (id + then), of fields [*spatial d]."""
    return then + sampled(first, grid(then.shape[:-1]) + then)


def integrated(velocity, n_steps=7):
    """Scaling and squaring, step by step."""
    u = np.float64(velocity) / 2**n_steps
    for _ in range(n_steps):
        u = composed(u, u)
    return u


def inverted(u, iterations=200):
    """The fixed point v of v = -u o (id + v)."""
    v = -np.float64(u)
    for _ in range(iterations):
        v = -sampled(u, grid(v.shape[:-1]) + v)
    return v


def aligned(shape, target):
    """The target's voxels in the coordinates of a grid whose corners are the same."""
    axes = [np.linspace(0, n - 1, m) for n, m in zip(shape, target)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def flow(velocity, point, steps=400):
    """Where the ODE x' = v(x) brings a point in unit time, by the classical Runge-Kutta method; v a function."""
    x, h = np.float64(point), 1.0 / steps
    for _ in range(steps):
        k1 = velocity(x)
        k2 = velocity(x + h / 2 * k1)
        k3 = velocity(x + h / 2 * k2)
        k4 = velocity(x + h * k3)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return x
