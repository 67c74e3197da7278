import jax
import numpy as np
import pytest
from nitrix.sparse import (
    IcosphereHierarchy,
    Mesh,
    face_areas,
    icosphere,
    icosphere_hierarchy,
    icosphere_hierarchy_from_levels,
    mesh_edges,
)
from support import meshes

NOTHING = np.zeros((0, 3)), np.zeros((0, 3), int)


@pytest.mark.fast
@pytest.mark.parametrize("level", [0, 1, 3])
def test_icospheres(level, x64):
    mesh = icosphere(level)
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    assert (len(vertices), len(faces)) == (10 * 4**level + 2, 20 * 4**level)
    np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 1, rtol=1e-14)
    assert len(np.unique(vertices.round(9), axis=0)) == len(vertices)
    a, b, c = vertices[faces].transpose(1, 0, 2)
    assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), a) > 0).all()  # counter-clockwise from outside
    edges = meshes.edge_list(faces)
    np.testing.assert_array_equal(mesh_edges(faces), edges)
    assert len(vertices) - len(edges) + len(faces) == 2
    degree = np.bincount(edges.ravel())
    assert sorted(degree)[:13].count(5) == 12  # twelve of degree 5, all others of degree 6
    assert set(degree) <= {5, 6}
    # Every side runs once each way: a closed, oriented surface.
    sides = [(x, y) for face in faces for x, y in zip(face, np.roll(face, -1))]
    assert len(set(sides)) == len(sides) == 2 * len(edges)
    assert set(sides) == {(y, x) for x, y in sides}


def test_the_regular_icosahedron(x64):
    vertices, faces = (np.asarray(x) for x in (icosphere().vertices, icosphere().faces))
    lengths = np.linalg.norm(vertices[faces] - vertices[np.roll(faces, 1, axis=1)], axis=-1)
    np.testing.assert_allclose(lengths, 1 / np.sin(2 * np.pi / 5), rtol=1e-14)


def test_the_area_tends_to_that_of_the_sphere(x64):
    short = [4 * np.pi - float(face_areas(icosphere(level)).sum()) for level in (2, 3, 4)]
    np.testing.assert_allclose(short[0] / short[1], 4, rtol=0.05)
    np.testing.assert_allclose(short[1] / short[2], 4, rtol=0.02)
    assert 0 < short[2] < 0.02


def test_a_hierarchy_keeps_vertices_and_knows_their_parents(x64):
    hierarchy = icosphere_hierarchy(3)
    assert hierarchy.max_level == 3
    assert hierarchy.parents[0] is None
    for level in range(1, 4):
        coarse, fine = (np.asarray(hierarchy.meshes[i].vertices) for i in (level - 1, level))
        np.testing.assert_array_equal(fine, icosphere(level).vertices)
        np.testing.assert_array_equal(hierarchy.meshes[level].faces, icosphere(level).faces)
        parents = np.asarray(hierarchy.parents[level])
        n = len(coarse)
        np.testing.assert_array_equal(fine[:n], coarse)
        np.testing.assert_array_equal(parents[:n], np.arange(n)[:, None] * [1, 1])
        np.testing.assert_array_equal(parents[n:], mesh_edges(hierarchy.meshes[level - 1].faces))
        middle = coarse[parents].mean(1)
        np.testing.assert_allclose(fine, middle / np.linalg.norm(middle, axis=1, keepdims=True), atol=1e-14)
    assert len(jax.tree.leaves(hierarchy)) == 4 * 2 + 3


def test_the_default_dtype_is_jax_s_own():
    assert icosphere(1).vertices.dtype == np.float32
    assert icosphere_hierarchy(1).parents[1].dtype == np.int32


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: icosphere(-1),
            ValueError,
            "icosphere: n_iterations is -1; give a number of steps from 0 to 12",
        ),
        (lambda: icosphere(13), ValueError, "n_iterations is 13"),
        (lambda: icosphere(1.5), TypeError, "n_iterations is 1.5, but an integer is needed"),
        (lambda: icosphere_hierarchy(-2), ValueError, "icosphere_hierarchy: max_level is -2"),
    ],
)
def test_bad_levels(unchecked, call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_levels_of_ones_own(unchecked):
    whole = icosphere_hierarchy(2)
    again = icosphere_hierarchy_from_levels(whole.meshes, whole.parents)
    assert isinstance(again, IcosphereHierarchy)
    np.testing.assert_array_equal(again.parents[2], whole.parents[2])
    build, table = icosphere_hierarchy_from_levels, np.asarray(whole.parents[1])
    for parents, error, message in [
        ([None], ValueError, "2 meshes and 1 parent tables"),
        ([table, table], ValueError, r"parents\[0\] is a table"),
        ([None, None], ValueError, r"parents\[1\] is None"),
        ([None, table[:-1]], ValueError, r"parents\[1\] has shape \(41, 2\), but \(42, 2\) is needed"),
        (
            [None, table + 1],
            ValueError,
            r"names vertices from 1 to 12, but those of level 0 are numbered from 0 to 11",
        ),
        ([None, table * 1.0], TypeError, "of dtype float64, but integers are needed"),
    ]:
        with pytest.raises(error, match=message):
            build(whole.meshes[:2], parents)
    with pytest.raises(ValueError, match="0 meshes"):
        build([], [])
    assert build([Mesh(*NOTHING)], [None]).max_level == 0
