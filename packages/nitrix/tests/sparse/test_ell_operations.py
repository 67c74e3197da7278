"""Operations on a sparse matrix, flat and sectioned, against their dense definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from nitrix import semiring
from nitrix.sparse import (
    ELL,
    apply_operator,
    ell_from_ragged,
    ell_gather,
    ell_reshape,
    ell_rows,
    ell_scatter,
    ell_to_dense,
    ell_with_transpose,
    sectioned_ell_from_ragged,
)
from support import oracles
from support.ell_cases import (
    FORMS,
    WITH_ANNIHILATOR,
    entries_of,
    listed,
    normal,
    product_oracle,
    ragged_case,
    sections_of,
    slot_values,
    valid_of,
    with_slot_values,
)
from support.gradients import check_gradients
from support.marks import seldom_but


@pytest.mark.fast
@pytest.mark.parametrize("form", FORMS)
def test_dense_form_adds_duplicates(form):
    case = ragged_case()
    np.testing.assert_allclose(ell_to_dense(case.ell(form, identity=9.0)), case.dense, 1e-6)
    assert ell_to_dense(case.ell(form)).dtype == np.float32


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", WITH_ANNIHILATOR)
def test_dense_form_over_an_algebra_acts_as_the_sparse_one(name, form):
    case, algebra = ragged_case(5, 4, most=4), oracles.ALGEBRAS[name]
    matrix, x = case.ell(form), normal((4, 2)).astype(np.float32)
    if name == "boolean":
        matrix, x = with_slot_values(matrix, slot_values(matrix) > 0), x > 0
    dense = ell_to_dense(matrix, semiring=algebra)
    np.testing.assert_allclose(oracles.matmul(name, dense, x), product_oracle(name, matrix, x), 1e-5, 1e-6)
    outside = np.ones(case.shape, bool)
    outside[case.rows, case.columns] = False
    assert (np.asarray(dense)[outside] == algebra.annihilator).all()


@pytest.mark.parametrize("dtype", [np.int32, jnp.bfloat16, bool, np.complex64])
def test_dense_form_keeps_the_dtype(dtype):
    ell = ell_from_ragged([np.ones(2, dtype), np.ones(0, dtype)], [[1, 1], []], n_cols=2, identity=0)
    dense = ell_to_dense(ell)
    assert dense.dtype == dtype
    np.testing.assert_array_equal(dense.astype(np.complex64), [[0, 1 if dtype is bool else 2], [0, 0]])
    if dtype is np.int32:
        assert ell_to_dense(ell, semiring=semiring.LOG).dtype == np.float32


def test_dense_form_of_a_batch_under_jit():
    matrix = ragged_case().ell()
    stacked = matrix.replace(values=jnp.stack([matrix.values, 2 * matrix.values]))
    np.testing.assert_allclose(jax.jit(ell_to_dense)(stacked)[1], 2 * ell_to_dense(matrix), 1e-6)
    batch = ell_to_dense(stacked, semiring=semiring.TROPICAL_MIN_PLUS)
    np.testing.assert_array_equal(batch[0], ell_to_dense(matrix, semiring=semiring.TROPICAL_MIN_PLUS))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ["real", "log", "tropical_max_plus"])
def test_dense_form_is_differentiable(name):
    matrix = ragged_case(5, 4, most=4, dtype=np.float64).ell("sectioned")

    def dense(flat):
        out = ell_to_dense(with_slot_values(matrix, flat), semiring=oracles.ALGEBRAS[name])
        return jnp.where(jnp.isinf(out), 0, out)

    check_gradients(dense, slot_values(matrix), order=1)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", [[4, 0, 0, 1, 8], [0], []])
def test_rows_are_those_of_the_dense_matrix(form, rows):
    case = ragged_case()
    matrix = ell_with_transpose(case.ell(form))
    chosen = ell_rows(matrix, np.array(rows, int))
    np.testing.assert_allclose(ell_to_dense(chosen), case.dense[rows], 1e-6)
    assert chosen.transposed is None
    assert entries_of(chosen) == [(n, j, v) for n, r in enumerate(rows) for i, j, v in listed(case) if i == r]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", [(9, 8), (8, 9), (72, 1), (1, 72), (-1, 4), (24, -1)])
def test_reshape_is_scipys(form, shape):
    case = ragged_case(9, 8)
    reshaped = ell_reshape(case.ell(form), shape)
    wanted = scipy.sparse.coo_array((case.values, (case.rows, case.columns)), shape=case.shape).reshape(shape)
    assert reshaped.shape == wanted.shape
    np.testing.assert_allclose(ell_to_dense(reshaped), wanted.toarray(), 1e-6)
    assert type(reshaped) is type(case.ell(form))


def test_reshape_and_rows_leave_values_free():
    matrix = ragged_case(9, 8).ell("sectioned")

    @jax.jit
    @jax.grad
    def gradient(flat):
        changed = with_slot_values(matrix, flat)
        parts = ell_reshape(changed, (8, 9)), ell_rows(changed, np.array([3, 1, 1]))
        return 10 * slot_values(parts[0]).sum() + slot_values(parts[1]).sum()

    times = np.bincount([3, 1, 1], minlength=9)
    wanted = [
        np.where(valid_of(s), 10 + times[np.asarray(rows)][:, None], 0).ravel()
        for s, rows in zip(matrix.sections, matrix.row_groups)
    ]
    np.testing.assert_array_equal(gradient(slot_values(matrix)), np.concatenate(wanted))


@pytest.mark.parametrize("form", FORMS)
def test_gather_brings_each_slot_its_neighbours_row(form):
    case = ragged_case()
    matrix, x = case.ell(form), normal((2, 7, 3)).astype(np.float32)
    parts = ell_gather(matrix, x, fill=-5.0)
    parts = (parts,) if form == "flat" else parts
    for section, part in zip(sections_of(matrix), parts, strict=True):
        wanted = np.where(valid_of(section)[..., None], x[:, section.indices], np.float32(-5))
        np.testing.assert_array_equal(part, wanted)


def test_under_jit_an_index_out_of_range_brings_nan():
    gathered = jax.jit(lambda i: ell_gather(ELL(jnp.ones((1, 3)), i, 2), jnp.ones((2, 1))))(
        np.array([[0, 2, -1]])
    )
    np.testing.assert_array_equal(gathered[0, :, 0], [1, np.nan, np.nan])


def scatter_oracle(matrix, parts, n):
    out = np.zeros((*np.shape(parts[0])[:-3], n, np.shape(parts[0])[-1]))
    for section, part in zip(sections_of(matrix), parts):
        for i, p in np.argwhere(valid_of(section)):
            out[..., int(section.indices[i, p]), :] += np.asarray(part, np.float64)[..., i, p, :]
    return out


@pytest.mark.parametrize(
    ("form", "lists", "dtype"),
    [
        ("flat", False, np.float32),
        ("flat", True, jnp.bfloat16),
        ("sectioned", False, jnp.bfloat16),
        ("sectioned", True, np.int32),
    ],
)
def test_scatter_adds_up_by_column(form, lists, dtype):
    matrix = ragged_case().ell(form)
    shapes = [(2, s.n_rows, s.k_max, 3) for s in sections_of(matrix)]
    parts = [np.round(10 * normal(shape)).astype(dtype) for shape in shapes]
    given_parts = parts[0] if form == "flat" else parts
    out = ell_scatter(ell_with_transpose(matrix) if lists else matrix, given_parts)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out.astype(np.float32), scatter_oracle(matrix, parts, 7))


@pytest.mark.parametrize("lists", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_pads_never_contribute_to_a_scatter(form, lists):
    matrix = ragged_case().ell(form)
    parts = [jnp.where(valid_of(s)[..., None], 1.0, jnp.nan) for s in sections_of(matrix)]
    out = ell_scatter(ell_with_transpose(matrix) if lists else matrix, parts[0] if form == "flat" else parts)
    np.testing.assert_array_equal(out[:, 0], np.bincount(ragged_case().columns, minlength=7))


@pytest.mark.parametrize("lists", seldom_but([False, True], True))
@pytest.mark.parametrize("form", FORMS)
@given(seed=st.integers(0, 10**6))
def test_gather_and_scatter_are_adjoint(form, lists, seed):
    with jax.enable_x64(True):
        rng = np.random.default_rng(seed)
        matrix = ragged_case(seed=2).ell(form)
        matrix = ell_with_transpose(matrix) if lists else matrix
        x = jax.device_put(rng.normal(size=(7, 2)))
        parts = [jax.device_put(rng.normal(size=(s.n_rows, s.k_max, 2))) for s in sections_of(matrix)]
        gathered = ell_gather(matrix, x)
        gathered = [gathered] if form == "flat" else gathered
        left = sum(np.vdot(a, b) for a, b in zip(gathered, parts))
        right = np.vdot(x, ell_scatter(matrix, parts[0] if form == "flat" else parts))
    np.testing.assert_allclose(left, right, rtol=0, atol=1e-12 * np.abs(x).sum() * 20)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("lists", seldom_but([False, True], True))
def test_gather_and_scatter_are_differentiable(lists):
    matrix = ragged_case(dtype=np.float64).ell()
    matrix = ell_with_transpose(matrix) if lists else matrix
    check_gradients(lambda x: ell_scatter(matrix, jnp.square(ell_gather(matrix, x))), normal((7, 2)), order=1)


SQUARE = ell_from_ragged([[1.0], [2.0, 3.0]], [[1], [0, 1]], n_cols=2)
WIDE = ell_from_ragged([[1], [2, 3]], [[1], [0, 4]], n_cols=5, identity=0)
PARTS = sectioned_ell_from_ragged([[1.0], [2.0, 3.0]], [[1], [0, 1]], n_cols=2)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: ell_rows(SQUARE, np.array([2])),
            ValueError,
            r"of rows are out of range, the first 2; .*\(rows are 2\)",
        ),
        (
            lambda: ell_rows(SQUARE, np.array([-1])),
            ValueError,
            "the first -1",
        ),
        (
            lambda: ell_rows(SQUARE, np.array([True, False])),
            TypeError,
            "rows is of dtype bool, but integers",
        ),
        (
            lambda: ell_rows(SQUARE, np.array([[0]])),
            ValueError,
            r"rows has shape \(1, 1\); give a list",
        ),
        (
            lambda: jax.jit(lambda r: ell_rows(SQUARE, r))(np.array([0])),
            TypeError,
            "rows is traced",
        ),
        (
            lambda: ell_reshape(SQUARE, (3, 1)),
            ValueError,
            r"shape \(2, 2\) has 4 places and cannot be given the shape \(3, 1\)",
        ),
        (
            lambda: ell_reshape(SQUARE, (-1, -1)),
            ValueError,
            "two numbers of that product, or -1 for one",
        ),
        (
            lambda: ell_reshape(SQUARE, (-1, 3)),
            ValueError,
            "has 4 places",
        ),
        (
            lambda: ell_reshape(SQUARE, (4.0, 1)),
            TypeError,
            "shape is of dtype float64, but integers",
        ),
        (
            lambda: jax.jit(lambda a: ell_reshape(a, (4, 1)))(SQUARE),
            TypeError,
            "indices is traced",
        ),
        (
            lambda: ell_gather(SQUARE, np.ones((3, 1))),
            ValueError,
            r"x has shape \(3, 1\); .* each of the 2 columns",
        ),
        (
            lambda: ell_gather(SQUARE, np.ones((2, 1), int), fill=0.5),
            ValueError,
            "fill is 0.5, which values of dtype int32",
        ),
        (
            lambda: ell_scatter(SQUARE, np.ones((2, 1, 3))),
            ValueError,
            r"slots has shape \(2, 1, 3\), but \[\.\.\. 2 2 c\]",
        ),
        (
            lambda: ell_scatter(PARTS, [np.ones((1, 1, 3))]),
            ValueError,
            "has 2 sections, but slots holds 1 arrays",
        ),
        (
            lambda: ell_to_dense(SQUARE, semiring=semiring.EUCLIDEAN),
            ValueError,
            "'euclidean' has no annihilator",
        ),
        (
            lambda: jax.jit(lambda a: ell_to_dense(a, semiring=semiring.LOG))(SQUARE),
            TypeError,
            "indices is traced",
        ),
        (
            lambda: apply_operator(SQUARE, np.ones((3, 1))),
            ValueError,
            "apply_operator: x has 3 rows .*, but the sparse matrix has 2 columns",
        ),
        (
            lambda: apply_operator(PARTS, np.ones(2)),
            ValueError,
            r"x has shape \(2,\), but a matrix is needed",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words, unchecked):
    with pytest.raises(error, match=words):
        call()


def test_duplicates_over_an_algebra_of_ones_own():
    own = semiring.Semiring(semiring.REAL.monoid, semiring.TROPICAL_MAX_PLUS.binary_op, "own", 0.0, -np.inf)
    assert ell_to_dense(SQUARE, semiring=own)[0, 0] == -np.inf
    twice = ell_from_ragged([[1.0, 2.0]], [[0, 0]], n_cols=1)
    with pytest.raises(TypeError, match="duplicate entries, whose sum over 'own'"):
        ell_to_dense(twice, semiring=own)
