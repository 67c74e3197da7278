import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.semiring import ell_row_softmax
from nitrix.sparse import ELL, sectioned_ell_from_ragged
from support.gradients import check_gradients

RAMP = np.arange(3, dtype=np.float32)
DEGREE = np.array([3, 0, 1, 2])
GRAPH = ELL(np.ones((4, 3), np.float32), np.zeros((4, 3), int), 4, degree=DEGREE)


def oracle(scores):
    out = np.zeros(scores.shape)
    for row, of, d in zip(out, np.float64(scores), DEGREE):
        if d and of[:d].max() > -np.inf:
            share = np.exp(of[:d] - of[:d].max())
            row[:d] = share / share.sum()
    return out


def scores(dtype=np.float32, shape=(4, 3), scale=1):
    return (scale * np.random.default_rng(0).normal(size=shape)).astype(dtype)


@pytest.mark.fast
@pytest.mark.parametrize("scale", [1, 1e4])
def test_matches_definition_whatever_pads_hold(scale):
    given = scores(scale=scale)
    for rubbish in (0, np.nan, np.inf, 1e30):
        spoiled = np.where(np.arange(3) < DEGREE[:, None], given, np.float32(rubbish))
        np.testing.assert_allclose(ell_row_softmax(spoiled, GRAPH), oracle(given), 2e-6, 1e-7)
    grad = jax.grad(lambda s: (ell_row_softmax(s, GRAPH) * RAMP).sum())(jnp.asarray(spoiled))
    assert np.isfinite(grad).all()
    assert (np.asarray(grad)[np.arange(3) >= DEGREE[:, None]] == 0).all()


def test_batches_and_short_types():
    given = scores(shape=(2, 1, 4, 3))
    np.testing.assert_allclose(ell_row_softmax(given, GRAPH)[1, 0], oracle(given[1, 0]), 2e-6, 1e-7)
    mapped = jax.vmap(lambda s: ell_row_softmax(s, GRAPH))(given[:, 0])
    np.testing.assert_allclose(mapped, ell_row_softmax(given, GRAPH)[:, 0], 1e-7)
    short = ell_row_softmax(jnp.asarray(given, jnp.bfloat16), GRAPH)
    assert short.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.float64(short[0, 0]), oracle(given[0, 0]), 2e-2, 2e-2)


def test_infinite_and_missing_scores():
    given = scores()
    given[0] = -np.inf
    given[2, 0], given[3, 1] = np.nan, -np.inf
    out = np.asarray(ell_row_softmax(given, GRAPH))
    np.testing.assert_array_equal(out[[0, 3]], [[0, 0, 0], [1, 0, 0]])
    assert np.isnan(out[2, 0])
    assert not np.isnan(np.delete(out, 2, 0)).any()
    grad = jax.grad(lambda s: jnp.nansum(ell_row_softmax(s, GRAPH) * RAMP))(jnp.asarray(given))
    assert np.isfinite(np.asarray(grad)[[0, 1, 3]]).all()


def test_derivatives_of_both_orders_and_modes(x64):
    check_gradients(lambda s: ell_row_softmax(s, GRAPH), scores(np.float64))


def test_sections():
    rows = [np.ones(d, np.float32) for d in DEGREE]
    graph = sectioned_ell_from_ragged(rows, [np.arange(d) for d in DEGREE], n_cols=4)
    given = scores()
    parts = tuple(given[np.asarray(g)][:, : s.k_max] for g, s in zip(graph.row_groups, graph.sections))
    for part, group, section in zip(ell_row_softmax(parts, graph), graph.row_groups, graph.sections):
        np.testing.assert_allclose(part, oracle(given)[np.asarray(group), : section.k_max], 2e-6, 1e-7)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ell_row_softmax(scores(shape=(4, 2)), GRAPH), ValueError, r"\(4, 2\), but .*\(4, 3\)"),
        (lambda: ell_row_softmax((scores(),), GRAPH), ValueError, "scores is a tuple, but .* one array"),
        (lambda: ell_row_softmax(np.ones((4, 3), int), GRAPH), TypeError, "dtype int.*floating point"),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words, unchecked):
    with pytest.raises(error, match=words):
        call()
