"""Derivatives of warps, and what they are where a derivative is a choice."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.geometry import (
    CatmullRomCubic,
    CubicBSpline,
    Lanczos,
    Linear,
    NearestNeighbour,
    spatial_transform,
)
from support.gradients import check_gradients
from support.marks import seldom_but
from support.memory import compiled_memory, form
from support.sampling import MODES


def operands(shape, channels=1, count=5):
    """An image, and points away from whole and half coordinates, some of them outside."""
    rng = np.random.default_rng(0)
    whole = np.floor(
        rng.uniform(-2, np.array(shape) + 1, size=(count,) + (1,) * (len(shape) - 1) + (len(shape),))
    )
    return rng.normal(size=(*shape, channels)), whole + rng.choice([0.2, 0.3, 0.7, 0.8], size=whole.shape)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("method", "order"),
    [
        (Linear(), 2),
        (CubicBSpline(), 1),
        pytest.param(CubicBSpline(), 2, marks=pytest.mark.slow),
        pytest.param(CatmullRomCubic(), 1, marks=pytest.mark.slow),
        pytest.param(Lanczos(2), 1, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_derivatives_to_second_order(method, order):
    warp = lambda x, d: spatial_transform(x, d, method=method, mode="mirror")
    check_gradients(warp, *operands((4, 5), 2), order=order, rtol=1e-6)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("mode", seldom_but(MODES, "constant", "grid-wrap"))
@pytest.mark.parametrize("method", seldom_but([Linear(), CubicBSpline()], Linear()), ids=str)
def test_derivatives_in_every_mode(method, mode):
    warp = lambda x, d, v: spatial_transform(x, d, mode=mode, method=method, cval=v)
    check_gradients(warp, *operands((5,), 1, 12), np.float64(0.3), order=1)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    "shape", [(4,), (3, 4, 5), pytest.param((3, 3, 4, 3), marks=pytest.mark.slow)], ids=str
)
def test_derivatives_in_any_number_of_dimensions(shape):
    check_gradients(lambda x, d: spatial_transform(x, d, mode="nearest"), *operands(shape), order=1)


@pytest.mark.slow
@pytest.mark.usefixtures("x64")
def test_derivatives_of_complex_images():
    image, points = operands((4, 5))

    def parts(real, imaginary, points):
        out = spatial_transform(jax.lax.complex(real, imaginary), points, mode="wrap")
        return jnp.concatenate([out.real, out.imag])

    check_gradients(parts, image, image[::-1], points, order=1)


def test_derivatives_of_a_batch():
    image, points = (jnp.asarray(x, "float32") for x in operands((4, 5)))
    images, fields = jnp.stack([image, 2 * image]), jnp.stack([points, points + 0.1])
    loss = lambda x, d: (spatial_transform(x, d, mode="nearest") ** 2).sum()
    together = jax.grad(loss, (0, 1))(images, fields)
    for k in range(2):
        for got, wanted in zip(together, jax.grad(loss, (0, 1))(images[k], fields[k])):
            np.testing.assert_allclose(got[k], wanted, atol=1e-5)


@pytest.mark.fast
@pytest.mark.parametrize("mode", ["constant", "nearest", "mirror", "wrap"])
def test_at_whole_coordinates_the_derivative_is_that_towards_higher_ones(mode):
    image = jnp.asarray([1.0, 2.0, 4.0, 8.0])[:, None]
    points = jnp.arange(4.0)[:, None]
    slope = jax.grad(lambda d: spatial_transform(image, d, mode=mode).sum())(points)
    assert slope[:, 0].tolist() == [1, 2, 4, 4]


def test_outside_of_what_is_held_constant_the_derivative_is_zero():
    image = jnp.asarray([1.0, 2.0, 4.0])[:, None]
    points = jnp.asarray([[-0.5], [-7.0], [2.5], [9.0]])
    for mode in ("nearest", "constant"):
        slope = jax.grad(lambda d: spatial_transform(image, d, mode=mode).sum())(points)
        assert slope[:, 0].tolist() == [0, 0, 0, 0]


def test_the_nearest_neighbour_has_a_derivative_in_the_image_only():
    image, points = jnp.arange(4.0)[:, None], jnp.asarray([[0.2], [0.3], [2.6]])
    warp = lambda x, d: spatial_transform(x, d, method=NearestNeighbour()).sum()
    to_image, to_points = jax.grad(warp, (0, 1))(image, points)
    assert to_image[:, 0].tolist() == [2, 0, 0, 1]
    assert to_points.tolist() == [[0], [0], [0]]


def test_gradients_hold_no_copy_of_the_image_for_each_corner():
    """Value and both gradients; the corners of all points are 8 volumes, and their weights and numbers 16 more."""
    loss = lambda x, d: (spatial_transform(x, d) ** 2).sum()
    needed = compiled_memory(jax.value_and_grad(loss, (0, 1)), form(48, 48, 48, 1), form(48, 48, 48, 3))
    assert needed.temporaries < 18 * 4 * 48**3
