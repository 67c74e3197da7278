"""The ELL kernels against the definitions: interpreted, lowered for both platforms, compiled on a present one."""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix._kernels import gathered
from support.gradients import QUICK_COMPILE
from support.kernel_rules import ALGEBRAS
from support.lowering import kernel_calls

PLATFORMS = ("cuda", "tpu")
DIFFERENTIABLE = [name for name, algebra in ALGEBRAS.items() if algebra.weights]
TOLERANCE = {"float32": 1e-5, "float64": 1e-12, "bfloat16": 1e-2, "float16": 2e-3, "int32": 0, "bool": 0}
PRESENT = {"gpu": "cuda"}.get(jax.default_backend(), jax.default_backend())
FIRST = 40  # number of the first slot: the matrix is a section of a larger one


@functools.cache
def compiled(platform, name, dtype="float32", interpret=True):
    """Jitted fold, pull_values and pull_dense of one algebra."""
    kernels = importlib.import_module(f"nitrix._kernels.{platform}.ell_matmul")
    algebra = ALGEBRAS[name]
    dtypes = (dtype, *("float64" if d != "int32" and dtype == "float64" else d for d in algebra.statistics))

    def fold(values, indices, degree, B):
        return kernels.fold(
            values, indices, degree, B, algebra.rule, dtypes=dtypes, first=FIRST, interpret=interpret
        )

    def pull_values(values, indices, degree, B, *planes):
        weight = algebra.weights[0]
        return kernels.pull_values(
            values, indices, degree, B, planes, weight, first=FIRST, interpret=interpret
        )

    def pull_dense(values, numbers, indices, degree, B, *planes):
        weight = algebra.weights[1]
        return kernels.pull_dense(values, numbers, indices, degree, B, planes, weight, interpret=interpret)

    # Most of the time of these tests is XLA's; interpreted kernels need none of its effort.
    options = QUICK_COMPILE if interpret and PRESENT == "cpu" else None
    return tuple(jax.jit(f, compiler_options=options) for f in (fold, pull_values, pull_dense))


def operands(shape, dtype="float32", name="", batch=()):
    """Values, indices (some of them twice in a row), degrees (0 and k_max among them), B. Pads hold anything."""
    m, k_max, n, c = shape
    rng = np.random.default_rng(7)
    values, B = rng.normal(size=(*batch, m, k_max)), rng.normal(size=(*batch, n, c))
    if name == "reciprocal":
        values, B = 1 + abs(values), 1 + abs(B)
    degree = rng.integers(0, k_max + 1, m)
    degree[: min(2, m)] = (0, k_max)[: min(2, m)]
    indices = rng.integers(0, max(n, 1), (m, k_max))
    pads = np.arange(k_max) >= degree[:, None]
    indices = np.where(pads, rng.choice([-(2**31), -1, 0, n, 2**31 - 1], (m, k_max)), indices)
    if dtype == "bool":
        values, B = values > 0.8, B > 0.8
    elif dtype == "int32":
        values, B = np.round(9 * values), np.round(9 * B)
    else:
        values = np.where(pads, rng.choice([np.nan, np.inf, -np.inf, 0.0], (m, k_max)), values)
    integers = (jnp.asarray(x, jnp.int32) for x in (indices, degree))
    values, B = jnp.asarray(values, dtype), jnp.asarray(B, dtype)
    return (values, *integers, B)


def slots_by_column(indices, degree, n):
    """Numbers (from FIRST), rows and degrees of the slots in each column; pads hold anything."""
    columns = [[] for _ in range(n)]
    for i, row in enumerate(np.asarray(indices)):
        for p in range(int(degree[i])):
            columns[row[p]].append((FIRST + i * len(row) + p, i))
    widest = max((len(column) for column in columns), default=0)
    padded = [column + [(7, -5)] * (widest - len(column)) for column in columns]
    numbers, rows = np.asarray(padded, np.int32).reshape(n, widest, 2).transpose(2, 0, 1)
    return numbers, rows, np.asarray([len(column) for column in columns], np.int32)


def defined(name, values, indices, degree, B):
    """[m, c], row by row."""
    values, B = np.float64(values), np.float64(B)
    out = np.zeros((len(values), B.shape[1]))
    for i, columns in enumerate(np.asarray(indices)):
        k = int(degree[i])
        if k == 0 and name == "variance":
            continue  # 0, as its rule has it
        out[i] = ALGEBRAS[name].define(values[i : i + 1, :k, None], B[columns[:k]][None])[0]
    return out


def defined_pull(name, values, indices, degree, B, g):
    """dvalues and dB, slot by slot."""
    values, B, g = np.float64(values), np.float64(B), np.float64(g)
    d_values, dB = np.zeros(values.shape), np.zeros(B.shape)
    for i, columns in enumerate(np.asarray(indices)):
        k = int(degree[i])
        if k == 0:
            continue
        a, b = values[i : i + 1, :k, None], B[columns[:k]][None]
        weights = ALGEBRAS[name].define_weights(a, b, ALGEBRAS[name].define(a, b))
        d_values[i, :k], d_rows = (weights[0][0] * g[i]).sum(1), weights[1][0] * g[i]
        np.add.at(dB, columns[:k], d_rows)
    return d_values, dB


def pulled(platform, name, given, planes, dtype="float32", interpret=True):
    """What both backward kernels make of the outputs of the forward one, then the cotangent."""
    values, indices, degree, B = given
    _, pull_values, pull_dense = compiled(platform, name, dtype, interpret)
    numbers, rows, entries = slots_by_column(indices, degree, B.shape[0])
    transposed = values.reshape(-1)[np.where(rows < 0, 0, numbers - FIRST)]
    return (
        pull_values(values, indices, degree, B, *planes),
        pull_dense(transposed, numbers, rows, entries, B, *planes),
    )


def assert_close(got, expected, dtype="float32"):
    """Equal where not finite, else near, relative to the largest magnitude or to the number itself."""
    got = np.asarray(got).astype(np.float64)
    finite = np.isfinite(expected)
    scale = np.abs(expected[finite]).max(initial=1.0) if got.size else 1.0
    np.testing.assert_allclose(got, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * min(scale, 10.0))


def cases(platform, fast, slow=()):
    slow = (pytest.param(platform, *case, marks=pytest.mark.slow) for case in slow)
    return [*((platform, *case) for case in fast), *slow]


# The interpreter of TPU kernels takes its time for each row that is copied.
RAGGED = {"cuda": (33, 5, 21, 17), "tpu": (9, 3, 6, 5)}  # m, k_max, n, c
SEVERAL_TILES = {"cuda": (70, 9, 12, 130), "tpu": (40, 2, 5, 130)}
CASES = cases(
    "cuda",
    [
        *((name, RAGGED["cuda"]) for name in ALGEBRAS if name not in ("min", "euclidean")),
        ("log", SEVERAL_TILES["cuda"]),
        ("real", (1, 1, 1, 1)),
        ("real", (300, 3, 7, 1)),
    ],
    [
        ("min", RAGGED["cuda"]),
        ("euclidean", RAGGED["cuda"]),
        ("max", SEVERAL_TILES["cuda"]),
        ("reciprocal", SEVERAL_TILES["cuda"]),
        ("log", (2, 40, 64, 3)),
    ],
)
CASES += cases(
    "tpu",
    [*((name, RAGGED["tpu"]) for name in ("log", "max", "boolean")), ("max", SEVERAL_TILES["tpu"])],
    [
        *((name, RAGGED["tpu"]) for name in ("real", "euclidean", "reciprocal", "variance")),
        ("log", (3, 130, 6, 5)),
        ("real", (2, 2, 5, 600)),
    ],
)


@pytest.mark.parametrize(("platform", "name", "shape"), CASES)
def test_fold_matches_the_definition(platform, name, shape):
    dtype = "bool" if name == "boolean" else "float32"
    given = operands(shape, dtype, name)
    values, indices, degree, B = given
    value, *statistics = compiled(platform, name, dtype)[0](*given)
    assert value.dtype == dtype
    expected = defined(name, *given)
    if name == "variance":
        np.testing.assert_array_equal(statistics[0], np.broadcast_to(degree[:, None], value.shape))
    assert_close(value, expected, dtype)
    assert [s.dtype for s in statistics] == list(ALGEBRAS[name].statistics)
    if name in ("max", "min"):
        for i, columns in enumerate(np.asarray(indices)):
            k = int(degree[i])
            terms = np.asarray(values)[i, :k, None] + np.asarray(B)[columns[:k]]
            slot = getattr(np, f"arg{name}")(terms, axis=0) + FIRST + i * shape[1] if k else -1
            np.testing.assert_array_equal(statistics[0][i], np.broadcast_to(slot, shape[3:]))


PULL_CASES = cases(
    "cuda",
    [(name, RAGGED["cuda"]) for name in ("real", "log", "max")],
    [
        ("euclidean", RAGGED["cuda"]),
        ("min", RAGGED["cuda"]),
        ("reciprocal", RAGGED["cuda"]),
        ("real", (40, 3, 7, 1)),
        *((name, SEVERAL_TILES["cuda"]) for name in ("log", "max", "reciprocal")),
    ],
)
PULL_CASES += cases(
    "tpu",
    [("log", RAGGED["tpu"]), ("max", RAGGED["tpu"])],
    [
        ("reciprocal", RAGGED["tpu"]),
        ("real", (2, 2, 5, 600)),
        ("max", SEVERAL_TILES["tpu"]),
        ("log", (3, 130, 6, 5)),
    ],
)


@pytest.mark.parametrize(("platform", "name", "shape"), PULL_CASES)
def test_pull_matches_the_definition(platform, name, shape):
    given = operands(shape, name=name)
    outputs = compiled(platform, name)[0](*given)
    g = jnp.asarray(np.random.default_rng(3).normal(size=outputs[0].shape), jnp.float32)
    got = pulled(platform, name, given, (*outputs, g))
    for cotangent, expected, like in zip(
        got, defined_pull(name, *given, g), (given[0], given[3]), strict=True
    ):
        assert (cotangent.shape, cotangent.dtype) == (like.shape, like.dtype)
        assert_close(cotangent, expected)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("platform", "name"), [("cuda", "real"), ("cuda", "log"), ("cuda", "max"), ("tpu", "log")]
)
def test_not_a_number_and_infinities_follow_the_definition(platform, name):
    values, indices, degree, B = operands((9, 5, 6, 7))
    degree = jnp.full_like(degree, 5)
    indices = jnp.asarray(np.arange(45).reshape(9, 5) % 6, jnp.int32)
    values = jnp.asarray(np.random.default_rng(4).normal(size=values.shape), jnp.float32)
    values = values.at[0].set(-jnp.inf).at[1, 2].set(jnp.nan).at[2, 3].set(jnp.inf).at[3, 0].set(-jnp.inf)
    B = B.at[:, 0].set(-jnp.inf).at[1, 4].set(jnp.nan).at[0, 5].set(jnp.inf)
    value = compiled(platform, name)[0](values, indices, degree, B)[0]
    with np.errstate(invalid="ignore"):
        expected = defined(name, values, indices, degree, B)
    if name != "real":
        assert np.isneginf(expected).any()
    assert np.isnan(expected[1]).all()
    assert np.isposinf(expected).any()
    assert_close(value, expected)


@pytest.mark.parametrize(
    ("platform", "dtype", "name"),
    [
        ("cuda", "int32", "real"),
        ("cuda", "float64", "log"),
        ("tpu", "int32", "real"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [
                ("cuda", "bfloat16", "real"),
                ("cuda", "float16", "real"),
                ("cuda", "float64", "max"),
                ("cuda", "bfloat16", "log"),
                ("tpu", "bfloat16", "real"),
            ]
        ),
    ],
)
def test_dtypes(platform, dtype, name):
    with jax.enable_x64(dtype == "float64"):
        given = operands(RAGGED[platform], dtype)
        outputs = compiled(platform, name, dtype)[0](*given)
        assert outputs[0].dtype == dtype
        assert_close(outputs[0], defined(name, *given), dtype)
        if dtype == "int32":
            return
        g = jnp.ones(outputs[0].shape, dtype)
        got = pulled(platform, name, given, (*outputs, g), dtype)
        for cotangent, expected in zip(got, defined_pull(name, *given, g), strict=True):
            assert cotangent.dtype == dtype
            assert_close(cotangent, expected, dtype)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_sixteen_bits_accumulate_in_thirty_two(platform):
    fold, pull_values, pull_dense = compiled(platform, "real", "bfloat16")
    values, zeros = jnp.full((1, 3), 256, "bfloat16").at[0, 1:].set(1), jnp.zeros((1, 3), jnp.int32)
    one = jnp.ones((1, 1), "bfloat16")
    # 256 + 1 is 256 in bfloat16, and 258 is a number of it
    assert fold(values, zeros, None, one)[0].astype(jnp.float32) == 258.0
    assert pull_dense(values, zeros, zeros, None, one, one, one).astype(jnp.float32) == 258.0
    ones = jnp.ones_like(values)
    assert pull_values(one, zeros[:, :1], None, values, ones, ones).astype(jnp.float32) == 258.0


@pytest.mark.parametrize(("platform", "axes"), [("cuda", (0, None, None, 0)), ("tpu", (None, None, None, 0))])
def test_batches_by_vmap(platform, axes):
    values, indices, degree, B = operands(RAGGED[platform], batch=(2,))
    values = values if axes[0] == 0 else values[0]
    fold, pull_values, _ = compiled(platform, "max")
    g = jnp.asarray(np.random.default_rng(3).normal(size=(values.shape[-2], B.shape[-1])), jnp.float32)
    outputs = jax.vmap(fold, axes)(values, indices, degree, B)
    d_values = jax.vmap(lambda v, i, d, B, *planes: pull_values(v, i, d, B, *planes, g), (*axes, 0, 0))(
        values, indices, degree, B, *outputs
    )
    for i in range(2):
        given = (values[i] if axes[0] == 0 else values, indices, degree, B[i])
        assert_close(outputs[0][i], defined("max", *given))
        assert_close(d_values[i], defined_pull("max", *given, g)[0])


@pytest.mark.parametrize("platform", PLATFORMS)
def test_empty_extents(platform):
    fold, pull_values, pull_dense = compiled(platform, "max")
    for shape in [(0, 4, 3, 2), (3, 0, 3, 2), (3, 4, 0, 2), (3, 4, 3, 0)]:
        m, k_max, n, c = shape
        given = operands(shape)
        if n == 0:
            given = (given[0], given[1], jnp.zeros(m, jnp.int32), given[3])
        outputs = fold(*given)
        assert [(x.shape, x.dtype) for x in outputs] == [((m, c), "float32"), ((m, c), "int32")]
        if c and 0 in (k_max, n):
            np.testing.assert_array_equal(outputs[0], -np.inf)
            np.testing.assert_array_equal(outputs[1], -1)
        g = jnp.ones((m, c), jnp.float32)
        for got, like in zip(
            pulled(platform, "max", given, (*outputs, g)), (given[0], given[3]), strict=True
        ):
            np.testing.assert_array_equal(got, np.zeros(like.shape))


def forms(shape, dtype, batch=()):
    m, k_max, n, c = shape
    form = jax.ShapeDtypeStruct
    return (
        form((*batch, m, k_max), dtype),
        form((m, k_max), np.int32),
        form((m,), np.int32),
        form((*batch, n, c), dtype),
    )


SHAPE = (33, 5, 21, 17)
LOWERED = [(name, "float32", SHAPE) for name in ("log", "boolean", "variance")]
LOWERED += [
    ("log", "bfloat16", (64, 129, 32, 513)),
    ("real", "int32", SHAPE),
    ("max", "float32", (1, 1, 1, 1)),
]
LOWERED += [("real", "float32", (40_962, 7, 40_962, 64)), ("euclidean", "float64", SHAPE)]


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
        fold, pull_values, pull_dense = compiled(platform, name, dtype, False)
        given = forms(shape, dtype)
        assert kernel_calls(fold, platform, *given) == 1
        if name in DIFFERENTIABLE and dtype != "int32":
            planes = (*jax.eval_shape(fold, *given), jax.ShapeDtypeStruct((shape[0], shape[3]), dtype))
            assert kernel_calls(pull_values, platform, *given, *planes) == 1
            transposed = (jax.ShapeDtypeStruct((shape[2], 9), d) for d in (dtype, np.int32, np.int32))
            degree = jax.ShapeDtypeStruct(shape[2:3], np.int32)
            assert kernel_calls(pull_dense, platform, *transposed, degree, given[3], *planes) == 1


@pytest.mark.fast
@pytest.mark.parametrize("platform", PLATFORMS)
def test_batches_lower_to_kernels(platform):
    fold = compiled(platform, "log", "float32", False)[0]
    over = jax.vmap(fold, (0, None, None, 0))
    assert kernel_calls(over, platform, *forms(SHAPE, "float32", batch=(3,))) == 1


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
    given = operands((300, 20, 90, 257), name=name)
    outputs = compiled(platform, name, "float32", False)[0](*given)
    assert_close(outputs[0], defined(name, *given))
    g = jnp.ones((300, 257), jnp.float32)
    got = pulled(platform, name, given, (*outputs, g), interpret=False)
    for cotangent, expected in zip(got, defined_pull(name, *given, g), strict=True):
        assert_close(cotangent, expected)


def unreachable(*arguments):
    raise AssertionError(arguments)


def test_operands_that_do_not_fit_are_refused_in_words():
    rule = ALGEBRAS["real"].rule
    fold = functools.partial(gathered.fold_by, unreachable, rule=rule, dtypes=("float32",), first=0)
    pull_values = functools.partial(gathered.pull_values_by, unreachable, weight=unreachable, first=0)
    pull_dense = functools.partial(gathered.pull_dense_by, unreachable, weight=unreachable)
    values, indices, degree, B = operands(SHAPE)
    g = jnp.ones((33, 17))
    with pytest.raises(
        ValueError, match=r"fold: values\(33, 5\), indices\(5, 33\) and the array\(21, 17\) whose"
    ):
        fold(values, indices.T, degree, B)
    with pytest.raises(TypeError, match=r"fold: indices are float32; convert them to int32"):
        fold(values, values, degree, B)
    with pytest.raises(
        TypeError, match=r"fold: values are float32 and B is int32; convert both to one of float32"
    ):
        fold(values, indices, degree, B.astype(jnp.int32))
    with pytest.raises(
        ValueError, match=r"fold: degree has shape \(5,\); give one number for each of 33 rows"
    ):
        fold(values, indices, degree[:5], B)
    with pytest.raises(
        ValueError, match=r"pull_values: planes have shapes \[\(33, 5\)\], expected .* all \(33, 17\)"
    ):
        pull_values(values, indices, degree, B, (values,))
    with pytest.raises(TypeError, match=r"pull_values: B is int32, which has no gradient"):
        pull_values(values.astype(jnp.int32), indices, degree, B.astype(jnp.int32), (g,))
    transposed = (jnp.ones((21, 4)), jnp.ones((21, 4), jnp.int32), jnp.ones((21, 4), jnp.int32), None)
    with pytest.raises(
        ValueError, match=r"pull_dense: the transposed slots have values float32\(33, 5\) and numbers"
    ):
        pull_dense(values, indices, indices, degree, B, (g,))
    with pytest.raises(
        ValueError, match=r"pull_dense: planes have shapes \[\(33, 5\)\], expected .* all \[m, 17\]"
    ):
        pull_dense(*transposed, B, (values,))
    with pytest.raises(ValueError, match=r"pull_dense: planes have shapes \[\], expected at least one"):
        pull_dense(*transposed, B, ())


def test_tpu_kernels_refuse_sixty_four_bits_in_words(x64):
    fold = compiled("tpu", "real", "float64")[0]
    with pytest.raises(TypeError, match=r"a TPU kernel holds float64 nowhere; use the 32-bit dtype"):
        fold(*operands(RAGGED["tpu"], "float64"))
