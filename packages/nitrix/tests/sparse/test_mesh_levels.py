"""Upsampling, pooling and smoothing, against loops over parents and neighbours."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.sparse import (
    ELL,
    Mesh,
    SectionedELL,
    ell_from_ragged,
    icosphere,
    icosphere_bary_upsampler,
    icosphere_cross_level_adjacency,
    icosphere_hierarchy,
    icosphere_hierarchy_from_levels,
    mesh_adjacency_smooth,
    mesh_bary_upsample,
    mesh_coarsen_meanpool,
    mesh_k_ring_adjacency,
    mesh_laplacian_smooth,
    mesh_pool_max,
    mesh_unpool_max,
    sectioned_ell_from_ragged,
)
from support import meshes
from support.gradients import check_gradients
from support.marks import seldom_but

FORMS = {"ell": ELL, "sectioned": SectionedELL}
RAGGED = [[1.0, 3.0], [], [2.0, -2.0], [0.5, 1.0, 1.5]], [[0, 2], [], [1, 3], [4, 0, 3]]


@pytest.fixture(scope="module")
def hierarchy():
    return icosphere_hierarchy(3)


def upsampled(hierarchy, coarse, fine):
    """The weight of each coarse vertex in each fine one."""
    out = np.eye(hierarchy.meshes[coarse].n_vertices)
    for level in range(coarse + 1, fine + 1):
        out = out[np.asarray(hierarchy.parents[level])].mean(1)
    return out


@pytest.mark.fast
@pytest.mark.parametrize(("coarse", "fine"), [(0, 1), (1, 2), (0, 3), (2, 2)])
@pytest.mark.parametrize("form", FORMS)
def test_operators_between_levels(hierarchy, coarse, fine, form):
    wanted = upsampled(hierarchy, coarse, fine)
    up = icosphere_bary_upsampler(hierarchy, coarse, fine, format=form)
    down = icosphere_cross_level_adjacency(hierarchy, coarse, fine, format=form)
    back = icosphere_cross_level_adjacency(hierarchy, fine, coarse, format=form)
    assert isinstance(up, FORMS[form])
    np.testing.assert_array_equal(meshes.dense(up), wanted)
    np.testing.assert_array_equal(meshes.dense(down), wanted.T > 0)
    np.testing.assert_array_equal(meshes.dense(back), wanted > 0)
    assert all(matrix.transposed is not None for matrix in (up, down, back))
    if form == "ell":
        assert up.k_max == {0: 1, 1: 2}.get(fine - coarse, 3)


def test_coordinates_are_upsampled_along_edges(hierarchy):
    coarse, fine = (hierarchy.meshes[level].vertices for level in (1, 2))
    got = mesh_bary_upsample(icosphere_bary_upsampler(hierarchy, 1, 2), coarse)
    np.testing.assert_allclose(got[:42], coarse, rtol=1e-6)
    size = np.linalg.norm(got, axis=1, keepdims=True)
    np.testing.assert_allclose(got / size, fine, atol=1e-6)
    assert 0.9 < size.min() < size.max() < 1 + 1e-6


def test_levels_of_ones_own_may_be_in_any_order():
    # The fine level's vertex 1 is the coarse vertex 0; the kept ones do not come first.
    coarse = Mesh(np.zeros((2, 3)), np.zeros((0, 3), int))
    fine = Mesh(np.zeros((3, 3)), np.zeros((0, 3), int))
    own = icosphere_hierarchy_from_levels([coarse, fine], [None, np.array([[0, 1], [0, 0], [1, 1]])])
    np.testing.assert_array_equal(
        meshes.dense(icosphere_bary_upsampler(own, 0, 1)), [[0.5, 0.5], [1, 0], [0, 1]]
    )
    np.testing.assert_array_equal(
        meshes.dense(icosphere_cross_level_adjacency(own, 0, 1)), [[1, 1, 0], [1, 0, 1]]
    )


def test_dtype_follows_the_vertices(x64):
    assert icosphere_bary_upsampler(icosphere_hierarchy(1), 0, 1).dtype == np.float64


@pytest.mark.fast
@pytest.mark.parametrize("build", [ell_from_ragged, sectioned_ell_from_ragged])
def test_pooling_by_definition(build):
    adjacency = build(*RAGGED, n_cols=5)
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    means, largest = np.zeros((2, 4, 3)), np.full((2, 4, 3), -np.inf)
    for i, (values, columns) in enumerate(zip(*RAGGED)):
        if sum(values):
            means[:, i] = np.einsum("p,bpd->bd", values, x[:, columns]) / sum(values)
        if columns:
            largest[:, i] = x[:, columns].max(1)
    np.testing.assert_allclose(mesh_coarsen_meanpool(adjacency, x), means, rtol=1e-6, atol=1e-7)
    for pool in (mesh_pool_max, mesh_unpool_max):
        np.testing.assert_array_equal(pool(adjacency, x), largest)
    integers = np.arange(10).reshape(5, 2)
    np.testing.assert_array_equal(mesh_pool_max(adjacency, integers)[3], integers[4])
    half = mesh_pool_max(adjacency, jnp.asarray(x, jnp.bfloat16))
    assert half.dtype == jnp.bfloat16


def test_there_and_back(hierarchy):
    x = np.random.default_rng(1).normal(size=(162, 2)).astype(np.float32)
    pooled = mesh_pool_max(icosphere_cross_level_adjacency(hierarchy, 0, 2), x)
    spread = mesh_unpool_max(icosphere_cross_level_adjacency(hierarchy, 2, 0), pooled)
    assert (np.asarray(spread) >= x).all()
    ones = mesh_coarsen_meanpool(
        icosphere_cross_level_adjacency(hierarchy, 0, 2), np.ones((162, 1), np.float32)
    )
    np.testing.assert_allclose(ones, 1, rtol=1e-6)


@pytest.mark.parametrize("build", seldom_but([ell_from_ragged, sectioned_ell_from_ragged], ell_from_ragged))
def test_gradients(build, x64):
    values, columns = RAGGED
    adjacency = build([np.asarray(v, np.float64) for v in values], columns, n_cols=5)
    x = np.random.default_rng(2).normal(size=(5, 2))

    def all_pools(x):
        kept = jnp.asarray([0, 2, 3])
        pools = (mesh_bary_upsample, mesh_coarsen_meanpool, mesh_pool_max)
        return jnp.concatenate([pool(adjacency, x)[kept] for pool in pools])

    check_gradients(all_pools, x, order=1, forward=False)
    gradient = jax.grad(lambda x: jnp.sum(mesh_pool_max(adjacency, x)[3]))(jnp.zeros((5, 2)))
    np.testing.assert_array_equal(gradient, np.eye(5)[[4, 4]].T)  # equal values: the first of the row


def test_adjoint(hierarchy, x64):
    up = icosphere_bary_upsampler(icosphere_hierarchy(2), 0, 2)
    x, y = (np.random.default_rng(3).normal(size=shape) for shape in ((12, 4), (162, 4)))
    out, pull = jax.vjp(lambda x: mesh_bary_upsample(up, x), x)
    np.testing.assert_allclose(jnp.vdot(out, y), jnp.vdot(x, pull(y)[0]), rtol=1e-12)


def test_bad_levels(unchecked, hierarchy):
    for call, error, message in [
        (
            lambda: icosphere_bary_upsampler(hierarchy, 2, 1),
            ValueError,
            "fine_level 1 is coarser than coarse_level 2",
        ),
        (
            lambda: icosphere_bary_upsampler(hierarchy, 0, 4),
            ValueError,
            "no level 4; the hierarchy has 0 to 3",
        ),
        (lambda: icosphere_cross_level_adjacency(hierarchy, -1, 1), ValueError, "no level -1"),
        (
            lambda: icosphere_cross_level_adjacency(hierarchy, 0.0, 1),
            TypeError,
            "a level is 0.0, but an integer",
        ),
        (lambda: icosphere_bary_upsampler(hierarchy, 0, 1, format="x"), ValueError, "format is 'x'"),
    ]:
        with pytest.raises(error, match=message):
            call()


def smoothed(vertices, joined, lam, iterations):
    for _ in range(iterations):
        count = joined.sum(1, keepdims=True)
        mean = np.where(count > 0, joined @ vertices / np.maximum(count, 1), vertices)
        vertices = (1 - lam) * vertices + lam * mean
    return vertices


@pytest.mark.fast
@pytest.mark.parametrize("name", seldom_but(["sphere", "strange", "fan"], "fan"))
def test_laplacian_smoothing(name, x64):
    vertices, faces = meshes.MESHES[name]()
    joined = meshes.links(len(vertices), faces)
    for lam, iterations in ((0.3, 4),) if name != "sphere" else ((0.5, 1), (1, 2), (0.5, 0)):
        wanted = smoothed(vertices, joined, lam, iterations)
        got = mesh_laplacian_smooth(vertices, faces, lam=lam, iterations=iterations)
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-14)
    if name == "strange":
        ring = mesh_k_ring_adjacency(Mesh(vertices, faces), format="ell")
        got = mesh_adjacency_smooth(vertices[None, :, :1], ring, lam=0.3, iterations=4)
        np.testing.assert_allclose(got[0], smoothed(vertices[:, :1], joined, 0.3, 4), rtol=1e-12, atol=1e-14)


def test_smoothing_is_differentiable_and_refuses_nonsense(unchecked, x64):
    vertices, faces = meshes.patch()
    check_gradients(lambda v: mesh_laplacian_smooth(v, faces, iterations=3), vertices, order=1, forward=False)
    ring = mesh_k_ring_adjacency(icosphere(0))
    for call, error, message in [
        (
            lambda: mesh_laplacian_smooth(vertices, faces, iterations=-1),
            ValueError,
            "iterations is -1; give 0 or more",
        ),
        (
            lambda: mesh_adjacency_smooth(vertices, ring, iterations=0.5),
            TypeError,
            "iterations is 0.5, but an integer",
        ),
        (
            lambda: mesh_adjacency_smooth(vertices, ring),
            ValueError,
            r"x has shape \(20, 3\), but \[..., 12, d\]",
        ),
        (
            lambda: mesh_adjacency_smooth(vertices, ell_from_ragged(*RAGGED, n_cols=5)),
            ValueError,
            r"\(4, 5\)",
        ),
    ]:
        with pytest.raises(error, match=message):
            call()
