"""Integrated velocity fields: against the definition, matrix exponentials and a fine integration."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from nitrix.geometry import (
    compose_displacements,
    integrate_velocity_field,
    jacobian_det_displacement,
    vec_int,
)
from support import displacement as oracle
from support.gradients import check_gradients
from support.marks import seldom_but
from support.memory import compiled_memory, form

SHAPES = [(6,), (5, 4), (3, 4, 5), (3, 2, 3, 4)]


def noise(*shape, seed=0, size=1.0):
    return size * np.random.default_rng(seed).normal(size=(*shape, len(shape)))


@pytest.mark.fast
@pytest.mark.parametrize("shape", seldom_but(SHAPES, (6,), (3, 2, 3, 4)), ids=str)
def test_scaling_and_squaring_of_any_dimension(x64, shape):
    v = noise(*shape)
    np.testing.assert_allclose(integrate_velocity_field(v, n_steps=4), oracle.integrated(v, 4), atol=1e-11)


@pytest.mark.slow
def test_batches_stay_apart(x64):
    v = np.stack([noise(5, 4, seed=s) for s in range(2)])
    got = integrate_velocity_field(v, n_steps=4)
    for item in range(2):
        np.testing.assert_allclose(got[item], oracle.integrated(v[item], 4), atol=1e-11)


def test_no_step_is_the_velocity():
    v = noise(5, 4).astype(np.float32)
    np.testing.assert_array_equal(integrate_velocity_field(v, n_steps=0), v)


MATRIX = np.array([[-0.3, -0.6], [0.7, -0.2]])  # a spiral inwards, which stays within the grid
MIDDLE = 10.0


def test_a_linear_field_follows_its_matrix_exponential_to_first_order(x64):
    from_middle = oracle.grid((21, 21)) - MIDDLE
    within = np.linalg.norm(from_middle, axis=-1) < 8
    exact = from_middle @ (scipy.linalg.expm(MATRIX) - np.eye(2)).T
    slope = np.linalg.norm(MATRIX, 2)
    errors = []
    for n in (5, 6, 7):
        got = integrate_velocity_field(from_middle @ MATRIX.T, n_steps=n)
        error = np.linalg.norm(got - exact, axis=-1)[within]
        speed = np.linalg.norm(from_middle @ MATRIX.T, axis=-1)[within].max()
        assert error.max() < slope * speed * np.exp(slope) / 2 ** (n + 1)
        errors.append(error.max())
        power = np.linalg.matrix_power(np.eye(2) + MATRIX / 2**n, 2**n) - np.eye(2)
        np.testing.assert_allclose(got[within], (from_middle @ power.T)[within], atol=1e-11)
    np.testing.assert_allclose(np.array(errors[:-1]) / errors[1:], 2, rtol=0.05)


def swirl(x):
    """A smooth vortex about (12, 12)."""
    r = x - 12.0
    return 0.8 * np.stack([-r[..., 1], r[..., 0]], -1) * np.exp(-np.sum(r**2, -1, keepdims=True) / 30)


@pytest.mark.parametrize("n", seldom_but([4, 10], 4))
def test_a_smooth_field_is_followed_within_the_stated_errors(x64, n):
    points = oracle.grid((25, 25))
    v = swirl(points)
    error = np.linalg.norm(
        integrate_velocity_field(v, n_steps=n) - (oracle.flow(swirl, points) - points), axis=-1
    )
    slopes = np.stack(np.gradient(v, axis=(0, 1)), -1)
    slope = np.linalg.norm(slopes, 2, axis=(-2, -1)).max()
    speed = np.linalg.norm(v, axis=-1).max()
    bend = sum(np.linalg.norm(np.diff(v, 2, axis=a), axis=-1).max() for a in (0, 1))
    assert error.max() < np.exp(slope) * (slope * speed / 2 ** (n + 1) + bend * (4 + np.log2(speed)) / 16)
    assert error.max() < 0.1 < speed


@pytest.mark.slow
def test_the_flow_backwards_is_the_inverse_and_nothing_folds(x64):
    v = swirl(oracle.grid((25, 25)))
    there, back = integrate_velocity_field(v), integrate_velocity_field(-v)
    assert np.abs(compose_displacements(there, back)).max() < 0.15
    assert (np.asarray(jacobian_det_displacement(there)) > 0.5).all()


def test_steps_are_chosen_from_the_velocity():
    v = noise(5, 4, size=0.1)
    v[2, 1] = (0.0, 2.6)  # 41.6 sixteenths of a voxel
    v = v.astype(np.float32)
    np.testing.assert_array_equal(
        integrate_velocity_field(v, n_steps="auto"), integrate_velocity_field(v, n_steps=6)
    )
    both = np.stack([0.01 * v, v])
    np.testing.assert_array_equal(
        integrate_velocity_field(both, n_steps="auto"), integrate_velocity_field(both, n_steps=6)
    )
    np.testing.assert_array_equal(integrate_velocity_field(0 * v, n_steps="auto"), 0)


def test_periodic_fields_wrap_round(x64):
    v = np.full((6, 5, 2), 1.3) + 0.2 * noise(6, 5)
    moved = np.roll(v, (2, 1), (0, 1))
    got = integrate_velocity_field(v, mode="grid-wrap")
    np.testing.assert_allclose(
        integrate_velocity_field(moved, mode="grid-wrap"), np.roll(got, (2, 1), (0, 1)), atol=1e-12
    )


@pytest.mark.slow
def test_gradient_agrees_with_finite_differences(x64):
    check_gradients(lambda v: integrate_velocity_field(v, n_steps=3), noise(4, 3), order=1)


def test_the_derivative_keeps_a_field_for_each_step():
    # Coordinates and weights would be several fields more.
    def temporaries(n):
        gradient = jax.grad(lambda v: jnp.sum(integrate_velocity_field(v, n_steps=n) ** 2))
        return compiled_memory(gradient, form(24, 24, 24, 3)).temporaries / (4 * 3 * 24**3)

    assert temporaries(12) - temporaries(2) < 10 * 1.05


def test_dtypes():
    v = np.ones((4, 3, 2), int)
    assert integrate_velocity_field(v).dtype == "float32"
    narrow = integrate_velocity_field(jnp.asarray(v, "bfloat16"))
    assert narrow.dtype == "bfloat16"
    np.testing.assert_allclose(np.float32(narrow), 1)


def test_the_older_name_is_the_same_function():
    assert vec_int is integrate_velocity_field


V = np.zeros((3, 4, 2))
WRONG = {
    "axes": (lambda: vec_int(np.zeros((3, 3))), ValueError, r"velocity has shape \(3, 3\); give \[\*leading"),
    "steps": (lambda: vec_int(V, n_steps=-1), ValueError, "n_steps=-1 must not be negative"),
    "word": (lambda: vec_int(V, n_steps="many"), TypeError, "n_steps='many' must be an integer"),
    "traced": (
        lambda: jax.jit(lambda v: vec_int(v, n_steps="auto"))(V),
        ValueError,
        "which are traced here; give an",
    ),
    "infinite": (
        lambda: vec_int(V + np.inf, n_steps="auto"),
        ValueError,
        "finite velocities; the longest is inf",
    ),
    "mode": (lambda: vec_int(V, mode="edge"), ValueError, "mode='edge' is not known"),
    "complex": (lambda: vec_int(1j * V), TypeError, "velocity has dtype complex64"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_say_what_to_do(unchecked, name):
    call, error, match = WRONG[name]
    with pytest.raises(error, match=match):
        call()
