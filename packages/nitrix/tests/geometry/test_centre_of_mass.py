"""Centres of mass of images: against SciPy and the definition, along any axes, with derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage as ndi
from nitrix.geometry import (
    center_of_mass_grid,
    center_of_mass_points,
    cmass_reference_displacement_grid,
    cmass_regular_grid,
    displacement_from_reference_grid,
)
from support import coords as oracle
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but


def positive(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.1, 1.0, size=shape)


@pytest.mark.fast
@pytest.mark.parametrize("shape", seldom_but([(7,), (4, 5), (3, 4, 5), (2, 3, 4, 5)], (2, 3, 4, 5)), ids=str)
def test_agrees_with_scipy_in_any_dimension(x64, shape):
    weight = positive(*shape) - 0.3
    got = center_of_mass_grid(weight)
    np.testing.assert_allclose(got, ndi.center_of_mass(weight), rtol=1e-12)
    np.testing.assert_allclose(got, oracle.centre_of_image(weight), rtol=1e-12)


@pytest.mark.parametrize("axes", seldom_but([(1, 3), (3, 1), (-1,), (0, 1, 2, 3), ()], (3, 1)), ids=str)
def test_axes_come_in_their_order_and_batches_stay_apart(x64, axes):
    weight = positive(3, 4, 2, 5)
    got = center_of_mass_grid(weight, axes=axes)
    batch = [a for a in range(4) if a not in [b % 4 for b in axes]]
    assert got.shape == (*[weight.shape[a] for a in batch], len(axes))
    if axes == (3, 1):
        for i, k in np.ndindex(3, 2):
            np.testing.assert_allclose(got[i, k], oracle.centre_of_image(weight[i, :, k])[::-1], rtol=1e-12)


def test_a_value_for_no_mass_is_taken():
    # Any such value raised.
    weight = np.zeros((3, 4, 5), np.float32)
    weight[1, 2, 3] = 2.0
    np.testing.assert_array_equal(
        center_of_mass_grid(weight, axes=(1, 2), na_value=-1.0), [[-1, -1], [2, 3], [-1, -1]]
    )
    without = center_of_mass_grid(weight, axes=(1, 2))
    np.testing.assert_array_equal(np.isnan(without), [[True] * 2, [False] * 2, [True] * 2])

    def total(w, value):
        return jnp.nansum(center_of_mass_grid(w, axes=(1, 2), na_value=value))

    gradient = jax.jit(jax.grad(total), compiler_options=QUICK_COMPILE)(weight, jnp.nan)
    np.testing.assert_array_equal(gradient[0], 0)
    np.testing.assert_allclose(gradient[1, 0, 0], (-2 - 3) / 2.0)


def test_float32_is_exact_on_a_large_grid():
    # Indices summed from the corner, in one sum, are off by some hundredths here.
    weight = np.zeros((192, 192, 192), np.float32) + np.float32(0.1)
    weight[:96] += np.float32(1e-3)
    wanted = [np.average(np.arange(192), weights=np.r_[np.full(96, 0.101), np.full(96, 0.1)]), 95.5, 95.5]
    np.testing.assert_allclose(center_of_mass_grid(weight), wanted, atol=2e-4)


def test_masks_counts_and_narrow_floats():
    mask = np.zeros((4, 6), bool)
    mask[1:3, 2:5] = True
    assert center_of_mass_grid(mask).dtype == "float32"
    np.testing.assert_array_equal(center_of_mass_grid(mask), [1.5, 3])
    np.testing.assert_array_equal(center_of_mass_grid(mask.astype(np.int64) * 2**40), [1.5, 3])
    narrow = center_of_mass_grid(jnp.asarray(mask, "bfloat16"))
    assert narrow.dtype == "bfloat16"
    np.testing.assert_array_equal(np.float32(narrow), [1.5, 3])


def test_images_and_points_agree(x64):
    weight = positive(4, 5)
    points = np.stack(np.indices((4, 5)), -1).reshape(-1, 2)
    np.testing.assert_allclose(
        center_of_mass_grid(weight), center_of_mass_points(weight.reshape(1, -1), points)[0], rtol=1e-12
    )


def test_displacement_from_a_reference(x64):
    weight, reference = positive(3, 4, 5), positive(3, 2, seed=1)
    got = displacement_from_reference_grid(weight, reference, axes=(-1, -2))
    wanted = [oracle.centre_of_image(w)[::-1] - r for w, r in zip(weight, reference)]
    np.testing.assert_allclose(got, wanted, rtol=1e-12)
    empty = displacement_from_reference_grid(np.zeros((2, 2)), np.array([1.0, 2.0]), na_value=0.5)
    np.testing.assert_array_equal(empty, [-0.5, -1.5])


@pytest.mark.slow
def test_gradient_agrees_with_finite_differences(x64):
    check_gradients(lambda w: center_of_mass_grid(w, axes=(0, 2)), positive(4, 2, 3))


def test_axes_without_voxels_have_no_mass():
    assert np.isnan(center_of_mass_grid(np.zeros((3, 0)))).all()
    assert center_of_mass_grid(np.zeros((0, 3)), axes=(1,)).shape == (0, 1)


def test_older_names_are_the_same_functions():
    assert cmass_regular_grid is center_of_mass_grid
    assert cmass_reference_displacement_grid is displacement_from_reference_grid


IMAGE = np.ones((3, 4))
WRONG = {
    "range": (
        lambda: center_of_mass_grid(IMAGE, axes=(2,)),
        ValueError,
        r"axes=\(2,\) must name axes of weight, which",
    ),
    "twice": (lambda: center_of_mass_grid(IMAGE, axes=(1, -1)), ValueError, "none of them twice"),
    "value": (
        lambda: center_of_mass_grid(IMAGE, na_value=np.ones(2)),
        ValueError,
        r"na_value has shape \(2,\)",
    ),
    "complex": (lambda: center_of_mass_grid(1j * IMAGE), TypeError, "weight has dtype complex64"),
    "reference": (
        lambda: displacement_from_reference_grid(IMAGE, np.ones(3)),
        ValueError,
        r"reference has shape \(3,\); its last axis must be 2 long",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_say_what_to_do(unchecked, name):
    call, error, match = WRONG[name]
    with pytest.raises(error, match=match):
        call()
