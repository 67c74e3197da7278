"""Rotations against the exponential of a matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.geometry import icosphere, rotate_axis_angle, rotation_matrix, spherical_geodesic_distance
from support import sphere
from support.gradients import check_gradients

RNG = np.random.default_rng(0)
AXES, ANGLES = RNG.normal(size=(6, 3)) * np.logspace(-20, 20, 6)[:, None], np.linspace(-4, 9, 6)
POINTS = RNG.normal(size=(5, 3))


@pytest.mark.fast
def test_is_the_exponential():
    wanted = np.stack([sphere.rotation(*pair) for pair in zip(AXES, ANGLES)])
    np.testing.assert_allclose(jax.jit(rotation_matrix)(AXES, ANGLES), wanted, 0, 1e-6)
    got = rotate_axis_angle(POINTS, AXES[:, None], ANGLES[:, None])
    np.testing.assert_allclose(got, np.einsum("bij,nj->bni", wanted, POINTS), 0, 3e-6)


def test_64_bits(x64):
    wanted = np.stack([sphere.rotation(*pair) for pair in zip(AXES, ANGLES)])
    np.testing.assert_allclose(rotation_matrix(AXES, ANGLES), wanted, 0, 1e-13)


@pytest.mark.fast
def test_the_axis_is_brought_to_length_one():
    """It was not, and the matrix of (1, 1, 1) was no rotation: its columns had other lengths."""
    matrix = np.float64(rotation_matrix(np.array([1.0, 1, 1]), 0.4))
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), 0, 5e-7)
    np.testing.assert_allclose(np.linalg.det(matrix), 1, 5e-7)
    np.testing.assert_allclose(matrix, rotation_matrix(np.array([7.0, 7, 7]), 0.4), 0, 2e-7)


def test_an_icosphere_is_turned_onto_any_target():
    """An icosphere's first vertex missed its target, and other vertices left the sphere; opposite it did not move."""
    vertices = icosphere(1).vertices
    for target in ([0.3, -0.5, 0.8], [0.0, 0, -1]):
        target = np.float32(target / np.linalg.norm(target))
        axis = np.cross(vertices[0], target)
        axis = axis if np.any(axis) else np.array([1.0, 0, 0])
        angle = spherical_geodesic_distance(vertices[:1], target[None])[0, 0]
        turned = rotate_axis_angle(vertices, axis, angle)
        np.testing.assert_allclose(turned[0], target, 0, 3e-7)
        np.testing.assert_allclose(np.linalg.norm(turned, axis=1), 1, 3e-7)


def test_small_turns_keep_their_digits():
    axis, angle = np.array([1.0, 2, 2]), 1e-4
    moved = np.float64(
        rotate_axis_angle(np.eye(3, dtype=np.float32) * 0 + np.float32([0, 0, 1]), axis, angle)
    )[0]
    wanted = sphere.rotation(axis, angle)[:, 2]
    np.testing.assert_allclose(moved[:2], wanted[:2], 1e-6)


@pytest.mark.parametrize("order", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_gradients_at_no_angle_too(x64, order):
    check_gradients(rotate_axis_angle, POINTS[:2], RNG.normal(size=3), np.array([0.0, 0.7]), order=order)


def test_a_traced_axis_of_zeros_is_nan():
    assert np.isnan(jax.jit(rotation_matrix)(jnp.zeros(3), 1.0)).all()


def test_dtypes():
    quarter = rotation_matrix(np.array([0, 0, 3]), 1)
    assert quarter.dtype == jnp.float32
    short = rotate_axis_angle(jnp.asarray(POINTS, jnp.bfloat16), jnp.asarray([0, 0, 1], jnp.bfloat16), 0.5)
    assert short.dtype == jnp.bfloat16
    assert rotation_matrix(np.zeros((0, 3)), 1.0).shape == (0, 3, 3)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: rotation_matrix(np.zeros(3), 1.0),
            ValueError,
            r"axis is \[0.0, 0.0, 0.0\]; a direction is finite",
        ),
        (lambda: rotation_matrix(AXES * [[1], [1], [0], [1], [1], [1]], 1.0), ValueError, r"axis\[2\] is \["),
        (lambda: rotation_matrix(np.ones(2), 1.0), ValueError, r"axis has shape \(2,\); give \[\.\.\., 3\]"),
        (
            lambda: rotate_axis_angle(POINTS, AXES, 1.0),
            ValueError,
            r"points \(5, 3\), axis \(6, 3\), angle \(\);",
        ),
        (lambda: rotation_matrix(np.ones(3), 1j), TypeError, "angle has dtype complex"),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
