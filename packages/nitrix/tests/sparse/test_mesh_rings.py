"""Edges, adjacent faces and k-rings, against sets and loops."""

import itertools

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from nitrix.sparse import (
    ELL,
    Mesh,
    SectionedELL,
    edge_face_adjacency,
    icosphere,
    mesh_edges,
    mesh_k_ring_adjacency,
)
from support import meshes

NOTHING = np.zeros((0, 3)), np.zeros((0, 3), int)

FORMS = {"ell": ELL, "sectioned": SectionedELL}
any_faces = hnp.arrays(np.int64, (7, 3), elements=st.integers(0, 9))


def ring(n, faces, k):
    joined = meshes.links(n, faces)
    reached = np.eye(n, dtype=bool)
    for _ in range(k):
        reached = reached | (reached.astype(int) @ joined > 0)
    return reached & ~np.eye(n, dtype=bool)


@pytest.mark.parametrize("name", meshes.MESHES)
def test_edges(name):
    _, faces = meshes.MESHES[name]()
    np.testing.assert_array_equal(mesh_edges(faces), meshes.edge_list(faces))


def pairs_of_faces(faces):
    users = {}
    for f, face in enumerate(faces):
        for a, b in itertools.combinations(face, 2):
            if a != b:
                users.setdefault(frozenset((a, b)), set()).add(f)
    return sorted({tuple(sorted(two)) for two in users.values() if len(two) == 2})


@pytest.mark.parametrize("name", meshes.MESHES)
def test_faces_that_share_an_edge(name):
    _, faces = meshes.MESHES[name]()
    got = np.asarray(edge_face_adjacency(faces))
    assert [tuple(pair) for pair in got.tolist()] == pairs_of_faces(faces.tolist())


@given(any_faces)
def test_any_faces_at_all(faces):
    np.testing.assert_array_equal(mesh_edges(faces), meshes.edge_list(faces))
    assert [tuple(pair) for pair in edge_face_adjacency(faces).tolist()] == pairs_of_faces(faces.tolist())
    got = mesh_k_ring_adjacency(Mesh(np.zeros((10, 3)), faces), k=2)
    np.testing.assert_array_equal(meshes.dense(got), ring(10, faces, 2))


@pytest.mark.covering
@pytest.mark.fast
@pytest.mark.parametrize("k", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("name", meshes.MESHES)
@pytest.mark.parametrize("form", FORMS)
def test_k_rings(name, k, form):
    vertices, faces = meshes.MESHES[name]()
    got = mesh_k_ring_adjacency(Mesh(vertices, faces), k=k, format=form)
    assert isinstance(got, FORMS[form])
    np.testing.assert_array_equal(meshes.dense(got), ring(len(vertices), faces, k))
    rows = [(row, column) for row, column, _ in meshes.entries(got)]
    by_row = {row: [c for r, c in rows if r == row] for row, _ in rows}
    assert all(columns == sorted(columns) for columns in by_row.values())


def test_rows_hold_their_own_vertex_first_if_wanted_and_may_sum_to_one():
    vertices, faces = meshes.strange()
    wanted = ring(12, faces, 2) | np.eye(12, dtype=bool)
    for form in FORMS:
        got = mesh_k_ring_adjacency(Mesh(vertices, faces), k=2, include_self=True, binary=False, format=form)
        np.testing.assert_allclose(meshes.dense(got), wanted / wanted.sum(1, keepdims=True), rtol=1e-6)
        first = {}
        for row, column, _ in meshes.entries(got):
            first.setdefault(row, column)
        assert first == {row: row for row in range(12)}
    assert (
        mesh_k_ring_adjacency(Mesh(vertices, faces), binary=False).values[7].tolist() == [0] * 5
    )  # no neighbours


def test_the_form_follows_from_the_degrees():
    hub, even = Mesh(*meshes.fan()), icosphere(2)
    assert isinstance(mesh_k_ring_adjacency(hub, format="auto"), SectionedELL)
    assert isinstance(mesh_k_ring_adjacency(even, format="auto"), ELL)
    one_ring = mesh_k_ring_adjacency(even)
    assert (one_ring.k_max, one_ring.indices.dtype, int(one_ring.degree.min())) == (6, np.int32, 5)
    assert mesh_k_ring_adjacency(icosphere(0)).degree is None  # all rows are full
    with_hub = mesh_k_ring_adjacency(hub, format="sectioned")
    assert with_hub.total_storage < 1.5 * 4 * 40


def test_dtype_follows_the_vertices(x64):
    vertices, faces = meshes.patch()
    assert mesh_k_ring_adjacency(Mesh(vertices, faces), binary=False).dtype == np.float64


def test_meshes_without_edges():
    for mesh in (
        Mesh(*NOTHING),
        Mesh(np.zeros((1, 3)), NOTHING[1]),
        Mesh(np.zeros((2, 3)), np.ones((1, 3), int)),
    ):
        for form in FORMS:
            got = mesh_k_ring_adjacency(mesh, k=3, format=form)
            assert got.shape == (mesh.n_vertices, mesh.n_vertices)
            assert meshes.entries(got) == []
        assert mesh_edges(mesh.faces).shape == edge_face_adjacency(mesh.faces).shape == (0, 2)


def test_bad_options(unchecked):
    mesh = Mesh(*meshes.patch())
    for options, error, message in [
        ({"k": -1}, ValueError, "k is -1; give a number of edges"),
        ({"k": 1.5}, TypeError, "k is 1.5, but an integer is needed"),
        ({"k": True}, TypeError, "k is True"),
        ({"format": "csr"}, ValueError, "format is 'csr'; choose 'ell', 'sectioned' or 'auto'"),
    ]:
        with pytest.raises(error, match=message):
            mesh_k_ring_adjacency(mesh, **options)
    with pytest.raises(TypeError, match="mesh_edges: faces is of dtype float64"):
        mesh_edges(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"faces has shape \(3,\)"):
        mesh_edges(np.ones(3, int))
    with pytest.raises(ValueError, match="faces holds -1"):
        edge_face_adjacency(np.full((1, 3), -1))
