"""The bilateral filter of points under transformations: batches, blocks, derivatives and memory."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.smoothing import FactorMetric, bilateral_gaussian
from nitrix.smoothing import _neighbour_sums as neighbour_sums
from nitrix.sparse import ell_with_transpose
from support.gradients import QUICK_COMPILE, check_gradients
from support.memory import compiled_memory, form
from support.points import FORMS, N, matrix, oracle, problem, ragged


def test_batches_by_vmap(x64):
    values, features, sigma = problem()
    smooth = functools.partial(bilateral_gaussian, neighbourhood=ell_with_transpose(matrix(ragged())))
    stack = values * np.arange(1, 4)[:, None, None], features * np.array([1, 2, 30])[:, None, None]
    got = jax.vmap(lambda v, f: smooth(v, f, sigma_features=sigma))(*stack)
    want = [oracle(v, f, ragged(), np.diag(1 / sigma)) for v, f in zip(*stack)]
    np.testing.assert_allclose(got, want, 1e-11, 1e-12)


@pytest.mark.slow
def test_several_blocks_of_rows(x64, monkeypatch):
    """The last block overlaps the one before it; nothing may be counted twice."""
    rows = ragged(n=61, most=9)
    values, features, sigma = problem(n=61)

    def everything(build):
        def loss(values, features, sigma):
            out = bilateral_gaussian(values, features, sigma_features=sigma, neighbourhood=build(rows))
            return jnp.sum(jnp.sin(out))

        both = jax.value_and_grad(loss, (0, 1, 2))
        return jax.jit(both, compiler_options=QUICK_COMPILE)(values, features, sigma)

    whole = everything(FORMS["flat"])
    monkeypatch.setattr(neighbour_sums, "SLOTS", {"cpu": 80})
    jax.clear_caches()
    blocks = [everything(FORMS[form]) for form in ("flat", "sectioned, by columns")]
    jax.clear_caches()
    for got in blocks:
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-10, 1e-12), got, whole)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "order"), [pytest.param("flat", 2, marks=pytest.mark.slow), ("sectioned, by columns", 1)]
)
def test_gradients(x64, form, order):
    values, features, sigma = problem(n=7)
    rows = ragged(n=7, most=4)
    neighbourhood = FORMS[form](rows)

    def smooth(values, features, sigma):
        return bilateral_gaussian(values, features, sigma_features=sigma, neighbourhood=neighbourhood)

    check_gradients(smooth, values, features, sigma, forward=False, order=order)


def test_gradients_where_weights_would_vanish_and_with_a_mask(x64):
    values, features, sigma = problem(n=7)
    table = (np.arange(7)[:, None] + [1, 2, 3]) % 7
    mask = np.arange(7) != 5

    def smooth(values, features, sigma):
        return bilateral_gaussian(values, 40 * features, sigma_features=sigma, neighbourhood=table, mask=mask)

    check_gradients(smooth, values, features / 10 + np.arange(7)[:, None], sigma, forward=False, order=1)


def test_gradients_in_a_factor(x64):
    values, features, _ = problem(n=7)
    factor = np.random.default_rng(8).normal(size=(3, 2))
    neighbourhood = matrix(ragged(n=7, most=4))

    def smooth(values, features, factor):
        return bilateral_gaussian(values, features, metric=FactorMetric(factor), neighbourhood=neighbourhood)

    check_gradients(smooth, values, features, factor, forward=False, order=1)


def test_gradients_at_coincident_points(x64):
    """Distances of zero have no root to divide by."""
    values, sigma = problem(n=7)[0], np.ones(3)
    table = np.tile(np.arange(7), (7, 1))

    def smooth(values, features, sigma):
        return bilateral_gaussian(values, features, sigma_features=sigma, neighbourhood=table)

    check_gradients(smooth, values, np.zeros((7, 3)), sigma, forward=False, order=1)


def test_gradient_in_float32_with_the_nearest():
    values, features, sigma = (x.astype("f4") for x in problem())

    def loss(values, features, sigma, neighbourhood):
        out = bilateral_gaussian(values, features, sigma_features=sigma, neighbourhood=neighbourhood)
        return jnp.sum(out**2)

    gradient = jax.jit(jax.grad(loss, (0, 1, 2)), static_argnums=3, compiler_options=QUICK_COMPILE)
    got = gradient(values, features, sigma, 6)
    apart = np.square((features[:, None] - features) / sigma).sum(-1)
    apart[np.arange(N), np.arange(N)] = -1
    table = np.argsort(apart, 1, kind="stable")[:, :6]
    want = jax.jit(jax.grad(loss, (0, 1, 2)), compiler_options=QUICK_COMPILE)(values, features, sigma, table)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-5), got, want)


def test_the_gradient_of_an_infinite_sigma_is_zero(x64):
    values, features, sigma = problem()
    sigma = np.array([sigma[0], np.inf, sigma[2]])

    def loss(features, sigma):
        out = bilateral_gaussian(values, features, sigma_features=sigma, neighbourhood=matrix(ragged()))
        return jnp.sum(out**2)

    gradient = jax.jit(jax.grad(loss, (0, 1)), compiler_options=QUICK_COMPILE)
    d_features, d_sigma = gradient(features, sigma)
    assert d_sigma[1] == 0
    assert (d_features[:, 1] == 0).all()
    assert np.isfinite(d_sigma).all()


def test_forward_mode_is_refused():
    values, features, sigma = (x.astype("f4") for x in problem())
    smooth = lambda v: bilateral_gaussian(v, features, sigma_features=sigma, neighbourhood=matrix(ragged()))
    with pytest.raises(TypeError, match="custom_vjp"):
        jax.jvp(smooth, (values,), (values,))


def test_memory():
    """A few arrays of all points, forward and backward; nothing of the size of all slots."""
    n, k, d_f, d_v = 200_000, 27, 6, 8
    points = 4 * n * (d_f + d_v)

    def smooth(values, features, sigma, table):
        return bilateral_gaussian(values, features, sigma_features=sigma, neighbourhood=table)

    operands = form(n, d_v), form(n, d_f), form(d_f), form(n, k, dtype="int32")
    assert compiled_memory(smooth, *operands).temporaries < 2.5 * points
    gradient = jax.grad(lambda *given: jnp.sum(smooth(*given) ** 2), (0, 1, 2))
    assert compiled_memory(gradient, *operands).temporaries < 7 * points
