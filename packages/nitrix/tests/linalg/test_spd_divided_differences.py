"""Divided differences of the named functions and of a user's, against mpmath, at far, near and equal nodes."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.linalg.spd._divided_differences import EXP, LOG, of_function, power, second

mp = pytest.importorskip("mpmath")

NODES = [0.5, 0.5, 0.5 + 1e-14, 0.5 + 1e-9, 0.5 + 1e-5, 0.503, 0.55, 0.8, 2.0, 40.0, 1e-6]
FUNCTIONS = {
    "exp": (EXP, mp.exp),
    "log": (LOG, mp.log),
    "sqrt": (power(0.5), mp.sqrt),
    "inverse sqrt": (power(-0.5), lambda x: x ** mp.mpf(-0.5)),
    "inverse": (power(-1.0), lambda x: 1 / x),
    "cube": (power(3.0), lambda x: x**3),
    "power 0.3": (power(0.3), lambda x: x ** mp.mpf(0.3)),
    "power -1.7": (power(-1.7), lambda x: x ** mp.mpf(-1.7)),
    "user's sine": (of_function(jnp.sin), mp.sin),
    "user's logarithm": (of_function(jnp.log), mp.log),
}


def exact(function, nodes):
    """The divided difference by the recursion of its definition, with equal nodes pulled apart by 1e-30."""
    with mp.workdps(120):
        apart = [mp.mpf(float(x)) * (1 + i * mp.mpf(10) ** -30) for i, x in enumerate(sorted(nodes))]
        table = [function(x) for x in apart]
        for order in range(1, len(apart)):
            table = [(table[i + 1] - table[i]) / (apart[i + order] - apart[i]) for i in range(len(table) - 1)]
        return float(table[0])


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("order", [1, 2])
def test_divided_differences_have_no_cancellation(x64, name, order):
    function, definition = FUNCTIONS[name]
    # A user's f[a, b] is itself a quotient of rounded values where the gap is wide enough, and f[a, b, c] one of those.
    tolerance = {1: 2e-13, 2: 1e-11 if "user" in name else 2e-12}[order]
    nodes = np.array(
        list(itertools.combinations_with_replacement(NODES, order + 1))[:: 1 if order == 1 else 3]
    )
    at = jnp.asarray(nodes.T)
    got = jax.jit(function.first if order == 1 else lambda a, b, c: second(function, a, b, c))(*at)
    wanted = np.array([exact(definition, row) for row in nodes])
    scale = np.abs(wanted) if "sine" not in name else np.maximum(np.abs(wanted), 0.1)
    assert np.all(np.abs(got - wanted) <= tolerance * scale)


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "power 0.3", "user's logarithm"])
def test_float32_divided_differences_lose_few_digits(name):
    function, definition = FUNCTIONS[name]
    nodes = np.float32(list(itertools.combinations_with_replacement(NODES, 2)))
    got = np.asarray(jax.jit(function.first)(*nodes.T))
    wanted = np.array([exact(definition, row) for row in nodes.astype(float)])
    np.testing.assert_allclose(got, wanted, rtol=3e-6)


def test_divided_differences_do_not_depend_on_the_order_of_nodes():
    for name in ("exp", "log", "inverse sqrt", "power 0.3"):
        function, _ = FUNCTIONS[name]
        a, b = jnp.asarray([0.5, 2.0, 0.7]), jnp.asarray([0.9, 1e-3, 0.7])
        np.testing.assert_allclose(function.first(a, b), function.first(b, a), rtol=1e-6)


def test_whole_powers_take_negative_eigenvalues():
    cube = power(3.0).first
    np.testing.assert_allclose(cube(jnp.asarray(-2.0), jnp.asarray(1.0)), 3.0, rtol=1e-6)
    np.testing.assert_allclose(power(-1.0).first(jnp.asarray(-2.0), jnp.asarray(1.0)), 0.5, rtol=1e-6)
