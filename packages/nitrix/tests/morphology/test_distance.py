"""Distances to the background: by definition, against SciPy, their derivatives, dtypes, batches and refusals."""

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage as ndi
from nitrix.morphology import distance_transform, distance_transform_edt, signed_distance_transform
from support import distances
from support.gradients import check_gradients
from support.memory import compiled_memory, form

METRICS = ("euclidean", "city_block", "chebyshev")
SHAPES = ((11,), (9, 14), (5, 6, 7), (3, 4, 2, 5))


def speckled(shape, fraction=0.9, seed=0):
    mask = np.random.default_rng(seed).random(shape) < fraction
    mask.flat[mask.size // 3] = False
    return mask


@pytest.mark.fast
@pytest.mark.parametrize(
    ("shape", "metric"),
    [
        *((shape, "euclidean") for shape in (SHAPES[0], SHAPES[2])),
        *(pytest.param(shape, "euclidean", marks=pytest.mark.slow) for shape in (SHAPES[1], SHAPES[3])),
        (SHAPES[1], "city_block"),
        (SHAPES[2], "chebyshev"),
    ],
    ids=str,
)
def test_every_metric_is_that_of_the_definition(shape, metric):
    mask = speckled(shape)
    for spacing in (1.0, tuple(0.5 + 0.3 * a for a in range(len(shape)))):
        got = distance_transform(mask, metric=metric, spacing=spacing)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, distances.pairwise(mask, metric, spacing), rtol=5e-7)


@pytest.mark.parametrize("sampling", [None, (0.7, 0.7, 1.4), (0.9, 1.1, 3.3)], ids=str)
def test_euclidean_distances_equal_scipys_in_float64(x64, sampling):
    mask = speckled((12, 17, 15), 0.99)
    got = distance_transform_edt(mask, sampling=sampling)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, ndi.distance_transform_edt(mask, sampling=sampling), rtol=1e-12)


@pytest.mark.parametrize(
    ("shape", "metric", "scipys"),
    [((150, 130), "city_block", "taxicab"), ((6, 45, 70), "chebyshev", "chessboard")],
)
def test_whole_metrics_equal_scipys_chamfer_distances(shape, metric, scipys):
    mask = speckled(shape, 0.999)
    want = ndi.distance_transform_cdt(mask, metric=scipys)
    np.testing.assert_array_equal(distance_transform(mask, metric=metric), want)
    np.testing.assert_array_equal(distance_transform(mask, metric=scipys), want)


@pytest.mark.slow
def test_tiles_and_blocks_change_nothing():
    """More lines than a tile holds, a number of samples that is no multiple of a block's."""
    mask = np.ones((37, 131, 203), bool)
    mask[speckled((37, 131, 203), 1e-5, seed=3)] = False
    np.testing.assert_allclose(distance_transform_edt(mask), ndi.distance_transform_edt(mask), rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [((400,), 1.0), ((70_000,), 1.0), pytest.param((3, 500), (5.0, 10.0), marks=pytest.mark.slow)],
    ids=str,
)
def test_distances_beyond_16_bits_are_right(shape, spacing):
    mask = np.ones(shape, bool)
    mask[(0,) * len(shape)] = False
    want = ndi.distance_transform_edt(mask, sampling=spacing)
    assert want.max() / np.min(spacing) > 181
    np.testing.assert_allclose(distance_transform_edt(mask, spacing=spacing), want, rtol=1e-6)
    wide = jax.jit(lambda m: distance_transform(m, metric="city_block", spacing=spacing))(mask)
    np.testing.assert_array_equal(wide, distances.pairwise(mask, "city_block", spacing))


def test_there_is_no_sentinel(x64):
    mask = speckled((9, 10))
    for spacing in (1000.0, 1e-6, (1e6, 1.0)):
        want = ndi.distance_transform_edt(mask, sampling=spacing)
        np.testing.assert_allclose(distance_transform_edt(mask, spacing=spacing), want, rtol=1e-12)


@pytest.mark.parametrize(("metric", "shape"), [("euclidean", (190, 200)), ("chebyshev", (5,))])
def test_without_background_distances_are_infinite(metric, shape):
    distance, places = distance_transform(np.ones(shape), metric=metric, return_indices=True)
    assert np.isinf(distance).all()
    assert (np.asarray(places) == -1).all()
    assert not np.any(distance_transform(np.zeros(shape), metric=metric))


@pytest.mark.parametrize("shape", [(0,), (4, 0), (0, 3, 2)], ids=str)
def test_empty_images_have_no_distances(shape):
    distance, places = distance_transform(np.zeros(shape), return_indices=True)
    assert distance.shape == shape
    assert places.shape == (len(shape), *shape)
    assert distance_transform(np.zeros(shape), structuring_element=np.ones((3,) * len(shape))).shape == shape


@pytest.mark.parametrize(
    ("metric", "spacing"),
    [
        ("euclidean", (1.0, 2.0, 2.0)),
        pytest.param("euclidean", (0.9, 1.7, 1.1), marks=pytest.mark.slow),
        pytest.param("city_block", (0.9, 1.7, 1.1), marks=pytest.mark.slow),
        pytest.param("chebyshev", 1.0, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_indices_name_a_nearest_background_voxel(metric, spacing):
    mask = speckled((8, 21, 70), 0.98)
    distance, places = distance_transform(mask, metric=metric, spacing=spacing, return_indices=True)
    assert places.dtype == np.int32
    assert places.shape == (3, *mask.shape)
    assert not mask[tuple(np.asarray(places))].any()
    sizes = np.broadcast_to(spacing, 3).reshape(3, 1, 1, 1)
    steps = np.abs(np.asarray(places) - np.indices(mask.shape)) * sizes
    reduce = {"euclidean": np.linalg.norm, "city_block": np.sum, "chebyshev": np.max}[metric]
    np.testing.assert_allclose(reduce(steps, axis=0), distance, rtol=1e-6)
    np.testing.assert_allclose(distance, distance_transform(mask, metric=metric, spacing=spacing), rtol=1e-6)


def test_batch_axes_are_measured_apart():
    masks = np.stack([speckled((6, 7), seed=s) for s in range(6)]).reshape(2, 3, 6, 7)
    masks[1, 1] = True
    got, places = distance_transform(masks, spatial_rank=2, return_indices=True)
    element = np.ones((3, 3), bool)
    steps = distance_transform(masks, structuring_element=element, spatial_rank=2)
    assert places.shape == (2, 3, 2, 6, 7)
    for i in np.ndindex(2, 3):
        np.testing.assert_allclose(got[i], distances.pairwise(masks[i], "euclidean", 1.0), rtol=1e-6)
        np.testing.assert_array_equal(steps[i], distances.pairwise(masks[i], "chebyshev", 1.0))
    flat = masks.reshape(6, 6, 7)
    np.testing.assert_array_equal(jax.vmap(distance_transform)(flat), np.asarray(got).reshape(6, 6, 7))
    signed = signed_distance_transform(masks, spatial_rank=2)
    np.testing.assert_array_equal(signed[1, 1], np.full((6, 7), np.inf))


def test_signed_distances_are_those_of_both_sides():
    mask = speckled((9, 12), 0.5)
    spacing = (1.0, 1.5)
    want = np.where(
        mask, distances.pairwise(mask, "euclidean", spacing), -distances.pairwise(~mask, "euclidean", spacing)
    )
    np.testing.assert_allclose(signed_distance_transform(mask, spacing=spacing), want, rtol=1e-6)
    np.testing.assert_allclose(signed_distance_transform(~mask, spacing=spacing), -want, rtol=1e-6)
    assert (np.asarray(signed_distance_transform(np.zeros((2, 3)))) == -np.inf).all()


COSTS = np.array([[4.0, 3.0, np.inf], [3.0, 0.0, 3.0], [4.0, 3.5, 4.0]])  # not symmetric


@pytest.mark.parametrize(
    "element",
    [ndi.generate_binary_structure(2, 1), COSTS, np.ones((1, 5), bool)],
    ids=("cross", "costs", "run"),
)
def test_distances_in_steps_are_the_cheapest_ways(element):
    mask = speckled((10, 13), 0.95)
    costs = np.where(element, 1.0, np.inf) if element.dtype == bool else element
    got = jax.jit(lambda m: distance_transform(m, structuring_element=element))(mask)
    np.testing.assert_allclose(got, distances.cheapest_ways(mask, costs), rtol=1e-6)
    if element.dtype == bool and element.shape == (3, 3):
        np.testing.assert_array_equal(got, ndi.distance_transform_cdt(mask, metric=element))


@pytest.mark.parametrize(
    "metric", ["euclidean", *(pytest.param(m, marks=pytest.mark.slow) for m in METRICS[1:])]
)
def test_gradients_in_the_spacing(x64, metric):
    mask = speckled((5, 6, 4), 0.9)
    spacing = np.array([0.8, 1.3, 1.7])
    check_gradients(lambda s: distance_transform(mask, metric=metric, spacing=s), spacing)


@pytest.mark.slow
def test_gradients_of_signed_distances_and_of_equal_spacings(x64):
    mask = speckled((6, 7), 0.6)
    check_gradients(lambda s: signed_distance_transform(mask, spacing=s), np.array([1.0, 1.21]))
    # Known and equal, so in whole numbers: by Euler's theorem the derivative along the spacing is the distance.
    value, slope = jax.jvp(lambda s: distance_transform_edt(mask, spacing=s), (2.0,), (2.0,))
    np.testing.assert_allclose(slope, value, rtol=1e-12)
    assert np.isfinite(
        jax.grad(lambda s: jnp.where(mask, distance_transform_edt(mask, spacing=s), 0).sum())(1.0)
    )
    full = np.ones((3, 4), bool)
    assert jax.jvp(lambda s: distance_transform_edt(full, spacing=s), (1.0,), (1.0,))[1].sum() == 0


def test_masks_of_every_dtype_and_traced_spacings():
    mask = speckled((6, 7), 0.8)
    want = distances.pairwise(mask, "euclidean", (1.0, 3.0))
    for given in (
        mask,
        mask * 3,
        mask.astype(np.uint8),
        mask * np.float32(-0.5),
        jnp.asarray(mask, jnp.bfloat16),
    ):
        np.testing.assert_allclose(distance_transform(given, spacing=(1.0, 3.0)), want, rtol=1e-6)
    traced = jax.jit(lambda s: distance_transform(mask, spacing=s))(jnp.asarray([1.0, 3.0]))
    np.testing.assert_allclose(traced, want, rtol=1e-6)
    assert np.asarray(distance_transform(np.array([np.nan, 0.0])))[0] == 1


def test_wide_integers_are_foreground():
    assert distance_transform(np.asarray([0, 2**32, 2**33, 0])).tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("bad", [np.nan, 0.0, -1.0, np.inf])
def test_a_traced_spacing_that_is_none_gives_nan(bad):
    mask = jnp.asarray(speckled((9, 14)))
    measured = jax.jit(lambda s: distance_transform(mask, spacing=(s, 1.0)))
    assert np.isnan(measured(jnp.float32(bad))).all()
    assert np.isfinite(measured(jnp.float32(2.0))).all()


@hypothesis.given(hnp.arrays(bool, (6, 9)), st.integers(0, 5))
def test_distances_grow_by_at_most_a_step_and_with_the_mask(mask, row):
    distance = np.asarray(distance_transform(mask))
    finite = np.where(np.isinf(distance), 0, distance)
    for axis in (0, 1):
        assert (np.abs(np.diff(finite, axis=axis)) <= 1 + 1e-6).all()
    assert ((distance == 0) == ~mask).all()
    smaller = mask.copy()
    smaller[row] = False
    assert (np.asarray(distance_transform(smaller)) <= distance).all()
    assert (np.asarray(distance_transform(mask, metric="chebyshev")) <= distance).all()
    assert (distance <= np.asarray(distance_transform(mask, metric="city_block")) * (1 + 1e-6)).all()


def test_memory_is_a_few_images():
    plan = compiled_memory(distance_transform_edt, form(96, 96, 96, dtype="bool"))
    assert plan.temporaries <= 4 * 4 * 96**3


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"metric": "manhattan"}, ValueError, r"metric='manhattan' is not known; give one of 'euclidean'"),
        ({"spacing": 0.0}, ValueError, r"spacing=0.0 must be finite and positive"),
        ({"spacing": (1.0, np.nan)}, ValueError, r"spacing=nan must be finite and positive"),
        ({"spacing": (1.0, 2.0, 3.0)}, ValueError, r"spacing has shape \(3,\) but 2 axes are spatial"),
        ({"spatial_rank": 3}, ValueError, r"spatial_rank=3 must be from 1 to 2"),
        ({"structuring_element": np.ones(3, bool)}, ValueError, r"shape \(3,\) but 2 axes are spatial"),
        ({"structuring_element": -np.ones((3, 3))}, ValueError, r"holds -1.0, but the cost of a step is not"),
        (
            {"structuring_element": np.array([["a"]])},
            TypeError,
            r"has dtype <U1; give booleans or real numbers",
        ),
        (
            {"structuring_element": np.ones((3, 3)), "metric": "euclidean"},
            ValueError,
            r"and metric are both given",
        ),
        ({"structuring_element": np.ones((3, 3)), "spacing": 2.0}, ValueError, r"and spacing are both given"),
        (
            {"structuring_element": np.ones((3, 3)), "return_indices": True},
            ValueError,
            r"return_indices are both",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_refusals_say_what_to_do(unchecked, arguments, error, words):
    with pytest.raises(error, match=words):
        distance_transform(np.ones((4, 5)), **arguments)


def test_other_refusals(unchecked):
    with pytest.raises(ValueError, match="spacing and sampling are the same thing; give one"):
        distance_transform_edt(np.ones(4), spacing=1.0, sampling=1.0)
    with pytest.raises(TypeError, match="mask has dtype complex64"):
        distance_transform(np.ones(4, np.complex64))
    with pytest.raises(TypeError, match="mask has dtype <U1"):
        distance_transform(np.array(["a"]))
    with pytest.raises(ValueError, match=r"mask has shape \(\)"):
        distance_transform(np.ones(()))
    with pytest.raises(TypeError, match="structuring_element is traced; give one that is known"):
        jax.jit(lambda e: distance_transform(np.ones((4, 4)), structuring_element=e))(np.ones((3, 3)))
