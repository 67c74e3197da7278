"""Max pooling and unpooling against their definition and torch."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nitrix.morphology import max_pool_with_indices_nd, max_unpool_nd
from support import ranks as oracles
from support.gradients import check_gradients
from support.memory import compiled_memory, form

CASES = {  # name: (spatial shape, options)
    "line": ((11,), {"pool_size": 2}),
    "plane": ((9, 10), {"pool_size": 3, "stride": 2, "padding": 1}),
    "dilated": ((9, 12), {"pool_size": (2, 3), "stride": (1, 2), "dilation": (3, 2), "padding": (1, 1)}),
    "space": ((5, 6, 7), {"pool_size": (2, 2, 3)}),
    "overlapping": ((8, 7, 6), {"pool_size": 4, "stride": 2, "padding": 2}),  # 64 samples, in a loop
    "time and space": ((3, 4, 3, 4), {"pool_size": 2, "stride": 1}),
}


def values(kind, *shape):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, shape) if kind == "ties" else rng.normal(size=shape)
    x = x.astype(np.float32)
    if kind in ("nan", "empty"):
        x[rng.random(shape) < (0.15 if kind == "nan" else 0.8)] = np.nan if kind == "nan" else -np.inf
    return x


def each(value, rank):
    return tuple(np.broadcast_to(value, rank).tolist())


def defined(x, rank, pool_size, stride=None, padding=0, dilation=1):
    """Over a batch of two axes."""
    options = [each(o, rank) for o in (pool_size, pool_size if stride is None else stride, padding, dilation)]
    pairs = [[oracles.pooled(image, *options) for image in channels] for channels in x]
    return tuple(np.array([[pair[i] for pair in row] for row in pairs]) for i in range(2))


@pytest.mark.covering
@pytest.mark.fast
@pytest.mark.parametrize("kind", ["ties", "nan", "empty"])
@pytest.mark.parametrize("name", CASES)
def test_matches_the_definition(name, kind):
    shape, options = CASES[name]
    x = values(kind, 1, 2, *shape)
    pooled, indices = max_pool_with_indices_nd(x, spatial_rank=len(shape), **options)
    assert (pooled.dtype, indices.dtype) == (np.float32, np.int32)
    wanted, places = defined(x, len(shape), **options)
    np.testing.assert_array_equal(pooled, wanted)
    np.testing.assert_array_equal(indices, places)


@pytest.mark.covering
@pytest.mark.parametrize("kind", ["ties", "nan", "empty"])
@pytest.mark.parametrize("name", [name for name in CASES if name != "time and space"])
def test_equals_torch(name, kind):
    functional = pytest.importorskip("torch.nn.functional", reason="torch is not installed")
    torch = pytest.importorskip("torch")
    shape, options = CASES[name]
    rank = len(shape)
    x = values(kind, 2, 3, *shape)
    keywords = {**options, "kernel_size": options["pool_size"]}
    del keywords["pool_size"]
    wanted, places = getattr(functional, f"max_pool{rank}d")(torch.tensor(x), return_indices=True, **keywords)
    pooled, indices = max_pool_with_indices_nd(x, spatial_rank=rank, **options)
    np.testing.assert_array_equal(pooled, wanted.numpy())
    np.testing.assert_array_equal(indices, places.numpy())
    if set(options) == {"pool_size"}:
        unpool = getattr(functional, f"max_unpool{rank}d")
        back = unpool(wanted, places, kernel_size=options["pool_size"], output_size=x.shape)
        got = max_unpool_nd(pooled, indices, output_shape=shape, spatial_rank=rank)
        np.testing.assert_array_equal(got, back.numpy())


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int8", "uint16", "int32", "bool"])
def test_every_dtype_is_kept(dtype):
    x = np.random.default_rng(1).integers(-3, 4, (1, 2, 7, 8))
    x = (abs(x) if dtype == "uint16" else x > 0 if dtype == "bool" else x).astype(dtype)
    options = {"pool_size": 3, "stride": 2, "padding": 1}
    pooled, indices = max_pool_with_indices_nd(x, spatial_rank=2, **options)
    wanted, places = defined(np.int64(x), 2, **options)
    assert pooled.dtype == x.dtype
    np.testing.assert_array_equal(np.int64(pooled), wanted)
    np.testing.assert_array_equal(indices, places)
    back = max_unpool_nd(pooled, indices, output_shape=(7, 8), spatial_rank=2)
    assert back.dtype == x.dtype
    lowest = np.full((4, 4), np.iinfo("int8").min, "int8")
    assert max_pool_with_indices_nd(lowest, spatial_rank=2, **options).indices.tolist() == [[0, 1], [4, 5]]


@given(hnp.arrays(np.int8, (2, 6, 9), elements=st.integers(-5, 5)))
def test_what_is_put_back_is_pooled_to_itself(x):
    x = np.int8(np.abs(x) + 1)
    pool = functools.partial(max_pool_with_indices_nd, pool_size=(2, 3), spatial_rank=2)
    pooled, indices = pool(x)
    back = max_unpool_nd(pooled, indices, output_shape=(6, 9), spatial_rank=2)
    assert ((back == 0) | (back == x)).all()
    np.testing.assert_array_equal(np.count_nonzero(back, axis=(1, 2)), [9, 9])
    for again, before in zip(pool(back), (pooled, indices)):
        np.testing.assert_array_equal(again, before)


@pytest.mark.parametrize("name", ["plane", "space"])
def test_derivatives(x64, name):
    shape, options = CASES[name]
    x = np.random.default_rng(2).normal(size=(2, *shape))
    pool = functools.partial(max_pool_with_indices_nd, spatial_rank=len(shape), **options)
    check_gradients(lambda x: pool(x).pooled, x)
    pooled, indices = pool(x)
    unpool = functools.partial(max_unpool_nd, output_shape=shape, spatial_rank=len(shape))
    check_gradients(lambda x: unpool(x, indices), np.asarray(pooled), order=1)


def test_of_values_with_one_index_the_last_stays_and_has_the_derivative():
    x, at = jnp.asarray([1.0, 2.0, 3.0, 4.0]), jnp.asarray([2, 0, 2, 0])
    unpool = functools.partial(max_unpool_nd, indices=at, output_shape=(4,), spatial_rank=1)
    np.testing.assert_array_equal(unpool(x), [4, 0, 3, 0])
    np.testing.assert_array_equal(jax.jacobian(unpool)(x), np.eye(4)[[3, 1, 2, 1]] * [[1], [0], [1], [0]])
    np.testing.assert_array_equal(jax.jvp(unpool, (x,), (jnp.arange(4.0),))[1], [3, 0, 2, 0])


def test_under_jit_and_vmap():
    x = values("ties", 4, 6, 9)
    pool = functools.partial(max_pool_with_indices_nd, pool_size=3, spatial_rank=2)
    unpool = functools.partial(max_unpool_nd, output_shape=(6, 9), spatial_rank=2)
    pooled, indices = pool(x)
    mapped = jax.jit(jax.vmap(pool))(x)
    np.testing.assert_array_equal(mapped.pooled, pooled)
    np.testing.assert_array_equal(mapped.indices, indices)
    back = unpool(pooled, indices)
    np.testing.assert_array_equal(jax.jit(jax.vmap(unpool))(pooled, indices), back)
    lost = jax.jit(unpool)(pooled, indices.at[1, 0, 0].set(54).at[2, 1, 1].set(-1))
    np.testing.assert_array_equal(np.isnan(lost).all((1, 2)), [False, True, True, False])
    np.testing.assert_array_equal(np.asarray(lost)[[0, 3]], np.asarray(back)[[0, 3]])


def test_no_mask_is_kept_for_the_derivative():
    x = form(8, 32, 32, 32)
    pool = functools.partial(max_pool_with_indices_nd, pool_size=3, stride=2, padding=1, spatial_rank=3)
    assert compiled_memory(pool, x).temporaries < 2.2 * 4 * 8 * 32**3
    slope = jax.grad(lambda x: (pool(x).pooled ** 2).sum())
    assert compiled_memory(slope, x).temporaries < 3 * 4 * 8 * 32**3


X = np.ones((4, 6), np.float32)
P = functools.partial(max_pool_with_indices_nd, X)
U = functools.partial(max_unpool_nd, X)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: P(pool_size=0, spatial_rank=2), ValueError, "pool_size=0 must be at least 1"),
        (lambda: P(pool_size=2.0, spatial_rank=2), TypeError, "pool_size=2.0 must be an integer"),
        (
            lambda: P(pool_size=(2, 2, 2), spatial_rank=2),
            ValueError,
            r"pool_size has shape \(3,\) but 2 axes",
        ),
        (lambda: P(pool_size=2, stride=0, spatial_rank=2), ValueError, "stride=0 must be at least 1"),
        (
            lambda: P(pool_size=2, padding=2, spatial_rank=2),
            ValueError,
            "padding=2 is more than half of pool_size=2",
        ),
        (
            lambda: P(pool_size=5, spatial_rank=2),
            ValueError,
            "no window fits on spatial axis 0: it has 4 voxels",
        ),
        (
            lambda: P(pool_size=2, padding=1, dilation=5, spatial_rank=2),
            ValueError,
            "in the padding altogether",
        ),
        (lambda: P(pool_size=2, spatial_rank=3), ValueError, "spatial_rank=3 must be from 1 to 2"),
        (
            lambda: U(np.zeros((4, 5), int), output_shape=(9,), spatial_rank=1),
            ValueError,
            r"shape \(4, 5\) but x",
        ),
        (
            lambda: U(np.zeros((4, 6)), output_shape=(9,), spatial_rank=1),
            TypeError,
            "indices are of dtype float",
        ),
        (
            lambda: U(np.zeros((4, 6), int), output_shape=(9,), spatial_rank=2),
            ValueError,
            "does not name each",
        ),
        (
            lambda: U(np.full((4, 6), 9), output_shape=(9,), spatial_rank=1),
            ValueError,
            "from 9 to 9, but .* 0 to 8",
        ),
        (lambda: U(np.full((4, 6), -1), output_shape=(9,), spatial_rank=1), ValueError, "from -1 to -1, but"),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.usefixtures("unchecked")
def test_integers_beyond_32_bits_are_not_cut_off():
    wide = np.asarray([1, 2**32, 3, 4])
    with pytest.raises(ValueError, match="x has numbers from 1 to 4294967296, which int32 cannot hold"):
        max_pool_with_indices_nd(wide, pool_size=2, spatial_rank=1)
    with pytest.raises(ValueError, match="x has numbers from 1 to 4294967296, which int32 cannot hold"):
        max_unpool_nd(wide, np.arange(4), output_shape=(8,), spatial_rank=1)
