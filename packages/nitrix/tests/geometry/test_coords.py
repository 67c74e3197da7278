"""Weighted points: centres of mass, spreads and angles, against their definitions, with derivatives."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.geometry import (
    cartesian_to_latlong,
    center_of_mass_points,
    cmass_coor,
    cmass_reference_displacement_coor,
    compactness_penalty,
    diffuse,
    displacement_from_reference_points,
    latlong_to_cartesian,
)
from nitrix.geometry._angles import angle_between
from support import coords as oracle
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def quickly(function, *operands):
    return jax.jit(function, compiler_options=QUICK_COMPILE)(*operands)


def positive(*shape, seed=1):
    return np.random.default_rng(seed).uniform(0.1, 1.0, size=shape)


@pytest.mark.fast
@pytest.mark.parametrize("radius", seldom_but([None, 50.0], 50.0))
def test_centres_of_batches_as_many_as_axes_do_not_mix(x64, radius):
    # A batch of 3 in 3 dimensions was divided by another item's masses, and other batches raised.
    weight, points = positive(3, 4, 7), normal(3, 7, 3)
    got = center_of_mass_points(weight, points, radius=radius)
    assert got.shape == (3, 4, 3)
    for item in range(3):
        np.testing.assert_allclose(got[item], oracle.centres(weight[item], points[item], radius), atol=1e-12)
    shared = center_of_mass_points(weight, points[0], radius=radius)
    np.testing.assert_allclose(shared[2], oracle.centres(weight[2], points[0], radius), atol=1e-12)


def test_centres_of_masks_and_whole_numbers():
    mask = np.array([[True, False, True], [False, True, True]])
    points = np.array([[0, 0], [3, 1], [2**40, 4]])
    got = center_of_mass_points(mask, points)
    assert got.dtype == "float32"
    np.testing.assert_allclose(got, [[2.0**39, 2], [2.0**39 + 1.5, 2.5]], rtol=1e-6)


def test_no_mass_has_no_centre_but_a_derivative():
    weight = jnp.asarray([[0.0, 0.0], [1.0, 3.0]])
    points = jnp.asarray([[1.0, 2.0, 0.0], [3.0, 2.0, 0.0]])

    def both(*operands):
        return jnp.stack([center_of_mass_points(*operands, radius=r) for r in (None, 2.0)])

    def everything(*operands):
        return both(*operands), jax.grad(lambda *x: jnp.nansum(both(*x)), (0, 1))(*operands)

    got, gradients = quickly(everything, weight, points)
    assert np.isnan(got[:, 0]).all()
    assert np.isfinite(got[:, 1]).all()
    assert all(np.isfinite(g).all() for g in gradients)
    opposite = center_of_mass_points(jnp.ones((2, 2)), jnp.asarray([[1.0, 0, 0], [-1.0, 0, 0]]), radius=2.0)
    assert np.isnan(opposite).all()


def test_displacement_is_the_vector_from_the_reference(x64):
    weight, points, reference = positive(2, 4, 7), normal(2, 7, 3), normal(4, 3, seed=2)
    got = displacement_from_reference_points(weight, reference, points, radius=3.0)
    wanted = oracle.centres(weight[1], points[1], 3.0) - reference
    np.testing.assert_allclose(got[1], wanted, atol=1e-12)


@pytest.mark.parametrize("norm", seldom_but([1, 1.5, 2, 3, math.inf], 1, 3))
def test_norm_is_honoured(x64, norm):
    # The norm was read and not used.
    weight, points = positive(2, 3, 6), normal(2, 6, 3)
    got = compactness_penalty(weight, points, norm=norm, floor=0.7)
    wanted = [[oracle.spread(w, x, norm, 0.7) for w in region] for region, x in zip(weight, points)]
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


@pytest.mark.fast
def test_geodesic_spread_on_a_sphere(x64):
    weight, points = positive(2, 3, 6), normal(6, 3) + [3.0, 0, 0]
    got = jax.jit(lambda w, x: compactness_penalty(w, x, floor=0.1, radius=5.0))(weight, points)
    wanted = [[oracle.spread(w, points, floor=0.1, radius=5.0) for w in region] for region in weight]
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


SPREADS = [{}, {"norm": 3}, {"norm": 1.5}, {"norm": 1}, {"norm": math.inf}, {"floor": 5.0}, {"radius": 2.0}]


@pytest.mark.parametrize("options", seldom_but(SPREADS, {"radius": 2.0}), ids=str)
def test_spread_has_a_derivative_where_a_point_is_the_centre(options):
    # It was NaN. The first region is one point, the second is empty, the third has a point in its middle.
    points = jnp.asarray([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
    weight = jnp.asarray([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])

    def everything(*operands):
        value, back = jax.vjp(lambda *x: compactness_penalty(*x, **options), *operands)
        return value, back(jnp.ones_like(value))

    value, gradients = quickly(everything, weight, points)
    assert np.isfinite(value).all()
    np.testing.assert_allclose(value[:2], 0, atol=1e-6)
    assert all(np.isfinite(g).all() for g in gradients)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "norm", "radius"])
def test_gradients_of_points_agree_with_finite_differences(x64, name):
    functions = {
        "plain": lambda w, x: jnp.stack(
            [center_of_mass_points(w, x), center_of_mass_points(w, x, radius=3.0)]
        ),
        "norm": lambda w, x: compactness_penalty(w, x, norm=3, floor=0.3),
        "radius": lambda w, x: compactness_penalty(w, x, radius=3.0),
    }
    second = 1 if name == "radius" else 2  # the longest to compile
    check_gradients(functions[name], positive(2, 3, 5), normal(5, 3) + [2.0, 0, 0], order=second)


@pytest.mark.parametrize("dtype", seldom_but(["bfloat16", "float16"], "bfloat16"))
def test_narrow_points_are_summed_in_float32(dtype):
    weight, points = jnp.ones((1, 4096), dtype), jnp.full((4096, 3), 3.0, dtype)
    centre = center_of_mass_points(weight, points)
    assert centre.dtype == dtype
    np.testing.assert_array_equal(np.float32(centre), 3.0)
    assert compactness_penalty(weight, points).dtype == dtype
    assert cartesian_to_latlong(points).dtype == dtype
    assert latlong_to_cartesian(points[:, :2]).dtype == dtype


@pytest.mark.parametrize("batch", seldom_but([(2,), (3,), (4, 6), (2, 0)], (2,), (3,)), ids=str)
def test_angles_of_any_batch(x64, batch):
    # A batch of two (or three, on the way back) was taken apart as if it were the coordinates.
    points = normal(*batch, 3)
    angles = cartesian_to_latlong(points)
    assert angles.shape == (*batch, 2)
    back = latlong_to_cartesian(angles, r=2.5)
    for where in np.ndindex(*batch):
        np.testing.assert_allclose(angles[where], oracle.latlong(points[where]), atol=1e-14)
        np.testing.assert_allclose(back[where], oracle.cartesian(angles[where], 2.5), atol=1e-14)
    lengths = np.linalg.norm(points, axis=-1, keepdims=True)
    np.testing.assert_allclose(back, 2.5 * points / lengths, atol=1e-14)


def test_poles_and_centre_have_angles_and_derivatives():
    points = jnp.asarray([[0.0, 0.0, 2.0], [-0.0, 0.0, -2.0], [0.0, 0.0, 0.0], [1e-30, 0.0, 1e-30]])
    got = cartesian_to_latlong(points)
    quarter = math.pi / 2
    np.testing.assert_allclose(got, [[quarter, 0], [-quarter, 0], [0, 0], [quarter / 2, 0]], rtol=1e-6)
    gradient = quickly(jax.grad(lambda x: cartesian_to_latlong(x).sum()), points[:3])
    assert np.isfinite(gradient).all()


@pytest.mark.slow
def test_gradients_of_angles_agree_with_finite_differences(x64):
    def there_and_back(x, y, r):
        back = latlong_to_cartesian(cartesian_to_latlong(x) * 1.1, r=r)
        return jnp.concatenate([back, angle_between(x, y)[:, None]], axis=1)

    check_gradients(there_and_back, normal(4, 3), normal(4, 3, seed=3), np.float64(2.0), order=1)


@pytest.mark.parametrize("sign", [1, -1])
def test_small_angles_keep_their_digits_in_float32(sign):
    x = np.float32(50 * normal(200, 3))
    y = np.float32(sign * (x + 1e-4 * normal(200, 3, seed=5)))
    wanted = np.array([oracle.angle(a, b) for a, b in zip(x, y)])
    got = np.float64(jax.jit(angle_between)(x, y))
    np.testing.assert_allclose(got, wanted, rtol=2e-6 if sign > 0 else 3e-7)


def test_angles_between_equal_and_opposite_directions_have_a_derivative():
    x = jnp.asarray([[1.0, 2.0, 3.0]] * 3)
    y = jnp.asarray([[2.0, 4.0, 6.0], [-1.0, -2.0, -3.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(jax.jit(angle_between)(x, y), [0, math.pi, 0], rtol=1e-6)
    gradients = quickly(jax.grad(lambda *v: angle_between(*v).sum(), (0, 1)), x, y)
    np.testing.assert_array_equal(gradients, 0)


def test_traced_values_that_are_none_give_nan():
    weight, points = jnp.ones((1, 2)), jnp.asarray([[1.0, 0, 0], [0, 1.0, 0]])
    at = jax.jit(
        lambda r: (center_of_mass_points(weight, points, radius=r), latlong_to_cartesian(points[:, :2], r=r))
    )
    assert all(np.isnan(x).all() for x in at(-1.0))
    assert np.isnan(jax.jit(lambda f: compactness_penalty(weight, points, floor=f))(-1.0)).all()


def test_regions_without_points_and_no_regions():
    assert np.isnan(center_of_mass_points(jnp.ones((2, 0)), jnp.ones((0, 3)))).all()
    np.testing.assert_array_equal(compactness_penalty(jnp.ones((2, 0)), jnp.ones((0, 3))), 0)
    assert center_of_mass_points(jnp.ones((0, 4)), jnp.ones((4, 3))).shape == (0, 3)
    assert compactness_penalty(jnp.ones((0, 4)), jnp.ones((4, 3))).shape == (0,)


def test_older_names_are_the_same_functions():
    assert cmass_coor is center_of_mass_points
    assert cmass_reference_displacement_coor is displacement_from_reference_points
    assert diffuse is compactness_penalty


W, X = np.ones((2, 5)), np.ones((5, 3))
WRONG = {
    "layout": (
        lambda: center_of_mass_points(W, X.T),
        ValueError,
        r"weight has shape \(2, 5\) and coords \(3, 5\)",
    ),
    "leading": (
        lambda: center_of_mass_points(np.ones((3, 2, 5)), np.ones((2, 5, 3))),
        ValueError,
        r"axes \(3,\) of weight, \(2,\) of coords do not broadcast",
    ),
    "radius": (
        lambda: center_of_mass_points(W, X, radius=0.0),
        ValueError,
        "radius=0.0 must be finite and positive",
    ),
    "complex": (lambda: center_of_mass_points(1j * W, X), TypeError, "weight has dtype complex64"),
    "reference": (
        lambda: displacement_from_reference_points(W, np.ones((5, 3)), X),
        ValueError,
        r"reference has shape \(5, 3\); its last two axes must be \(2, 3\)",
    ),
    "norm": (lambda: compactness_penalty(W, X, norm=0.5), ValueError, "norm=0.5 must be at least 1"),
    "both": (lambda: compactness_penalty(W, X, norm=1, radius=1.0), ValueError, "norm=1 has no meaning"),
    "floor": (
        lambda: compactness_penalty(W, X, floor=-1.0),
        ValueError,
        "floor=-1.0 must be finite and not neg",
    ),
    "sphere": (
        lambda: compactness_penalty(W, X[:, :2], radius=1.0),
        ValueError,
        r"coords has shape \(5, 2\); a sphere's points have 3",
    ),
    "latlong": (
        lambda: latlong_to_cartesian(X),
        ValueError,
        r"latlong has shape \(5, 3\); its last axis must be 2",
    ),
    "xyz": (lambda: cartesian_to_latlong(W), ValueError, r"xyz has shape \(2, 5\); its last axis must be 3"),
    "r": (
        lambda: latlong_to_cartesian(X[:, :2], r=math.inf),
        ValueError,
        "r=inf must be finite and positive",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_say_what_to_do(unchecked, name):
    call, error, match = WRONG[name]
    with pytest.raises(error, match=match):
        call()
