"""The kernel of perceptrons on edges against its definition: interpreted, lowered, compiled on a present GPU."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix._kernels.cuda import edge_mlp
from nitrix._kernels.rules import Fold
from support.kernel_rules import ALGEBRAS
from support.lowering import kernel_calls

M, N, K_MAX = 37, 21, 3
INFINITE = lambda x: 1 / x + x  # of 0, infinite: what is beyond a width must not be activated


def _of_message(fold):
    """A rule of the product as one of messages."""
    return Fold(fold.init, lambda state, a, b, k: fold.step(state, a + 1, b, k), fold.finish)


def _over_messages(name):
    fold = ALGEBRAS[name].rule
    return _of_message(fold) if name in ("real", "variance") else fold


def operands(h, widths=(), dtype="float32", m=M, k_max=K_MAX):
    rng = np.random.default_rng(3)
    own, neighbour = rng.normal(size=(m, h)), rng.normal(size=(N, h))
    layers, width = [], h
    for out in widths:
        layers.append((rng.normal(size=(width, out)) / np.sqrt(width), rng.normal(size=out)))
        width = out
    degree = rng.integers(0, k_max + 1, m)
    degree[:2] = 0, k_max
    indices = rng.integers(0, N, (m, k_max))
    indices = np.where(
        np.arange(k_max) < degree[:, None], indices, rng.choice([-7, N, 2**31 - 1], (m, k_max))
    )
    cast = lambda x: jnp.asarray(x, dtype)
    layers = tuple((cast(w), cast(b)) for w, b in layers)
    return cast(own), cast(neighbour), layers, jnp.asarray(indices, jnp.int32), jnp.asarray(degree, jnp.int32)


def defined(name, activation, final, own, neighbour, layers, indices, degree):
    """Row by row, edge by edge, in float64."""
    wide = functools.partial(np.asarray, dtype=np.float64)
    rows = []
    for i, k in enumerate(np.asarray(degree)):
        x = wide(own)[i] + wide(neighbour)[np.asarray(indices)[i, :k]]
        for weight, bias in layers:
            x = activation(x) @ wide(weight) + wide(bias)
        x = activation(x) if final else x
        one = np.ones_like(x[None, :, :1]) if name == "real" else np.zeros_like(x[None, :, :1])
        rows.append(ALGEBRAS[name].define(one, x[None])[0])
    return np.stack(rows)


NUMPY = {"relu": lambda x: np.maximum(x, 0), "tanh": np.tanh, "infinite": INFINITE}
ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "infinite": INFINITE}


@functools.cache
def compiled(name, activation="relu", final=False, interpret=True, dtype="float32"):
    def fold(own, neighbour, layers, indices, degree):
        return edge_mlp.fold(
            own,
            neighbour,
            layers,
            indices,
            degree,
            _over_messages(name),
            ACTIVATIONS.get(activation, activation),
            final_activation=final,
            dtypes=(dtype, *ALGEBRAS[name].statistics),
            interpret=interpret,
        )

    options = {"xla_backend_optimization_level": 0} if interpret and jax.default_backend() == "cpu" else None
    return jax.jit(fold, compiler_options=options)


CASES = [  # algebra, activation, final activation, first width, further widths
    ("max", "relu", True, 33, ()),
    ("real", "tanh", False, 5, (9,)),
    ("real", "infinite", False, 20, (3,)),
    ("log", "tanh", True, 17, (24, 40)),
    ("euclidean", "relu", False, 1, (1, 2)),
    ("real", "relu", True, 200, ()),
]


@pytest.mark.parametrize(("name", "activation", "final", "h", "widths"), CASES)
def test_matches_the_definition(name, activation, final, h, widths):
    given = operands(h, widths)
    value, *statistics = compiled(name, activation, final)(*given)
    expected = defined(name, NUMPY[activation], final, *given)
    assert value.shape == (M, ([h, *widths])[-1])
    if name != "euclidean":
        assert not np.asarray(given[4])[0]
        np.testing.assert_array_equal(value[0], 0 if name == "real" else -np.inf)
    finite = np.isfinite(expected)
    scale = np.abs(expected[finite]).max()
    np.testing.assert_allclose(value, expected, rtol=2e-5, atol=2e-6 * scale)
    if name == "max":
        indices, degree = np.asarray(given[3]), np.asarray(given[4])
        x = np.maximum(np.asarray(given[0])[1] + np.asarray(given[1])[indices[1, : degree[1]]], 0)
        np.testing.assert_array_equal(statistics[0][1], x.argmax(0) + K_MAX)


def test_sixteen_bits_are_computed_in_thirty_two():
    given = operands(16, (8,), "bfloat16")
    value = compiled("real", "tanh", dtype="bfloat16")(*given)[0]
    assert value.dtype == jnp.bfloat16
    np.testing.assert_allclose(value.astype(np.float32), defined("real", np.tanh, False, *given), 1e-2, 1e-2)


def test_no_rows_and_no_slots():
    own, neighbour, layers, indices, degree = operands(4, (3,))
    fold = compiled("max")
    value, slot = fold(own, neighbour, layers, indices[:, :0], jnp.zeros_like(degree))
    np.testing.assert_array_equal(value, np.full((M, 3), -np.inf))
    np.testing.assert_array_equal(slot, -1)
    value, _ = fold(own[:0], neighbour, layers, indices[:0], degree[:0])
    assert value.shape == (0, 3)
    value, _ = fold(own, neighbour[:0], layers, indices, None)
    assert np.isneginf(value).all()


LOWERED = [("max", "relu", 64, ()), ("log", "tanh", 17, (24, 40)), ("real", "relu", 128, (128, 128))]
LOWERED += [
    ("real", jax.nn.gelu, 5, (7,)),
    ("max", jax.nn.silu, 64, (64,)),
    ("max", jax.nn.leaky_relu, 6, (6,)),
]


@pytest.mark.fast
@pytest.mark.parametrize(("name", "activation", "h", "widths"), LOWERED)
def test_lowers_to_a_kernel(name, activation, h, widths):
    given = jax.eval_shape(lambda: operands(h, widths, m=40_962, k_max=7))
    assert kernel_calls(compiled(name, activation, True, False), "cuda", *given) == 1


@pytest.mark.skipif(jax.default_backend() != "gpu", reason="no NVIDIA GPU is present")
@pytest.mark.parametrize(("name", "activation", "final", "h", "widths"), CASES)
def test_compiled_kernels_match_the_definition(name, activation, final, h, widths):
    given = operands(h, widths, m=300, k_max=20)
    value = compiled(name, activation, final, False)(*given)[0]
    expected = defined(name, NUMPY[activation], final, *given)
    scale = np.abs(expected[np.isfinite(expected)]).max()
    np.testing.assert_allclose(value, expected, rtol=2e-5, atol=2e-6 * scale)


def test_operands_that_do_not_fit_are_refused_in_words(unchecked):
    own, neighbour, layers, indices, degree = operands(4, (3,))
    rule = ALGEBRAS["log"].rule
    fold = lambda *operands: edge_mlp.fold(
        *operands, rule, jnp.tanh, final_activation=True, dtypes=("float32",) * 3
    )
    with pytest.raises(
        ValueError, match=r"own\(37, 4\) and neighbour\(21, 3\) are not \[m, h\] and \[n, h\]"
    ):
        fold(own, neighbour[:, :3], layers, indices, degree)
    with pytest.raises(
        ValueError, match=r"indices\(5, 3\) are not \[37, k_max\], one row for each row of own"
    ):
        fold(own, neighbour, layers, indices[:5], degree)
    with pytest.raises(
        ValueError, match=r"layer 1 has weights \(4, 3\) and biases \(3,\); they must be \[3, h_out\]"
    ):
        fold(own, neighbour, layers * 2, indices, degree)
    with pytest.raises(
        ValueError, match=r"the layers are \[200, 3\] wide; give widths from 1, and to 128 if"
    ):
        fold(*operands(200, (3,)))
    with pytest.raises(
        TypeError, match=r"the operands are bfloat16, float32; convert all of them to one of float32"
    ):
        fold(own, neighbour.astype(jnp.bfloat16), layers, indices, degree)
    with pytest.raises(TypeError, match=r"fold: indices are float32; convert them to int32"):
        fold(own, neighbour, layers, indices.astype(jnp.float32), degree)
