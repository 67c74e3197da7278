"""The Gaussian filter against SciPy's, its gradients against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nitrix.smoothing import gaussian
from support.gradients import check_gradients
from support.memory import compiled_memory, form

MODES = ["reflect", "mirror", "nearest", "constant", "wrap", "grid-mirror", "grid-constant", "grid-wrap"]
FIVE = MODES[:5]
FWHM = 2 * np.sqrt(2 * np.log(2))
# One sample, shorter than the kernel, all axes in turns, and windows on a middle and on a last axis.
SHAPES = [(1,), (4, 3), (5, 80, 3), (2, 400, 3), (2, 400)]


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.covering
@pytest.mark.fast
@pytest.mark.parametrize(
    ("shape", "mode"),
    [*((shape, mode) for shape in SHAPES for mode in FIVE), *((SHAPES[1], mode) for mode in MODES[5:])],
    ids=str,
)
def test_equals_scipy(x64, shape, mode):
    x = normal(shape)
    for sigma in (0.7, 2.0):
        got = gaussian(x, sigma=sigma, mode=mode, cval=1.5)
        np.testing.assert_allclose(got, ndi.gaussian_filter(x, sigma, mode=mode, cval=1.5), 0, 1e-13)


@pytest.mark.parametrize("mode", FIVE)
def test_kernel_much_longer_than_the_axis(x64, mode):
    x = normal((3, 5))
    got = gaussian(x, sigma=11.0, mode=mode, cval=-2.0)
    np.testing.assert_allclose(got, ndi.gaussian_filter(x, 11.0, mode=mode, cval=-2.0), 0, 1e-13)


@pytest.mark.parametrize("mode", FIVE)
def test_axis_too_long_for_a_dense_matrix(x64, mode):
    x = normal((2, 1100))
    got = gaussian(x, sigma=5.0, mode=mode, cval=1.5, spatial_rank=1)
    np.testing.assert_allclose(got, ndi.gaussian_filter1d(x, 5.0, mode=mode, cval=1.5), 0, 1e-13)


def test_kernel_longer_than_a_long_axis(x64):
    x = normal((1030,))
    got = gaussian(x, sigma=600.0, mode="mirror", truncate=3.0)
    np.testing.assert_allclose(got, ndi.gaussian_filter(x, 600.0, mode="mirror", truncate=3.0), 0, 1e-13)


@pytest.mark.parametrize("mode", ["reflect", "constant"])
@pytest.mark.parametrize("order", [1, 2, 3, (0, 2)], ids=str)
def test_derivatives_equal_scipy(x64, mode, order):
    x = normal((6, 9))
    got = gaussian(x, sigma=(1.0, 1.5), order=order, mode=mode, cval=0.5)
    want = ndi.gaussian_filter(x, (1.0, 1.5), order=order, mode=mode, cval=0.5)
    np.testing.assert_allclose(got, want, 0, 1e-12)


def test_derivative_is_per_unit_of_spacing(x64):
    ramp = np.arange(40.0) * 3.0  # 3 units every 2 mm
    slope = gaussian(ramp, sigma=2.0, spacing=2.0, order=1)[15:25]
    want = ndi.gaussian_filter(ramp, 1.0, order=1)[15:25] / 2.0
    np.testing.assert_allclose(slope, want, 1e-12)
    assert abs(float(slope[0]) - 1.5) < 0.01


@pytest.mark.parametrize("sigma", [2.0, 6.0])
@pytest.mark.parametrize("mode", FIVE)
def test_float32_is_tight(mode, sigma):
    x = normal((40, 30, 100)).astype(np.float32)
    want = ndi.gaussian_filter(np.float64(x), sigma, mode=mode)
    np.testing.assert_allclose(gaussian(x, sigma=sigma, mode=mode), want, 0, 5e-7)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 2e-3), ("bfloat16", 2e-2), ("float64", 1e-13)])
def test_result_has_the_dtype_of_the_image(x64, dtype, tolerance):
    x = jnp.asarray(normal((12, 9)), dtype)
    got = gaussian(x, sigma=1.0)
    assert got.dtype == x.dtype
    np.testing.assert_allclose(np.float64(got), ndi.gaussian_filter(np.float64(x), 1.0), 0, tolerance)


def test_narrow_floats_are_summed_in_float32():
    x = jnp.ones((400,), jnp.bfloat16)
    np.testing.assert_array_equal(np.float32(gaussian(x, sigma=60.0)), 1.0)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, bool])
def test_integers_become_floats(dtype):
    x = (normal((8, 9)) > 0).astype(dtype) * dtype(1)
    got = gaussian(x, sigma=1.0)
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, ndi.gaussian_filter(x.astype(np.float32), 1.0), 0, 1e-6)


def test_complex_images_are_smoothed_part_by_part():
    x = (normal((2, 80)) + 1j * normal((2, 80), 1)).astype(np.complex64)
    got = gaussian(x, sigma=2.0, mode="constant", cval=1 + 2j)
    want = ndi.gaussian_filter(x, 2.0, mode="constant", cval=1 + 2j)
    assert got.dtype == jnp.complex64
    np.testing.assert_allclose(got, want, 0, 2e-6)


def test_spacing_and_fwhm_are_in_millimetres(x64):
    x = normal((6, 7, 8))
    spacing = (1.0, 2.0, 3.5)
    got = gaussian(x, fwhm=6.0, spacing=spacing)
    np.testing.assert_allclose(got, ndi.gaussian_filter(x, 6.0 / FWHM / np.asarray(spacing)), 0, 1e-13)
    got = gaussian(x, sigma=np.array([1.0, 0.0, 2.0]), spacing=spacing)
    np.testing.assert_allclose(got, ndi.gaussian_filter(x, (1.0, 0.0, 2.0 / 3.5)), 0, 1e-13)


def test_batch_axes_do_not_mix(x64):
    x = normal((2, 3, 5, 6))
    got = gaussian(x, sigma=(1.0, 2.0), spatial_rank=2)
    for i in range(2):
        for j in range(3):
            np.testing.assert_allclose(got[i, j], ndi.gaussian_filter(x[i, j], (1.0, 2.0)), 0, 1e-13)


@pytest.mark.fast
@pytest.mark.parametrize(("mode", "order"), [("constant", 0), ("nearest", (0, 1, 0))])
def test_volumes_of_a_batch_are_smoothed_by_themselves(x64, mode, order):
    x = normal((2, 3, 10, 9, 10))  # large enough for one product a volume
    sigma, axes = (1.0, 1.5, 2.0), (2, 3, 4)
    got = gaussian(x, sigma=sigma, mode=mode, cval=0.5, order=order, spatial_rank=3)
    want = ndi.gaussian_filter(x, sigma, mode=mode, cval=0.5, order=order, axes=axes)
    np.testing.assert_allclose(got, want, 0, 1e-13)


@pytest.mark.slow
def test_derivatives_of_a_volume(x64):
    def smooth(x, sigma, cval):
        return gaussian(x, sigma=sigma, mode="constant", cval=cval, spatial_rank=3)

    check_gradients(smooth, normal((2, 8, 8, 8)), np.array([1.0, 0.8, 1.4]), np.array(0.7), order=1)


@pytest.mark.parametrize("shape", [(0,), (3, 0, 2), ()], ids=str)
def test_images_without_extent_come_back(shape):
    x = jnp.ones(shape)
    got = gaussian(x, sigma=1.0)
    assert got.shape == shape
    np.testing.assert_array_equal(got, x)


def test_sigma_zero_changes_nothing():
    x = normal((5, 6)).astype(np.float32)
    np.testing.assert_array_equal(gaussian(x, sigma=0), x)
    np.testing.assert_array_equal(jax.jit(lambda s: gaussian(x, sigma=s))(0.0), x)


@pytest.mark.fast
@pytest.mark.parametrize("mode", ["reflect", *(pytest.param(m, marks=pytest.mark.slow) for m in FIVE[1:])])
def test_traced_sigma_equals_a_known_one(x64, mode):
    x = normal((4, 30))

    def smooth(s):
        return gaussian(x, sigma=s, mode=mode, cval=1.0, order=(0, 1))

    traced = jax.jit(jax.vmap(smooth))
    sigmas = jnp.asarray([0.0, 0.1, 1.3, 9.0])
    for got, sigma in zip(traced(sigmas), sigmas, strict=True):
        np.testing.assert_allclose(got, smooth(float(sigma)), 0, 1e-12)


def test_traced_sigma_on_a_long_axis(x64):
    x = normal((1100,))
    got = jax.jit(lambda s: gaussian(x, sigma=s))(3.0)
    np.testing.assert_allclose(got, ndi.gaussian_filter(x, 3.0), 0, 1e-13)


@pytest.mark.parametrize("sigma", [-1.0, np.nan, np.inf, 300.0])
def test_traced_sigma_that_cannot_be_served_gives_nan(sigma):
    assert np.isnan(jax.jit(lambda s: gaussian(jnp.ones(5), sigma=s))(sigma)).all()


def test_jit_and_vmap_change_nothing(x64):
    x = normal((3, 6, 80))

    def smooth(v):
        return gaussian(v, sigma=2.0, spatial_rank=2)

    want = smooth(x)
    np.testing.assert_allclose(jax.jit(smooth)(x), want, 0, 1e-14)
    np.testing.assert_allclose(jax.vmap(smooth)(x), want, 0, 1e-14)


def finite_difference(f, at, step=1e-5):
    return (f(at + step) - f(at - step)) / (2 * step)


@pytest.mark.parametrize(
    ("mode", "argument"),
    [
        ("constant", "sigma"),
        *(pytest.param(m, "sigma", marks=pytest.mark.slow) for m in FIVE if m != "constant"),
        pytest.param("constant", "fwhm", marks=pytest.mark.slow),
        ("reflect", "spacing"),
    ],
)
def test_gradient_in_the_widths(x64, mode, argument):
    x, weights = normal(70), normal(70, 1)
    widths = {"fwhm": 3.0} if argument == "spacing" else {}

    def loss(value):
        return (weights * gaussian(x, mode=mode, cval=0.7, **widths, **{argument: value})).sum()

    want = finite_difference(loss, 1.3)
    np.testing.assert_allclose(jax.grad(loss)(1.3), want, 1e-7)
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(1.3), want, 1e-7)
    if mode == "constant":
        np.testing.assert_allclose(jax.jvp(loss, (1.3,), (1.0,))[1], want, 1e-7)


@pytest.mark.slow
def test_second_derivative_in_sigma(x64):
    x = normal((2, 300))

    def loss(s):
        return (gaussian(x, sigma=s, spatial_rank=1) ** 2).sum()

    want = finite_difference(jax.grad(loss), 1.7)
    np.testing.assert_allclose(jax.grad(jax.grad(loss))(1.7), want, 1e-6)


@pytest.mark.parametrize("trace", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_gradient_at_sigma_zero_is_finite(x64, trace):
    x = normal((5, 6))

    def loss(x, sigma):
        return (gaussian(x, sigma=sigma) ** 2).sum()

    in_x, in_sigma = trace(jax.grad(loss, (0, 1)))(x, jnp.asarray([0.0, 1.0]))
    assert np.isfinite(in_x).all()
    assert in_sigma[0] == 0  # a kernel of radius 0 stays one sample of weight 1
    want = finite_difference(lambda s: loss(x, (0.0, s)), 1.0)
    np.testing.assert_allclose(in_sigma[1], want, 1e-7)


@pytest.mark.parametrize(
    ("shape", "mode"),
    [
        *(((5, 6), mode) for mode in FIVE),
        *(((2, n), "reflect") for n in (300, 1100)),
        *(pytest.param((2, n), mode, marks=pytest.mark.slow) for n in (300, 1100) for mode in FIVE[1:]),
    ],
    ids=str,
)
def test_gradient_in_the_image_is_the_transpose(x64, shape, mode):
    x, y = normal(shape), normal(shape, 1)

    def smooth(v):
        return gaussian(v, sigma=2.0, mode=mode, spatial_rank=1)

    value, pull = jax.vjp(smooth, x)
    np.testing.assert_allclose(np.vdot(value, y), np.vdot(x, pull(y)[0]), 1e-12)
    np.testing.assert_allclose(jax.jvp(smooth, (x,), (y,))[1], smooth(y), 0, 1e-13)  # it is linear


images = hnp.arrays(np.float64, (4, 7), elements=st.floats(-100, 100))


@given(images, images, st.floats(0, 20), st.sampled_from(["mirror", "constant"]))
@settings(max_examples=20)
def test_adjoint_linear_and_bounded(x, y, sigma, mode):
    with jax.enable_x64(True):
        value, pull = jax.vjp(_smooth_jit(mode), x, sigma)
        value, transposed = np.asarray(value), np.asarray(pull(jnp.asarray(y))[0])
    tolerance = 1e-10 * (1 + np.abs(x).max() * np.abs(y).max() * x.size)
    np.testing.assert_allclose(np.vdot(value, y), np.vdot(x, transposed), 1e-10, tolerance)
    slack = 1e-12 * (1 + np.abs(x).max())
    low, high = (min(x.min(), 0), max(x.max(), 0)) if mode == "constant" else (x.min(), x.max())
    assert (value >= low - slack).all()
    assert (value <= high + slack).all()


def _smooth_jit(mode, cache={}):  # noqa: B006  one compilation for each mode
    return cache.setdefault(mode, jax.jit(lambda x, s: gaussian(x, sigma=s, mode=mode)))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({}, ValueError, "either sigma or fwhm; none of them"),
        ({"sigma": 1, "fwhm": 1}, ValueError, "either sigma or fwhm; both of them"),
        ({"sigma": -1.0}, ValueError, r"sigma=-1.0 must be finite and not negative"),
        ({"fwhm": (1.0, np.nan)}, ValueError, r"fwhm=nan must be finite and not negative"),
        ({"sigma": (1.0, 1.0, 1.0)}, ValueError, r"sigma has shape \(3,\) but 2 axes are spatial; give one"),
        ({"sigma": np.ones((1, 2))}, ValueError, r"sigma has shape \(1, 2\) but 2 axes"),
        ({"sigma": 1, "spacing": 0.0}, ValueError, r"spacing=0.0 must be finite and positive"),
        ({"sigma": 1, "spacing": (1.0, -2.0)}, ValueError, r"spacing=-2.0 must be finite and positive"),
        (
            {"sigma": 1, "mode": "edge"},
            ValueError,
            r"mode='edge' is not known; give one of 'reflect'",
        ),
        ({"sigma": 1, "truncate": 0.0}, ValueError, r"truncate=0.0 must be positive"),
        (
            {"sigma": 1, "spatial_rank": 3},
            ValueError,
            r"spatial_rank=3 must be from 1 to 2, the number",
        ),
        ({"sigma": 1, "spatial_rank": 0}, ValueError, r"spatial_rank=0 must be from 1 to 2"),
        ({"sigma": 1, "order": 0.5}, TypeError, r"order=0.5 must be an integer"),
        ({"sigma": 1, "order": -1}, ValueError, r"order=-1 must not be negative"),
        ({"sigma": 1, "cval": 1j}, TypeError, r"cval=1j is complex but x is float32; give a real cval"),
        (
            {"sigma": 1e9},
            ValueError,
            r"is 4e\+09 voxels, more than 8192; check the units",
        ),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_errors_say_what_to_do(arguments, error, words):
    with pytest.raises(error, match=words):
        gaussian(jnp.ones((4, 5)), **arguments)


@pytest.mark.usefixtures("unchecked")
def test_an_image_of_words_is_refused():
    with pytest.raises(TypeError, match="x has dtype <U1; give an array of numbers"):
        gaussian(np.array(["a"]), sigma=1.0)


def test_nan_outside_the_image_stays_at_the_border():
    got = gaussian(jnp.ones(40), sigma=1.0, mode="constant", cval=jnp.nan)
    want = ndi.gaussian_filter(np.ones(40), 1.0, mode="constant", cval=np.nan)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))


def test_nan_spreads_over_its_lines_only():
    x = jnp.ones((3, 8)).at[1, 4].set(jnp.nan)
    bad = np.isnan(gaussian(x, sigma=1.0, spatial_rank=1))
    np.testing.assert_array_equal(bad.all(1), [False, True, False])
    np.testing.assert_array_equal(bad.any(1), [False, True, False])


@pytest.mark.parametrize("sigma", [2.0, 6.0])
@pytest.mark.parametrize("shape", [(128, 128, 128), (256, 256, 256), (99, 117, 95), (4, 64, 64, 40)], ids=str)
def test_temporaries_stay_within_two_volumes(shape, sigma):
    memory = compiled_memory(lambda v: gaussian(v, sigma=sigma, spatial_rank=3), form(*shape))
    assert memory.temporaries <= 2 * memory.outputs
