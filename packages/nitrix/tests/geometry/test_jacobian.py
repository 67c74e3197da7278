"""Jacobians of displacement fields: against the definition in one to four dimensions, within their memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.geometry import jacobian_det_displacement, jacobian_displacement
from support import displacement as oracle
from support.gradients import check_gradients
from support.marks import seldom_but
from support.memory import compiled_memory, form

SHAPES = [(6,), (4, 5), (3, 4, 5), (3, 2, 3, 4)]


def field(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=(*shape, len(shape)))


@pytest.mark.fast
@pytest.mark.parametrize("mode", seldom_but(["nearest", "wrap", "mirror"], "nearest"))
@pytest.mark.parametrize("shape", seldom_but(SHAPES, (6,), (3, 2, 3, 4)), ids=str)
def test_matrices_and_determinants_of_any_dimension(x64, shape, mode):
    u = field(*shape)
    spacing = [0.5 + i for i in range(len(shape))]
    wanted = oracle.jacobian(u, mode, spacing)
    got = jacobian_displacement(u, boundary_mode=mode, spacing=spacing)
    np.testing.assert_allclose(got, wanted, atol=1e-13)
    determinant = jacobian_det_displacement(u, boundary_mode=mode, spacing=spacing)
    np.testing.assert_allclose(determinant, np.linalg.det(wanted), atol=1e-12)


@pytest.mark.parametrize("mode", seldom_but(["wrap", "mirror"], "mirror"))
def test_modes_in_two_dimensions(x64, mode):
    u = field(2, 4, 5)[..., :2]  # a batch of two, the second axis of which is spatial
    for item in range(2):
        wanted = oracle.jacobian(u[item], mode)
        np.testing.assert_allclose(jacobian_displacement(u, boundary_mode=mode)[item], wanted, atol=1e-13)


@pytest.mark.parametrize("mode", ["nearest", "wrap", "mirror"])
@pytest.mark.slow
def test_axes_of_one_voxel_have_no_slope(x64, mode):
    u = field(1, 3)
    got = jacobian_displacement(u, boundary_mode=mode)
    np.testing.assert_allclose(got, oracle.jacobian(u, mode), atol=1e-13)
    np.testing.assert_array_equal(got[..., 0, 0], 1)
    assert jacobian_det_displacement(np.zeros((0, 3, 2)), boundary_mode=mode).shape == (0, 3)


def test_an_affine_map_has_its_matrix_inside(x64):
    matrix = np.array([[0.2, -0.1, 0.0], [0.3, 0.5, 0.1], [0.0, 0.2, -0.4]])
    u = oracle.grid((4, 5, 6)) @ matrix.T
    inside = (slice(1, -1),) * 3
    np.testing.assert_allclose(
        jacobian_displacement(u)[inside], np.broadcast_to(np.eye(3) + matrix, (2, 3, 4, 3, 3))
    )
    np.testing.assert_allclose(jacobian_det_displacement(u)[inside], np.linalg.det(np.eye(3) + matrix))


def test_a_fold_has_a_negative_determinant_and_a_shift_keeps_volumes():
    u = np.float32(-2.0 * oracle.grid((5,)))
    assert (np.asarray(jacobian_det_displacement(u))[1:-1] < 0).all()
    np.testing.assert_array_equal(jacobian_det_displacement(np.full((3, 4, 5, 3), 2.5, np.float32)), 1)


@pytest.mark.slow
@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_gradients_agree_with_finite_differences(x64, rank):
    u = field(*SHAPES[rank - 1])
    spacing = np.linspace(1.0, 1.5, rank)
    check_gradients(
        lambda u, h: jacobian_det_displacement(u, spacing=h), u, spacing, order=2 if rank == 3 else 1
    )
    if rank == 2:
        check_gradients(lambda u: jacobian_displacement(u, boundary_mode="mirror"), u, order=1)


def test_determinants_make_no_matrices():
    # Nine volumes would be the matrices; the field has three.
    memory = compiled_memory(jacobian_det_displacement, form(32, 32, 32, 3))
    assert memory.temporaries < 1.3 * memory.arguments


def test_dtypes():
    u = np.arange(24).reshape(3, 4, 2)
    assert jacobian_displacement(u).dtype == jacobian_det_displacement(u).dtype == "float32"
    narrow = jnp.asarray(0.25 * u, "bfloat16")
    got = jacobian_det_displacement(narrow)
    assert got.dtype == "bfloat16"
    np.testing.assert_allclose(np.float64(got), np.linalg.det(oracle.jacobian(np.float64(narrow))), rtol=1e-2)


def test_a_traced_spacing_that_is_none_gives_nan():
    u = field(3, 4)
    assert np.isnan(jax.jit(lambda h: jacobian_det_displacement(u, spacing=h))(-1.0)).all()


U = np.zeros((3, 4, 2))
WRONG = {
    "axes": (
        lambda: jacobian_displacement(np.zeros((3, 4, 3))),
        ValueError,
        r"u has shape \(3, 4, 3\); give",
    ),
    "mode": (
        lambda: jacobian_displacement(U, boundary_mode="reflect"),
        ValueError,
        "'reflect' is not known; give",
    ),
    "spacing": (
        lambda: jacobian_det_displacement(U, spacing=(1.0, 0.0)),
        ValueError,
        "spacing=0.0 must be finite and",
    ),
    "spacings": (
        lambda: jacobian_det_displacement(U, spacing=(1.0,) * 3),
        ValueError,
        r"spacing has shape \(3,\)",
    ),
    "complex": (lambda: jacobian_displacement(1j * U), TypeError, "u has dtype complex64"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_say_what_to_do(unchecked, name):
    call, error, match = WRONG[name]
    with pytest.raises(error, match=match):
        call()
