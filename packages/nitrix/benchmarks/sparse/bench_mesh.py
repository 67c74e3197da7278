"""Meshes of 40,962 and 163,842 vertices (icospheres of level 6 and 7): building operators, pooling, upsampling."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from harness import Case
from nitrix.sparse import (
    Mesh,
    icosphere,
    icosphere_bary_upsampler,
    icosphere_cross_level_adjacency,
    icosphere_hierarchy,
    mesh_bary_upsample,
    mesh_coarsen_meanpool,
    mesh_cotangent_laplacian,
    mesh_k_ring_adjacency,
    mesh_pool_max,
    mesh_structure,
)

FEATURES = 64
CSR = "scipy.sparse CSR"


@functools.cache
def _sphere(level):
    return icosphere(level)


@functools.cache
def _hierarchy():
    return icosphere_hierarchy(7)


@functools.cache
def _operator(kind, fine):
    make = {"up": icosphere_bary_upsampler, "down": icosphere_cross_level_adjacency}[kind]
    return make(_hierarchy(), fine - 1, fine)


@functools.cache
def _field(n):
    return jnp.asarray(np.random.default_rng(0).normal(size=(n, FEATURES)).astype(np.float32))


def _operand(kind, fine):
    return _field(_operator(kind, fine).n_cols)


@functools.cache
def _host_field(n):
    return np.asarray(_field(n))


@functools.cache
def _csr(kind, fine):
    ell = _operator(kind, fine)
    valid = np.asarray(ell.valid)
    starts = np.concatenate([[0], np.cumsum(valid.sum(1))])
    values, columns = np.asarray(ell.values)[valid], np.asarray(ell.indices)[valid]
    matrix = scipy.sparse.csr_array((values, columns, starts), shape=ell.shape)
    if kind == "down":
        matrix = scipy.sparse.diags_array((1 / matrix.sum(1)).astype(np.float32)) @ matrix
    return matrix


def _largest_of_rows(fine):
    """Maxima over the slices of a CSR matrix, which SciPy has no product for."""
    matrix, x = _csr("down", fine), _host_field(_operator("down", fine).n_cols)
    return np.maximum.reduceat(x[matrix.indices], matrix.indptr[:-1], axis=0)


_pool = jax.jit(mesh_coarsen_meanpool)
_pool_max = jax.jit(mesh_pool_max)
_upsample = jax.jit(mesh_bary_upsample)


def _between(fine):
    return [
        Case(
            name=f"mesh upsampling to ico_{fine}, {FEATURES} features",
            operation="sparse.mesh_bary_upsample",
            ours=lambda: _upsample(_operator("up", fine), _operand("up", fine)),
            rival=lambda: _csr("up", fine) @ _host_field(_operator("up", fine).n_cols),
            rival_name=CSR,
        ),
        Case(
            name=f"mesh mean pooling from ico_{fine}, {FEATURES} features",
            operation="sparse.mesh_coarsen_meanpool",
            ours=lambda: _pool(_operator("down", fine), _operand("down", fine)),
            rival=lambda: _csr("down", fine) @ _host_field(_operator("down", fine).n_cols),
            rival_name=CSR,
        ),
        Case(
            name=f"mesh max pooling from ico_{fine}, {FEATURES} features",
            operation="sparse.mesh_pool_max",
            ours=lambda: _pool_max(_operator("down", fine), _operand("down", fine)),
            rival=lambda: _largest_of_rows(fine),
            rival_name="numpy maximum.reduceat",
        ),
    ]


def _adjacency_by_products(level, k):
    """The k-ring as a power of the one-ring, which a COO matrix sums up."""
    mesh = _sphere(level)
    faces, n = np.asarray(mesh.faces), mesh.n_vertices
    rows, columns = faces.ravel(), np.roll(faces, 1, axis=1).ravel()
    ones = np.ones(2 * len(rows), np.float32)
    both = (np.concatenate([rows, columns]), np.concatenate([columns, rows]))
    ring = scipy.sparse.coo_array((ones, both), shape=(n, n)).tocsr()
    reached = ring
    for _ in range(k - 1):
        reached = reached @ ring + ring
    reached.setdiag(0)
    reached.eliminate_zeros()
    reached.sort_indices()
    return reached


def _ring(level, k):
    return Case(
        name=f"mesh {k}-ring of ico_{level}",
        operation="sparse.mesh_k_ring_adjacency",
        ours=lambda: mesh_k_ring_adjacency(_sphere(level), k=k),
        rival=lambda: _adjacency_by_products(level, k),
        rival_name="scipy.sparse COO and A @ A",
    )


def _laplacian_by_entries(level):
    mesh = _sphere(level)
    vertices, faces, n = np.asarray(mesh.vertices), np.asarray(mesh.faces), mesh.n_vertices
    corners = vertices[faces]
    ahead, behind = np.roll(corners, -1, axis=1) - corners, np.roll(corners, 1, axis=1) - corners
    area = np.linalg.norm(np.cross(ahead[:, 0], behind[:, 0]), axis=1, keepdims=True)
    half = ((ahead * behind).sum(-1) / area / 2).ravel()
    a, b = np.roll(faces, -1, axis=1).ravel(), np.roll(faces, 1, axis=1).ravel()
    values, rows, columns = (
        np.concatenate(x) for x in ([-half, -half, half, half], [a, b, a, b], [b, a, a, b])
    )
    return scipy.sparse.coo_array((values, (rows, columns)), shape=(n, n)).tocsr()


@functools.cache
def _structure(level):
    return mesh_structure(_sphere(level))


_values = jax.jit(lambda v, f, s: mesh_cotangent_laplacian(Mesh(v, f), structure=s).values)


def _laplacian(level):
    def known():
        mesh = _sphere(level)
        return _values(mesh.vertices, mesh.faces, _structure(level))

    return [
        Case(
            name=f"mesh cotangent Laplacian of ico_{level}, built",
            operation="sparse.mesh_cotangent_laplacian",
            ours=lambda: mesh_cotangent_laplacian(_sphere(level)),
            rival=lambda: _laplacian_by_entries(level),
            rival_name="numpy and scipy.sparse COO",
        ),
        Case(
            name=f"mesh cotangent Laplacian of ico_{level}, known faces",
            operation="sparse.mesh_cotangent_laplacian",
            ours=known,
            rival=lambda: _laplacian_by_entries(level),
            rival_name="numpy and scipy.sparse COO",
        ),
    ]


CASES = [*_between(6), *_between(7), _ring(6, 1), _ring(6, 2), _ring(7, 1), *_laplacian(6), *_laplacian(7)]
