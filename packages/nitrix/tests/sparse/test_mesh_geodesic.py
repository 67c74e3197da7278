"""Distances along edges, against SciPy's Dijkstra, and their derivatives along the shortest paths."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from nitrix.sparse import (
    ELL,
    Mesh,
    ell_from_ragged,
    geodesic_distance,
    geodesic_neighbourhood,
    mesh_edge_lengths,
    mesh_k_ring_adjacency,
    sectioned_ell_from_ragged,
)
from scipy.sparse.csgraph import dijkstra
from support import meshes
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but
from support.memory import compiled_memory
from support.memory import form as shape_of

FORMS = ("ell", "sectioned")


def length_matrix(vertices, faces):
    edges = meshes.edge_list(faces)
    lengths = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    return scipy.sparse.coo_array((lengths, edges.T), shape=(len(vertices),) * 2).tocsr()


def lengths_of(vertices, faces, form="ell"):
    mesh = Mesh(vertices, faces)
    return mesh_edge_lengths(mesh, mesh_k_ring_adjacency(mesh, format=form))


def path(*lengths):
    """The graph 0 - 1 - 2 - ... as an adjacency."""
    n = len(lengths) + 1
    columns = [[j for j in (i - 1, i + 1) if 0 <= j < n] for i in range(n)]
    values = [[float(lengths[min(i, j)]) for j in row] for i, row in enumerate(columns)]
    return ell_from_ragged(values, columns, n_cols=n)


@pytest.mark.parametrize("form", FORMS)
def test_edge_lengths(form, x64):
    vertices, faces = meshes.strange()
    wanted = length_matrix(vertices, faces).toarray()
    wanted = np.where(wanted > 0, wanted, np.inf)
    got = lengths_of(vertices, faces, form)
    np.testing.assert_allclose(meshes.dense(got, np.inf), np.minimum(wanted, wanted.T), rtol=1e-14)
    for section in getattr(got, "sections", [got]):
        assert np.isinf(np.asarray(section.values)[~np.asarray(section.valid)]).all()


def test_edge_lengths_of_coincident_vertices_have_gradient_0(x64):
    vertices, faces = meshes.patch()
    check_gradients(
        lambda v: jnp.where(jnp.isfinite(x := lengths_of(v, faces).values), x, 0), vertices, order=1
    )
    vertices[1] = vertices[0]
    gradient = jax.grad(lambda v: lengths_of(v, faces).values[0, 0])(jnp.asarray(vertices))
    assert not np.asarray(gradient).any()


@pytest.mark.fast
@pytest.mark.parametrize("name", seldom_but(meshes.MESHES, "sphere", "patch"))
def test_distances_are_dijkstra_s(name, x64):
    vertices, faces = meshes.MESHES[name]()
    sources = np.array([[0, 3], [len(vertices) - 1, 1]])
    for form in FORMS if name in ("strange", "fan") else FORMS[:1]:
        lengths = lengths_of(vertices, faces, form)
        wanted = dijkstra(length_matrix(vertices, faces), directed=False, indices=sources.ravel())
        got = geodesic_distance(lengths, sources)
        assert got.shape == (2, 2, len(vertices))
        np.testing.assert_allclose(got.reshape(4, -1), wanted, rtol=1e-14)
        np.testing.assert_array_equal(geodesic_distance(lengths, sources, min_only=True), got.min((0, 1)))
    assert geodesic_distance(lengths, 0).shape == (len(vertices),)


def test_dtypes_and_hops():
    vertices, faces = meshes.sphere()
    exact = dijkstra(length_matrix(vertices, faces), directed=False, indices=0)
    for dtype, rtol in ((np.float32, 1e-6), (jnp.bfloat16, 2e-2)):
        lengths = lengths_of(vertices.astype(np.float32), faces)
        got = geodesic_distance(lengths.replace(values=lengths.values.astype(dtype)), 0)
        assert got.dtype == dtype
        np.testing.assert_allclose(np.asarray(got, np.float64), exact, rtol)
    ring = mesh_k_ring_adjacency(Mesh(vertices.astype(np.float32), faces))
    hops = dijkstra(length_matrix(vertices, faces), directed=False, indices=0, unweighted=True)
    np.testing.assert_array_equal(
        geodesic_distance(ring.replace(values=ring.values.astype(jnp.int32)), 0), hops
    )


def test_paths_of_few_edges(x64):
    vertices, faces = meshes.sphere()
    lengths, wanted = lengths_of(vertices, faces), np.full(66, np.inf)
    wanted[5] = 0
    whole = length_matrix(vertices, faces).toarray()
    whole = np.where(whole + whole.T > 0, whole + whole.T, np.inf)
    for most in range(5):
        if most in (0, 1, 4):
            got = geodesic_distance(lengths, 5, max_iterations=most)
            np.testing.assert_allclose(got, wanted, rtol=1e-14)
        wanted = np.minimum(wanted, (whole + wanted).min(1))
    np.testing.assert_array_equal(
        geodesic_distance(lengths, 5, max_iterations=10**9), geodesic_distance(lengths, 5)
    )


@pytest.mark.parametrize(
    "options",
    [{}, *(pytest.param(o, marks=pytest.mark.slow) for o in ({"max_iterations": 3}, {"min_only": True}))],
    ids=str,
)
def test_gradients(options, x64):
    vertices, faces = meshes.sphere()
    sources = np.array([0, 9])
    ring = mesh_k_ring_adjacency(Mesh(vertices, faces), format="sectioned" if options else "ell")

    def distances(v):
        d = geodesic_distance(mesh_edge_lengths(Mesh(v, faces), ring), sources, **options)
        return jnp.where(jnp.isfinite(d), d, 0)

    check_gradients(distances, vertices, order=1 if options else 2, step=1e-6, rtol=3e-6)


def test_the_gradient_in_the_lengths_is_the_path(x64):
    lengths = path(1.0, 2.0, 4.0)
    # From 3 to 0 the path takes the entries (3, 2), (2, 1) and (1, 0): the first of their rows.
    gradient = jax.grad(lambda v: geodesic_distance(lengths.replace(values=v), 0)[3])(lengths.values)
    np.testing.assert_array_equal(gradient, [[0, 0], [1, 0], [1, 0], [1, 0]])
    every = jax.grad(lambda v: geodesic_distance(lengths.replace(values=v), 0).sum())(lengths.values)
    np.testing.assert_array_equal(every, [[0, 0], [3, 0], [2, 0], [1, 0]])
    # A square 0 1 3 / 0 2 3 of equal sides: the first entry of row 3 counts.
    square = ell_from_ragged([[1.0] * 2] * 4, [[1, 2], [0, 3], [0, 3], [1, 2]], n_cols=4)
    tie = jax.grad(lambda v: geodesic_distance(square.replace(values=v), 0)[3])(square.values)
    np.testing.assert_array_equal(tie, [[0, 0], [1, 0], [0, 0], [1, 0]])


def test_edges_of_length_0_and_lost_in_rounding():
    for tiny in (0.0, 1e-12):  # 100 + 1e-12 is 100 in 32 bits
        lengths = path(100.0, tiny, tiny, tiny, 1.0)
        value, gradient = jax.value_and_grad(lambda v: geodesic_distance(lengths.replace(values=v), 0)[5])(
            lengths.values
        )
        assert value == 101
        np.testing.assert_array_equal(gradient, [[0, 0]] + [[1, 0]] * 5)
    triangle = ell_from_ragged([[0.0, 0.0]] * 3, [[1, 2], [0, 2], [0, 1]], n_cols=3)
    gradient = jax.grad(lambda v: geodesic_distance(triangle.replace(values=v), 0).sum())(triangle.values)
    np.testing.assert_array_equal(gradient, [[0, 0], [1, 0], [1, 0]])


def test_what_no_path_reaches_is_inf_with_gradient_0(x64):
    vertices, faces = meshes.strange()
    lengths = lengths_of(vertices, faces)
    assert np.isinf(np.asarray(geodesic_distance(lengths, 0))[[7, 8, 9, 10, 11]]).all()

    def total(v):
        d = geodesic_distance(lengths_of(v, faces), np.array([0, 7, 8]))
        return jnp.where(jnp.isfinite(d), d, 0).sum()

    gradient = jax.jit(jax.grad(total), compiler_options=QUICK_COMPILE)(vertices)
    assert np.isfinite(gradient).all()
    assert not np.asarray(gradient)[[7, 11]].any()


def test_under_vmap_and_jit():
    vertices, faces = meshes.patch()
    batch = np.stack([vertices, 2 * vertices]).astype(np.float32)
    ring = mesh_k_ring_adjacency(Mesh(vertices, faces))

    def distances(v, source):
        return geodesic_distance(mesh_edge_lengths(Mesh(v, faces), ring), source)

    got = jax.jit(jax.vmap(distances))(batch, jnp.asarray([3, 4]))
    for i in range(2):
        wanted = dijkstra(length_matrix(batch[i].astype(float), faces), directed=False, indices=3 + i)
        np.testing.assert_allclose(got[i], wanted, rtol=1e-6)


def test_memory_does_not_grow_with_the_rounds():
    n = 2000
    lengths = path(*np.ones(n - 1))
    gradient = jax.grad(lambda v: geodesic_distance(lengths.replace(values=v), 0).sum())
    needed = compiled_memory(gradient, shape_of(n, 2))
    assert needed.temporaries < 60 * 4 * n  # each of 2000 rounds would keep n numbers


def test_negative_lengths_under_jit():
    lengths = path(1.0, 1.0)
    at = jax.jit(lambda v: geodesic_distance(lengths.replace(values=v), 0))
    assert np.isnan(at(-lengths.values)).all()
    assert at(lengths.values).tolist() == [0, 1, 2]
    outside = jax.jit(lambda s: geodesic_distance(lengths, s))(jnp.asarray([0, 3, -1]))
    assert np.isnan(outside[1:]).all()
    assert np.isfinite(outside[0]).all()


def test_bad_arguments(unchecked):
    lengths = path(1.0, 2.0)
    flat = ELL(jnp.ones((2, 1)), jnp.zeros((2, 1), int), 3)
    for call, error, message in [
        (lambda: geodesic_distance(path(1.0, -2.0), 0), ValueError, "2 lengths are negative, the least -2.0"),
        (
            lambda: geodesic_distance(lengths, 3),
            ValueError,
            "sources range from 3 to 3, but vertices .* from 0 to 2",
        ),
        (lambda: geodesic_distance(lengths, 0.5), TypeError, "sources are of dtype float64, but integers"),
        (
            lambda: geodesic_distance(lengths, 0, max_iterations=-1),
            ValueError,
            "max_iterations is -1; give 0 or more",
        ),
        (
            lambda: geodesic_distance(lengths, 0, max_iterations=1.5),
            TypeError,
            "max_iterations is 1.5, but an integer",
        ),
        (
            lambda: geodesic_distance(flat, 0),
            ValueError,
            r"lengths is of shape \(2, 3\), but a square matrix",
        ),
        (
            lambda: geodesic_distance(lengths.replace(values=lengths.values > 0), 0),
            TypeError,
            "lengths are of dtype bool, but real numbers are needed",
        ),
        (
            lambda: mesh_edge_lengths(Mesh(*meshes.patch()), lengths),
            ValueError,
            r"\(3, 3\), but \(20, 20\) is needed",
        ),
    ]:
        with pytest.raises(error, match=message):
            call()


@pytest.mark.fast
@pytest.mark.parametrize(
    ("name", "radius"), [("sphere", 1.0), ("patch", 2.5), ("strange", 2.0), ("fan", 1.4)]
)
def test_neighbourhoods_are_dijkstra_s(name, radius, x64):
    vertices, faces = meshes.MESHES[name]()
    wanted = dijkstra(length_matrix(vertices, faces), directed=False, limit=radius)
    assert 0 < np.isfinite(wanted).mean() < 0.9
    mesh = Mesh(vertices, faces)
    for options in ({"format": "ell"}, {"format": "sectioned"}, {"include_self": False}):
        got = geodesic_neighbourhood(mesh, radius, **options)
        alone = np.where(np.eye(len(vertices), dtype=bool), np.inf, wanted)
        np.testing.assert_allclose(
            meshes.dense(got, np.inf), alone if "include_self" in options else wanted, rtol=1e-14
        )
    rows = {}
    for row, column, _ in meshes.entries(geodesic_neighbourhood(mesh, radius)):
        rows.setdefault(row, []).append(column)
    assert all(columns[0] == row and columns[1:] == sorted(columns[1:]) for row, columns in rows.items())


def test_neighbourhoods_of_radius_0_and_of_nothing():
    vertices, faces = meshes.patch()
    mesh = Mesh(vertices.astype(np.float32), faces)
    own = geodesic_neighbourhood(mesh, 0)
    assert (own.k_max, own.dtype, own.indices[:, 0].tolist()) == (1, np.float32, list(range(20)))
    assert meshes.entries(geodesic_neighbourhood(mesh, 0.0, include_self=False)) == []
    assert geodesic_neighbourhood(Mesh(np.zeros((0, 3)), np.zeros((0, 3), int)), 1.0).shape == (0, 0)
    vertices[3] = np.nan
    assert all(
        3 not in (i, j) or i == j
        for i, j, _ in meshes.entries(geodesic_neighbourhood(Mesh(vertices, faces), 9))
    )


def test_bad_radii(unchecked):
    mesh = Mesh(*meshes.patch())
    for radius, error, message in [
        (-1, ValueError, "radius_mm is -1; give a finite distance in mm, 0 or more"),
        (np.inf, ValueError, "radius_mm is inf"),
        (float("nan"), ValueError, "radius_mm is nan"),
        ("4 mm", TypeError, "radius_mm is '4 mm', but a real number is needed, in mm"),
    ]:
        with pytest.raises(error, match=message):
            geodesic_neighbourhood(mesh, radius)
    with pytest.raises(TypeError, match="geodesic_neighbourhood: the array of vertices is traced"):
        jax.jit(lambda v: geodesic_neighbourhood(Mesh(v, mesh.faces), 1.0))(mesh.vertices)


def test_a_cortex(x64):
    vertices, faces = meshes.fsaverage5()
    vertices = vertices.astype(float)
    matrix = length_matrix(vertices, faces)
    sources = np.array([0, 5000])
    got = geodesic_distance(lengths_of(vertices, faces), sources)
    np.testing.assert_allclose(got, dijkstra(matrix, directed=False, indices=sources), rtol=1e-12)
    near = geodesic_neighbourhood(Mesh(vertices, faces), 8.0, format="ell")
    for source, wanted in zip(sources, dijkstra(matrix, directed=False, indices=sources, limit=8.0)):
        columns, values = (np.asarray(x)[source, : near.degree[source]] for x in (near.indices, near.values))
        assert sorted(columns) == np.flatnonzero(np.isfinite(wanted)).tolist()
        np.testing.assert_allclose(values, wanted[columns], rtol=1e-12)


def test_sections_take_part_alike(x64):
    ragged = [[1.0], [1.0, 5.0, 2.0], [5.0, 1.0], [2.0, 1.0]], [[1], [0, 2, 3], [1, 3], [1, 2]]
    for build in (ell_from_ragged, sectioned_ell_from_ragged):
        assert geodesic_distance(build(*ragged, n_cols=4), 0).tolist() == [0, 1, 4, 3]
