"""How a built-in or a user's algebra is told to the streaming kernels, and which calls they cannot serve."""

import math
from collections.abc import Callable, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nitrix._kernels.rules import WIDEST_LAYER, Fold, Weight
from nitrix.semiring._plain import products
from nitrix.semiring._plain.euclidean import scale_of
from nitrix.semiring.algebra import Semiring
from nitrix.semiring.algebras import BOOLEAN, EUCLIDEAN, LOG, REAL, TROPICAL_MAX_PLUS, builtin
from nitrix.semiring.paired import Product, paired, with_users_rule

# The weights of the backward rules: da[i, k] = sum_j weight_a, db[k, j] = sum_i weight_b, each a function of a[i, k],
# b[k, j], k, and of the planes [i, j]: the statistics that the forward kept, then the cotangent g.

TILE = (8, 128)  # a shape to ask an algebra's state for


@cache
def product(kernel: ModuleType, semiring: Semiring[Any]) -> Product:
    """The product of an algebra by a platform's streaming kernels, with its derivative."""
    fold, outputs = fold_of(semiring)
    algebra = builtin(semiring)

    def folded(A: Array, B: Array, rule: Fold, dtypes: tuple[Any, ...]) -> tuple[Array, ...]:
        if algebra is not EUCLIDEAN:
            return tuple(kernel.fold(A, B, rule, dtypes=dtypes))
        scale = scale_of(A, B)  # as on the plain path
        return tuple(out * scale for out in kernel.fold(A / scale, B / scale, rule, dtypes=dtypes))

    def value(A: Array, B: Array) -> Array:
        return folded(A, B, fold, outputs(A.dtype))[0]

    if algebra is BOOLEAN:
        return value
    definition = products.definition(semiring)
    if algebra is None or definition is None:
        return with_users_rule(value, semiring)
    keeping, kept_dtypes = statistics_of(algebra, fold)
    weight_a, weight_b = weights_of(algebra)

    def value_and_statistics(A: Array, B: Array) -> tuple[Array, tuple[Array, ...]]:
        out, *statistics = folded(A, B, keeping, (A.dtype, *kept_dtypes(A.dtype)))
        return out, tuple(statistics)

    def backward(A: Array, B: Array, statistics: tuple[Array, ...], g: Array) -> tuple[Array, Array]:
        return kernel.pull(A, B, (*statistics, g), weight_a, weight_b)

    return paired(value, value_and_statistics, backward, definition)


def fold_of(semiring: Semiring[Any]) -> tuple[Fold, Callable[[Any], tuple[Any, ...]]]:
    """The reduction of any algebra with its state flattened to a tuple, and its result's dtype for an operand's."""
    monoid, times = semiring.monoid, semiring.binary_op.combine
    structure = jax.tree.structure(jax.eval_shape(lambda: monoid.init(TILE, jnp.float32)))

    def init(shape: tuple[int, ...], dtype: Any) -> tuple[Array, ...]:
        return tuple(jax.tree.leaves(monoid.init(shape, dtype)))

    def step(state: tuple[Array, ...], a: Array, b: Array, k: Array) -> tuple[Array, ...]:
        return tuple(jax.tree.leaves(monoid.update(jax.tree.unflatten(structure, state), times(a, b))))

    def finish(state: tuple[Array, ...]) -> tuple[Array, ...]:
        return (monoid.finalize(jax.tree.unflatten(structure, state)),)

    def result(dtype: Any) -> tuple[Any, ...]:
        return (jax.eval_shape(lambda: monoid.finalize(monoid.init(TILE, dtype))).dtype,)

    return Fold(init, step, finish), result


def messages_of(semiring: Semiring[Any]) -> tuple[Fold, Callable[[Any], tuple[Any, ...]]]:
    """The reduction of messages, which are terms already: its step takes them as `b`. EUCLIDEAN gives their norm."""
    fold, outputs = fold_of(semiring)
    if builtin(semiring) is EUCLIDEAN:
        return _norm(), outputs
    monoid = semiring.monoid
    structure = jax.tree.structure(jax.eval_shape(lambda: monoid.init(TILE, jnp.float32)))

    def step(state: tuple[Array, ...], _: Array, message: Array, k: Array) -> tuple[Array, ...]:
        return tuple(jax.tree.leaves(monoid.update(jax.tree.unflatten(structure, state), message)))

    return fold._replace(step=step), outputs


def _norm() -> Fold:
    """The root of a sum of squares, which neither overflow nor underflow: they are kept relative to the largest."""

    def init(shape: tuple[int, ...], dtype: Any) -> tuple[Array, ...]:
        return jnp.zeros(shape, dtype), jnp.zeros(shape, dtype)

    def step(state: tuple[Array, ...], _: Array, message: Array, k: Array) -> tuple[Array, ...]:
        largest, total = state
        size = jnp.abs(message)
        new = jnp.maximum(largest, size)
        usable = jnp.where((new > 0) & (new < math.inf), new, 1)
        return new, total * jnp.square(largest / usable) + jnp.square(size / usable)

    def finish(state: tuple[Array, ...]) -> tuple[Array, ...]:
        largest, total = state
        return (jnp.where(largest < math.inf, largest * jnp.sqrt(total), largest),)

    return Fold(init, step, finish)


def statistics_of(algebra: Semiring[Any], fold: Fold) -> tuple[Fold, Callable[[Any], tuple[Any, ...]]]:
    """The same reduction, giving beside its value what the weights need, and the dtypes of that."""
    if algebra is LOG:
        return fold._replace(finish=lambda state: (*fold.finish(state), *state)), lambda dtype: (dtype, dtype)
    if algebra is EUCLIDEAN:
        return fold._replace(finish=lambda state: fold.finish(state) * 2), lambda dtype: (dtype,)
    if algebra is REAL:
        return fold, lambda dtype: ()
    better = jnp.greater if algebra is TROPICAL_MAX_PLUS else jnp.less

    def init(shape: tuple[int, ...], dtype: Any) -> tuple[Array, ...]:
        return *fold.init(shape, dtype), jnp.full(shape, -1, jnp.int32)

    def step(state: tuple[Array, ...], a: Array, b: Array, k: Array) -> tuple[Array, ...]:
        best, attained = state
        wins = better(algebra.binary_op.combine(a, b), best)
        return *fold.step((best,), a, b, k), jnp.where(wins, k, attained)

    return Fold(init, step, lambda state: state), lambda dtype: (jnp.int32,)


def weights_of(algebra: Semiring[Any]) -> tuple[Weight, Weight]:
    """The weights of both operands' cotangents."""
    if algebra is REAL:
        return (lambda a, b, k, g: b * g), (lambda a, b, k, g: a * g)
    if algebra is LOG:

        def share(a: Array, b: Array, k: Array, maximum: Array, total: Array, g: Array) -> Array:
            finite = jnp.abs(maximum) < math.inf
            below = LOG.binary_op.combine(a, b) - maximum
            return jnp.where(finite, jnp.exp(below), 0) * (g / jnp.where(finite, total, 1))

        return share, share
    if algebra is EUCLIDEAN:

        def direction(a: Array, b: Array, k: Array, out: Array, g: Array) -> Array:
            return jnp.where(out == 0, 0, (a - b) * (g / jnp.where(out == 0, 1, out)))

        return direction, lambda *operands: -direction(*operands)

    def chosen(a: Array, b: Array, k: Array, attained: Array, g: Array) -> Array:
        return jnp.where(attained == k, g, 0)

    return chosen, chosen


def cuda_refuses(semiring: Semiring[Any], dtype: np.dtype) -> str | None:
    """Why the CUDA kernel cannot serve operands of this dtype over this algebra, or None."""
    return _refuses(semiring, dtype, ("float32", "float64", "int32", "bool"))


def tpu_refuses(semiring: Semiring[Any], dtype: np.dtype) -> str | None:
    """Why the TPU kernel cannot serve operands of this dtype over this algebra, or None."""
    return _refuses(semiring, dtype, ("float32", "int32", "bool"))


def cuda_edge_mlp_refuses(semiring: Semiring[Any], dtype: np.dtype, widths: Sequence[int]) -> str | None:
    """Why the CUDA kernel cannot serve a perceptron of these layers' widths, computed in this dtype, or None."""
    if len(widths) > 1 and max(widths) > WIDEST_LAYER:
        return f"the kernel holds layers of at most {WIDEST_LAYER} and this perceptron has widths {tuple(widths)}"
    return _refuses(semiring, dtype, ("float32",))


def _refuses(semiring: Semiring[Any], dtype: np.dtype, served: tuple[str, ...]) -> str | None:
    if dtype.name not in served:
        return f"the kernel computes in {', '.join(served)} and this call in {dtype.name}"
    for array in jax.tree.leaves(jax.eval_shape(lambda: semiring.monoid.init(TILE, dtype))):
        if array.shape != TILE:
            return (
                f"the state of the algebra {semiring.name!r} is of shape {array.shape} for a tile {TILE}, and the "
                f"kernel keeps arrays of the tile's shape only"
            )
    return None
