"""Erosion and dilation against their definitions and SciPy, for every mode, element and dtype."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nitrix.morphology import close, dilate, erode
from nitrix.morphology import open as opened
from support import grayscale as oracles
from support.marks import seldom_but

SHAPE = (5, 6)
MODES = [
    "neutral",
    "reflect",
    "mirror",
    "nearest",
    "wrap",
    "constant",
    "grid-mirror",
    "grid-wrap",
    "grid-constant",
]
SPOTS = np.array([[1, 0, 1, 1], [0, 0, 0, 1], [1, 1, 0, 0]], bool)
HILLS = np.where(SPOTS, [[0.5, 0, -1.25, 2], [0, 0, 0, -0.75], [1, -3, 0, 0]], -np.inf)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def ball(radius, rank=3):
    offsets = np.indices((2 * radius + 1,) * rank) - radius
    return (offsets**2).sum(0) <= radius**2


@pytest.mark.covering
@pytest.mark.fast
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("options", "element", "origin"),
    [
        ({"size": (4, 3)}, np.ones((4, 3), bool), (1, -1)),
        ({"size": (1, 15)}, np.ones((1, 15), bool), (0, -7)),  # wider than the image
        ({"structuring_element": SPOTS}, SPOTS, (-1, 1)),
        ({"structuring_element": HILLS}, HILLS, (0, 0)),
        ({}, oracles.cross(2), (0, 0)),
    ],
    ids=["box", "wide", "footprint", "weighted", "cross"],
)
def test_matches_the_definition(x64, mode, options, element, origin):
    x = normal(*SHAPE)
    border = {"border_value": 0.25} if mode.endswith("constant") else {}
    for function, oracle in ((dilate, oracles.dilate), (erode, oracles.erode)):
        want = oracle(x, element, mode=mode, origin=origin, **border)
        got = function(x, mode=mode, origin=origin, **options, **border)
        assert got.dtype == np.float64
        np.testing.assert_array_equal(got, want)


# One shape and few elements, so few compilations; all values free.
FLOATS = st.one_of(st.floats(-9, 9, width=32), st.sampled_from([-np.inf, np.inf, 0.0, -0.0]))
WINDOWS = [
    ({"size": 3}, {"size": 3}),
    ({"size": (2, 4), "origin": (-1, 1)}, {"size": (2, 4), "origin": (-1, 1)}),
    ({"structuring_element": SPOTS, "origin": (1, 0)}, {"footprint": SPOTS, "origin": (1, 0)}),
]
SCIPY_MODES = [mode for mode in MODES if mode not in ("neutral", "grid-constant")]


@given(
    hnp.arrays(np.float32, SHAPE, elements=FLOATS, fill=st.nothing()),
    st.sampled_from(WINDOWS),
    st.sampled_from(["reflect", "mirror", "wrap"]),
)
@settings(max_examples=60)
def test_is_what_scipy_gives(x, window, mode):
    ours, theirs = window
    for function, rival in (
        (dilate, ndi.grey_dilation),
        (erode, ndi.grey_erosion),
        (opened, ndi.grey_opening),
        (close, ndi.grey_closing),
    ):
        np.testing.assert_array_equal(function(x, mode=mode, **ours), rival(x, mode=mode, **theirs))


@pytest.mark.parametrize("mode", seldom_but(SCIPY_MODES, "constant", "mirror"))
def test_every_mode_is_scipys(x64, mode):
    x, heights = normal(*SHAPE), normal(2, 3, seed=1)
    border, theirs = ({"border_value": -0.5}, {"cval": -0.5}) if mode == "constant" else ({}, {})
    for function, rival in ((dilate, ndi.grey_dilation), (erode, ndi.grey_erosion)):
        got = function(x, structuring_element=heights, mode=mode, origin=(0, -1), **border)
        want = rival(x, structure=heights, mode=mode, origin=(0, -1), **theirs)
        np.testing.assert_array_equal(got, want)
        got = function(x, size=(4, 13), mode=mode, origin=(1, 0), **border)
        np.testing.assert_array_equal(got, rival(x, size=(4, 13), mode=mode, origin=(1, 0), **theirs))


@given(
    hnp.arrays(bool, SHAPE),
    st.sampled_from([None, SPOTS, np.ones((2, 3), bool)]),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=60)
def test_truth_values_are_scipys_binary_morphology(x, element, outside, moved):
    origin = (0, -1) if moved else (0, 0)
    options = {"structuring_element": element, "border_value": outside, "origin": origin}
    theirs = {"border_value": int(outside), "origin": origin}
    for function, rival in ((dilate, ndi.binary_dilation), (erode, ndi.binary_erosion)):
        got = function(x, **options)
        assert got.dtype == bool
        np.testing.assert_array_equal(got, rival(x, element, **theirs))
    for function, rival in ((opened, ndi.binary_opening), (close, ndi.binary_closing)):
        np.testing.assert_array_equal(function(x, **options), rival(x, element, **theirs))


def test_numbers_are_an_element_of_truth_values_where_the_image_is():
    x = normal(*SHAPE) > 0.5
    got = dilate(x, structuring_element=SPOTS.astype(np.int32))
    np.testing.assert_array_equal(got, dilate(x, structuring_element=SPOTS))


DTYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


@pytest.mark.parametrize("dtype", [*DTYPES, "float16", "bfloat16", "float32", "float64"])
def test_every_dtype_is_kept(x64, dtype):
    x = jnp.asarray(np.random.default_rng(0).integers(0, 100, SHAPE), dtype)
    wide = np.float64(x)
    for function, oracle in ((dilate, oracles.dilate), (erode, oracles.erode)):
        got = function(x, structuring_element=SPOTS)
        assert got.dtype == x.dtype
        want = oracle(wide, SPOTS)
        if jnp.issubdtype(x.dtype, jnp.integer):
            want = want.clip(np.iinfo(dtype).min, float(np.iinfo(dtype).max))
        np.testing.assert_array_equal(np.float64(got), want)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64"])
def test_integers_are_held_at_the_ends_of_their_dtype(x64, dtype):
    heights = np.array([[7, -9, 0], [3, -100, 5]])
    info = np.iinfo(dtype)
    x = np.random.default_rng(0).integers(info.min, info.max, SHAPE, dtype=dtype, endpoint=True)
    x[0, :2], x[2, 3:5] = info.min, info.max
    exact, inf = x.astype(object), float("inf")  # Python's integers

    def step(at, sign):
        i, j = at
        found = -inf
        for (p, q), height in np.ndenumerate(heights):
            a, b = i - sign * (p - 1), j - sign * (q - 1)
            if 0 <= a < SHAPE[0] and 0 <= b < SHAPE[1]:
                found = max(found, sign * exact[a, b] + int(height))
        return min(max(sign * found, info.min), info.max)

    for function, sign in ((dilate, 1), (erode, -1)):
        want = np.array([[step((i, j), sign) for j in range(SHAPE[1])] for i in range(SHAPE[0])], dtype=dtype)
        np.testing.assert_array_equal(function(x, structuring_element=heights), want)


def test_narrow_floats_add_in_float32():
    x = jnp.asarray(normal(*SHAPE), jnp.bfloat16)
    heights = np.float32(jnp.asarray(normal(3, 3, seed=1), jnp.bfloat16))
    want = jnp.asarray(oracles.dilate(np.float64(x), heights), jnp.bfloat16)
    got = dilate(x, structuring_element=heights)
    assert got.dtype == jnp.bfloat16
    np.testing.assert_array_equal(np.float32(got), np.float32(want))


@pytest.mark.parametrize(
    "options", [{"size": 3}, {"structuring_element": SPOTS}, {"structuring_element": HILLS}], ids=str
)
def test_a_nan_spreads_over_the_window_and_no_further(options):
    x = np.float32(normal(9, 10))
    x[4, 5] = np.nan
    element = options.get("structuring_element", np.ones((3, 3), bool))
    spot = np.isnan(x).astype(np.int32)
    for function, oracle in ((dilate, oracles.dilate), (erode, oracles.erode)):
        got = np.asarray(jax.jit(lambda v: function(v, **options))(x))
        present = oracles.heights_of(element) > -np.inf
        # The windows that hold the spot are those of the dilation, by the reflected element for an erosion.
        reach = oracles.dilate(spot, present) if function is dilate else -oracles.erode(-spot, present)
        np.testing.assert_array_equal(np.isnan(got), reach == 1)
        filled = oracle(np.where(np.isnan(x), -np.inf if function is dilate else np.inf, x), element)
        np.testing.assert_array_equal(got[reach != 1], np.float32(filled)[reach != 1])


def test_infinities_are_numbers():
    x = jnp.asarray([-np.inf, np.inf, 1.0, -np.inf, -np.inf, -np.inf])
    np.testing.assert_array_equal(dilate(x, size=3), [np.inf, np.inf, np.inf, 1, -np.inf, -np.inf])
    heights = np.array([-np.inf, 0.5, -np.inf])
    np.testing.assert_array_equal(dilate(x, structuring_element=heights), np.asarray(x) + 0.5)
    # Traced, the entries of -inf are not known before: they take no part all the same.
    got = jax.jit(lambda v, s: dilate(v, structuring_element=s))(x, heights)
    np.testing.assert_array_equal(got, np.asarray(x) + 0.5)


def test_images_of_a_batch_stay_apart():
    x = np.float32(normal(2, 3, *SHAPE))
    for options in ({"size": (3, 4)}, {}, {"structuring_element": HILLS}):
        together = dilate(x, spatial_rank=2, **options)
        mapped = jax.vmap(jax.vmap(lambda v: dilate(v, **options)))(x)
        for i, j in np.ndindex(2, 3):
            alone = dilate(x[i, j], **options)
            np.testing.assert_array_equal(together[i, j], alone)
            np.testing.assert_array_equal(mapped[i, j], alone)


@pytest.mark.parametrize("shape", [(0,), (3, 0, 2)], ids=str)
def test_images_without_voxels_come_back(shape):
    for options in ({"size": 3}, {}):
        assert dilate(jnp.ones(shape), **options).shape == shape


def test_an_image_without_axes_is_its_own_window():
    assert erode(jnp.asarray(2.0)) == 2.0
    assert dilate(3) == 3


@pytest.mark.parametrize("radius", [2, 4])
def test_balls_and_boxes_in_three_dimensions(radius):
    x = np.float32(normal(7, 9, 8))
    np.testing.assert_array_equal(
        dilate(x, structuring_element=ball(radius)), np.float32(oracles.dilate(x, ball(radius)))
    )
    box = np.ones((2 * radius + 1,) * 3, bool)
    np.testing.assert_array_equal(dilate(x, size=2 * radius + 1), dilate(x, structuring_element=box))


def test_many_heights_stream(x64):
    x, heights = normal(6, 7), normal(7, 9, seed=1)
    np.testing.assert_array_equal(dilate(x, structuring_element=heights), oracles.dilate(x, heights))


def parabola(scale, *sides):
    return -sum((np.arange(n) - n // 2).reshape([-1 if a == i else 1 for a in range(len(sides))]) ** 2.0
                for i, n in enumerate(sides)) / scale  # fmt: skip


@pytest.mark.parametrize("mode", ["neutral", "reflect", "constant"])
def test_separable_heights_are_applied_axis_by_axis(x64, mode):
    x, heights = normal(7, 8), parabola(4, 5, 3) + 0.75
    border = {"border_value": 2.5} if mode == "constant" else {}
    for function, oracle in ((dilate, oracles.dilate), (erode, oracles.erode)):
        got = function(x, structuring_element=heights, mode=mode, **border)
        want = oracle(x, heights, mode=mode, **border)
        np.testing.assert_allclose(got, want, rtol=0, atol=2e-15)
    program = str(jax.make_jaxpr(lambda v: dilate(v, structuring_element=heights, mode=mode, **border))(x))
    assert program.count("name=weighted_extremum") == 2


def test_heights_that_are_not_exactly_separable_are_not_taken_apart(x64):
    x = normal(6, 7)
    for heights in (parabola(6, 3, 5), parabola(4, 3, 5) + 1e-13 * normal(3, 5, seed=1)):
        np.testing.assert_array_equal(dilate(x, structuring_element=heights), oracles.dilate(x, heights))


def test_heights_of_zero_are_flat():
    heights = np.where(SPOTS, 0.0, -np.inf)
    x = np.float32(normal(*SHAPE))
    program = str(jax.make_jaxpr(lambda v: dilate(v, structuring_element=heights))(x))
    assert "flat_extremum" in program
    assert "weighted" not in program
    np.testing.assert_array_equal(
        dilate(x, structuring_element=heights), dilate(x, structuring_element=SPOTS)
    )


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (
            {"size": 3, "structuring_element": SPOTS},
            ValueError,
            "size and structuring_element were given; give one",
        ),
        ({"size": 0}, ValueError, "size=0 must be at least 1"),
        ({"size": 1.5}, TypeError, "size=1.5 must be an integer"),
        ({"size": (3, 3, 3)}, ValueError, r"size has shape \(3,\) but 2 axes are spatial"),
        (
            {"size": 3, "origin": 2},
            ValueError,
            "origin=2 moves the centre out of an axis of 3 entries; .* from -1 to 1",
        ),
        ({"size": 4, "origin": 2}, ValueError, "from -2 to 1"),
        (
            {"size": 3, "mode": "mirrored"},
            ValueError,
            "mode='mirrored' is not known; give one of 'neutral', 'reflect'",
        ),
        ({"size": 3, "mode": "wrap", "border_value": 1.0}, ValueError, "belongs to mode='constant'"),
        ({"structuring_element": np.ones(3, bool)}, ValueError, r"shape \(3,\), but 2 axes are spatial"),
        ({"structuring_element": np.ones((0, 3))}, ValueError, "none of them empty"),
        (
            {"structuring_element": np.zeros((3, 3), bool)},
            ValueError,
            "no entry of structuring_element takes part",
        ),
        (
            {"structuring_element": np.full((3, 3), -np.inf)},
            ValueError,
            "no entry of structuring_element takes part",
        ),
        ({"structuring_element": np.full((3, 3), np.nan)}, ValueError, "holds NaN or"),
        (
            {"structuring_element": np.ones((3, 3), np.complex64)},
            TypeError,
            "dtype complex64; give truth values",
        ),
        ({"spatial_rank": 3}, ValueError, "spatial_rank=3 must be from 1 to 2"),
    ],
    ids=str,
)
def test_bad_options_are_refused_in_words(unchecked, options, error, words):
    with pytest.raises(error, match=f"dilate: .*{words}"):
        dilate(jnp.ones((4, 5)), **options)


def test_bad_images_and_borders_are_refused_in_words(unchecked):
    with pytest.raises(TypeError, match="erode: x has dtype complex64; .* which have an order"):
        erode(jnp.ones(3, complex), size=3)
    with pytest.raises(TypeError, match="erode: x has dtype <U1; give truth values, integers"):
        erode(np.array(["a"]), size=3)
    with pytest.raises(
        ValueError, match="x has numbers from 0 to 5000000000, which int32 cannot hold; switch"
    ):
        erode(np.array([0, 5_000_000_000]), size=3)
    for value in (-1, 1.5, 256, np.nan):
        with pytest.raises(ValueError, match="is no value of x's dtype uint8; give an integer from 0 to 255"):
            dilate(jnp.ones(3, jnp.uint8), size=3, border_value=value)
    with pytest.raises(
        ValueError, match="border_value=2 is no value of x's dtype bool; give an integer from 0 to 1"
    ):
        dilate(jnp.ones(3, bool), size=3, border_value=2)
    with pytest.raises(
        ValueError, match="whole numbers of at most 127 in size, or -inf, for x of dtype int8"
    ):
        dilate(jnp.ones(3, jnp.int8), structuring_element=np.array([0, 200, 0]))
    with pytest.raises(ValueError, match="whole numbers"):
        dilate(jnp.ones(3, jnp.int32), structuring_element=np.array([0, 0.5, 0]))


def test_what_must_be_known_is_refused_in_words_when_traced(unchecked):
    with pytest.raises(
        TypeError, match="structuring_element is traced, but the shape of a flat one must be known"
    ):
        jax.jit(lambda s: dilate(jnp.ones(3), structuring_element=s))(np.ones(3, bool))
    with pytest.raises(
        TypeError, match="structuring_element is traced and x holds int32; keep the heights out of"
    ):
        jax.jit(lambda s: dilate(jnp.ones(3, jnp.int32), structuring_element=s))(np.ones(3, np.int32))
    with pytest.raises(TypeError, match="size=.* must be an integer, known before tracing"):
        jax.jit(lambda n: dilate(jnp.ones(3), size=(n,)))(3)


@pytest.mark.parametrize("mode", ["neutral", "mirror", "wrap", "constant"])
def test_a_window_of_millions_needs_no_more_than_the_image(mode):
    x = np.float32(normal(*SHAPE))
    for function in (dilate, erode):
        got = function(x, size=(2_000_001, 4_000_000), mode=mode)
        np.testing.assert_array_equal(got, function(x, size=(201, 400), mode=mode))
