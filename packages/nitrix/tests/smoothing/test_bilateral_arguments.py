"""What the bilateral filter of points refuses, in words."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.smoothing import DiagonalMetric, FactorMetric, bilateral_gaussian
from nitrix.sparse import ELL
from support.points import N, matrix, problem, ragged


def test_indices_out_of_range_are_refused_or_nan():
    values, features, sigma = (x.astype("f4") for x in problem())
    table = np.stack([np.resize(r, 4) for r in ragged()[1:]] + [np.arange(4)])
    wrong = table.copy()
    wrong[3, 2], wrong[6, 0] = N, -1
    smooth = functools.partial(bilateral_gaussian, values, features, sigma_features=sigma)
    with pytest.raises(ValueError, match=r"2 indices .* out of range, the first at \[3, 2\]: 23; .* 0 to 22"):
        smooth(neighbourhood=wrong)
    rows = np.isin(np.arange(N), [3, 6])
    want = np.asarray(smooth(neighbourhood=table))
    for traced in (
        lambda t: smooth(neighbourhood=t),
        lambda t: smooth(neighbourhood=ELL(jnp.ones(t.shape), t, N)),
    ):
        got = np.asarray(jax.jit(traced)(wrong))
        assert np.isnan(got[rows]).all()
        np.testing.assert_allclose(got[~rows], want[~rows], 0, 1e-6)


VALUES, FEATURES, TABLE = np.ones((3, 1), "f4"), np.ones((3, 2), "f4"), np.zeros((3, 2), int)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (
            {"values": np.ones((2, 3, 1))},
            ValueError,
            r"values has shape \(2, 3, 1\); give \[n\] or \[n, d_v\]",
        ),
        ({"values": np.ones(3, "c8")}, TypeError, "values is of dtype complex64; give an array of real"),
        ({"features": np.ones(3)}, ValueError, r"features has shape \(3,\); .*features\[:, None\]"),
        (
            {"features": np.ones((4, 2))},
            ValueError,
            r"values \(3, 1\) has 3 points and features \(4, 2\) has 4",
        ),
        ({"sigma_features": None}, ValueError, "either sigma_features or metric; none of them"),
        ({"metric": DiagonalMetric([1.0, 1.0])}, ValueError, "either sigma_features or metric; both of them"),
        (
            {"sigma_features": np.ones(3)},
            ValueError,
            r"sigma_features has shape \(3,\), but there are 2 features",
        ),
        (
            {"sigma_features": 0.0},
            ValueError,
            r"sigma_features\[0\] is 0.0; a standard deviation is positive",
        ),
        ({"sigma_features": np.array([1, np.nan])}, ValueError, r"sigma_features\[1\] is nan"),
        ({"sigma_features": 1j}, TypeError, "sigma_features is of dtype complex128; give real numbers"),
        ({"sigma_features": None, "metric": 1.0}, TypeError, "metric is float, without a method project"),
        (
            {"sigma_features": None, "metric": FactorMetric(np.eye(3))},
            ValueError,
            r"metric is for 3 features, but features has shape \(3, 2\)",
        ),
        ({"neighbourhood": 0}, ValueError, "neighbourhood is 0; give from 1 to 3"),
        ({"neighbourhood": 4}, ValueError, "neighbourhood is 4; give from 1 to 3, the number of points"),
        ({"neighbourhood": True}, ValueError, "neighbourhood is True; give from 1 to 3"),
        ({"neighbourhood": 2.0}, TypeError, "neighbourhood is float; give a number of nearest neighbours"),
        (
            {"neighbourhood": np.ones((3, 2))},
            TypeError,
            "dtype float.*; a table of neighbours holds integers",
        ),
        (
            {"neighbourhood": np.zeros(3, int)},
            ValueError,
            r"has shape \(3,\); a table of neighbours is \[3, k\]",
        ),
        (
            {"neighbourhood": matrix([[0], [0]], n=3)},
            ValueError,
            r"has shape \(2, 3\), but \(3, 3\) is needed",
        ),
        (
            {"neighbourhood": ELL(np.ones((2, 3, 1)), np.zeros((2, 3, 1), int), 3)},
            ValueError,
            r"indices of shape \(2, 3, 1\); give one structure, a batch by jax.vmap",
        ),
        ({"mask": np.ones(3)}, TypeError, "mask is of dtype float.*; give truth values"),
        ({"mask": np.ones(4, bool)}, ValueError, r"mask has shape \(4,\); give \[3\]"),
        ({"mask": np.ones((3, 4), bool)}, ValueError, r"mask has shape \(3, 4\), but the table .* \(3, 2\)"),
        (
            {"mask": np.ones((3, 2), bool), "neighbourhood": 2},
            ValueError,
            r"mask \(3, 2\) is for a table of neighbours; with a number give \[3\]",
        ),
        (
            {"mask": np.ones((3, 1), bool), "neighbourhood": matrix([[0]] * 3)},
            ValueError,
            r"mask \(3, 1\) is for a table of neighbours; with a sparse matrix give \[3\]",
        ),
    ],
)
def test_bad_input_is_refused_in_words(change, error, words):
    given = {"sigma_features": 1.0, "neighbourhood": TABLE, **change}
    operands = given.pop("values", VALUES), given.pop("features", FEATURES)
    with pytest.raises(error, match=f"bilateral_gaussian: .*{words}"):
        bilateral_gaussian(*operands, **given)


def test_a_traced_sigma_that_is_none_gives_nan():
    smooth = jax.jit(lambda s: bilateral_gaussian(VALUES, FEATURES, sigma_features=s, neighbourhood=TABLE))
    np.testing.assert_allclose(smooth(jnp.asarray([1.0, 2.0])), 1.0)
    assert np.isnan(smooth(jnp.asarray([1.0, -2.0]))).all()
