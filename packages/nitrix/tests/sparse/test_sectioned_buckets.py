"""How rows are grouped: slots stay under 1.5 x the entries, whatever the degrees and the rule."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nitrix.sparse import (
    ELL,
    SectionedELL,
    ell_from_sectioned,
    sectioned_ell_from_edges,
    sectioned_ell_from_ell,
    sectioned_ell_from_ragged,
)
from support.ell_cases import entries_of, ragged_case

DEGREES = hnp.arrays(np.int64, st.integers(0, 40), elements=st.one_of(st.integers(0, 9), st.integers(0, 400)))
RULES = {
    "default": None,
    "all in one": lambda degree: "everything",
    "each its own": lambda degree: degree,
    "huge numbers": lambda degree: 10**9 + degree,
    "odd and even": lambda degree: degree % 2 == 0,
    "thirds": lambda degree: ("group", degree % 3),
}


def of_degrees(degree, rule=None):
    columns = np.arange(degree.sum()) - np.repeat(np.cumsum(degree) - degree, degree)
    rows = np.repeat(np.arange(len(degree)), degree)
    width = int(degree.max(initial=0)) + 1
    return sectioned_ell_from_edges(rows, columns, shape=(len(degree), width), bucket_by=rule)


def check_storage(matrix, degree):
    seen = []
    for section, rows in zip(matrix.sections, matrix.row_groups, strict=True):
        own = degree[np.asarray(rows)]
        assert section.k_max == own.max(initial=0)
        assert section.n_rows * section.k_max < 1.5 * own.sum() or own.sum() == 0
        assert (own == 0).all() or (own > 0).all()
        np.testing.assert_array_equal(own, section.k_max if section.degree is None else section.degree)
        seen.extend(np.asarray(rows))
    assert sorted(seen) == list(range(len(degree)))
    assert matrix.total_storage < 1.5 * degree.sum() or matrix.total_storage == degree.sum() == 0


def log_normal_degrees(n=20_000):
    """Median 12, maximum 240."""
    degree = np.round(12 * np.exp(0.7 * np.random.default_rng(0).normal(size=n))).astype(int).clip(1, 240)
    degree[7] = 240
    return degree


@pytest.mark.parametrize("rule", RULES)
def test_storage_on_log_normal_degrees(rule):
    degree = log_normal_degrees()
    assert (np.median(degree), degree.max()) == (12, 240)
    matrix = of_degrees(degree, RULES[rule])
    check_storage(matrix, degree)
    assert len(degree) * degree.max() > 15 * degree.sum()  # what the flat form would take


@pytest.mark.parametrize("rule", RULES)
@given(degree=DEGREES)
@settings(max_examples=60)
def test_storage_on_any_degrees(rule, degree):
    check_storage(of_degrees(degree, RULES[rule]), degree)


@given(degree=DEGREES, names=st.lists(st.integers(0, 3), min_size=401, max_size=401))
def test_storage_under_any_rule(degree, names):
    check_storage(of_degrees(degree, lambda d: names[d]), degree)


def test_default_groups_are_powers_of_two():
    degree = np.array([0, 1, 2, 3, 4, 4, 5, 8, 7, 0, 16])
    matrix = of_degrees(degree)
    assert [rows.tolist() for rows in matrix.row_groups] == [[0, 9], [1], [2], [3, 4, 5], [6, 7, 8], [10]]
    assert [section.k_max for section in matrix.sections] == [0, 1, 2, 4, 8, 16]


def test_a_rule_names_groups_and_never_widths():
    degree = np.array([3, 4, 4, 3, 12])
    matrix = of_degrees(degree, lambda d: {3: 1000, 4: 1000, 12: -5}[d])
    assert [rows.tolist() for rows in matrix.row_groups] == [[0, 1, 2, 3], [4]]
    assert matrix.total_storage == 4 * 4 + 12
    asked = []
    of_degrees(np.array([0, 5, 5, 2]), lambda d: asked.append(d))
    assert sorted(asked) == [2, 5]  # once for each degree, not for rows without entries


@pytest.mark.parametrize("make", ["edges", "ragged", "ell"])
def test_rules_that_fail_are_named(make):
    case = ragged_case()

    def build(rule):
        if make == "ragged":
            return case.ell("sectioned", bucket_by=rule)
        if make == "ell":
            return sectioned_ell_from_ell(case.ell(), bucket_by=rule)
        return sectioned_ell_from_edges(case.rows, case.columns, shape=case.shape, bucket_by=rule)

    with pytest.raises(
        ValueError, match=rf"sectioned_ell_from_{make}: bucket_by\(1\) raised ZeroDivisionError"
    ):
        build(lambda d: 1 // 0)
    with pytest.raises(TypeError, match=r"bucket_by\(1\) is \[1\], which is not hashable; name a group"):
        build(lambda d: [d])


def test_a_million_rows_without_a_loop():
    degree = np.random.default_rng(0).integers(0, 12, 1_000_000)
    matrix = of_degrees(degree)  # a loop over rows would show: this takes a second or two
    assert matrix.total_storage < 1.5 * degree.sum()


ONE = ELL(np.ones((1, 2)), np.array([[0, 1]]), 3)
TWO = ELL(np.ones((2, 1)), np.array([[0], [2]]), 3)


def test_sections_may_come_in_any_order():
    matrix = SectionedELL((ONE, TWO), (np.array([1]), [2, 0]), 3, 3)
    assert entries_of(matrix) == [(0, 2, 1.0), (1, 0, 1.0), (1, 1, 1.0), (2, 0, 1.0)]
    np.testing.assert_array_equal(matrix.order, [2, 0, 1])
    assert (matrix.n_buckets, matrix.total_storage, matrix.dtype) == (2, 4, np.float32)
    assert entries_of(ell_from_sectioned(matrix)) == entries_of(matrix)
    assert matrix.order.dtype == np.int32


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: SectionedELL((), (), 0, 3),
            ValueError,
            "there is no section; a matrix of no rows has one ELL of no rows",
        ),
        (
            lambda: SectionedELL((ONE,), (), 1, 3),
            ValueError,
            "there are 1 sections but 0 row_groups",
        ),
        (
            lambda: SectionedELL((ONE, "x"), ([0], [1]), 2, 3),
            TypeError,
            "section 1 is str, but an ELL is needed",
        ),
        (
            lambda: SectionedELL((ONE, TWO), ([0], [1]), 2, 3),
            ValueError,
            r"section 1 has 2 rows but its row group has shape \(1,\)",
        ),
        (
            lambda: SectionedELL((ONE, TWO), ([0], [1, 2]), 3, 4),
            ValueError,
            "section 0 has n_cols 3, but the matrix has 4",
        ),
        (
            lambda: SectionedELL((ONE, TWO), ([0], [1, 3]), 3, 3),
            ValueError,
            r"row_groups name row 3, but rows are from 0 to 2",
        ),
        (
            lambda: SectionedELL((ONE, TWO), ([0], [1, 1]), 3, 3),
            ValueError,
            "row 1 stands in 2 places of row_groups",
        ),
        (
            lambda: SectionedELL((ONE, TWO), ([0], [1, 2]), 4, 3),
            ValueError,
            "row 3 stands in 0 places of row_groups",
        ),
        (
            lambda: SectionedELL((ONE, TWO), ([0.0], [1, 2]), 3, 3),
            TypeError,
            "row_groups are of dtype float64, but integers",
        ),
        (
            lambda: SectionedELL((ONE, TWO), ([0], [1, 2]), 3, 3, order=np.array([1, 0, 2])),
            ValueError,
            "order does not bring row_groups",
        ),
        (
            lambda: SectionedELL((ONE, ONE.replace(values=ONE.values > 0)), ([0], [1]), 2, 3),
            ValueError,
            "section 1 is of dtype bool but section 0 of float32",
        ),
    ],
)
def test_sections_that_do_not_fit_are_refused_in_words(call, error, words, unchecked):
    with pytest.raises(error, match=words):
        call()


def test_empty_matrices_have_a_section():
    for shape in ((0, 3), (4, 0), (0, 0)):
        matrix = sectioned_ell_from_ragged([[]] * shape[0], [[]] * shape[0], n_cols=shape[1])
        assert (matrix.shape, matrix.n_buckets, matrix.total_storage) == (shape, 1, 0)
