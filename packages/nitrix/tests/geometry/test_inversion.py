"""Inverses of displacement fields: against the equation that defines them, affine maps and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.geometry import invert_displacement
from support import displacement as oracle
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but

SHAPES = [(8,), (6, 5), (4, 5, 3), (3, 4, 3, 3)]


def smooth(*shape, size=0.8, seed=0):
    """Waves of slopes below 1."""
    rng = np.random.default_rng(seed)
    x, d = oracle.grid(shape), len(shape)
    return size * np.stack([np.sin(x @ rng.uniform(-0.5, 0.5, size=d) + i + 0.3) for i in range(d)], -1)


@pytest.mark.fast
@pytest.mark.parametrize("shape", seldom_but(SHAPES, (8,), (3, 4, 3, 3)), ids=str)
def test_the_equation_holds_in_any_dimension(x64, shape):
    u = smooth(*shape)
    report = invert_displacement(u, tol=1e-10, n_iter=200)
    rest = report.inverse + oracle.sampled(u, oracle.grid(shape) + report.inverse)
    lengths = np.linalg.norm(rest, axis=-1)
    assert bool(report.converged)
    assert lengths.max() < 1e-10
    np.testing.assert_allclose(report.residual, lengths.max(), rtol=1e-4)


def test_an_affine_map_has_the_inverse_of_its_matrix(x64):
    matrix = np.array([[0.1, -0.3], [0.2, 0.15]])
    from_middle = oracle.grid((17, 17)) - 8.0
    got = invert_displacement(from_middle @ matrix.T, tol=1e-12, n_iter=100).inverse
    inside = (slice(4, -4),) * 2
    wanted = from_middle @ (np.linalg.inv(np.eye(2) + matrix) - np.eye(2)).T
    np.testing.assert_allclose(got[inside], wanted[inside], atol=1e-11)


def test_each_item_of_a_batch_stops_by_itself(x64):
    u = np.stack([smooth(6, 5), 0 * smooth(6, 5), smooth(6, 5, size=1.2)])[:, None]
    report = invert_displacement(u, tol=1e-6, n_iter=200)
    assert report.inverse.shape == u.shape
    assert report.converged.shape == (3, 1)
    assert report.converged.all()
    assert int(report.iterations[1, 0]) == 0
    assert 0 < int(report.iterations[0, 0]) < int(report.iterations[2, 0])
    alone = invert_displacement(u[2, 0], tol=1e-6, n_iter=200)
    np.testing.assert_allclose(report.inverse[2, 0], alone.inverse, atol=1e-13)
    assert int(alone.iterations) == int(report.iterations[2, 0])


def test_a_fold_and_too_few_iterations_are_reported():
    fold = 1.5 * np.float32(-1.0) ** np.arange(9)[:, None]
    report = invert_displacement(fold)
    assert not bool(report.converged)
    assert float(report.residual) > 0.1
    assert int(report.iterations) == 100
    u = smooth(6, 5).astype(np.float32)
    short = invert_displacement(u, n_iter=1, tol=1e-5)
    assert not bool(short.converged)
    assert int(short.iterations) == 1
    loose = invert_displacement(u, tol=0.1)
    assert bool(loose.converged)
    assert float(loose.residual) <= 0.1
    missing = invert_displacement(np.full((4, 1), np.nan, np.float32))
    assert not bool(missing.converged)
    assert int(missing.iterations) == 0


@pytest.mark.parametrize("order", seldom_but([1, 2], 1))
def test_gradient_is_that_of_the_inverse_itself(x64, order):
    # Through the iterations it would lack what the first guess leaves.
    def inverse(u):
        return invert_displacement(u, tol=1e-13, n_iter=300).inverse

    check_gradients(inverse, smooth(4, 3), order=order)


@pytest.mark.slow
def test_gradient_does_not_depend_on_the_iterations(x64):
    u = smooth(6, 5)

    def total(u, n):
        return jnp.sum(invert_displacement(u, tol=0.0, n_iter=n).inverse ** 2)

    gradient = jax.jit(jax.grad(total), static_argnums=1, compiler_options=QUICK_COMPILE)
    np.testing.assert_allclose(gradient(u, 120), gradient(u, 60), atol=1e-9)


def test_dtypes_and_empty_batches():
    assert invert_displacement(np.ones((4, 1), int)).inverse.dtype == "float32"
    report = invert_displacement(jnp.ones((4, 1), "bfloat16"))
    assert report.inverse.dtype == report.residual.dtype == "bfloat16"
    np.testing.assert_array_equal(np.float32(report.inverse), -1)
    assert invert_displacement(np.ones((0, 4, 1))).converged.shape == (0,)


U = np.zeros((3, 4, 2))
WRONG = {
    "axes": (
        lambda: invert_displacement(np.zeros((3, 3))),
        ValueError,
        r"u has shape \(3, 3\); give \[\*leading",
    ),
    "iterations": (lambda: invert_displacement(U, n_iter=-1), ValueError, "n_iter=-1 must not be negative"),
    "tolerance": (
        lambda: invert_displacement(U, tol=-1.0),
        ValueError,
        "tol=-1.0 must be finite and not negative",
    ),
    "mode": (lambda: invert_displacement(U, mode="edge"), ValueError, "mode='edge' is not known"),
    "complex": (lambda: invert_displacement(1j * U), TypeError, "u has dtype complex64"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_say_what_to_do(unchecked, name):
    call, error, match = WRONG[name]
    with pytest.raises(error, match=match):
        call()
