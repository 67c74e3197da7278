"""Metric tensors: forms and fields against their definitions, segments against known lengths."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.geometry import (
    integrate_along_line_segment,
    metric_tensor_field_diag_plus_low_rank,
    quadratic_form,
    quadratic_form_low_rank_plus_diag,
    sample_along_line_segment,
)
from support import metrictensor as oracle
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def flat(x):
    return jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), (*x.shape, x.shape[-1]))


def half_plane(x):
    """Hyperbolic geometry: a vertical segment from y to Y is log(Y / y) long."""
    return jnp.eye(2, dtype=x.dtype) / x[..., 1, None, None] ** 2


@pytest.mark.fast
def test_forms_agree_with_their_definition(x64):
    x, low_rank, diag = normal(2, 3, 4), normal(3, 4, 2, seed=1), normal(2, 1, 4, seed=2)
    metric = np.broadcast_to(
        low_rank @ np.swapaxes(low_rank, -1, -2) + np.eye(4) * diag[..., None], (2, 3, 4, 4)
    )
    dense, split = quadratic_form(x, metric), quadratic_form_low_rank_plus_diag(x, (low_rank, diag))
    field = metric_tensor_field_diag_plus_low_rank(x, lambda x: low_rank, lambda x: diag)
    assert dense.shape == split.shape == (2, 3, 1)
    for where in np.ndindex(2, 3):
        wanted = oracle.low_rank_plus_diag(low_rank[where[1]], diag[where[0], 0])
        np.testing.assert_allclose(field[where], wanted, atol=1e-13)
        np.testing.assert_allclose(dense[where], oracle.quadratic(x[where], wanted), rtol=1e-12)
        np.testing.assert_allclose(split[where], oracle.quadratic(x[where], wanted), rtol=1e-12)


def test_a_field_asks_its_models_once_with_all_points():
    asked = []

    def diag(x):
        asked.append(x.shape)
        return 1 + x**2

    metric = metric_tensor_field_diag_plus_low_rank(jnp.ones((5, 2)), lambda x: x[..., None], diag)
    assert asked == [(5, 2)]
    np.testing.assert_array_equal(metric[4], [[3, 1], [1, 3]])


def test_samples_are_even_and_symmetric(x64):
    # Without the ends they were at 1/6 ... 4/6; a single one was NaN.
    a, b = normal(2, 1, 3), normal(5, 3, seed=1)
    inner = sample_along_line_segment(a, b, 4, include_endpoints=False)
    assert inner.shape == (2, 5, 4, 3)
    shares = np.array([0.2, 0.4, 0.6, 0.8])[:, None]
    np.testing.assert_allclose(inner[1, 2], a[1] + shares * (b[2] - a[1]), atol=1e-14)
    whole = np.asarray(sample_along_line_segment(a, b, 4))
    np.testing.assert_array_equal(whole[:, :, 0], np.broadcast_to(a, (2, 5, 3)))
    np.testing.assert_array_equal(whole[:, :, -1], np.broadcast_to(b, (2, 5, 3)))
    np.testing.assert_allclose(np.diff(whole, n=2, axis=-2), 0, atol=1e-14)
    for ends in (True, False):
        one = sample_along_line_segment(a, b, 1, include_endpoints=ends)
        np.testing.assert_allclose(one[1, 2, 0], (a[1, 0] + b[2]) / 2, atol=1e-14)


@pytest.mark.parametrize("n", seldom_but([1, 2, 5], 2))
def test_flat_space_has_pythagoras_lengths(n):
    # The form of the points was integrated: 63.75 here, 2013.75 after the shift, and |a|^2 for a single point.
    a, b = jnp.asarray([1.0, 0.0, 0.0]), jnp.asarray([4.0, 4.0, 0.0])
    for shift in (0.0, 10.0):
        ends = a + shift, b + shift, flat, n
        np.testing.assert_allclose(integrate_along_line_segment(*ends), [5.0], rtol=1e-6)
        np.testing.assert_allclose(integrate_along_line_segment(*ends, quantity="energy"), [25.0], rtol=1e-6)
    np.testing.assert_array_equal(integrate_along_line_segment(a, a, flat, n), [0.0])


def test_a_constant_metric_is_exact(x64):
    factor = normal(3, 3)
    metric = factor @ factor.T
    a, b = normal(3, seed=1), normal(3, seed=2)
    wanted = oracle.quadratic(b - a, metric)
    field = lambda x: jnp.broadcast_to(metric, (*x.shape, 3))
    np.testing.assert_allclose(integrate_along_line_segment(a, b, field, 1), np.sqrt(wanted), rtol=1e-13)
    np.testing.assert_allclose(
        integrate_along_line_segment(a, b, field, 3, quantity="energy"), wanted, rtol=1e-13
    )


def test_energy_of_a_polynomial_metric_is_exact(x64):
    # G = diag(x^4, 1): from (1, 0) to (2, 1) the energy is the mean of x^4, 31 / 5, and 1.
    field = lambda x: jnp.eye(2) * jnp.stack([x[..., 0] ** 4, jnp.ones_like(x[..., 0])], -1)[..., None]
    ends = np.array([1.0, 0.0]), np.array([2.0, 1.0])
    got = integrate_along_line_segment(*ends, field, 3, quantity="energy")
    np.testing.assert_allclose(got, [31 / 5 + 1], rtol=1e-13)
    assert abs(integrate_along_line_segment(*ends, field, 2, quantity="energy")[0] - 7.2) > 1e-3


def test_vertical_segments_of_the_half_plane_have_their_length(x64):
    a, b = np.array([[3.0, 1.0], [3.0, 2.0]]), np.array([[3.0, 4.0], [3.0, 0.5]])
    got = integrate_along_line_segment(a, b, half_plane, 24)
    np.testing.assert_allclose(got[:, 0], np.log(4.0), rtol=1e-10)


@pytest.mark.parametrize("quantity", seldom_but(["length", "energy"], "length"))
def test_curved_fields_agree_with_a_fine_quadrature(x64, quantity):
    a, b = np.array([0.3, -0.2]), np.array([-0.4, 0.8])
    low_rank = lambda x: jnp.stack([jnp.sin(x), jnp.cos(2 * x)], -1)
    diag = lambda x: 1 + x**2
    split = lambda x: (low_rank(x), diag(x))
    dense = lambda x: metric_tensor_field_diag_plus_low_rank(x, low_rank, diag)
    got = integrate_along_line_segment(
        a, b, split, 16, quantity=quantity, norm=quadratic_form_low_rank_plus_diag
    )
    np.testing.assert_allclose(
        integrate_along_line_segment(a, b, dense, 16, quantity=quantity), got, rtol=1e-12
    )

    def metric(x):
        factor = np.stack([np.sin(x), np.cos(2 * x)], -1)
        return oracle.low_rank_plus_diag(factor, 1 + x**2)

    np.testing.assert_allclose(got, oracle.integral(a, b, metric, quantity, 4001), rtol=1e-7)


@pytest.mark.slow
def test_gradients_agree_with_finite_differences(x64):
    ends = np.array([[0.3, 1.2], [1.0, 2.0]]), np.array([[-0.4, 0.8], [1.5, 1.0]])
    check_gradients(lambda a, b: integrate_along_line_segment(a, b, half_plane, 6), *ends)


@pytest.mark.parametrize("quantity", seldom_but(["length", "energy"], "length"))
def test_a_single_point_has_no_length_but_a_derivative(quantity):
    a = jnp.asarray([1.0, 2.0])

    def total(a, b):
        return integrate_along_line_segment(a, b, half_plane, 4, quantity=quantity).sum()

    value, gradient = jax.jit(jax.value_and_grad(total, (0, 1)), compiler_options=QUICK_COMPILE)(a, a)
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.slow
def test_a_form_that_is_no_metric_gives_nan():
    field = lambda x: -flat(x)
    assert np.isnan(integrate_along_line_segment(jnp.zeros(2), jnp.ones(2), field, 3)).all()


@pytest.mark.parametrize("dtype", seldom_but(["bfloat16", "float16", "int32"], "bfloat16"))
def test_dtypes(dtype):
    a, b = jnp.asarray([1, 0, 0], dtype), jnp.asarray([4, 4, 0], dtype)
    length = integrate_along_line_segment(a, b, flat, 3)
    assert length.dtype == ("float32" if dtype == "int32" else dtype)
    np.testing.assert_allclose(np.float32(length), [5.0], rtol=1e-6)
    assert quadratic_form(a, jnp.eye(3, dtype=dtype)).dtype == length.dtype


def test_no_segments_and_no_axes():
    assert integrate_along_line_segment(jnp.zeros((0, 3)), jnp.ones(3), flat, 2).shape == (0, 1)
    np.testing.assert_array_equal(quadratic_form(jnp.zeros((2, 0)), jnp.zeros((0, 0))), np.zeros((2, 1)))


A, B = np.zeros(3), np.ones(3)
WRONG = {
    "n": (lambda: sample_along_line_segment(A, B, 0), ValueError, "n_samples=0 must be at least 1"),
    "no n": (
        lambda: integrate_along_line_segment(A, B, flat, 2.5),
        TypeError,
        "n_samples=2.5 must be an integer",
    ),
    "ends": (lambda: sample_along_line_segment(A, B[:2], 3), ValueError, r"a has shape \(3,\) and b \(2,\)"),
    "batch": (
        lambda: sample_along_line_segment(np.zeros((2, 3)), np.zeros((4, 3)), 3),
        ValueError,
        r"axes \(2,\) of a, \(4,\) of b do not broadcast",
    ),
    "quantity": (
        lambda: integrate_along_line_segment(A, B, flat, 2, quantity="area"),
        ValueError,
        "quantity='area' is not known; give 'length' or 'energy'",
    ),
    "field": (
        lambda: integrate_along_line_segment(A, B, lambda x: jnp.eye(3), 2),
        ValueError,
        r"the norm gives \(1, 1\), not \(2, 1\)",
    ),
    "form": (
        lambda: quadratic_form(A, np.eye(2)),
        ValueError,
        r"coor has shape \(3,\) and metric_tensor \(2, 2\)",
    ),
    "low rank": (
        lambda: quadratic_form_low_rank_plus_diag(A, (np.ones((2, 1)), B)),
        ValueError,
        r"coor has shape \(3,\), L \(2, 1\) and d \(3,\)",
    ),
    "model": (
        lambda: metric_tensor_field_diag_plus_low_rank(A, lambda x: x, lambda x: x),
        ValueError,
        r"low_rank_model gives \(3,\) and diag_model \(3,\)",
    ),
    "complex": (lambda: quadratic_form(1j * A, np.eye(3)), TypeError, "coor has dtype complex64"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_say_what_to_do(unchecked, name):
    call, error, match = WRONG[name]
    with pytest.raises(error, match=match):
        call()
