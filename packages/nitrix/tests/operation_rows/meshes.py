"""Rows of `nitrix.sparse` on triangle meshes."""

import jax.numpy as jnp
import numpy as np
from nitrix import sparse
from nitrix.sparse import ELL, Mesh
from scipy.sparse.csgraph import dijkstra
from support import meshes
from support.mesh_areas import crossed, mixed_areas, unit

from operation_rows.row import BATCH, Row, each, normal

_HIERARCHY = "meshes and whole-number tables, built on the host; no operand to differentiate"
_LEVELS = "an operator between two levels of a hierarchy, built on the host from its tables of parents"
_FACES = "reads the faces alone, whole numbers, on the host"
OTHERS = {
    "sparse.icosphere": _HIERARCHY,
    "sparse.icosphere_hierarchy": _HIERARCHY,
    "sparse.icosphere_hierarchy_from_levels": _HIERARCHY,
    "sparse.icosphere_bary_upsampler": _LEVELS,
    "sparse.icosphere_cross_level_adjacency": _LEVELS,
    "sparse.mesh_edges": _FACES,
    "sparse.edge_face_adjacency": _FACES,
    "sparse.mesh_k_ring_adjacency": _FACES,
    "sparse.mesh_structure": _FACES,
    "sparse.geodesic_neighbourhood": "searches on the host in float64; `geodesic_distance` is the differentiable one",
}

FACES = np.array([[0, 1, 4], [0, 4, 3], [1, 2, 5], [1, 5, 4]])
FLAT = np.array([[0, 0, 0], [2, 0, 0], [4, 0, 0], [0, 2, 0], [2, 2, 0], [4, 2, 0]])
N = len(FLAT)
VERTICES = (FLAT + np.round(16 * normal(BATCH, N, 3)) / 64).astype("bfloat16").astype(float)
LINKS = meshes.links(N, FACES)
# A small adjacency between two levels: a row of three, one of one, an empty one.
LEVELS = ELL(
    np.array([[0.5, 0.25, 0.25], [1, 0, 0], [0, 0, 0]], np.float32),
    np.array([[3, 0, 1], [2, 0, 0], [0, 0, 0]], np.int32),
    4,
    degree=np.array([3, 1, 0], np.int32),
)
WEIGHTS = np.array([[0.25, 0.25, 0, 0.5], [0, 0, 1, 0], [0, 0, 0, 0]])


def rows():
    """What is made of vertices, and fields carried over meshes."""
    return [*_shapes(), *_matrices(), *_fields()]


def _shapes():
    def of_mesh(function):
        return lambda v: function(Mesh(v, FACES))

    def row(operation, call, oracle, everyday=False):
        return Row(f"sparse.{operation}", "", each(call, 2), oracle, (VERTICES,), everyday=everyday)

    def at_vertices(v):
        sums = np.zeros((N, 3))
        for face in FACES:
            sums[face] += crossed(v, face)
        return np.array([unit(s) for s in sums])

    return [
        row(
            "face_areas",
            of_mesh(sparse.face_areas),
            lambda v: np.array([np.linalg.norm(crossed(v, face)) / 2 for face in FACES]),
        ),
        row(
            "face_normals",
            lambda v: sparse.face_normals(v, FACES),
            lambda v: np.array([unit(crossed(v, face)) for face in FACES]),
        ),
        row(
            "compute_vertex_normals",
            lambda v: sparse.compute_vertex_normals(v, FACES),
            at_vertices,
            everyday=True,
        ),
        row("vertex_areas", of_mesh(sparse.vertex_areas), lambda v: mixed_areas(v, FACES)),
    ]


def _matrices():
    ring = sparse.mesh_k_ring_adjacency(Mesh(FLAT, FACES), format="ell")

    def row(operation, build, oracle, everyday=False):
        call = each(lambda v: sparse.ell_to_dense(build(Mesh(v, FACES))), 2)
        return Row(f"sparse.{operation}", "", call, oracle, (VERTICES,), everyday=everyday)

    def lengths(v):
        """With inf in the pads."""
        apart = np.linalg.norm(v[np.asarray(ring.indices)] - v[:, None], axis=-1)
        return np.where(np.asarray(ring.valid), apart, np.inf)

    def geodesics(values):
        dense = np.full((N, N), np.inf)
        for i, p in np.argwhere(np.asarray(ring.valid)):
            dense[i, int(ring.indices[i, p])] = values[i, p]
        return dijkstra(dense.T, indices=[0, 5])

    return [
        row(
            "mesh_cotangent_laplacian",
            sparse.mesh_cotangent_laplacian,
            lambda v: meshes.stiffness_and_mass(v, FACES)[0],
            everyday=True,
        ),
        row(
            "mesh_mass_matrix",
            lambda mesh: sparse.mesh_mass_matrix(mesh, lumped=False),
            lambda v: meshes.stiffness_and_mass(v, FACES)[1],
        ),
        Row(
            "sparse.mesh_edge_lengths",
            "",
            each(lambda v: sparse.mesh_edge_lengths(Mesh(v, FACES), ring).values, 2),
            lengths,
            (VERTICES,),
            everyday=False,
        ),
        Row(
            "sparse.geodesic_distance",
            "",
            each(lambda v: sparse.geodesic_distance(ring.replace(values=v), np.array([0, 5])), 2),
            geodesics,
            (np.abs(normal(BATCH, *ring.indices.shape)) + 0.5,),
        ),
    ]


def _fields():
    ring = sparse.mesh_k_ring_adjacency(Mesh(FLAT, FACES), format="ell")

    def smoothed(x):
        mean = LINKS @ x / LINKS.sum(1, keepdims=True)
        return 0.75 * x + 0.25 * mean

    def largest(x):
        return np.stack([np.max(x[row > 0], 0, initial=-np.inf) for row in WEIGHTS])

    def row(operation, function, oracle, n=4, everyday=False):
        return Row(f"sparse.{operation}", "", function, oracle, (normal(BATCH, n, 3),), everyday=everyday)

    return [
        row("mesh_bary_upsample", lambda x: sparse.mesh_bary_upsample(_levels(x), x), lambda x: WEIGHTS @ x),
        row(
            "mesh_coarsen_meanpool",
            lambda x: sparse.mesh_coarsen_meanpool(_levels(x), x),
            lambda x: WEIGHTS @ x,
        ),
        row("mesh_pool_max", lambda x: sparse.mesh_pool_max(LEVELS, x), largest, everyday=True),
        row("mesh_unpool_max", lambda x: sparse.mesh_unpool_max(LEVELS, x), largest),
        row(
            "mesh_laplacian_smooth",
            each(lambda v: sparse.mesh_laplacian_smooth(v, FACES, lam=0.25, iterations=2), 2),
            lambda v: smoothed(smoothed(v)),
            n=N,
        ),
        row(
            "mesh_adjacency_smooth",
            lambda x: sparse.mesh_adjacency_smooth(x, _cast(ring, x), lam=0.25, iterations=2),
            lambda x: smoothed(smoothed(x)),
            n=N,
        ),
    ]


def _cast(ell, x):
    """The matrix with values in the dtype of a field."""
    return ell.replace(values=ell.values.astype(jnp.result_type(x)))


def _levels(x):
    return _cast(LEVELS, x)
