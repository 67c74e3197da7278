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
    ell_add_self_loops,
    ell_broadcast,
    ell_from_ragged,
    ell_gather,
    ell_mask,
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
    entries_of,
    normal,
    product_oracle,
    ragged_case,
    slot_values,
    valid_of,
    with_slot_values,
)
from support.gradients import check_gradients

WITH_ANNIHILATOR = [name for name in oracles.ALGEBRAS if name != "euclidean"]


def sections_of(matrix):
    return [matrix] if isinstance(matrix, ELL) else list(matrix.sections)


def listed(case):
    return [(int(i), int(j), v.item()) for i, j, v in zip(*case[:3])]


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


def scatter_oracle(matrix, parts, n):
    out = np.zeros((*np.shape(parts[0])[:-3], n, np.shape(parts[0])[-1]))
    for section, part in zip(sections_of(matrix), parts):
        for i, p in np.argwhere(valid_of(section)):
            out[..., int(section.indices[i, p]), :] += np.asarray(part, np.float64)[..., i, p, :]
    return out


@pytest.mark.parametrize("lists", [False, True])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [np.float32, jnp.bfloat16, np.int32])
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


@pytest.mark.parametrize("lists", [False, True])
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
@pytest.mark.parametrize("lists", [False, True])
def test_gather_and_scatter_are_differentiable(lists):
    matrix = ragged_case(dtype=np.float64).ell()
    matrix = ell_with_transpose(matrix) if lists else matrix
    check_gradients(lambda x: ell_scatter(matrix, jnp.square(ell_gather(matrix, x))), normal((7, 2)), order=1)


@pytest.mark.parametrize("form", FORMS)
def test_self_loops_come_last_in_each_row(form):
    case = ragged_case(7, 7)
    matrix = case.ell(form, identity=0.0)
    loops, nothing = jax.jit(lambda a: ell_add_self_loops(a, self_value=2.5))(ell_with_transpose(matrix))
    wanted = sorted(
        [(i, n, j, v) for n, (i, j, v) in enumerate(listed(case))] + [(i, 10**6, i, 2.5) for i in range(7)]
    )
    assert entries_of(loops) == [(i, j, v) for i, _, j, v in wanted]
    assert nothing is None
    assert loops.transposed is None
    assert loops.shape == (7, 7)


def test_self_loops_of_full_rows_need_no_degree():
    loops, _ = ell_add_self_loops(ELL(np.ones((3, 1)), np.array([[1], [2], [0]]), 3))
    assert loops.degree is None
    np.testing.assert_array_equal(loops.indices, [[1, 0], [2, 1], [0, 2]])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("fill", "reduce"), [("mean", np.mean), ("add", np.sum), ("zero", None)])
def test_self_loops_features(form, fill, reduce):
    case = ragged_case(7, 7)
    matrix = case.ell(form)
    parts = [normal((s.n_rows, s.k_max, 2)).astype(np.float32) for s in sections_of(matrix)]
    loops, features = ell_add_self_loops(matrix, parts[0] if form == "flat" else parts, fill=fill)
    features = [features] if form == "flat" else features
    for section, before, after in zip(sections_of(matrix), parts, features, strict=True):
        for i in range(section.n_rows):
            count = section.k_max if section.degree is None else int(section.degree[i])
            own = before[i, :count].astype(float)
            wanted = np.zeros(2) if reduce is None or not count else reduce(own, axis=0)
            np.testing.assert_array_equal(after[i, :count], before[i, :count])
            np.testing.assert_allclose(after[i, count], wanted, 1e-5, 1e-6)
    assert [f.shape[-2] for f in features] == [s.k_max for s in sections_of(loops)]


def test_integer_features_have_a_mean_that_is_no_integer():
    ell = ELL(np.ones((2, 2)), np.array([[0, 1], [1, 0]]), 2)
    features = np.arange(4).reshape(2, 2, 1)
    assert ell_add_self_loops(ell, features)[1][0, 2, 0] == 0.5
    assert ell_add_self_loops(ell, features, fill="add")[1].dtype == jnp.int32


@pytest.mark.usefixtures("x64")
def test_self_loops_are_differentiable():
    ell = ragged_case(4, 4, most=3, dtype=np.float64).ell()

    def total(values, features, self_value):
        loops, filled = ell_add_self_loops(ell.replace(values=values), features, self_value=self_value)
        return loops.values[..., None] * filled

    check_gradients(total, ell.values, normal((4, 3, 2)), np.float64(1.5), order=1)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", WITH_ANNIHILATOR)
def test_masked_columns_do_not_contribute(name, form):
    case, algebra = ragged_case(), oracles.ALGEBRAS[name]
    matrix, x = case.ell(form), normal((7, 2)).astype(np.float32)
    if name == "boolean":
        matrix, x = with_slot_values(matrix, slot_values(matrix) > 0), x > 0
    wall = np.array([1, 0, 1, 1, 0, 1, 1], bool)
    masked = ell_mask(ell_with_transpose(matrix), wall, semiring=algebra)
    inside = wall[case.columns]
    kept = case._replace(
        rows=case.rows[inside], columns=case.columns[inside], values=case.values[inside]
    ).ell()
    if name == "boolean":
        kept = with_slot_values(kept, slot_values(kept) > 0)
    np.testing.assert_allclose(product_oracle(name, masked, x), product_oracle(name, kept, x), 1e-5, 1e-6)
    assert masked.transposed is not None  # it is about structure


@pytest.mark.parametrize("form", FORMS)
def test_masks_of_slots(form):
    matrix = ragged_case().ell(form)
    masks = [normal(s.indices.shape) > 0 for s in sections_of(matrix)]
    masked = ell_mask(matrix, masks[0] if form == "flat" else masks, identity=-7.0)
    for before, after, mask in zip(sections_of(matrix), sections_of(masked), masks):
        np.testing.assert_array_equal(after.values, np.where(mask, before.values, -7))


def test_a_masked_entry_has_no_gradient():
    ell = ragged_case().ell()
    gradient = jax.grad(
        lambda v: jnp.sum(ell_mask(ell.replace(values=v), jnp.arange(7) > 2, semiring=semiring.REAL).values)
    )(ell.values)
    np.testing.assert_array_equal(gradient, np.asarray(ell.indices) > 2)


@pytest.mark.parametrize("form", FORMS)
def test_broadcast_shares_the_structure(form):
    matrix = ragged_case().ell(form)
    batch = ell_broadcast(ell_broadcast(matrix, 2), (3, 2))
    assert [s.values.shape[:2] for s in sections_of(batch)] == [(3, 2)] * len(sections_of(matrix))
    assert sections_of(batch)[-1].indices is sections_of(matrix)[-1].indices
    np.testing.assert_array_equal(ell_to_dense(batch), np.broadcast_to(ell_to_dense(matrix), (3, 2, 9, 7)))


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
            lambda: ell_add_self_loops(WIDE),
            ValueError,
            "the matrix is 2 x 5; only a square one",
        ),
        (
            lambda: ell_add_self_loops(SQUARE, fill="max"),
            ValueError,
            "fill is 'max'; give 'mean', 'zero' or 'add'",
        ),
        (
            lambda: ell_add_self_loops(SQUARE, np.ones((2, 3, 1))),
            ValueError,
            r"edge_attr has shape \(2, 3, 1\), but \[\.\.\. 2 2 f\]",
        ),
        (
            lambda: ell_add_self_loops(ell_reshape(ell_rows(WIDE, np.array([0])), (5, 1)), self_value=0.5),
            ValueError,
            "5 x 1",
        ),
        (
            lambda: ell_add_self_loops(PARTS, [np.ones((1, 1, 3))]),
            ValueError,
            "2 sections, but edge_attr holds 1 arrays",
        ),
        (
            lambda: ell_mask(SQUARE, np.ones(2, bool)),
            ValueError,
            "give either semiring or identity; none of them",
        ),
        (
            lambda: ell_mask(SQUARE, np.ones(2, bool), semiring=semiring.REAL, identity=0),
            ValueError,
            "both of them",
        ),
        (
            lambda: ell_mask(SQUARE, np.ones(2, bool), semiring=semiring.EUCLIDEAN),
            ValueError,
            "'euclidean' has no annihilator.*Give identity= .*, or build the matrix anew without",
        ),
        (
            lambda: ell_mask(SQUARE, np.ones(2, bool), identity=None),
            ValueError,
            "identity is None; give the value",
        ),
        (
            lambda: ell_mask(WIDE, np.ones(5, bool), semiring=semiring.LOG),
            ValueError,
            "the value written is -inf, which values of dtype int32",
        ),
        (
            lambda: ell_mask(SQUARE, np.ones(3, bool), identity=0),
            ValueError,
            r"valid has shape \(3,\); give \(2,\), one for each column, or \(2, 2\), one for each slot",
        ),
        (
            lambda: ell_mask(PARTS, [np.ones((1, 1), bool)], identity=0),
            ValueError,
            "2 sections, but valid holds 1",
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
            lambda: ell_broadcast(ell_broadcast(SQUARE, 3), 2),
            ValueError,
            r"values \(3, 2, 2\) have leading axes that do not broadcast to batch \(2,\)",
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
