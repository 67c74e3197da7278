"""Great-circle distances against the definition in extended precision and scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nitrix.geometry import sphere_to_latlong, spherical_geodesic, spherical_geodesic_distance
from nitrix.geometry._arc_tangent import arc_tangent
from support import sphere
from support.gradients import check_gradients
from support.memory import compiled_memory, form

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(7, 3)), RNG.normal(size=(5, 3))


@pytest.mark.fast
def test_is_the_angle_between_all_pairs():
    np.testing.assert_allclose(
        spherical_geodesic_distance(X, Y, r=2.5), sphere.geodesic(X, Y, 2.5), 1e-6, 1e-6
    )
    np.testing.assert_allclose(spherical_geodesic_distance(X), sphere.geodesic(X, X), 1e-6, 1e-6)
    assert spherical_geodesic is spherical_geodesic_distance


def test_64_bits(x64):
    np.testing.assert_allclose(spherical_geodesic_distance(X, Y), sphere.geodesic(X, Y), 1e-14, 1e-15)


def test_leading_axes_broadcast():
    x, y = RNG.normal(size=(4, 1, 6, 3)), RNG.normal(size=(3, 2, 3))
    got = spherical_geodesic_distance(x, y)
    assert got.shape == (4, 3, 6, 2)
    for i, j in ((0, 0), (3, 2)):
        np.testing.assert_allclose(got[i, j], sphere.geodesic(x[i, 0], y[j]), 1e-6, 1e-6)
    assert spherical_geodesic_distance(np.zeros((0, 3)), Y).shape == (0, 5)


@pytest.mark.slow
def test_scikit_learn_agrees():
    pairwise = pytest.importorskip("sklearn.metrics.pairwise")
    latlong = [np.float64(sphere_to_latlong(points)) for points in (X, Y)]
    wanted = pairwise.haversine_distances(*latlong)
    np.testing.assert_allclose(spherical_geodesic_distance(X, Y), wanted, 2e-6, 2e-6)


@pytest.mark.fast
@pytest.mark.parametrize("radius", [1.0, 90.5, 65536.0])
def test_small_distances_keep_their_digits(radius):
    """The arccos of a float32 cosine knows angles below 3e-4 not at all."""
    angles = np.logspace(-6, -0.1, 12)
    points = radius * np.stack([np.cos(angles), np.sin(angles), np.zeros(12)], 1)
    points = np.float32(points @ sphere.rotation([1, 2, 3], 0.7))
    start = np.float32(radius * np.array([[1.0, 0, 0]]) @ sphere.rotation([1, 2, 3], 0.7))
    measure = jax.jit(spherical_geodesic_distance)
    # The given points, rounded as they are, lie at these angles.
    wanted = sphere.geodesic(start, points)
    np.testing.assert_allclose(measure(start, points), wanted, 2e-3 if radius == 65536 else 1e-6)
    np.testing.assert_allclose(measure(start, -points), sphere.geodesic(start, -points), 3e-7)


@pytest.mark.parametrize("lengths", [(1e12, 1e12), (1e-12, 1e-12), (1e15, 1e-15), (1e-20, 1.0), (1e30, 3e30)])
def test_lengths_do_not_matter(lengths):
    a, b = lengths
    x, y = np.float32(a * X), np.float32(b * Y)
    np.testing.assert_allclose(spherical_geodesic_distance(x, y), sphere.geodesic(X, Y), 2e-6)


@pytest.mark.fast
def test_the_arc_tangent_is_right_to_three_units_in_the_last_place():
    square, cosine = 10.0 ** RNG.uniform(-16, 16, (2, 4000)) * [[1], [1]]
    square, cosine = np.float32(square), np.float32(np.sqrt(cosine) * RNG.choice([-1, 1], 4000))
    wanted = np.arctan2(np.sqrt(np.float64(square)), np.float64(cosine))
    got = np.float64(jax.jit(arc_tangent)(square, cosine))
    assert np.max(np.abs(got - wanted) / np.spacing(np.float32(wanted))) < 3
    ends = jax.jit(arc_tangent)(np.float32([0, 0, 0, 4]), np.float32([0, 1, -1, 0]))
    np.testing.assert_array_equal(ends, np.float32([0, 0, np.pi, np.pi / 2]))


@given(st.floats(0, np.pi), st.floats(-np.pi, np.pi), st.floats(-np.pi, np.pi))
def test_is_the_angle_of_a_turn(angle, longitude, tilt):
    frame = sphere.rotation([0, 0, 1], longitude) @ sphere.rotation([1, 0, 0], tilt)
    ends = np.float32(np.stack([frame @ [1, 0, 0], frame @ [np.cos(angle), np.sin(angle), 0]]))
    between = spherical_geodesic_distance(ends)
    np.testing.assert_allclose(between, [[0, angle], [angle, 0]], 0, 4e-7)


POLES = np.array([[0.0, 0, 1], [0, 0, -1], [0, 0, 1], [1, 0, 0], [0, 2, 0], [0.6, 0.8, 0]])


@pytest.mark.fast
def test_gradient_is_finite_where_points_coincide_or_oppose():
    """It was NaN wherever x cross y was exactly 0: on the diagonal, and along axes."""
    gradient = jax.jit(jax.grad(lambda x: spherical_geodesic_distance(x).sum()))(
        jnp.asarray(POLES, jnp.float32)
    )
    assert np.isfinite(gradient).all()


@pytest.mark.slow
def test_gradient_is_zero_where_points_coincide_or_oppose():
    only = jnp.asarray(POLES[:3], jnp.float32)
    np.testing.assert_array_equal(jax.grad(lambda x: spherical_geodesic_distance(x).sum())(only), 0)


@pytest.mark.parametrize("order", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_gradients(x64, order):
    measure = lambda x, y, r: spherical_geodesic_distance(x, y, r=r)
    check_gradients(measure, X[:4], Y[:3], np.array(1.5), order=order)


@pytest.mark.slow
def test_second_derivatives_are_finite_where_points_coincide_or_oppose(x64):
    away = np.concatenate([X[:2], -3 * X[:1], X[1:2]])  # coincident and opposite pairs among them
    assert np.isfinite(jax.hessian(lambda x: spherical_geodesic_distance(x).sum())(away)).all()


@pytest.mark.parametrize("gradient", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_nothing_of_three_coordinates_for_all_pairs_is_made(gradient):
    pairs = 4 * 600 * 500
    points = form(600, 3), form(500, 3)
    both = jax.value_and_grad(lambda x, y: jnp.sum(spherical_geodesic_distance(x, y) ** 2), (0, 1))
    function, most = (both, 4.2) if gradient else (spherical_geodesic_distance, 0.2)
    assert compiled_memory(function, *points).temporaries < most * pairs


def test_points_without_direction_are_nan():
    got = spherical_geodesic_distance(np.array([[0.0, 0, 0], [1, 0, 0], [np.nan, 0, 1], [np.inf, 0, 0]]))
    assert np.isnan(got).tolist() == [[True] * 4, [True, False, True, True], [True] * 4, [True] * 4]


@pytest.mark.slow
def test_points_without_direction_leave_gradients_finite():
    gradient = jax.grad(lambda x: jnp.nansum(spherical_geodesic_distance(x)))(
        jnp.asarray([[0.0, 0, 0], [1, 2, 0]])
    )
    assert np.isfinite(gradient).all()


def test_integers_are_promoted_and_short_floats_come_back():
    wide = np.array([[2**40, 0, 0], [0, 2**40, 2**40]])
    np.testing.assert_allclose(spherical_geodesic_distance(wide), np.pi / 2 * (1 - np.eye(2)), 1e-6)
    short = jnp.asarray(POLES, jnp.bfloat16)
    got = spherical_geodesic_distance(short, r=100.0)
    assert got.dtype == jnp.bfloat16
    wanted = sphere.geodesic(np.float64(short), np.float64(short), 100)
    np.testing.assert_allclose(np.float64(got), wanted, 4e-3, 1e-2)


def test_a_traced_radius_that_is_none_is_nan():
    got = jax.jit(lambda r: spherical_geodesic_distance(X, r=r))(-1.0)
    assert np.isnan(got).all()


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (
            ((X[:, :2],), {}),
            ValueError,
            r"X has shape \(7, 2\); give \[\.\.\., n, 3\], x, y and z .* sphere_to_normals",
        ),
        (((X, X[0]), {}), ValueError, r"Y has shape \(3,\); give"),
        (
            ((X[None].repeat(2, 0), Y[None].repeat(3, 0)), {}),
            ValueError,
            r"X \(2, 7, 3\) and Y \(3, 5, 3\) do not br",
        ),
        (((X, Y), {"r": 0.0}), ValueError, r"r=0\.0 must be finite and positive"),
        (((X + 1j,), {}), TypeError, "X has dtype complex.*; give real numbers"),
    ],
)
def test_bad_input_is_refused_in_words(arguments, error, words):
    args, options = arguments
    with pytest.raises(error, match="spherical_geodesic_distance: .*" + words):
        spherical_geodesic_distance(*args, **options)
