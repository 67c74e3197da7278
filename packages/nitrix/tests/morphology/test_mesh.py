"""Erosion and dilation over the neighbours of vertices: number tables, ELL and SectionedELL."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.morphology import close, dilate, erode, morphological_gradient
from nitrix.morphology import open as opened
from nitrix.sparse import ell_add_self_loops, ell_from_ragged, sectioned_ell_from_ragged
from support.gradients import check_gradients

ROWS = [[1, 2], [0], [], [4, 0, 1, 3], [3]]  # not mutual; vertex 2 has none
N = len(ROWS)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def every_form():
    values = [[5.0] * len(row) for row in ROWS]
    return {
        "ELL": ell_from_ragged(values, ROWS, n_cols=N),
        "SectionedELL": sectioned_ell_from_ragged(values, ROWS, n_cols=N),
    }


def oracle(x, pick, empty):
    return np.stack(
        [pick(x[..., row], axis=-1) if row else np.full(x.shape[:-1], empty) for row in ROWS], axis=-1
    )


@pytest.mark.fast
@pytest.mark.parametrize("name", ["ELL", "SectionedELL"])
@pytest.mark.parametrize("dtype", ["float32", "int16", "bool"])
def test_extrema_of_the_listed_vertices(name, dtype):
    x = (normal(2, 3, N) * 4 > 0) if dtype == "bool" else (normal(2, 3, N) * 4).astype(dtype)
    least, most = {"float32": (-np.inf, np.inf), "int16": (-(2**15), 2**15 - 1), "bool": (False, True)}[dtype]
    ring = every_form()[name]
    for function, pick, empty in ((dilate, np.max, least), (erode, np.min, most)):
        got = jax.jit(function)(x, neighbourhood=ring)
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, oracle(x, pick, empty).astype(dtype))


def test_a_table_of_numbers():
    table = np.array([[1, 2, 0], [0, 0, 0], [4, 2, 2], [3, 1, 0], [4, 4, 1]])
    x = normal(3, N).astype(np.float32)
    np.testing.assert_array_equal(dilate(x, neighbourhood=table), x[:, table].max(-1))
    np.testing.assert_array_equal(erode(x, neighbourhood=jnp.asarray(table)), x[:, table].min(-1))


def test_a_nan_reaches_the_rows_that_list_it():
    x = np.float32([np.nan, 1, 2, 3, np.inf])
    got = dilate(x, neighbourhood=every_form()["ELL"])
    np.testing.assert_array_equal(got, [2, np.nan, -np.inf, np.nan, 3])


def test_a_vertex_counts_where_it_is_listed():
    # A closed walk 0 - 1 - 2 - 3 - 4 - 0.
    ring = ell_from_ragged([[1.0, 1.0]] * N, [[(i - 1) % N, (i + 1) % N] for i in range(N)], n_cols=N)
    x = np.float32([9, 0, 0, 0, 0])
    np.testing.assert_array_equal(dilate(x, neighbourhood=ring), [0, 9, 0, 0, 9])
    whole, _ = ell_add_self_loops(ring)
    np.testing.assert_array_equal(dilate(x, neighbourhood=whole), [9, 9, 0, 0, 9])
    np.testing.assert_array_equal(opened(x, neighbourhood=whole), np.zeros(N))
    np.testing.assert_array_equal(morphological_gradient(x, neighbourhood=whole), [9, 9, 0, 0, 9])
    y = normal(4, N).astype(np.float32)
    once = close(y, neighbourhood=whole)
    assert (np.asarray(once) >= y).all()
    np.testing.assert_array_equal(close(once, neighbourhood=whole), once)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SectionedELL", pytest.param("ELL", marks=pytest.mark.slow)])
def test_derivatives(x64, name):
    ring = every_form()[name]
    x = normal(2, N)
    keep = np.array([bool(row) for row in ROWS])
    for function in (dilate, erode):
        check_gradients(lambda v: function(v, neighbourhood=ring)[..., keep], x, order=1)
    slope = jax.grad(lambda v: jnp.exp(dilate(v, neighbourhood=ring)).sum())(jnp.asarray(x))
    assert np.isfinite(slope).all()
    tie = jax.jacrev(lambda v: dilate(v, neighbourhood=ring))(jnp.zeros(N))
    np.testing.assert_array_equal(tie[3], [0, 0, 0, 0, 1])  # the first of its row


def test_traced_numbers_out_of_range_give_nan():
    table = jnp.asarray([[1, 2], [0, 7], [-1, 0]])
    run = jax.jit(lambda v, t: dilate(v, neighbourhood=t))
    np.testing.assert_array_equal(run(jnp.asarray([1.0, 2.0, 3.0]), table), [3, np.nan, np.nan])
    np.testing.assert_array_equal(run(jnp.asarray([1, 2, 3], np.int8), table), [3, 127, 127])


@pytest.mark.parametrize(
    ("table", "options", "error", "words"),
    [
        ([[0, 3], [1, 1], [2, 2]], {}, ValueError, "numbers from 0 to 3, but vertices have 0 to 2"),
        ([[0, -1], [1, 1], [2, 2]], {}, ValueError, "numbers from -1 to 2"),
        ([[0], [1]], {}, ValueError, "neighbourhood is 2 x 3, but x has 3 vertices"),
        ([[0.0], [1.0], [2.0]], {}, TypeError, "give the numbers of each vertex's neighbours as integers"),
        ([0, 1, 2], {}, TypeError, r"int32\[3\]; give the numbers"),
        (
            [[0], [1], [2]],
            {"mode": "wrap"},
            ValueError,
            "mode, border_value, origin and spatial_rank are for images",
        ),
        ([[0], [1], [2]], {"size": 3}, ValueError, "size and neighbourhood were given; give one"),
    ],
    ids=str,
)
def test_bad_neighbourhoods_are_refused_in_words(unchecked, table, options, error, words):
    with pytest.raises(error, match=words):
        dilate(jnp.ones(3), neighbourhood=jnp.asarray(table), **options)
    with pytest.raises(
        ValueError, match="erode: neighbourhood is 5 x 5, but x has 3 vertices on its last axis"
    ):
        erode(jnp.ones(3), neighbourhood=every_form()["ELL"])
