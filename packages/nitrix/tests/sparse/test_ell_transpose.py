"""The transposed matrix, and the list of slots by column."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nitrix.sparse import (
    ELL,
    SectionedELL,
    ell_from_ragged,
    ell_transpose,
    ell_with_transpose,
    ell_without_transpose,
)
from support.ell_cases import FORMS, entries_of, product_oracle, ragged_case, slot_values, with_slot_values
from support.gradients import check_gradients


@pytest.mark.fast
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("m", "n"), [(9, 7), (4, 12), (6, 1)])
def test_the_list_names_each_slot_of_each_column_once(form, m, n):
    matrix = ragged_case(m, n).ell(form)
    listed = ell_with_transpose(matrix).transposed
    rows_of, columns_of = [], []  # by slot number, from the storage itself
    sections = [matrix] if form == "flat" else matrix.sections
    groups = [np.arange(m)] if form == "flat" else matrix.row_groups
    for section, group in zip(sections, groups):
        for i in range(section.n_rows):
            for p in range(section.k_max):
                counts = section.degree is None or p < section.degree[i]
                rows_of.append(int(group[i]))
                columns_of.append(int(section.indices[i, p]) if counts else -1)
    wanted = sorted((c, slot, rows_of[slot]) for slot, c in enumerate(columns_of) if c >= 0)
    assert [(j, slot, i) for j, i, slot in entries_of(listed)] == wanted
    assert listed.shape == (n, m)
    assert (listed.dtype, listed.identity) == (np.int32, None)


@pytest.mark.parametrize("form", FORMS)
def test_the_list_stays_right_when_values_change(form):
    matrix = ell_with_transpose(ragged_case().ell(form))
    changed = with_slot_values(matrix, slot_values(matrix) * 2)
    np.testing.assert_array_equal(
        np.array(entries_of(ell_transpose(changed)))[:, 2],
        np.array(entries_of(ell_transpose(matrix)))[:, 2] * 2,
    )
    assert ell_without_transpose(matrix).transposed is None


def test_the_list_is_flat_only_where_little_is_wasted():
    ring = ELL(np.ones((50, 2)), (np.arange(50)[:, None] + [1, 2]) % 50, 50)
    assert isinstance(ell_with_transpose(ring).transposed, ELL)
    star = ell_from_ragged([[1.0]] * 50, [[0]] * 49 + [[1]], n_cols=50)
    listed = ell_with_transpose(star).transposed
    assert isinstance(listed, SectionedELL)
    assert listed.total_storage == 50


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("listed", [False, True])
def test_transposed_matrix_has_the_entries_of_the_columns(form, listed):
    case = ragged_case()
    matrix = case.ell(form, identity=0.0)
    transposed = ell_transpose(ell_with_transpose(matrix) if listed else matrix)
    wanted = sorted((int(j), int(i), v.item()) for i, j, v in zip(*case[:3]))
    assert sorted(entries_of(transposed)) == wanted
    assert transposed.shape == case.shape[::-1]
    assert (transposed.transposed is not None) == listed
    assert sorted(entries_of(ell_transpose(transposed))) == sorted((i, j, v) for j, i, v in wanted)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0), (3, 5)])
@pytest.mark.parametrize("form", FORMS)
def test_matrices_without_entries(form, shape):
    m, n = shape
    matrix = FORMS[form]([np.zeros(0, np.float32)] * m, [np.zeros(0, int)] * m, n_cols=n)
    transposed = ell_transpose(ell_with_transpose(matrix))
    assert transposed.shape == (n, m)
    assert product_oracle("real", transposed, np.ones((m, 2))).tolist() == [[0, 0]] * n


@pytest.mark.parametrize("form", FORMS)
def test_under_jit_and_vmap(form):
    matrix = ell_with_transpose(ragged_case().ell(form))
    wanted = slot_values(ell_transpose(matrix))

    @jax.jit
    def three(matrix_traced, flat):  # the list traced too; only the values traced, without a list; a batch
        changed = with_slot_values(ell_without_transpose(matrix), flat)
        batch = jax.vmap(lambda flat: slot_values(ell_transpose(with_slot_values(matrix, flat))))
        return (
            slot_values(ell_transpose(matrix_traced)),
            slot_values(ell_transpose(changed)),
            batch(jnp.stack([flat, 2 * flat])),
        )

    traced, changed, batch = three(matrix, slot_values(matrix))
    np.testing.assert_array_equal(traced, wanted)
    np.testing.assert_array_equal(changed, wanted)
    np.testing.assert_array_equal(batch, [wanted, 2 * wanted])


def test_values_with_leading_axes():
    matrix = ELL(np.arange(8.0).reshape(4, 2), (np.arange(4)[:, None] + [1, 2]) % 4, 4)
    stacked = matrix.replace(values=jnp.stack([matrix.values, -matrix.values]))
    np.testing.assert_array_equal(ell_transpose(stacked).values[1], -ell_transpose(matrix).values)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("form", FORMS)
def test_gradients(form):
    matrix = ragged_case(dtype=np.float64).ell(form)
    check_gradients(
        lambda flat: slot_values(ell_transpose(with_slot_values(matrix, flat))), slot_values(matrix)
    )


@pytest.mark.parametrize("form", FORMS)
@given(seed=st.integers(0, 10**6))
def test_adjointness(form, seed):
    with jax.enable_x64(True):
        case = ragged_case(seed=seed % 5, dtype=np.float64)
        rng = np.random.default_rng(seed)
        matrix = case.ell(form)
        matrix = with_slot_values(matrix, rng.normal(size=slot_values(matrix).shape))
        x, y = rng.normal(size=(case.shape[1], 2)), rng.normal(size=(case.shape[0], 2))
        left = np.vdot(product_oracle("real", matrix, x), y)
        right = np.vdot(x, product_oracle("real", ell_transpose(matrix), y))
    np.testing.assert_allclose(left, right, rtol=0, atol=1e-12 * np.abs(x).sum() * np.abs(y).sum())


def test_what_cannot_be_transposed_is_refused_in_words(unchecked):
    matrix = ragged_case().ell()
    with pytest.raises(
        TypeError, match="ell_transpose: indices is traced, .* call ell_transpose outside jit"
    ):
        jax.jit(ell_transpose)(matrix)
    batched = matrix.replace(indices=matrix.indices[None], values=matrix.values[None])
    with pytest.raises(
        ValueError, match=r"ell_with_transpose: indices has shape \(1, 9, 6\), with leading axes"
    ):
        ell_with_transpose(batched)
