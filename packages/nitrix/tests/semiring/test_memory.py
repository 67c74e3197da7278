"""The array of terms is never made: peak memory forward, backward and of second order."""

import sys

import jax
import jax.numpy as jnp
import pytest
from nitrix import semiring
from support import oracles
from support.marks import seldom_but
from support.memory import MIB, compiled_memory, form, peak_rss_growth

N = 4096  # the terms would be 256 GiB


def operand_dtype(name):
    return "bool" if name == "boolean" else "float32"


def matmul(name):
    return lambda A, B: semiring.semiring_matmul(A, B, semiring=oracles.ALGEBRAS[name])


def value_and_gradient(function):
    def both(A, B, g):
        out, pull = jax.vjp(function, A, B)
        return out, *pull(g)

    return both


def test_the_tool_sees_an_array_of_terms():
    memory = compiled_memory(
        lambda A, B: jnp.sum(jnp.sort(A[:, :, None] + B, 1), 1), form(64, 64), form(64, 64)
    )
    assert memory.temporaries >= 64**3 * 4
    assert (memory.arguments, memory.outputs) == (2 * 64**2 * 4, 64**2 * 4)


@pytest.mark.parametrize("name", seldom_but(oracles.ALGEBRAS, "log", "tropical_max_plus"))
def test_forward_keeps_to_three_times_inputs_and_output(name):
    square = form(N, N, dtype=operand_dtype(name))
    assert compiled_memory(matmul(name), square, square).ratio < 3


@pytest.mark.parametrize("name", seldom_but(oracles.REAL_VALUED, "log", "tropical_max_plus"))
def test_value_and_gradient_keep_to_three_times_inputs_and_output(name):
    assert compiled_memory(value_and_gradient(matmul(name)), *[form(N, N)] * 3).ratio < 3


@pytest.mark.parametrize("name", seldom_but(oracles.REAL_VALUED, "log"))
def test_batches_keep_to_three_times_inputs_and_output(name):
    batched = jax.vmap(value_and_gradient(matmul(name)))
    assert compiled_memory(batched, *[form(16, 256, 256)] * 3).ratio < 3


@pytest.mark.slow
@pytest.mark.parametrize("name", oracles.REAL_VALUED)
def test_second_derivatives_make_no_array_of_terms(name):
    n = 1024  # large enough for the blocks of rows

    def hessian_times(A, B, g, dA, dB):
        loss = lambda A, B: jnp.sum(g * jnp.sin(matmul(name)(A, B)))
        return jax.jvp(jax.grad(loss, (0, 1)), (A, B), (dA, dB))[1]

    memory = compiled_memory(hessian_times, *[form(n, n)] * 5)
    assert memory.temporaries < n**3 * 4 / 16


M, COLUMNS = 10_242, 64  # an icosphere's vertices, and features of each


@pytest.mark.parametrize("k_max", [7, 32])
@pytest.mark.parametrize("name", seldom_but(["real", "log", "tropical_max_plus", "euclidean"], "log"))
def test_ell_value_and_gradient_keep_a_few_arrays_of_the_output_only(name, k_max):
    algebra = oracles.ALGEBRAS[name]

    def both(values, indices, B, g):
        product = lambda values, B: semiring.semiring_ell_matmul(values, indices, B, semiring=algebra)
        return value_and_gradient(product)(values, B, g)

    entries = form(M, k_max)
    memory = compiled_memory(both, entries, form(M, k_max, dtype="int32"), form(M, COLUMNS), form(M, COLUMNS))
    assert memory.temporaries < 8 * (M * COLUMNS * 4) + 8 * (M * k_max * 4)


@pytest.mark.parametrize("name", seldom_but(oracles.REAL_VALUED, "log"))
def test_transposed_ell_value_and_gradient_keep_a_few_arrays_of_the_output_only(name):
    algebra, k_max = oracles.ALGEBRAS[name], 32

    def both(values, indices, X, g):
        product = lambda values, X: semiring.semiring_ell_rmatvec(
            values, indices, X, semiring=algebra, n_cols=M
        )
        return value_and_gradient(product)(values, X, g)

    memory = compiled_memory(
        both, form(M, k_max), form(M, k_max, dtype="int32"), form(M, COLUMNS), form(M, COLUMNS)
    )
    assert memory.temporaries < 8 * (M * COLUMNS * 4) + 8 * (M * k_max * 4)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the resident peak is reset through /proc")
def test_resident_memory_agrees_with_the_plan():
    setup = """
import jax, jax.numpy as jnp
from nitrix.semiring import TROPICAL_MIN_PLUS, semiring_matmul
function = jax.grad(lambda A, B: semiring_matmul(A, B, semiring=TROPICAL_MIN_PLUS).sum(), (0, 1))
A = jnp.ones((2048, 256)) + jnp.arange(256)
B = jnp.ones((256, 2048)) + jnp.arange(2048)
program = jax.jit(function).lower(A, B).compile()
"""
    growth = peak_rss_growth(setup, "jax.block_until_ready(program(A, B))")
    output = 2048 * 2048 * 4
    assert growth < 10 * output + 20 * MIB  # the terms would be 4 GiB
