"""SUSAN against its definition: impulse noise, edges, support in mm, medians, gradients."""

import itertools
import subprocess
import sys

import jax
import jax.numpy as jnp
import nitrix.morphology
import numpy as np
import pytest
from nitrix.smoothing import susan_brightness_threshold, susan_emulator
from nitrix.smoothing._neighbour_median import neighbour_median
from nitrix.smoothing._shifts import Window
from support import window_filters as oracles
from support.gradients import QUICK_COMPILE, check_gradients
from support.marks import seldom_but
from support.memory import compiled_memory, form


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def quick(function):
    """Jitted, with little time spent on compiling."""
    return jax.jit(function, compiler_options=QUICK_COMPILE)


def with_impulses(*shape, seed=0):
    """An image of noise 1 about two levels, 0 and 10, and voxels far from everything."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape) + 10 * (np.arange(shape[-1]) >= shape[-1] // 2)
    return np.where(rng.random(shape) < 0.05, rng.normal(scale=100, size=shape), x)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("shape", "sigma", "spacing", "radius"),
    [
        ((12,), 1.0, 1.0, (3,)),
        pytest.param((9, 10), (1.0, 2.0), (1.0, 2.0), (3, 3), marks=pytest.mark.slow),
        ((5, 6, 7), 2.0, (2.0, 1.0, 4.0), (3, 5, 1)),
        ((5, 6, 7), (1.0, 1.0, 0.0), 1.0, (3, 3, 0)),  # slice by slice, medians of 8 too
    ],
    ids=str,
)
def test_matches_the_definition(x64, shape, sigma, spacing, radius):
    x = with_impulses(*shape)
    mask = normal(*shape, seed=3) > -1
    voxels = np.broadcast_to(sigma, len(shape)) / np.broadcast_to(spacing, len(shape))
    got = susan_emulator(x, sigma_space=sigma, bthresh=2.0, spacing=spacing, mask=mask)
    want = oracles.susan(x, voxels, 2.0, radius, mask)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, want, 0, 1e-12)


@pytest.mark.parametrize("dtype", seldom_but(["float32", "bfloat16"], "bfloat16"))
def test_batch_and_dtypes(dtype):
    x = jnp.asarray(np.stack([with_impulses(6, 7, seed=s) for s in (0, 1)]), dtype)
    got = susan_emulator(x, sigma_space=1.0, bthresh=2.0, spatial_rank=2)
    assert got.dtype == x.dtype
    for one, result in zip(np.float64(x), got, strict=True):
        want = oracles.susan(one, (1.0, 1.0), 2.0, (3, 3))
        np.testing.assert_allclose(np.float64(result), want, 1e-2 if dtype == "bfloat16" else 1e-5, 1e-5)


def test_without_medians_impulses_stay(x64):
    x = with_impulses(9, 10)
    got = susan_emulator(x, sigma_space=1.0, bthresh=2.0, use_median=False)
    want = oracles.susan(x, (1.0, 1.0), 2.0, (3, 3), use_median=False)
    np.testing.assert_allclose(got, want, 0, 1e-12)


def test_sigma_intensity_is_the_threshold_over_the_root_of_two():
    x = with_impulses(8, 9).astype(np.float32)
    got = susan_emulator(x, sigma_space=1.0, sigma_intensity=2.0)
    np.testing.assert_allclose(got, susan_emulator(x, sigma_space=1.0, bthresh=np.sqrt(8)), 0, 1e-5)


@pytest.mark.slow
def test_the_threshold_may_be_traced_and_mapped():
    x = np.stack([with_impulses(8, 9, seed=s) for s in (0, 1)]).astype(np.float32)
    thresholds = jnp.asarray([1.5, 3.0])
    got = jax.vmap(lambda v, t: susan_emulator(v, sigma_space=1.0, bthresh=t))(x, thresholds)
    for one, t, result in zip(x, thresholds, got, strict=True):
        np.testing.assert_allclose(result, susan_emulator(one, sigma_space=1.0, bthresh=t), 0, 1e-5)
    assert np.isnan(jax.jit(lambda t: susan_emulator(x[0], sigma_space=1.0, bthresh=t))(-1.0)).all()


@pytest.mark.parametrize("rank", seldom_but([2, 3], 3))
def test_impulse_noise_goes_and_edges_stay(rank):
    shape = (12,) * rank
    clean = np.where(np.arange(12) < 6, 100.0, 200.0) + np.zeros(shape)
    noisy = clean + normal(*shape)
    at = (6,) * (rank - 1)
    noisy[(*at, 3)], noisy[(*at, 8)] = 1000.0, -1000.0
    got = np.asarray(susan_emulator(noisy, sigma_space=1.0, bthresh=20.0))
    assert np.abs(got - clean).max() < 4  # impulses and both sides of the edge included
    assert np.abs(got - clean).mean() < 0.6 * np.abs(normal(*shape)).mean()
    kept = susan_emulator(noisy, sigma_space=1.0, bthresh=20.0, use_median=False)
    np.testing.assert_array_equal(np.asarray(kept)[(*at, 3)], 1000)


def test_a_flat_image_stays():
    x = np.full((5, 6), 7.5, np.float32)
    np.testing.assert_allclose(susan_emulator(x, sigma_space=2.0, bthresh=1.0), x, 1e-6)


def test_the_support_follows_sigma_in_mm(x64):
    x = normal(15, 15, 15)

    def reach(spacing):
        moved = x.copy()
        moved[7, 7, 7] += 0.1
        reduce = quick(lambda v: susan_emulator(v, sigma_space=2.0, bthresh=10.0, spacing=spacing))
        change = reduce(x), reduce(moved)
        return [int(np.abs(index - 7).max()) for index in np.nonzero(np.asarray(change[0] != change[1]))]

    assert reach((1.0, 2.0, 4.0)) == [5, 3, 1]


def test_nan_spreads_over_its_windows_and_a_mask_keeps_it_out():
    x = with_impulses(12).astype(np.float32)
    x[5] = np.nan
    options = {"sigma_space": 1.0, "bthresh": 2.0, "radius": 2}
    bad = np.isnan(susan_emulator(x, **options))
    np.testing.assert_array_equal(np.nonzero(bad)[0], [3, 4, 5, 6, 7])
    mask = ~np.isnan(x)

    def loss(v):
        return jnp.where(mask, susan_emulator(v, mask=mask, **options), 0).sum()

    value, gradient = quick(jax.value_and_grad(loss))(x)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_a_voxel_without_neighbours_keeps_its_value():
    x = np.float32([[1.0, 2.0, 3.0]])
    mask = np.array([[True, False, False]])
    np.testing.assert_array_equal(susan_emulator(x, sigma_space=1.0, bthresh=1.0, mask=mask), x)
    assert susan_emulator(x[:, :1], sigma_space=1.0, bthresh=1.0) == x[0, 0]


@pytest.mark.parametrize("shape", [(0,), (2, 0, 3)], ids=str)
def test_images_without_voxels_come_back(shape):
    assert susan_emulator(jnp.ones(shape), sigma_space=1.0, bthresh=1.0).shape == shape


def test_integers_are_promoted():
    x = np.rint(with_impulses(6, 7)).astype(np.int16)
    got = susan_emulator(x, sigma_space=1.0, bthresh=2)
    np.testing.assert_array_equal(got, susan_emulator(np.float32(x), sigma_space=1.0, bthresh=2.0))


@pytest.mark.fast
@pytest.mark.parametrize("shape", seldom_but([(7,), (5, 6), (4, 3, 5)], (7,), (5, 6)), ids=str)
def test_medians_of_the_neighbours_that_are_there(shape):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 9, size=(2, *shape)).astype(np.float32)  # with ties
    x[rng.random(x.shape) < 0.4] = np.nan
    x[(0, *[slice(None)] * (len(shape) - 1), slice(3))] = np.nan  # voxels without any
    window = Window(shape, (1,) * len(shape), centre=False)
    around = [o for o in itertools.product((-1, 0, 1), repeat=len(shape)) if any(o)]
    stack = np.sort(np.stack([oracles.shifted(x, o, np.float32(np.nan)) for o in around]), axis=0)  # NaN last
    count = (~np.isnan(stack)).sum(axis=0)
    low, high = (
        np.take_along_axis(stack, np.maximum(k, 0)[None], axis=0)[0] for k in ((count - 1) // 2, count // 2)
    )
    want = np.where(count > 0, (low + high) / 2, np.nan)
    np.testing.assert_array_equal(neighbour_median(window, jnp.asarray(x)), want)


def test_gradients(x64):
    x = with_impulses(5, 6)
    x[2, 2], x[0, 5] = 80.0, -60.0  # served by medians

    def reduce(image, sigma_space, bthresh, spacing):
        return susan_emulator(image, sigma_space=sigma_space, bthresh=bthresh, spacing=spacing, radius=(2, 1))

    widths = np.array([1.0, 0.8]), np.array(2.0), np.array([1.0, 1.2])
    check_gradients(reduce, x, *widths, forward=False, order=1)


def test_the_gradient_of_a_median_goes_to_the_middle():
    x = np.zeros((3, 3), np.float32)
    x[1, 1] = 1000
    x[0] = [1, 2, 3]
    x[1, ::2] = [4, 5]
    x[2] = [6, 7, 8]

    def centre(v):
        return susan_emulator(v, sigma_space=1.0, bthresh=1.0)[1, 1]

    slope = quick(jax.value_and_grad(centre))
    value, gradient = slope(x)
    assert value == 4.5
    np.testing.assert_array_equal(gradient, [[0, 0, 0], [0.5, 0, 0.5], [0, 0, 0]])
    tied = slope(x.clip(None, 4) + 996 * (x == 1000))[1]
    np.testing.assert_allclose(tied[x == 5], 0.2, 1e-6)
    np.testing.assert_allclose(tied.sum(), 1, 1e-6)


def test_temporaries():
    def reduce(x):
        return susan_emulator(x, sigma_space=1.0, bthresh=1.0, radius=1)

    assert compiled_memory(reduce, form(96, 96, 96)).temporaries <= 6 * 4 * 96**3


@pytest.mark.slow
def test_temporaries_of_the_gradient():
    def loss(x):
        return (susan_emulator(x, sigma_space=1.0, bthresh=1.0, radius=1) ** 2).sum()

    assert compiled_memory(jax.grad(loss), form(96, 96, 96)).temporaries <= 17 * 4 * 96**3


def test_threshold_is_a_fraction_of_the_median_above_the_background(x64):
    x = normal(4, 5, 6) + 100
    mask = normal(5, 6, seed=1) > 0
    got = susan_brightness_threshold(x, mask=mask)
    np.testing.assert_allclose(got, 0.75 * np.median(x[:, mask]), 1e-14)
    got = jax.jit(lambda v, m: susan_brightness_threshold(v, mask=m, fraction=0.5, background=20))(x, mask)
    np.testing.assert_allclose(got, 0.5 * (np.median(x[:, mask]) - 20), 1e-14)
    np.testing.assert_allclose(susan_brightness_threshold(x), 0.75 * np.median(x), 1e-14)
    check_gradients(
        lambda v, f, b: susan_brightness_threshold(v, fraction=f, background=b),
        x[0, :2],
        np.array(0.75),
        np.array(20.0),
        order=1,
    )


def test_threshold_of_what_is_no_brain():
    x = jnp.asarray([1.0, jnp.nan, 3.0])
    assert np.isnan(susan_brightness_threshold(x))
    assert susan_brightness_threshold(x, mask=~jnp.isnan(x)) == 1.5
    assert susan_brightness_threshold(np.arange(5, dtype=np.int16)) == 1.5
    assert susan_brightness_threshold(x.astype("bfloat16"), mask=x > 2).dtype == "bfloat16"
    assert np.isnan(jax.jit(lambda m: susan_brightness_threshold(x, mask=m))(x > 9))
    with pytest.raises(ValueError, match="no voxel is inside the mask; there is no median"):
        susan_brightness_threshold(x, mask=x > 9)


@pytest.mark.usefixtures("unchecked")
def test_threshold_refuses_masks_that_do_not_fit():
    with pytest.raises(
        ValueError, match=r"mask is bool\[3\]; give truth values of the image's shape \(2, 4\)"
    ):
        susan_brightness_threshold(jnp.ones((2, 4)), mask=np.ones(3, bool))
    with pytest.raises(ValueError, match="mask is float32.*for instance mask > 0"):
        susan_brightness_threshold(jnp.ones(2), mask=jnp.ones(2))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({}, ValueError, "either sigma_intensity or bthresh; none of them was given"),
        ({"bthresh": 1.0, "sigma_intensity": 1.0}, ValueError, "bthresh; both of them was given"),
        ({"bthresh": 0.0}, ValueError, "bthresh=0.0 must be finite and positive"),
        ({"bthresh": (1.0, 2.0)}, ValueError, r"bthresh has shape \(2,\) but there is one channel"),
        ({"sigma_intensity": -1.0}, ValueError, "sigma_intensity=-1.0 must be finite and positive"),
        ({"bthresh": 1.0, "sigma_space": 0.1}, ValueError, "reaches no neighbour, .*in mm where spacing is"),
        ({"bthresh": 1.0, "sigma_space": 0.0}, ValueError, "reaches no neighbour"),
        ({"bthresh": 1.0, "mask": np.ones((4, 5), int)}, ValueError, r"mask is int64\[4, 5\]; give truth"),
        (
            {"bthresh": 1.0, "image": np.ones((2, 2, 2, 2))},
            ValueError,
            "image has 4 spatial axes but 1 to 3 are served; name them by spatial_rank",
        ),
        ({"bthresh": 1.0, "image": np.ones(3, complex)}, TypeError, "image has dtype complex64; give real"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_errors_say_what_to_do(arguments, error, words):
    call = {"image": np.ones((4, 5)), "sigma_space": 1.0, **arguments}
    with pytest.raises(error, match=words):
        susan_emulator(call.pop("image"), **call)


def test_a_traced_sigma_without_a_radius_says_what_to_do():
    with pytest.raises(ValueError, match="susan_emulator: sigma_space is traced, .*; give radius= in voxels"):
        jax.jit(lambda s: susan_emulator(jnp.ones(5), sigma_space=s, bthresh=1.0))(1.0)


def test_morphology_has_it_under_its_name_and_imports_nothing_upwards():
    assert nitrix.morphology.susan_emulator is susan_emulator
    assert "susan_emulator" in dir(nitrix.morphology)
    with pytest.raises(AttributeError, match="no attribute 'erase'; it holds .*susan_emulator"):
        _ = nitrix.morphology.erase
    code = "import sys, nitrix.morphology; print('nitrix.smoothing' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "False", done.stderr
