"""The bilateral filter of images against its definition, its gradients against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nitrix.smoothing import _shifts, bilateral
from nitrix.smoothing._bilateral_sums import negative_exponential
from support import window_filters as oracles
from support.gradients import QUICK_COMPILE, check_gradients
from support.memory import compiled_memory, form


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def quick(function):
    """Jitted, with little time spent on compiling."""
    return jax.jit(function, compiler_options=QUICK_COMPILE)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("shape", "sigma", "spacing", "radius"),
    [
        ((9,), 1.5, 1.0, (4,)),
        ((6, 7), (1.0, 3.0), (1.0, 2.0), (3, 4)),
        ((4, 5, 6), 2.0, (2.0, 1.0, 4.0), (3, 4, 1)),  # the second window is as wide as the image
        ((3, 4, 3, 2), (0.4, 0.4, 0.4, 0.0), 1.0, (1, 1, 1, 0)),
    ],
    ids=str,
)
def test_matches_the_definition(x64, shape, sigma, spacing, radius):
    x = normal(*shape)
    rank = len(shape)
    voxels = np.broadcast_to(sigma, rank) / np.broadcast_to(spacing, rank)
    got = bilateral(x, sigma_space=sigma, sigma_intensity=0.7, spacing=spacing)
    want = oracles.bilateral(x[None], x[None], voxels, 0.7, radius)[0]
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, want, 0, 1e-13)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_guides_mask_and_batch(dtype):
    x = jnp.asarray(normal(2, 3, 4, 5), dtype)
    guide = jnp.asarray(normal(2, 4, 5, seed=1), dtype)
    mask = normal(4, 5, seed=2) > -0.5
    got = bilateral(
        x, guide=guide, sigma_space=(1.0, 0.8), sigma_intensity=(0.6, 0.9), mask=mask, spatial_rank=2
    )
    flat = np.float64(x).reshape(6, 4, 5)
    want = oracles.bilateral(flat, np.float64(guide), (1.0, 0.8), (0.6, 0.9), (3, 2), mask)
    assert got.dtype == x.dtype
    tolerance = {"float32": 1e-6, "bfloat16": 1e-2}[dtype]
    np.testing.assert_allclose(np.float64(got).reshape(6, 4, 5), want, tolerance, tolerance)
    np.testing.assert_array_equal(got[..., ~mask], x[..., ~mask])


def test_images_of_a_batch_guide_themselves():
    x = normal(3, 4, 5).astype(np.float32)
    got = bilateral(x, sigma_space=1.0, sigma_intensity=0.7, spatial_rank=2)
    mapped = jax.vmap(lambda v: bilateral(v, sigma_space=1.0, sigma_intensity=0.7))(x)
    for i in range(3):
        want = oracles.bilateral(x[i][None], x[i][None], (1.0, 1.0), 0.7, (3, 3))[0]
        np.testing.assert_allclose(got[i], want, 0, 1e-6)
        np.testing.assert_allclose(mapped[i], want, 0, 1e-6)


@pytest.mark.slow
def test_blocks_change_nothing(x64, monkeypatch):
    x, g = jnp.asarray(normal(2, 12, 13)), jnp.asarray(normal(2, 12, 13, seed=1))

    def both(v, sigma):
        smooth = lambda v, s: bilateral(v, sigma_space=s, sigma_intensity=0.7, radius=1, spatial_rank=2)
        value, pull = jax.vjp(smooth, v, sigma)
        return value, pull(g)

    program, whole = str(jax.make_jaxpr(both)(x, 1.0)), quick(both)(x, 1.0)
    monkeypatch.setattr(_shifts, "BLOCK", 64)
    jax.clear_caches()
    assert str(jax.make_jaxpr(both)(x, 1.0)) != program
    jax.tree.map(
        lambda got, want: np.testing.assert_allclose(got, want, 0, 1e-12), quick(both)(x, 1.0), whole
    )
    monkeypatch.undo()
    jax.clear_caches()


def test_without_edges_it_is_the_normalised_gaussian(x64):
    x = normal(9, 8)
    widths = {"sigma": (1.2, 0.7), "mode": "constant", "truncate": 2.5}
    want = ndi.gaussian_filter(x, **widths) / ndi.gaussian_filter(np.ones_like(x), **widths)
    got = bilateral(x, sigma_space=(1.2, 0.7), sigma_intensity=1e6)
    np.testing.assert_allclose(got, want, 0, 1e-10)


def test_noise_goes_and_edges_stay():
    clean = np.where(np.arange(40) < 20, 0.0, 10.0) + np.zeros((40, 1))
    noisy = clean + normal(40, 40)
    got = bilateral(noisy, sigma_space=2.0, sigma_intensity=2.5)
    assert np.abs(got - clean).mean() < 0.35 * np.abs(noisy - clean).mean()
    edge = np.abs(got - clean)[:, 19:21]
    assert edge.mean() < 0.5 * np.abs(ndi.gaussian_filter(noisy, 2.0) - clean)[:, 19:21].mean()


def test_integers_are_promoted():
    x = np.arange(12, dtype=np.int16).reshape(3, 4)
    got = bilateral(x, sigma_space=1.0, sigma_intensity=3)
    np.testing.assert_array_equal(got, bilateral(np.float32(x), sigma_space=1.0, sigma_intensity=3.0))
    assert bilateral(x > 3, sigma_space=1.0, sigma_intensity=1.0).dtype == np.float32


@pytest.mark.parametrize("shape", [(0,), (3, 0, 2), (2, 0)], ids=str)
def test_images_without_voxels_come_back(shape):
    assert bilateral(jnp.ones(shape), sigma_space=1.0, sigma_intensity=1.0).shape == shape


def test_an_empty_batch_with_a_guide_comes_back():
    got = bilateral(
        jnp.ones((0, 3)), guide=jnp.ones((1, 3)), sigma_space=1.0, sigma_intensity=1.0, spatial_rank=1
    )
    assert got.shape == (0, 3)


def test_a_window_of_one_voxel_changes_nothing():
    x = normal(3, 4).astype(np.float32)
    np.testing.assert_array_equal(bilateral(x, sigma_space=0.1, sigma_intensity=1.0), x)
    np.testing.assert_array_equal(bilateral(x, sigma_space=0, sigma_intensity=1.0, radius=2), x)
    np.testing.assert_array_equal(bilateral(x, sigma_space=3.0, sigma_intensity=1.0, radius=0), x)


def test_a_mask_of_nothing_changes_nothing():
    x = normal(3, 4).astype(np.float32)
    got = bilateral(x, sigma_space=1.0, sigma_intensity=1.0, mask=np.zeros((3, 4), bool))
    np.testing.assert_array_equal(got, x)


@pytest.mark.parametrize("of", ["image", "guide"])
def test_nan_spreads_over_its_windows_and_a_mask_keeps_it_out(of):
    image, guide = normal(12, 3).astype(np.float32), normal(1, 12, 3, seed=1).astype(np.float32)
    (image if of == "image" else guide[0])[5, 1] = np.nan
    options = {"sigma_space": 1.0, "sigma_intensity": 1.0, "radius": (2, 1)}
    bad = np.isnan(bilateral(image, guide=guide, **options))
    expected = np.zeros((12, 3), bool)
    expected[3:8] = True
    np.testing.assert_array_equal(bad, expected)

    mask = np.ones((12, 3), bool)
    mask[5, 1] = False

    def loss(image, guide):
        return jnp.where(mask, bilateral(image, guide=guide, mask=mask, **options), 0).sum()

    value, gradient = quick(jax.value_and_grad(loss, (0, 1)))(image, guide)
    assert np.isfinite(value)
    assert all(np.isfinite(g).all() for g in gradient)


@pytest.mark.fast
def test_gradients_in_everything(x64):
    mask = normal(4, 5, seed=2) > -0.5

    def smooth(image, guide, sigma_space, sigma_intensity, spacing):
        return bilateral(
            image,
            guide=guide,
            sigma_space=sigma_space,
            sigma_intensity=sigma_intensity,
            spacing=spacing,
            radius=(2, 1),
            mask=mask,
            spatial_rank=2,
        )

    widths = np.array([1.0, 0.8]), np.array([0.7, 0.9]), np.array([1.0, 1.2])
    check_gradients(smooth, normal(2, 4, 5), normal(2, 4, 5, seed=1), *widths, forward=False)


@pytest.mark.slow
def test_gradients_of_images_that_guide_themselves(x64):
    def smooth(image, sigma_space, sigma_intensity):
        return bilateral(
            image, sigma_space=sigma_space, sigma_intensity=sigma_intensity, radius=1, spatial_rank=3
        )

    check_gradients(smooth, normal(2, 3, 2, 4), np.array(1.3), np.array(0.8), forward=False, order=1)


def test_gradient_where_the_window_follows_a_known_sigma(x64):
    x = normal(20)
    slope = jax.grad(lambda s: (bilateral(x, sigma_space=s, sigma_intensity=1.0) ** 2).sum())(1.3)
    at = [float((bilateral(x, sigma_space=1.3 + h, sigma_intensity=1.0) ** 2).sum()) for h in (1e-5, -1e-5)]
    np.testing.assert_allclose(slope, (at[0] - at[1]) / 2e-5, 1e-7)


def test_gradient_of_a_flat_image_is_the_transpose():
    total = lambda x: bilateral(x, sigma_space=1.0, sigma_intensity=1e-3, radius=1).sum()
    pulled = quick(jax.grad(total))(jnp.ones((5, 6)))
    assert np.isfinite(pulled).all()
    np.testing.assert_allclose(pulled.sum(), 30, 1e-5)  # the weights of each voxel sum to 1


def test_forward_mode_is_refused_in_words():
    x = jnp.ones((3, 4))
    with pytest.raises(TypeError, match="custom_vjp"):
        jax.jvp(lambda v: bilateral(v, sigma_space=1.0, sigma_intensity=1.0), (x,), (x,))


@pytest.mark.fast
def test_traced_widths_need_a_radius_and_equal_known_ones(x64):
    x = normal(6, 7)

    def smooth(widths):
        return bilateral(
            x, sigma_space=widths[:2], sigma_intensity=widths[2], spacing=(widths[3], 1.0), radius=(2, 1)
        )

    every = np.array(
        [[1.0, 0.8, 0.7, 1.0], [0.5, 0.6, 2.0, 2.0], [-1.0, 1, 1, 1], [1, 1, 0, 1], [1, 0, 1, 1]]
    )
    got = jax.jit(jax.vmap(smooth))(every)
    for i in range(2):
        sigma, spacing = every[i, :2], (every[i, 3], 1.0)
        want = bilateral(x, sigma_space=sigma, sigma_intensity=every[i, 2], spacing=spacing, radius=(2, 1))
        np.testing.assert_allclose(got[i], want, 0, 1e-13)
    assert np.isnan(got[2:]).all()


@pytest.mark.parametrize("name", ["sigma_space", "spacing"])
def test_traced_widths_without_a_radius_say_what_to_do(name):
    def smooth(width):
        return bilateral(jnp.ones(5), **{"sigma_intensity": 1.0, "sigma_space": 1.0, name: width})

    with pytest.raises(ValueError, match=f"{name} is traced, .*; give radius= in voxels, for instance"):
        jax.jit(smooth)(1.0)


images = hnp.arrays(np.float64, (4, 6), elements=st.floats(-5, 5, allow_subnormal=False))
_jitted = jax.jit(
    lambda v, g: bilateral(v, guide=g[None], sigma_space=1.0, sigma_intensity=1.5, spatial_rank=2)
)


@given(images, images, st.floats(-3, 3))
@settings(max_examples=15)
def test_means_are_bounded_linear_and_follow_the_brightness(values, guide, c):
    with jax.enable_x64(True):
        out = np.asarray(_jitted(values, guide))
        assert (out >= values.min() - 1e-12).all()
        assert (out <= values.max() + 1e-12).all()
        np.testing.assert_allclose(_jitted(c * values + 1, guide + c), c * out + 1, 0, 1e-11)


def test_neighbours_weigh_each_other_alike(x64):
    guide, a, b = normal(1, 4, 6), normal(4, 6, seed=1), normal(4, 6, seed=2)
    weights = {"sigma_voxels": (1.0, 1.0), "sigma_intensity": 1.5, "radius": (3, 3)}
    total = oracles.weighted_sums(a[None], guide, **weights)[1]
    left = np.vdot(_jitted(a, guide[0]) * total, b)
    np.testing.assert_allclose(left, np.vdot(_jitted(b, guide[0]) * total, a), 1e-12)


def test_the_exponential():
    u = np.concatenate([np.linspace(0, 87, 10_001), [88.5, 200, 1e30, np.inf]]).astype(np.float32)
    got = np.asarray(jax.jit(negative_exponential)(u))
    want = np.exp(-np.float64(u))
    np.testing.assert_allclose(got, want, 0, 2e-7)
    np.testing.assert_allclose(got[:10_001], want[:10_001], 6e-6)
    np.testing.assert_array_equal(got[-3:], 0)
    assert np.isnan(negative_exponential(jnp.float32(jnp.nan)))


@pytest.mark.parametrize("truncate", [2.0, pytest.param(4.0, marks=pytest.mark.slow)])
def test_temporaries_stay_within_four_volumes(truncate):
    def smooth(x):
        return bilateral(x, sigma_space=1.0, sigma_intensity=1.0, truncate=truncate)

    assert compiled_memory(smooth, form(96, 96, 96)).temporaries <= 4 * 4 * 96**3


@pytest.mark.slow
@pytest.mark.parametrize("truncate", [4.0, 1.0])
def test_the_gradient_needs_ten_volumes_whatever_the_window(truncate):
    def loss(x):
        return (bilateral(x, sigma_space=1.0, sigma_intensity=1.0, truncate=truncate) ** 2).sum()

    assert compiled_memory(jax.grad(loss), form(96, 96, 96)).temporaries <= 10 * 4 * 96**3


def test_agrees_with_simpleitk():
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    x = (10 * normal(20, 20, 20)).astype(np.float32)
    theirs = sitk.BilateralImageFilter()
    theirs.SetDomainSigma(1.0)
    theirs.SetRangeSigma(10.0)
    theirs.SetNumberOfRangeGaussianSamples(2000)
    want = sitk.GetArrayFromImage(theirs.Execute(sitk.GetImageFromArray(x)))
    got = bilateral(x, sigma_space=1.0, sigma_intensity=10.0, radius=3)
    inner = (slice(3, -3),) * 3  # beyond the border it repeats the outermost voxels
    np.testing.assert_allclose(got[inner], want[inner], 0, 0.05)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"sigma_space": -1.0}, ValueError, "sigma_space=-1.0 must be finite and not negative"),
        ({"sigma_space": (1.0, 1.0, 1.0)}, ValueError, r"sigma_space has shape \(3,\) but 2 axes"),
        ({"sigma_intensity": 0.0}, ValueError, "sigma_intensity=0.0 must be finite and positive"),
        (
            {"sigma_intensity": (1.0, 2.0)},
            ValueError,
            r"sigma_intensity has shape \(2,\) but there is one channel; give one value",
        ),
        ({"spacing": (1.0, 0.0)}, ValueError, "spacing=0.0 must be finite and positive"),
        ({"truncate": np.inf}, ValueError, "truncate=inf must be positive and finite"),
        ({"radius": 1.5}, TypeError, "radius=1.5 must be an integer, known before tracing"),
        ({"radius": (1, -1)}, ValueError, "radius=-1 must not be negative"),
        ({"spatial_rank": 3}, ValueError, "spatial_rank=3 must be from 1 to 2, the number of axes of image"),
        ({"guide": np.ones((4, 5))}, ValueError, r"guide has shape \(4, 5\) .*; give \[channel, \*spatial\]"),
        ({"guide": np.ones((0, 4, 5))}, ValueError, "guide has no channels; leave it out"),
        ({"guide": np.full((1, 4, 5), 1j)}, TypeError, "guide has dtype complex64; give real numbers"),
        ({"mask": np.ones((4, 5))}, ValueError, r"mask is float64\[4, 5\]; give truth values .*mask > 0"),
        ({"mask": np.ones(5, bool)}, ValueError, r"mask is bool\[5\]; give truth values .* \(4, 5\)"),
        ({"image": np.array(["a"])}, TypeError, "image has dtype <U1; give an array of numbers"),
        ({"image": np.ones((2, 2), complex)}, TypeError, "image has dtype complex64; give real numbers"),
        (
            {"image": np.ones((400, 400)), "sigma_space": 90.0},
            ValueError,
            "the window has 451 x 451 voxels, more than 131072; check the units",
        ),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_errors_say_what_to_do(arguments, error, words):
    call = {"image": np.ones((4, 5)), "sigma_space": 1.0, "sigma_intensity": 1.0, **arguments}
    with pytest.raises(error, match=words):
        bilateral(call.pop("image"), **call)
