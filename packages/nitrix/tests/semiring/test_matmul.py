import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix import semiring
from nitrix.semiring import semiring_matmul
from nitrix.semiring._plain import log, streaming
from support import oracles
from support.gradients import check_gradients
from support.marks import seldom_but

SHAPES = [(1, 1, 1), (3, 5, 4), (7, 16, 1), (1, 37, 9), (33, 35, 17)]  # m, k, n


def case(m, k, n, name="real", dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    A, B = rng.normal(size=(m, k)), rng.normal(size=(k, n))
    return (A > 0.5, B > 0.5) if name == "boolean" else (A.astype(dtype), B.astype(dtype))


@pytest.mark.covering
@pytest.mark.fast
@pytest.mark.parametrize("name", oracles.ALGEBRAS)
@pytest.mark.parametrize("shape", SHAPES)
def test_matches_definition(name, shape):
    A, B = case(*shape, name)
    got = semiring_matmul(A, B, semiring=oracles.ALGEBRAS[name])
    assert got.dtype == (bool if name == "boolean" else np.float32)
    np.testing.assert_allclose(got, oracles.matmul(name, A, B), 2e-6, 2e-6)


@pytest.mark.parametrize("name", oracles.ALGEBRAS)
def test_matches_definition_in_64_bits(name, x64):
    A, B = case(9, 21, 6, name, np.float64)
    got = semiring_matmul(A, B, semiring=oracles.ALGEBRAS[name])
    np.testing.assert_allclose(got, oracles.matmul(name, A, B), 1e-14, 1e-14)


@pytest.mark.parametrize("name", oracles.ALGEBRAS)
def test_no_terms_give_the_identity(name):
    algebra = oracles.ALGEBRAS[name]
    out = semiring_matmul(jnp.zeros((2, 0)), jnp.zeros((0, 3)), semiring=algebra)
    assert out.shape == (2, 3)
    assert (np.asarray(out) == algebra.identity).all()
    assert semiring_matmul(jnp.zeros((0, 4)), jnp.zeros((4, 3)), semiring=algebra).shape == (0, 3)
    assert semiring_matmul(jnp.zeros((5, 2, 4)), jnp.zeros((5, 4, 0)), semiring=algebra).shape == (5, 2, 0)
    assert semiring_matmul(jnp.zeros((0, 2, 4)), jnp.zeros((4, 3)), semiring=algebra).shape == (0, 2, 3)


@pytest.mark.covering
@pytest.mark.parametrize("name", oracles.ALGEBRAS)
@pytest.mark.parametrize(
    ("left", "right"),
    [((4,), ()), ((), (4,)), ((4,), (4,)), ((3, 1), (4,)), ((1,), (3, 2)), ((2, 3), (2, 1))],
)
def test_leading_axes_broadcast(name, left, right):
    rng = np.random.default_rng(1)
    A, B = (
        rng.normal(size=(*left, 3, 5)).astype(np.float32),
        rng.normal(size=(*right, 5, 2)).astype(np.float32),
    )
    A, B = (A > 0, B > 0) if name == "boolean" else (A, B)
    got = semiring_matmul(A, B, semiring=oracles.ALGEBRAS[name])
    np.testing.assert_allclose(got, oracles.matmul(name, A, B), 2e-6, 2e-6)


@pytest.mark.parametrize("name", seldom_but(["log", "tropical_max_plus", "euclidean", "boolean"], "boolean"))
def test_large_problems_are_taken_in_blocks(name, monkeypatch):
    monkeypatch.setattr(streaming, "STATE_ENTRIES", 40)
    monkeypatch.setattr(semiring.matmul, "STATE_ENTRIES", 300)
    A, B = case(26, 19, 11, name, seed=4)  # 26 rows in blocks of 4, the last overlapping
    got = semiring_matmul(np.stack([A, A, A]), np.stack([B, B[::-1], B]), semiring=oracles.ALGEBRAS[name])
    np.testing.assert_allclose(
        got, oracles.matmul(name, np.stack([A, A, A]), np.stack([B, B[::-1], B])), 2e-6, 2e-6
    )
    if name == "boolean":
        return
    weight = np.random.default_rng(0).normal(size=got.shape[1:]).astype(np.float32)
    loss = lambda a, b: jnp.sum(weight * semiring_matmul(a, b, semiring=oracles.ALGEBRAS[name]))
    in_blocks = jax.grad(loss, (0, 1))(A, B)
    monkeypatch.undo()
    jax.clear_caches()
    for blocked, whole in zip(in_blocks, jax.grad(loss, (0, 1))(A, B)):
        np.testing.assert_allclose(blocked, whole, 1e-5, 1e-5)


@pytest.mark.parametrize("name", ["log", "tropical_max_plus", "tropical_min_plus"])
def test_nan_and_infinities(name):
    algebra = oracles.ALGEBRAS[name]
    zero = algebra.annihilator
    A, B = case(9, 18, 8, seed=2)
    A[0, 3], A[1, :], A[2, 5], A[3, ::2], A[4, 0] = np.nan, zero, -zero, zero, -zero
    B[2, 1], B[:, 2], B[5, 3], B[1::2, 4], B[0, 5] = np.nan, zero, zero, zero, -zero
    got = semiring_matmul(A, B, semiring=algebra)
    np.testing.assert_allclose(got, oracles.matmul(name, A, B), 1e-6, 1e-6)
    grads = jax.grad(
        lambda a, b: jnp.sum(jnp.where(jnp.isfinite(got), semiring_matmul(a, b, semiring=algebra), 0)), (0, 1)
    )(A, B)
    finite_row, finite_column = np.isfinite(got).any(1), np.isfinite(got).any(0)
    assert np.isfinite(np.asarray(grads[0])[finite_row & ~np.isnan(A).any(1)]).all()
    assert np.isfinite(np.asarray(grads[1])[:, finite_column & ~np.isnan(B).any(0)]).all()


def test_nan_of_the_other_algebras():
    A, B = case(4, 6, 5)
    A[1, 2], B[3, 4] = np.nan, np.nan
    for algebra in (semiring.REAL, semiring.EUCLIDEAN):
        wrong = np.isnan(semiring_matmul(A, B, semiring=algebra))
        assert wrong[1].all()
        assert wrong[:, 4].all()
        assert wrong.sum() == 8
    assert semiring_matmul(np.float32([[np.nan]]), np.float32([[1]]), semiring=semiring.BOOLEAN).all()


LARGE = {
    "uniform": lambda rng, shape: rng.uniform(-1e4, 1e4, shape),
    "benign": lambda rng, shape: rng.normal(size=shape),
    "huge": lambda rng, shape: rng.uniform(-1.6e38, 1.6e38, shape),
    "rows and columns far apart": lambda rng, shape: (
        rng.normal(size=shape) + (1e4 if shape[0] == 24 else -1e4)
    ),
    "half empty": lambda rng, shape: np.where(rng.random(shape) < 0.5, -np.inf, rng.normal(size=shape)),
    "one wide row": lambda rng, shape: (
        rng.normal(size=shape) * np.where(np.arange(shape[0]) == 3, 1e4, 1)[:, None]
    ),
}


@pytest.mark.fast
@pytest.mark.parametrize("kind", LARGE)
def test_log_is_accurate_at_any_magnitude(kind):
    rng = np.random.default_rng(5)
    A, B = (LARGE[kind](rng, shape).astype(np.float32) for shape in ((24, 40), (40, 13)))
    g = rng.normal(size=(24, 13)).astype(np.float32)
    out, pull = jax.vjp(lambda a, b: semiring_matmul(a, b, semiring=semiring.LOG), A, B)
    terms = np.float64(A)[:, :, None] + np.float64(B)[None]
    wanted = oracles.matmul("log", A, B)
    finite = np.isfinite(wanted)
    np.testing.assert_array_equal(np.isneginf(out), np.isneginf(wanted))
    np.testing.assert_allclose(np.asarray(out)[finite], wanted[finite], 5e-7, 5e-7)
    share = np.where(finite[:, None], np.exp(terms - np.where(finite, wanted, 0)[:, None]), 0) * g[:, None]
    for got, exact in zip(pull(jnp.asarray(g)), (share.sum(2), share.sum(0))):
        np.testing.assert_allclose(got, exact, 3e-6, 3e-6)


def test_log_recomputes_only_rows_that_underflow(monkeypatch):
    taken = []
    streamed = log._streamed
    monkeypatch.setattr(
        log,
        "_streamed",
        lambda a, b: taken.append(jax.debug.callback(lambda: taken.append(1))) or streamed(a, b),
    )
    A, B = case(6, 8, 5)
    log.shift_and_sum(jnp.asarray(A), jnp.asarray(B))
    jax.effects_barrier()
    assert 1 not in taken
    A[2] *= 1e4
    log.shift_and_sum(jnp.asarray(A), jnp.asarray(B * 1e4))
    jax.effects_barrier()
    assert taken.count(1) == 1


@pytest.mark.parametrize("magnitude", [1e-30, 1e-3, 1.0, 1e30])
def test_euclidean_neither_cancels_nor_overflows(magnitude):
    rng = np.random.default_rng(6)
    A = rng.normal(size=(5, 3)) + 1
    B = A.T[:, :4] * (1 + 1e-6 * rng.normal(size=(3, 4)))
    A, B = (A * magnitude).astype(np.float32), (B * magnitude).astype(np.float32)
    got = semiring_matmul(A, B, semiring=semiring.EUCLIDEAN)
    np.testing.assert_allclose(got, oracles.matmul("euclidean", A, B), 1e-6)


def test_zero_distance_has_gradient_zero():
    points = jnp.asarray([[1.0, 2.0], [1.0, 2.0], [3.0, 5.0]])
    loss = lambda p, q: semiring_matmul(p, q.T, semiring=semiring.EUCLIDEAN).sum()
    left, right = jax.grad(loss, (0, 1))(points, points)
    direction = (points[2] - points[0]) / 13**0.5
    np.testing.assert_allclose(left, jnp.stack([-direction, -direction, 2 * direction]), 1e-6)
    np.testing.assert_allclose(right, left, 1e-6)
    hessian = jax.hessian(lambda p: loss(p, points))(points)
    assert np.isfinite(hessian).all()


def test_ties_take_the_first_term():
    ones = jnp.ones((2, 40))
    for algebra in (semiring.TROPICAL_MAX_PLUS, semiring.TROPICAL_MIN_PLUS):
        left, right = jax.grad(lambda a, b: semiring_matmul(a, b, semiring=algebra).sum(), (0, 1))(
            ones, ones.T
        )
        np.testing.assert_array_equal(left, jnp.zeros((2, 40)).at[:, 0].set(2))
        np.testing.assert_array_equal(right, left.T)


@pytest.mark.slow
@pytest.mark.parametrize("name", seldom_but(oracles.REAL_VALUED, "real", "log"))
def test_derivatives_of_both_orders_and_modes(name, x64, monkeypatch):
    monkeypatch.setattr(
        streaming, "CHUNK", 2
    )  # the loop and its remainder, at a fraction of the compile time
    A, B = case(4, 5, 3, dtype=np.float64, seed=7)
    algebra = oracles.ALGEBRAS[name]
    modes = {"forward": name not in ("log", "euclidean")}
    check_gradients(lambda a, b: semiring_matmul(a, b, semiring=algebra), A, B, **modes)
    if name == "log":  # rows that are streamed
        check_gradients(
            lambda a, b: semiring_matmul(a, b, semiring=algebra),
            A * 900,
            B * 900,
            **modes,
            step=1e-6,
            rtol=1e-5,
        )


@pytest.mark.parametrize("name", ["log", "euclidean"])
def test_forward_mode_is_refused_by_jax(name):
    A, B = case(2, 3, 2)
    with pytest.raises(TypeError, match="custom_vjp"):
        jax.jvp(lambda a: semiring_matmul(a, B, semiring=oracles.ALGEBRAS[name]), (A,), (A,))


@pytest.mark.parametrize("transform", [jax.grad, lambda f: lambda a: jax.jvp(f, (a,), (a,))])
def test_boolean_has_no_derivative_and_says_so(transform):
    def count(a):
        return jnp.sum(semiring_matmul(a, jnp.ones((3, 2)), semiring=semiring.BOOLEAN).astype(jnp.float32))

    with pytest.raises(TypeError, match="semiring_matmul over the algebra 'boolean' is not differentiable"):
        transform(count)(jnp.ones((2, 3)))
    with pytest.raises(TypeError, match="not differentiable"):
        transform(jax.jit(count))(jnp.ones((2, 3)))


def test_boolean_operands_carry_no_gradient():
    mask = jnp.ones((2, 3), bool)
    loss = lambda x: x * jnp.sum(semiring_matmul(mask, mask.T, semiring=semiring.BOOLEAN).astype(jnp.float32))
    assert jax.grad(loss)(2.0) == 4


def test_boolean_reads_operands_as_truth_values():
    A, B = np.float32([[0, -3, 0], [0, 0, 0]]), np.int32([[1, 0], [2, 0], [0, 5]])
    np.testing.assert_array_equal(
        semiring_matmul(A, B, semiring=semiring.BOOLEAN),
        oracles.matmul("boolean", A.astype(bool), B.astype(bool)),
    )


@pytest.mark.fast
@pytest.mark.parametrize("dtype", seldom_but([jnp.bfloat16, jnp.float16], jnp.bfloat16))
@pytest.mark.parametrize("name", ["real", "log", "euclidean", "tropical_max_plus"])
def test_low_precision_accumulates_in_float32(dtype, name):
    wanted = {"real": 4096, "log": 2 + np.log(4096), "euclidean": 0, "tropical_max_plus": 2}[name]
    out = semiring_matmul(
        jnp.ones((2, 4096), dtype), jnp.ones((4096, 1), dtype), semiring=oracles.ALGEBRAS[name]
    )
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, jnp.asarray(wanted, dtype))
    grad = jax.grad(
        lambda a: semiring_matmul(a, jnp.ones((4096, 1), dtype), semiring=oracles.ALGEBRAS[name]).sum()
    )
    assert grad(jnp.ones((2, 4096), dtype)).dtype == dtype


def test_dtypes_are_promoted_as_jax_does():
    with jax.numpy_dtype_promotion("standard"):
        mixed = semiring_matmul(jnp.ones((2, 3), jnp.bfloat16), jnp.ones((3, 2), jnp.float32))
        assert mixed.dtype == jnp.float32
        mixed = semiring_matmul(
            jnp.ones((2, 3), jnp.int32), jnp.ones((3, 2), jnp.float16), semiring=semiring.LOG
        )
        assert mixed.dtype == jnp.float16


@pytest.mark.parametrize(
    ("dtype", "wanted"),
    [(bool, "int32"), ("int8", "int32"), ("uint8", "uint32"), ("int16", "int32"), ("int32", "int32")],
)
def test_integers_stay_integers_over_the_reals(dtype, wanted):
    A, B = (np.full(shape, 100).astype(dtype) for shape in ((2, 5), (5, 3)))
    out = semiring_matmul(A, B)
    assert out.dtype == wanted
    np.testing.assert_array_equal(out, oracles.matmul("real", np.int64(A), np.int64(B)))


@pytest.mark.parametrize("name", ["log", "euclidean", "tropical_max_plus", "tropical_min_plus"])
def test_integers_are_promoted_where_real_numbers_are_needed(name):
    A, B = np.int32([[1, -2, 3]]), np.int32([[2], [4], [5]])
    out = semiring_matmul(A, B, semiring=oracles.ALGEBRAS[name])
    assert out.dtype == jnp.float32
    np.testing.assert_allclose(out, oracles.matmul(name, A, B), 1e-6)


def test_complex_numbers():
    A = np.complex64([[1 + 2j, 3]])
    np.testing.assert_allclose(semiring_matmul(A, A.T), A @ A.T, 1e-6)
    for name in ("log", "euclidean", "tropical_min_plus"):
        with pytest.raises(TypeError, match=f"'{name}' is about real numbers but was given A complex64"):
            semiring_matmul(A, A.T, semiring=oracles.ALGEBRAS[name])


@pytest.mark.parametrize("name", seldom_but(oracles.ALGEBRAS, "log", "boolean"))
def test_jit_and_vmap(name):
    A, B = case(4, 6, 3, name, seed=8)
    algebra = oracles.ALGEBRAS[name]
    product = lambda a, b: semiring_matmul(a, b, semiring=algebra)
    wanted = product(A, B)
    np.testing.assert_array_equal(jax.jit(product)(A, B), wanted)
    stacked = np.stack([A, A[::-1]])
    for got in (jax.vmap(product, (0, None))(stacked, B), jax.jit(jax.vmap(product, (0, None)))(stacked, B)):
        np.testing.assert_allclose(got, np.stack([wanted, wanted[::-1]]), 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", seldom_but(oracles.REAL_VALUED, "tropical_max_plus"))
def test_vmap_of_the_gradient(name):
    A, B = case(4, 6, 3, seed=9)
    A = np.stack([A, A * (1e4 if name == "log" else 2)])
    gradient = jax.grad(lambda a: jnp.sum(jnp.sin(semiring_matmul(a, B, semiring=oracles.ALGEBRAS[name]))))
    np.testing.assert_allclose(jax.vmap(gradient)(A), np.stack([gradient(a) for a in A]), 1e-5, 1e-6)


@pytest.mark.parametrize(
    ("A", "B", "words"),
    [
        (
            (4, 3),
            (2, 5),
            r"A has 3 columns but B has 2 rows \(A \(4, 3\), B \(2, 5\)\); transpose or slice one",
        ),
        ((3,), (3, 5), r"A has shape \(3,\), but a matrix is needed; add an axis, such as A\[None, :\]"),
        ((4, 3), (3,), r"B has shape \(3,\), but a matrix is needed"),
        ((2, 4, 3), (5, 3, 1), r"leading axes of A \(2, 4, 3\) and B \(5, 3, 1\) do not broadcast"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_in_words(A, B, words, unchecked):
    with pytest.raises(ValueError, match=words):
        semiring_matmul(jnp.ones(A), jnp.ones(B))


def test_unknown_backend_is_refused(unchecked):
    with pytest.raises(ValueError, match="backend='cuda' is not known; give one of 'auto', 'pallas-cuda'"):
        semiring_matmul(jnp.ones((1, 1)), jnp.ones((1, 1)), backend="cuda")
