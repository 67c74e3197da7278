"""The cotangent Laplacian and mass matrices, against finite elements assembled face by face, and other libraries."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from nitrix.sparse import (
    ELL,
    Mesh,
    SectionedELL,
    apply_operator,
    face_areas,
    icosphere,
    mesh_cotangent_laplacian,
    mesh_mass_matrix,
    mesh_structure,
    vertex_areas,
)
from support import meshes
from support.gradients import QUICK_COMPILE, check_gradients

FORMS = {"ell": ELL, "sectioned": SectionedELL}


@pytest.mark.fast
@pytest.mark.parametrize(
    ("name", "form"),
    [(name, "ell") for name in meshes.MESHES] + [("strange", "sectioned"), ("fan", "sectioned")],
)
def test_finite_elements(name, form, x64):
    vertices, faces = meshes.MESHES[name]()
    mesh = Mesh(vertices, faces)
    stiffness, mass = meshes.stiffness_and_mass(vertices, faces)
    laplacian = mesh_cotangent_laplacian(mesh, format=form)
    consistent = mesh_mass_matrix(mesh, lumped=False, format=form)
    assert isinstance(laplacian, FORMS[form])
    assert isinstance(consistent, FORMS[form])
    scale = np.abs(stiffness).max()
    np.testing.assert_allclose(meshes.dense(laplacian), stiffness, rtol=1e-10, atol=1e-13 * scale)
    np.testing.assert_allclose(meshes.dense(consistent), mass, rtol=1e-10, atol=1e-15)
    for matrix in (laplacian, consistent):
        first = {}
        for row, column, _ in meshes.entries(matrix):
            first.setdefault(row, []).append(column)
        assert all(columns[0] == row and columns[1:] == sorted(columns[1:]) for row, columns in first.items())
        assert len(first) == len(vertices)


def test_properties(x64):
    mesh = Mesh(*meshes.strange())
    n, rng = mesh.n_vertices, np.random.default_rng(0)
    x, y = rng.normal(size=(2, n, 3))
    for form in FORMS:
        laplacian = mesh_cotangent_laplacian(mesh, format=form)
        consistent = mesh_mass_matrix(mesh, lumped=False, format=form)
        for matrix in (laplacian, consistent):
            left, right = jnp.vdot(apply_operator(matrix, x), y), jnp.vdot(x, apply_operator(matrix, y))
            np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-12 * float(jnp.abs(left)))
        np.testing.assert_allclose(apply_operator(laplacian, np.ones((n, 1))), 0, atol=1e-12 * float(n))
        assert float(jnp.vdot(x, apply_operator(laplacian, x))) > 0
    area = float(face_areas(mesh).sum())
    for mass in (consistent, *(mesh_mass_matrix(mesh, scheme=s) for s in ("voronoi", "barycentric"))):
        np.testing.assert_allclose(apply_operator(mass, np.ones((n, 1))).sum(), area, rtol=1e-12)


def test_lumped_masses_are_the_vertices_areas():
    mesh = Mesh(*(x.astype(t) for x, t in zip(meshes.strange(), (np.float32, np.int32))))
    for scheme in ("voronoi", "barycentric"):
        mass = mesh_mass_matrix(mesh, scheme=scheme)
        assert (mass.k_max, mass.indices[:, 0].tolist()) == (1, list(range(12)))
        np.testing.assert_array_equal(mass.values[:, 0], vertex_areas(mesh, scheme=scheme))


def test_eigenvalues_of_the_sphere(x64):
    mesh = icosphere(3)
    laplacian, mass = (
        meshes.dense(m) for m in (mesh_cotangent_laplacian(mesh), mesh_mass_matrix(mesh, lumped=False))
    )
    got = scipy.linalg.eigh(laplacian, mass, eigvals_only=True, subset_by_index=(0, 24))
    wanted = np.repeat(np.arange(5), 2 * np.arange(5) + 1)
    np.testing.assert_allclose(got, wanted * (wanted + 1.0), rtol=0.04, atol=1e-9)


def test_gradients(x64):
    vertices, faces = meshes.patch()
    vertices = vertices + np.random.default_rng(2).normal(scale=0.05, size=vertices.shape)
    structure = mesh_structure(Mesh(vertices, faces), format="sectioned")

    def all_values(v):
        mesh = Mesh(v, faces)
        flat = [mesh_cotangent_laplacian(mesh).values, mesh_mass_matrix(mesh, lumped=False).values]
        parts = mesh_cotangent_laplacian(mesh, structure=structure).sections
        return jnp.concatenate([x.ravel() for x in (*flat, *(part.values for part in parts))])

    check_gradients(all_values, vertices, order=1)


def test_gradients_are_finite_at_faces_without_area(x64):
    vertices, faces = meshes.strange()
    vertices[4:7] = vertices[3]

    def energy(v):
        mesh = Mesh(v, faces)
        return sum(
            jnp.sum(jnp.sin(m.values))
            for m in (mesh_cotangent_laplacian(mesh), mesh_mass_matrix(mesh, lumped=False))
        )

    gradient = jax.jit(jax.grad(energy), compiler_options=QUICK_COMPILE)(vertices)
    assert np.isfinite(gradient).all()
    assert (np.asarray(gradient)[[5, 6, 7, 11]] == 0).all()


def test_single_precision():
    vertices, faces = meshes.sphere()
    mesh = Mesh(vertices.astype(np.float32), faces)
    got = mesh_cotangent_laplacian(mesh)
    assert got.dtype == np.float32
    wanted, _ = meshes.stiffness_and_mass(vertices.astype(np.float32).astype(float), faces)
    np.testing.assert_allclose(meshes.dense(got), wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


def test_one_structure_serves_all_positions():
    vertices, faces = meshes.sphere()
    structure = mesh_structure(Mesh(vertices, faces), format="auto")
    products = jax.jit(
        lambda mesh, s: apply_operator(mesh_cotangent_laplacian(mesh, structure=s), mesh.vertices)
    )
    for scale in (1.0, 3.0):
        mesh = Mesh((scale * vertices).astype(np.float32), faces)
        wanted = meshes.stiffness_and_mass(scale * vertices, faces)[0] @ (scale * vertices)
        np.testing.assert_allclose(products(mesh, structure), wanted, rtol=1e-4, atol=1e-4)
    edges = meshes.edge_list(faces)
    np.testing.assert_array_equal(structure.edges, edges)
    across = [[sorted((f[1], f[2])), sorted((f[2], f[0])), sorted((f[0], f[1]))] for f in faces]
    np.testing.assert_array_equal(edges[np.asarray(structure.edge_of_corner)], across)


def test_empty_meshes_and_bad_options(unchecked):
    nothing = Mesh(np.zeros((2, 3)), np.zeros((0, 3), int))
    for form in FORMS:
        np.testing.assert_array_equal(
            meshes.dense(mesh_cotangent_laplacian(nothing, format=form)), np.zeros((2, 2))
        )
        np.testing.assert_array_equal(meshes.dense(mesh_mass_matrix(nothing, lumped=False, format=form)), 0)
    mesh = Mesh(*meshes.patch())
    structure = mesh_structure(nothing)
    for call, message in [
        (
            lambda: mesh_cotangent_laplacian(mesh, format="coo"),
            "format is 'coo'; choose 'ell', 'sectioned' or 'auto'",
        ),
        (
            lambda: mesh_cotangent_laplacian(mesh, structure=structure),
            "of 0 faces and 2 vertices, but the mesh has 24",
        ),
        (
            lambda: mesh_cotangent_laplacian(mesh, format="ell", structure=structure),
            "both format and structure",
        ),
        (
            lambda: mesh_mass_matrix(mesh, format="ell"),
            "the lumped matrix is diagonal; format and structure are for",
        ),
        (lambda: mesh_mass_matrix(mesh, scheme="half"), "scheme is 'half'"),
        (lambda: mesh_mass_matrix(mesh, scheme="half", lumped=False), "mesh_mass_matrix: scheme is 'half'"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


def test_against_lapy(x64):
    lapy = pytest.importorskip("lapy")
    vertices, faces = meshes.sphere()
    solver = lapy.Solver(lapy.TriaMesh(vertices, faces), lump=False)
    mesh = Mesh(vertices, faces)
    np.testing.assert_allclose(
        meshes.dense(mesh_cotangent_laplacian(mesh)), solver.stiffness.toarray(), atol=1e-10
    )
    np.testing.assert_allclose(
        meshes.dense(mesh_mass_matrix(mesh, lumped=False)), solver.mass.toarray(), atol=1e-12
    )


def test_against_libigl(x64):
    igl = pytest.importorskip("igl")
    vertices, faces = meshes.sphere()
    mesh = Mesh(vertices, faces)
    np.testing.assert_allclose(
        meshes.dense(mesh_cotangent_laplacian(mesh)), -igl.cotmatrix(vertices, faces).toarray(), atol=1e-10
    )
    for scheme, theirs in (
        ("voronoi", igl.MASSMATRIX_TYPE_VORONOI),
        ("barycentric", igl.MASSMATRIX_TYPE_BARYCENTRIC),
    ):
        wanted = igl.massmatrix(vertices, faces, theirs).toarray()
        np.testing.assert_allclose(meshes.dense(mesh_mass_matrix(mesh, scheme=scheme)), wanted, atol=1e-12)
