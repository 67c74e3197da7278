"""Sparse matrices from dense ones, from edges and from ragged rows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.sparse import (
    ELL,
    ell_from_dense,
    ell_from_edges,
    ell_from_ragged,
    ell_from_sectioned,
    ell_pad,
    sectioned_ell_from_edges,
    sectioned_ell_from_ell,
    sectioned_ell_from_ragged,
)
from support.ell_cases import FORMS, entries_of, listed, ragged_case, slot_values
from support.gradients import check_gradients

EDGES = {"flat": ell_from_edges, "sectioned": sectioned_ell_from_edges}


@pytest.mark.parametrize("form", FORMS)
def test_ragged_rows_are_stored_as_given(form):
    case = ragged_case()
    matrix = case.ell(form, identity=-1.0, pad_index=3)
    assert entries_of(matrix) == listed(case)
    assert matrix.shape == case.shape
    assert (matrix.dtype, matrix.identity) == (np.float32, -1.0)
    sections = [matrix] if form == "flat" else matrix.sections
    for section in sections:
        pads = ~np.asarray(section.valid)
        assert (np.asarray(section.values)[pads] == -1).all()
        assert (np.asarray(section.indices)[pads] == 3).all()


def test_a_degree_is_kept_only_where_rows_differ():
    assert ell_from_ragged([[1.0, 2.0], [3.0, 4.0]], [[0, 1], [1, 0]], n_cols=2).degree is None
    np.testing.assert_array_equal(ell_from_ragged([[1.0, 2.0], []], [[0, 1], []], n_cols=2).degree, [2, 0])


@pytest.mark.covering
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [np.float16, jnp.bfloat16, np.int32, np.int8, bool, np.complex64])
def test_every_dtype_is_kept(form, dtype):
    values = [np.ones(2, dtype), np.zeros(0, dtype), np.ones(1, dtype)]
    matrix = FORMS[form](values, [[0, 1], [], [1]], n_cols=2, identity=0)
    assert matrix.dtype == dtype
    assert len(entries_of(matrix)) == 3


def test_forms_turn_into_each_other():
    case = ragged_case()
    flat = case.ell()
    sectioned = sectioned_ell_from_ell(flat)
    assert entries_of(sectioned) == entries_of(flat) == listed(case)
    back = ell_from_sectioned(sectioned)
    for name in ("values", "indices", "degree"):
        np.testing.assert_array_equal(getattr(back, name), getattr(flat, name))
    gathered = jax.jit(lambda v: slot_values(sectioned_ell_from_ell(flat.replace(values=v))))(flat.values)
    np.testing.assert_array_equal(gathered, slot_values(sectioned))


def test_dense_entries_stand_in_the_order_of_columns():
    dense = ragged_case(seed=3).dense
    ell = ell_from_dense(dense)
    rows, columns = np.nonzero(dense)
    assert entries_of(ell) == [(i, j, np.float32(dense[i, j]).item()) for i, j in zip(rows, columns)]
    np.testing.assert_array_equal(ell.degree, (dense != 0).sum(1))


def test_dense_threshold_and_k_max_keep_the_largest_magnitudes():
    dense = np.array([[0.5, -3.0, 3.0, 1.0], [0.1, 0.0, -0.2, 0.3], [2.0, 2.0, 2.0, -2.0]], np.float32)
    ell = ell_from_dense(dense, k_max=2, threshold=0.25)
    assert entries_of(ell) == [
        (0, 1, -3.0),
        (0, 2, 3.0),
        (1, 3, np.float32(0.3).item()),
        (2, 0, 2.0),
        (2, 1, 2.0),
    ]
    assert ell.k_max == 2
    assert ell_from_dense(dense, k_max=9).k_max == 9
    assert ell_from_dense(dense, threshold=-1.0).degree is None  # zeros too
    assert ell_from_dense(dense, threshold=3.0).shape == (3, 4)
    assert ell_from_dense(np.zeros((2, 3))).k_max == 1
    assert ell_from_dense(np.zeros((2, 0))).k_max == 0


def test_nan_is_always_an_entry():
    dense = np.array([[np.nan, 5.0, 0.0], [0.0, np.inf, -7.0]])
    np.testing.assert_array_equal(ell_from_dense(dense, threshold=6.0).indices, [[0, 0], [1, 2]])
    np.testing.assert_array_equal(ell_from_dense(dense, k_max=1).indices, [[0], [1]])


@pytest.mark.parametrize("sign", [-1, 1])
def test_an_infinite_identity_is_what_stands_where_nothing_is(sign):
    dense = np.array([[np.inf, 0.0, 2.0], [np.inf, np.inf, np.inf], [np.nan, -np.inf, -1.0]]) * -sign
    ell = ell_from_dense(dense, identity=-sign * np.inf)
    np.testing.assert_array_equal(ell.degree, [2, 0, 3])
    np.testing.assert_array_equal(ell_from_dense(dense, identity=-sign * np.inf, k_max=1).indices[0], [1])
    np.testing.assert_array_equal(
        ell_from_dense(dense[2:, 1:], identity=-sign * np.inf, k_max=1).indices, [[0]]
    )


@pytest.mark.parametrize("dtype", [np.float32, np.int32, bool])
def test_symmetrized_is_the_mean_with_the_transpose_of_what_was_kept(dtype):
    dense = np.array([[1, 5, 0, 2], [0, 1, 4, 0], [3, 0, 0, 0], [0, 0, 7, 0]]).astype(dtype)
    ell = ell_from_dense(dense, k_max=1, symmetrize=True)
    kept = np.zeros((4, 4))
    first = [0, 1, 2, 3], ([0, 1, 0, 2] if dtype is bool else [1, 2, 0, 2])
    kept[first] = dense[first]
    wanted = (kept + kept.T) / 2
    assert entries_of(ell) == [(i, j, wanted[i, j]) for i, j in zip(*np.nonzero(wanted))]
    assert ell.dtype == np.float32


@pytest.mark.parametrize("form", EDGES)
def test_edges_come_in_any_order(form):
    case = ragged_case(seed=1)
    order = np.random.default_rng(0).permutation(len(case.rows))
    matrix = EDGES[form](case.rows[order], case.columns[order], case.values[order], shape=case.shape)
    assert sorted(entries_of(matrix)) == sorted(listed(case))
    assert matrix.shape == case.shape
    without = EDGES[form](case.rows, case.columns, shape=case.shape)
    np.testing.assert_array_equal([v for *_, v in entries_of(without)], np.ones(len(case.rows), np.float32))


@pytest.mark.parametrize("form", EDGES)
def test_a_row_keeps_the_order_of_its_edges(form):
    matrix = EDGES[form](np.array([1, 0, 1, 1]), np.array([2, 0, 0, 1]), np.arange(4.0), shape=(2, 3))
    assert entries_of(matrix) == [(0, 0, 1.0), (1, 2, 0.0), (1, 0, 2.0), (1, 1, 3.0)]


@pytest.mark.parametrize("form", EDGES)
def test_duplicate_edges(form, unchecked):
    edges = np.array([1, 0, 1, 1]), np.array([2, 0, 0, 2])
    kept = EDGES[form](*edges, np.array([1, 2, 3, 4]), shape=(2, 3), identity=0)
    assert entries_of(kept) == [(0, 0, 2), (1, 2, 1), (1, 0, 3), (1, 2, 4)]
    for values in (np.array([1, 2, 3, 4]), jnp.array([1, 2, 3, 4])):
        summed = EDGES[form](*edges, values, shape=(2, 3), duplicates="sum", identity=0)
        assert entries_of(summed) == [(0, 0, 2), (1, 0, 3), (1, 2, 5)]
    either = EDGES[form](*edges, np.array([0, 0, 0, 1], bool), shape=(2, 3), duplicates="sum", identity=False)
    assert entries_of(either) == [(0, 0, False), (1, 0, False), (1, 2, True)]
    with pytest.raises(
        ValueError, match=r"1 places have several entries, the first \(1, 2\) has 2; give duplicates="
    ):
        EDGES[form](*edges, shape=(2, 3), duplicates="refuse")
    alone = [x[:3] for x in edges]
    for duplicates in ("sum", "refuse"):
        assert len(entries_of(EDGES[form](*alone, shape=(2, 3), duplicates=duplicates))) == 3


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("duplicates", ["keep", "sum"])
@pytest.mark.parametrize("form", EDGES)
def test_edge_values_are_differentiable(form, duplicates):
    case = ragged_case(dtype=np.float64)

    def stored(values):
        return slot_values(
            EDGES[form](case.rows, case.columns, values, shape=case.shape, duplicates=duplicates)
        )

    check_gradients(stored, case.values, order=1)


def test_edge_values_with_leading_axes():
    case = ragged_case()
    stacked = np.stack([case.values, 2 * case.values])
    ell = ell_from_edges(case.rows, case.columns, jnp.asarray(stacked), shape=case.shape)
    np.testing.assert_array_equal(ell.values[1], 2 * case.ell().values)


def test_padding_adds_slots_that_do_not_count():
    ell = ell_pad(
        np.ones((3, 2), np.float32), np.ones((3, 2), int), k_max=4, n_cols=3, identity=7.0, pad_index=2
    )
    np.testing.assert_array_equal(ell.values, [[1, 1, 7, 7]] * 3)
    np.testing.assert_array_equal(ell.indices, [[1, 1, 2, 2]] * 3)
    np.testing.assert_array_equal(ell.degree, [2] * 3)
    assert ell_pad(np.ones((3, 2)), np.ones((3, 2), int), k_max=2, n_cols=3).degree is None


@pytest.mark.parametrize("form", FORMS)
def test_nothing_at_all(form):
    none = FORMS[form]([], [], n_cols=4)
    assert none.shape == (0, 4)
    assert EDGES[form](np.zeros(0, int), np.zeros(0, int), shape=(0, 0)).shape == (0, 0)
    assert entries_of(FORMS[form]([[], []], [[], []], n_cols=0)) == []


E = np.array([0, 1])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: ell_from_ragged([[1.0]], [[0], [1]], n_cols=2),
            ValueError,
            "values_per_row has 1 rows but indices_per_row",
        ),
        (
            lambda: ell_from_ragged([[1.0, 2.0]], [[0]], n_cols=2),
            ValueError,
            r"row 0 has values of shape \(2,\) and indices",
        ),
        (
            lambda: ell_from_ragged([[1.0]], [[2]], n_cols=2),
            ValueError,
            r"1 of indices_per_row are out of range, the first 2; .* to 1 \(n_cols is 2\)",
        ),
        (
            lambda: ell_from_ragged([[1.0]], [[-1]], n_cols=2),
            ValueError,
            "out of range, the first -1",
        ),
        (
            lambda: ell_from_ragged([[1.0]], [[0.5]], n_cols=2),
            TypeError,
            r"indices_per_row\[0\] is of dtype float64, but integers",
        ),
        (
            lambda: ell_from_ragged([["a"]], [[0]], n_cols=2),
            TypeError,
            r"values_per_row\[0\] is of dtype <U1; give an array of numbers",
        ),
        (
            lambda: ell_from_ragged([[1.0]], [[0]], n_cols=-2),
            ValueError,
            "n_cols is -2; give 0 or more",
        ),
        (
            lambda: ell_from_ragged([[1.0]], [[0]], n_cols=2.0),
            TypeError,
            "n_cols is 2.0, but an integer",
        ),
        (
            lambda: ell_from_ragged([[1.0], []], [[0], []], n_cols=2, pad_index=2),
            ValueError,
            "pad_index is 2, but pads need",
        ),
        (
            lambda: ell_from_ragged([[1]], [[0]], n_cols=2, identity=-np.inf),
            ValueError,
            "identity is -inf, which values of dtype int32",
        ),
        (
            lambda: ell_from_ragged([[True]], [[0]], n_cols=2, identity=0.5),
            ValueError,
            "identity is 0.5, which values of dtype bool",
        ),
        (
            lambda: ell_from_dense(np.ones(3)),
            ValueError,
            r"dense has shape \(3,\), but a matrix",
        ),
        (
            lambda: ell_from_dense(np.ones((2, 2)), threshold=np.nan),
            ValueError,
            "threshold is NaN",
        ),
        (
            lambda: ell_from_dense(np.ones((2, 2)), k_max=-1),
            ValueError,
            "k_max is -1; give 0 or more",
        ),
        (
            lambda: ell_from_dense(np.ones((2, 3)), symmetrize=True),
            ValueError,
            r"needs a square matrix, but dense has shape \(2, 3\)",
        ),
        (
            lambda: ell_from_dense(np.ones((2, 2)), symmetrize=True, identity=np.inf),
            ValueError,
            "symmetrize averages an entry with inf",
        ),
        (
            lambda: jax.jit(ell_from_dense)(np.ones((2, 2))),
            TypeError,
            "dense is traced, .* call ell_from_dense outside jit",
        ),
        (
            lambda: ell_from_edges(E, E[:1], shape=(2, 2)),
            ValueError,
            r"rows \(2,\) and cols \(1,\) must be lists of the same length",
        ),
        (
            lambda: ell_from_edges(E, E, np.ones(3), shape=(2, 2)),
            ValueError,
            r"values \(3,\) must have one number for each of the 2 edges",
        ),
        (
            lambda: ell_from_edges(E + 1, E, shape=(2, 2)),
            ValueError,
            r"of rows are out of range, the first 2; .*\(rows are 2\)",
        ),
        (
            lambda: ell_from_edges(E, E - 1, shape=(2, 2)),
            ValueError,
            r"of cols are out of range, the first -1; .*\(columns are 2\)",
        ),
        (
            lambda: ell_from_edges(E * 1.0, E, shape=(2, 2)),
            TypeError,
            "rows is of dtype float64, but integers",
        ),
        (
            lambda: ell_from_edges(E, E, shape=(2,)),
            ValueError,
            r"shape is \(2,\); give \(rows, columns\)",
        ),
        (
            lambda: ell_from_edges(E, E, shape=(2, 2), duplicates="drop"),
            ValueError,
            "duplicates is 'drop'; give 'keep', 'sum' or 'refuse'",
        ),
        (
            lambda: ell_pad(np.ones((2, 2)), np.zeros((2, 2), int), k_max=1, n_cols=2),
            ValueError,
            "k_max is 1, but rows have 2 entries",
        ),
        (
            lambda: ell_pad(np.ones((2, 2)), np.zeros((2, 1), int), k_max=2, n_cols=2),
            ValueError,
            r"must both be \[m, k_actual\]",
        ),
        (
            lambda: ell_pad(np.ones((2, 0)), np.zeros((2, 0), int), k_max=2, n_cols=0),
            ValueError,
            "pads need a column in range",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words, unchecked):
    with pytest.raises(error, match=words):
        call()


def test_values_that_are_traced_meet_structure_that_is_not():
    case = ragged_case()

    @jax.jit
    def product(values):
        ell = ell_from_edges(case.rows, case.columns, values, shape=case.shape)
        assert isinstance(ell, ELL)
        return slot_values(sectioned_ell_from_ell(ell))

    np.testing.assert_array_equal(product(case.values), slot_values(sectioned_ell_from_ell(case.ell())))


def test_python_numbers_take_the_default_dtypes():
    assert ell_from_ragged([[1.0]], [[0]], n_cols=1).dtype == np.float32
    assert sectioned_ell_from_ragged([[], [2]], [[], [0]], n_cols=1).dtype == np.int32
    with jax.enable_x64(True):
        assert ell_from_ragged([[1.0]], [[0]], n_cols=1).dtype == np.float64
