"""Derivatives of erosion and dilation against finite differences, and what they are at ties and borders."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.morphology import black_tophat, dilate, erode, morphological_gradient, white_tophat
from support.gradients import check_gradients
from support.marks import seldom_but
from support.memory import compiled_memory, form

SPOTS = np.array([[1, 0, 1], [0, 0, 1]], bool)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.fast
@pytest.mark.parametrize(
    "options",
    [
        {"size": 3},
        {"size": (4, 7), "mode": "mirror", "origin": (1, -2)},
        {"structuring_element": SPOTS, "mode": "wrap"},
        {"mode": "nearest"},
    ],
    ids=str,
)
@pytest.mark.parametrize("function", [dilate, pytest.param(erode, marks=pytest.mark.slow)])
def test_flat_elements(x64, function, options):
    check_gradients(lambda v: function(v, **options), normal(4, 5), order=1)


@pytest.mark.slow
def test_second_derivatives(x64):
    check_gradients(lambda v: dilate(v, size=3), normal(4, 5))
    check_gradients(lambda v, s: erode(v, structuring_element=s), normal(4, 5), normal(2, 2, seed=1))


@pytest.mark.parametrize("mode", seldom_but(["neutral", "reflect"], "reflect"))
def test_heights(x64, mode):
    for function in (dilate, erode):
        check_gradients(
            lambda v, s: function(v, structuring_element=s, mode=mode),
            normal(4, 5),
            normal(3, 2, seed=1),
            order=1,
        )


@pytest.mark.slow
def test_known_heights_taken_axis_by_axis(x64):
    heights = np.add.outer([-1.0, 0, -1], [-0.5, 0.25, 0])
    check_gradients(lambda v: dilate(v, structuring_element=heights, mode="wrap"), normal(4, 5), order=1)


@pytest.mark.slow
def test_heights_that_are_known_while_they_are_differentiated(x64):
    x, heights = jnp.asarray(normal(4, 5)), jnp.asarray(np.where(SPOTS, normal(2, 3, seed=1), -np.inf))
    loss = lambda s: jnp.sum(jnp.sin(dilate(x, structuring_element=s)))
    eager, traced = jax.grad(loss)(heights), jax.jit(jax.grad(loss))(heights)
    np.testing.assert_array_equal(eager, traced)
    assert (np.asarray(eager)[~SPOTS] == 0).all()
    assert (np.asarray(eager)[SPOTS] != 0).any()


def test_values_beyond_the_border(x64):
    x = jnp.asarray(normal(4, 5))
    for options in ({"size": 3}, {"structuring_element": SPOTS}, {"structuring_element": normal(2, 2)}):
        check_gradients(lambda b: erode(x, border_value=b, **options), np.float64(-0.3), order=1)


def test_a_tie_goes_to_the_voxel_of_the_lowest_number():
    x = jnp.asarray([0.0, 2.0, 1.0, 2.0, 0.0])
    for options in ({"size": 5}, {"structuring_element": np.array([1, 0, 1, 0, 1], bool)}):
        np.testing.assert_array_equal(
            jax.jacrev(lambda v: dilate(v, **options))(x)[2],
            [0, 1, 0, 0, 0] if "size" in options else [0, 0, 1, 0, 0],
        )
    flat = jax.jacrev(lambda v: dilate(v, size=3))(jnp.zeros(4))
    np.testing.assert_array_equal(flat, [[1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
    # Of equal sums the one at the first voxel, whose entry is the last.
    heights = jax.grad(lambda s: dilate(x, structuring_element=s)[2])(jnp.asarray([0.0, 1.0, 0.0]))
    np.testing.assert_array_equal(heights, [0, 0, 1])


def test_a_voxel_goes_before_the_border():
    x = jnp.asarray([1.0, 1.0])
    for options in ({"size": 3}, {"structuring_element": np.array([True, False, True])}):
        jacobian = jax.jacrev(lambda v, b: dilate(v, border_value=b, **options), (0, 1))(x, jnp.asarray(1.0))
        np.testing.assert_array_equal(jacobian[1], [0, 0])


def test_where_nothing_takes_part_the_derivative_is_zero():
    far = np.array([True, False, False])
    for element in (far, np.where(far, 0.5, -np.inf)):
        value, slope = jax.value_and_grad(lambda v: jnp.exp(dilate(v, structuring_element=element)).sum())(
            jnp.asarray([1.0, 2.0])
        )
        assert np.isfinite(value)
        np.testing.assert_array_equal(slope[0], 0)  # nothing looks at the first voxel
        assert np.isfinite(slope).all()


def test_both_modes_agree_under_vmap(x64):
    x, d = jnp.asarray(normal(3, 4, 5)), jnp.asarray(normal(3, 4, 5, seed=1))
    f = jax.vmap(lambda v: dilate(v, structuring_element=SPOTS))
    together = jax.jvp(f, (x,), (d,))[1]
    np.testing.assert_array_equal(together, jax.linearize(f, x)[1](d))
    np.testing.assert_allclose(jnp.vdot(together, d), jnp.vdot(jax.vjp(f, x)[1](d)[0], d), rtol=1e-13)


@pytest.mark.parametrize("function", [morphological_gradient, white_tophat, black_tophat])
def test_compositions(x64, function):
    check_gradients(lambda v: function(v, size=3), normal(4, 5), order=1)


def test_memory_is_bounded():
    x = form(32, 32, 32)
    volume = 4 * 32**3

    def slope(options):
        return jax.grad(lambda v: dilate(v, **options).sum())

    assert compiled_memory(slope({"size": 9}), x).temporaries < 8 * volume
    offsets = np.indices((5, 5, 5)) - 2
    ball = (offsets**2).sum(0) <= 4
    assert compiled_memory(slope({"structuring_element": ball}), x).temporaries < 18 * volume
