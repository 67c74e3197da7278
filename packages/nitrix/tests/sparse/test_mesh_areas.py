"""Areas and normals, against the definition face by face."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.sparse import Mesh, compute_vertex_normals, face_areas, face_normals, vertex_areas
from support import meshes
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but
from support.mesh_areas import crossed, mixed_areas, unit


@pytest.mark.fast
@pytest.mark.parametrize("name", seldom_but(meshes.MESHES, "sphere", "fan"))
def test_areas_and_normals(name, x64):
    vertices, faces = meshes.MESHES[name]()
    mesh = Mesh(vertices, faces)
    wanted = np.array([np.linalg.norm(crossed(vertices, face)) / 2 for face in faces])
    np.testing.assert_allclose(face_areas(mesh), wanted, rtol=1e-12, atol=1e-15)
    normals = np.array([unit(crossed(vertices, face)) for face in faces])
    np.testing.assert_allclose(face_normals(vertices, faces), normals, atol=1e-12)
    sums = np.zeros_like(vertices)
    for face in faces:
        sums[face] += crossed(vertices, face)
    np.testing.assert_allclose(compute_vertex_normals(vertices, faces), [unit(s) for s in sums], atol=1e-9)
    np.testing.assert_allclose(vertex_areas(mesh), mixed_areas(vertices, faces), rtol=1e-10, atol=1e-14)
    thirds = np.zeros(len(vertices))
    np.add.at(thirds, faces, wanted[:, None] / 3)
    np.testing.assert_allclose(vertex_areas(mesh, scheme="barycentric"), thirds, rtol=1e-12, atol=1e-14)
    for scheme in ("voronoi", "barycentric"):
        np.testing.assert_allclose(vertex_areas(mesh, scheme=scheme).sum(), wanted.sum(), rtol=1e-12)


def test_single_precision_and_its_range():
    vertices, faces = meshes.sphere()
    exact = mixed_areas(vertices, faces)
    for scale in (1e-12, 1e-3, 1.0, 1e12):  # squares of such areas do not fit into 32 bits
        got = vertex_areas(Mesh((scale * vertices).astype(np.float32), faces))
        assert got.dtype == np.float32
        np.testing.assert_allclose(np.asarray(got, np.float64) / scale**2, exact, rtol=2e-5)
        normals = np.asarray(face_normals((scale * vertices).astype(np.float32), faces))
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, rtol=1e-6)


FUNCTIONS = {
    "face_areas": lambda v, f: face_areas(Mesh(v, f)),
    "voronoi": lambda v, f: vertex_areas(Mesh(v, f)),
    "barycentric": lambda v, f: vertex_areas(Mesh(v, f), scheme="barycentric"),
    "face_normals": face_normals,
    "vertex_normals": compute_vertex_normals,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients(name, x64):
    vertices, faces = meshes.patch()
    vertices = vertices + np.random.default_rng(2).normal(scale=0.05, size=vertices.shape)
    check_gradients(lambda v: FUNCTIONS[name](v, faces), vertices, order=1)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_are_finite_where_there_is_no_area(name, x64):
    vertices, faces = meshes.strange()
    vertices[4:7] = vertices[3]  # three faces have no area now, their vertices coincide
    function = FUNCTIONS[name]
    tangent = np.random.default_rng(3).normal(size=vertices.shape)

    def both(v):
        gradient = jax.grad(lambda v: jnp.sum(jnp.sin(function(v, faces))))(v)
        return gradient, jax.jvp(lambda v: function(v, faces), (v,), (tangent,))[1]

    gradient, moved = jax.jit(both, compiler_options=QUICK_COMPILE)(vertices)
    assert np.isfinite(gradient).all()
    assert np.isfinite(moved).all()
    assert (np.asarray(gradient)[[5, 6, 7, 11]] == 0).all()  # of no other face, or of none at all


def test_batches_by_vmap():
    vertices, faces = meshes.patch()
    batch = np.stack([vertices, 2 * vertices]).astype(np.float32)
    got = jax.jit(jax.vmap(lambda v: vertex_areas(Mesh(v, faces))))(batch)
    np.testing.assert_allclose(got[1], 4 * got[0], rtol=1e-6)


def test_empty_meshes_and_bad_options(unchecked):
    nothing = Mesh(np.zeros((3, 3)), np.zeros((0, 3), int))
    assert face_areas(nothing).shape == (0,)
    assert vertex_areas(nothing).tolist() == [0, 0, 0]
    assert not np.asarray(compute_vertex_normals(nothing.vertices, nothing.faces)).any()
    with pytest.raises(
        ValueError, match="vertex_areas: scheme is 'mixed'; choose 'voronoi' or 'barycentric'"
    ):
        vertex_areas(nothing, scheme="mixed")
    with pytest.raises(ValueError, match=r"face_normals: vertices has shape \(3, 2\)"):
        face_normals(np.ones((3, 2)), nothing.faces)
    with pytest.raises(
        ValueError, match="compute_vertex_normals: 3 vertex numbers in faces are out of range"
    ):
        compute_vertex_normals(np.ones((3, 3)), np.array([[3, 4, 5]]))
