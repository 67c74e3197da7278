"""Convolutions on an icosphere of 40,962 vertices with 32 channels, and operators between spheres."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from harness import Case
from nitrix.geometry import (
    DirectionalNeighbourhood,
    directional_neighbourhood,
    icosphere,
    sphere_barycentric,
    spherical_conv,
    spherical_geodesic_distance,
    spherical_kernel_conv,
)
from nitrix.sparse import ell_with_transpose, mesh_k_ring_adjacency
from scipy.spatial import cKDTree

LEVEL, CHANNELS, SIGMA, RADIUS = 6, 32, 2.0, 100.0
GATHER = "gather and einsum in JAX"


@functools.cache
def _mesh():
    return icosphere(LEVEL)


@functools.cache
def _around() -> DirectionalNeighbourhood:
    return directional_neighbourhood(_mesh())


@functools.cache
def _ring():
    return ell_with_transpose(mesh_k_ring_adjacency(_mesh(), include_self=True))


@functools.cache
def _field():
    return jnp.asarray(
        np.random.default_rng(0).normal(size=(_mesh().n_vertices, CHANNELS)).astype(np.float32)
    )


@functools.cache
def _kernel():
    return jnp.asarray(np.random.default_rng(1).normal(size=(7, CHANNELS, CHANNELS)).astype(np.float32))


def _gaussian(x, coor, ring):
    return spherical_conv(x, coor, sigma=SIGMA, r=RADIUS, neighbourhood=ring)


def _gathered_gaussian(x, coor, around):
    """The same sums by the table of neighbours [n, k, c]."""
    unit = coor / jnp.linalg.norm(coor, axis=1, keepdims=True)
    own, other = unit[:, None], unit[around.indices]
    angle = jnp.arctan2(jnp.linalg.norm(jnp.cross(own, other - own), axis=-1), jnp.sum(own * other, -1))
    weight = jnp.where(around.valid, jnp.exp(-((RADIUS * angle / SIGMA) ** 2) / 2), 0)
    weight = weight / weight.sum(1, keepdims=True)
    return jnp.einsum("nk,nkc->nc", weight, x[around.indices], precision="highest")


def _numpy_gaussian(x, coor, indices, valid):
    unit = coor / np.linalg.norm(coor, axis=1, keepdims=True)
    own, other = unit[:, None], unit[indices]
    angle = np.arctan2(np.linalg.norm(np.cross(own, other - own), axis=-1), np.sum(own * other, -1))
    weight = np.where(valid, np.exp(-((RADIUS * angle / SIGMA) ** 2) / 2), 0)
    return np.einsum("nk,nkc->nc", weight / weight.sum(1, keepdims=True), x[indices])


def _gathered_kernel(x, kernel, around):
    rows = jnp.where(around.valid[..., None], x[around.indices], 0)
    return jnp.einsum("nkc,kco->no", rows, kernel, precision="highest")


def _numpy_kernel(x, kernel, indices, valid):
    rows = np.where(valid[..., None], x[indices], 0)
    return rows.reshape(len(x), -1) @ kernel.reshape(-1, kernel.shape[-1])


def _loss(function):
    """Value and gradient in the data (and the kernel)."""
    return lambda x, second, around: (function(x, second, around) ** 2).mean()


def _against(name, operation, function, given, rival, rival_given, rival_name, bar=None):
    ours, theirs = jax.jit(function), rival if rival_name == "NumPy" else jax.jit(rival)
    return Case(
        name=f"{name} ico_{LEVEL}, {CHANNELS} channels",
        operation=f"geometry.{operation}",
        ours=lambda: ours(*given()),
        rival=lambda: theirs(*rival_given()),
        rival_name=rival_name,
        bar=bar,
        program=lambda: ours.lower(*given()).compile(),
        volume_bytes=4 * CHANNELS * _mesh().n_vertices,
    )


def _cases(name, operation, function, gathered, numpy_version, second, neighbourhood, arguments):
    """Forward against both rivals, value and gradient against the gathering one."""
    given = lambda: (_field(), second(), neighbourhood())
    gathering = lambda: (_field(), second(), _around())
    host = lambda: tuple(np.asarray(x) for x in (_field(), second(), *_around()))
    gradient = lambda f: jax.value_and_grad(_loss(f), arguments)
    return [
        _against(name, operation, function, given, gathered, gathering, GATHER, bar=1.0),
        _against(name, operation, function, given, numpy_version, host, "NumPy"),
        _against(
            f"{name}, value and gradient",
            f"{operation}, gradient",
            gradient(function),
            given,
            gradient(gathered),
            gathering,
            GATHER,
            bar=1.0,
        ),
    ]


def _operator() -> Case:
    """Building the operator to random points; the rival finds the nearest vertices alone."""

    @functools.cache
    def points():
        return np.random.default_rng(0).normal(size=(40_962, 3))

    def rival():
        unit = points() / np.linalg.norm(points(), axis=1, keepdims=True)
        return cKDTree(np.asarray(_mesh().vertices)).query(unit)

    return Case(
        name="barycentric operator, ico_6 to 40,962 points",
        operation="geometry.sphere_barycentric",
        ours=lambda: sphere_barycentric(_mesh(), points()).values,
        rival=rival,
        rival_name="nearest vertices by scipy.spatial.cKDTree",
    )


def _distances() -> Case:
    points = functools.cache(
        lambda: jnp.asarray(np.random.default_rng(0).normal(size=(2_562, 3)), jnp.float32)
    )

    def rival():
        x = np.asarray(points())
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        return np.arccos(np.clip(unit @ unit.T, -1, 1))

    return Case(
        name="geodesic distances 2,562^2",
        operation="geometry.spherical_geodesic_distance",
        ours=lambda: spherical_geodesic_distance(points()),
        rival=rival,
        rival_name="NumPy arccos of products",
        program=lambda: jax.jit(spherical_geodesic_distance).lower(points()).compile(),
        volume_bytes=4 * 2_562**2,
    )


CASES = [
    *_cases(
        "spherical Gaussian",
        "spherical_conv",
        _gaussian,
        _gathered_gaussian,
        _numpy_gaussian,
        lambda: _mesh().vertices,
        _ring,
        (0,),
    ),
    *_cases(
        "spherical kernel",
        "spherical_kernel_conv",
        spherical_kernel_conv,
        _gathered_kernel,
        _numpy_kernel,
        _kernel,
        _around,
        (0, 1),
    ),
    _operator(),
    _distances(),
]
