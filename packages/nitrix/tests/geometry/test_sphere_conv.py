"""Gaussian averages on spheres against the definition: neighbours in every form, batches, dtypes, gradients."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.geometry import icosphere, spherical_conv
from nitrix.sparse import ell_with_transpose, mesh_k_ring_adjacency, nearest_neighbours
from scipy.ndimage import gaussian_filter1d
from support import sphere
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but
from support.memory import compiled_memory, form

N, RADIUS, SIGMA = 42, 50.0, 20.0
MESH = icosphere(1)
RNG = np.random.default_rng(0)
# No two distances alike, and of uneven length: only directions count.
COOR = (np.float64(MESH.vertices) + 0.1 * RNG.normal(size=(N, 3))) * RNG.uniform(40, 60, (N, 1))
DATA = RNG.normal(size=(N, 2))
TABLE = np.argsort(sphere.geodesic(COOR, COOR) + 2 * RNG.uniform(size=(N, N)) - 10 * np.eye(N), 1)[:, :8]
GAUSSIAN = {"sigma": SIGMA, "r": RADIUS}


@functools.cache
def ring(form="ell"):
    """Each vertex with the five or six around it."""
    return mesh_k_ring_adjacency(MESH, include_self=True, format=form)


def rows_of_ring():
    return [
        row[: len(row) if ring().degree is None else d]
        for row, d in zip(np.asarray(ring().indices), ring().degree)
    ]


FORMS = {
    "table": lambda: TABLE,
    "number": lambda: 8,
    "flat": ring,
    "sectioned": lambda: ring("sectioned"),
    "flat, by columns": lambda: ell_with_transpose(ring()),
    "sectioned, by columns": lambda: ell_with_transpose(ring("sectioned")),
}


def rows_of(name):
    if name == "table":
        return TABLE
    if name == "number":
        directions = np.float32(COOR / np.linalg.norm(COOR, axis=1, keepdims=True))
        return np.asarray(nearest_neighbours(directions, 8))
    return rows_of_ring()


@pytest.mark.fast
@pytest.mark.parametrize("name", seldom_but(FORMS, "table", "sectioned, by columns"))
def test_is_the_average_over_neighbours_in_every_form(name):
    got = spherical_conv(DATA, COOR, neighbourhood=FORMS[name](), **GAUSSIAN)
    np.testing.assert_allclose(got, sphere.gaussian_conv(DATA, COOR, rows_of(name), SIGMA, RADIUS), 0, 2e-6)


def test_64_bits(x64):
    got = spherical_conv(DATA, COOR, neighbourhood=TABLE, **GAUSSIAN)
    np.testing.assert_allclose(got, sphere.gaussian_conv(DATA, COOR, TABLE, SIGMA, RADIUS), 0, 1e-14)


@pytest.mark.fast
def test_weights_are_normalised():
    """They were not: rows summed to 1.1 and more, and a constant came back enlarged."""
    constant = np.full((N, 2), 3.0)
    np.testing.assert_allclose(spherical_conv(constant, COOR, neighbourhood=TABLE, **GAUSSIAN), 3, 3e-7)


@pytest.mark.parametrize("batch", seldom_but([(), (5,), (N,), (2, 3)], (N,)))
def test_leading_axes_are_a_batch_and_never_mix(batch):
    """Only two axes were right; with three, the third was mixed or refused, by its length."""
    data = RNG.normal(size=(*batch, N, 2))
    got = spherical_conv(data, COOR, neighbourhood=TABLE, **GAUSSIAN)
    assert got.shape == data.shape
    last = tuple(b - 1 for b in batch)
    np.testing.assert_allclose(
        got[last], sphere.gaussian_conv(data[last], COOR, TABLE, SIGMA, RADIUS), 0, 2e-6
    )


@pytest.mark.fast
def test_one_number_for_each_point():
    """It raised."""
    got = spherical_conv(DATA[:, 0], COOR, neighbourhood=TABLE, **GAUSSIAN)
    np.testing.assert_allclose(got, spherical_conv(DATA, COOR, neighbourhood=TABLE, **GAUSSIAN)[:, 0], 1e-6)


def test_integers_are_not_truncated():
    """Integer data gave integer averages, cut off towards zero."""
    counts = RNG.integers(0, 5, (N, 2))
    got = spherical_conv(counts, COOR, neighbourhood=TABLE, **GAUSSIAN)
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, sphere.gaussian_conv(counts, COOR, TABLE, SIGMA, RADIUS), 0, 4e-6)
    wide = spherical_conv(np.full((N, 2), 2**40), COOR, neighbourhood=TABLE, **GAUSSIAN)
    np.testing.assert_allclose(wide, 2.0**40, 1e-6)


@pytest.mark.parametrize("gradient", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_nothing_of_n_by_n_is_made(gradient):
    """All pairs were, in blocks, and their cross products."""
    n, k = 4000, 8
    smooth = lambda data, coor, table: spherical_conv(data, coor, sigma=1.0, neighbourhood=table)
    operands = form(n, 4), form(n, 3), form(n, k, dtype="int32")
    slots = 4 * n * k
    both = jax.grad(lambda *given: jnp.sum(smooth(*given) ** 2), (0, 1))
    function, most = (both, 30) if gradient else (smooth, 10)
    assert compiled_memory(function, *operands).temporaries < most * slots


@pytest.mark.fast
def test_gradients_are_finite_where_points_coincide_or_oppose():
    """The distance had no gradient on the diagonal and along axes."""
    coor = np.array([[0.0, 0, 1], [0, 0, -1], [1, 0, 0], [1, 0, 0], [0, 2, 0]])
    everyone = np.tile(np.arange(5), (5, 1))
    loss = lambda x: jnp.sum(spherical_conv(jnp.arange(5.0), x, sigma=1.0, neighbourhood=everyone) ** 2)
    gradient = jax.grad(loss)(coor)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient[4]).max() > 1e-3


@pytest.mark.slow
def test_is_scipys_gaussian_along_a_circle():
    turn = 2 * np.pi * np.arange(90) / 90
    circle = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
    within = np.argsort(sphere.geodesic(circle, circle), 1)[:, :25]  # 4 sigma, both sides
    data = RNG.normal(size=(90, 2))
    got = spherical_conv(data, circle, sigma=3 * turn[1], neighbourhood=within)
    np.testing.assert_allclose(got, gaussian_filter1d(data, 3, axis=0, mode="wrap"), 0, 2e-6)


def test_beyond_truncate_there_is_no_weight():
    reach = 0.6 * RADIUS
    options = {**GAUSSIAN, "truncate": reach}
    got = spherical_conv(DATA, COOR, neighbourhood=TABLE, **options)
    wanted = sphere.gaussian_conv(DATA, COOR, TABLE, SIGMA, RADIUS, reach)
    assert (sphere.geodesic(COOR, COOR, RADIUS)[np.arange(N)[:, None], TABLE] > reach).any()
    np.testing.assert_allclose(got, wanted, 0, 2e-6)


def test_who_has_no_neighbours_keeps_its_value():
    others = TABLE[:, -2:]
    alone = spherical_conv(DATA, COOR, neighbourhood=others, truncate=1e-3, **GAUSSIAN)
    np.testing.assert_array_equal(alone, np.float32(DATA))


@pytest.mark.slow
def test_a_table_without_slots_changes_nothing():
    empty = spherical_conv(DATA, COOR, neighbourhood=np.zeros((N, 0), int), **GAUSSIAN)
    np.testing.assert_array_equal(empty, np.float32(DATA))


def test_far_neighbours_are_no_zero_by_zero():
    others = TABLE[:, -3:]
    got = spherical_conv(DATA, COOR, sigma=1e-3, neighbourhood=others)
    assert np.isfinite(got).all()
    nearest = np.take_along_axis(sphere.geodesic(COOR, COOR), others, 1).argmin(1)
    np.testing.assert_allclose(got, DATA[others[np.arange(N), nearest]], 0, 1e-5)


ORDERS = [1, pytest.param(2, marks=pytest.mark.slow)]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", seldom_but(["table", "sectioned, by columns"], "table"))
def test_gradients(x64, name, order):
    near = TABLE[:12] % 12 if name == "table" else FORMS[name]()
    n = 12 if name == "table" else N

    def smooth(data, coor, sigma, r):
        return spherical_conv(data, coor, sigma=sigma, r=r, neighbourhood=near)

    operands = DATA[:n], COOR[:n], np.array(SIGMA), np.array(RADIUS)
    check_gradients(smooth, *operands, forward=name == "table", order=order)


@pytest.mark.slow
def test_turning_the_sphere_changes_nothing():
    turned = COOR @ sphere.rotation([1, -2, 0.5], 2.1).T
    got, wanted = (spherical_conv(DATA, c, neighbourhood=12, **GAUSSIAN) for c in (turned, COOR))
    np.testing.assert_allclose(got, wanted, 0, 1e-5)


def test_short_floats():
    short = jnp.asarray(DATA, jnp.bfloat16)
    got = spherical_conv(short, COOR, neighbourhood=TABLE, **GAUSSIAN)
    assert got.dtype == jnp.bfloat16
    wanted = sphere.gaussian_conv(np.float64(short), COOR, TABLE, SIGMA, RADIUS)
    np.testing.assert_allclose(np.float64(got), wanted, 4e-3, 4e-3)


@pytest.mark.slow
def test_complex_numbers():
    both = spherical_conv(DATA[:, 0] + 1j * DATA[:, 1], COOR, neighbourhood=TABLE, **GAUSSIAN)
    parts = spherical_conv(DATA, COOR, neighbourhood=TABLE, **GAUSSIAN)
    np.testing.assert_allclose(both, np.asarray(parts) @ [1, 1j], 0, 1e-6)


def test_traced_bad_values_are_nan():
    def smooth(sigma, table):
        return spherical_conv(DATA, COOR, sigma=sigma, neighbourhood=table)

    compiled = jax.jit(smooth, compiler_options=QUICK_COMPILE)
    assert np.isnan(compiled(-1.0, TABLE)).all()
    wrong = TABLE.copy()
    wrong[3, 2], wrong[0, 0] = N, -1
    got = compiled(0.4, wrong)
    assert np.isnan(got).any(1).tolist() == [i in (0, 3) for i in range(N)]
    right = [i for i in range(N) if i not in (0, 3)]
    np.testing.assert_allclose(got[np.array(right)], compiled(0.4, TABLE)[np.array(right)], 0, 1e-6)


def test_no_points():
    assert spherical_conv(np.zeros((0, 2)), np.zeros((0, 3)), sigma=1.0, neighbourhood=1).shape == (0, 2)


BEYOND = TABLE + 100 * np.isin(TABLE, TABLE[7, 7])


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"data": DATA[:5]}, ValueError, r"data has shape \(5, 2\), but coor 42 points; give \[\.\.\., 42, c\]"),
        ({"coor": COOR[:, :2]}, ValueError, r"coor has shape \(42, 2\); give \[n, 3\]"),
        ({"sigma": 0.0}, ValueError, r"sigma=0\.0 must be finite and positive"),
        ({"r": -1.0}, ValueError, r"r=-1\.0 must be finite and positive"),
        ({"truncate": -1.0}, ValueError, r"truncate=-1\.0 must be finite and not negative"),
        ({"neighbourhood": 43}, ValueError, "neighbourhood is 43; give from 1 to 42"),
        ({"neighbourhood": 2.5}, TypeError, "neighbourhood is float; give a number of nearest neighbours"),
        ({"neighbourhood": MESH}, TypeError, "neighbourhood is Mesh; .* mesh_k_ring_adjacency"),
        ({"neighbourhood": TABLE[:3]}, ValueError, r"shape \(3, 8\); a table of neighbours is \[42, k\]"),
        ({"neighbourhood": TABLE * 1.0}, TypeError, "dtype float.*; a table of neighbours holds integers"),
        ({"neighbourhood": TABLE + 2**33}, ValueError, "neighbourhood has numbers from .*, which int32 cannot hold"),
        ({"neighbourhood": BEYOND}, ValueError, r"indices of neighbourhood are out of range, .*must be from 0 to 41"),
        ({"neighbourhood": mesh_k_ring_adjacency(icosphere(0))}, ValueError, r"\(12, 12\), but \(42, 42\) is needed"),
        ({"data": np.array(["a"] * N)}, TypeError, "data has dtype"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_words(changed, error, words):
    given = {"data": DATA, "coor": COOR, "neighbourhood": TABLE, **GAUSSIAN, **changed}
    with pytest.raises(error, match="spherical_conv: .*" + words):
        spherical_conv(given.pop("data"), given.pop("coor"), **given)
