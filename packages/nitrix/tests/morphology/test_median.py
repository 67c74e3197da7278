"""The median filter against its definition and SciPy: modes, windows, dtypes, meshes, derivatives, memory."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nitrix.morphology import _mesh_ranks, _rank_selection, median_filter
from nitrix.morphology._network import exchanges
from nitrix.sparse import ELL, ell_from_ragged, sectioned_ell_from_ragged
from support import ranks as oracles
from support.gradients import check_gradients
from support.memory import compiled_memory, form

SHAPE = (5, 6)
MODES = ["reflect", "mirror", "nearest", "wrap", "constant"]
SPOTS = np.array([[1, 0, 1, 1], [0, 0, 0, 1], [1, 1, 0, 0]], bool)
DTYPES = ["float32", "float16", "bfloat16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "bool"]


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def numbers(dtype, *shape):
    """Numbers with ties, over most of what the dtype holds."""
    rng = np.random.default_rng(3)
    if dtype == "bool":
        return rng.random(shape) < 0.4
    if "float" in dtype:
        return (rng.integers(-40, 40, shape) * 2.0 ** rng.integers(-9, 9, shape)).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


@pytest.mark.fast
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("options", "footprint", "origin"),
    [
        ({"size": (4, 3)}, np.ones((4, 3)), (1, -1)),
        ({"size": (2, 17)}, np.ones((2, 17)), (0, -8)),  # wider than the image, and searched by bits
        ({"structuring_element": SPOTS * 2.5}, SPOTS, (-1, 1)),
    ],
    ids=["even", "wide", "footprint"],
)
def test_matches_the_definition_and_scipy(x64, mode, options, footprint, origin):
    x = normal(*SHAPE)
    border = {"border_value": 0.25} if mode == "constant" else {}
    got = median_filter(x, mode=mode, origin=origin, **options, **border)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, oracles.median(x, footprint, mode=mode, origin=origin, **border))
    want = ndi.median_filter(x, footprint=footprint != 0, mode=mode, origin=origin, cval=0.25)
    np.testing.assert_array_equal(got, want)
    synonym = {"reflect": "grid-mirror", "wrap": "grid-wrap", "constant": "grid-constant"}.get(mode, mode)
    np.testing.assert_array_equal(got, median_filter(x, mode=synonym, origin=origin, **options, **border))


@pytest.mark.covering
@pytest.mark.parametrize("size", [3, (4, 9)], ids=["network", "bits"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_is_kept(dtype, size):
    x = numbers(dtype, 2, *SHAPE)
    got = median_filter(x, size=size, spatial_rank=2)
    assert got.dtype == x.dtype
    footprint = np.ones(size if isinstance(size, tuple) else (size, size))
    wide = np.float64(x) if "float" in dtype else x
    want = np.stack([oracles.median(image, footprint) for image in wide])
    np.testing.assert_array_equal(np.asarray(got).astype(want.dtype), want)


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_long_integers(x64, dtype):
    x = numbers(dtype, *SHAPE)
    got = median_filter(x, size=(6, 7))
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, oracles.median(x, np.ones((6, 7))))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_windows_of_hundreds_of_voxels(dtype):
    x = numbers(dtype, 150)
    np.testing.assert_array_equal(median_filter(x, size=301), oracles.median(x, np.ones(301)))


@pytest.mark.slow
def test_long_networks_find_what_the_search_finds(monkeypatch):
    x = normal(7, 9).astype(np.float32)
    want = oracles.median(x, np.ones((5, 7)))
    np.testing.assert_array_equal(median_filter(x, size=(5, 7)), want)
    monkeypatch.setattr(_rank_selection, "MANY", 0)
    jax.clear_caches()
    np.testing.assert_array_equal(median_filter(x, size=(5, 7)), want)


@pytest.mark.parametrize("count", [2, 8, 26, 27, 125])
def test_the_network_finds_the_middles(count):
    middles = (count // 2 - 1, count // 2)
    network = exchanges(count, middles)
    rng = np.random.default_rng(0)
    lists = rng.permuted(np.tile(np.arange(count), (2000, 1)), axis=1)
    if count <= 8:  # all zeros and ones are enough for a proof
        lists = np.array(list(itertools.product((0, 1), repeat=count)))
    wanted = np.sort(lists, axis=1)[:, middles]
    for i, j in network:
        lists[:, i], lists[:, j] = np.minimum(lists[:, i], lists[:, j]), np.maximum(lists[:, i], lists[:, j])
    np.testing.assert_array_equal(lists[:, middles], wanted)


values = hnp.arrays(np.float32, (4, 5, 3), elements=st.integers(-50, 50).map(lambda n: n / 4))


@given(values, st.sampled_from([(3, "reflect"), (4, "wrap")]))
def test_equals_scipy_on_anything(x, options):
    size, mode = options
    np.testing.assert_array_equal(
        median_filter(x, size=size, mode=mode), ndi.median_filter(x, size, mode=mode)
    )


@given(values)
def test_properties(x):
    out = median_filter(x, size=3, mode="wrap")
    low, high = ndi.minimum_filter(x, 3, mode="wrap"), ndi.maximum_filter(x, 3, mode="wrap")
    assert (low <= out).all()
    assert (out <= high).all()
    # Of an odd number of values, commutes with what keeps or inverts the order.
    np.testing.assert_array_equal(median_filter(x**3, size=3, mode="wrap"), out**3)
    np.testing.assert_array_equal(median_filter(-x, size=3, mode="wrap"), -out)
    moved = np.roll(x, (1, 2, -1), (0, 1, 2))
    np.testing.assert_array_equal(
        median_filter(moved, size=3, mode="wrap"), np.roll(out, (1, 2, -1), (0, 1, 2))
    )


def test_impulse_noise_goes_and_edges_stay():
    step = np.where(np.arange(12) < 6, 1.0, 5.0)[:, None] * np.ones(9, np.float32)
    noisy = step.copy()
    noisy[2, 2], noisy[8, 5], noisy[5, 7] = 90, -90, 90
    np.testing.assert_array_equal(median_filter(noisy, size=3), step)


@pytest.mark.parametrize("size", [3, (5, 7)], ids=["network", "bits"])
def test_nan_spreads_over_its_windows_and_infinity_is_a_value(size):
    x = normal(7, 9).astype(np.float32)
    x[1, 1], x[4, 5], x[4, 6], x[0, 8] = np.inf, -np.inf, np.inf, -np.inf
    footprint = np.ones(size if isinstance(size, tuple) else (size, size))
    np.testing.assert_array_equal(median_filter(x, size=size), oracles.median(x, footprint))
    x[6, 0] = np.nan
    np.testing.assert_array_equal(median_filter(x, size=size), oracles.median(x, footprint))
    outside = median_filter(x, size=size, mode="constant", border_value=np.nan)
    want = oracles.median(x, footprint, mode="constant", border_value=np.nan)
    np.testing.assert_array_equal(outside, want)


def test_zeros_of_either_sign_are_equal():
    x = jnp.asarray([0.0, -0.0, -0.0, 0.0, -0.0, 1.0, -1.0], np.float32)
    np.testing.assert_array_equal(median_filter(x, size=3), oracles.median(np.asarray(x), np.ones(3)))
    np.testing.assert_array_equal(median_filter(x, size=33), oracles.median(np.asarray(x), np.ones(33)))


@pytest.mark.fast
def test_batches_stay_apart_under_every_transformation():
    x = normal(2, 3, *SHAPE).astype(np.float32)
    want = np.stack([[oracles.median(image, np.ones((3, 3))) for image in pair] for pair in x])
    each = lambda image: median_filter(image, size=3)
    np.testing.assert_array_equal(median_filter(x, size=3, spatial_rank=2), want)
    np.testing.assert_array_equal(jax.jit(jax.vmap(jax.vmap(each)))(x), want)
    np.testing.assert_array_equal(median_filter(x, neighbourhood=3, spatial_rank=2), want)


def test_nothing_to_do():
    assert median_filter(np.zeros((0, 4), np.float32), size=3).shape == (0, 4)
    x = normal(4).astype(np.float32)
    np.testing.assert_array_equal(median_filter(x, size=1), x)
    shifted = median_filter(x, structuring_element=np.array([1, 0, 0]), mode="constant", border_value=7)
    np.testing.assert_array_equal(shifted, [7, *x[:3]])


@pytest.mark.parametrize(
    "options",
    [{"size": (3, 2)}, {"size": (7, 5), "mode": "wrap"}, {"structuring_element": SPOTS, "mode": "mirror"}],
    ids=["network", "bits", "footprint"],
)
def test_derivatives(x64, options):
    order = 2 if options == {"size": (3, 2)} else 1
    check_gradients(lambda x: median_filter(x, **options), normal(*SHAPE), order=order)


def test_the_border_value_has_a_derivative(x64):
    filtered = lambda x, b: median_filter(x, size=3, mode="constant", border_value=b)
    check_gradients(filtered, normal(*SHAPE), np.float64(0.1), order=1)


@pytest.mark.parametrize("size", [(2, 3), (5, 7)], ids=["network", "bits"])
@pytest.mark.parametrize("mode", ["reflect", "constant"])
def test_of_equal_values_the_first_has_the_derivative(size, mode):
    x = np.random.default_rng(5).integers(0, 3, SHAPE).astype(np.float32)
    weight = normal(*SHAPE).astype(np.float32)
    got = jax.grad(lambda x: (weight * median_filter(x, size=size, mode=mode)).sum())(jnp.asarray(x))
    holders = oracles.first_holders(x, np.ones(size), int(np.prod(size)) // 2, mode=mode)
    want = np.zeros(x.size)
    np.add.at(want, holders[holders >= 0], weight[holders >= 0])
    np.testing.assert_allclose(got, want.reshape(SHAPE), 0, 1e-6)


@pytest.mark.parametrize("size", [3, 7])
def test_memory_does_not_grow_with_the_window(size):
    x = form(64, 64, 64)
    assert compiled_memory(lambda x: median_filter(x, size=size), x).temporaries < 5 * 4 * 64**3


@pytest.mark.slow
def test_memory_of_the_derivative():
    slope = jax.grad(lambda x: (median_filter(x, size=(3, 3, 5)) ** 2).sum())
    assert compiled_memory(slope, form(64, 64, 64)).temporaries < 10 * 4 * 64**3


ROWS = [[0, 1, 2], [3], [], [4, 5, 6, 7, 0], [1, 1, 2, 3], [8, 2], [0, 3, 6], [5, 7], [8, 8, 8, 1, 2, 3]]
N = len(ROWS)


def half(count):
    return count // 2


def adjacency(make):
    return make(
        [np.ones(len(row), np.float32) for row in ROWS], [np.array(row, int) for row in ROWS], n_cols=N
    )


@pytest.mark.fast
@pytest.mark.parametrize("make", [ell_from_ragged, sectioned_ell_from_ragged], ids=["flat", "sectioned"])
def test_medians_over_the_neighbours_of_vertices(make):
    x = normal(2, 3, N).astype(np.float32)
    x[1, 1, 4] = np.nan
    got = median_filter(x, neighbourhood=adjacency(make))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, oracles.rows_by_rank(x, ROWS, half))


@pytest.mark.parametrize("dtype", DTYPES)
def test_tables_of_neighbours(dtype):
    table = np.random.default_rng(1).integers(0, N, (N, 4))
    x = numbers(dtype, 2, N)
    got = median_filter(x, neighbourhood=table)
    assert got.dtype == x.dtype
    np.testing.assert_array_equal(np.float64(got), oracles.rows_by_rank(np.float64(x), table, half))


def test_rows_are_gathered_in_blocks(monkeypatch):
    monkeypatch.setattr(_mesh_ranks, "BLOCK", 2 * 4 * 2)  # two rows of four neighbours in a batch of two
    table = np.random.default_rng(2).integers(0, 11, (11, 4))
    x = normal(2, 11).astype(np.float32)
    got = median_filter(x, neighbourhood=table)
    np.testing.assert_array_equal(got, oracles.rows_by_rank(x, table, half))


def test_memory_of_neighbours_is_bounded():
    n, k, batch = 20_000, 7, 64
    memory = compiled_memory(
        lambda x, table: median_filter(x, neighbourhood=table), form(batch, n), form(n, k, dtype="int32")
    )
    assert memory.temporaries < 4 * batch * n * 4 + 4 * 4 * _mesh_ranks.BLOCK  # not k times the field


@pytest.mark.slow
@pytest.mark.parametrize("make", [ell_from_ragged, sectioned_ell_from_ragged], ids=["flat", "sectioned"])
def test_derivatives_over_neighbours(x64, make):
    # A vertex without neighbours is NaN, so that its row is left out.
    rows = np.flatnonzero([len(row) > 0 for row in ROWS])
    order = 2 if make is ell_from_ragged else 1
    filtered = lambda x: median_filter(x, neighbourhood=adjacency(make))[..., rows]
    check_gradients(filtered, normal(2, N), order=order)


def test_neighbours_that_only_jit_sees_are_nan_where_they_are_none():
    x = normal(N).astype(np.float32)
    table = np.tile(np.arange(3), (N, 1))
    table[2, 1], table[5, 0] = -1, N
    got = np.asarray(jax.jit(lambda x, t: median_filter(x, neighbourhood=t))(x, table))
    np.testing.assert_array_equal(np.isnan(got), np.isin(np.arange(N), [2, 5]))
    whole = jax.jit(
        lambda x, d: median_filter(x, neighbourhood=ELL(jnp.zeros((N, 3)), table % N, N, degree=d))
    )
    np.testing.assert_array_equal(whole(np.arange(N, dtype=np.int32), np.zeros(N, np.int32)), np.zeros(N))


X = np.ones(SHAPE, np.float32)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("x", "options", "error", "words"),
    [
        (
            X,
            {},
            ValueError,
            "give one of size, structuring_element and neighbourhood; none of them was given",
        ),
        (X, {"size": 3, "neighbourhood": 3}, ValueError, "size and neighbourhood were given"),
        (X, {"size": 3, "neighbourhood": np.zeros((6, 2), int)}, ValueError, "give one of size"),
        (X, {"size": 0}, ValueError, "size=0 must be at least 1"),
        (X, {"size": 2.5}, TypeError, "size=2.5 must be an integer"),
        (X, {"size": (3, 3, 3)}, ValueError, r"size has shape \(3,\) but 2 axes are spatial"),
        (
            X,
            {"size": 3, "origin": 2},
            ValueError,
            "origin=2 moves the centre out of an axis of 3 entries; .* from -1 to 1",
        ),
        (X, {"size": 3, "mode": "edge"}, ValueError, "mode='edge' is not known; give one of 'reflect'"),
        (X, {"size": 3, "border_value": 2}, ValueError, "border_value=2 is read in mode='constant' only"),
        (X, {"size": 3, "spatial_rank": 3}, ValueError, "spatial_rank=3 must be from 1 to 2"),
        (X, {"structuring_element": np.zeros((3, 3))}, ValueError, r"structuring_element \(3, 3\) is empty"),
        (X, {"structuring_element": np.ones(3)}, ValueError, "has 1 axes but 2 axes of x are spatial"),
        (X.astype(complex), {"size": 3}, TypeError, "x has dtype complex128; give truth values, integers"),
        (X.astype(str), {"size": 3}, TypeError, "x has dtype <U32; give truth values, integers"),
        (
            X.astype("u1"),
            {"size": 3, "mode": "constant", "border_value": 256},
            ValueError,
            "256 is no value of",
        ),
        (
            X.astype("i4"),
            {"size": 3, "mode": "constant", "border_value": 0.5},
            ValueError,
            "0.5 is no value of",
        ),
        (X, {"neighbourhood": np.full((6, 2), 6)}, ValueError, "from 6 to 6, but vertices have 0 to 5"),
        (X, {"neighbourhood": np.full((6, 2), -1)}, ValueError, "from -1 to -1, but vertices have 0 to 5"),
        (X, {"neighbourhood": np.zeros((5, 2), int)}, ValueError, "5 x 6, but x has 6 vertices"),
        (
            X,
            {"neighbourhood": np.zeros((6, 2))},
            TypeError,
            "numbers of each vertex's neighbours as integers",
        ),
        (X, {"neighbourhood": np.zeros((6, 2), int), "mode": "wrap"}, ValueError, "say nothing of listed"),
        (X[0].astype(int), {"neighbourhood": np.zeros((6, 0), int)}, ValueError, "6 rows .* too few entries"),
    ],
)
def test_bad_input_is_refused_in_words(x, options, error, words):
    with pytest.raises(error, match=f"median_filter: .*{words}"):
        median_filter(x, **options)


@pytest.mark.usefixtures("unchecked")
def test_a_traced_window_is_refused_in_words():
    with pytest.raises(TypeError, match="structuring_element is traced; give it as a NumPy array"):
        jax.jit(lambda e: median_filter(X, structuring_element=e))(jnp.ones((3, 3)))


@pytest.mark.usefixtures("unchecked")
def test_integers_beyond_32_bits_are_not_cut_off():
    with pytest.raises(
        ValueError, match="x has numbers from 1 to 4294967296, which int32 cannot hold; switch jax_enable"
    ):
        median_filter(np.asarray([1, 2**32, 3]), size=3)


def test_no_rows_have_no_medians():
    for table in (np.zeros((0, 2), int), np.zeros((0, 0), int)):
        assert median_filter(np.zeros((2, 0), np.float32), neighbourhood=table).shape == (2, 0)
