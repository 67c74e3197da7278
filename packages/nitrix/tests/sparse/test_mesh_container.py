import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.sparse import (
    Mesh,
    face_areas,
    mesh_cotangent_laplacian,
    mesh_edge_lengths,
    mesh_k_ring_adjacency,
    mesh_structure,
)
from support import meshes

SQUARE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]), np.array([[0, 1, 2], [0, 2, 3]])


def test_a_mesh_is_a_pytree_of_its_arrays():
    mesh = Mesh(*SQUARE)
    assert (mesh.n_vertices, mesh.n_faces) == (4, 2)
    assert (mesh.vertices.dtype, mesh.faces.dtype) == (jnp.float32, jnp.int32)
    moved = jax.tree.map(lambda x: x, mesh)
    np.testing.assert_array_equal(moved.vertices, mesh.vertices)
    assert [str(path[0]) for path, _ in jax.tree_util.tree_leaves_with_path(mesh)] == [".vertices", ".faces"]
    nothing = Mesh(np.zeros((0, 3)), np.zeros((0, 3), int))
    assert (nothing.n_vertices, nothing.n_faces) == (0, 0)


@pytest.mark.parametrize(
    ("vertices", "faces", "error", "message"),
    [
        (
            SQUARE[0],
            [[0, 1, 4]],
            ValueError,
            r"1 vertex numbers .* the first at \(0, 2\): 4; with 4 .* from 0 to 3",
        ),
        (SQUARE[0], [[0, 1, -1]], ValueError, "out of range"),
        (np.zeros((0, 3)), [[0, 1, 2]], ValueError, "with 0 vertices"),
        (SQUARE[0], [0, 1, 2], ValueError, r"faces has shape \(3,\); \[n_faces, 3\] is needed"),
        (
            np.ones((4, 2)),
            SQUARE[1],
            ValueError,
            r"vertices has shape \(4, 2\); \[n_vertices, 3\] .* jax.vmap",
        ),
        (SQUARE[0], np.ones((2, 3)), TypeError, "faces is of dtype float64, but integers are needed"),
        (
            np.ones((4, 3), bool),
            SQUARE[1],
            TypeError,
            "vertices is of dtype bool, but real numbers are needed",
        ),
    ],
)
def test_what_is_no_mesh_is_refused_in_words(unchecked, vertices, faces, error, message):
    with pytest.raises(error, match=message):
        Mesh(vertices, faces)


@pytest.mark.fast
def test_faces_that_are_known_stay_so_inside_jit():
    vertices, faces = meshes.sphere()

    @jax.jit
    def everything(v):
        mesh = Mesh(v, faces)
        lengths = mesh_edge_lengths(mesh, mesh_k_ring_adjacency(mesh))
        return mesh_cotangent_laplacian(mesh).values.sum(), lengths.values.min(), face_areas(mesh).sum()

    assert all(np.isfinite(x) for x in everything(vertices.astype(np.float32)))
    assert jax.vmap(lambda v: face_areas(Mesh(v, faces)))(np.stack([vertices, 2 * vertices])).shape == (
        2,
        128,
    )


def test_what_needs_known_faces_says_so():
    mesh = Mesh(*SQUARE)
    with pytest.raises(TypeError, match="mesh_k_ring_adjacency: faces is traced, .* outside jit"):
        jax.jit(mesh_k_ring_adjacency)(mesh)
    with pytest.raises(TypeError, match=r"the faces are traced, .* pass structure=mesh_structure\(mesh\)"):
        jax.jit(mesh_cotangent_laplacian)(mesh)
    inside = jax.jit(lambda mesh, structure: mesh_cotangent_laplacian(mesh, structure=structure))
    got, outside = inside(mesh, mesh_structure(mesh)), mesh_cotangent_laplacian(mesh)
    np.testing.assert_allclose(got.values, outside.values, 1e-6, 1e-7)
    np.testing.assert_array_equal(got.indices, outside.indices)
