import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix import semiring
from nitrix.semiring import Semiring, semiring_ell_conv
from nitrix.semiring._plain import slot_products
from support import oracles
from support.gradients import check_gradients
from support.marks import seldom_but
from support.memory import compiled_memory, form


def case(m=4, k_max=3, n=5, c_in=2, c_out=3, dtype=np.float32):
    rng = np.random.default_rng(0)
    indices, mask = rng.integers(0, n, (m, k_max)).astype(np.int32), rng.random((m, k_max)) < 0.6
    mask[1] = False
    x, kernel = rng.normal(size=(n, c_in)).astype(dtype), rng.normal(size=(k_max, c_in, c_out)).astype(dtype)
    return indices, mask, x, kernel


def oracle(name, indices, mask, x, kernel):
    """One sum over the valid slots and the channels, row by row, in float64."""
    times, plus = oracles.DEFINITIONS[name]
    x, kernel = oracles.wide(x), oracles.wide(kernel)
    out = []
    for columns, counts in zip(indices, mask):
        terms = times(x[columns[counts]][:, :, None], kernel[counts])
        out.append(plus(terms.reshape(-1, kernel.shape[2]), 0))
    return np.array(out)


@pytest.mark.covering
@pytest.mark.fast
@pytest.mark.parametrize("name", oracles.ALGEBRAS)
@pytest.mark.parametrize("masked", [False, True])
def test_matches_definition(name, masked):
    indices, mask, x, kernel = case()
    if name == "boolean":
        x, kernel = x > 0, kernel > 0
    if not masked:
        mask = np.ones_like(mask)
    wild = np.where(mask, indices, -9)  # what is masked may be anything
    got = semiring_ell_conv(
        wild if masked else indices, x, kernel, semiring=oracles.ALGEBRAS[name], mask=mask if masked else None
    )
    np.testing.assert_allclose(got, oracle(name, indices, mask, x, kernel), 5e-6, 5e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", seldom_but(oracles.REAL_VALUED, "log"))
def test_derivatives(name, x64):
    indices, mask, x, kernel = case(dtype=np.float64)

    def conv(x, kernel):
        out = semiring_ell_conv(indices, x, kernel, semiring=oracles.ALGEBRAS[name], mask=mask)
        return jnp.where(mask.any(1)[:, None], out, 0)

    check_gradients(conv, x, kernel, forward=False, order=1 if name == "log" else 2)


@pytest.mark.parametrize("order", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_blocks_of_rows(x64, order, monkeypatch):
    monkeypatch.setattr(slot_products, "HELD", 3 * (2 + 3))  # three rows in each, and one in the last
    indices, mask, x, kernel = case(m=10, dtype=np.float64)

    def conv(x, kernel):
        return semiring_ell_conv(indices, x, kernel, mask=mask)

    np.testing.assert_allclose(conv(x, kernel), oracle("real", indices, mask, x, kernel), 1e-13, 1e-13)
    check_gradients(conv, x, kernel, forward=False, order=order)


def test_masked_slots_have_no_part_in_anything():
    indices, mask, x, kernel = case()
    mask[:, 2] = False
    kernel[2] = [[np.nan], [np.inf]]
    indices, x[[0, -1]] = np.clip(indices, 1, 3), np.inf  # rows that no slot names
    wild = np.where(mask, indices, -9)
    out, pull = jax.vjp(lambda x, k: semiring_ell_conv(wild, x, k, mask=mask), x, kernel)
    np.testing.assert_allclose(out, oracle("real", indices, mask, x, kernel), 5e-6, 5e-6)
    d_x, d_kernel = pull(jnp.ones_like(out))
    assert np.isfinite(d_x).all()
    assert (np.asarray(d_kernel)[2] == 0).all()
    assert (np.asarray(d_x)[np.setdiff1d(np.arange(5), indices[mask])] == 0).all()
    assert (np.asarray(pull(jnp.full_like(out, jnp.nan))[1])[2] == 0).all()


def test_indices_of_few_bits():
    indices, mask, x, kernel = case()
    got = semiring_ell_conv(indices.astype(np.uint8), x, kernel, mask=mask)
    np.testing.assert_array_equal(got, semiring_ell_conv(indices, x, kernel, mask=mask))


def test_the_table_of_neighbours_is_never_made():
    m, k, c = 4096, 27, 16
    indices = jnp.asarray((np.arange(m)[:, None] + np.arange(k)) % m)
    table = 4 * m * k * c

    def both(x, kernel):
        out, pull = jax.vjp(lambda *a: semiring_ell_conv(indices, *a), x, kernel)
        return out, pull(out)

    assert compiled_memory(both, form(m, c), form(k, c, c)).temporaries < 0.6 * table


def test_a_stencil_is_numpy_correlation(x64):
    rng = np.random.default_rng(1)
    x, taps = rng.normal(size=(9, 1)), rng.normal(size=(3, 1, 1))
    at = np.clip(np.arange(9)[:, None] + np.arange(-1, 2), 0, 8)
    inside = np.abs(np.arange(9)[:, None] + np.arange(-1, 2) - 4) <= 4
    got = semiring_ell_conv(at, x, taps, mask=inside)[:, 0]
    np.testing.assert_allclose(got, np.correlate(x[:, 0], taps[:, 0, 0], "same"), 1e-12)


def test_batches_jit_and_short_types():
    indices, mask, x, kernel = case()
    stack = np.stack([x, 2 * x])[:, None]
    got = jax.jit(lambda i, x: semiring_ell_conv(i, x, kernel, mask=mask))(indices, stack)
    assert got.shape == (2, 1, 4, 3)
    np.testing.assert_allclose(got[1, 0], oracle("real", indices, mask, 2 * x, kernel), 1e-5, 1e-5)
    long = jnp.zeros((1, 4096), int)
    out = semiring_ell_conv(long, jnp.ones((1, 1), jnp.bfloat16), jnp.ones((4096, 1, 1), jnp.bfloat16))
    assert (out.dtype, float(out[0, 0])) == (jnp.bfloat16, 4096.0)


def test_under_jit_an_index_out_of_range_gives_nan():
    indices, _, x, kernel = case()
    indices[2, 1] = 7
    out = jax.jit(lambda i: semiring_ell_conv(i, x, kernel))(indices)
    np.testing.assert_array_equal(np.isnan(out).all(1), [False, False, True, False])
    np.testing.assert_array_equal(np.isnan(out).any(1), [False, False, True, False])


@pytest.mark.parametrize("name", oracles.ALGEBRAS)
def test_nothing_to_sum_is_the_identity(name):
    algebra = oracles.ALGEBRAS[name]
    for m, k_max, n, c_in in ((2, 0, 3, 1), (2, 1, 3, 0), (0, 2, 3, 1)):
        out = semiring_ell_conv(
            jnp.zeros((m, k_max), int), jnp.ones((n, c_in)), jnp.ones((k_max, c_in, 4)), semiring=algebra
        )
        assert out.shape == (m, 4)
        assert (np.asarray(out) == algebra.identity).all()


def test_a_users_algebra_is_one_sum_over_all_terms():
    class Variance:
        """A sum that merging finished sums would get wrong: Welford's variance."""

        def init(self, shape, dtype):
            return tuple(jnp.zeros(shape, dtype) for _ in range(3))

        def update(self, state, value):
            count, mean, squares = state
            new = mean + (value - mean) / (count + 1)
            return count + 1, new, squares + (value - mean) * (value - new)

        def merge(self, left, right):
            raise NotImplementedError

        def finalize(self, state):
            return state[2] / jnp.maximum(state[0], 1)

    mine = Semiring(Variance(), semiring.REAL.binary_op, "variance", identity=0.0)
    indices, mask, x, kernel = case()
    got = semiring_ell_conv(indices, x, kernel, semiring=mine, mask=mask)
    for row, columns, counts in zip(got, indices, mask):
        terms = (np.float64(x)[columns[counts]][:, :, None] * kernel[counts]).reshape(-1, 3)
        np.testing.assert_allclose(row, terms.var(0) if len(terms) else 0, 1e-5, 1e-6)
    with pytest.raises(TypeError, match="over the algebra 'variance' are forward-only.*jax.custom_vjp"):
        jax.grad(lambda x: semiring_ell_conv(indices, x, kernel, semiring=mine).sum())(jnp.asarray(x))


I, K, X = np.zeros((4, 2), int), np.ones((2, 3, 5), np.float32), np.ones((6, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: semiring_ell_conv(I[0], X, K), ValueError, r"indices has shape \(2,\), but \[m, k_max\]"),
        (lambda: semiring_ell_conv(I, X, K[0]), ValueError, r"kernel has shape \(3, 5\), but \[k_max, c_in"),
        (lambda: semiring_ell_conv(I * 1.0, X, K), TypeError, "indices is of dtype float"),
        (lambda: semiring_ell_conv(I, X[:, :2], K), ValueError, "kernel should be.*2 slots.*channels of x"),
        (lambda: semiring_ell_conv(I + 6, X, K), ValueError, r"out of range.*\(x has as many rows 6\)"),
        (lambda: semiring_ell_conv(I, X, K, mask=I[:2] == 0), ValueError, r"mask has shape \(2, 2\)"),
        (lambda: semiring_ell_conv(I, X, K, mask=I), TypeError, "mask is of dtype int.*mask > 0"),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words, unchecked):
    with pytest.raises(error, match=words):
        call()
