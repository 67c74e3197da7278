import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.semiring import (
    BOOLEAN,
    EUCLIDEAN,
    LOG,
    REAL,
    TROPICAL_MAX_PLUS,
    TROPICAL_MIN_PLUS,
    Semiring,
    StrictSemiring,
    semiring_ell_matmul,
    semiring_matmul,
)
from nitrix.semiring.algebra import sum_of
from nitrix.semiring.algebras import Max, Plus, Sum, Times
from support import oracles

STRICT = [REAL, LOG, TROPICAL_MAX_PLUS, TROPICAL_MIN_PLUS, BOOLEAN]


class Welford(NamedTuple):
    count: jax.Array
    mean: jax.Array
    squares: jax.Array  # sum of squared deviations from the mean


class Variance:
    """The variance of the terms, in one pass."""

    def init(self, shape, dtype):
        zeros = jnp.zeros(shape, dtype)
        return Welford(zeros, zeros, zeros)

    def update(self, state, value):
        return self.merge(state, Welford(jnp.ones_like(value), value, jnp.zeros_like(value)))

    def merge(self, left, right):
        count = left.count + right.count
        some = jnp.where(count == 0, 1, count)
        apart = right.mean - left.mean
        mean = left.mean + apart * right.count / some
        squares = left.squares + right.squares + apart * apart * left.count * right.count / some
        return Welford(count, mean, squares)

    def finalize(self, state):
        return state.squares / jnp.where(state.count == 0, 1, state.count)


VARIANCE = Semiring(Variance(), Times(), "variance of products", identity=0.0)


@pytest.mark.parametrize("algebra", STRICT, ids=lambda a: a.name)
def test_built_in_strict_algebras_pass_the_check(algebra):
    assert isinstance(algebra, StrictSemiring)
    relaxed = algebra.as_relaxed()
    assert type(relaxed) is Semiring
    again = relaxed.as_strict()
    assert again == algebra
    assert hash(again) == hash(algebra)


def test_identity_and_annihilator_are_two_things():
    assert [a.identity for a in STRICT] == [0, -math.inf, -math.inf, math.inf, False]
    assert [a.annihilator for a in STRICT] == [0, -math.inf, -math.inf, math.inf, False]
    assert EUCLIDEAN.identity == 0
    assert EUCLIDEAN.annihilator is None


def test_euclidean_cannot_become_strict():
    assert type(EUCLIDEAN) is Semiring
    for attempt in (
        EUCLIDEAN.as_strict,
        lambda: dataclasses.replace(EUCLIDEAN, strict=True),
        lambda: StrictSemiring(EUCLIDEAN.monoid, EUCLIDEAN.binary_op, "euclidean", identity=0.0),
    ):
        with pytest.raises(
            ValueError, match=r"'euclidean' cannot be strict: \(a \(\*\) b\) \(\*\) c is .* but .*at a="
        ):
            attempt()


def test_strict_flag_gives_the_strict_class():
    mine = Semiring(Max(), Plus(-math.inf), "mine", identity=-math.inf, annihilator=-math.inf, strict=True)
    assert type(mine) is StrictSemiring


@pytest.mark.parametrize(
    ("parts", "law"),
    [
        ({"identity": 1.0}, r"a \(\+\) identity"),
        ({"identity": 0.0, "annihilator": 1.0}, r"annihilator \(\*\) b"),
        ({"identity": 0.0, "binary_op": Plus(0.0)}, r"a \(\*\) \(b \(\+\) c\)"),
    ],
)
def test_each_claim_is_checked(parts, law):
    parts = {"monoid": Sum(), "binary_op": Times(), "name": "wrong"} | parts
    with pytest.raises(ValueError, match=rf"'wrong' cannot be strict: {law} is"):
        StrictSemiring(**parts)
    Semiring(**parts)  # a relaxed algebra claims nothing


def test_the_check_works_under_jit():
    @jax.jit
    def f(x):
        return semiring_matmul(x, x, semiring=REAL.as_relaxed().as_strict())

    np.testing.assert_allclose(f(jnp.eye(2)), jnp.eye(2))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"identity": jnp.zeros(())}, "identity is .*; give a Python scalar such as 0.0"),
        ({"identity": None}, "identity is None; give a Python scalar"),
        (
            {"monoid": Sum},
            "<class .*Sum'> is no Monoid; give an object with init, update, merge and finalize",
        ),
        ({"binary_op": lambda a, b: a + b}, "<function .*> is no Semigroup; give an object with combine"),
    ],
)
def test_parts_of_the_wrong_kind_are_refused_in_words(parts, words, unchecked):
    parts = {"monoid": Sum(), "binary_op": Times(), "name": "wrong", "identity": 0.0} | parts
    with pytest.raises(TypeError, match=f"Semiring 'wrong': {words}"):
        Semiring(**parts)


def test_an_unhashable_algebra_is_refused_in_words():
    @dataclasses.dataclass
    class Unhashable(Sum.__base__):  # a plain dataclass with equality has no hash
        init = Sum.init
        update = merge = Sum.update
        finalize = Sum.finalize

    with pytest.raises(
        TypeError, match="'wrong' is not hashable.*make its monoid and binary_op frozen dataclasses"
    ):
        Semiring(Unhashable(), Times(), "wrong", identity=0.0)


@pytest.mark.parametrize("algebra", [*STRICT, EUCLIDEAN], ids=lambda a: a.name)
def test_merge_agrees_with_update(algebra):
    rng = np.random.default_rng(0)
    terms = [jnp.asarray(rng.normal(size=3) ** 2, jnp.float32) for _ in range(5)]
    terms[2] = jnp.full(3, algebra.identity, jnp.float32)
    if algebra is BOOLEAN:
        terms = [t > 0.5 for t in terms]
    monoid = algebra.monoid

    def fold(terms):
        state = monoid.init((3,), jnp.float32)
        for term in terms:
            state = monoid.update(state, term)
        return state

    merged = monoid.finalize(monoid.merge(fold(terms[:2]), fold(terms[2:])))
    np.testing.assert_allclose(merged, sum_of(algebra, *terms), 1e-6)
    np.testing.assert_allclose(monoid.finalize(monoid.merge(fold([]), fold(terms))), merged, 1e-6)
    assert (np.asarray(monoid.finalize(monoid.merge(fold([]), fold([])))) == algebra.identity).all()


@pytest.mark.parametrize("name", oracles.ALGEBRAS)
def test_the_generic_streaming_form_agrees(name):
    """As a user's own algebra with the same parts would be served."""
    algebra = oracles.ALGEBRAS[name]

    class Own(type(algebra.monoid)):
        pass

    own = dataclasses.replace(algebra.as_relaxed(), monoid=Own())
    rng = np.random.default_rng(1)
    A, B = rng.normal(size=(5, 19)).astype(np.float32), rng.normal(size=(19, 4)).astype(np.float32)
    if name == "boolean":
        A, B = A > 1, B > 1
    elif algebra.annihilator is not None and name != "real":
        A[1], B[3:, 2], A[2, 0] = algebra.annihilator, algebra.annihilator, -algebra.annihilator
    np.testing.assert_allclose(semiring_matmul(A, B, semiring=own), oracles.matmul(name, A, B), 1e-5, 1e-6)


def test_a_users_algebra_in_every_product():
    rng = np.random.default_rng(2)
    A, B = rng.normal(size=(2, 3, 18)).astype(np.float32), rng.normal(size=(18, 4)).astype(np.float32)
    wanted = np.var(np.float64(A)[..., None] * np.float64(B), axis=-2)
    np.testing.assert_allclose(semiring_matmul(A, B, semiring=VARIANCE), wanted, 1e-5)
    indices, degree = rng.integers(0, 18, (3, 5)), np.array([5, 3, 0])
    got = semiring_ell_matmul(A[0, :, :5], indices, B, semiring=VARIANCE, degree=degree)
    for i in range(2):
        terms = np.float64(A[0, i, : degree[i], None]) * B[indices[i, : degree[i]]]
        np.testing.assert_allclose(got[i], terms.var(0), 1e-5)
    np.testing.assert_array_equal(got[2], 0)


def test_a_users_algebra_is_forward_only_and_says_so():
    A = jnp.ones((2, 3))
    with pytest.raises(
        TypeError, match="'variance of products' are forward-only.*matmul_vjp.*jax.custom_vjp"
    ):
        jax.grad(lambda a: semiring_matmul(a, A.T, semiring=VARIANCE).sum())(A)
    with pytest.raises(TypeError, match="ELL products.*forward-only.*ell_matmul_vjp.*jax.custom_vjp"):
        jax.grad(lambda a: semiring_ell_matmul(a, jnp.zeros((2, 3), int), A, semiring=VARIANCE).sum())(A)


def test_a_users_backward_rule_is_used():
    def rule(kept, g):
        mean_square = (kept.A**2) @ (kept.B**2)
        assert mean_square.shape == kept.out.shape
        k = kept.A.shape[1]
        mean = kept.A @ kept.B / k
        dA = 2 / k * (kept.A * (g @ (kept.B**2).T) - (g * mean) @ kept.B.T)
        dB = 2 / k * (kept.B * ((kept.A**2).T @ g) - kept.A.T @ (g * mean))
        return dA, dB

    algebra = dataclasses.replace(VARIANCE, matmul_vjp=rule)
    rng = np.random.default_rng(3)
    A, B = rng.normal(size=(4, 3, 5)).astype(np.float32), rng.normal(size=(5, 2)).astype(np.float32)
    loss = lambda a, b: jnp.sum(jnp.sin(semiring_matmul(a, b, semiring=algebra)))
    plain = lambda a, b: jnp.sum(jnp.sin(jnp.var(a[..., None] * b, axis=-2)))
    for got, wanted in zip(jax.grad(loss, (0, 1))(A, B), jax.grad(plain, (0, 1))(A, B)):
        np.testing.assert_allclose(got, wanted, 1e-5, 1e-6)


class Nearest:
    """The least term, and which it was: finalize gives its number."""

    def init(self, shape, dtype):
        number = jnp.zeros(shape, jnp.int32)
        return jnp.full(shape, jnp.inf, dtype), number - 1, number

    def update(self, state, value):
        least, at, number = state
        return jnp.minimum(least, value), jnp.where(value < least, number, at), number + 1

    def merge(self, left, right):
        wins = right[0] < left[0]
        return (
            jnp.minimum(left[0], right[0]),
            jnp.where(wins, left[2] + right[1], left[1]),
            left[2] + right[2],
        )

    def finalize(self, state):
        return state[1]


def test_results_may_have_a_dtype_of_their_own():
    nearest = Semiring(Nearest(), EUCLIDEAN.binary_op, "nearest", identity=-1.0)
    rng = np.random.default_rng(4)
    points, atlas = rng.normal(size=(20, 3)).astype(np.float32), rng.normal(size=(3, 7)).astype(np.float32)
    # ... number of the nearest coordinate difference, as the definition says
    wanted = np.argmin(np.square(points[:, :, None] - atlas), axis=1)
    got = semiring_matmul(points, atlas, semiring=nearest)
    assert got.dtype == jnp.int32
    np.testing.assert_array_equal(got, wanted)


class Changing(Sum):
    def update(self, state, value):
        return (state + value).astype(jnp.int32)


class Shrinking(Sum):
    def finalize(self, state):
        return state.sum()


@pytest.mark.parametrize(
    ("monoid", "words"),
    [
        (Changing(), r"update turns the state float32\[1,1\] into int32\[1,1\]; it must keep"),
        (Shrinking(), r"finalize gives shape \(\) for a result of shape \(1, 1\)"),
    ],
)
def test_a_monoid_that_breaks_its_contract_is_refused_in_words(monoid, words):
    algebra = Semiring(monoid, Times(), "broken", identity=0.0)
    for call in (
        lambda: semiring_matmul(jnp.ones((1, 3)), jnp.ones((3, 1)), semiring=algebra),
        lambda: semiring_ell_matmul(
            jnp.ones((1, 3)), jnp.zeros((1, 3), int), jnp.ones((3, 1)), semiring=algebra
        ),
    ):
        with pytest.raises(TypeError, match=f"the algebra 'broken': {words}"):
            call()


@pytest.mark.parametrize("degree", [None, np.array([2, 1, 0])])
def test_a_users_ell_rule_is_used(degree):
    def rule(kept, g):
        gathered = kept.B[kept.indices]  # [m, k_max, c]
        weight = jnp.where(kept.valid[..., None], g[:, None, :], 0)
        d_values = jnp.sum(weight * gathered, -1)
        return d_values, jnp.zeros_like(kept.B).at[kept.indices].add(weight * kept.values[..., None])

    class OwnSum(Sum):
        pass

    algebra = Semiring(OwnSum(), Times(), "mine", identity=0.0, ell_matmul_vjp=rule)
    rng = np.random.default_rng(5)
    values, B = rng.normal(size=(3, 2)).astype(np.float32), rng.normal(size=(4, 5)).astype(np.float32)
    indices = rng.integers(0, 4, (3, 2))

    def gradient(semiring):
        product = lambda v, b: semiring_ell_matmul(v, indices, b, semiring=semiring, degree=degree)
        return jax.grad(lambda v, b: jnp.sum(jnp.sin(product(v, b))), (0, 1))(values, B)

    for got, wanted in zip(gradient(algebra), gradient(REAL)):
        np.testing.assert_allclose(got, wanted, 1e-5, 1e-6)
