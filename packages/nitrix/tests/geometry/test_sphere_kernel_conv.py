"""Neighbours by direction and convolutions with learned kernels, against the definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.geometry import (
    DirectionalNeighbourhood,
    directional_neighbourhood,
    icosphere,
    spherical_kernel_conv,
)
from nitrix.sparse import Mesh
from support import meshes, sphere
from support.gradients import check_gradients
from support.memory import compiled_memory, form

RNG = np.random.default_rng(0)
MESH = icosphere(1)
AROUND = directional_neighbourhood(MESH)
INDICES, VALID = (np.asarray(x) for x in AROUND)
DATA, KERNEL = RNG.normal(size=(42, 3)), RNG.normal(size=(7, 3, 2))


def frame(point):
    """East and north, from latitude and longitude."""
    x, y, z = np.float64(point) / np.linalg.norm(np.float64(point))
    lon, lat = np.arctan2(y, x), np.arcsin(z)
    if np.hypot(x, y) < 1e-6:
        lon = 0.0
    east = np.array([-np.sin(lon), np.cos(lon), 0])
    return east, np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])


def azimuths(vertices, i, near):
    east, north = frame(vertices[i])
    return np.arctan2(np.float64(vertices[near]) @ north, np.float64(vertices[near]) @ east)


@pytest.mark.fast
@pytest.mark.parametrize(("mesh", "rings"), [(MESH, 1), (icosphere(2), 2), (Mesh(*meshes.sphere()), 2)])
def test_each_ring_goes_round_from_the_east(mesh, rings):
    vertices, joined = np.asarray(mesh.vertices), meshes.links(mesh.n_vertices, np.asarray(mesh.faces))
    got = directional_neighbourhood(mesh, rings=rings)
    indices, valid = (np.asarray(x) for x in got)
    apart = np.full(joined.shape, 9)
    for steps in range(rings, -1, -1):
        apart[np.linalg.matrix_power(joined + np.eye(len(joined)), steps) > 0] = steps
    first = np.cumsum([0, 1] + [int((apart == k).sum(1).max()) for k in range(1, rings + 1)])
    assert indices.shape == (mesh.n_vertices, first[-1])
    assert (indices[~valid] == 0).all()
    for i, (row, counts) in enumerate(zip(indices, valid)):
        assert row[0] == i
        for k in range(1, rings + 1):
            near = row[first[k] : first[k + 1]][counts[first[k] : first[k + 1]]]
            assert sorted(near) == np.flatnonzero(apart[i] == k).tolist()
            turn = azimuths(vertices, i, near)
            assert np.abs(turn[0]) <= np.abs(turn).min() + 2.1e-4
            assert np.all(np.diff(np.mod(turn - turn[0] + 1e-9, 2 * np.pi)) > -1e-6)


@pytest.mark.fast
def test_at_the_poles_longitude_zero_counts():
    around = np.asarray(directional_neighbourhood(icosphere(0)).indices)
    assert around[0, 1:].tolist() == [2, 3, 4, 5, 1]  # from the one next to +y towards -x
    assert around[11, 1:].tolist() == [7, 6, 10, 9, 8]  # seen from below
    negative = Mesh(np.where(np.asarray(MESH.vertices) == 0, -0.0, np.asarray(MESH.vertices)), MESH.faces)
    np.testing.assert_array_equal(directional_neighbourhood(negative).indices, INDICES)


@pytest.mark.fast
def test_is_the_sum_over_slots():
    got = spherical_kernel_conv(DATA, KERNEL, AROUND)
    np.testing.assert_allclose(got, sphere.kernel_conv(DATA, KERNEL, INDICES, VALID), 0, 5e-6)
    assert not VALID.all()


def test_64_bits_and_leading_axes(x64):
    data = RNG.normal(size=(2, 3, 42, 3))
    got = spherical_kernel_conv(data, KERNEL, AROUND)
    wanted = sphere.kernel_conv(data[1, 2], KERNEL, INDICES, VALID)
    np.testing.assert_allclose(got[1, 2], wanted, 0, 1e-14)


@pytest.mark.slow
def test_turns_with_a_turn_about_the_poles():
    """A fifth of a turn brings the icosphere onto itself, and with it what is seen from each vertex but the poles."""
    turned = np.asarray(MESH.vertices) @ sphere.rotation([0, 0, 1], 2 * np.pi / 5)
    goes_to = sphere.geodesic(turned, np.asarray(MESH.vertices)).argmin(1)
    got = np.asarray(spherical_kernel_conv(DATA[goes_to], KERNEL, AROUND))
    wanted = np.asarray(spherical_kernel_conv(DATA, KERNEL, AROUND))[goes_to]
    poles = np.abs(np.asarray(MESH.vertices)[:, 2]) > 0.999
    np.testing.assert_allclose(got[~poles], wanted[~poles], 0, 5e-6)


@pytest.mark.parametrize("order", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_gradients(x64, order):
    check_gradients(
        lambda x, k: spherical_kernel_conv(x, k, AROUND), DATA, KERNEL, forward=False, order=order
    )


@pytest.mark.parametrize("gradient", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_table_of_neighbours_is_never_made(gradient):
    """A few volumes of [n, c], where neighbours would be seven."""
    n, c = 40_962, 16
    around = DirectionalNeighbourhood(form(n, 7, dtype="int32"), form(n, 7, dtype="bool"))
    operands = form(n, c), form(7, c, c), around
    volume = 4 * n * c
    both = jax.value_and_grad(lambda x, k, a: jnp.sum(spherical_kernel_conv(x, k, a) ** 2), (0, 1))
    function, most = (both, 5) if gradient else (spherical_kernel_conv, 2)
    assert compiled_memory(function, *operands).temporaries < most * volume


def test_an_index_out_of_range():
    wrong = DirectionalNeighbourhood(INDICES + 100 * (np.arange(42) == 5)[:, None], VALID)
    with pytest.raises(
        ValueError, match=r"out of range, the first at \[5, 0\]: 105; they must be from 0 to 41"
    ):
        spherical_kernel_conv(DATA, KERNEL, wrong)
    got = jax.jit(spherical_kernel_conv)(DATA, KERNEL, wrong)
    assert np.isnan(got).any(1).tolist() == [i == 5 for i in range(42)]


def test_dtypes():
    counts = spherical_kernel_conv(RNG.integers(-3, 4, (42, 3)), KERNEL, AROUND)
    assert counts.dtype == jnp.float32
    short = spherical_kernel_conv(jnp.asarray(DATA, jnp.bfloat16), KERNEL, AROUND)
    assert short.dtype == jnp.bfloat16
    wanted = sphere.kernel_conv(np.float64(jnp.asarray(DATA, jnp.bfloat16)), KERNEL, INDICES, VALID)
    np.testing.assert_allclose(np.float64(short), wanted, 4e-3, 4e-3)


@pytest.mark.slow
def test_complex_kernels():
    turning = KERNEL * np.exp(1j)
    np.testing.assert_allclose(
        spherical_kernel_conv(DATA, turning, AROUND),
        sphere.kernel_conv(DATA + 0j, turning, INDICES, VALID),
        0,
        5e-6,
    )


def test_under_jit_the_neighbourhood_may_be_an_argument():
    got = jax.jit(spherical_kernel_conv)(DATA, KERNEL, AROUND)
    np.testing.assert_allclose(got, spherical_kernel_conv(DATA, KERNEL, AROUND), 0, 1e-6)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: spherical_kernel_conv(DATA[:5], KERNEL, AROUND),
            ValueError,
            r"data has shape \(5, 3\); give .*42, c",
        ),
        (
            lambda: spherical_kernel_conv(DATA, KERNEL[:6], AROUND),
            ValueError,
            r"kernel has shape .*give \[7, 3, c_out",
        ),
        (
            lambda: directional_neighbourhood(MESH, rings=0),
            ValueError,
            "rings is 0; give a number of edges, 1 or",
        ),
        (
            lambda: directional_neighbourhood(MESH, rings=1.5),
            TypeError,
            "rings is 1.5, but an integer is needed",
        ),
        (
            lambda: directional_neighbourhood(Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]]))),
            ValueError,
            r"vertex 0 is \[0.0, 0.0, 0.0\], which has no direction",
        ),
        (lambda: jax.jit(directional_neighbourhood)(MESH), TypeError, "is traced"),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
