"""The ways to make values between voxels, against their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage as ndi
from nitrix.geometry import (
    CatmullRomCubic,
    CubicBSpline,
    Interpolator,
    Lanczos,
    Linear,
    MultiLabel,
    NearestNeighbour,
    sample_at_points,
    spatial_transform,
)
from support import sampling as oracles
from support.marks import seldom_but

DEFINITIONS = {  # method: (kernel, half its width, options)
    Linear(): (oracles.linear, 1, {}),
    CubicBSpline(): (oracles.cubic_spline, 2, {"splined": True}),
    CatmullRomCubic(): (oracles.catmull_rom, 2, {}),
    Lanczos(): (oracles.lanczos(3), 3, {"normalised": True}),
    Lanczos(2): (oracles.lanczos(2), 2, {"normalised": True}),
}
METHODS = pytest.mark.parametrize("method", DEFINITIONS, ids=str)


def places(shape, seed=1):
    rng, sizes = np.random.default_rng(seed), np.array(shape)
    near = rng.uniform(-2, sizes + 1, size=(20, len(shape)))
    halves = np.round(2 * rng.uniform(0, sizes - 1, size=(10, len(shape)))) / 2
    return np.concatenate([near, halves, rng.uniform(-3 * sizes, 4 * sizes, size=(10, len(shape)))])


@pytest.mark.usefixtures("x64")
@METHODS
@pytest.mark.parametrize("mode", seldom_but(oracles.MODES, "constant", "grid-constant", "reflect"))
def test_equals_its_definition(method, mode):
    image, (kernel, half, options) = np.random.default_rng(0).normal(size=(4, 7)), DEFINITIONS[method]
    points = places(image.shape)
    got = sample_at_points(image, points, method=method, mode=mode, cval=1.5)
    wanted = oracles.sampled(image, points, kernel, half, mode=mode, cval=1.5, **options)
    # A spline's surroundings are cut off 13 voxels outside, where SciPy takes them for constant at 12.
    np.testing.assert_allclose(got, wanted, atol=1e-6 if options.get("splined") else 1e-12)


@pytest.mark.usefixtures("x64")
@METHODS
def test_axes_shorter_than_the_kernel(method):
    image, (kernel, half, options) = np.random.default_rng(0).normal(size=(1, 2)), DEFINITIONS[method]
    points = places(image.shape)
    got = sample_at_points(image, points, method=method, mode="grid-wrap")
    wanted = oracles.sampled(image, points, kernel, half, mode="grid-wrap", **options)
    np.testing.assert_allclose(got, wanted, atol=1e-12)


@pytest.mark.fast
@METHODS
def test_passes_through_the_samples_and_keeps_constants(method):
    image = np.random.default_rng(0).normal(size=(5, 1)).astype("f4")
    both = np.concatenate([image, np.full_like(image, 3)], axis=1)
    whole, between = np.arange(5.0)[:, None], np.linspace(0, 4, 17)[:, None]
    np.testing.assert_allclose(spatial_transform(both, whole, method=method)[:, 0], image[:, 0], atol=2e-6)
    np.testing.assert_allclose(spatial_transform(both, between, method=method)[:, 1], 3, atol=2e-6)


@pytest.mark.usefixtures("x64")
def test_the_spline_serves_every_mode_without_a_warning():
    """The older one took "mirror" whatever was asked for, with a warning; warnings are errors here."""
    image, points = np.random.default_rng(0).normal(size=9), np.array([[-0.4], [8.3], [-3.0]])
    got = [
        sample_at_points(image, points, method=CubicBSpline(), mode=mode) for mode in ("mirror", "grid-wrap")
    ]
    for values, mode in zip(got, ("mirror", "grid-wrap")):
        np.testing.assert_allclose(
            values, ndi.map_coordinates(image, points.T, order=3, mode=mode), atol=1e-9
        )
    assert np.abs(np.asarray(got[0]) - np.asarray(got[1])).max() > 0.1


@pytest.mark.usefixtures("x64")
def test_the_spline_of_a_short_axis_in_reflect_passes_through_the_samples():
    """SciPy's does not: its prefilter leaves out the image's further reflections."""
    image = np.array([1.0, 5.0])
    got = sample_at_points(image, np.array([[0.0], [1.0]]), method=CubicBSpline(), mode="reflect")
    np.testing.assert_allclose(got, image, atol=1e-12)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("mode", seldom_but(oracles.MODES, "nearest"))
def test_the_spline_of_a_long_axis(mode):
    """Beyond 512 samples its coefficients are made by shifts, not by a matrix."""
    image, points = (
        np.random.default_rng(0).normal(size=600),
        np.random.default_rng(1).uniform(-9, 609, size=(90, 1)),
    )
    got = sample_at_points(image, points, method=CubicBSpline(), mode=mode, cval=2)
    wanted = ndi.map_coordinates(image, points.T, order=3, mode=mode, cval=2)
    np.testing.assert_allclose(got, wanted, atol=1e-6)


@pytest.mark.usefixtures("unchecked")
def test_labels_by_their_share():
    image = np.array([[7, 7, 2], [7, 2, 2], [5, 5, 5]], np.int32)
    points = np.random.default_rng(0).uniform(0, 2, size=(200, 2)).astype("f4")
    got = np.asarray(sample_at_points(image, points, method=MultiLabel((2, 5, 7))))
    shares = [oracles.sampled(image == label, points, oracles.linear, 1) for label in (2, 5, 7)]
    np.testing.assert_array_equal(got, np.array([2, 5, 7])[np.argmax(shares, axis=0)])
    with pytest.raises(ValueError, match=r"labels=\(1, 300\) are not all values of an image of dtype uint8"):
        sample_at_points(image.astype(np.uint8), points, method=MultiLabel((1, 300)))
    with pytest.raises(ValueError, match=r"labels=\(1, 1\) must be distinct"):
        MultiLabel((1, 1))
    with pytest.raises(TypeError, match=r"labels=\(0.5,\) must be a sequence of integers"):
        MultiLabel((0.5,))


def test_ties_of_labels_go_to_the_first_and_unlisted_values_to_cval():
    image, between = np.array([4, 9]), np.array([[0.5]])
    for labels in ((4, 9), (9, 4)):
        assert int(sample_at_points(image, between, method=MultiLabel(labels))[0]) == labels[0]
    assert int(sample_at_points(image, between, method=MultiLabel((1, 2)), cval=3)[0]) == 3
    inner = MultiLabel((4, 9), inner=NearestNeighbour())
    assert int(sample_at_points(image, between, method=inner)[0]) == 9
    assert int(sample_at_points(image, np.array([[-0.3]]), method=inner, cval=9)[0]) == 9


def test_labels_of_an_atlas_are_held_one_at_a_time():
    forms = jax.ShapeDtypeStruct((32, 32, 32, 1), np.int32), jax.ShapeDtypeStruct((32, 32, 32, 3), np.float32)
    labels = tuple(range(100))
    warp = jax.jit(lambda x, d: spatial_transform(x, d, method=MultiLabel(labels)))
    needed = warp.lower(*forms).compile().memory_analysis().temp_size_in_bytes
    assert needed < 32 * 4 * 32**3  # of which 100 indicators would be three times as much


def test_a_users_interpolator():
    class Floor:
        selects = True

        def sample(self, image, coordinates, *, mode, cval):
            return image[jnp.floor(coordinates[:, 0]).astype(int)]

    assert isinstance(Floor(), Interpolator)
    assert spatial_transform(np.arange(3)[:, None], np.array([[0.9], [1.2]]), method=Floor()).tolist() == [
        [0],
        [1],
    ]


def test_interpolators_are_values():
    assert Lanczos(3) == Lanczos()
    assert Linear() != NearestNeighbour()
