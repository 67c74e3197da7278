"""The permutohedral filter against its definition in NumPy float64, and against the Gaussian sums it stands for."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.smoothing import permutohedral_filter, permutohedral_lattice, permutohedral_structure
from nitrix.smoothing._permutohedral import dense
from nitrix.smoothing._permutohedral.chunks import CHUNK
from support.gradients import check_gradients
from support.marks import seldom_but
from support.permutohedral import exact, permutohedral

WIDTH = 0.7
DIMENSIONS = (1, 2, 3, 5, pytest.param(8, marks=pytest.mark.slow))


def points(d, n=300, channels=2, seed=0):
    """Random points within a few widths of each other, and values."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, channels)), rng.uniform(-1, 1.5, size=(n, d))


def psnr(got, wanted):
    """Peak signal to noise ratio in dB."""
    error = np.sqrt(np.mean((np.asarray(got, np.float64) - wanted) ** 2))
    return 20 * np.log10(np.ptp(wanted) / error)


@pytest.fixture
def no_table(monkeypatch):
    """Number the vertices of known points by sorting, as where their box is too large for a table."""
    monkeypatch.setattr(dense, "FEWEST_CELLS", 0)
    monkeypatch.setattr(dense, "CELLS_PER_TOUCH", 0)


@pytest.mark.fast
@pytest.mark.parametrize("d", seldom_but(DIMENSIONS, 3))
def test_definition_in_float32(d):
    values, features = points(d)
    single = values.astype(np.float32), features.astype(np.float32)
    for normalise in (True, False):
        got = permutohedral_lattice(*single, sigma_features=WIDTH, normalise=normalise)
        wanted = permutohedral(values, features, WIDTH, normalise=normalise)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("d", seldom_but([1, 3, 8], 1))
def test_definition_in_float64(x64, d):
    values, features = points(d)
    widths = np.linspace(0.5, 1.2, d)
    got = permutohedral_lattice(values, features, sigma_features=widths)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, permutohedral(values, features, widths), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("d", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_sorted_keys_give_the_same_as_the_table(no_table, d):
    values, features = (x.astype(np.float32) for x in points(d))
    got = permutohedral_lattice(values, features, sigma_features=WIDTH)
    np.testing.assert_allclose(got, permutohedral(values, features, WIDTH), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_features_that_are_traced():
    values, features = (x.astype(np.float32) for x in points(2))
    wanted = permutohedral(values, features, WIDTH)
    filtered = lambda v, f: permutohedral_lattice(v, f, sigma_features=WIDTH)
    np.testing.assert_allclose(jax.jit(filtered)(values, features), wanted, rtol=1e-5, atol=1e-5)
    pair = jax.vmap(filtered)(np.stack([values, -values]), np.stack([features, features]))
    np.testing.assert_allclose(pair, np.stack([wanted, -wanted]), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_psnr_on_an_image_against_the_reference(dtype):
    """Criterion 1 of the specification: above 40 dB in every dtype that is served.

    Voxels lie on faces of the lattice, where rounding decides which vertices of weight 0 take part in the blur.
    """
    values, features = image_points()
    got = permutohedral_lattice(jnp.asarray(values, dtype), features.astype(np.float32), sigma_features=1.0)
    assert got.dtype == dtype
    assert psnr(np.asarray(got, np.float64), permutohedral(values, features)) > (
        40 if dtype != "float32" else 60
    )


def image_points():
    """A noisy step in three dimensions with two intensities: 3-D position over 2 voxels, intensities over 0.2."""
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(*[np.arange(12.0)] * 3, indexing="ij"), -1).reshape(-1, 3)
    step = (grid.sum(1) > 16).astype(float)
    first, second = (x + rng.normal(scale=0.05, size=len(grid)) for x in (step, 1 - step / 2))
    features = np.concatenate([grid / 2, np.stack([first, second], 1) / 0.2], axis=1)
    return first[:, None], features


@pytest.mark.slow
def test_approximates_the_gaussian_sums():
    values, features = image_points()
    got = permutohedral_lattice(values.astype(np.float32), features.astype(np.float32), sigma_features=1.0)
    assert psnr(got, exact(values, features)) > 30
    dense_points = np.random.default_rng(0).uniform(0, 8, size=(20_000, 2)).astype(np.float32)
    ones = np.ones(len(dense_points), np.float32)
    mass = permutohedral_lattice(ones, dense_points, sigma_features=0.5, normalise=False)
    inside = ((dense_points > 2) & (dense_points < 6)).all(1)
    evenly = 2 * np.pi * 0.25 * len(dense_points) / 64  # density times the Gaussian's mass
    np.testing.assert_allclose(np.asarray(mass)[inside].mean(), evenly, rtol=0.02)


@pytest.mark.slow
def test_points_beyond_one_chunk():
    n = CHUNK + 5
    rng = np.random.default_rng(2)
    values, features = rng.normal(size=(n, 1)), rng.uniform(0, 3, size=(n, 2))
    got = permutohedral_lattice(
        values.astype(np.float32), features.astype(np.float32), sigma_features=1.0, normalise=False
    )
    wanted = permutohedral(values, features, normalise=False)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.slow
def test_channels_do_not_mix():
    values, features = (x.astype(np.float32) for x in points(2, channels=7))
    lattice = permutohedral_structure(features, sigma_features=WIDTH)
    together = permutohedral_filter(lattice, values)
    for c in range(7):
        np.testing.assert_allclose(
            together[:, c], permutohedral_filter(lattice, values[:, c]), rtol=1e-5, atol=1e-6
        )


def test_a_constant_stays_and_a_lone_point_keeps_its_value():
    features = np.asarray([[0.0, 0.0], [0.0, 0.0], [50.0, 50.0]], np.float32)
    lattice = permutohedral_structure(features, sigma_features=1.0)
    np.testing.assert_allclose(permutohedral_filter(lattice, np.float32([1, 3, 7])), [2, 2, 7], rtol=1e-6)
    np.testing.assert_allclose(permutohedral_filter(lattice, np.float32([5, 5, 5])), 5, rtol=1e-6)
    assert (lattice.n_points, lattice.n_features) == (3, 2)


@pytest.mark.slow
def test_integers_and_booleans_are_numbers():
    _, features = points(2, n=20)
    flags = np.arange(20) % 2 == 0
    wanted = permutohedral_lattice(
        flags.astype(np.float32), features.astype(np.float32), sigma_features=WIDTH
    )
    for given in (flags, flags.astype(np.int32)):
        got = permutohedral_lattice(given, features.astype(np.float32), sigma_features=WIDTH)
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("shape", [(0,), (0, 2)])
def test_no_points(shape):
    got = permutohedral_lattice(np.zeros(shape, np.float32), np.zeros((0, 3), np.float32), sigma_features=1.0)
    assert got.shape == shape
    traced = jax.jit(lambda v, f: permutohedral_lattice(v, f, sigma_features=1.0))
    assert traced(np.zeros(shape, np.float32), np.zeros((0, 3), np.float32)).shape == shape


@pytest.mark.parametrize("d", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_derivatives(x64, d):
    values, features = points(d, n=12)
    weights = np.linspace(0.6, 0.9, d)
    filtered = lambda v, f, s: permutohedral_lattice(v, f, sigma_features=s)
    check_gradients(filtered, values, features, weights, step=1e-6, rtol=1e-6)


@pytest.mark.slow
def test_gradient_of_the_table_form_is_that_of_the_sorted_one(x64):
    values, features = points(3, n=40)
    loss = lambda v, f: jnp.sin(permutohedral_lattice(v, f, sigma_features=WIDTH)).sum()
    eager = jax.grad(loss, (0, 1))(jnp.asarray(values), jnp.asarray(features))
    traced = jax.jit(jax.grad(loss, (0, 1)))(values, features)
    for a, b in zip(eager, traced, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_gradient_in_values_is_the_transposed_filter(x64):
    _, features = points(2, n=30)
    lattice = permutohedral_structure(features, sigma_features=WIDTH)
    linear = lambda v: permutohedral_filter(lattice, v, normalise=False)
    matrix = np.asarray(linear(np.eye(30)))
    cotangent = np.random.default_rng(0).normal(size=30)
    (pulled,) = jax.vjp(linear, jnp.zeros(30))[1](jnp.asarray(cotangent))
    np.testing.assert_allclose(pulled, matrix.T @ cotangent, rtol=1e-10)
    assert matrix.min() >= 0


def test_a_lattice_passes_through_jit_and_grad(x64):
    values, features = points(2, n=30)

    @jax.jit
    def loss(lattice, values):
        return jnp.sum(permutohedral_filter(lattice, values) ** 2)

    def of_features(features):
        return loss(permutohedral_structure(features, sigma_features=WIDTH), values)

    direction = np.random.default_rng(5).normal(size=features.shape)
    slope = jnp.vdot(jax.grad(of_features)(jnp.asarray(features)), direction)
    high, low = (of_features(features + s * 1e-6 * direction) for s in (1, -1))
    np.testing.assert_allclose(slope, (high - low) / 2e-6, rtol=1e-6)


def test_derivatives_at_coincident_points_are_finite():
    features = jnp.zeros((4, 2))
    loss = lambda f: permutohedral_lattice(jnp.arange(4.0), f, sigma_features=1.0).sum()
    assert np.isfinite(jax.grad(loss)(features)).all()


@pytest.mark.slow
def test_room_for_vertices():
    values, features = (x.astype(np.float32) for x in points(2, n=50))
    wanted = permutohedral(values, features, WIDTH)
    with pytest.raises(ValueError, match=r"touch (\d+) vertices but capacity=3; give at least \1") as refused:
        permutohedral_lattice(values, features, sigma_features=WIDTH, capacity=3)
    needed = int(re.search(r"touch (\d+)", str(refused.value))[1])

    def traced(capacity):
        call = lambda v, f: permutohedral_lattice(v, f, sigma_features=WIDTH, capacity=capacity)
        return np.asarray(jax.jit(call)(values, features))

    eager = permutohedral_lattice(values, features, sigma_features=WIDTH, capacity=needed)
    for got in (eager, traced(needed)):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)
    assert np.isnan(traced(needed - 1)).all()


def test_room_is_checked_where_keys_are_sorted(no_table):
    values, features = (x.astype(np.float32) for x in points(2, n=50))
    with pytest.raises(ValueError, match="capacity=3"):
        permutohedral_lattice(values, features, sigma_features=WIDTH, capacity=3)


def test_features_out_of_range_give_nan_where_they_are_traced():
    traced = jax.jit(lambda f: permutohedral_lattice(jnp.ones(3), f, sigma_features=1.0))
    assert np.isnan(traced(np.float32([[0], [1], [1e6]]))).all()
    assert np.isnan(traced(np.float32([[0], [1], [np.nan]]))).all()


@pytest.mark.parametrize("sigma", [-1.0, 0.0, np.inf, np.nan])
def test_a_width_that_is_none_is_refused_or_gives_nan_where_it_is_traced(sigma):
    values, features = np.ones(3, np.float32), np.float32([[0], [1], [2]])
    given = jax.jit(lambda f: permutohedral_lattice(values, f, sigma_features=sigma))
    with pytest.raises(ValueError, match="must be positive and finite"):
        given(features)
    traced = jax.jit(lambda f, s: permutohedral_lattice(values, f, sigma_features=s))
    assert np.isnan(traced(features, np.float32(sigma))).all()


def test_storage_is_what_the_documentation_says():
    _, features = points(3)
    lattice = permutohedral_structure(features.astype(np.float32), sigma_features=WIDTH)
    of_points = lattice.elevated.nbytes + lattice.ranks.nbytes + lattice.slots.nbytes
    assert of_points == 8 * 4 * 300
    assert lattice.after.nbytes + lattice.before.nbytes == 8 * 4 * (lattice.capacity + 1)
    touched = len(np.unique(np.asarray(lattice.slots)))
    assert touched <= lattice.capacity <= 1.125 * touched + 1


FINE = {"values": np.zeros(4, np.float32), "features": np.zeros((4, 2), np.float32), "sigma_features": 1.0}
REFUSED = [
    ({"features": np.zeros(4, np.float32)}, ValueError, r"features has shape \(4,\); \[n, d_f\] is needed"),
    ({"features": np.zeros((4, 16), np.float32)}, ValueError, "1 to 15"),
    ({"features": np.zeros((4, 0), np.float32)}, ValueError, "1 to 15"),
    ({"features": np.full((4, 2), np.nan, np.float32)}, ValueError, "features hold NaN or infinity"),
    ({"features": np.full((4, 2), np.inf, np.float32)}, ValueError, "features hold NaN or infinity"),
    ({"features": np.full((4, 2), 1e6, np.float32)}, ValueError, "check the units of sigma_features"),
    (
        {"features": np.zeros((4, 2), np.complex64)},
        TypeError,
        "features has dtype complex64; give real numbers",
    ),
    ({"features": np.full((4, 2), "a")}, TypeError, "features has dtype"),
    ({"values": np.zeros(3, np.float32)}, ValueError, r"values has shape \(3,\) but features have 4 points"),
    ({"values": np.zeros((4, 1, 1), np.float32)}, ValueError, r"give \[4\] or \[4, d_v\]"),
    ({"values": np.zeros(4, np.complex64)}, TypeError, "values has dtype complex64"),
    ({"sigma_features": 0.0}, ValueError, "sigma_features=0.0 must be positive and finite"),
    ({"sigma_features": np.inf}, ValueError, "must be positive and finite"),
    ({"sigma_features": [1.0, -1.0]}, ValueError, "must be positive and finite"),
    (
        {"sigma_features": [1.0, 1.0, 1.0]},
        ValueError,
        r"sigma_features has shape \(3,\) but there are 2 features",
    ),
    ({"capacity": 1.5}, TypeError, "capacity=1.5 must be an integer"),
    ({"capacity": 0}, ValueError, "capacity=0 must be at least 1"),
]


@pytest.mark.parametrize(("changed", "error", "words"), REFUSED)
def test_bad_input_is_refused_in_words(unchecked, changed, error, words):
    given = {**FINE, **changed}
    with pytest.raises(error, match="^permutohedral_lattice: .*" + words):
        permutohedral_lattice(given.pop("values"), given.pop("features"), **given)
