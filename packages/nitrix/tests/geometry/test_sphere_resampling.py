"""Operators from one sphere to another against a search through all triangles, and Connectome Workbench."""

import functools
import shutil
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.geometry import icosphere, resample_labels, sphere_adaptive, sphere_barycentric
from nitrix.geometry.sphere.resampling import _faces
from nitrix.sparse import (
    ELL,
    Mesh,
    SectionedELL,
    apply_operator,
    ell_from_ragged,
    ell_to_dense,
    icosphere_bary_upsampler,
    icosphere_hierarchy,
    sectioned_ell_from_ell,
    vertex_areas,
)
from scipy.spatial import ConvexHull
from support import sphere
from support.marks import seldom_but

RNG = np.random.default_rng(0)


@functools.cache
def uneven(n=150, stretch=1.0, seed=1):
    """A sphere of random vertices, counter-clockwise faces; stretched, its triangles are not Delaunay's any more."""
    points = np.random.default_rng(seed).normal(size=(n, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    faces = ConvexHull(points).simplices
    inward = np.linalg.det(points[faces]) < 0
    faces[inward] = faces[inward][:, ::-1]
    points = points * [1, 1, stretch]
    return points / np.linalg.norm(points, axis=1, keepdims=True), faces.astype(np.int64)


def targets_on(vertices, faces):
    """Vertices, points on edges, points within faces, points anywhere; of uneven length."""
    a, b, c = vertices[faces[:20]].transpose(1, 0, 2)
    points = np.concatenate([vertices[:20], a + b, 0.3 * b + 0.7 * c, a + b + c, RNG.normal(size=(60, 3))])
    return points * RNG.uniform(0.5, 200, (len(points), 1))


@pytest.mark.fast
@pytest.mark.parametrize("kind", ["icosphere", "uneven", "stretched", "inside out", "of uneven length"])
def test_is_linear_on_the_triangle_that_the_ray_passes_through(x64, kind):
    vertices, faces = (np.asarray(icosphere(1).vertices), np.asarray(icosphere(1).faces))
    if kind in ("uneven", "stretched"):
        vertices, faces = uneven(stretch={"uneven": 1.0, "stretched": 6.0}[kind])
    if kind == "inside out":
        faces = faces[:, ::-1]
    if kind == "of uneven length":
        vertices = vertices * 1.001 ** RNG.normal(size=(len(vertices), 1))
    targets = targets_on(vertices, faces)
    got = sphere_barycentric(Mesh(vertices, faces), targets)
    assert got.k_max == 3
    np.testing.assert_allclose(ell_to_dense(got), sphere.barycentric(vertices, faces, targets), 0, 1e-9)
    values = np.asarray(got.values)
    assert values.min() >= 0
    np.testing.assert_allclose(values.sum(1), 1, 1e-15)


@pytest.mark.fast
def test_vertices_take_their_own_values():
    mesh = icosphere(3)
    np.testing.assert_array_equal(ell_to_dense(sphere_barycentric(mesh, 4 * mesh.vertices)), np.eye(642))


def test_upsampling_an_icosphere_is_that_of_its_hierarchy():
    hierarchy = icosphere_hierarchy(3)
    fine = hierarchy.meshes[3]
    got = sphere_barycentric(hierarchy.meshes[2], fine.vertices)
    wanted = icosphere_bary_upsampler(hierarchy, 2, 3)
    np.testing.assert_allclose(ell_to_dense(got), ell_to_dense(wanted), 0, 1e-6)


@pytest.mark.fast
def test_linear_functions_are_right_to_the_square_of_an_edge():
    points = RNG.normal(size=(500, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    errors = []
    for level in (2, 3, 4):
        mesh = icosphere(level)
        got = apply_operator(sphere_barycentric(mesh, points), mesh.vertices)
        errors.append(float(np.abs(np.asarray(got) - points).max()))
    assert errors[0] < 0.05
    assert 3.5 < errors[0] / errors[1] < 4.5
    assert 3.5 < errors[1] / errors[2] < 4.5


def test_fields_and_gradients_pass_and_transpose():
    vertices, faces = uneven()
    operator = sphere_barycentric(Mesh(vertices, faces), RNG.normal(size=(40, 3)))
    assert operator.transposed is not None
    x, y = RNG.normal(size=(2, 150, 3)).astype(np.float32), RNG.normal(size=(2, 40, 3)).astype(np.float32)
    forward, pull = jax.vjp(lambda x: apply_operator(operator, x), x)
    dense = np.float64(ell_to_dense(operator))
    np.testing.assert_allclose(forward, dense @ x, 0, 1e-6)
    np.testing.assert_allclose(pull(y)[0], dense.T @ y, 0, 2e-6)


def test_a_walk_that_gets_lost_is_helped():
    """Behind a face that occurs twice there is no single other one."""
    mesh = icosphere(2)
    faces = np.asarray(mesh.faces)
    doubled = Mesh(mesh.vertices, np.concatenate([faces, faces[::3]]))
    targets = RNG.normal(size=(200, 3))
    wanted = ell_to_dense(sphere_barycentric(mesh, targets))
    np.testing.assert_allclose(ell_to_dense(sphere_barycentric(doubled, targets)), wanted, 0, 1e-6)


def test_faces_without_area_are_passed_over():
    mesh = icosphere(1)
    faces = np.concatenate([[[0, 0, 1], [3, 3, 3]], np.asarray(mesh.faces)])
    targets = RNG.normal(size=(50, 3))
    wanted = ell_to_dense(sphere_barycentric(mesh, targets))
    np.testing.assert_array_equal(
        ell_to_dense(sphere_barycentric(Mesh(mesh.vertices, faces), targets)), wanted
    )


def test_many_targets_are_looked_up_in_blocks(monkeypatch):
    mesh, targets = icosphere(2), RNG.normal(size=(100, 3))
    wanted = sphere_barycentric(mesh, targets)
    monkeypatch.setattr(_faces, "HELD", 1000)
    got = sphere_barycentric(mesh, targets)
    np.testing.assert_array_equal(ell_to_dense(got), ell_to_dense(wanted))


@functools.cache
def pair():
    """Two spheres that fit each other nowhere, one much denser in places, and areas of folded surfaces."""
    source, target = uneven(180, seed=2), uneven(70, stretch=2.5, seed=3)
    areas = [RNG.uniform(0.2, 3, len(v)) for v, _ in (source, target)]
    return source, target, areas


@pytest.mark.fast
@pytest.mark.parametrize("direction", ["down", "up"])
def test_adaptive_is_the_definition(x64, direction):
    source, target, areas = pair()
    if direction == "up":
        source, target, areas = target, source, areas[::-1]
    got = sphere_adaptive(Mesh(*source), Mesh(*target), source_area=areas[0], target_area=areas[1])
    wanted = sphere.adaptive(source, target, *areas)
    np.testing.assert_allclose(ell_to_dense(got), wanted, 0, 1e-8)
    reverse_rows = (wanted > 0).sum(1) != (sphere.barycentric(*source, target[0]) > 1e-9).sum(1)
    assert 0 < reverse_rows.mean() < 1  # both kinds of rows occur
    sectioned = sphere_adaptive(
        Mesh(*source), Mesh(*target), source_area=areas[0], target_area=areas[1], format="sectioned"
    )
    assert isinstance(sectioned, SectionedELL)
    np.testing.assert_array_equal(ell_to_dense(sectioned), ell_to_dense(got))


def test_adaptive_between_equal_spheres_is_the_identity():
    mesh = Mesh(*uneven())
    np.testing.assert_allclose(ell_to_dense(sphere_adaptive(mesh, mesh)), np.eye(150), 0, 1e-7)


def test_adaptive_keeps_constants_and_nearly_integrals():
    fine, coarse = icosphere(4), icosphere(2)
    down = sphere_adaptive(fine, coarse)
    assert isinstance(down, ELL)
    assert np.unique(down.indices[np.asarray(down.valid)]).size == fine.n_vertices  # nothing is left out
    np.testing.assert_allclose(apply_operator(down, jnp.ones((2562, 1))), 1, 1e-6)
    areas = [np.float64(vertex_areas(mesh, scheme="barycentric")) for mesh in (fine, coarse)]
    x, y, z = np.float64(fine.vertices).T
    field = 1 + x * y + z**3
    before, after = areas[0] @ field, areas[1] @ np.float64(apply_operator(down, field[:, None]))[:, 0]
    # The coarse polyhedron has less area than the fine one; means are what can be compared.
    np.testing.assert_allclose(after / areas[1].sum(), before / areas[0].sum(), 1e-3)


def test_vertices_without_area_have_no_weight():
    source, target, areas = pair()
    without = areas[0].copy()
    without[:90] = 0
    got = sphere_adaptive(Mesh(*source), Mesh(*target), source_area=without, target_area=areas[1])
    dense = np.asarray(ell_to_dense(got))
    np.testing.assert_allclose(dense.sum(1), 1, 3e-7)
    mixed = dense[:, 90:].sum(1) > 0
    assert mixed.any()
    assert (dense[mixed][:, :90] == 0).all()
    nothing = sphere_adaptive(Mesh(*source), Mesh(*target), source_area=0 * without, target_area=0 * areas[1])
    np.testing.assert_allclose(np.asarray(ell_to_dense(nothing)).sum(1), 1, 3e-7)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["BARYCENTRIC", "ADAP_BARY_AREA"])
def test_connectome_workbench_agrees(tmp_path, method):
    nibabel = pytest.importorskip("nibabel")
    if shutil.which("wb_command") is None:
        pytest.skip("wb_command of Connectome Workbench is not installed")
    gifti = nibabel.gifti
    source, target = icosphere(3), icosphere(2)
    turned = np.float32(target.vertices) @ np.float32(sphere.rotation([1, 2, 3], 0.5)).T
    target = Mesh(turned, target.faces)
    field = RNG.normal(size=(642, 4)).astype(np.float32)
    areas = [RNG.uniform(0.5, 2, mesh.n_vertices).astype(np.float32) for mesh in (source, target)]

    def surface(name, mesh):
        points = gifti.GiftiDataArray(100 * np.float32(mesh.vertices), intent="NIFTI_INTENT_POINTSET")
        points.meta["AnatomicalStructurePrimary"] = "CortexLeft"
        points.meta["GeometricType"] = "Spherical"
        triangles = gifti.GiftiDataArray(np.int32(mesh.faces), intent="NIFTI_INTENT_TRIANGLE")
        nibabel.save(gifti.GiftiImage(darrays=[points, triangles]), tmp_path / name)
        return str(tmp_path / name)

    def metric(name, columns):
        arrays = [gifti.GiftiDataArray(np.float32(c), intent="NIFTI_INTENT_NORMAL") for c in columns]
        nibabel.save(gifti.GiftiImage(darrays=arrays), tmp_path / name)
        return str(tmp_path / name)

    spheres = [surface("source.surf.gii", source), surface("target.surf.gii", target)]
    given = metric("field.func.gii", field.T)
    command = ["wb_command", "-metric-resample", given, *spheres, method, str(tmp_path / "out.func.gii")]
    if method == "ADAP_BARY_AREA":
        command += ["-area-metrics", metric("a.func.gii", areas[:1]), metric("b.func.gii", areas[1:])]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    wanted = np.stack([a.data for a in nibabel.load(tmp_path / "out.func.gii").darrays], 1)
    if method == "BARYCENTRIC":
        operator = sphere_barycentric(source, target.vertices)
    else:
        operator = sphere_adaptive(source, target, source_area=areas[0], target_area=areas[1])
    got = np.asarray(apply_operator(operator, field))
    # It takes the nearest point of a triangle, not that on the ray: apart by the square of an edge, 0.02, over 8.
    np.testing.assert_allclose(got, wanted, 0, 1e-2)


LABELS = RNG.integers(0, 6, 180)


@pytest.mark.fast
@pytest.mark.parametrize("form", seldom_but(["flat", "sectioned"], "flat"))
def test_labels_are_those_of_the_greatest_weight(form):
    source, target, areas = pair()
    operator = sphere_adaptive(
        Mesh(*source), Mesh(*target), source_area=areas[0], target_area=areas[1], format="ell"
    )
    given = operator if form == "flat" else sectioned_ell_from_ell(operator)
    wanted = sphere.most(np.asarray(ell_to_dense(operator)), LABELS)
    got = resample_labels(given, LABELS)
    assert got.dtype == jnp.int32
    np.testing.assert_array_equal(got, wanted)
    batch = np.stack([LABELS, LABELS[::-1]]).astype(np.uint8)
    both = resample_labels(given, batch)
    assert both.dtype == np.uint8
    np.testing.assert_array_equal(both[0], wanted)


@pytest.mark.fast
def test_two_small_weights_of_one_label_outweigh_a_larger_one():
    matrix = ell_from_ragged([[0.4, 0.3, 0.3], [1.0], [], [0.5, 0.5]], [[0, 1, 2], [2], [], [2, 0]], n_cols=3)
    assert resample_labels(matrix, np.array([7, 5, 5])).tolist() == [5, 5, 0, 5]
    assert resample_labels(matrix, np.array([7, 5, 6])).tolist() == [7, 6, 0, 6]


OPEN = Mesh(icosphere(1).vertices, np.asarray(icosphere(1).faces)[4:])


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: sphere_barycentric(icosphere(0), np.ones((2, 2))),
            ValueError,
            r"target has shape \(2, 2\); give \[m",
        ),
        (
            lambda: sphere_barycentric(icosphere(0), np.zeros((2, 3))),
            ValueError,
            "target point 0 is .* no direction",
        ),
        (
            lambda: sphere_barycentric(icosphere(0), np.ones((2, 3)) * 1j),
            TypeError,
            "target is of dtype complex128",
        ),
        (
            lambda: sphere_barycentric(OPEN, icosphere(2).vertices),
            ValueError,
            r"direction of target \d+ passes through no face of the source; give a closed sphere",
        ),
        (
            lambda: sphere_barycentric(Mesh(np.ones((3, 3)), np.array([[0, 1, 2]])), np.ones((1, 3))),
            ValueError,
            "no face of the source has an area",
        ),
        (lambda: jax.jit(sphere_barycentric)(icosphere(0), np.ones((2, 3))), TypeError, "is traced"),
        (
            lambda: sphere_adaptive(icosphere(1), icosphere(0), source_area=np.ones(12)),
            ValueError,
            r"source_area has shape \(12,\); give \[42\], one area for each vertex",
        ),
        (
            lambda: sphere_adaptive(icosphere(1), icosphere(0), target_area=-np.ones(12)),
            ValueError,
            r"target_area\[0\] is -1.0; an area is finite and not negative",
        ),
        (
            lambda: sphere_adaptive(icosphere(1), icosphere(0), format="csr"),
            ValueError,
            "format is 'csr'; choose 'ell'",
        ),
        (lambda: resample_labels(np.eye(3), np.arange(3)), TypeError, "operator is ndarray; give an ELL"),
        (
            lambda: resample_labels(ell_from_ragged([[1.0]], [[0]], n_cols=3), np.arange(4)),
            ValueError,
            r"labels has shape \(4,\), the operator \(1, 3\); give \[\.\.\., n\] labels",
        ),
        (
            lambda: resample_labels(ell_from_ragged([[1.0]], [[0]], n_cols=3), np.arange(3.0)),
            TypeError,
            "labels is of dtype float",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_no_targets():
    assert sphere_barycentric(icosphere(1), np.zeros((0, 3))).shape == (0, 42)
