import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix import semiring
from nitrix.semiring import semiring_ell_matmul, semiring_ell_rmatvec
from support import oracles
from support.gradients import check_gradients
from support.marks import seldom_but

SHAPES = [(1, 1, 1, 1), (6, 3, 5, 4), (9, 16, 4, 1), (7, 21, 11, 3)]  # m, k_max, n, c


def case(m, k_max, n, c, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    values, B = rng.normal(size=(m, k_max)), rng.normal(size=(n, c))
    X = rng.normal(size=(m, c))
    indices, degree = rng.integers(0, n, (m, k_max)), rng.integers(0, k_max + 1, m)
    return *(x.astype(dtype) for x in (values, B, X)), indices.astype(np.int32), degree.astype(np.int32)


def operands(name, *arrays):
    return tuple(x > 0 if name == "boolean" else x for x in arrays)


@pytest.mark.covering
@pytest.mark.fast
@pytest.mark.parametrize("name", oracles.ALGEBRAS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("with_degree", [False, True])
def test_products_match_definition(name, shape, with_degree):
    values, B, X, indices, degree = case(*shape)
    values, B, X = operands(name, values, B, X)
    degree = degree if with_degree else None
    algebra, n = oracles.ALGEBRAS[name], shape[2]
    got = semiring_ell_matmul(values, indices, B, semiring=algebra, degree=degree, n_rows=shape[0], n_cols=n)
    np.testing.assert_allclose(got, oracles.ell_matmul(name, values, indices, B, degree), 2e-6, 2e-6)
    got = semiring_ell_rmatvec(values, indices, X, semiring=algebra, degree=degree, n_cols=n)
    np.testing.assert_allclose(got, oracles.ell_rmatvec(name, values, indices, X, n, degree), 2e-6, 2e-6)


@pytest.mark.parametrize("name", oracles.ALGEBRAS)
def test_empty_rows_columns_and_operands(name):
    algebra = oracles.ALGEBRAS[name]
    identity = algebra.identity
    none = jnp.zeros((3, 0)), jnp.zeros((3, 0), int), jnp.ones((4, 2))
    assert (np.asarray(semiring_ell_matmul(*none, semiring=algebra)) == identity).all()
    out = semiring_ell_rmatvec(none[0], none[1], jnp.ones((3, 2)), semiring=algebra, n_cols=5)
    assert out.shape == (5, 2)
    assert (np.asarray(out) == identity).all()
    assert semiring_ell_matmul(
        jnp.zeros((0, 2)), jnp.zeros((0, 2), int), jnp.ones((4, 2)), semiring=algebra
    ).shape == (0, 2)
    unused = semiring_ell_matmul(
        jnp.ones((2, 3)), jnp.zeros((2, 3), int), jnp.ones((0, 4)), semiring=algebra, degree=jnp.zeros(2, int)
    )
    assert (np.asarray(unused) == identity).all()


@pytest.mark.parametrize("name", seldom_but(oracles.REAL_VALUED, "log", "tropical_max_plus"))
def test_slots_past_the_degree_never_contribute(name):
    values, B, X, indices, degree = case(6, 5, 7, 2)
    past = np.arange(5) >= degree[:, None]
    clean = semiring_ell_matmul(values, indices, B, semiring=oracles.ALGEBRAS[name], degree=degree)
    for rubbish in (np.nan, np.inf, -np.inf, 1e30):
        spoiled, wild = np.where(past, rubbish, values), np.where(past, -12345, indices)
        got = semiring_ell_matmul(spoiled, wild, B, semiring=oracles.ALGEBRAS[name], degree=degree)
        np.testing.assert_array_equal(got, clean)
        grad = jax.grad(
            lambda v: jnp.sum(
                _bounded(semiring_ell_matmul(v, wild, B, semiring=oracles.ALGEBRAS[name], degree=degree))
            )
        )(jnp.asarray(spoiled))
        assert (np.asarray(grad)[past] == 0).all()
        assert np.isfinite(grad).all()


def _bounded(x):
    return jnp.where(jnp.isfinite(x), x, 0)


@pytest.mark.parametrize("name", ["log", "tropical_max_plus", "tropical_min_plus"])
def test_nan_and_infinities(name):
    algebra = oracles.ALGEBRAS[name]
    values, B, X, indices, _ = case(8, 4, 6, 3)
    values[0, 1], values[1, :], values[2, 0], values[3, 2] = (
        np.nan,
        algebra.annihilator,
        -algebra.annihilator,
        algebra.annihilator,
    )
    B[2, 1], B[3, :], X[4, 0], X[5, :], X[6, 1] = (
        np.nan,
        algebra.annihilator,
        np.nan,
        -algebra.annihilator,
        algebra.annihilator,
    )
    np.testing.assert_allclose(
        semiring_ell_matmul(values, indices, B, semiring=algebra),
        oracles.ell_matmul(name, values, indices, B),
        1e-6,
        1e-6,
    )
    np.testing.assert_allclose(
        semiring_ell_rmatvec(values, indices, X, semiring=algebra, n_cols=6),
        oracles.ell_rmatvec(name, values, indices, X, 6),
        1e-6,
        1e-6,
    )


def test_log_at_large_magnitude_has_accurate_gradients():
    rng = np.random.default_rng(3)
    values, B = (
        rng.uniform(-1e4, 1e4, (5, 6)).astype(np.float32),
        rng.uniform(-1e4, 1e4, (4, 3)).astype(np.float32),
    )
    indices = rng.integers(0, 4, (5, 6))
    g = rng.normal(size=(5, 3)).astype(np.float32)
    _, pull = jax.vjp(lambda v, b: semiring_ell_matmul(v, indices, b, semiring=semiring.LOG), values, B)
    terms = np.float64(values)[:, :, None] + np.float64(B)[indices]
    share = np.exp(terms - oracles.ell_matmul("log", values, indices, B)[:, None, :]) * g[:, None, :]
    dB = np.zeros((4, 3))
    np.add.at(dB, indices, share)
    got_values, got_B = pull(jnp.asarray(g))
    np.testing.assert_allclose(got_values, share.sum(-1), 2e-6, 2e-6)
    np.testing.assert_allclose(got_B, dB, 2e-6, 2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", seldom_but(oracles.REAL_VALUED, "log"))
def test_derivatives_of_both_orders_and_modes(name, x64):
    shape = (5, 5, 4, 2)
    values, B, X, indices, degree = case(*shape, dtype=np.float64)
    algebra = oracles.ALGEBRAS[name]
    degree = np.maximum(degree, 1)
    check_gradients(
        lambda v, b: semiring_ell_matmul(v, indices, b, semiring=algebra, degree=degree), values, B
    )
    n = shape[2]
    used = np.isin(np.arange(n), indices[np.arange(shape[1]) < degree[:, None]])[:, None]

    def transposed(v, x):
        out = semiring_ell_rmatvec(v, indices, x, semiring=algebra, degree=degree, n_cols=n)
        return jnp.where(used, out, 0)

    check_gradients(transposed, values, X)


def test_ties_take_the_first_entry():
    ones = jnp.ones((1, 2))
    both = jnp.zeros((1, 2), int)
    for algebra in (semiring.TROPICAL_MAX_PLUS, semiring.TROPICAL_MIN_PLUS):
        grad = jax.grad(lambda v: semiring_ell_matmul(v, both, jnp.ones((1, 1)), semiring=algebra).sum())(
            ones
        )
        np.testing.assert_array_equal(grad, [[1, 0]])
        grad = jax.grad(
            lambda v: semiring_ell_rmatvec(v, both, jnp.ones((1, 1)), semiring=algebra, n_cols=1).sum()
        )(ones)
        np.testing.assert_array_equal(grad, [[1, 0]])


def test_zero_distance_has_gradient_zero():
    grad = jax.grad(
        lambda v: semiring_ell_matmul(v, jnp.zeros((2, 1), int), v[:1], semiring=semiring.EUCLIDEAN).sum()
    )
    np.testing.assert_array_equal(grad(jnp.ones((2, 1))), 0)


@pytest.mark.parametrize("name", seldom_but(oracles.ALGEBRAS, "real", "log"))
def test_batch_axes_broadcast(name):
    values, B, X, indices, degree = case(5, 3, 4, 2)
    stack = lambda x: np.stack([x, 2 * x, -x])
    algebra = oracles.ALGEBRAS[name]
    got = semiring_ell_matmul(
        values, indices, stack(B)[:, None], semiring=algebra, degree=np.stack([degree, degree // 2])
    )
    assert got.shape == (3, 2, 5, 2)
    alone = semiring_ell_matmul(values, indices, -B, semiring=algebra, degree=degree // 2)
    np.testing.assert_allclose(got[2, 1], alone, 1e-6)
    got = semiring_ell_rmatvec(stack(values), indices, X, semiring=algebra, n_cols=4)
    np.testing.assert_allclose(
        got[1], semiring_ell_rmatvec(2 * values, indices, X, semiring=algebra, n_cols=4), 1e-6
    )


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_low_precision_accumulates_in_float32(dtype):
    out = semiring_ell_matmul(jnp.ones((1, 4096), dtype), jnp.zeros((1, 4096), int), jnp.ones((1, 1), dtype))
    assert out.dtype == dtype
    assert out[0, 0] == 4096


def test_integers_stay_integers_over_the_reals():
    out = semiring_ell_matmul(np.int8([[100, 100]]), np.int32([[0, 0]]), np.int8([[100]]))
    assert out.dtype == jnp.int32
    assert out[0, 0] == 20_000


def test_adjointness():
    values, B, X, indices, degree = case(6, 4, 5, 3)
    left = jnp.vdot(semiring_ell_matmul(values, indices, B, degree=degree), X)
    right = jnp.vdot(B, semiring_ell_rmatvec(values, indices, X, degree=degree, n_cols=5))
    np.testing.assert_allclose(left, right, 1e-5)


def test_under_jit_an_index_out_of_range_gives_nan():
    values, B, X, indices, _ = case(4, 2, 3, 2)
    indices[1, 0], indices[2, 1] = 3, -1
    for algebra in (semiring.REAL, semiring.TROPICAL_MIN_PLUS, semiring.LOG):
        out = jax.jit(lambda i: semiring_ell_matmul(values, i, B, semiring=algebra))(indices)
        np.testing.assert_array_equal(np.isnan(out).any(1), [False, True, True, False])
        assert np.isnan(
            jax.jit(lambda i: semiring_ell_rmatvec(values, i, X, semiring=algebra, n_cols=3))(indices)
        ).all()


V, I, D = np.ones((4, 2), np.float32), np.zeros((4, 2), int), np.ones((3, 5), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: semiring_ell_matmul(V, I[:, :1], D),
            ValueError,
            r"values \(4, 2\) and indices \(4, 1\) differ",
        ),
        (
            lambda: semiring_ell_matmul(V[0], I, D),
            ValueError,
            r"values has shape \(2,\), but a matrix is needed",
        ),
        (
            lambda: semiring_ell_matmul(V, I * 1.0, D),
            TypeError,
            "indices is of dtype float.*integers are needed",
        ),
        (
            lambda: semiring_ell_matmul(V, I + 3, D),
            ValueError,
            r"8 indices are out of range, the first at \(0, 0\).*0 to 2 \(B has as many rows 3\)",
        ),
        (lambda: semiring_ell_matmul(V, I - 1, D), ValueError, "out of range"),
        (lambda: semiring_ell_matmul(V, I, D, n_rows=5), ValueError, "n_rows is 5, but values has 4 rows"),
        (lambda: semiring_ell_matmul(V, I, D, n_cols=4), ValueError, "n_cols is 4, but B has 3 rows"),
        (
            lambda: semiring_ell_matmul(V, I, D, degree=np.array([1, 2, 3, 0])),
            ValueError,
            "degree ranges from 0 to 3, but rows have 0 to 2",
        ),
        (
            lambda: semiring_ell_matmul(V, I, D, degree=np.array([1, 2])),
            ValueError,
            r"degree has shape \(2,\), but one number for each of the 4 rows",
        ),
        (lambda: semiring_ell_matmul(V, I, D, degree=np.ones(4)), TypeError, "degree is of dtype float"),
        (
            lambda: semiring_ell_matmul(np.ones((2, 4, 2)), I, np.ones((3, 3, 5))),
            ValueError,
            r"leading axes do not broadcast: values \(2,\)",
        ),
        (lambda: semiring_ell_rmatvec(V, I, D, n_cols=2), ValueError, "values has 4 rows but X has 3"),
        (lambda: semiring_ell_rmatvec(V, I, np.ones((4, 1)), n_cols=-1), ValueError, "n_cols is -1"),
        (
            lambda: semiring_ell_rmatvec(V, I + 2, np.ones((4, 1)), n_cols=2),
            ValueError,
            r"out of range.*\(n_cols is 2\)",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words, unchecked):
    with pytest.raises(error, match=words):
        call()
