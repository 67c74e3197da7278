"""The kernels against the definitions: interpreted, lowered for both platforms, compiled on a present one."""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix._kernels import rank_one
from nitrix._kernels.rules import Fold
from support.kernel_rules import ALGEBRAS
from support.lowering import kernel_calls

PLATFORMS = ("cuda", "tpu")
DIFFERENTIABLE = [name for name, algebra in ALGEBRAS.items() if algebra.weights]
TOLERANCE = {"float32": 1e-5, "float64": 1e-12, "bfloat16": 1e-2, "float16": 2e-3, "int32": 0, "bool": 0}
RAGGED = (33, 5, 17)
PRESENT = {"gpu": "cuda"}.get(jax.default_backend(), jax.default_backend())


@functools.cache
def compiled(platform, name, dtype="float32", interpret=True):
    """Jitted (A, B) -> outputs, and (A, B, planes) -> (dA, dB)."""
    kernels = importlib.import_module(f"nitrix._kernels.{platform}.semiring_matmul")
    algebra = ALGEBRAS[name]
    dtypes = (dtype, *("float64" if d != "int32" and dtype == "float64" else d for d in algebra.statistics))

    def fold(A, B):
        return kernels.fold(A, B, algebra.rule, dtypes=dtypes, interpret=interpret)

    def pull(A, B, *planes):
        return kernels.pull(A, B, planes, *algebra.weights, interpret=interpret)

    # Most of the time of these tests is XLA's; interpreted kernels need none of its effort.
    options = {"xla_backend_optimization_level": 0} if interpret and PRESENT == "cpu" else None
    return jax.jit(fold, compiler_options=options), jax.jit(pull, compiler_options=options)


def operands(shape, dtype="float32", batch=(), name=""):
    m, k, n = shape
    rng = np.random.default_rng(7)
    A, B = rng.normal(size=(*batch, m, k)), rng.normal(size=(*batch, k, n))
    if name == "reciprocal":
        A, B = 1 + abs(A), 1 + abs(B)
    if dtype == "bool":
        return jnp.asarray(A > 0.8), jnp.asarray(B > 0.8)
    if dtype == "int32":
        return jnp.asarray(np.round(9 * A), dtype), jnp.asarray(np.round(9 * B), dtype)
    return jnp.asarray(A, dtype), jnp.asarray(B, dtype)


def defined(name, A, B):
    return ALGEBRAS[name].define(np.float64(A)[:, :, None], np.float64(B)[None, :, :])


def defined_pull(name, A, B, g):
    a, b = np.float64(A)[:, :, None], np.float64(B)[None, :, :]
    weights = ALGEBRAS[name].define_weights(a, b, defined(name, A, B))
    return tuple((w * np.float64(g)[:, None, :]).sum(axis) for w, axis in zip(weights, (2, 0), strict=True))


def assert_close(got, expected, dtype="float32"):
    """Equal where not finite, else near, relative to the largest magnitude or to the number itself."""
    got = np.asarray(got).astype(np.float64)
    finite = np.isfinite(expected)
    scale = np.abs(expected[finite]).max(initial=1.0) if got.size else 1.0
    np.testing.assert_allclose(got, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * min(scale, 10.0))


SEVERAL_TILES = (70, 130, 129)
CASES = [(name, RAGGED) for name in ALGEBRAS]
CASES += [(name, SEVERAL_TILES) for name in ("log", "max", "reciprocal")]
CASES += [("real", shape) for shape in [(1, 1, 1), (64, 128, 128), (70, 130, 1)]]
PULL_CASES = [(name, RAGGED) for name in DIFFERENTIABLE if name != "min"]
PULL_CASES += [("log", SEVERAL_TILES)]
SLOW_PULL_CASES = [("min", RAGGED), ("max", SEVERAL_TILES), ("reciprocal", SEVERAL_TILES)]
SLOW_PULL_CASES += [("real", (64, 128, 128)), ("euclidean", (70, 1, 130))]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(("name", "shape"), CASES)
def test_fold_matches_the_definition(platform, name, shape):
    dtype = "bool" if name == "boolean" else "float32"
    A, B = operands(shape, dtype, name=name)
    value, *statistics = compiled(platform, name, dtype)[0](A, B)
    assert value.dtype == dtype
    assert_close(value, defined(name, A, B), dtype)
    assert [s.dtype for s in statistics] == list(ALGEBRAS[name].statistics)
    if name in ("max", "min"):
        terms = np.asarray(A)[:, :, None] + np.asarray(B)[None, :, :]
        np.testing.assert_array_equal(statistics[0], getattr(np, f"arg{name}")(terms, axis=1))
    if name == "variance":
        np.testing.assert_array_equal(statistics[0], shape[1])


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(
    ("name", "shape"),
    [*PULL_CASES, *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW_PULL_CASES)],
)
def test_pull_matches_the_definition(platform, name, shape):
    A, B = operands(shape, name=name)
    fold, pull = compiled(platform, name)
    g = jnp.asarray(np.random.default_rng(3).normal(size=(shape[0], shape[2])), jnp.float32)
    for got, expected, like in zip(
        pull(A, B, *fold(A, B), g), defined_pull(name, A, B, g), (A, B), strict=True
    ):
        assert (got.shape, got.dtype) == (like.shape, like.dtype)
        assert_close(got, expected)


@pytest.mark.covering
@pytest.mark.fast
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", ["real", "log", "max"])
def test_not_a_number_and_infinities_follow_the_definition(platform, name):
    A, B = operands(RAGGED)
    A = A.at[0].set(-jnp.inf).at[1, 2].set(jnp.nan).at[2, 3].set(jnp.inf).at[3, 0].set(-jnp.inf)
    B = B.at[:, 0].set(-jnp.inf).at[1, 4].set(jnp.nan).at[0, 5].set(jnp.inf)
    value = compiled(platform, name)[0](A, B)[0]
    with np.errstate(invalid="ignore"):
        expected = defined(name, A, B)
    if name != "real":
        assert np.isneginf(expected).any()
    assert np.isnan(expected[1]).all()
    assert np.isposinf(expected).any()
    assert_close(value, expected)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_log_holds_at_large_magnitude_with_its_gradient(platform):
    rng = np.random.default_rng(5)
    A, B = (jnp.asarray(rng.uniform(-1e4, 1e4, size=s), jnp.float32) for s in ((33, 5), (5, 17)))
    A = A.at[4].set(-jnp.inf)
    fold, pull = compiled(platform, "log")
    g = jnp.ones((33, 17), jnp.float32)
    outputs = fold(A, B)
    assert_close(outputs[0], defined("log", A, B))
    dA, dB = pull(A, B, *outputs, g)
    expected = defined_pull("log", A, B, g)
    assert_close(dA, expected[0])
    assert_close(dB, expected[1])
    np.testing.assert_array_equal(dA[4], 0.0)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_euclidean_has_gradient_zero_where_points_coincide(platform):
    A, B = operands(RAGGED)
    B = B.at[:, 3].set(A[8])
    fold, pull = compiled(platform, "euclidean")
    g = jnp.zeros((33, 17), jnp.float32).at[8, 3].set(1.0)
    for gradient in pull(A, B, *fold(A, B), g):
        np.testing.assert_array_equal(gradient, 0.0)


@pytest.mark.parametrize(
    ("platform", "dtype", "name"),
    [
        *((p, d, "real") for p in PLATFORMS for d in ("bfloat16", "float16", "int32")),
        *(("cuda", "bfloat16", name) for name in ("log", "max")),
        *(("cuda", "float64", name) for name in ("log", "max")),
        pytest.param("tpu", "bfloat16", "log", marks=pytest.mark.slow),
        pytest.param("cuda", "bfloat16", "euclidean", marks=pytest.mark.slow),
    ],
)
def test_dtypes(platform, dtype, name):
    with jax.enable_x64(dtype == "float64"):
        A, B = operands(RAGGED, dtype)
        if dtype == "int32":
            assert int(abs(A).max()) > 9
        fold, pull = compiled(platform, name, dtype)
        outputs = fold(A, B)
        assert outputs[0].dtype == dtype
        assert_close(outputs[0], defined(name, A, B), dtype)
        if name in DIFFERENTIABLE and dtype != "int32":
            g = jnp.ones((33, 17), dtype)
            for got, expected in zip(pull(A, B, *outputs, g), defined_pull(name, A, B, g), strict=True):
                assert got.dtype == dtype
                assert_close(got, expected, dtype)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_sixteen_bits_accumulate_in_thirty_two(platform):
    ones = jnp.ones((1, 300), "bfloat16")
    fold, pull = compiled(platform, "real", "bfloat16")
    assert fold(ones, ones.T)[0].astype(jnp.float32) == 300.0  # 256 + 1 is 256 in bfloat16
    wide = jnp.ones((1, 300), "bfloat16")
    dA, _ = pull(jnp.ones((1, 1), "bfloat16"), wide, wide, wide)
    assert dA.astype(jnp.float32) == 300.0


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("axes", [(0, 0), (None, 0)])
def test_batches_by_vmap(platform, axes):
    A, B = operands(RAGGED, batch=(3,))
    A, B = (x if axis == 0 else x[0] for x, axis in zip((A, B), axes, strict=True))
    fold, pull = compiled(platform, "max")
    g = jnp.asarray(np.random.default_rng(3).normal(size=(33, 17)), jnp.float32)
    outputs = jax.vmap(fold, axes)(A, B)
    dA, dB = jax.vmap(lambda A, B, *planes: pull(A, B, *planes, g), (*axes, 0, 0))(A, B, *outputs)
    for i in range(3):
        a, b = (x[i] if axis == 0 else x for x, axis in zip((A, B), axes, strict=True))
        assert_close(outputs[0][i], defined("max", a, b))
        expected = defined_pull("max", a, b, g)
        assert_close(dA[i], expected[0])
        assert_close(dB[i], expected[1])


@pytest.mark.parametrize("platform", PLATFORMS)
def test_empty_extents(platform):
    fold, pull = compiled(platform, "max")
    value, index = fold(*operands((3, 0, 2)))
    np.testing.assert_array_equal(value, np.full((3, 2), -np.inf))
    np.testing.assert_array_equal(index, -1)
    assert compiled(platform, "log")[0](*operands((3, 0, 2)))[0].dtype == "float32"
    for shape in [(0, 4, 2), (3, 4, 0), (3, 0, 2), (0, 0, 0)]:
        A, B = operands(shape)
        outputs = fold(A, B)
        assert [x.shape for x in outputs] == [(shape[0], shape[2])] * 2
        assert [x.dtype for x in outputs] == ["float32", "int32"]
        dA, dB = pull(A, B, *outputs, jnp.ones((shape[0], shape[2]), jnp.float32))
        np.testing.assert_array_equal(dA, np.zeros(A.shape))
        np.testing.assert_array_equal(dB, np.zeros(B.shape))


def forms(shape, dtype, batch=()):
    m, k, n = shape
    return jax.ShapeDtypeStruct((*batch, m, k), dtype), jax.ShapeDtypeStruct((*batch, k, n), dtype)


LOWERED = [(name, "float32", (33, 5, 17)) for name in ALGEBRAS]
LOWERED += [(name, "bfloat16", (64, 128, 256)) for name in ALGEBRAS if name != "boolean"]
LOWERED += [("real", "float16", RAGGED), ("real", "int32", RAGGED), ("max", "float32", (1, 1, 1))]
LOWERED += [(name, "float64", RAGGED) for name in ("log", "max", "euclidean")]


@pytest.mark.parametrize(
    ("platform", "name", "dtype", "shape"),
    [
        pytest.param(p, *case, marks=[pytest.mark.fast] if case[0] == "log" else [])
        for p in PLATFORMS
        for case in LOWERED
        if (p, case[1]) != ("tpu", "float64")
    ],
)
def test_forward_and_backward_lower_to_kernels(platform, name, dtype, shape):
    dtype = "bool" if name == "boolean" else dtype
    with jax.enable_x64(dtype == "float64"):
        fold, pull = compiled(platform, name, dtype, False)
        assert kernel_calls(fold, platform, *forms(shape, dtype)) == 1
        if name in DIFFERENTIABLE and dtype != "int32":
            g = jax.ShapeDtypeStruct((shape[0], shape[2]), dtype)
            planes = jax.eval_shape(fold, *forms(shape, dtype))
            assert kernel_calls(pull, platform, *forms(shape, dtype), *planes, g) == 2


@pytest.mark.fast
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("axes", [(0, 0), (None, 0)])
def test_batches_lower_to_kernels(platform, axes):
    fold, _ = compiled(platform, "log", "float32", False)
    A, B = forms(RAGGED, "float32", batch=(3,))
    A = A if axes[0] == 0 else jax.ShapeDtypeStruct(A.shape[1:], A.dtype)
    assert kernel_calls(jax.vmap(fold, axes), platform, A, B) == 1


@pytest.mark.parametrize(
    "platform",
    [
        pytest.param(
            p, marks=pytest.mark.skipif(p != PRESENT, reason=f"JAX runs on {PRESENT} here, not on {p}")
        )
        for p in PLATFORMS
    ],
)
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_compiled_kernels_match_the_definition(platform, name):
    A, B = operands((300, 130, 257), name=name)
    fold, pull = compiled(platform, name, "float32", False)
    g = jnp.ones((300, 257), jnp.float32)
    outputs = fold(A, B)
    assert_close(outputs[0], defined(name, A, B))
    for got, expected in zip(pull(A, B, *outputs, g), defined_pull(name, A, B, g), strict=True):
        assert_close(got, expected)


def unreachable(*arguments):
    raise AssertionError(arguments)


def test_operands_that_do_not_fit_are_refused_in_words():
    fold = functools.partial(rank_one.fold_by, unreachable, rule=ALGEBRAS["real"].rule, dtypes=("float32",))
    pull = functools.partial(rank_one.pull_by, unreachable, weight_a=unreachable, weight_b=unreachable)
    A, B = operands(RAGGED)
    with pytest.raises(
        ValueError, match=r"fold: A\(33, 5\) and B\(17, 5\) are not \[m, k\] and \[k, n\]; reshape"
    ):
        fold(A, B.T)
    with pytest.raises(
        TypeError, match=r"fold: A is float32 and B is int32; convert both to one of float32, "
    ):
        fold(A, B.astype(jnp.int32))
    with pytest.raises(TypeError, match=r"fold: A is int8 and B is int8; convert both"):
        fold(A.astype(jnp.int8), B.astype(jnp.int8))
    with pytest.raises(
        ValueError, match=r"pull: planes have shapes \[\(33, 5\)\], expected .* all \(33, 17\); give"
    ):
        pull(A, B, planes=(A,))
    with pytest.raises(ValueError, match=r"pull: planes have shapes \[\], expected at least one"):
        pull(A, B, planes=())
    with pytest.raises(
        TypeError, match=r"pull: A and B are int32, which has no gradient; give floating operands"
    ):
        pull(A.astype(jnp.int32), B.astype(jnp.int32), planes=(jnp.ones((33, 17)),))


def test_rules_of_the_wrong_form_are_refused_in_words():
    A, B = operands(RAGGED)
    real = ALGEBRAS["real"].rule
    growing = Fold(real.init, lambda s, a, b, k: (s[0].astype(jnp.int32),), real.finish)
    with pytest.raises(
        ValueError, match=r"'float32'\)\] and \[\(\(8, 16\), 'int32'\)\] after a step; every array"
    ):
        rank_one.fold_by(unreachable, A, B, growing, dtypes=("float32",))
    extra = Fold(lambda s, d: (jnp.zeros((*s, 2), d),), lambda s, a, b, k: s, lambda s: s)
    with pytest.raises(ValueError, match=r"\(\(8, 16, 2\), 'float32'\).* must have the shape of the tile"):
        rank_one.fold_by(unreachable, A, B, extra, dtypes=("float32",))
    with pytest.raises(ValueError, match=r"finishes with shapes \[\(8, 16\)\], expected 2 of that shape"):
        rank_one.fold_by(unreachable, A, B, real, dtypes=("float32", "int32"))


def test_tpu_kernels_refuse_sixty_four_bits_in_words(x64):
    fold, _ = compiled("tpu", "real", "float64")
    with pytest.raises(TypeError, match=r"a TPU kernel holds float64 nowhere; use the 32-bit dtype"):
        fold(*operands(RAGGED, "float64"))
