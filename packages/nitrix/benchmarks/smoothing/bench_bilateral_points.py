"""The bilateral filter of points over tables and adjacencies, and the neighbourhoods that it is given.

Volumes: 5^3 windows as an index table (windows are cut at the border by naming the border's voxel again), position and
intensity as features. Surface: the two-ring of the icosphere of level 6, position and three channels such as thickness.
The rival is a loop of numba over the same table, parallel over points, with features and values in rows. The gradient
has no natural rival here: it is held against the loop of the value. Neighbourhoods are held against SciPy's k-d tree,
whose lists of Python integers are what it gives.
"""

import functools

import jax
import jax.numpy as jnp
import numba
import numpy as np
from harness import Case
from nitrix.smoothing import bilateral_gaussian
from nitrix.sparse import (
    ell_with_transpose,
    icosphere,
    mesh_k_ring_adjacency,
    nearest_neighbours,
    points_within,
)
from scipy.spatial import cKDTree

NEIGHBOURS, CLOUD, RADIUS, NEAREST = "smoothing.bilateral_gaussian", 100_000, 0.04, 16


@functools.cache
def _volume(side):
    """Values, features in standard deviations, and the table of 5^3 windows."""
    voxels = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1).reshape(-1, 3)
    steps = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), -1).reshape(-1, 3)
    table = np.zeros((side**3, len(steps)), np.int32)
    for axis in range(3):
        moved = np.clip(voxels[:, None, axis] + steps[:, axis], 0, side - 1)
        table = table * side + moved.astype(np.int32)
    intensity = np.random.default_rng(0).normal(size=(side**3, 1))
    features = np.concatenate([voxels / 1.5, intensity], axis=1).astype(np.float32)
    return intensity.astype(np.float32), features, table


@functools.cache
def _surface(transposed):
    rng = np.random.default_rng(0)
    mesh = icosphere(6)
    ring = mesh_k_ring_adjacency(mesh, k=2, include_self=True)
    channels = rng.normal(size=(mesh.n_vertices, 3))
    features = np.concatenate([np.asarray(mesh.vertices) / 0.03, channels], axis=1).astype(np.float32)
    values = rng.normal(size=(mesh.n_vertices, 8)).astype(np.float32)
    return values, features, ell_with_transpose(ring) if transposed else ring


@functools.cache
def _on_device(make, *key):
    values, features, neighbourhood = make(*key)
    return jnp.asarray(values), jnp.asarray(features), jax.tree.map(jnp.asarray, neighbourhood)


def _filter(values, features, neighbourhood):
    return bilateral_gaussian(values, features, sigma_features=1.0, neighbourhood=neighbourhood)


@jax.jit
def _value_and_gradient(values, features, sigma, neighbourhood):
    def loss(values, features, sigma):
        out = bilateral_gaussian(values, features, sigma_features=sigma, neighbourhood=neighbourhood)
        return jnp.sum(out**2)

    return jax.value_and_grad(loss, (0, 1, 2))(values, features, sigma)


def _gradient(make, *key):
    values, features, neighbourhood = _on_device(make, *key)
    return _value_and_gradient(values, features, jnp.ones(features.shape[1]), neighbourhood)


@numba.njit(parallel=True)
def _loop(values, features, table, degree):
    n, d_v = values.shape
    out = np.empty_like(values)
    for i in numba.prange(n):
        total = np.float32(0)
        sums = np.zeros(d_v, np.float32)
        for p in range(degree[i]):
            j = table[i, p]
            squared = np.float32(0)
            for f in range(features.shape[1]):
                d = features[i, f] - features[j, f]
                squared += d * d
            weight = np.exp(np.float32(-0.5) * squared)
            total += weight
            for c in range(d_v):
                sums[c] += weight * values[j, c]
        for c in range(d_v):
            out[i, c] = sums[c] / total
    return out


@functools.cache
def _for_the_loop(make, *key):
    values, features, neighbourhood = make(*key)
    if isinstance(neighbourhood, np.ndarray):
        return values, features, neighbourhood, np.full(len(values), neighbourhood.shape[1])
    return values, features, np.asarray(neighbourhood.indices), np.asarray(neighbourhood.degree)


def _cases(name, bar, make, *key, channels):
    def program():
        return jax.jit(_filter).lower(*_on_device(make, *key)).compile()

    options = {
        "rival": lambda: _loop(*_for_the_loop(make, *key)),
        "rival_name": "numba, parallel, same table",
    }
    return [
        Case(
            name=name,
            operation=NEIGHBOURS,
            ours=lambda: _filter(*_on_device(make, *key)),
            bar=bar,
            program=program,
            volume_bytes=4 * channels,
            **options,
        ),
        Case(
            name=f"{name}, value and gradient",
            operation=f"{NEIGHBOURS} (gradient)",
            ours=lambda: _gradient(make, *key),
            **options,
        ),
    ]


@functools.cache
def _cloud():
    return np.random.default_rng(0).uniform(size=(CLOUD, 3)).astype(np.float32)


CASES = [
    *_cases("bilateral of points 40^3, table 5^3, d_f 4", 2.0, _volume, 40, channels=40**3),
    *_cases("bilateral of points 96^3, table 5^3, d_f 4", 2.0, _volume, 96, channels=96**3),
    *_cases("bilateral on ico_6, two-ring, d_f 6, d_v 8", None, _surface, True, channels=40_962),
    _cases("bilateral on ico_6, two-ring, scattered", None, _surface, False, channels=40_962)[1],
    Case(
        name=f"points_within, {CLOUD} points in 3-D, about 27 each",
        operation="sparse.points_within",
        ours=lambda: points_within(_cloud(), radius=RADIUS),
        rival=lambda: cKDTree(_cloud()).query_ball_point(_cloud(), RADIUS),
        rival_name="scipy.spatial.cKDTree.query_ball_point",
    ),
    Case(
        name=f"nearest_neighbours, {CLOUD} points in 3-D, k {NEAREST}",
        operation="sparse.nearest_neighbours",
        ours=lambda: nearest_neighbours(_cloud(), NEAREST),
        rival=lambda: cKDTree(_cloud()).query(_cloud(), NEAREST),
        rival_name="scipy.spatial.cKDTree.query",
    ),
]
