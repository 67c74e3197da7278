"""Voxels within a radius on regular grids, against the distances of all pairs."""

import jax
import numpy as np
import pytest
from nitrix.sparse import ell_with_transpose, grid_neighbourhood, points_within
from support.ell_cases import entries_of


def wanted(shape, radius, spacing=1.0, mask=None, include_self=True):
    """Row, column and distance of every entry, itself first, from the distances of all pairs."""
    places = np.argwhere(np.ones(shape, bool) if mask is None else mask) * np.float64(spacing)
    apart = np.sqrt(np.square(places[:, None] - places).sum(-1))
    found = []
    for i, row in enumerate(apart):
        near = [j for j in np.flatnonzero(row <= radius * (1 + 1e-6)) if j != i]
        found += [(i, j, row[j]) for j in ([i] * include_self + near)]
    return found


def check(got, want):
    entries = entries_of(got)
    assert [entry[:2] for entry in entries] == [entry[:2] for entry in want]
    np.testing.assert_allclose([entry[2] for entry in entries], [entry[2] for entry in want], 1e-6)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("shape", "radius", "spacing"),
    [
        ((7,), 2.0, 1.0),
        ((5, 4), 1.5, 1.0),
        ((5, 4), 3.0, (1.5, 0.75)),
        ((4, 3, 5), 2.0, (1.0, 2.0, 0.7)),
        ((3, 2, 2, 3), 1.5, 1.0),
        ((4, 4), 0.0, 1.0),
        ((2, 3), 100.0, 1.0),
        ((1, 1), 3.0, 1.0),
    ],
)
def test_against_all_pairs(shape, radius, spacing):
    check(grid_neighbourhood(shape, radius=radius, spacing=spacing), wanted(shape, radius, spacing))


def test_at_exactly_the_radius():
    """Three voxels of 0.1 mm are 0.3 mm, though their floats are not."""
    got = grid_neighbourhood((9,), radius=0.3, spacing=0.1)
    assert got.degree.tolist() == [4, 5, 6, 7, 7, 7, 6, 5, 4]


@pytest.mark.parametrize("include_self", [True, False])
def test_of_a_mask(include_self):
    mask = np.random.default_rng(0).random((5, 4, 6)) > 0.5
    got = grid_neighbourhood(
        mask.shape, radius=2.3, spacing=(1, 2, 1.5), mask=mask, include_self=include_self
    )
    check(got, wanted(mask.shape, 2.3, (1, 2, 1.5), mask, include_self))


@pytest.mark.parametrize("mask", [np.zeros((3, 4), bool), np.arange(12).reshape(3, 4) == 7])
def test_of_next_to_nothing(mask):
    got = grid_neighbourhood((3, 4), radius=2.0, mask=mask)
    assert got.shape == (mask.sum(), mask.sum())
    check(got, wanted((3, 4), 2.0, mask=mask))
    assert grid_neighbourhood((0, 3), radius=1.0).shape == (0, 0)


def test_is_what_a_cloud_of_voxels_gives():
    got = grid_neighbourhood((4, 5, 3), radius=2.5, spacing=(1, 1.25, 2))
    places = np.argwhere(np.ones((4, 5, 3))) * [1, 1.25, 2]
    check(got, entries_of(points_within(places, radius=2.5)))
    assert ell_with_transpose(got).transposed is not None


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"grid_shape": (-1, 2)}, ValueError, r"grid_shape is \(-1, 2\)"),
        ({"grid_shape": (1.5,)}, TypeError, "give the integers of a shape"),
        ({"radius": -1.0}, ValueError, "radius is -1.0; give a finite distance in mm"),
        ({"radius": None}, TypeError, "radius is None, but a real number is needed"),
        ({"spacing": (1.0, 2.0, 3.0)}, ValueError, r"spacing has shape \(3,\), but the grid has 2 axes"),
        ({"spacing": 0.0}, ValueError, "spacing 0.0 must be positive and finite"),
        ({"spacing": "1"}, TypeError, "spacing is of dtype .*; give real numbers"),
        ({"mask": np.ones((2, 2))}, TypeError, "mask is of dtype float64; give truth values"),
        ({"mask": np.ones((2, 2), bool)}, ValueError, r"mask has shape \(2, 2\), but the grid \(3, 4\)"),
        (
            {"grid_shape": (600, 600, 600), "radius": 2.0},
            ValueError,
            r"216000000 voxels of up to 33 neighbours",
        ),
    ],
)
def test_bad_input_is_refused_in_words(change, error, words):
    given = {"grid_shape": (3, 4), "radius": 1.0, **change}
    with pytest.raises(error, match=f"grid_neighbourhood: .*{words}"):
        grid_neighbourhood(given.pop("grid_shape"), **given)


@pytest.mark.usefixtures("unchecked")
def test_traced_masks_are_refused():
    with pytest.raises(TypeError, match="grid_neighbourhood: mask is traced"):
        jax.jit(lambda m: grid_neighbourhood((2, 2), radius=1.0, mask=m))(np.ones((2, 2), bool))
