"""Self loops, masks and batches of a sparse matrix, flat and sectioned."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix import semiring
from nitrix.sparse import (
    ELL,
    ell_add_self_loops,
    ell_broadcast,
    ell_from_ragged,
    ell_mask,
    ell_reshape,
    ell_rows,
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
    with_slot_values,
)
from support.gradients import check_gradients


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
            lambda: ell_broadcast(ell_broadcast(SQUARE, 3), 2),
            ValueError,
            r"values \(3, 2, 2\) have leading axes that do not broadcast to batch \(2,\)",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words, unchecked):
    with pytest.raises(error, match=words):
        call()
