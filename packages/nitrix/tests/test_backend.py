import inspect
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix import backend, semiring
from nitrix.backend import (
    Implementation,
    NitrixBackendError,
    NitrixBackendFallback,
    Platform,
    choose,
    resolve_backend,
)
from nitrix.semiring import semiring_matmul
from nitrix.semiring.matmul import IMPLEMENTATIONS

CUDA = Platform("cuda", (9, 0))
TPU = Platform("tpu", None)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(backend, "_reported", set())


@pytest.fixture
def on(monkeypatch):
    """Pretend a platform."""

    def pretend(platform):
        monkeypatch.setattr(backend, "current_platform", lambda: platform)

    return pretend


def chosen(wanted="auto", algebra=semiring.REAL, dtype=np.float32, shape=(4, 4)):
    x = jnp.zeros(shape, dtype)
    given = semiring.operands.operands("semiring_matmul", algebra, A=x, B=x)
    return choose(
        IMPLEMENTATIONS, wanted, algebra, given.working, function="semiring_matmul", arrays=(x, x)
    ).backend


@pytest.mark.fast
def test_this_platform_is_recognised():
    platform = backend.current_platform()
    assert platform.name in ("cpu", "cuda", "rocm", "tpu")
    assert resolve_backend() == {"cuda": "pallas-cuda", "tpu": "pallas-tpu"}.get(platform.name, "jax")
    with jax.default_device(jax.devices("cpu")[0]):
        assert backend.current_platform() == Platform("cpu", None)
    with jax.default_device("cpu"):
        assert backend.current_platform() == Platform("cpu", None)


@pytest.mark.parametrize(
    ("platform", "wanted"),
    [
        (Platform("cpu", None), "jax"),
        (CUDA, "pallas-cuda"),
        (TPU, "pallas-tpu"),
        (Platform("rocm", None), "jax"),
    ],
)
def test_the_platform_decides_last(on, platform, wanted, monkeypatch):
    on(platform)
    assert resolve_backend() == wanted
    monkeypatch.setenv("NITRIX_BACKEND", "Pallas-TPU")
    assert resolve_backend() == "pallas-tpu"
    monkeypatch.setenv("NITRIX_BACKEND", "auto")
    assert resolve_backend() == wanted
    assert resolve_backend("jax") == "jax"


def test_unknown_names_are_refused_in_words(monkeypatch, unchecked):
    with pytest.raises(
        ValueError,
        match="backend='triton' is not known; give one of 'auto', 'pallas-cuda', 'pallas-tpu', 'jax'",
    ):
        resolve_backend("triton")
    monkeypatch.setenv("NITRIX_BACKEND", "gpu")
    with pytest.raises(
        NitrixBackendError, match="NITRIX_BACKEND is 'gpu'.*set it to one of auto, pallas-cuda"
    ):
        resolve_backend()


@pytest.mark.parametrize(("platform", "kernel"), [(CUDA, "pallas-cuda"), (TPU, "pallas-tpu")])
@pytest.mark.parametrize("shape", [(64, 64), (33, 33), (1, 1), (5, 0)])
@pytest.mark.parametrize("dtype", [np.float32, jnp.bfloat16, np.int32, bool])
def test_kernels_serve_the_ordinary_path_without_a_word(on, platform, kernel, shape, dtype):
    on(platform)
    shape = (shape[0], shape[0]) if shape[1] else (0, 0)  # ragged and empty shapes are no reason
    for algebra in (
        semiring.REAL,
        semiring.LOG,
        semiring.TROPICAL_MIN_PLUS,
        semiring.EUCLIDEAN,
        semiring.BOOLEAN,
    ):
        assert chosen(algebra=algebra, dtype=dtype, shape=shape) == kernel


def test_auto_never_warns_on_a_cpu(on):
    on(Platform("cpu", None))
    assert chosen() == "jax"
    assert chosen(dtype=np.complex64) == "jax"
    assert chosen("jax") == "jax"


REFUSALS = [
    (Platform("cpu", None), "pallas-cuda", {}, "it needs the platform cuda and this is cpu"),
    (CUDA, "pallas-tpu", {}, "it needs the platform tpu and this is cuda"),
    (
        Platform("cuda", (7, 5)),
        "auto",
        {},
        "Pallas on Triton needs compute capability 8.0 and this GPU has 7.5",
    ),
    (
        CUDA,
        "auto",
        {"dtype": np.complex64},
        "the kernel computes in float32, float64, int32, bool and this call in complex64",
    ),
]


@pytest.mark.parametrize(("platform", "wanted", "call", "reason"), REFUSALS)
def test_a_fallback_warns_once_with_its_reason(on, platform, wanted, call, reason):
    on(platform)
    with pytest.warns(NitrixBackendFallback) as caught:
        assert chosen(wanted, **call) == "jax"
        assert chosen(wanted, **call) == "jax"
    (warning,) = caught
    dtype = np.dtype(call.get("dtype", np.float32))
    assert f"semiring_matmul on shapes (4, 4) and (4, 4), {dtype}" in str(warning.message)
    assert reason in str(warning.message)
    assert "the plain JAX path serves it" in str(warning.message)
    with pytest.warns(NitrixBackendFallback):  # other shapes are another call
        chosen(wanted, shape=(5, 5), **call)


def test_the_warning_points_at_the_callers_line(unchecked):
    with pytest.warns(NitrixBackendFallback) as caught:
        inspect.unwrap(semiring_matmul)(jnp.ones((2, 2)), jnp.ones((2, 2)), backend="pallas-tpu")
    assert caught[0].filename == __file__


class Blocks:
    """A state with an extra axis, which no tile holds."""

    def init(self, shape, dtype):
        return jnp.zeros((2, *shape), dtype)

    def update(self, state, value):
        return state.at[0].add(value)

    def merge(self, left, right):
        return left + right

    def finalize(self, state):
        return state[0]


def test_a_state_of_another_shape_falls_back_loudly(on):
    on(CUDA)
    algebra = semiring.Semiring(Blocks(), semiring.REAL.binary_op, "blocks", identity=0.0)
    A = jnp.arange(6.0).reshape(2, 3)
    with pytest.warns(
        NitrixBackendFallback, match=r"the algebra 'blocks' is of shape \(2, 8, 128\) for a tile \(8, 128\)"
    ):
        out = semiring_matmul(A, A.T, semiring=algebra)
    np.testing.assert_allclose(out, A @ A.T)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        semiring_matmul(A, A.T, semiring=algebra)


def test_silence_and_strictness(on, monkeypatch):
    on(Platform("cpu", None))
    monkeypatch.setenv("NITRIX_SILENCE_FALLBACK", "1")
    assert chosen("pallas-cuda") == "jax"
    monkeypatch.setenv("NITRIX_STRICT_BACKEND", "1")
    with pytest.raises(NitrixBackendError, match="this is cpu.*NITRIX_STRICT_BACKEND=1 makes that an error"):
        chosen("pallas-cuda")
    assert chosen("jax") == "jax"


def test_a_jax_without_the_lowering_is_a_reason(on, monkeypatch):
    on(CUDA)
    monkeypatch.setattr(backend, "_available", lambda module: False)
    with pytest.warns(NitrixBackendFallback, match="JAX .* does not have jax.experimental.pallas.triton"):
        chosen()


PLAIN_ONLY = (Implementation("jax", "nitrix.backend", lambda: None),)
TPU_ONLY = (Implementation("pallas-tpu", "nitrix.backend", lambda: None), *PLAIN_ONLY)


def test_an_operation_without_kernels_warns_only_if_one_is_named(on):
    on(CUDA)
    assert choose(PLAIN_ONLY, "auto", function="f", arrays=()).backend == "jax"
    with pytest.warns(NitrixBackendFallback, match="f has no pallas-cuda kernel"):
        choose(PLAIN_ONLY, "pallas-cuda", function="f", arrays=())
    with pytest.warns(NitrixBackendFallback, match="g has no pallas-cuda kernel"):  # there is one elsewhere
        choose(TPU_ONLY, "auto", function="g", arrays=())


def test_operands_on_another_device_are_a_reason(on, unchecked):
    on(CUDA)

    class Elsewhere:
        shape, dtype = (2,), np.dtype(np.float32)

        def devices(self):
            return {type("Device", (), {"platform": "mars"})()}

    implementations = (Implementation("pallas-cuda", "nitrix.backend", lambda: None), *PLAIN_ONLY)
    with pytest.warns(NitrixBackendFallback, match="an operand lives on mars"):
        choose(implementations, "auto", function="h", arrays=(Elsewhere(),))


def test_the_choice_follows_the_environment_between_calls(on, monkeypatch):
    on(Platform("cpu", None))
    A = jnp.ones((2, 2))
    semiring_matmul(A, A)
    monkeypatch.setenv("NITRIX_BACKEND", "pallas-tpu")
    with pytest.warns(NitrixBackendFallback):
        semiring_matmul(A, A)
