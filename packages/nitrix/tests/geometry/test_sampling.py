"""Warps against SciPy in every mode, and what they do with dtypes, leading axes, odd coordinates and bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nitrix.geometry import (
    CatmullRomCubic,
    CubicBSpline,
    Lanczos,
    Linear,
    MultiLabel,
    NearestNeighbour,
    identity_grid,
    sample_at_points,
    spatial_transform,
)
from support import sampling as oracles
from support.marks import seldom_but
from support.memory import compiled_memory, form

METHODS = {0: NearestNeighbour(), 1: Linear(), 3: CubicBSpline()}
TOLERANCE = {0: 0, 1: 1e-12, 3: 1e-6}  # SciPy pads by 12 voxels, where 0.27^12 is left


def places(shape, count=300, seed=1):
    """Coordinates within, whole ones, halves, and some several widths outside."""
    rng, sizes = np.random.default_rng(seed), np.array(shape)
    inside = rng.uniform(-1.5, sizes + 0.5, size=(count, len(shape)))
    halves = np.round(2 * rng.uniform(-2, sizes + 1, size=(count, len(shape)))) / 2
    return np.concatenate([inside, halves, rng.uniform(-4 * sizes, 5 * sizes, size=(count, len(shape)))])


def at(image, points, **options):
    return np.asarray(sample_at_points(image, points, **options))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("mode", oracles.MODES)
@pytest.mark.parametrize("order", METHODS)
def test_equals_scipy_in_every_mode(order, mode):
    image = np.random.default_rng(0).normal(size=(6, 9))
    points = places(image.shape)
    got = at(image, points, method=METHODS[order], mode=mode, cval=2.5)
    wanted = ndi.map_coordinates(image, points.T, order=order, mode=mode, cval=2.5)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=TOLERANCE[order])


@pytest.mark.covering
@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("shape", [(11,), (7, 6, 8), (6, 7, 6, 7)], ids=str)
@pytest.mark.parametrize("order", seldom_but(METHODS, 1, 3))
def test_any_number_of_dimensions(order, shape):
    image, points = np.random.default_rng(0).normal(size=shape), places(shape, 60)
    got = at(image, points, method=METHODS[order], mode="mirror")
    wanted = ndi.map_coordinates(image, points.T, order=order, mode="mirror")
    np.testing.assert_allclose(got, wanted, rtol=0, atol=max(TOLERANCE[order], 0))


@pytest.mark.slow
@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("mode", oracles.MODES)
@pytest.mark.parametrize("order", METHODS)
@pytest.mark.parametrize("shape", [(1,), (2,), (1, 5), (5, 6, 4), (2, 1, 3, 2)], ids=str)
def test_short_axes_in_every_mode(shape, order, mode):
    if order == 3 and mode in ("reflect", "grid-mirror"):
        pytest.skip("SciPy's spline misses the samples of short axes in this mode")
    image, points = np.random.default_rng(0).normal(size=shape), places(shape, 100)
    got = at(image, points, method=METHODS[order], mode=mode, cval=-1.5)
    wanted = ndi.map_coordinates(image, points.T, order=order, mode=mode, cval=-1.5)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=TOLERANCE[order])


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("order", METHODS)
def test_an_axis_of_one_voxel(order):
    image, points = np.random.default_rng(0).normal(size=(1, 7)), places((1, 7), 100)
    got = at(image, points, method=METHODS[order], mode="nearest")
    wanted = ndi.map_coordinates(image, points.T, order=order, mode="nearest")
    np.testing.assert_allclose(got, wanted, rtol=0, atol=TOLERANCE[order])


@pytest.mark.fast
def test_a_grid_of_another_shape_and_the_definition():
    rng = np.random.default_rng(0)
    image, deformation = (
        rng.normal(size=(5, 6, 2)).astype("f4"),
        rng.uniform(-1, 6, size=(3, 4, 2)).astype("f4"),
    )
    got = spatial_transform(image, deformation, cval=7)
    assert got.shape == (3, 4, 2)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, oracles.warped(image, deformation, mode="constant", cval=7), atol=2e-6)


def test_the_identity_gives_the_image():
    image = np.random.default_rng(0).normal(size=(4, 3, 5, 2)).astype("f4")
    for method in (Linear(), NearestNeighbour()):
        np.testing.assert_array_equal(
            spatial_transform(image, identity_grid((4, 3, 5)), method=method), image
        )


def test_identity_grid():
    np.testing.assert_array_equal(identity_grid((2, 3, 4)), np.moveaxis(np.indices((2, 3, 4)), 0, -1))
    assert identity_grid((3,)).dtype == np.float32
    assert identity_grid((3,), dtype=np.float16).dtype == np.float16
    assert identity_grid((3, 0)).shape == (3, 0, 2)
    with pytest.raises(TypeError, match="dtype=int32 is not floating"):
        identity_grid((3,), dtype=np.int32)
    with pytest.raises(ValueError, match="spatial_shape is empty"):
        identity_grid(())
    with pytest.raises(ValueError, match=r"spatial_shape\[1\]=-1 must not be negative"):
        identity_grid((3, -1))


NOWHERE = np.array([[np.nan, 1.0], [0.5, np.inf], [-np.inf, 0.0], [1.0, 1.0], [1e30, -1e30]], np.float32)


@pytest.mark.parametrize("mode", seldom_but(oracles.MODES, "wrap"))
@pytest.mark.parametrize("method", [NearestNeighbour(), Linear()], ids=str)
def test_coordinates_that_are_no_place_give_nan(method, mode):
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    read = lambda points: sample_at_points(image, points, method=method, mode=mode)
    got = np.asarray(read(NOWHERE))
    assert np.isnan(got[:3]).all()
    assert got[3] == 5
    assert image.min() <= got[4] <= image.max()  # far away, where a period is below the rounding error
    gradient = jax.grad(lambda x: jnp.nansum(sample_at_points(x, NOWHERE, method=method, mode=mode)))(image)
    assert np.isfinite(gradient).all()


def test_integers_are_not_truncated():
    """The older function gave interpolated integers, cut off."""
    image = np.array([[0, 1], [3, 200]], np.uint8)
    points = np.array([[0.5, 0.0], [0.75, 1.0]])
    got = sample_at_points(image, points)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, [1.5, 150.25])
    np.testing.assert_allclose(sample_at_points(image > 0, points), [0.5, 1.0])
    assert sample_at_points(image, points, method=CubicBSpline()).dtype == np.float32


@pytest.mark.parametrize("method", [NearestNeighbour(), MultiLabel((0, 1, 3, 200))], ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool"])
def test_selectors_keep_the_dtype(method, dtype):
    image = np.array([[0, 1], [3, 200]]).astype(dtype)
    method = MultiLabel((0, 1)) if isinstance(method, MultiLabel) and dtype == "bool" else method
    points = np.array([[0.9, 0.8], [0.1, 0.9], [-1.0, 0.0], [np.nan, 0.0]])
    got = sample_at_points(image, points, method=method, cval=1)
    assert got.dtype == dtype
    assert np.asarray(got).tolist() == [image[1, 1], image[0, 1], 1, 1]


@pytest.mark.usefixtures("unchecked")
def test_wide_integers_are_read_right_or_refused():
    wide = np.array([2**40, 2**40 + 2**20])
    np.testing.assert_allclose(sample_at_points(wide, np.array([[0.0], [1.0]])), wide.astype("f4"))
    with pytest.raises(ValueError, match="int32 cannot hold; switch jax_enable_x64 on"):
        sample_at_points(wide, np.array([[0.0]]), method=NearestNeighbour())


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_computed_in_single(dtype):
    image = jnp.asarray(np.random.default_rng(0).normal(size=(40, 1)), dtype)
    points = np.random.default_rng(1).uniform(0, 39, size=(50, 1)).astype("f4")
    got = spatial_transform(image, points)
    assert got.dtype == dtype
    wanted = oracles.warped(np.asarray(image, float), points)
    np.testing.assert_array_equal(np.asarray(got), np.asarray(jnp.asarray(wanted, "float32").astype(dtype)))


def test_complex_images_are_served():
    rng = np.random.default_rng(0)
    image, points = rng.normal(size=(5, 6)) + 1j * rng.normal(size=(5, 6)), places((5, 6), 40)
    for method in (Linear(), CubicBSpline()):
        got = sample_at_points(image, points, method=method, cval=1 - 2j)
        parts = [
            sample_at_points(p, points, method=method, cval=v) for p, v in ((image.real, 1), (image.imag, -2))
        ]
        np.testing.assert_allclose(got, np.asarray(parts[0]) + 1j * np.asarray(parts[1]), atol=1e-6)


LEADING = [((2,), (2,)), ((), (3, 2)), ((3, 2), ()), ((3, 1), (1, 2)), ((0,), ()), ((), (0,)), ((1,), (2,))]


@pytest.mark.parametrize(("own", "others"), LEADING, ids=str)
def test_leading_axes_broadcast_and_never_mix(own, others):
    rng = np.random.default_rng(0)
    image = rng.normal(size=(*own, 5, 6, 2)).astype("f4")
    deformation = rng.uniform(-1, 6, size=(*others, 3, 4, 2)).astype("f4")
    got = spatial_transform(image, deformation)
    leading = np.broadcast_shapes(own, others)
    assert got.shape == (*leading, 3, 4, 2)
    images, fields = (np.broadcast_to(x, leading + x.shape[-3:]) for x in (image, deformation))
    for where in np.ndindex(*leading):
        wanted = spatial_transform(images[where], fields[where])
        np.testing.assert_allclose(got[where], wanted, atol=1e-6)


def test_a_shared_image_is_not_copied():
    warp = lambda image, deformation: spatial_transform(image, deformation)
    needed = compiled_memory(warp, form(64, 64, 64, 1), form(8, 16, 16, 16, 3))
    assert needed.temporaries < 64**3 * 4


def test_empty_grids():
    image = np.ones((4, 5, 2), np.float32)
    for method in (Linear(), CubicBSpline(), NearestNeighbour(), MultiLabel((0, 1))):
        assert spatial_transform(image, np.zeros((0, 3, 2), "f4"), method=method).shape == (0, 3, 2)
        none = spatial_transform(np.ones((4, 5, 0), "f4"), np.zeros((2, 3, 2), "f4"), method=method)
        assert none.shape == (2, 3, 0)


@given(
    hnp.arrays(np.float32, (20, 2), elements=st.floats(-1e6, 1e6, width=32)),
    st.sampled_from(["reflect", "wrap"]),
)
def test_linear_values_are_never_outside_the_range(points, mode):
    image = np.array([[0.0, 1.0, 0.5], [1.0, 0.0, 0.25]], np.float32)
    got = np.asarray(sample_at_points(image, points, mode=mode, cval=0.5))
    assert (got >= -1e-6).all()
    assert (got <= 1 + 1e-6).all()


@given(hnp.arrays(np.float32, (30, 1), elements=st.floats(0, 9, width=32)))
def test_the_warp_is_linear_in_the_image_and_exact_for_ramps(points):
    ramp = np.arange(10, dtype=np.float32)
    for method in (Linear(), CatmullRomCubic()):
        got = np.asarray(sample_at_points(3 * ramp - 1, points, method=method))
        inner = (points[:, 0] >= 1) & (points[:, 0] <= 8)
        np.testing.assert_allclose(got[inner], 3 * points[inner, 0] - 1, atol=1e-5)


def test_points_with_and_without_channels():
    volume = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("f4")
    points = np.random.default_rng(1).uniform(0, 3, size=(2, 7, 2)).astype("f4")
    both = sample_at_points(volume, points)
    assert both.shape == (2, 7, 3)
    np.testing.assert_allclose(sample_at_points(volume[..., 1], points), both[..., 1], atol=1e-6)
    assert sample_at_points(volume[..., 0], points[0, 0]).shape == ()


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        (
            (np.ones((3, 1)), np.ones((3, 0))),
            {},
            ValueError,
            r"deformation has shape \(3, 0\); its last axis must",
        ),
        (
            (np.ones((3, 3, 1)), np.ones((3, 2))),
            {},
            ValueError,
            "must have 2 axes of points .* sample_at_points",
        ),
        (
            (np.ones((3, 3)), np.ones((3, 3, 2))),
            {},
            ValueError,
            r"image has shape \(3, 3\) but .* 2 spatial axes",
        ),
        (
            (np.ones((0, 3, 1)), np.ones((3, 3, 2))),
            {},
            ValueError,
            r"spatial axes \(0, 3\) of image hold no voxel",
        ),
        (
            (np.ones((2, 3, 1)), np.ones((3, 3, 1))),
            {},
            ValueError,
            r"leading axes \(2,\) of image, \(3,\) of",
        ),
        ((np.ones((3, 1)), np.ones((3, 1)) * 1j), {}, TypeError, "deformation has dtype complex"),
        ((np.array([["a"]]), np.ones((3, 1))), {}, TypeError, "image has dtype"),
        (
            (np.ones((3, 1)), np.ones((3, 1))),
            {"mode": "edge"},
            ValueError,
            "mode='edge' is not known; give one of",
        ),
        ((np.ones((3, 1)), np.ones((3, 1))), {"cval": 1j}, TypeError, "cval=1j is complex"),
        (
            (np.ones((3, 1)), np.ones((3, 1))),
            {"cval": [1.0, 2]},
            ValueError,
            r"cval has shape \(2,\); give one",
        ),
        (
            (np.ones((3, 1)), np.ones((3, 1))),
            {"method": "linear"},
            TypeError,
            "method='linear' is no interpolator",
        ),
        (
            (np.ones((3, 1)), np.ones((3, 1))),
            {"method": Linear},
            TypeError,
            "is no interpolator; give one such as",
        ),
    ],
)
def test_bad_input_is_refused_in_words(arguments, options, error, words):
    with pytest.raises(error, match=words):
        spatial_transform(*arguments, **options)


@pytest.mark.usefixtures("unchecked")
def test_values_outside_that_a_dtype_does_not_hold():
    image, points = np.ones((3, 1), np.uint8), np.zeros((3, 1))
    for value in (-1, 256, 0.5, np.nan):
        with pytest.raises(ValueError, match="is no value of the image's dtype uint8"):
            spatial_transform(image, points, cval=value, method=NearestNeighbour())
    with pytest.raises(
        ValueError, match=r"volume has shape \(3,\) but points have 3 coordinates; .* of 3 axes"
    ):
        sample_at_points(np.ones(3), np.ones((2, 3)))


@pytest.mark.usefixtures("unchecked")
def test_more_voxels_than_int32_can_number_are_refused():
    with pytest.raises(ValueError, match="more than the 2147483647 that int32 can number"):
        jax.eval_shape(spatial_transform, form(2**16, 2**16, 1), form(2, 2, 2))


def test_transformations_and_a_traced_value_outside():
    image, points = jnp.arange(4.0)[:, None], jnp.array([[0.5], [7.0]])
    warp = lambda image, points, cval: spatial_transform(image, points, cval=cval)
    wanted = [[0.5], [3.0]]
    np.testing.assert_allclose(jax.jit(warp)(image, points, 3.0), wanted)
    batched = jax.vmap(warp, in_axes=(None, 0, None))(image, points[None], 3.0)
    np.testing.assert_allclose(batched, [wanted])
    assert jax.grad(lambda v: warp(image, points, v).sum())(3.0) == 1


@pytest.mark.parametrize("order", [0, -1])
def test_lanczos_order(order):
    with pytest.raises(ValueError, match=f"Lanczos: order={order} must be at least 1"):
        Lanczos(order)
