"""Displacement fields one after the other and on other grids: against the definition, affine maps and exact laws."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nitrix.geometry import compose_displacements, identity_grid, rescale_displacement, spatial_transform
from support import displacement as oracle
from support.gradients import check_gradients
from support.marks import seldom_but

SHAPES = [(6,), (5, 4), (3, 4, 5), (3, 2, 3, 4)]


def field(*shape, seed=0, size=0.7):
    return size * np.random.default_rng(seed).normal(size=(*shape, len(shape)))


@pytest.mark.fast
@pytest.mark.parametrize("shape", seldom_but(SHAPES, (6,), (3, 2, 3, 4)), ids=str)
def test_composition_of_any_dimension(x64, shape):
    first, then = field(*shape), field(*shape, seed=1)
    np.testing.assert_allclose(compose_displacements(first, then), oracle.composed(first, then), atol=1e-12)


@pytest.mark.fast
def test_batches_broadcast_and_stay_apart(x64):
    first, then = np.stack([field(5, 4, seed=s) for s in range(2)]), field(5, 4, seed=5)
    got = compose_displacements(first, then)
    assert got.shape == (2, 5, 4, 2)
    np.testing.assert_allclose(got[1], oracle.composed(first[1], then), atol=1e-12)
    np.testing.assert_allclose(
        compose_displacements(then, first)[1], oracle.composed(then, first[1]), atol=1e-12
    )


def test_affine_maps_compose_to_their_product(x64):
    one = np.array([[0.1, -0.2], [0.1, 0.05]])
    other = np.array([[-0.1, 0.1], [0.2, -0.15]])
    from_middle = oracle.grid((15, 15)) - 7.0
    got = compose_displacements(from_middle @ one.T, from_middle @ other.T)
    wanted = from_middle @ ((np.eye(2) + one) @ (np.eye(2) + other) - np.eye(2)).T
    inside = (slice(3, -3),) * 2
    np.testing.assert_allclose(got[inside], wanted[inside], atol=1e-12)


whole = hnp.arrays(np.float32, (4, 5, 2), elements=st.integers(-6, 6).map(float))


@given(whole, whole, whole)
def test_composition_is_associative_and_has_an_identity(a, b, c):
    def after(*fields):
        return np.asarray(compose_displacements(*fields, mode="grid-wrap"))

    np.testing.assert_array_equal(after(after(a, b), c), after(a, after(b, c)))
    np.testing.assert_array_equal(after(a, np.zeros_like(a)), a)
    np.testing.assert_array_equal(after(np.zeros_like(a), a), a)


@given(whole, whole)
def test_the_composed_field_warps_as_one_after_the_other(first, then):
    image = np.arange(20, dtype=np.float32).reshape(4, 5, 1) ** 2

    def warped(image, u):
        return spatial_transform(image, u + np.asarray(identity_grid((4, 5))), mode="grid-wrap")

    together = compose_displacements(first, then, mode="grid-wrap")
    np.testing.assert_array_equal(warped(warped(image, first), then), warped(image, np.asarray(together)))


def test_beyond_the_ends(x64):
    first, then = np.ones((4, 1)), np.full((4, 1), 2.5)
    np.testing.assert_allclose(compose_displacements(first, then)[:, 0], 3.5)
    outside = compose_displacements(first, then, mode="constant", cval=-1.0)
    np.testing.assert_allclose(outside[:, 0], [3.5, 1.5, 1.5, 1.5])


@pytest.mark.slow
def test_gradient_of_composition_agrees_with_finite_differences(x64):
    check_gradients(compose_displacements, field(4, 3), field(4, 3, seed=1), order=1)


@pytest.mark.parametrize("factor", seldom_but([2, 0.5, 1, 1.5], 2))
def test_rescaling_resizes_and_multiplies(x64, factor):
    u, shape = field(3, 4), {2: (6, 8), 0.5: (1, 2), 1: (3, 4), 1.5: (4, 6)}[factor]
    got = rescale_displacement(u, factor)
    assert got.shape == (*shape, 2)
    at = oracle.aligned((3, 4), shape)
    np.testing.assert_allclose(got, factor * oracle.sampled(u, at), atol=1e-12)


def test_rescaling_rounds_no_voxel_away():
    # 100 * 0.29 is 28.999999999999996 in binary.
    assert rescale_displacement(np.zeros((100, 1)), 0.29).shape == (29, 1)
    assert rescale_displacement(np.zeros((2, 3, 9, 2)), 1 / 3).shape == (2, 1, 3, 2)
    assert rescale_displacement(np.zeros((2, 1)), 0.1).shape == (1, 1)


@pytest.mark.slow
def test_rescaling_keeps_a_linear_map_up_to_the_documented_share():
    u = np.float32(0.1) * np.arange(9, dtype=np.float32)[:, None]
    fine = rescale_displacement(u, 2)
    np.testing.assert_allclose(fine[-1], 2 * u[-1], rtol=1e-6)
    slope = np.diff(np.asarray(fine[:, 0])).mean()
    np.testing.assert_allclose(slope / 0.1, 2 * 8 / 17, rtol=1e-5)


def test_dtypes():
    u = np.ones((3, 4, 2), int)
    assert compose_displacements(u, u).dtype == rescale_displacement(u, 2).dtype == "float32"
    narrow = jnp.asarray(u, "bfloat16")
    got = compose_displacements(narrow, narrow)
    assert got.dtype == rescale_displacement(narrow, 0.5).dtype == "bfloat16"
    np.testing.assert_array_equal(np.float32(got), 2)


U = np.zeros((3, 4, 2))
WRONG = {
    "axes": (
        lambda: compose_displacements(np.zeros((3, 3)), U),
        ValueError,
        r"first has shape \(3, 3\); give",
    ),
    "grids": (
        lambda: compose_displacements(U, np.zeros((3, 5, 2))),
        ValueError,
        r"grids \(3, 4\) of first, \(3, 5\) of then differ; resample",
    ),
    "batches": (
        lambda: compose_displacements(np.zeros((2, 3, 4, 2)), np.zeros((3, 3, 4, 2))),
        ValueError,
        r"axes \(2,\) of first, \(3,\) of then do not broadcast",
    ),
    "complex": (lambda: compose_displacements(1j * U, U), TypeError, "first has dtype complex64"),
    "mode": (lambda: compose_displacements(U, U, mode="edge"), ValueError, "mode='edge' is not known"),
    "factor": (lambda: rescale_displacement(U, -2), ValueError, "factor=-2 must be finite and positive"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_say_what_to_do(unchecked, name):
    call, error, match = WRONG[name]
    with pytest.raises(error, match=match):
        call()
